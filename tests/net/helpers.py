"""Helpers for the tests of `net`: requests as bytes, handlers, and a connection with access to its transport."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiosock.config import Timeouts
from aiosock.net.channel import Channel
from aiosock.net.http1 import Http1Connection
from aiosock.net.server import Server
from aiosock.testing import Client, Peer
from aiosock.testing.transport import MemoryTransport, open_memory_streams
from aiosock.web.handler import Handler
from aiosock.web.request import Request
from aiosock.web.response import Response
from tests.patience import PATIENCE


def request_bytes(
    *fields: str, method: str = "GET", target: str = "/", version: str = "1.1", body: bytes = b""
) -> bytes:
    """Return a request; a Host field comes first."""
    lines = [f"{method} {target} HTTP/{version}", "Host: a", *fields]
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n" + body


def post_bytes(body: bytes, *fields: str, target: str = "/", version: str = "1.1") -> bytes:
    """Return a POST with its Content-Length."""
    length = f"Content-Length: {len(body)}"
    return request_bytes(length, *fields, method="POST", target=target, version=version, body=body)


def chunks(*pieces: bytes, trailers: bytes = b"") -> bytes:
    """Return a chunked body."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n" + trailers + b"\r\n"


GET = request_bytes()
CHUNKED_POST = request_bytes("Transfer-Encoding: chunked", method="POST")


def statuses(data: bytes) -> list[int]:
    """Return the status of every answer in the bytes that a server sent."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", data)]


def fields_of(data: bytes) -> bytes:
    """Return the head of the first answer in the bytes that a server sent, in lower case."""
    return data.partition(b"\r\n\r\n")[0].lower() + b"\r\n"


def undated(answers: bytes) -> bytes:
    """Return answers without their second, so that answers of two different seconds can be compared."""
    return re.sub(rb"\r\nDate: [^\r]*", b"", answers)


def channels(server: Server) -> list[Channel]:
    """Return the channels of the HTTP/1 connections that are open."""
    found = [connection for connection in server._connections if isinstance(connection, Http1Connection)]
    assert len(found) == server.connections
    return [connection._channel for connection in found]


async def hello(request: Request) -> Response:
    """Answer at once, with the target."""
    return Response.text(request.target)


async def echo(request: Request) -> Response:
    """Answer with the body."""
    return Response(await request.read())


class Gate:
    """A handler that reports when it has started, and then waits until a test releases it."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.open = asyncio.Event()
        self.targets: list[str] = []
        self.cancelled = False

    async def __call__(self, request: Request) -> Response:
        self.targets.append(request.target)
        self.entered.set()
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return Response.text(request.target)


class Endless:
    """A handler whose answer never ends. `written` counts the pieces that the connection has taken."""

    def __init__(self, size: int = 100_000) -> None:
        self.size = size
        self.written = 0
        self.closed = False

    async def __call__(self, request: Request) -> Response:
        return Response(self.pieces())

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * self.size
                self.written += 1
                await asyncio.sleep(0)
        finally:
            self.closed = True


@asynccontextmanager
async def connection(handler: Handler, **options: Any) -> AsyncIterator[tuple[Client, Peer, MemoryTransport]]:
    """Open a connection in memory; return the client, the peer's end, and the transport that the server writes to.

    The grace is five seconds, shorter than every idle timeout, so that a test can tell one from the other.
    """
    async with Client(handler, **{"timeouts": Timeouts(rate_grace_seconds=5), **options}) as client:
        reader, writer, transport = open_memory_streams(client.server.config.limits.read_buffer_bytes)
        task = asyncio.create_task(client.server.connected(reader, writer))
        peer = Peer(client, transport, task)
        await client.settle()
        yield client, peer, transport
        peer.reset()
        await client.advance(0)
        await peer.done()


async def answers_to(handler: Handler, data: bytes, **options: Any) -> bytes:
    """Return all that the server sends to a peer that sends `data` and then ends its input."""
    async with connection(handler, **options) as (_, peer, _):
        peer.send(data)
        peer.end()
        await peer.done()
        return peer.received


async def is_closed_after(handler: Handler, data: bytes, **options: Any) -> bool:
    """Return whether the server ends the connection after it has handled `data`, though the peer does not."""
    async with connection(handler, **options) as (client, peer, _):
        peer.send(data)
        await client.settle()
        assert statuses(peer.received)
        return peer.is_closed


async def until(condition: Callable[[], object]) -> None:
    """Wait until a condition is met, for as long as a busy machine may take."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what a server does inside sets no event
            await asyncio.sleep(0)


@contextmanager
def collected_errors(loop: asyncio.AbstractEventLoop) -> Iterator[list[dict[str, Any]]]:
    """Collect the errors that the event loop would log about exceptions that nobody retrieved."""
    errors: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: errors.append(context))
    try:
        yield errors
    finally:
        loop.set_exception_handler(None)
