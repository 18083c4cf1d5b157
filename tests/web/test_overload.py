"""Requests beyond `limits.concurrency` are refused at once, except those to health routes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from aiosock import App, Handler, Limits, Request, Response, Router, StaticFiles
from aiosock.testing import Client


class Slow(App):
    """An app whose handler of `/slow` waits to be released."""

    def __init__(self) -> None:
        super().__init__()
        self.release = asyncio.Event()
        self.get("/slow")(self.slow)
        self.get("/quick")(quick)
        self.get("/health", health=True)(quick)

    async def slow(self, request: Request) -> str:
        await self.release.wait()
        return "slow"


async def quick(request: Request) -> str:
    return "quick"


async def big(request: Request) -> Response:
    return Response(b"x" * 1_000_000)


async def upload(request: Request) -> str:
    return str(len(await request.read()))


@asynccontextmanager
async def busy(app: Slow, *, concurrency: int, requests: int) -> AsyncIterator[Client]:
    """Yield a client of a server that is handling `requests` requests to `/slow`."""
    async with Client(app, limits=Limits(concurrency=concurrency)) as client:
        waiting = [asyncio.create_task(client.get("/slow")) for _ in range(requests)]
        await client.settle()
        yield client
        app.release.set()
        assert {response.status for response in await asyncio.gather(*waiting)} == {200}


async def test_one_request_too_many_is_refused_with_retry_after() -> None:
    async with busy(Slow(), concurrency=2, requests=2) as client:
        response = await client.get("/quick")
        assert (response.status, response.headers["retry-after"]) == (503, "1")


async def test_as_many_requests_as_allowed_are_answered() -> None:
    async with busy(Slow(), concurrency=2, requests=1) as client:
        assert (await client.get("/quick")).status == 200


async def test_a_health_route_is_answered_whatever_the_load() -> None:
    async with busy(Slow(), concurrency=2, requests=2) as client:
        assert (await client.get("/health")).status == 200


async def test_when_the_load_is_gone_requests_are_answered_again() -> None:
    app = Slow()
    async with busy(app, concurrency=1, requests=1) as client:
        assert (await client.get("/quick")).status == 503
        app.release.set()
        await client.settle()
        assert (await client.get("/quick")).status == 200


async def test_a_refused_request_does_not_count() -> None:
    async with busy(Slow(), concurrency=1, requests=1) as client:
        for _ in range(3):
            await client.get("/quick")
        load = client.server.service.load
        assert load is not None
        assert load.active == 1


async def test_middleware_is_not_run_for_a_refused_request() -> None:
    app, seen = Slow(), []

    @app.middleware
    async def note(request: Request, next: Handler) -> Response:
        seen.append(request.target)
        return await next(request)

    async with busy(app, concurrency=1, requests=1) as client:
        await client.get("/quick")
    assert seen == ["/slow"]


@pytest.mark.parametrize(("target", "status"), [("/below/health", 200), ("/below/quick", 503), ("/files/x", 503)])
async def test_below_a_mount_the_mounted_app_knows_its_health_routes(
    target: str, status: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    app = Slow()
    app.mount("/below", Slow())
    app.mount("/files", StaticFiles(tmp_path_factory.mktemp("files")))
    async with busy(app, concurrency=1, requests=1) as client:
        assert (await client.get(target)).status == status


@pytest.mark.parametrize(("target", "status"), [("/health", 200), ("/quick", 503)])
async def test_an_app_for_a_host_knows_its_health_routes(target: str, status: int) -> None:
    app = Slow()
    app.host("other.example", Slow())
    async with busy(app, concurrency=1, requests=1) as client:
        assert (await client.get(target, headers={"host": "other.example"})).status == status


async def test_an_included_route_stays_a_health_route() -> None:
    app, router = Slow(), Router("/api")
    router.get("/health", health=True)(quick)
    app.include(router)
    async with busy(app, concurrency=1, requests=1) as client:
        assert (await client.get("/api/health")).status == 200


async def test_a_handler_that_waits_for_its_client_does_not_count() -> None:
    app = Slow()
    app.get("/big")(big)
    app.post("/upload")(upload)
    async with Client(app, limits=Limits(concurrency=1)) as client:
        reader, sender = await client.connect(), await client.connect()
        reader.stall()
        reader.send(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        sender.send(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n12")
        await client.settle()
        assert (await client.get("/quick")).status == 200
        reader.resume()
        sender.send(b"34")
        assert len((await reader.response()).body) == 1_000_000
        assert (await sender.response()).text == "4"
        load = client.server.service.load
        assert load is not None
        assert load.active == 0


async def test_a_body_that_is_dropped_after_the_response_does_not_count() -> None:
    async with Client(Slow(), limits=Limits(concurrency=1)) as client:
        peer = await client.connect()
        peer.send(b"GET /quick HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n12")
        await client.settle()
        load = client.server.service.load
        assert load is not None
        assert load.active == 0


async def test_without_a_limit_nothing_is_counted() -> None:
    async with busy(Slow(), concurrency=0, requests=50) as client:
        assert client.server.service.load is None
        assert (await client.get("/quick")).status == 200
