"""Tests of aiosock.net.reader: it reads like asyncio's StreamReader, and what it does better.

Each test that takes `open_streams` runs with asyncio's own StreamReader too: where they agree, ours can take its place.
"""

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from aiosock import Config, Request, Response
from aiosock.net.reader import Reader
from aiosock.net.server import Server
from aiosock.testing.transport import MemoryTransport, open_memory_streams
from tests.net.helpers import channels, connection, post_bytes, request_bytes, until
from tests.patience import PATIENCE

LIMIT = 16
"""Bytes that a reader keeps before it pauses: twice this."""


class Streams(NamedTuple):
    reader: asyncio.StreamReader | Reader
    writer: asyncio.StreamWriter
    peer: MemoryTransport


OpenStreams = Callable[[], Streams]


def open_plain_streams() -> Streams:
    """Return the streams of asyncio alone."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(LIMIT, loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    peer = MemoryTransport(loop, protocol)
    return Streams(reader, asyncio.StreamWriter(peer, protocol, reader, loop), peer)


def open_our_streams() -> Streams:
    return Streams(*open_memory_streams(LIMIT))


@pytest.fixture(params=[open_plain_streams, open_our_streams], ids=["plain", "ours"])
async def open_streams(request: pytest.FixtureRequest) -> AsyncIterator[OpenStreams]:
    """Return a function that opens streams in memory; the fixture closes them."""
    opened: list[Streams] = []

    def open_() -> Streams:
        opened.append(request.param())
        return opened[-1]

    yield open_
    for streams in opened:
        streams.peer.abort()
    await settle()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def started(reading: Any) -> asyncio.Task[bytes]:
    """Start to read, up to the point where that waits."""
    task: asyncio.Task[bytes] = asyncio.ensure_future(reading)
    await settle()
    return task


# Reading.


async def test_what_has_arrived_is_read_at_once(open_streams: OpenStreams) -> None:
    reader, _, peer = open_streams()
    peer.peer_sends(b"one")
    peer.peer_sends(b"two")
    assert await reader.read(100) == b"onetwo"


async def test_a_read_waits_for_what_arrives(open_streams: OpenStreams) -> None:
    reader, _, peer = open_streams()
    reading = await started(reader.read(100))
    assert not reading.done()
    peer.peer_sends(b"data")
    assert await reading == b"data"


@pytest.mark.parametrize("waits", [True, False])
async def test_no_more_is_read_than_asked_for(open_streams: OpenStreams, waits: bool) -> None:
    reader, _, peer = open_streams()
    reading = asyncio.ensure_future(reader.read(3))
    if waits:
        await settle()
    peer.peer_sends(b"abcdefgh")
    assert await reading == b"abc"
    assert [await reader.read(3), await reader.read(3)] == [b"def", b"gh"]


@pytest.mark.parametrize("most", [1, 2, 5, 100])
@pytest.mark.parametrize("turns", [0, 1, 2, 5])
async def test_bytes_are_read_in_order_however_they_arrive(open_streams: OpenStreams, most: int, turns: int) -> None:
    reader, _, peer = open_streams()
    sent = b"".join(bytes([code]) * (code % 4) for code in range(50))

    async def read_all() -> bytes:
        received = b""
        while piece := await reader.read(most):
            assert len(piece) <= most
            received += piece
        return received

    reading = asyncio.ensure_future(read_all())
    for start, stop in pairwise(range(0, len(sent) + 3, 3)):
        peer.peer_sends(sent[start:stop])
        for _ in range(turns):
            await asyncio.sleep(0)
    peer.peer_ends()
    assert await reading == sent


async def test_only_one_task_may_read(open_streams: OpenStreams) -> None:
    reader, _, peer = open_streams()
    reading = await started(reader.read(5))
    with pytest.raises(RuntimeError, match="already"):
        await reader.read(5)
    peer.peer_sends(b"data")
    assert await reading == b"data"


# The end.


async def test_the_end_ends_a_read_that_waits(open_streams: OpenStreams) -> None:
    reader, _, peer = open_streams()
    reading = await started(reader.read(5))
    peer.peer_ends()
    assert await reading == b""
    assert await reader.read(5) == b""
    assert reader.at_eof()


async def test_the_end_comes_after_the_bytes_before_it(open_streams: OpenStreams) -> None:
    reader, _, peer = open_streams()
    reading = await started(reader.read(2))
    peer.peer_sends(b"abc")
    peer.peer_ends()
    assert await reading == b"ab"
    assert not reader.at_eof()
    assert [await reader.read(2), await reader.read(2)] == [b"c", b""]
    assert reader.at_eof()


async def test_a_reset_is_raised_in_a_read_that_waits_and_in_all_later_ones(open_streams: OpenStreams) -> None:
    reader, _, peer = open_streams()
    reading = await started(reader.read(5))
    peer.peer_resets()
    with pytest.raises(ConnectionResetError):
        await reading
    with pytest.raises(ConnectionResetError):
        await reader.read(5)


async def test_an_orderly_end_of_the_connection_is_the_end_of_the_input(open_streams: OpenStreams) -> None:
    reader, writer, _ = open_streams()
    reading = await started(reader.read(5))
    writer.close()
    assert await reading == b""
    await writer.wait_closed()


async def test_a_reset_wakes_the_writers_too(open_streams: OpenStreams) -> None:
    _, writer, peer = open_streams()
    peer.peer_reads(False)
    writer.write(b"x" * 100_000)
    draining = asyncio.ensure_future(writer.drain())
    await settle()
    assert not draining.done()
    peer.peer_resets()
    with pytest.raises(ConnectionResetError):
        await draining
    with pytest.raises(ConnectionResetError):
        await writer.wait_closed()


async def test_a_writer_waits_for_a_peer_that_reads_slowly(open_streams: OpenStreams) -> None:
    _, writer, peer = open_streams()
    peer.peer_reads(False)
    writer.write(b"x" * 100_000)
    draining = asyncio.ensure_future(writer.drain())
    await settle()
    assert not draining.done()
    peer.peer_reads(True)
    await draining


# Backpressure.


async def test_reading_pauses_above_twice_the_limit_and_goes_on_at_the_limit(open_streams: OpenStreams) -> None:
    reader, _, peer = open_streams()
    peer.peer_sends(b"x" * 2 * LIMIT)
    assert peer.is_reading()
    peer.peer_sends(b"x")
    assert not peer.is_reading()
    peer.peer_sends(b"y")
    await reader.read(LIMIT)
    assert not peer.is_reading()
    await reader.read(1)
    assert peer.is_reading()
    await settle()
    assert await reader.read(100) == b"x" * LIMIT + b"y"


async def test_more_than_is_waited_for_counts_for_the_pause(open_streams: OpenStreams) -> None:
    reader, _, peer = open_streams()
    reading = await started(reader.read(4))
    peer.peer_sends(b"x" * (4 + 2 * LIMIT + 1))
    await reading
    assert not peer.is_reading()
    await reader.read(2 * LIMIT + 1)
    assert peer.is_reading()


async def test_what_comes_before_the_task_has_its_turn_counts_for_the_pause(open_streams: OpenStreams) -> None:
    reader, _, peer = open_streams()
    reading = await started(reader.read(4))
    peer.peer_sends(b"abcd")
    peer.peer_sends(b"x" * (2 * LIMIT + 1))
    assert not peer.is_reading()
    assert await reading == b"abcd"


# Cancellation.


async def test_a_wait_that_is_cancelled_leaves_the_reader_free(open_streams: OpenStreams) -> None:
    reader, _, peer = open_streams()
    for _ in range(3):
        reading = await started(reader.read(5))
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    peer.peer_sends(b"data")
    assert await reader.read(5) == b"data"


@pytest.mark.parametrize("first", ["bytes", "cancellation"])
@pytest.mark.parametrize("most", [2, 100])
async def test_bytes_that_arrive_in_the_turn_of_a_cancellation_are_kept(
    open_streams: OpenStreams, first: str, most: int
) -> None:
    reader, _, peer = open_streams()
    reading = await started(reader.read(most))
    if first == "cancellation":
        reading.cancel()
    peer.peer_sends(b"one ")
    reading.cancel()
    peer.peer_sends(b"two\n")
    peer.peer_ends()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not reader.at_eof()
    received = b""
    while piece := await reader.read(most):
        assert len(piece) <= most
        received += piece
    assert received == b"one two\n"
    assert reader.at_eof()


async def test_a_reset_in_the_turn_of_a_cancellation_leaves_no_error_unseen(open_streams: OpenStreams) -> None:
    reader, _, peer = open_streams()
    reading = await started(reader.read(5))
    reading.cancel()
    peer.peer_resets()
    await settle()
    assert reading.cancelled()
    with pytest.raises(ConnectionResetError):
        await reader.read(5)


@pytest.mark.parametrize("turn", range(20))
async def test_a_cancellation_in_any_turn_loses_no_byte(open_streams: OpenStreams, turn: int) -> None:
    reader, _, peer = open_streams()
    received = bytearray()

    async def read_on() -> None:
        while piece := await reader.read(3):
            received.extend(piece)

    async def send() -> None:
        for number in range(10):
            peer.peer_sends(bytes([number]) * number)
            await asyncio.sleep(0)
        peer.peer_ends()

    reading, sending = asyncio.ensure_future(read_on()), asyncio.ensure_future(send())
    for _ in range(turn):
        await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait([reading])
    await sending
    await read_on()
    assert received == b"".join(bytes([number]) * number for number in range(10))


# What ours does better.


async def test_a_piece_is_handed_on_as_the_object_that_arrived() -> None:
    reader, _, peer = open_our_streams()
    assert isinstance(reader, Reader)
    piece = b"x" * 1000
    reading = await started(reader.read(1000))
    reader.data_received(piece)
    assert await reading is piece
    assert peer.is_reading()
    peer.abort()


async def test_the_reader_keeps_nothing_of_what_it_has_handed_on() -> None:
    reader, _, peer = open_our_streams()
    reading = await started(reader.read(1000))
    peer.peer_sends(b"x" * 1000)
    assert len(await reading) == 1000
    assert not any(
        isinstance(value, (bytes, bytearray)) and value for value in map(partial(getattr, reader), Reader.__slots__)
    )
    assert not any(isinstance(value, asyncio.Future) for value in map(partial(getattr, reader), Reader.__slots__))
    peer.abort()


async def test_a_body_comes_in_pieces_as_large_as_a_loop_receives() -> None:
    sizes: list[int] = []

    async def handler(request: Request) -> Response:
        sizes.extend([len(piece) async for piece in request.body])
        return Response.text("read")

    async with connection(handler) as (client, peer, _):
        peer.send(request_bytes(f"Content-Length: {600 * 1024}", method="POST"))
        await client.settle()
        for size in (256, 300, 44):
            peer.send(b"x" * size * 1024)
            await client.settle()
    assert sizes == [256 * 1024, 256 * 1024, 44 * 1024, 44 * 1024]


# On sockets.


async def echo(request: Request) -> Response:
    return Response(await request.read())


BODY = bytes(range(256)) * 4000
REQUEST = post_bytes(BODY, "Connection: close")


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Send a request; return the body of the response."""
    async with asyncio.timeout(PATIENCE):
        sending = asyncio.ensure_future(send(writer, REQUEST))
        answer = await reader.read()
        await sending
        writer.close()
    return answer.partition(b"\r\n\r\n")[2]


async def send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def test_connections_over_tcp_have_our_reader() -> None:
    async with Server(echo, Config(port=0, access_log=False)) as server:
        address = server.listeners[0].sock.getsockname()
        reader, writer = await asyncio.open_connection(*address)
        await until(lambda: server.connections)
        assert [type(channel._reader) for channel in channels(server)] == [Reader]
        assert await exchange(reader, writer) == BODY


async def test_connections_over_a_unix_socket_have_our_reader(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    async with Server(echo, Config(bind=(f"unix:{path}",), access_log=False)) as server:
        reader, writer = await asyncio.open_unix_connection(path)
        await until(lambda: server.connections)
        assert [type(channel._reader) for channel in channels(server)] == [Reader]
        assert await exchange(reader, writer) == BODY


async def test_connections_that_are_accepted_at_the_drain_have_our_reader() -> None:
    server = Server(echo, Config(port=0, access_log=False))
    await server.start()
    server.listeners[0].pause()
    with socket.create_connection(server.listeners[0].sock.getsockname()) as client:
        draining = asyncio.ensure_future(server.drain())
        await until(lambda: server.connections)
        assert [type(channel._reader) for channel in channels(server)] == [Reader]
        client.sendall(post_bytes(b"body"))
        assert (await received(client)).endswith(b"\r\n\r\nbody")
    await draining


async def received(client: socket.socket) -> bytes:
    """Read up to the end."""
    client.setblocking(False)
    data, loop = b"", asyncio.get_running_loop()
    while piece := await asyncio.wait_for(loop.sock_recv(client, 4096), PATIENCE):
        data += piece
    return data


async def test_a_client_that_sends_before_its_connection_is_served_loses_nothing() -> None:
    async with Server(echo, Config(port=0, access_log=False)) as server:
        address = server.listeners[0].sock.getsockname()
        clients = [socket.create_connection(address) for _ in range(20)]
        for client in clients:
            client.sendall(post_bytes(b"body"))
            client.shutdown(socket.SHUT_WR)
        for client in clients:
            assert (await received(client)).endswith(b"\r\n\r\nbody")
            client.close()


async def test_a_client_that_has_ended_its_input_is_answered_later() -> None:
    async def answer(request: Request) -> Response:
        await until(lambda: channels(server)[0].is_at_end())
        await settle()
        return Response.text("later")

    async with Server(answer, Config(port=0, access_log=False)) as server:
        with socket.create_connection(server.listeners[0].sock.getsockname()) as client:
            client.sendall(request_bytes())
            client.shutdown(socket.SHUT_WR)
            assert (await received(client)).endswith(b"\r\n\r\nlater")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and a certificate for `localhost`."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    names = ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, *names, "-keyout", str(path), "-out", f"{path}.crt"], check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate")
async def test_the_reader_reads_what_tls_has_decrypted(certificate: Path) -> None:
    service = Server(echo, Config(port=0, access_log=False))
    ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=str(certificate))
    ours.load_cert_chain(certificate)

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        return service.connected(Reader(reader, writer), writer)

    async with await asyncio.start_server(accepted, "localhost", 0, ssl=ours) as server:
        address = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(*address[:2], ssl=theirs, server_hostname="localhost")
        await until(lambda: service.connections)
        assert [channel.is_encrypted for channel in channels(service)] == [True]
        assert await exchange(reader, writer) == BODY
        await until(lambda: not service.connections)
