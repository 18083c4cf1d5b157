"""One server takes over from another: idle connections go on, and no client notices."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from math import inf

import pytest

from aiosock.config import Config, Timeouts
from aiosock.net.http1 import Http1Connection
from aiosock.net.opening import open_streams
from aiosock.net.server import Server
from aiosock.web.handler import Handler
from aiosock.web.request import Request
from aiosock.web.response import Response
from tests.net.helpers import GET, Gate, until
from tests.patience import PATIENCE

pytestmark = pytest.mark.usefixtures("quiet")


def saying(text: str) -> Handler:
    async def handler(request: Request) -> Response:
        return Response.text(text)

    return handler


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as sock:
        yield sock


@asynccontextmanager
async def server_on(listening: socket.socket, handler: Handler) -> AsyncIterator[Server]:
    config = Config(bind=(f"fd:{listening.fileno()}",), access_log=False, timeouts=Timeouts(drain_idle_seconds=0.01))
    async with Server(handler, config) as server:
        yield server


class Caller:
    """A client on one connection."""

    def __init__(self, listening: socket.socket) -> None:
        self._address = listening.getsockname()

    async def __aenter__(self) -> "Caller":
        self.reader, self.writer = await asyncio.open_connection(*self._address)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    def send(self, data: bytes = GET) -> None:
        self.writer.write(data)

    async def answer(self) -> tuple[str, bytes]:
        """Read an answer; return its head in lower case, and its body."""
        async with asyncio.timeout(PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            return head, await self.reader.readexactly(length)

    async def is_closed(self) -> bool:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read() == b""


async def test_an_idle_connection_goes_on_with_the_next_server(listening: socket.socket) -> None:
    async with Caller(listening) as caller, server_on(listening, saying("old")) as old:
        caller.send()
        assert (await caller.answer())[1] == b"old"

        async with server_on(listening, saying("new")) as new:
            await old.leave()
            (sock,) = old.release()
            await old.drain()
            await new.adopt(sock)
            caller.send()
            head, body = await caller.answer()

            assert body == b"new"
            assert "connection: close" not in head


async def test_a_connection_that_has_not_asked_yet_is_released_too(listening: socket.socket) -> None:
    async with Caller(listening) as caller, server_on(listening, saying("old")) as old:
        await until(lambda: old.connections == 1)
        await old.leave()
        (sock,) = old.release()
        await until(lambda: old.connections == 0)

        async with server_on(listening, saying("new")) as new:
            await new.adopt(sock)
            caller.send()
            assert (await caller.answer())[1] == b"new"


async def test_a_request_under_way_is_finished_and_told_to_come_back(listening: socket.socket) -> None:
    handler = Gate()
    async with Caller(listening) as caller, server_on(listening, handler) as old:
        caller.send()
        await handler.entered.wait()
        await old.leave()
        assert old.release() == []
        handler.open.set()
        head, _ = await caller.answer()

        assert "connection: close" in head
        assert await caller.is_closed()


async def test_what_has_arrived_is_not_lost_by_releasing(listening: socket.socket) -> None:
    async with Caller(listening) as caller, server_on(listening, saying("old")) as old:
        await until(lambda: old.connections == 1)
        (connection,) = old._connections
        assert isinstance(connection, Http1Connection)
        caller.send(GET[:10])
        await until(lambda: connection._head_deadline < inf)
        await old.leave()
        assert old.release() == []
        caller.send(GET[10:])
        assert (await caller.answer())[1] == b"old"


async def test_clients_in_the_backlog_are_left_to_the_next_server(listening: socket.socket) -> None:
    async with server_on(listening, saying("old")) as old:
        await old.leave()
        async with Caller(listening) as caller:
            caller.send()
            await old.drain()
            async with server_on(listening, saying("new")):
                assert (await caller.answer())[1] == b"new"


async def test_a_client_that_has_left_is_no_reason_to_fail(listening: socket.socket) -> None:
    async with server_on(listening, saying("new")) as new:
        ours, theirs = socket.socketpair()
        theirs.close()
        with closing(ours):
            await new.adopt(ours)
            await until(lambda: new.connections == 0)


async def test_a_connection_whose_client_has_reset_it_has_no_address_and_ends(listening: socket.socket) -> None:
    # uvloop asks the kernel for the address when it is wanted, and its transport has no socket any more.
    client = socket.create_connection(listening.getsockname())
    accepted, _ = listening.accept()
    accepted.setblocking(False)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    async with server_on(listening, saying("new")) as server:
        reader, writer = await open_streams(accepted, server.config.limits)
        with suppress(ConnectionResetError):
            await reader.read(1)
        await asyncio.sleep(0)  # uvloop drops the socket in the next turn

        await server.connected(reader, writer)

        assert not server.connections
