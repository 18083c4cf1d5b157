"""Tests of aiosock.web.middleware.timeout, with deadlines that pass before anything is awaited."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from aiosock import App, Request, Response
from aiosock.testing import Client
from aiosock.web.handler import Middleware
from aiosock.web.middleware import timeout
from tests.web.ask import ask

SOON = 1e-9


def limited(middleware: Middleware) -> tuple[App, list[str]]:
    app = App()
    app.middleware(middleware)
    ended: list[str] = []

    @app.get("/quick")
    async def quick(request: Request) -> str:
        return "quick"

    @app.get("/slow/{rest:path}")
    async def slow(request: Request, rest: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("slow")

    @app.get("/turns/{rest:path}")
    async def turns(request: Request, rest: str) -> str:
        for _ in range(20):
            await asyncio.sleep(0)
        return "turns"

    @app.route("/upload", ["POST"])
    async def upload(request: Request) -> bytes:
        return await request.read()

    @app.get("/own")
    async def own(request: Request) -> None:
        raise TimeoutError("the handler's own")

    @app.get("/streamed")
    async def streamed(request: Request) -> Response:
        async def pieces() -> AsyncIterator[str]:
            for number in range(20):
                await asyncio.sleep(0)
                yield str(number % 10)

        return Response(pieces())

    return app, ended


async def test_a_handler_that_takes_too_long_is_cancelled_and_answered_503() -> None:
    app, ended = limited(timeout(SOON))

    answer = await ask(app, "GET", "/slow/")

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert ended == ["slow"]


async def test_the_connection_goes_on() -> None:
    app, _ = limited(timeout(SOON))
    async with Client(app) as client:
        peer = await client.connect()
        for target, status in ((b"/slow/", 503), (b"/quick", 200), (b"/slow/", 503)):
            peer.send(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)
            assert (await peer.response()).status == status


async def test_a_streamed_body_is_not_cut() -> None:
    app, _ = limited(timeout(SOON))

    assert (await ask(app, "GET", "/streamed")).text == "01234567890123456789"


async def test_a_body_that_does_not_come_is_part_of_the_time() -> None:
    app, _ = limited(timeout(SOON))
    async with Client(app) as client:
        peer = await client.connect()
        peer.send(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")

        assert (await peer.response()).status == 503


async def test_the_handlers_own_timeout_is_not_ours(caplog: pytest.LogCaptureFixture) -> None:
    app, _ = limited(timeout(60))

    assert (await ask(app, "GET", "/own")).status == 500
    assert "GET /own failed" in caplog.text


async def test_a_timeout_of_another_middleware_is_not_ours() -> None:
    app, _ = limited(timeout(60))

    @app.middleware
    async def raising(request: Request, next: Any) -> Response:
        raise TimeoutError("somebody else's")

    assert (await ask(app, "GET", "/quick")).status == 500


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/turns/", 503),
        ("/turns/long/", 200),
        ("/turns/long/one", 200),
        ("/turns/long", 503),
        ("/turns/long/short", 503),
        ("/turns/long/short/", 200),
        ("/turns/exact", 200),
        ("/turns/exact/not", 503),
        ("/turns/%6cong/", 503),
    ],
)
async def test_paths_may_have_other_limits(target: str, status: int) -> None:
    paths = {"/turns/long/": 60, "/turns/long/short": SOON, "/turns/exact": None}
    app, _ = limited(timeout(SOON, paths))

    assert (await ask(app, "GET", target)).status == status


async def test_without_a_limit_only_paths_have_one() -> None:
    app, _ = limited(timeout(None, {"/slow/": SOON}))

    assert (await ask(app, "GET", "/turns/")).status == 200
    assert (await ask(app, "GET", "/slow/")).status == 503


async def test_a_client_that_leaves_is_no_timeout() -> None:
    app, ended = limited(timeout(60))
    async with Client(app) as client:
        peer = await client.connect()
        peer.send(b"GET /slow/ HTTP/1.1\r\nHost: a\r\n\r\n")
        await client.settle()
        peer.reset()
        await client.advance(1)
        await peer.done()

    assert ended == ["slow"]
    assert peer.received == b""


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_limit_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        timeout(seconds)
    with pytest.raises(ValueError, match="positive"):
        timeout(1, {"/": seconds})


def test_what_is_no_path_is_refused() -> None:
    with pytest.raises(ValueError, match="must start with a slash"):
        timeout(1, {"slow": 1})
