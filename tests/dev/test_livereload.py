"""Tests of aiosock.dev.livereload: what happens to pages, in memory. test_browser.py looks at them in a browser."""

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from aiosock import App, Request, Response, StaticFiles
from aiosock.dev.livereload import Hub, with_live_reload
from aiosock.testing import Client
from aiosock.testing.client import ClientResponse
from aiosock.web.middleware import compression, etag
from aiosock.wire.codings import encoder, installed
from tests.web.ask import app_of

PAGE = "<!doctype html><title>a</title><body><p>Hello</body></html>"
TAG = re.compile(rb'<script src="/_aiosock/reload\.js" data-token="[0-9a-f]{8}-\d+"( nonce="[\w-]+")?></script>')
BROWSER = {"accept": "text/html,*/*;q=0.8", "sec-fetch-dest": "document"}


async def pieces(*texts: str | bytes) -> AsyncIterator[str | bytes]:
    for text in texts:
        yield text


async def ask(app: App, method: str = "GET", target: str = "/", **headers: str) -> ClientResponse:
    """Ask an app with live reload, as a browser that opens a page unless `headers` say otherwise."""
    fields = {**BROWSER, **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with Client(with_live_reload(app, Hub())) as client:
        return await client.request(method, target, headers=fields)


def answering(answer: Callable[[], Response]) -> App:
    async def handler(request: Request) -> Response:
        return answer()

    return app_of(handler)


async def answer_to(answer: Callable[[], Response], method: str = "GET", **headers: str) -> ClientResponse:
    return await ask(answering(answer), method, **headers)


def without_tag(body: bytes) -> bytes:
    """Return a page without our script, which must be there once."""
    rest, count = TAG.subn(b"", body)
    assert count == 1
    return rest


# Where the script goes.


async def test_a_page_gets_the_script_before_the_end_of_its_body() -> None:
    answer = await answer_to(lambda: Response.html(PAGE))

    assert without_tag(answer.body).decode() == PAGE
    assert re.search(rb"></script></body></html>$", answer.body)
    assert int(answer.headers["content-length"]) == len(answer.body)


async def test_an_end_of_the_body_in_a_script_of_the_page_is_not_the_one() -> None:
    page = "<body><script>x = '</body>'</script></BODY >"
    answer = await answer_to(lambda: Response.html(page))

    assert re.search(rb"'</body>'</script><script src=.*></script></BODY >$", answer.body)


async def test_a_page_without_an_end_gets_it_at_the_end() -> None:
    answer = await answer_to(lambda: Response.html("<p>Hello"))

    assert answer.body.startswith(b"<p>Hello<script ")


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_the_status_does_not_matter(status: int) -> None:
    answer = await answer_to(lambda: Response.html(PAGE, status))

    assert (answer.status, without_tag(answer.body).decode()) == (status, PAGE)


async def test_the_page_of_an_error_gets_it() -> None:
    answer = await ask(App(), target="/missing")

    assert answer.status == 404
    assert TAG.search(answer.body)


async def test_the_error_of_a_bare_handler_gets_it() -> None:
    async def handler(request: Request) -> Response:
        raise RuntimeError

    async with Client(with_live_reload(handler, Hub()), raise_exceptions=False) as client:
        answer = await client.get("/", headers=BROWSER)

    assert answer.status == 500
    assert TAG.search(answer.body)


async def test_a_streamed_page_stays_streamed() -> None:
    go_on = asyncio.Event()

    async def body() -> AsyncIterator[str]:
        yield "<body>one"
        await go_on.wait()
        yield "two</body>"

    app = answering(lambda: Response(body(), headers={"content-type": "text/html"}))
    async with (
        Client(with_live_reload(app, Hub())) as client,
        client.stream("GET", "/", headers=BROWSER) as (head, received),
    ):
        assert "content-length" not in head.headers
        assert await anext(received) == b"<body>one"  # before there is more
        go_on.set()
        rest = b"".join([piece async for piece in received])

    assert without_tag(rest) == b"two</body>"
    assert TAG.search(rest)


async def test_a_streamed_page_whose_length_is_announced_announces_the_new_one() -> None:
    fields = {"content-type": "text/html", "content-length": "6"}
    answer = await answer_to(lambda: Response(pieces("<p>", "abc"), headers=fields))

    assert without_tag(answer.body) == b"<p>abc"
    assert int(answer.headers["content-length"]) == len(answer.body)


async def test_a_streamed_body_is_closed_if_it_is_not_read() -> None:
    closed = []

    class Body:
        def __aiter__(self) -> AsyncIterator[bytes]:
            raise AssertionError

        async def aclose(self) -> None:
            closed.append(True)

    await answer_to(lambda: Response(Body(), headers={"content-type": "text/html"}), "HEAD")

    assert closed == [True]


async def test_head_announces_what_get_sends() -> None:
    lengths = set()
    for method in ("GET", "HEAD"):
        answer = await answer_to(lambda: Response.html(PAGE), method)
        lengths.add(answer.headers["content-length"])
    announced = await answer_to(lambda: Response.html("", headers={"content-length": str(len(PAGE))}), "HEAD")

    assert lengths == {announced.headers["content-length"]}


# What stays as it is.


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Response.text("</body>"),
        lambda: Response.json({"a": "</body>"}),
        lambda: Response("</body>", headers={"content-type": "application/xhtml+xml"}),
        lambda: Response.html("</body>", headers={"content-disposition": 'attachment; filename="a.html"'}),
        lambda: Response("</body>", headers={"content-type": "text/html; charset=UTF-16"}),
        lambda: Response(b"</body>", headers={"content-type": "text/html", "content-encoding": "x-unknown"}),
        lambda: Response("</body>", 206, headers={"content-type": "text/html", "content-range": "bytes 0-6/70"}),
        lambda: Response(status=304, headers={"content-type": "text/html", "etag": '"a"'}),
        lambda: Response(status=204, headers={"content-type": "text/html"}),
    ],
)
async def test_what_is_no_whole_page_is_sent_as_it_is(answer: Callable[[], Response]) -> None:
    answered = await answer_to(answer)

    assert answered.body == answer().body
    assert answered.headers.get("etag") == answer().headers.get("etag")


@pytest.mark.parametrize(
    "fields", [{"sec-fetch-dest": "empty"}, {"hx-request": "true"}, {"x-requested-with": "XMLHttpRequest"}]
)
async def test_a_part_that_a_script_fetches_is_sent_as_it_is(fields: dict[str, str]) -> None:
    async with Client(with_live_reload(answering(lambda: Response.html("<li>one")), Hub())) as client:
        answer = await client.get("/", headers=fields)

    assert answer.body == b"<li>one"


async def test_a_client_that_tells_nothing_gets_the_script() -> None:
    async with Client(with_live_reload(answering(lambda: Response.html(PAGE)), Hub())) as client:
        answer = await client.get("/")

    assert without_tag(answer.body).decode() == PAGE


async def test_a_response_that_is_shared_is_not_changed() -> None:
    shared = Response.html(PAGE, headers={"etag": '"a"'})
    app = answering(lambda: shared)
    async with Client(with_live_reload(app, Hub())) as client:
        bodies = [(await client.get("/", headers=BROWSER)).body for _ in range(2)]

    assert [without_tag(body).decode() for body in bodies] == [PAGE] * 2
    assert shared.body == PAGE.encode()
    assert shared.headers["etag"] == '"a"'


# Validators and caches.


async def test_a_page_is_never_taken_from_a_cache() -> None:
    fields = {"etag": '"a"', "last-modified": "Sun, 29 Nov 2026 00:00:00 GMT", "cache-control": "max-age=60"}
    answer = await answer_to(
        lambda: Response.html(PAGE, headers={**fields, "repr-digest": "x", "accept-ranges": "bytes"})
    )

    assert answer.headers["cache-control"] == "no-store"
    assert not {"etag", "last-modified", "repr-digest", "accept-ranges"} & set(answer.headers)


async def test_a_browser_that_has_the_page_gets_it_again_with_the_script() -> None:
    app = answering(lambda: Response.html(PAGE))
    app.middleware(etag())
    async with Client(app) as client:
        tag = (await client.get("/")).headers["etag"]

    answer = await ask(app, if_none_match=tag)

    assert (answer.status, without_tag(answer.body).decode()) == (200, PAGE)


async def test_a_precondition_of_a_client_that_shows_no_page_is_kept() -> None:
    app = answering(lambda: Response.html(PAGE))
    app.middleware(etag())
    async with Client(app) as client:
        tag = (await client.get("/")).headers["etag"]

    answer = await ask(app, if_none_match=tag, sec_fetch_dest="empty")

    assert answer.status == 304


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("max-age=60", "no-cache"),
        ("", "no-cache"),
        ("no-store", "no-store"),
        ("max-age=31536000, immutable", "max-age=31536000, immutable"),
    ],
)
async def test_what_belongs_to_a_page_is_asked_for_again_when_it_reloads(policy: str, expected: str) -> None:
    headers = {"cache-control": policy} if policy else {}
    answer = await answer_to(lambda: Response.text("a {}", headers=headers), sec_fetch_dest="style")

    assert answer.headers["cache-control"] == expected


# Codings.


async def test_a_browser_gets_a_page_without_the_compression_of_the_app() -> None:
    app = answering(lambda: Response.html(PAGE * 100))
    app.middleware(compression())
    answer = await ask(app, accept_encoding="gzip")

    assert "content-encoding" not in answer.headers
    assert without_tag(answer.body).decode() == PAGE * 100


async def test_the_compression_of_what_is_no_page_is_left_alone() -> None:
    app = answering(lambda: Response.text(PAGE * 100))
    app.middleware(compression())
    answer = await ask(app, accept_encoding="gzip", sec_fetch_dest="empty")

    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("coding", installed())
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_page_that_is_compressed_all_the_same_is_decoded(coding: str, is_streamed: bool) -> None:
    page = PAGE * 5000
    content = encoder(coding).finish(page.encode())

    def answer() -> Response:
        half = len(content) // 2
        body: Any = pieces(content[:half], content[half:]) if is_streamed else content
        fields = {"content-type": "text/html", "content-encoding": coding, "content-length": str(len(content))}
        return Response(body, headers=fields)

    answered = await answer_to(answer, accept="*/*")

    assert "content-encoding" not in answered.headers
    assert without_tag(answered.body).decode() == page


async def test_head_of_a_compressed_page_announces_no_length() -> None:
    fields = {"content-type": "text/html", "content-encoding": "gzip", "content-length": "100"}
    answer = await answer_to(lambda: Response(b"", headers=fields), "HEAD")

    assert answer.headers.get("content-length") != "100"


# Static files.


@pytest.fixture
def site(tmp_path: Path) -> App:
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "large.html").write_text("x" * 1_000_000)
    (tmp_path / "index.html.gz").write_bytes(gzip.compress(PAGE.encode()))
    app = App()
    app.mount("", StaticFiles(tmp_path))
    return app


@pytest.mark.parametrize("fields", [BROWSER, {"accept": "*/*", "accept-encoding": "gzip"}])
async def test_a_file_is_a_page_as_any_other(site: App, fields: dict[str, str]) -> None:
    async with Client(with_live_reload(site, Hub())) as client:
        answer = await client.get("/", headers=fields)

    assert without_tag(answer.body).decode() == PAGE


async def test_a_large_file_is_streamed_with_its_length(site: App) -> None:
    answer = await ask(site, target="/large.html")

    assert len(without_tag(answer.body)) == 1_000_000
    assert int(answer.headers["content-length"]) == len(answer.body)
    head = await ask(site, "HEAD", "/large.html")
    assert head.headers["content-length"] == answer.headers["content-length"]


async def test_a_range_of_a_file_is_a_range_of_the_file(site: App) -> None:
    answer = await ask(site, target="/large.html", range="bytes=0-9")

    assert (answer.status, answer.body) == (206, b"x" * 10)


# CSP.


async def test_a_strict_policy_admits_the_script() -> None:
    fields = {"content-security-policy": "default-src 'none'; style-src 'self'"}
    answer = await answer_to(lambda: Response.html(PAGE, headers=fields))

    policy = answer.headers["content-security-policy"]
    assert policy == "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'"


async def test_the_nonce_of_a_policy_is_on_the_script() -> None:
    fields = {"content-security-policy": "script-src 'strict-dynamic' 'nonce-abc'"}
    answer = await answer_to(lambda: Response.html(PAGE, headers=fields))

    assert b' nonce="abc"></script>' in answer.body


# Events.


async def test_the_script_is_served() -> None:
    answer = await ask(App(), target="/_aiosock/reload.js")

    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert b"EventSource" in answer.body


async def test_a_browser_is_told_the_token_and_then_what_has_changed() -> None:
    hub = Hub()
    token = hub.token
    async with (
        Client(with_live_reload(App(), hub)) as client,
        client.stream("GET", "/_aiosock/reload") as (head, body),
    ):
        assert head.headers["content-type"] == "text/event-stream"
        assert await anext(body) == f"event: token\ndata: {token}\n\n".encode()
        hub.tell_all([("style", "/a/site.css"), ("page", "/a/index.html")])
        client.server.service.shutdown.set()
        told = b"".join([piece async for piece in body]).decode().splitlines()

    assert [line for line in told if line.startswith("event: ")] == ["event: style", "event: page"]
    first = json.loads(told[1].removeprefix("data: "))
    assert first == {"token": first["token"], "name": "site.css"}
    assert first["token"] != token
    assert hub.token != first["token"]


async def test_a_page_has_the_token_of_when_its_handler_began() -> None:
    hub = Hub()
    token = hub.token

    async def slow(request: Request) -> Response:
        hub.tell("page", "/a")  # something changes while the page is made
        return Response.html(PAGE)

    async with Client(with_live_reload(app_of(slow), hub)) as client:
        body = (await client.get("/", headers=BROWSER)).text

    assert f'data-token="{token}"' in body
    assert hub.token != token


async def test_the_lifespan_of_the_app_runs() -> None:
    app = App()
    lived = []

    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        lived.append("in")
        yield
        lived.append("out")

    async with Client(with_live_reload(app, Hub())):
        assert lived == ["in"]
    assert lived == ["in", "out"]


async def test_a_browser_that_reads_nothing_costs_a_bounded_memory() -> None:
    hub = Hub()
    events = hub.events()
    await anext(events)
    for _ in range(1000):
        hub.tell("page", "/a")

    assert sum(queue.qsize() for queue in hub._queues) < 100
    await events.aclose()  # type: ignore[attr-defined]
    assert not hub._queues
