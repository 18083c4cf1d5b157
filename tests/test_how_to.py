"""The programs in docs/how-to work as the pages say."""

import gzip
import json
from hashlib import sha256

import pytest

from aiosock import App
from aiosock.testing import Client
from tests.docs.blocks import blocks, run_python


async def test_cookies_and_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s" * 32)
    names = run_python("docs/how-to/cookies-and-sessions.md")

    async with Client(names["app"]) as client:
        chosen = await client.post("/theme/dark")
        assert chosen.headers["set-cookie"].startswith("theme=dark; Max-Age=31536000; ")
        assert (await client.post("/forget")).headers["set-cookie"].startswith("theme=; Expires=")

        assert (await client.get("/signed")).text == "last seen: None"
        cookie = (await client.get("/signed")).headers["set-cookie"].partition(";")[0]
        assert (await client.get("/signed", headers={"cookie": cookie})).text == "last seen: something"

        cookie = (await client.get("/visits")).headers["set-cookie"].partition(";")[0]
        assert (await client.get("/visits", headers={"cookie": cookie})).text == "2\n"
    async with Client(names["shop"]) as client:
        assert (await client.get("/")).status == 404


async def test_streaming() -> None:
    names = run_python("docs/how-to/streaming.md")

    async with Client(names["app"]) as client:
        async with client.stream("GET", "/ticks", headers={"last-event-id": "7"}) as (_, body):
            assert await anext(body) == b"event: tick\nid: 8\ndata: tick 8\n\n"
            client.server.service.shutdown.set()
            assert b"".join([piece async for piece in body]).endswith(b"event: shutdown\ndata: \n\n")

        answer = await client.get("/digested", headers={"accept-encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.trailers["x-sha256"] == sha256(b"one two\n").hexdigest()

        packed = gzip.compress(b"body")
        answer = await client.put("/checked", body=packed, headers={"content-encoding": "gzip"})
        assert answer.text == "damaged"

        assert [interim.status for interim in (await client.get("/page")).interim] == [103]


async def test_typed_handlers() -> None:
    names = run_python("docs/how-to/typed-handlers.md")
    (shown,) = [block.text for block in blocks("docs/how-to/typed-handlers.md") if block.language == "json"]

    async with Client(names["app"]) as client:
        order = {"items": [{"name": "tea", "price": 2.5}], "note": None}
        assert (await client.post("/shops/moon/orders?dry=true", json=order)).json() == order
        assert (await client.get("/items?q=tea&tag=a&tag=b")).json() == [{"name": "tea", "price": 1.0}]
        refused = await client.post("/shops/moon/orders?dry=yes", json={"items": [{"name": ""}]})
        assert (refused.status, refused.json()) == (400, {"wrong": ["dry", "#/items/0/name", "#/items/0/price"]})
        paths = ["/shops/{shop}/orders", "/items", "/search/{day}", "/profile", "/photos"]
        assert list((await client.get("/openapi.json")).json()["paths"]) == paths
        assert (await client.get("/docs")).status == 200

        headers = {"accept-language": "de", "cookie": "theme=dark"}
        found = await client.get("/search/2026-01-31?text=tea&tag=a", headers=headers)
        assert found.text == "tea on 2026-01-31 in de, dark"
        assert (await client.get("/search/today?text=tea")).status == 404
        headers = {"content-type": "application/x-www-form-urlencoded"}
        assert (
            await client.post("/profile", body="name=Ada&news=on&age=", headers=headers)
        ).text == "Ada, True, 0 bytes"

    plain = App()
    plain.post("/shops/{shop}/orders")(names["create"])
    async with Client(plain) as client:
        refused = await client.post("/shops/moon/orders?dry=yes", json={"items": [{"name": ""}]})
        assert refused.json() == json.loads(shown)


async def test_resources() -> None:
    names = run_python("docs/how-to/resources.md")

    async with Client(names["app"]) as client:
        answer = await client.get("/users/1")
        assert (answer.text, answer.headers["x-users"]) == ("Ada", "1")
        assert (await client.post("/notes", json={"text": "tea"})).status == 401
        bearer = {"authorization": f"Bearer {next(iter(names['TOKENS']))}"}
        assert (await client.post("/notes", json={"text": "tea"}, headers=bearer)).json() == {
            "by": "ada",
            "text": "tea",
        }
        assert (await client.put("/users/2/Eve")).status == 204
        assert (await client.get("/users/2")).text == "Eve"
