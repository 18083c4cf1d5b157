"""Tests of aiosock.inspector.har: the last requests as HAR 1.2."""

import json
from datetime import datetime
from typing import Any

import pytest

from aiosock import App, Request, Response
from tests.inspector.helpers import LOCAL, Inspected
from tests.net.helpers import echo

# What HAR 1.2 demands of each object: names and types.
REQUIRED: dict[str, dict[str, type | tuple[type, ...]]] = {
    "log": {"version": str, "creator": dict, "entries": list},
    "creator": {"name": str, "version": str},
    "entry": {
        "startedDateTime": str,
        "time": (int, float),
        "request": dict,
        "response": dict,
        "cache": dict,
        "timings": dict,
    },
    "request": {
        "method": str,
        "url": str,
        "httpVersion": str,
        "cookies": list,
        "headers": list,
        "queryString": list,
        "headersSize": int,
        "bodySize": int,
    },
    "response": {
        "status": int,
        "statusText": str,
        "httpVersion": str,
        "cookies": list,
        "headers": list,
        "content": dict,
        "redirectURL": str,
        "headersSize": int,
        "bodySize": int,
    },
    "content": {"size": int, "mimeType": str},
    "timings": {"send": (int, float), "wait": (int, float), "receive": (int, float)},
    "postData": {"mimeType": str, "params": list, "text": str},
}


def check(kind: str, value: dict[str, Any]) -> None:
    for name, expected in REQUIRED[kind].items():
        assert isinstance(value[name], expected), f"{kind}.{name} is {value.get(name)!r}"


def app() -> App:
    app = App()
    app.post("/echo")(echo)

    @app.get("/old")
    async def old(request: Request) -> Response:
        response = Response.redirect("/new")
        response.set_cookie("session", "s3cret")
        return response

    return app


async def exported(query: str = "") -> dict[str, Any]:
    async with Inspected(app()) as client:
        fields = {**LOCAL, "cookie": "session=s3cret", "authorization": "Bearer s3cret", "content-type": "text/plain"}
        await client.request("POST", "/echo?a=1&b=%C3%BC", body="hello", headers=fields)
        await client.request("POST", "/echo", body=b"\xff\x00", headers=LOCAL)
        await client.get("/old", headers=fields)
        await client.get("/nothing?" + "&" * 1500, headers=LOCAL)
        peer = await client.connect()
        peer.send(b"nonsense\r\n\r\n")
        await peer.response()
        response = await client.look("requests.har" + query)
        assert response.headers["content-disposition"] == 'attachment; filename="requests.har"'
        found: dict[str, Any] = response.json()
        return found


async def test_it_is_valid() -> None:
    log = (await exported())["log"]
    check("log", log)
    check("creator", log["creator"])
    assert log["version"] == "1.2"
    assert len(log["entries"]) == 4  # what was no request has no entry
    for entry in log["entries"]:
        check("entry", entry)
        check("request", entry["request"])
        check("response", entry["response"])
        check("content", entry["response"]["content"])
        check("timings", entry["timings"])
        if "postData" in entry["request"]:
            check("postData", entry["request"]["postData"])
        assert entry["time"] == pytest.approx(sum(entry["timings"].values()))
        assert datetime.fromisoformat(entry["startedDateTime"]).tzinfo is not None


async def test_it_has_what_was_asked_and_answered() -> None:
    first, binary, redirect, _ = (await exported())["log"]["entries"]
    assert first["request"]["url"] == "http://localhost/echo?a=1&b=%C3%BC"
    assert first["request"]["queryString"] == [{"name": "a", "value": "1"}, {"name": "b", "value": "ü"}]
    assert first["request"]["postData"] == {"mimeType": "text/plain", "params": [], "text": "hello"}
    assert (first["request"]["bodySize"], first["response"]["status"]) == (5, 200)
    assert binary["request"]["postData"]["text"] == "/wA="
    assert redirect["response"]["redirectURL"] == "/new"


async def test_secrets_are_there_only_if_asked_for() -> None:
    assert "s3cret" not in json.dumps(await exported())
    assert "s3cret" not in json.dumps(await exported("?secrets=0"))
    with_secrets = await exported("?secrets=1")
    assert json.dumps(with_secrets).count("s3cret") >= 7
    assert with_secrets["log"]["entries"][0]["request"]["cookies"] == [{"name": "session", "value": "s3cret"}]
