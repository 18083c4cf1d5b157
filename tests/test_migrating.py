"""The programs on the page about migrating work as the page says."""

import asyncio
import json
import threading
from http.client import HTTPConnection
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from aiosock.testing import Client
from tests.e2e.pages import program
from tests.patience import PATIENCE


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(program("migrate.md"), "migrate.md", "exec"), names)
    return names


async def test_what_was_written_for_aiohttp(names: dict[str, Any]) -> None:
    async with Client(names["app"]) as client:
        created = await client.post("/users", json={"id": 2, "name": "Grace"})
        assert (created.status, created.json(), created.headers["x-server"]) == (201, {"id": 2, "name": "Grace"}, "a")
        assert (await client.get("/users/2")).json() == {"name": "Grace"}
        assert (await client.get("/users/3")).text == "404 Not Found: There is no such user.\n"


async def test_what_was_written_for_flask(names: dict[str, Any]) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    async with Client(names["notes"]) as client:
        stored = await client.post("/notes", body=b"text=milk", headers=form)
        assert (stored.status, stored.headers["location"]) == (303, "/notes")
        assert (await client.get("/notes")).json() == ["milk"]
        missing = await client.post("/notes", body=b"other=milk", headers=form)
        assert (missing.status, missing.text) == (400, "400 Bad Request: The form has no 'text'.\n")


async def test_what_was_written_for_http_server_answers_as_before(names: dict[str, Any]) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), names["Echo"]) as server:
        names["Echo"].log_message = lambda *_: None
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            before = await asyncio.to_thread(_post, server.server_address[1])
        finally:
            server.shutdown()
            thread.join()
    async with Client(names["echo"]) as client:
        after = await client.post("/a?b=c", body=b"d")

    assert before == (200, "application/json", {"path": "/a?b=c", "body": "d"})
    assert (after.status, after.headers["content-type"], after.json()) == before


def _post(port: int) -> tuple[int, str | None, Any]:
    client = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    client.request("POST", "/a?b=c", body=b"d")
    answer = client.getresponse()
    try:
        return answer.status, answer.headers["content-type"], json.loads(answer.read())
    finally:
        client.close()
