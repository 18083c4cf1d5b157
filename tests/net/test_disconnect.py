"""Tests of aiosock.net.http1: a peer that leaves, at every moment, and what happens to the handler."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from aiosock.config import Limits
from aiosock.errors import Disconnected
from aiosock.web.app import App
from aiosock.web.exchange import OnDisconnect
from aiosock.web.request import Request
from aiosock.web.response import Duplex, Response, Upgrade
from tests.net.helpers import CHUNKED_POST, GET, Endless, Gate, connection, echo, hello, request_bytes, statuses
from tests.patience import PATIENCE

pytestmark = pytest.mark.usefixtures("quiet")


class Mode:
    """A gate whose route says what happens when the peer leaves."""

    def __init__(self, mode: OnDisconnect) -> None:
        self.gate = Gate()
        self.mode = mode

    async def __call__(self, request: Request) -> Response:
        request.exchange.on_disconnect = self.mode
        return await self.gate(request)


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET / HT", GET[:-2]])
async def test_a_reset_while_a_head_is_read(sent: bytes) -> None:
    async with connection(hello) as (client, peer, _):
        peer.send(sent)
        await client.settle()
        peer.reset()
        await peer.done()
        assert peer.received == b""


async def test_a_reset_on_an_idle_connection() -> None:
    async with connection(hello) as (client, peer, _):
        peer.send(GET)
        await peer.response()
        await client.settle()
        peer.reset()
        await peer.done()


@pytest.mark.parametrize(
    "sent", [request_bytes("Content-Length: 9", method="POST"), CHUNKED_POST + b"5\r\n", CHUNKED_POST + b"5\r\nhe"]
)
async def test_a_reset_while_a_body_is_read_is_disconnected_for_the_handler(sent: bytes) -> None:
    raised: list[BaseException] = []

    async def reads(request: Request) -> Response:
        try:
            await request.read()
        except Disconnected as error:
            raised.append(error)
            raise
        return Response.text("not reached")

    async with connection(reads) as (client, peer, _):
        peer.send(sent)
        await client.settle()
        peer.reset()
        await peer.done()
        assert peer.received == b""
    assert len(raised) == 1


async def test_a_reset_while_an_app_reads_a_body_is_no_error_of_the_app() -> None:
    app = App()
    app.post("/")(lambda_free_echo)
    async with connection(app) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 9", method="POST"))
        await client.settle()
        peer.reset()
        await peer.done()


async def lambda_free_echo(request: Request) -> bytes:
    return await request.read()


async def test_a_reset_cancels_a_handler_at_work() -> None:
    gate = Gate()
    async with connection(gate) as (client, peer, _):
        peer.send(GET)
        await gate.entered.wait()
        peer.reset()
        await client.advance(1)
        await peer.done()
        assert gate.cancelled


async def test_a_handler_is_not_cancelled_by_its_own_connections_next_request() -> None:
    gate = Gate()
    async with connection(gate) as (client, peer, _):
        peer.send(GET)
        await gate.entered.wait()
        peer.send(GET)
        await client.advance(1)
        assert not gate.cancelled


async def test_a_reset_while_the_peer_is_not_reading_ends_a_streamed_answer() -> None:
    endless = Endless()
    async with connection(endless) as (client, peer, _):
        peer.stall()
        peer.send(GET)
        await client.advance(0.1)
        peer.reset()
        await peer.done()
        assert endless.closed


async def test_a_reset_between_two_pieces_ends_a_streamed_answer() -> None:
    written = asyncio.Event()
    closed: list[bool] = []

    async def slowly() -> AsyncIterator[bytes]:
        try:
            yield b"piece"
            written.set()
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def handler(request: Request) -> Response:
        return Response(slowly())

    async with connection(handler) as (client, peer, _):
        peer.send(GET)
        await written.wait()
        peer.reset()
        await client.advance(1)
        await peer.done()
    assert closed == [True]


async def test_a_reset_before_the_answer_is_written() -> None:
    gate = Mode("finish")
    async with connection(gate) as (client, peer, _):
        peer.send(GET)
        await gate.gate.entered.wait()
        peer.reset()
        await client.advance(1)
        gate.gate.open.set()
        await peer.done()
        assert peer.received == b""


async def test_a_reset_of_an_upgraded_connection_is_disconnected_for_who_has_it() -> None:
    raised: list[BaseException] = []

    async def run(duplex: Duplex) -> None:
        try:
            await duplex.receive()
        except Disconnected as error:
            raised.append(error)
            raise

    async def upgrade(request: Request) -> Response:
        return Upgrade("x", run)

    async with connection(upgrade) as (client, peer, _):
        peer.send(request_bytes("Connection: upgrade", "Upgrade: x"))
        await client.settle()
        peer.reset()
        await peer.done()
    assert len(raised) == 1


@pytest.mark.parametrize(
    ("mode", "by_end", "by_reset"), [("cancel", False, True), ("eager", True, True), ("finish", False, False)]
)
class TestOnDisconnect:
    async def test_the_end_of_input(self, mode: OnDisconnect, by_end: bool, by_reset: bool) -> None:
        handler = Mode(mode)
        async with connection(handler) as (client, peer, _):
            peer.send(GET)
            await handler.gate.entered.wait()
            peer.end()
            await client.advance(1)
            assert handler.gate.cancelled is by_end
            handler.gate.open.set()
            await peer.done()
            assert statuses(peer.received) == ([] if by_end else [200])

    async def test_a_reset(self, mode: OnDisconnect, by_end: bool, by_reset: bool) -> None:
        handler = Mode(mode)
        async with connection(handler) as (client, peer, _):
            peer.send(GET)
            await handler.gate.entered.wait()
            peer.reset()
            await client.advance(1)
            assert handler.gate.cancelled is by_reset
            handler.gate.open.set()
            await peer.done()


async def test_a_route_says_what_happens_when_the_peer_leaves() -> None:
    app = App()
    gate = Gate()

    @app.get("/", on_disconnect="eager")
    async def eager(request: Request) -> Response:
        return await gate(request)

    async with connection(app) as (client, peer, _):
        peer.send(GET)
        await gate.entered.wait()
        peer.end()
        await client.advance(1)
        await peer.done()
    assert gate.cancelled


async def test_a_client_that_has_ended_its_input_waits_two_seconds_for_the_response_to_begin() -> None:
    gate = Gate()
    async with connection(gate) as (client, peer, _):
        peer.send(GET)
        peer.end()
        await gate.entered.wait()
        await client.advance(0.5)
        await client.advance(1.9)
        assert not gate.cancelled
        await client.advance(0.1)
        await peer.done()
        assert gate.cancelled
        assert peer.received == b""


async def test_a_client_that_has_ended_its_input_gets_a_response_that_has_begun() -> None:
    may_end = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        await may_end.wait()
        yield b"last"

    async def stream(request: Request) -> Response:
        return Response(pieces())

    async with connection(stream) as (client, peer, _):
        peer.send(GET)
        peer.end()
        for _ in range(10):
            await client.advance(1)
        may_end.set()
        assert (await peer.response()).body == b"firstlast"


async def test_a_handler_that_swallows_its_cancellation_leaves_the_connection_closed() -> None:
    entered = asyncio.Event()

    async def stubborn(request: Request) -> Response:
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return Response.text("anyway")
        return Response.text("not reached")

    async with connection(stubborn) as (client, peer, _):
        peer.send(GET + GET)
        await entered.wait()
        peer.reset()
        await client.advance(1)
        await peer.done()
        assert peer.received == b""


async def test_a_handler_that_is_eager_and_swallows_its_cancellation_still_answers() -> None:
    entered = asyncio.Event()

    async def stubborn(request: Request) -> Response:
        request.exchange.on_disconnect = "eager"
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return Response.text("anyway")
        return Response.text("not reached")

    async with connection(stubborn) as (client, peer, _):
        peer.send(GET)
        await entered.wait()
        peer.end()
        await client.advance(1)
        await client.advance(1)
        await peer.done()
        assert statuses(peer.received) == [200]


async def test_a_handler_is_cancelled_once_however_often_the_sweep_looks() -> None:
    cancelled = 0
    entered, cleaned = asyncio.Event(), asyncio.Event()

    async def tidy(request: Request) -> Response:
        nonlocal cancelled
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled += 1
            try:
                await cleaned.wait()
            except asyncio.CancelledError:
                cancelled += 1
            raise
        return Response.text("not reached")

    async with connection(tidy) as (client, peer, _):
        peer.send(GET)
        await entered.wait()
        peer.reset()
        for _ in range(5):
            await client.advance(1)
        cleaned.set()
        await peer.done()
    assert cancelled == 1


@pytest.mark.parametrize("leaves", ["end", "reset"])
async def test_a_handler_can_wait_for_the_peer_to_leave(leaves: str) -> None:
    told = asyncio.Event()
    entered = asyncio.Event()

    async def waits(request: Request) -> Response:
        request.exchange.on_disconnect = "finish"
        entered.set()
        await request.disconnected()
        told.set()
        await request.disconnected()
        return Response.text("bye")

    async with connection(waits) as (client, peer, _):
        peer.send(GET)
        await entered.wait()
        await client.advance(1)
        assert not told.is_set()
        getattr(peer, leaves)()
        await client.advance(1)
        assert told.is_set()
        await peer.done()


async def test_who_waits_for_the_peer_is_let_go_when_the_exchange_is_over() -> None:
    waiting: list[asyncio.Task[None]] = []

    async def handler(request: Request) -> Response:
        waiting.append(asyncio.create_task(request.disconnected()))
        await asyncio.sleep(0)
        return Response.text("done")

    async with connection(handler) as (_, peer, _):
        peer.send(GET)
        await peer.response()
        await asyncio.wait_for(waiting[0], PATIENCE)


async def test_who_asks_after_the_exchange_is_over_does_not_wait() -> None:
    kept: list[Request] = []

    async def keep(request: Request) -> Response:
        kept.append(request)
        return Response.text("done")

    async with connection(keep) as (_, peer, _):
        peer.send(GET)
        await peer.response()
        await asyncio.wait_for(kept[0].disconnected(), PATIENCE)


async def test_a_peer_that_does_not_read_and_is_gone_costs_no_more_than_its_buffer() -> None:
    endless = Endless(1024)
    async with connection(endless, limits=Limits(write_buffer_bytes=4096)) as (client, peer, _):
        peer.stall()
        peer.send(GET)
        await client.settle()
        written = endless.written
        peer.reset()
        await peer.done()
        assert endless.written <= written + 1


async def test_a_body_read_by_a_child_task_that_its_handler_has_forgotten_is_no_bug_of_ours() -> None:
    children: list[asyncio.Task[bytes]] = []

    async def forgets(request: Request) -> Response:
        children.append(asyncio.create_task(request.read()))
        await asyncio.sleep(0)
        return Response.text("not waited for")

    async with connection(forgets) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 9", method="POST"))
        assert (await peer.response()).status == 200
        await client.settle()
        peer.reset()
        await peer.done()
        await asyncio.wait(children, timeout=PATIENCE)
        assert children[0].exception() is not None


async def test_an_echo_that_is_reset_is_quiet() -> None:
    async with connection(echo) as (client, peer, _):
        await peer.drip(request_bytes("Content-Length: 9", method="POST") + b"1234")
        peer.reset()
        await client.advance(1)
        await peer.done()
