"""Opening: from an accepted socket to a connection whose protocol is known. PROXY and TLS will come in here, in that order."""

import asyncio
import socket
from typing import Any

from aiosock.config import Limits
from aiosock.net.channel import Channel
from aiosock.net.http1 import Http1Connection
from aiosock.net.protocol import ServedConnection
from aiosock.net.reader import Reader
from aiosock.net.service import Service
from aiosock.web.exchange import Address, Connection


async def open_streams(sock: socket.socket, limits: Limits) -> tuple[Reader, asyncio.StreamWriter]:
    """Wrap an accepted socket in streams, as a listener does; raise OSError for a client that has left.

    Not by `asyncio.open_connection`: that is a client, and in TLS would shake hands as one.
    """
    loop = asyncio.get_running_loop()
    streams: asyncio.Future[tuple[Reader, asyncio.StreamWriter]] = loop.create_future()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        streams.set_result((Reader(reader, writer), writer))

    def make_protocol() -> asyncio.StreamReaderProtocol:
        reader = asyncio.StreamReader(limits.read_buffer_bytes, loop)
        return asyncio.StreamReaderProtocol(reader, connected, loop=loop)

    await loop.connect_accepted_socket(make_protocol, sock)
    return streams.result()


def describe(writer: asyncio.StreamWriter, service: Service) -> Connection:
    """Return what the requests of a connection see of it."""
    connection = Connection(
        client=_address(writer, "peername"),
        server=lambda: _address(writer, "sockname"),  # under uvloop it costs as much as parsing a head
        limits=service.limits,
        shutdown=service.shutdown,
        debug=service.config.debug,
        load=service.load,
        bodies=service.bodies,
    )
    connection.after = service.after
    return connection


def speak_http(
    channel: Channel, service: Service, connection: Connection, task: asyncio.Task[Any] | None
) -> ServedConnection:
    """Return the connection for a client that speaks HTTP: HTTP/1, as long as that is the only version we know."""
    return Http1Connection(channel, service, connection, task)


def _address(writer: asyncio.StreamWriter, end: str) -> Address | None:
    try:
        name = writer.get_extra_info(end)
    except AttributeError:  # of uvloop: the client has left already
        return None
    return Address(name[0], name[1]) if isinstance(name, tuple) else None
