"""Tests of aiosock.net.channel: bytes in, bytes out, and the deadlines of both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from math import inf
from typing import Any

import pytest

from aiosock.config import Config, Limits, Timeouts
from aiosock.errors import Disconnected
from aiosock.net.channel import Channel
from aiosock.net.service import Service
from aiosock.testing.transport import MemoryTransport, open_memory_streams
from aiosock.web.request import Request
from aiosock.web.response import Response


async def nobody(request: Request) -> Response:
    raise AssertionError("a channel knows nothing of requests")


class Line:
    """A channel, the peer's end of it, and the clock."""

    def __init__(self, timeouts: Timeouts | None = None, **limits: int) -> None:
        self.now = 0.0
        reader, writer, self.peer = open_memory_streams(1024)
        config = Config(limits=Limits(**limits), timeouts=timeouts or Timeouts(rate_grace_seconds=5))
        self.channel = Channel(reader, writer, Service(nobody, config, lambda: self.now))

    async def pass_time(self, seconds: float) -> None:
        await settle()
        self.now += seconds
        self.channel.check(self.now)
        await settle()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def started(awaitable: Awaitable[Any]) -> asyncio.Task[Any]:
    """Start to wait for something."""
    task = asyncio.ensure_future(awaitable)
    assert isinstance(task, asyncio.Task)
    await settle()
    return task


OpenLine = Callable[..., Line]


@pytest.fixture
async def open_line() -> AsyncIterator[OpenLine]:
    """Return `Line`; the fixture closes each line that a test leaves open."""
    lines: list[Line] = []

    def open_(timeouts: Timeouts | None = None, **limits: int) -> Line:
        lines.append(Line(timeouts, **limits))
        return lines[-1]

    yield open_
    for line in lines:
        line.peer.abort()
    await settle()


# Receiving.


async def test_received_bytes_are_given(open_line: OpenLine) -> None:
    line = open_line()
    line.peer.peer_sends(b"data")
    assert await line.channel.receive() == b"data"


async def test_the_end_of_input_is_an_empty_piece(open_line: OpenLine) -> None:
    line = open_line()
    line.peer.peer_ends()
    assert await line.channel.receive() == b""


async def test_a_reset_is_disconnected(open_line: OpenLine) -> None:
    line = open_line()
    receiving = await started(line.channel.receive())
    line.peer.peer_resets()
    with pytest.raises(Disconnected):
        await receiving


async def test_the_deadline_of_a_wait_is_a_timeout(open_line: OpenLine) -> None:
    line = open_line()
    line.channel.deadline = 5.0
    receiving = await started(line.channel.receive())
    await line.pass_time(4.9)
    assert not receiving.done()
    await line.pass_time(0.1)
    with pytest.raises(TimeoutError):
        await receiving
    assert receiving.cancelling() == 0


async def test_a_deadline_holds_for_one_wait(open_line: OpenLine) -> None:
    line = open_line()
    line.channel.deadline = 5.0
    line.peer.peer_sends(b"data")
    await line.channel.receive()
    assert line.channel.deadline == inf
    receiving = await started(line.channel.receive())
    await line.pass_time(1000)
    assert not receiving.done()
    line.peer.peer_ends()
    await receiving


async def test_bytes_that_came_at_the_deadline_are_not_lost(open_line: OpenLine) -> None:
    line = open_line()
    line.channel.deadline = 5.0
    receiving = await started(line.channel.receive())
    line.peer.peer_sends(b"data")
    line.now = 5.0
    line.channel.check(line.now)
    with pytest.raises(TimeoutError):
        await receiving
    assert await line.channel.receive() == b"data"


async def test_the_cancellation_of_somebody_else_goes_through(open_line: OpenLine) -> None:
    line = open_line()
    receiving = await started(line.channel.receive())
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving
    assert not line.channel.has_reader


async def test_a_task_that_waits_in_the_name_of_another_is_the_one_that_is_woken(open_line: OpenLine) -> None:
    line = open_line()

    async def receive() -> bytes:
        return await line.channel.receive(asyncio.current_task())

    line.channel.deadline = 5.0
    receiving = await started(receive())
    assert line.channel.has_reader
    await line.pass_time(5)
    with pytest.raises(TimeoutError):
        await receiving


async def test_two_reads_at_once_are_a_mistake_of_ours(open_line: OpenLine) -> None:
    line = open_line()
    first = await started(line.channel.receive())
    with pytest.raises(RuntimeError):
        await line.channel.receive()
    line.peer.peer_sends(b"data")
    assert await first == b"data"


async def test_a_second_read_leaves_the_first_its_deadline(open_line: OpenLine) -> None:
    line = open_line()
    line.channel.deadline = 5.0
    first = await started(line.channel.receive())
    with pytest.raises(RuntimeError):
        await line.channel.receive()
    await line.pass_time(5)
    with pytest.raises(TimeoutError):
        await first


async def test_what_is_taken_is_taken_once(open_line: OpenLine) -> None:
    line = open_line()
    line.channel.buffer = b"rest"
    assert line.channel.take() == b"rest"
    assert line.channel.take() == b""


async def test_a_channel_knows_whether_it_is_read(open_line: OpenLine) -> None:
    line = open_line()
    assert not line.channel.has_reader
    receiving = await started(line.channel.receive())
    assert line.channel.has_reader
    line.peer.peer_ends()
    await receiving
    assert not line.channel.has_reader


# Sending.


async def test_sent_bytes_reach_the_peer_and_are_counted(open_line: OpenLine) -> None:
    line = open_line()
    await line.channel.send(b"one")
    await line.channel.send(b"two")
    assert line.peer.received == b"onetwo"
    assert line.channel.sent == 6


async def test_a_channel_says_whether_a_drain_is_due(open_line: OpenLine) -> None:
    line = open_line(write_buffer_bytes=10)
    line.peer.peer_reads(False)
    line.channel.write(b"x" * 10)
    assert not line.channel.is_full()
    line.channel.write(b"x")
    assert line.channel.is_full()


async def test_a_send_waits_for_a_peer_that_is_slow(open_line: OpenLine) -> None:
    line = open_line(write_buffer_bytes=10)
    line.peer.peer_reads(False)
    sending = await started(line.channel.send(b"x" * 11))
    assert not sending.done()
    line.peer.peer_reads(True)
    await sending


@pytest.mark.parametrize("leaves", [MemoryTransport.peer_resets, MemoryTransport.close, MemoryTransport.abort])
async def test_who_writes_to_a_peer_that_is_gone_is_told(open_line: OpenLine, leaves: Any) -> None:
    line = open_line()
    leaves(line.peer)
    with pytest.raises(Disconnected):
        line.channel.write(b"data")
    await settle()


async def test_who_waits_for_a_peer_that_leaves_is_told(open_line: OpenLine) -> None:
    line = open_line(write_buffer_bytes=10)
    line.peer.peer_reads(False)
    sending = await started(line.channel.send(b"x" * 11))
    line.peer.peer_resets()
    with pytest.raises(Disconnected):
        await sending


async def test_a_wait_for_room_that_has_ended_leaves_no_deadline(open_line: OpenLine) -> None:
    line = open_line(write_buffer_bytes=10)
    line.peer.peer_reads(False)
    sending = await started(line.channel.send(b"x" * 11))
    line.peer.peer_reads(True)
    await sending
    await line.pass_time(1000)
    assert not line.channel.is_closing()


async def test_who_waits_for_a_peer_that_takes_nothing_is_told(open_line: OpenLine) -> None:
    line = open_line(Timeouts(write_idle_seconds=3), write_buffer_bytes=10)
    line.peer.peer_reads(False)
    sending = await started(line.channel.send(b"x" * 11))
    await line.pass_time(2.9)
    assert not sending.done()
    await line.pass_time(0.1)
    with pytest.raises(Disconnected):
        await sending
    assert line.peer.was_reset


async def test_the_waits_of_one_answer_are_added_up(open_line: OpenLine) -> None:
    line = open_line(write_buffer_bytes=10)
    line.peer.peer_reads(False)
    line.channel.start_response()
    for _ in range(2):
        sending = await started(line.channel.send(b"x" * 11))
        await line.pass_time(2)
        line.peer.peer_takes(1000)
        await sending
    sending = await started(line.channel.send(b"x" * 11))
    await line.pass_time(1.2)  # four of the five seconds of grace were used, and 22 bytes earn a tenth of a second
    with pytest.raises(Disconnected):
        await sending


async def test_a_new_answer_has_a_new_grace(open_line: OpenLine) -> None:
    line = open_line(write_buffer_bytes=10)
    line.peer.peer_reads(False)
    for _ in range(3):
        line.channel.start_response()
        sending = await started(line.channel.send(b"x" * 11))
        await line.pass_time(4.9)
        line.peer.peer_takes(1000)
        await sending
    assert not line.peer.was_reset


async def test_a_wait_for_room_leaves_the_wait_for_bytes_its_deadline(open_line: OpenLine) -> None:
    line = open_line(write_buffer_bytes=10)
    line.channel.deadline = 5.0
    receiving = await started(line.channel.receive())
    line.peer.peer_reads(False)
    sending = await started(line.channel.send(b"x" * 11))
    line.peer.peer_reads(True)
    await sending
    await line.pass_time(5)
    with pytest.raises(TimeoutError):
        await receiving


# What the sweep checks.


async def test_the_end_of_input_and_a_reset_are_seen(open_line: OpenLine) -> None:
    line = open_line()
    assert not line.channel.is_at_end()
    assert not line.channel.is_reset()
    line.peer.peer_ends()
    assert line.channel.is_at_end()
    assert not line.channel.is_reset()
    line.peer.peer_resets()
    assert line.channel.is_reset()
    await settle()


async def test_input_that_is_still_to_be_read_is_not_the_end(open_line: OpenLine) -> None:
    line = open_line()
    line.peer.peer_sends(b"the next request")
    line.peer.peer_ends()
    assert not line.channel.is_at_end()


async def test_a_deadline_without_a_wait_does_nothing(open_line: OpenLine) -> None:
    line = open_line()
    line.channel.deadline = 5.0
    await line.pass_time(5)
    assert not line.channel.is_closing()


# Ending.


async def test_a_close_sends_what_is_left(open_line: OpenLine) -> None:
    line = open_line()
    line.peer.peer_reads(False)
    line.channel.write(b"last words")
    closing = await started(line.channel.close(linger=False))
    assert not closing.done()
    line.peer.peer_reads(True)
    await closing
    assert line.peer.received == b"last words"
    assert not line.peer.was_reset


async def test_a_lingering_close_ends_with_the_peers_input(open_line: OpenLine) -> None:
    line = open_line()
    closing = await started(line.channel.close(linger=True))
    assert line.peer.ended
    assert not line.peer.is_closing()
    line.peer.peer_sends(b"x" * 10_000)
    await settle()
    assert not closing.done()
    line.peer.peer_ends()
    await closing
    assert line.peer.is_closing()
    assert not line.peer.was_reset


async def test_a_lingering_close_ends_after_its_time(open_line: OpenLine) -> None:
    line = open_line(Timeouts(linger_seconds=2))
    closing = await started(line.channel.close(linger=True))
    await line.pass_time(1)
    line.peer.peer_sends(b"more")
    await line.pass_time(1)
    await closing


async def test_a_close_does_not_linger_for_a_peer_that_is_gone(open_line: OpenLine) -> None:
    line = open_line()
    line.peer.peer_resets()
    await line.channel.close(linger=True)
    await settle()


async def test_a_reset_ends_a_lingering_close(open_line: OpenLine) -> None:
    line = open_line()
    closing = await started(line.channel.close(linger=True))
    line.peer.peer_resets()
    await closing


async def test_a_close_does_not_read_what_somebody_else_reads(open_line: OpenLine) -> None:
    line = open_line()
    receiving = await started(line.channel.receive())
    await line.channel.close(linger=True)
    assert await receiving == b""


async def test_an_abort_drops_what_is_left(open_line: OpenLine) -> None:
    line = open_line()
    line.peer.peer_reads(False)
    line.channel.write(b"never seen")
    line.channel.abort()
    line.peer.peer_reads(True)
    assert line.peer.received == b""
    assert line.channel.is_closing()
    await settle()


async def test_a_peer_that_is_gone_before_its_channel_is_made_is_no_error() -> None:
    reader, writer, transport = open_memory_streams(1024)
    transport.peer_resets()
    channel = Channel(reader, writer, Service(nobody, Config(), lambda: 0.0))
    assert channel.is_closing()
    await settle()


# What uvloop reports.


async def test_a_runtime_error_of_a_closed_transport_is_disconnected(
    open_line: OpenLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = open_line()

    def write(data: bytes) -> None:
        line.peer.abort()
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    monkeypatch.setattr(line.peer, "write", write)
    with pytest.raises(Disconnected):
        line.channel.write(b"data")
    await settle()


async def test_a_runtime_error_of_an_open_transport_is_a_mistake_of_ours(
    open_line: OpenLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = open_line()

    def write(data: bytes) -> None:
        raise RuntimeError("Cannot call write() after write_eof()")

    monkeypatch.setattr(line.peer, "write", write)
    with pytest.raises(RuntimeError, match="write_eof"):
        line.channel.write(b"data")
