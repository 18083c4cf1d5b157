"""Tests of aiosock.net.server: stopping without losing a request."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aiosock.config import Config, Limits, Timeouts
from aiosock.net.server import Server
from aiosock.testing import Client
from aiosock.web.request import Request
from aiosock.web.response import Response
from tests.net.helpers import GET, Endless, Gate, connection, fields_of, hello, request_bytes, statuses
from tests.patience import PATIENCE

has_unix = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this machine has no UNIX sockets")


async def told_to_stop(client: Client) -> asyncio.Task[bool]:
    """Start to drain."""
    draining = asyncio.create_task(client.server.drain())
    await client.settle()
    return draining


async def test_a_server_without_connections_is_drained_at_once() -> None:
    async with Client(hello) as client:
        assert await client.server.drain() is True


async def test_a_request_in_flight_is_answered_and_told_that_it_was_the_last() -> None:
    gate = Gate()
    async with connection(gate) as (client, peer, _):
        peer.send(GET)
        await gate.entered.wait()
        draining = await told_to_stop(client)
        await client.advance(20)
        assert not draining.done()
        gate.open.set()
        response = await peer.response()
        assert response.status == 200
        assert response.headers["connection"] == "close"
        peer.end()
        assert await draining is True


@pytest.mark.parametrize("before", [b"", GET], ids=["first", "later"])
@pytest.mark.parametrize("drips", [False, True])
async def test_a_head_that_does_not_become_whole_holds_the_drain_for_two_seconds(before: bytes, drips: bool) -> None:
    async with Client(hello) as client:
        peer = await client.connect()
        peer.send(before + GET[:-8])
        await client.settle()
        draining = asyncio.create_task(client.server.drain())
        await client.settle()
        if drips:
            peer.send(b"a")
        await client.advance(1.9)
        assert not peer.is_closed
        await client.advance(0.1)
        assert statuses(peer.received)[-1] == 408
        peer.end()
        assert await draining is True


async def test_a_head_that_begins_to_arrive_while_draining_has_two_seconds() -> None:
    gate = Gate()
    async with Client(gate) as client:
        busy, peer = await client.connect(), await client.connect()
        busy.send(GET)
        await gate.entered.wait()
        draining = asyncio.create_task(client.server.drain())
        await client.settle()
        peer.send(GET[:-8])
        await client.advance(1.9)
        assert not peer.is_closed
        await client.advance(0.1)
        assert (await peer.response()).status == 408
        gate.open.set()
        assert (await busy.response()).status == 200
        for each in (busy, peer):
            each.end()
        assert await draining is True


async def test_a_request_half_arrived_is_answered() -> None:
    async with connection(hello) as (client, peer, _):
        peer.send(GET[:9])
        draining = await told_to_stop(client)
        await client.advance(1.9)
        peer.send(GET[9:])
        response = await peer.response()
        assert response.headers["connection"] == "close"
        peer.end()
        assert await draining is True


@pytest.mark.parametrize("before", [0, 1])
async def test_an_idle_connection_may_send_one_last_request(before: int) -> None:
    async with connection(hello) as (client, peer, _):
        for _ in range(before):
            peer.send(GET)
            await peer.response()
        draining = await told_to_stop(client)
        await client.advance(0.4)
        peer.send(GET)
        response = await peer.response()
        assert response.status == 200
        assert response.headers["connection"] == "close"
        peer.end()
        assert await draining is True


@pytest.mark.parametrize("before", [0, 1])
async def test_an_idle_connection_that_stays_silent_is_closed_soon(before: int) -> None:
    async with connection(hello) as (client, peer, _):
        for _ in range(before):
            peer.send(GET)
            await peer.response()
        draining = await told_to_stop(client)
        await client.advance(0.4)
        assert not peer.is_closed
        await client.advance(0.2)
        assert await draining is True
        assert not peer.was_reset


async def test_a_connection_that_becomes_idle_while_draining_is_closed_soon() -> None:
    gate = Gate()

    async def handler(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"begun before"
            await gate(request)

        return Response(pieces())

    async with connection(handler) as (client, peer, _):
        peer.send(GET)
        await gate.entered.wait()
        draining = await told_to_stop(client)
        gate.open.set()
        response = await peer.response()
        assert "connection" not in response.headers
        await client.advance(0.6)
        assert await draining is True


async def test_a_connection_opened_while_draining_gets_its_answer() -> None:
    gate = Gate()

    async def handler(request: Request) -> Response:
        return await gate(request) if request.target == "/slow" else await hello(request)

    async with connection(handler) as (client, slow, _):
        slow.send(request_bytes(target="/slow"))
        await gate.entered.wait()
        draining = await told_to_stop(client)
        late = await client.connect()
        late.send(GET)
        assert (await late.response()).headers["connection"] == "close"
        late.end()
        gate.open.set()
        await slow.response()
        slow.end()
        assert await draining is True


async def test_a_refused_request_is_told_too() -> None:
    async with connection(hello) as (client, peer, _):
        draining = await told_to_stop(client)
        peer.send(b"nonsense\r\n\r\n")
        await client.settle()
        assert b"connection: close" in fields_of(peer.received)
        peer.end()
        assert await draining is True


async def test_a_stream_that_looks_at_shutdown_ends_whole() -> None:
    async def until_told(request: Request) -> Response:
        async def ticks() -> AsyncIterator[bytes]:
            yield b"tick"
            await request.shutdown.wait()
            yield b"bye"

        return Response(ticks())

    async with connection(until_told) as (client, peer, _):
        peer.send(GET)
        await client.settle()
        draining = await told_to_stop(client)
        assert (await peer.response()).body == b"tickbye"
        await client.advance(0.6)
        assert await draining is True


async def test_a_handler_that_is_too_long_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    async with connection(gate) as (client, peer, _):
        peer.send(GET)
        await gate.entered.wait()
        draining = await told_to_stop(client)
        await client.advance(29.9)
        assert not gate.cancelled
        await client.advance(0.1)
        assert await draining is True
        assert gate.cancelled
        assert peer.was_reset
    assert "cancelling 1 connections" in caplog.text


async def test_an_endless_stream_is_cut_at_the_hard_deadline() -> None:
    endless = Endless()
    async with connection(endless) as (client, peer, _):
        peer.send(GET)
        await peer.receive()
        draining = await told_to_stop(client)
        await client.advance(30)
        assert await draining is True
        assert endless.closed
        assert not peer.received.endswith(b"0\r\n\r\n")


async def test_a_handler_that_ignores_its_cancellation_is_reported() -> None:
    entered, let_go = asyncio.Event(), asyncio.Event()

    async def stubborn(request: Request) -> Response:
        entered.set()
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        return Response.text("late")

    async with connection(stubborn, timeouts=Timeouts(drain_seconds=0)) as (client, peer, _):
        peer.send(GET)
        await entered.wait()
        assert await client.server.drain() is False
        let_go.set()
        await peer.done()
        assert peer.received == b""


async def test_a_second_drain_does_no_harm() -> None:
    gate = Gate()
    async with connection(gate) as (client, peer, _):
        peer.send(GET)
        await gate.entered.wait()
        first, second = await told_to_stop(client), await told_to_stop(client)
        gate.open.set()
        assert (await peer.response()).status == 200
        peer.end()
        assert await first is True
        assert await second is True


async def test_abort_ends_everything_now() -> None:
    gate = Gate()
    async with connection(gate) as (client, peer, _):
        idle = await client.connect()
        peer.send(GET)
        await gate.entered.wait()
        assert await client.server.abort() is True
        assert gate.cancelled
        assert peer.was_reset
        assert idle.was_reset


@pytest.mark.usefixtures("with_watchdog")
async def test_a_drain_that_is_cancelled_ends_every_connection_and_leaves_nothing() -> None:
    before, threads = asyncio.all_tasks(), set(threading.enumerate())
    gate = Gate()
    server = Server(gate, Config(port=0, access_log=False, timeouts=Timeouts(blocked_seconds=PATIENCE)))
    await server.start()
    started = set(threading.enumerate()) - threads
    reader, writer = await asyncio.open_connection(*server.listeners[0].sock.getsockname())
    writer.write(GET)
    await gate.entered.wait()
    draining = asyncio.create_task(server.drain())
    await asyncio.sleep(0)
    draining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await draining
    assert gate.cancelled
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    assert asyncio.all_tasks() == before
    assert len(started) == 1
    for thread in started:
        await asyncio.to_thread(thread.join, PATIENCE)
        assert not thread.is_alive()


async def test_no_task_is_left_after_a_drain() -> None:
    before = asyncio.all_tasks()
    async with Server(hello, Config(port=0, access_log=False)):
        assert asyncio.all_tasks() != before
    assert asyncio.all_tasks() == before


# Connections that wait in the kernel. On UNIX sockets: there a connected client is in the backlog at once.


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(bind=(f"unix:{tmp_path / 'socket'}",), access_log=False)


def backlogged(server: Server, count: int) -> list[socket.socket]:
    """Connect clients and send a request from each, while the loop has no chance to accept."""
    clients = [socket.socket(socket.AF_UNIX) for _ in range(count)]
    for client in clients:
        client.connect(server.listeners[0].sock.getsockname())
        client.sendall(request_bytes("Connection: close"))
        client.settimeout(PATIENCE)
    return clients


@has_unix
@pytest.mark.parametrize("count", [1, 2, 100])
async def test_who_waits_in_the_backlog_is_served(count: int, config: Config) -> None:
    async with Server(hello, config) as server:
        clients = backlogged(server, count)
        assert await server.drain() is True
    answers = []
    for client in clients:
        with client, client.makefile("rb") as stream:
            answers.append(statuses(stream.read()))
    assert answers == [[200]] * count


@has_unix
async def test_a_connection_taken_in_the_same_turn_is_served(config: Config) -> None:
    async with Server(hello, config) as server:
        clients = backlogged(server, 3)
        for _ in range(2):
            await asyncio.sleep(0)
        assert await server.drain() is True
    answers = []
    for client in clients:
        with client, client.makefile("rb") as stream:
            answers.append(statuses(stream.read()))
    assert answers == [[200]] * 3


@has_unix
async def test_who_has_left_the_backlog_does_not_keep_the_others_from_being_served(config: Config) -> None:
    async with Server(hello, config) as server:
        first, gone, last = backlogged(server, 3)
        gone.close()
        assert await server.drain() is True
    for client in (first, last):
        with client, client.makefile("rb") as stream:
            assert statuses(stream.read()) == [200]


async def test_nobody_is_accepted_after_a_drain() -> None:
    async with Server(hello, Config(port=0, access_log=False)) as server:
        address = server.listeners[0].sock.getsockname()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address).close()


async def test_a_room_that_comes_free_while_draining_is_not_filled(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    async with Server(gate, Config(port=0, access_log=False, limits=Limits(connections=1))) as server:
        reader, writer = await asyncio.open_connection(*server.listeners[0].sock.getsockname())
        writer.write(GET)
        await gate.entered.wait()
        draining = asyncio.create_task(server.drain())
        await asyncio.sleep(0)
        gate.open.set()
        assert statuses(await reader.read()) == [200]
        writer.close()
        assert await draining is True
    assert "cannot accept" not in caplog.text
