"""Tests of aiosock.web.openapi.publish: a description and its page are made once, and named by a tag."""

import html
from collections.abc import Callable
from typing import Any

import pytest

from aiosock import App, Request, Response
from aiosock.web.handler import Next
from aiosock.web.openapi import publish
from aiosock.web.request import Forwarded
from tests.web.ask import ask

BOTH = pytest.mark.parametrize("target", ["/openapi.json", "/docs"])


async def items(request: Request) -> str:
    return "items"


def published() -> App:
    app = App()
    app.get("/items")(items)
    publish(app, title="Shop", version="1")
    return app


@BOTH
async def test_they_are_made_once_and_again_for_more_routes(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def counted(name: str) -> Callable[..., Any]:
        real = publish.__globals__[name]

        def make(*arguments: Any, **options: Any) -> Any:
            made.append(name)
            return real(*arguments, **options)

        return make

    once = ["openapi", "encode" if target == "/openapi.json" else "docs_page"]
    for name in once:
        monkeypatch.setitem(publish.__globals__, name, counted(name))
    app = published()

    for host in ("a", "b", "c:81"):
        assert (await ask(app, "GET", target, headers={"host": host})).status == 200
    assert made == once

    app.get("/later")(items)
    for host in ("a", "b"):
        assert "later" in (await ask(app, "GET", target, headers={"host": host})).text
    assert made == 2 * once


@BOTH
async def test_they_have_a_tag_that_changes_with_them(target: str) -> None:
    app = published()
    tag = (await ask(app, "GET", target)).headers["etag"]

    unchanged = await ask(app, "GET", target, headers={"if-none-match": tag})
    assert (unchanged.status, unchanged.body, unchanged.headers["etag"]) == (304, b"", tag)
    assert (await ask(app, "GET", target, headers={"if-match": '"other"'})).status == 412

    app.get("/later")(items)
    changed = await ask(app, "GET", target, headers={"if-none-match": tag})
    assert (changed.status, changed.headers["etag"] == tag) == (200, False)


@pytest.mark.parametrize(
    ("host", "line"),
    [
        ("a.example", "curl http://a.example/items"),
        ("a.example:81", "curl http://a.example:81/items"),
        ("[::1]:8080", "curl 'http://[::1]:8080/items'"),
        ("a'&b", "curl 'http://a'\"'\"'&b/items'"),
    ],
)
async def test_the_page_names_the_host_of_each_request(host: str, line: str) -> None:
    app = published()

    @app.middleware
    async def behind_a_proxy(request: Request, next: Next) -> Response:
        request.forwarded = Forwarded(None, "http", request.headers["x-host"])
        return await next(request)

    tags = set()
    for each in ("x.example", "[::2]", host):
        answer = await ask(app, "GET", "/docs", headers={"x-host": each})
        tags.add(answer.headers["etag"])

    assert f"<pre><code>{html.escape(line)}</code></pre>" in answer.text
    assert (len(tags), ".invalid" in answer.text) == (3, False)


async def test_a_mount_has_its_own_however_its_path_is_written() -> None:
    inner, outer = published(), App()
    outer.mount("/shop é", inner)
    outer.mount("/other", inner)

    for target, url in [
        ("/shop%20%C3%A9", "/shop%20%C3%A9"),
        ("/sh%6Fp%20%C3%A9", "/shop%20%C3%A9"),
        ("/other", "/other"),
    ]:
        assert (await ask(outer, "GET", f"{target}/openapi.json")).json()["servers"] == [{"url": url}]
        assert f'href="{url}/openapi.json"' in (await ask(outer, "GET", f"{target}/docs")).text
