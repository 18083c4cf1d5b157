"""Channel: the bytes of one connection, and the deadlines under which it waits for them.

Setting a deadline is an attribute assignment. The server's one sweep compares it with the clock: a timer or an
`asyncio.timeout` for each wait would cost as much as parsing a head.
"""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import inf
from typing import Any, Final, cast

from aiosock.config import Timeouts
from aiosock.errors import Disconnected
from aiosock.net.kernel import has_hung_up, reset_when_closed, unacknowledged
from aiosock.net.pace import Pace
from aiosock.net.reader import Reader
from aiosock.net.service import Service

READ_SIZE: Final = 256 * 1024
"""The most that one read takes. It is what a loop receives at once, so a piece of a body is passed on as it came."""

HEAD_READ_SIZE: Final = 64 * 1024
"""The most where heads are read. Requests of a pipeline are cut from this one by one, so more would cost copies."""

WRITE_BUFFER_BYTES: Final = 64 * 1024
"""What the transports of asyncio and uvloop keep for a slow peer before they pause the writer, if nobody says otherwise."""

YIELD_AFTER: Final = 32
"""Pieces sent in a row before other connections get a turn: a fast peer must not hold the loop."""


class Channel:
    """One connection. A wait in it ends by the peer, or by a deadline, which whoever waits has set: a time of the
    service's clock.

    `deadline` is for the next bytes of the peer. The wait until the peer has taken what was sent has a deadline of its
    own: a handler may read in one task and write in another. `sent` counts bytes given to the transport.
    """

    __slots__ = (
        "_drain",
        "_reader",
        "_rest",
        "_sends",
        "_task",
        "_transport",
        "_writer",
        "buffer",
        "deadline",
        "sent",
        "service",
    )

    def __init__(self, reader: Reader, writer: asyncio.StreamWriter, service: Service) -> None:
        self._reader = reader
        self._writer = writer
        self._transport = cast(asyncio.Transport, writer.transport)
        self._task: asyncio.Task[Any] | None = None
        self._drain: _Drain | None = None  # made for the first response that does not leave at once
        self._sends = 0
        self._rest = b""
        self.service: Service = service
        self.buffer: bytes = b""
        self.deadline: float = inf
        self.sent: int = 0
        # A peer can be gone before its coroutine starts.
        if service.limits.write_buffer_bytes != WRITE_BUFFER_BYTES and not self._transport.is_closing():
            self._transport.set_write_buffer_limits(high=service.limits.write_buffer_bytes)

    # Receiving.

    def take(self) -> bytes:
        """Return the bytes that have been received and not been used."""
        data, self.buffer = self.buffer, b""
        return data

    async def receive(self, task: asyncio.Task[Any] | None = None, most: int = HEAD_READ_SIZE) -> bytes:
        """Return the next bytes, `most` of them; wait until `deadline` if there are none. b"": the end of the peer's input.

        `task` is the task that waits, for callers that know it: asking asyncio is slow on CPython 3.11.

        Raises TimeoutError at the deadline, Disconnected for a reset.
        """
        if self._task is not None:  # checked before the deadline of the other task could change
            raise RuntimeError("another task is already reading")
        self._task = task = task or asyncio.current_task()
        try:
            data = self._rest or await self._reader.read(READ_SIZE)
            self._rest = data[most:]
            return data[:most]  # `data` itself, if it is not longer
        except asyncio.CancelledError:
            if self._task is not None or task is None:
                raise  # somebody else's cancellation
            task.uncancel()
            raise TimeoutError from None
        except (OSError, RuntimeError) as error:
            raise self._translated(error) from error
        finally:
            self._task = None
            self.deadline = inf

    @property
    def has_reader(self) -> bool:
        """Return whether a task waits in `receive`; after the response, one that the handler did not stop."""
        return self._task is not None

    # Sending.

    def write(self, data: bytes) -> None:
        """Pass bytes to the transport, which may keep them; raise Disconnected when the peer is gone."""
        if self._transport.is_closing():
            raise Disconnected("the peer has left")
        try:
            self._transport.write(data)
        except (OSError, RuntimeError) as error:
            raise self._translated(error) from error
        self.sent += len(data)

    def unsent(self) -> int:
        """Return how many bytes wait in the transport."""
        return self._transport.get_write_buffer_size()

    def is_full(self) -> bool:
        """Return whether so much waits for the peer that `drain` is due."""
        return self.unsent() > self.service.limits.write_buffer_bytes

    async def send(self, data: bytes) -> None:
        """Write bytes, and wait while the peer is slower than we are. Other connections get a turn now and then.

        Raises what `write` and `drain` raise.
        """
        self.write(data)
        if self.is_full():
            await self.drain()
        self._sends += 1
        if self._sends % YIELD_AFTER == 0:
            await asyncio.sleep(0)

    def start_response(self) -> None:
        """Measure from here the rate at which the peer takes bytes; bytes taken earlier do not count.

        Nothing changes while a task waits in `drain`: another one could excuse the peer for ever.
        """
        drain = self._draining()
        if not drain.waiters:
            drain.pace.restart(self._taken())

    async def drain(self) -> None:
        """Wait until the peer has taken most of the bytes that were written. Several tasks may wait.

        Raises Disconnected for a peer that leaves, and for one that takes too little too slowly: the sweep resets it.
        """
        drain = self._draining()
        if not drain.waiters:
            now = self.service.clock()
            drain.acknowledged = self._acknowledged()
            drain.deadline = drain.pace.begin(now, self._taken())
        drain.waiters += 1
        try:
            await self._writer.drain()
        except (OSError, RuntimeError) as error:
            raise self._translated(error) from error
        else:
            if self.is_closing():  # asyncio wakes the writers of an aborted transport without an error
                raise Disconnected("the peer has left, or does not read")
        finally:
            drain.waiters -= 1
            if not drain.waiters:
                drain.pace.end(self.service.clock())
                drain.deadline = inf

    def _draining(self) -> "_Drain":
        if self._drain is None:
            self._drain = _Drain(self.service.timeouts)
        return self._drain

    @contextmanager
    def unbuffered(self) -> Iterator[None]:
        """Let `drain` wait, within this block, until nothing is left in the transport."""
        self._transport.set_write_buffer_limits(high=0)
        try:
            yield
        finally:
            if not self.is_closing():
                self._transport.set_write_buffer_limits(high=self.service.limits.write_buffer_bytes)

    def _taken(self) -> int:
        return self.sent - self.unsent()

    def _acknowledged(self) -> int:
        """Return how many bytes the peer has acknowledged: the kernel keeps many for a slow one."""
        return self._taken() - (0 if self.is_closing() else unacknowledged(self.socket))

    def _translated(self, error: OSError | RuntimeError) -> Exception:
        """Return Disconnected for an error that a leaving peer causes: uvloop reports some as RuntimeError."""
        if isinstance(error, OSError) or self.is_closing():
            return Disconnected("the peer has left")
        return error  # our own mistake, such as two reads at once

    # Leaving it to somebody else.

    def release(self) -> socket.socket | None:
        """Leave the connection to somebody else, while a task waits for the next bytes of the peer: return a copy of its socket.

        The peer notices nothing, and the task sees an end of the input. None, and nothing happens, if bytes have been
        received that would be lost or not all has been sent, and for a connection that is no plain socket.
        """
        sock, reader = self.socket, self._reader
        if sock is None or self._task is None or self.is_encrypted or self.is_closing():
            return None
        if reader.has_received or self.has_unread() or self.unsent():
            return None
        copy = socket.socket(fileno=os.dup(sock.fileno()))
        self._transport.abort()  # closes our descriptor, without a reset
        return copy

    # The socket below.

    @property
    def socket(self) -> socket.socket | None:
        """The socket, None for a connection in memory."""
        sock: socket.socket | None = self._transport.get_extra_info("socket")
        return sock

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS stands between the transport and the socket."""
        return self._transport.get_extra_info("sslcontext") is not None

    # What the sweep asks.

    def check(self, now: float) -> bool:
        """Enforce the deadlines; return whether none has passed."""
        drain = self._drain
        if drain is not None and drain.deadline < inf:
            acknowledged = self._acknowledged()
            if acknowledged > drain.acknowledged:
                drain.acknowledged = acknowledged
                drain.deadline = drain.pace.deadline(now, self._taken())
            if now >= drain.deadline:
                self.abort()  # wakes `drain` with an error
                return False
        if now < self.deadline:
            return True
        self.deadline = inf
        if self._task is not None:
            task, self._task = self._task, None  # None tells `receive` whose cancellation it is
            task.cancel()
        return False

    def taking_deadline(self) -> float | None:
        """Return until when a task waits for the peer to take bytes; None where none waits."""
        return self._drain.deadline if self._drain is not None and self._drain.waiters else None

    def excuse(self, seconds: float) -> None:
        """Move the deadlines: for so long, the peer could do nothing about them."""
        self.deadline += seconds
        if self._drain is not None:
            self._drain.deadline += seconds

    def is_reset(self) -> bool:
        """Return whether the peer has reset the connection, or it is closing."""
        return self.is_closing() or (not self._transport.is_reading() and has_hung_up(self.socket))

    def is_at_end(self) -> bool:
        """Return whether the peer has ended its input, and all of it has been read."""
        return not self._rest and self._reader.at_eof()

    def has_unread(self) -> bool:
        """Return whether bytes have been received that nobody has used."""
        return bool(self.buffer or self._rest)

    # Ending.

    def is_closing(self) -> bool:
        """Return whether the connection is gone, by either side."""
        return self._transport.is_closing()

    def abort(self) -> None:
        """End it at once. Bytes not yet sent are dropped; the peer sees a reset."""
        if not self._transport.is_closing():
            # Without the reset the peer would see an orderly end. It would take half a response for a whole one, where
            # the end of the connection is the end of the body.
            reset_when_closed(self.socket)
        self._transport.abort()

    async def close(self, *, linger: bool) -> None:
        """Send what is left and close; with `linger`, let the peer read it before the kernel could send a reset.

        A socket that is closed with unread input resets its peer, which may then lose the response it has not yet read
        (RFC 9112 section 9.6). So: end our side, read and drop for a bounded time, then close.
        """
        try:
            # An aborted transport of uvloop still counts bytes, and refuses to be told anything.
            if self.unsent() and not self.is_closing():
                self._transport.set_write_buffer_limits(high=0)
                await self.drain()
            if linger and not self.has_reader and self._transport.can_write_eof() and not self.is_closing():
                self._transport.write_eof()
                await self._discard(self.service.clock() + self.service.timeouts.linger_seconds)
        except (Disconnected, OSError, TimeoutError):
            self.abort()
        except BaseException:  # cancelled: nothing bounds the wait below any more
            self.abort()
            raise
        finally:
            self._writer.close()
            # The streams keep what ended the connection in a future. Nobody else retrieves it, and the garbage
            # collector would then report it with a traceback: seen for one reset in a thousand.
            with suppress(OSError, RuntimeError):
                await self._writer.wait_closed()

    async def _discard(self, until: float) -> None:
        data = b"any"
        while data:
            self.deadline = until
            data = await self.receive()


class _Drain:
    """The wait until the peer has taken what was written: one for all tasks that send on a channel.

    `acknowledged` is the number of bytes that the peer had when the sweep last saw it take some.
    """

    __slots__ = ("acknowledged", "deadline", "pace", "waiters")

    def __init__(self, timeouts: Timeouts) -> None:
        self.pace = Pace(timeouts.write_idle_seconds, timeouts.write_min_bytes_per_second, timeouts.rate_grace_seconds)
        self.deadline = inf
        self.acknowledged = 0
        self.waiters = 0
