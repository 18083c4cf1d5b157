"""Tests of aiosock.testing.transport: it behaves like the transports of asyncio."""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from aiosock.errors import Disconnected
from aiosock.net.reader import Reader
from aiosock.testing.transport import MemoryTransport, open_memory_streams


class Streams(NamedTuple):
    reader: Reader
    writer: asyncio.StreamWriter
    transport: MemoryTransport


@pytest.fixture
async def streams() -> AsyncIterator[Streams]:
    opened = Streams(*open_memory_streams(16))
    yield opened
    opened.transport.abort()
    await settle()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_bytes_go_both_ways(streams: Streams) -> None:
    streams.transport.peer_sends(b"ping")
    assert await streams.reader.read(100) == b"ping"
    streams.writer.write(b"pong")
    assert streams.transport.received == b"pong"


async def test_the_peer_has_an_address(streams: Streams) -> None:
    assert streams.writer.get_extra_info("peername") == ("127.0.0.1", 50000)
    assert streams.writer.get_extra_info("sockname") == ("127.0.0.1", 80)


async def test_a_full_reader_pauses_the_transport(streams: Streams) -> None:
    streams.transport.peer_sends(b"x" * 33)
    assert not streams.transport.is_reading()
    streams.transport.peer_sends(b"y" * 33)
    assert await streams.reader.read(100) == b"x" * 33
    assert streams.transport.is_reading()
    assert await streams.reader.read(100) == b"y" * 33


async def test_the_end_of_input_comes_after_what_was_sent_before(streams: Streams) -> None:
    streams.transport.peer_sends(b"x" * 33)
    streams.transport.peer_sends(b"y")
    streams.transport.peer_ends()
    assert not streams.reader.at_eof()
    assert await streams.reader.read(100) == b"x" * 33
    assert await streams.reader.read(100) == b"y"
    assert streams.reader.at_eof()


async def test_half_closed_is_not_closed(streams: Streams) -> None:
    streams.transport.peer_ends()
    await settle()
    assert not streams.transport.is_closing()
    streams.writer.write(b"still here")
    assert streams.transport.received == b"still here"


async def test_a_peer_that_does_not_read_fills_the_buffer_and_pauses_writing(streams: Streams) -> None:
    streams.transport.set_write_buffer_limits(high=10)
    streams.transport.peer_reads(False)
    streams.writer.write(b"x" * 11)
    assert streams.transport.get_write_buffer_size() == 11
    draining = asyncio.create_task(streams.writer.drain())
    await settle()
    assert not draining.done()
    streams.transport.peer_takes(5)
    await settle()
    assert not draining.done()
    streams.transport.peer_takes(4)
    await draining
    assert streams.transport.received == b"x" * 9


async def test_a_close_waits_for_the_peer_to_take_what_is_left(streams: Streams) -> None:
    streams.transport.peer_reads(False)
    streams.writer.write(b"last")
    streams.writer.close()
    await settle()
    assert not streams.transport.ended
    streams.transport.peer_reads(True)
    await streams.writer.wait_closed()
    assert streams.transport.received == b"last"
    assert streams.transport.ended
    assert not streams.transport.was_reset


async def test_an_abort_is_a_reset(streams: Streams) -> None:
    streams.transport.peer_reads(False)
    streams.writer.write(b"never")
    streams.transport.abort()
    streams.transport.peer_reads(True)
    assert streams.transport.was_reset
    assert streams.transport.received == b""


async def test_an_abort_after_the_end_is_no_reset(streams: Streams) -> None:
    streams.writer.close()
    await settle()
    streams.transport.abort()
    assert not streams.transport.was_reset


async def test_the_end_of_output_leaves_the_input_open(streams: Streams) -> None:
    assert streams.transport.can_write_eof()
    streams.writer.write_eof()
    assert streams.transport.ended
    streams.transport.peer_sends(b"more")
    assert await streams.reader.read(100) == b"more"


async def test_what_is_written_after_the_end_goes_nowhere(streams: Streams) -> None:
    streams.transport.close()
    streams.transport.write(b"late")
    assert streams.transport.received == b""


async def test_a_reset_by_the_peer_is_an_error_for_reader_and_writer(streams: Streams) -> None:
    streams.transport.peer_resets()
    await settle()
    with pytest.raises(ConnectionResetError):
        await streams.reader.read(1)
    with pytest.raises(ConnectionResetError):
        await streams.writer.drain()


async def test_a_peer_cannot_send_once_it_has_ended_or_the_connection_is_gone(streams: Streams) -> None:
    streams.transport.peer_ends()
    with pytest.raises(Disconnected):
        streams.transport.peer_sends(b"x")
    _, _, other = open_memory_streams(16)
    other.abort()
    with pytest.raises(Disconnected):
        other.peer_sends(b"x")
    await settle()
