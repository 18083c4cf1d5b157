"""Tests of what handlers do with their exchange: interim answers, and clients that leave."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from aiosock import App, Handler, Headers, Request, Response, ResponseError
from aiosock.testing import Client
from aiosock.web.exchange import Connection, OnDisconnect
from tests.web.ask import GET, app_of, ask, ask_raw

HINT = Headers({"link": "</style.css>; rel=preload"})


# Informational answers.


async def hinting(request: Request) -> str:
    await request.exchange.informational(103, HINT)
    await request.exchange.informational(102, Headers())
    return "done"


async def test_informational_answers_come_first() -> None:
    answer = await ask(app_of(hinting), "GET", "/")

    assert [(head.status, head.headers.items()) for head in answer.interim] == [(103, HINT.items()), (102, [])]
    assert (answer.status, answer.text) == (200, "done")


async def test_an_old_client_gets_no_informational_answer() -> None:
    sent = await ask_raw(app_of(hinting), b"GET / HTTP/1.0\r\n\r\n")

    assert sent.startswith(b"HTTP/1.1 200 ")
    assert sent.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("status", [0, 99, 101, 200, 404])
async def test_another_status_is_not_informational(status: int) -> None:
    async def handler(request: Request) -> str:
        with pytest.raises(ResponseError, match=f"not {status}$"):
            await request.exchange.informational(status, Headers())
        return "refused"

    assert (await ask(app_of(handler), "GET", "/")).text == "refused"


async def test_informational_answers_come_too_late_after_the_head() -> None:
    async def handler(request: Request) -> AsyncIterator[str]:
        yield "begun"
        await request.exchange.informational(103, HINT)

    assert b"103" not in (await ask_raw(app_of(handler), GET)).partition(b"\r\n\r\n")[2]


async def test_no_handler_can_answer_past_the_middleware() -> None:
    async def handler(request: Request) -> Response:
        begin = getattr(request.exchange, "begin", None)
        if begin is not None:  # as it was once: the answer had no field of the middleware
            await (await begin(Response())).end()
        return Response("answered")

    app = app_of(handler)

    @app.middleware
    async def named(request: Request, next: Handler) -> Response:
        response = await next(request)
        response.headers["x-named"] = "yes"
        return response

    answer = await ask(app, "GET", "/")

    assert (answer.text, answer.headers.get("x-named")) == ("answered", "yes")


# The peer that leaves.


class Work:
    """A handler that waits until it may go on, and records how that ended."""

    def __init__(self) -> None:
        self.may_go_on = asyncio.Event()
        self.notes: list[str] = []

    async def __call__(self, request: Request) -> str:
        self.notes.append("started")
        try:
            await self.may_go_on.wait()
        except asyncio.CancelledError:
            self.notes.append("cancelled")
            raise
        self.notes.append("finished")
        return "done"


@pytest.mark.parametrize(
    ("on_disconnect", "leaving", "ending", "answered"),
    [
        ("cancel", "reset", "cancelled", False),
        ("cancel", "end", "finished", True),
        ("eager", "reset", "cancelled", False),
        ("eager", "end", "cancelled", False),
        ("finish", "reset", "finished", False),
        ("finish", "end", "finished", True),
    ],
)
async def test_a_route_says_what_a_leaving_peer_does_to_its_handler(
    on_disconnect: OnDisconnect, leaving: str, ending: str, answered: bool
) -> None:
    work = Work()
    async with Client(app_of(work, on_disconnect=on_disconnect)) as client:
        peer = await client.connect()
        peer.send(GET)
        await client.settle()
        getattr(peer, leaving)()
        await client.advance(1)
        work.may_go_on.set()
        await peer.done()

    assert work.notes == ["started", ending]
    assert peer.received.endswith(b"done") is answered


async def test_a_handler_is_cancelled_by_default() -> None:
    work = Work()
    app = App()
    app.get("/")(work)
    async with Client(app) as client:
        peer = await client.connect()
        peer.send(GET)
        await client.settle()
        peer.reset()
        await client.advance(1)
        await peer.done()

    assert work.notes == ["started", "cancelled"]


@pytest.mark.parametrize("leaving", ["reset", "end"])
async def test_a_handler_may_wait_for_the_peer_to_leave(leaving: str) -> None:
    notes: list[str] = []

    async def handler(request: Request) -> None:
        notes.append("waiting")
        await request.disconnected()
        notes.append("gone")

    async with Client(app_of(handler, on_disconnect="finish")) as client:
        peer = await client.connect()
        peer.send(GET)
        await client.advance(1)
        assert notes == ["waiting"]
        getattr(peer, leaving)()
        await client.advance(1)
        await peer.done()

    assert notes == ["waiting", "gone"]


async def test_waiting_for_a_peer_that_has_left_ends_at_once() -> None:
    waits = asyncio.Event()
    notes: list[str] = []

    async def handler(request: Request) -> None:
        await waits.wait()
        await request.disconnected()
        notes.append("gone")

    async with Client(app_of(handler, on_disconnect="finish")) as client:
        peer = await client.connect()
        peer.send(GET)
        await client.settle()
        peer.reset()
        waits.set()
        await peer.done()

    assert notes == ["gone"]


async def test_a_task_that_waits_for_the_peer_is_let_go_with_the_answer() -> None:
    tasks: list[asyncio.Task[None]] = []

    async def handler(request: Request) -> None:
        tasks.append(asyncio.create_task(request.disconnected()))
        await asyncio.sleep(0)

    async with Client(app_of(handler)) as client:
        await client.get("/")
        await client.settle()

    assert tasks[0].done()


# The server that stops.


async def test_a_handler_is_told_when_the_server_stops() -> None:
    async def handler(request: Request) -> str:
        await request.shutdown.wait()
        return "goodbye"

    async with Client(app_of(handler)) as client:
        peer = await client.connect()
        peer.send(GET)
        peer.end()
        await client.settle()
        assert peer.received == b""
        await client.server.drain()
        answer = await peer.response()

    assert (answer.text, answer.headers["connection"]) == ("goodbye", "close")


def test_a_connection_over_a_unix_socket_has_no_addresses() -> None:
    connection = Connection()

    assert (connection.client, connection.server, connection.scheme) == (None, None, "http")
