"""Tests of aiosock.net.protocol: a second protocol is served, bounded, swept and drained by the very same server.

It echoes lines. That nothing in `net/server.py` or `web` knows of it is what is proven here.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from aiosock.config import Config, Limits, Timeouts
from aiosock.errors import Disconnected
from aiosock.net.answering import Answering
from aiosock.net.channel import Channel
from aiosock.net.protocol import ConnectionState, ServedConnection
from aiosock.net.server import Server
from aiosock.net.service import Service
from aiosock.web.exchange import Connection
from tests.net.helpers import hello


class LineConnection:
    """Echoes lines until the peer ends, is too slow, or is told to go away."""

    def __init__(self, channel: Channel, service: Service) -> None:
        self._channel = channel
        self._service = service
        self.idle_since: float | None = None
        self.under_way: Sequence[Answering] = ()

    async def serve(self) -> None:
        channel, answered = self._channel, False
        try:
            while (line := await self._read_line(answered)) is not None:
                answered = True
                await channel.send(b"bye\n" if self._service.shutdown.is_set() else line.upper())
                if self._service.shutdown.is_set():
                    return
        except (Disconnected, TimeoutError):
            channel.abort()
        finally:
            await channel.close(linger=False)

    async def _read_line(self, is_idle: bool) -> bytes | None:
        channel, timeouts = self._channel, self._service.timeouts
        data = channel.take()
        while b"\n" not in data:
            now = channel.service.clock()
            self.idle_since = now if is_idle and not data else None
            channel.deadline = now + (timeouts.keep_alive_seconds if self.idle_since else timeouts.head_seconds)
            piece = await channel.receive()
            self.idle_since = None
            if not piece:
                return None
            data += piece
        line, _, channel.buffer = data.partition(b"\n")
        return line + b"\n"

    def state(self) -> ConnectionState:
        return ConnectionState(None, "lines", "echoing", "", self._channel.deadline, 0, None, self._channel.sent)

    def release(self) -> socket.socket | None:
        return None

    def go_away(self) -> None:
        if self.idle_since is not None:
            self._channel.deadline = self._channel.service.clock()

    def check(self, now: float) -> None:
        self._channel.check(now)

    def excuse(self, seconds: float) -> None:
        self._channel.excuse(seconds)

    def abort(self) -> None:
        self._channel.abort()


def speak_lines(channel: Channel, service: Service, connection: Connection, task: object) -> ServedConnection:
    return LineConnection(channel, service)


class Clock:
    def __init__(self) -> None:
        self.now = 1.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def serving(clock: Clock, **options: Any) -> AsyncIterator[Server]:
    config = Config(port=0, access_log=False, timeouts=Timeouts(blocked_seconds=0, drain_idle_seconds=0.01), **options)
    async with Server(hello, config, clock=clock, speak=speak_lines) as server:
        yield server


async def connect(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = server.urls[0].removeprefix("http://").rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def say(streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], line: bytes) -> bytes:
    streams[1].write(line)
    return await streams[0].readline()


async def until_closed(streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], server: Server) -> None:
    while server.connections:
        server.sweep()
        await asyncio.sleep(0)
    with suppress(ConnectionResetError):
        assert await streams[0].read() == b""
    streams[1].close()


@pytest.mark.usefixtures("quiet")
async def test_lines_are_served() -> None:
    async with serving(Clock()) as server:
        streams = await connect(server)
        assert await say(streams, b"hello\nwor") == b"HELLO\n"
        assert await say(streams, b"ld\n") == b"WORLD\n"
        assert server.connections == 1
        streams[1].close()


@pytest.mark.usefixtures("quiet")
async def test_a_peer_that_sends_half_a_line_meets_its_deadline_in_the_sweep() -> None:
    clock = Clock()
    async with serving(clock) as server:
        streams = await connect(server)
        assert await say(streams, b"whole\nhalf") == b"WHOLE\n"
        server.sweep()
        assert server.connections == 1
        clock.now += 11
        await until_closed(streams, server)


async def test_at_the_limit_the_connection_that_is_idle_longest_makes_way() -> None:
    clock = Clock()
    async with serving(clock, limits=Limits(connections=2)) as server:
        first, second = await connect(server), await connect(server)
        assert await say(first, b"one\n") == b"ONE\n"
        clock.now += 1
        assert await say(second, b"two\n") == b"TWO\n"
        third = await connect(server)  # into the backlog
        third[1].write(b"three\n")
        answer = asyncio.create_task(third[0].readline())
        while not answer.done():
            server.sweep()
            await asyncio.sleep(0)
        assert answer.result() == b"THREE\n"
        assert await say(second, b"four\n") == b"FOUR\n"
        for streams in (first, second, third):
            streams[1].close()


@pytest.mark.usefixtures("quiet")
async def test_a_drain_lets_the_peer_say_one_more_line() -> None:
    async with serving(Clock()) as server:
        streams = await connect(server)
        assert await say(streams, b"hello\npart") == b"HELLO\n"
        draining = asyncio.create_task(server.drain())
        await server.service.shutdown.wait()
        assert await say(streams, b"ing\n") == b"bye\n"
        assert await draining is True
        assert await streams[0].read() == b""
        streams[1].close()


@pytest.mark.usefixtures("quiet")
async def test_a_drain_does_not_wait_for_an_idle_peer() -> None:
    async with serving(Clock()) as server:
        streams = await connect(server)
        assert await say(streams, b"hello\n") == b"HELLO\n"
        assert await server.drain() is True  # with a clock that stands still: nothing but `go_away` ends it
        with pytest.raises((AssertionError, ConnectionResetError)):
            assert await streams[0].read() == b"more"
        streams[1].close()
