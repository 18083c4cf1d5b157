"""Tests of aiosock.net.server, on real sockets: accepting, the limit of connections, embedding."""

import asyncio
import contextlib
import errno
import gc
import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from aiosock.config import Config, Limits, Timeouts
from aiosock.errors import ConfigError
from aiosock.net import acceptor
from aiosock.net.acceptor import ACCEPT_AT_ONCE, RESERVED_DESCRIPTORS, Clients, connection_limit
from aiosock.net.server import Server, sweep_seconds
from aiosock.runner import serve
from aiosock.web.app import App
from aiosock.web.handler import Handler
from aiosock.web.request import Request
from aiosock.web.response import Response
from tests.net.helpers import GET, Gate, collected_errors, hello, request_bytes, statuses, until
from tests.patience import PATIENCE

LAST = request_bytes("Connection: close")


@asynccontextmanager
async def serving(handler: Handler, **options: Any) -> AsyncIterator[Server]:
    """Serve on a free port of this machine; at the end the server does not wait long for idle connections."""
    options = {"port": 0, "access_log": False, "timeouts": Timeouts(drain_idle_seconds=0), **options}
    async with Server(handler, Config(**options)) as server:
        yield server


class Visitor:
    """A client on a real socket; it connects without a turn of the loop."""

    def __init__(self, server: Server) -> None:
        listener = server.listeners[0].sock
        self.sock = socket.socket(listener.family)
        self.sock.connect(listener.getsockname())
        self.sock.setblocking(False)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    async def receive(self) -> bytes:
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.sock, 65536), PATIENCE)

    async def rest(self) -> bytes:
        """Read to the end, then close."""
        received = b""
        with self.sock:
            while data := await self.receive():
                received += data
        return received


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_server_answers_on_its_url() -> None:
    async with serving(hello) as server:
        assert server.urls == [f"http://127.0.0.1:{server.listeners[0].sock.getsockname()[1]}"]
        visitor = Visitor(server)
        visitor.send(LAST)
        assert statuses(await visitor.rest()) == [200]


async def test_a_handler_sees_both_ends_of_the_connection() -> None:
    async def ends(request: Request) -> Response:
        return Response.text(f"{request.client} {request.exchange.connection.server}")

    async with serving(ends) as server:
        visitor = Visitor(server)
        name, peer = visitor.sock.getsockname(), visitor.sock.getpeername()
        visitor.send(LAST)
        received = await visitor.rest()
    expected = f"Address(host={name[0]!r}, port={name[1]}) Address(host={peer[0]!r}, port={peer[1]})"
    assert received.endswith(expected.encode())


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this machine has no UNIX sockets")
async def test_a_unix_socket_has_no_addresses(tmp_path: Path) -> None:
    async def ends(request: Request) -> Response:
        return Response.text(f"{request.client} {request.exchange.connection.server}")

    async with serving(ends, bind=(f"unix:{tmp_path / 'socket'}",)) as server:
        visitor = Visitor(server)
        visitor.send(LAST)
        assert (await visitor.rest()).endswith(b"None None")
    assert not (tmp_path / "socket").exists()


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this machine has no UNIX sockets")
async def test_who_waits_in_the_backlog_of_a_unix_socket_is_served_at_the_end(tmp_path: Path) -> None:
    async with serving(hello, bind=(f"unix:{tmp_path / 'socket'}",)) as server:
        visitor = Visitor(server)
        visitor.send(LAST)
        assert await server.drain() is True
    assert statuses(await visitor.rest()) == [200]


async def test_a_server_listens_on_all_its_addresses() -> None:
    async with serving(hello, bind=("127.0.0.1:0", "127.0.0.2:0")) as server:
        assert [url.rpartition(":")[0] for url in server.urls] == ["http://127.0.0.1", "http://127.0.0.2"]
        for listener in server.listeners:
            reader, writer = await asyncio.open_connection(*listener.sock.getsockname())
            writer.write(LAST)
            assert statuses(await reader.read()) == [200]
            writer.close()


async def test_a_port_in_use_is_refused_and_nothing_is_left() -> None:
    before = asyncio.all_tasks()
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(ConfigError, match="in use"):
        async with serving(hello, port=other.getsockname()[1]):
            pass
    assert asyncio.all_tasks() == before


async def test_an_app_is_embedded_with_its_lifespan() -> None:
    app = App()
    events: list[str] = []

    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        events.append("start")
        yield
        events.append("stop")

    @app.get("/")
    async def index(request: Request) -> str:
        events.append("request")
        return "hello"

    async with serve(app, port=0, access_log=False) as server:
        visitor = Visitor(server)
        visitor.send(LAST)
        assert (await visitor.rest()).endswith(b"hello")
    assert events == ["start", "request", "stop"]


async def test_embedding_refuses_an_option_that_does_not_exist() -> None:
    with pytest.raises(TypeError, match="colour"):
        async with serve(hello, colour="red"):
            pass


async def test_leaving_the_block_lets_a_request_in_flight_end() -> None:
    gate = Gate()
    async with serving(gate) as server:
        visitor = Visitor(server)
        visitor.send(LAST)
        await gate.entered.wait()
        asyncio.get_running_loop().call_soon(gate.open.set)
    assert statuses(await visitor.rest()) == [200]


async def test_connections_are_counted() -> None:
    async with serving(hello) as server:
        assert server.connections == 0
        visitor = Visitor(server)
        visitor.send(GET)
        await visitor.receive()
        assert server.connections == 1
        visitor.send(LAST)
        await visitor.rest()
        await until(lambda: not server.connections)


# The limit.


async def test_a_client_beyond_the_limit_is_served_when_one_leaves(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(hello, limits=Limits(connections=2)) as server:
        first, second = Visitor(server), Visitor(server)
        for visitor in (first, second):
            visitor.send(GET)
            assert statuses(await visitor.receive()) == [200]
        third = Visitor(server)
        third.send(LAST)
        await settle()
        assert server.connections == 2
        first.sock.close()
        assert statuses(await third.rest()) == [200]
        second.sock.close()
    assert caplog.text.count("2 connections are open; further ones wait") == 1


async def test_many_clients_beyond_the_limit_are_all_served() -> None:
    gate = Gate()
    async with serving(gate, limits=Limits(connections=2)) as server:
        visitors = [Visitor(server) for _ in range(50)]
        for visitor in visitors:
            visitor.send(LAST)
        await gate.entered.wait()
        await settle()
        assert 2 <= server.connections < 2 + 4 * ACCEPT_AT_ONCE
        gate.open.set()
        answers = await asyncio.gather(*[visitor.rest() for visitor in visitors])
    assert [statuses(answer) for answer in answers] == [[200]] * 50


async def test_a_server_that_was_full_can_be_full_again() -> None:
    async with serving(hello, limits=Limits(connections=1)) as server:
        for _ in range(5):
            visitor = Visitor(server)
            visitor.send(LAST)
            assert statuses(await visitor.rest()) == [200]


async def test_accepting_is_tried_again_when_no_descriptor_was_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(acceptor, "ACCEPT_RETRY_SECONDS", 0)
    async with serving(hello, limits=Limits(connections=1)) as server:
        resume = server.listeners[0].resume
        failures = 2

        async def no_descriptor(*args: Any, **options: Any) -> None:
            nonlocal failures
            failures -= 1
            if failures >= 0:
                raise OSError(24, "Too many open files")
            await resume(*args, **options)

        monkeypatch.setattr(server.listeners[0], "resume", no_descriptor)
        for _ in range(2):
            visitor = Visitor(server)
            visitor.send(LAST)
            assert statuses(await visitor.rest()) == [200]
    assert caplog.text.count("cannot accept") == 2


async def test_a_full_server_drains_who_waits_too() -> None:
    gate = Gate()
    async with serving(gate, limits=Limits(connections=1)) as server:
        first = Visitor(server)
        first.send(LAST)
        await gate.entered.wait()
        waiting = [Visitor(server) for _ in range(3)]
        for visitor in waiting:
            visitor.send(LAST)
        asyncio.get_running_loop().call_soon(gate.open.set)
        assert await server.drain() is True
    answers = await asyncio.gather(*[visitor.rest() for visitor in (first, *waiting)])
    assert [statuses(answer) for answer in answers] == [[200]] * 4


def test_the_limit_leaves_descriptors_for_other_things() -> None:
    assert connection_limit() >= 1
    resource = pytest.importorskip("resource")
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 4 * RESERVED_DESCRIPTORS < soft < resource.RLIM_INFINITY:
        assert connection_limit() <= soft - RESERVED_DESCRIPTORS


@pytest.mark.parametrize(
    ("soft", "limit"), [(1024, 480), (256, 96), (65536, 32736), (80, 20), (4, 1), (-1, 1_000_000), (1, 1)]
)
def test_the_limit_follows_from_the_descriptors_of_the_process(
    soft: int, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert resource.RLIM_INFINITY == -1
    assert connection_limit() == limit


# Peers that leave, on a real socket.


def reset(visitor: Visitor) -> None:
    visitor.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    visitor.sock.close()


@pytest.mark.parametrize("sent", [b"", GET[:9], request_bytes("Content-Length: 9", method="POST"), GET, GET * 100])
async def test_a_reset_is_quiet_whatever_was_sent_before(sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def read(request: Request) -> Response:
        return Response(await request.read() + b"x" * 100_000)

    with collected_errors(asyncio.get_running_loop()) as errors:
        async with serving(read) as server:
            visitor = Visitor(server)
            visitor.send(sent)
            await settle()
            reset(visitor)
            other = Visitor(server)
            other.send(LAST)
            assert statuses(await other.rest()) == [200]
        gc.collect()
        await settle()
    assert errors == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_reset_cancels_the_handler_by_the_next_sweep() -> None:
    gate = Gate()
    async with serving(gate) as server:
        visitor = Visitor(server)
        visitor.send(GET)
        await gate.entered.wait()
        reset(visitor)
        await settle()

        def is_gone() -> bool:
            server.sweep()
            return not server.connections

        await until(is_gone)
        assert gate.cancelled


async def test_the_sweep_runs_of_its_own_accord() -> None:
    options = Timeouts(head_seconds=0.05, drain_idle_seconds=0)
    async with serving(hello, timeouts=options) as server:
        visitor = Visitor(server)
        assert await visitor.rest() == b""


async def test_a_slow_reader_on_a_real_socket_gets_all_of_a_big_answer() -> None:
    body = bytes(range(256)) * 20_000

    async def big(request: Request) -> Response:
        return Response(body)

    async with serving(big) as server:
        visitor = Visitor(server)
        visitor.send(LAST)
        received = await visitor.rest()
    assert received.endswith(b"\r\n\r\n" + body)


async def test_an_answer_to_a_long_upload_that_nobody_reads_is_not_lost_to_a_reset() -> None:
    async with serving(hello, limits=Limits(unread_body_bytes=0)) as server:
        visitor = Visitor(server)
        visitor.send(request_bytes("Content-Length: 100000000", method="POST"))
        loop = asyncio.get_running_loop()
        received = await visitor.receive()
        for _ in range(20):
            await loop.sock_sendall(visitor.sock, b"x" * 100_000)
        visitor.sock.shutdown(socket.SHUT_WR)
        assert statuses(received + await visitor.rest()) == [200]


# The sweep.


@pytest.mark.parametrize(("timeouts", "period"), [(Timeouts(), 0.5), (Timeouts(head_seconds=0.4), 0.1)])
def test_the_sweep_is_as_frequent_as_the_shortest_timeout_needs(timeouts: Timeouts, period: float) -> None:
    assert sweep_seconds(timeouts) == pytest.approx(period)


def test_the_sweep_is_never_a_busy_loop() -> None:
    assert sweep_seconds(Timeouts(linger_seconds=1e-9)) >= 0.01


# Limits of clients, and limits that change.


async def test_a_client_address_may_have_a_limit_of_connections() -> None:
    async with serving(hello, limits=Limits(connections_per_client=2)) as server:
        first, second, third = Visitor(server), Visitor(server), Visitor(server)
        for visitor in (first, second):
            visitor.send(GET)
            assert statuses(await visitor.receive()) == [200]
        with contextlib.suppress(ConnectionResetError):
            assert await third.rest() == b""
        assert server.connections == 2
        first.sock.close()
        await until(lambda: server.connections == 1)
        fourth = Visitor(server)
        fourth.send(LAST)
        assert statuses(await fourth.rest()) == [200]
        for visitor in (second, third, fourth):
            visitor.sock.close()


def test_the_count_of_a_client_goes_with_its_connections() -> None:
    clients = Clients(1)
    assert clients.admit("192.0.2.1")
    assert not clients.admit("192.0.2.1")
    assert clients.admit("192.0.2.2")
    assert [clients.admit("") for _ in range(3)] == [True] * 3
    clients.leave("192.0.2.1")
    clients.leave("")
    assert clients.admit("192.0.2.1")
    assert dict(clients._open) == {"192.0.2.1": 1, "192.0.2.2": 1}


async def test_a_limit_of_the_process_that_changes_is_noticed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    available = 100
    monkeypatch.setattr(acceptor, "connection_limit", lambda: available)
    async with serving(hello, limits=Limits(connections=50)) as server:
        first, second = [Visitor(server) for _ in range(2)]
        for visitor in (first, second):
            visitor.send(GET)
            assert statuses(await visitor.receive()) == [200]
        available = 2
        server.sweep()
        third = Visitor(server)
        third.send(LAST)
        await settle()
        assert server.connections == 2
        available = 100
        server.sweep()
        assert statuses(await third.rest()) == [200]
        for visitor in (first, second):
            visitor.sock.close()
    assert [record.getMessage() for record in caplog.records] == ["2 connections are open; further ones wait"]


# Descriptors that others hold.

SHORT = "few file descriptors are left; further connections wait"


@asynccontextmanager
async def serving_with(monkeypatch: pytest.MonkeyPatch, handler: Handler, descriptors: int) -> AsyncIterator[Server]:
    """Serve as if the process had so many descriptors for connections, whatever its limit is."""
    async with serving(handler) as server:
        monkeypatch.setattr(acceptor, "free_descriptors", lambda _, most: min(descriptors - server.connections, most))
        yield server


async def test_clients_wait_while_descriptors_are_short(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving_with(monkeypatch, hello, 0) as server:
        visitor = Visitor(server)
        for _ in range(3):
            server.sweep()
            await settle()
            assert server.connections == 0
        visitor.send(LAST)
        monkeypatch.undo()
        server.sweep()
        assert statuses(await visitor.rest()) == [200]
    assert [record.getMessage() for record in caplog.records] == [SHORT]


async def test_a_few_descriptors_serve_a_few_clients_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving_with(monkeypatch, hello, 10) as server:
        server.sweep()
        visitors = [Visitor(server) for _ in range(50)]
        for visitor in visitors:
            visitor.send(LAST)
        answers = await asyncio.gather(*[visitor.rest() for visitor in visitors])
    assert [statuses(answer) for answer in answers] == [[200]] * 50


async def test_a_burst_between_two_sweeps_leaves_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handlers hold nearly all that were free at the last sweep."""
    gate = Gate()
    async with serving_with(monkeypatch, gate, 200) as server:
        visitors = [Visitor(server) for _ in range(250)]
        for visitor in visitors:
            visitor.send(LAST)
        await gate.entered.wait()
        for _ in range(10):
            await settle()
        assert server.connections < 200
        gate.open.set()
        answers = await asyncio.gather(*[visitor.rest() for visitor in visitors])
    assert [statuses(answer) for answer in answers] == [[200]] * 250


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
async def test_who_cannot_be_accepted_waits_for_the_next_sweep(
    code: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if not isinstance(asyncio.get_running_loop(), asyncio.SelectorEventLoop):
        pytest.skip("accepts in C")
    accept, tried, fails = socket.socket.accept, asyncio.Event(), True

    def accept_or_fail(self: socket.socket) -> tuple[socket.socket, Any]:
        tried.set()
        if fails:
            raise OSError(code, os.strerror(code))
        return accept(self)

    async with serving(hello) as server:
        monkeypatch.setattr(socket.socket, "accept", accept_or_fail)
        with collected_errors(asyncio.get_running_loop()) as errors:
            visitor = Visitor(server)
            visitor.send(LAST)
            for _ in range(3):
                await asyncio.wait_for(tried.wait(), PATIENCE)
                await settle()
                assert server.connections == 0
                tried.clear()
                server.sweep()
            fails = False
            assert statuses(await visitor.rest()) == [200]
    assert errors == []
    assert [record.getMessage() for record in caplog.records] == [SHORT]
