"""No client and no handler may starve the others; with real sockets where the kernel matters."""

import asyncio
import socket
import struct
import sys
from collections.abc import AsyncIterator

import pytest

from aiosock import App, Config, HTTPError, Limits, Request, Response, Timeouts
from aiosock.net.server import Server
from aiosock.testing import Client
from aiosock.web.handler import Handler
from tests.net.helpers import channels, until
from tests.patience import PATIENCE

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part is Linux's own")


def serving(handler: Handler, limits: Limits | None = None) -> Server:
    timeouts = Timeouts(drain_idle_seconds=0.01, linger_seconds=0.2)
    return Server(handler, Config(port=0, access_log=False, limits=limits or Limits(), timeouts=timeouts))


def port_of(server: Server) -> int:
    port: int = server.listeners[0].sock.getsockname()[1]
    return port


async def connected(server: Server) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port_of(server)))
    return sock


async def read_all(sock: socket.socket) -> bytes:
    received = b""
    while data := await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, 65536), PATIENCE):
        received += data
    return received


# The peer that reads slowly.


async def test_what_the_kernel_took_of_an_answer_counts_for_its_rate() -> None:
    async def large(request: Request) -> Response:
        return Response(b"x" * 2_000_000)

    async with Client(large, timeouts=Timeouts(rate_grace_seconds=1, write_min_bytes_per_second=1000)) as client:
        peer = await client.connect()
        peer.stall()
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await client.settle()
        for _ in range(60):
            peer.take(5_000)
            await client.advance(1)
        assert not peer.was_reset


@LINUX
async def test_little_waits_in_the_kernel_for_a_peer_that_does_not_read() -> None:
    async def large(request: Request) -> Response:
        return Response(b"x" * 50_000_000)

    async with serving(large) as server:
        with await connected(server) as sock:
            await asyncio.get_running_loop().sock_sendall(sock, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await until(lambda: server.connections)
            (channel,) = channels(server)
            not_sent_option = 25
            assert channel.socket is not None
            assert channel.socket.getsockopt(socket.IPPROTO_TCP, not_sent_option) < 1_000_000


# The answer that is not whole.


@LINUX
async def test_half_an_answer_to_http_1_0_ends_with_a_reset() -> None:
    async def half(request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"half"
            raise ValueError

        return Response(body())

    async with serving(half) as server:
        with await connected(server) as sock:
            await asyncio.get_running_loop().sock_sendall(sock, b"GET / HTTP/1.0\r\n\r\n")
            with pytest.raises(ConnectionResetError):
                await read_all(sock)


@LINUX
async def test_a_reset_behind_more_input_than_is_read_cancels_the_handler() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def waiting(request: Request) -> Response:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    async with serving(waiting) as server:
        sock = await connected(server)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(sock, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 400_000)
        await started.wait()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        await asyncio.wait_for(cancelled.wait(), PATIENCE)


# The handler that does too much.


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit(), BaseExceptionGroup("two", [SystemExit()])])
async def test_a_handler_that_wants_to_end_the_process_is_500(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def ending(request: Request) -> Response:
        raise error

    async with Client(ending) as client:
        assert (await client.get("/")).status == 500
    assert "GET / failed" in caplog.text


@pytest.mark.parametrize("headers", [{"x": "a\r\nb"}, {"content-length": "999"}])
async def test_an_error_that_cannot_be_sent_is_500(headers: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    async def failing(request: Request) -> Response:
        raise HTTPError(404, headers=headers)

    async with Client(failing) as client:
        assert (await client.get("/")).status == 500
    assert "bug in aiosock" not in caplog.text


async def test_a_middleware_may_return_what_a_handler_may() -> None:
    app = App()

    @app.middleware
    async def text(request: Request, next: Handler) -> Response:
        return "from the middleware"  # type: ignore[return-value]

    async with Client(app) as client:
        assert (await client.get("/")).text == "from the middleware"


# Idle connections while other clients wait.


async def test_at_the_limit_an_idle_connection_makes_room() -> None:
    async def quick(request: Request) -> Response:
        return Response.text("quick")

    async with serving(quick, Limits(connections=2)) as server:
        loop = asyncio.get_running_loop()
        idle = [await connected(server) for _ in range(2)]
        for sock in idle:
            await loop.sock_sendall(sock, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert await loop.sock_recv(sock, 1000)
        with await connected(server) as late:
            await loop.sock_sendall(late, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert b"quick" in await read_all(late)
        for sock in idle:
            sock.close()


async def test_a_limit_beyond_the_descriptors_is_cut_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiosock.net.acceptor.connection_limit", lambda: 5)
    assert serving(App(), Limits(connections=1000))._acceptor.limit == 5
