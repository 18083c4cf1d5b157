"""Channel: one connection's reader and writer, and the deadline under which it waits.

Setting a deadline is an attribute assignment; the server's one sweep compares it with the clock. A timer or an
`asyncio.timeout` for each wait would cost as much as parsing a head.
"""

import asyncio
import os
import select
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from math import inf
from typing import Any, Final, Protocol, cast

from aiosock.config import Limits, Timeouts
from aiosock.errors import Disconnected

if sys.platform == "linux":
    import fcntl
    import termios

READ_SIZE: Final = 64 * 1024
"""What one read takes at the most. A pipeline is cut request by request from this, so more would cost copies."""


YIELD_AFTER: Final = 32
"""Pieces sent in a row before others get a turn: a peer that reads as fast as we write must not hold the loop."""

SENDFILE_BYTES: Final = 512 * 1024
"""What the kernel copies at once from a file that it has in memory, in some 100 us, before others get a turn."""

WAITING_BYTES: Final = 4 * 1024
"""What is read of a file, and handed to the transport, to wait until the kernel can copy more."""


class Waiting(Enum):
    """Which bytes a connection is waiting for; the drain looks at it."""

    NOTHING = "a handler is at work, or nothing is due"
    IDLE = "the first byte of a request"
    BYTES = "more of a request"


# A global costs 65 ns less to reach than a member of its class, six times for each request.
NOTHING, IDLE, BYTES = Waiting


class Watcher(Protocol):
    """What wants to know that the peer has left: the exchange whose handler is at work."""

    def peer_left(self, *, reset: bool) -> None:
        """Hear that the peer has reset the connection, or, without `reset`, ended its input."""


class Channel:
    """One connection. Every wait in it ends: by the peer, or by a deadline in seconds of `clock`.

    `deadline` is the one for bytes. The wait for room has its own: a handler may read in one task, write in another.
    """

    __slots__ = (
        "_reader",
        "_room_deadline",
        "_room_since",
        "_room_waited",
        "_sends",
        "_taken_before",
        "_task",
        "_transport",
        "_unsent",
        "_writer",
        "buffer",
        "clock",
        "deadline",
        "limits",
        "sent",
        "timeouts",
        "waiting",
        "watcher",
    )

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        limits: Limits,
        timeouts: Timeouts,
        clock: Callable[[], float],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._transport = cast(asyncio.Transport, writer.transport)
        self._task: asyncio.Task[Any] | None = None
        self._unsent = 0
        self._taken_before = 0
        self._room_deadline = inf
        self._room_since = 0.0
        self._room_waited = 0.0
        self._sends = 0
        self.limits: Limits = limits
        self.timeouts: Timeouts = timeouts
        self.clock: Callable[[], float] = clock
        self.buffer: bytes = b""
        self.deadline: float = inf
        self.waiting: Waiting = NOTHING
        self.watcher: Watcher | None = None
        self.sent: int = 0
        if not self._transport.is_closing():  # a peer can be gone before its coroutine starts
            self._transport.set_write_buffer_limits(high=limits.write_buffer_bytes)

    # Receiving.

    def take(self) -> bytes:
        """Give what has been received and not been used."""
        data, self.buffer = self.buffer, b""
        return data

    async def receive(self, waiting: Waiting = BYTES, task: asyncio.Task[Any] | None = None) -> bytes:
        """Wait for bytes until `deadline`; give b"" at the end of the peer's input.

        `task` is the one that waits, for callers that know it: asking asyncio costs 0.5 us on CPython 3.11.

        Raises TimeoutError at the deadline, Disconnected for a reset.
        """
        if self._task is not None:  # before the other one's deadline is touched
            raise RuntimeError("another task is already reading")
        self.waiting = waiting
        self._task = task = task or asyncio.current_task()
        try:
            return await self._reader.read(READ_SIZE)
        except asyncio.CancelledError:
            if self._task is not None or task is None:
                raise  # somebody else's cancellation
            task.uncancel()
            raise TimeoutError from None
        except (OSError, RuntimeError) as error:
            raise self._translated(error) from error
        finally:
            self.waiting = NOTHING
            self._task = None
            self.deadline = inf

    @property
    def is_read(self) -> bool:
        """Say whether somebody waits for bytes: after the answer, a task that its handler has forgotten."""
        return self._task is not None

    # Sending.

    def write(self, data: bytes) -> None:
        """Hand bytes to the transport, which may keep them; raise Disconnected when the peer is gone."""
        if self._transport.is_closing():
            raise Disconnected("the peer has left")
        try:
            self._transport.write(data)
        except (OSError, RuntimeError) as error:
            raise self._translated(error) from error
        self.sent += len(data)

    def unsent(self) -> int:
        """Count the bytes that wait in the transport."""
        return self._transport.get_write_buffer_size()

    def is_full(self) -> bool:
        """Say whether so much waits for the peer that `drain` is due."""
        return self.unsent() > self.limits.write_buffer_bytes

    async def send(self, data: bytes) -> None:
        """Write, and wait while the peer is slower than we are; let other connections go on, now and then."""
        self.write(data)
        if self.is_full():
            await self.drain()
        self._sends += 1
        if self._sends % YIELD_AFTER == 0:
            await asyncio.sleep(0)

    def start_answer(self) -> None:
        """Measure the rate at which the peer takes bytes from here on: what it took before does not excuse it."""
        self._taken_before = self._taken()
        self._room_waited = 0.0

    async def drain(self) -> None:
        """Wait until the peer has taken most of what was written.

        Raises Disconnected for a peer that leaves, and for one that takes too little too slowly: the sweep resets it.
        """
        self._room_since = self.clock()
        self._unsent = self._untaken()
        self._room_deadline = self._write_deadline(self._room_since)
        try:
            await self._writer.drain()
        except (OSError, RuntimeError) as error:
            raise self._translated(error) from error
        else:
            if self.is_closing():  # asyncio wakes the writers of an aborted transport without an error
                raise Disconnected("the peer has left, or does not read")
        finally:
            self._room_waited += self.clock() - self._room_since
            self._room_deadline = inf

    # Sending files.

    def can_send_files(self) -> bool:
        """Say whether the kernel can copy a file to the peer: between us and it is a socket, and nothing that encrypts."""
        sock = self._transport.get_extra_info("socket")
        return hasattr(os, "sendfile") and sock is not None and self._transport.get_extra_info("sslcontext") is None

    async def send_file(self, descriptor: int, start: int, stop: int) -> int:
        """Let the kernel copy bytes of a file to the peer, and give how far that went.

        Before `stop` where the file ends, and where the kernel cannot do it: who reads and writes the rest hears why.
        Raises Disconnected as `drain` does, OSError for a file that cannot be read.
        """
        if self.is_closing():
            raise Disconnected("the peer has left")
        # So that `drain` waits until nothing is left: what the kernel copies must not overtake it.
        self._transport.set_write_buffer_limits(high=0)
        try:
            while start < stop:
                # Others get a turn after each piece, however fast the peer takes it.
                await (self.drain() if self.unsent() else asyncio.sleep(0))
                copied = self._copy(descriptor, start, min(stop - start, SENDFILE_BYTES))
                if not copied:
                    break
                start += copied
        finally:
            if not self.is_closing():
                self._transport.set_write_buffer_limits(high=self.limits.write_buffer_bytes)
        return start

    def _copy(self, descriptor: int, start: int, size: int) -> int:
        """Send up to `size` bytes of a file, and give how many; 0 at its end, and where the kernel cannot do it."""
        if self.is_closing():  # its descriptor may be another connection's by now
            raise Disconnected("the peer has left")
        try:
            copied = os.sendfile(self._transport.get_extra_info("socket").fileno(), descriptor, start, size)
        except BlockingIOError:
            copied = 0
        except OSError:  # a file system or a sandbox that knows no sendfile, a disk that fails, a peer that has left
            return 0
        self.sent += copied
        if copied < size:
            # The socket is full. The transport knows how to wait for it, under every loop, if it has something to send.
            # On a dup of the socket, waiting took a third descriptor for each download.
            piece = os.pread(descriptor, min(size - copied, WAITING_BYTES), start + copied)
            self.write(piece)
            copied += len(piece)
        return copied

    # The rate at which the peer takes bytes.

    def _taken(self) -> int:
        return self.sent - self.unsent()

    def _untaken(self) -> int:
        """Count the bytes that the peer has not acknowledged, where the kernel tells: it keeps many for a slow one."""
        size = self.unsent()
        sock = self._transport.get_extra_info("socket")
        if sock is not None and sys.platform == "linux" and not self.is_closing():
            with suppress(OSError):
                (queued,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))
                size += queued
        return size

    def _write_deadline(self, now: float) -> float:
        """Give the moment at which the peer, were it to take nothing from `now` on, has been too slow."""
        idle = self.timeouts.write_idle_seconds
        if not self.timeouts.write_min_bytes_per_second:
            return now + idle
        earned = (self._taken() - self._taken_before) / self.timeouts.write_min_bytes_per_second
        waited = self._room_waited + now - self._room_since
        return now + min(idle, self.timeouts.rate_grace_seconds + earned - waited)

    def _translated(self, error: OSError | RuntimeError) -> Exception:
        """Give Disconnected for what a peer that has left causes: uvloop reports some of that as RuntimeError."""
        if isinstance(error, OSError) or self.is_closing():
            return Disconnected("the peer has left")
        return error  # our own mistake, such as two reads at once

    # What the sweep calls.

    def check(self, now: float) -> None:
        """Enforce the deadlines, and tell the watcher of a peer that has left."""
        if self._room_deadline < inf:
            unsent = self._untaken()
            if unsent < self._unsent:
                self._unsent = unsent
                self._room_deadline = self._write_deadline(now)
            if now >= self._room_deadline:
                self.abort()  # wakes `drain` with an error
                return
        if now >= self.deadline:
            self._expire()
        elif self.watcher is not None:
            is_reset = self.is_closing() or self._has_hung_up()
            if is_reset or self._reader.at_eof():
                self.watcher.peer_left(reset=is_reset)

    def _has_hung_up(self) -> bool:
        """Ask the kernel for a reset while the transport does not read, and so does not hear of it."""
        sock = self._transport.get_extra_info("socket")
        if sock is None or sys.platform == "win32" or self._transport.is_reading():
            return False
        poll = select.poll()
        poll.register(sock.fileno(), 0)
        return any(events & (select.POLLHUP | select.POLLERR) for _, events in poll.poll(0))

    def _expire(self) -> None:
        self.deadline = inf
        if self._task is not None:
            task, self._task = self._task, None  # None tells `receive` whose cancellation it is
            task.cancel()

    # Ending.

    def is_closing(self) -> bool:
        """Say whether the connection is gone, by either side."""
        return self._transport.is_closing()

    def abort(self) -> None:
        """End it at once; bytes not yet sent are dropped, the peer sees a reset."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None and not self._transport.is_closing():
            # Without it the peer would see an orderly end, and take half an answer for a whole one where the end of the
            # connection is the end of the body.
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    async def close(self, *, linger: bool) -> None:
        """Send what is left and close; with `linger`, let the peer read it before the kernel could send a reset.

        A socket closed with unread input resets its peer, which may then lose the answer it has not yet read
        (RFC 9112 section 9.6). So: end our side, read and drop for a bounded time, then close.
        """
        try:
            if self.unsent():
                self._transport.set_write_buffer_limits(high=0)
                await self.drain()
            if linger and not self.is_read and self._transport.can_write_eof() and not self.is_closing():
                self._transport.write_eof()
                await self._discard(self.clock() + self.timeouts.linger_seconds)
        except (Disconnected, OSError, TimeoutError):
            self.abort()
        finally:
            self._writer.close()
            # A future of the streams' own holds what ended the connection. Left to the garbage collector, it is reported
            # as an exception that nobody retrieved, with a traceback: seen for one reset in a thousand.
            with suppress(OSError, RuntimeError):
                await self._writer.wait_closed()

    async def _discard(self, until: float) -> None:
        data = b"any"
        while data:
            self.deadline = until
            data = await self.receive()
