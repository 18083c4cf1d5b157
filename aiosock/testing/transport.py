"""A transport in memory: an asyncio transport for the server, and methods that act as the client does."""

import asyncio
from typing import Any, Final, cast

from aiosock.errors import Disconnected
from aiosock.net.reader import Reader

DEFAULT_HIGH_WATER: Final = 64 * 1024


class MemoryTransport(asyncio.Transport):
    """The server's transport. The peer takes the bytes as they are written, unless it has stopped reading."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol) -> None:
        super().__init__({"peername": ("127.0.0.1", 50000), "sockname": ("127.0.0.1", 80)})
        self._loop = loop
        self._protocol = protocol
        self._high = DEFAULT_HIGH_WATER
        self._low = DEFAULT_HIGH_WATER // 4
        self._buffer = bytearray()
        self._unread = bytearray()
        self._closing = False
        self._ending = False
        self._lost = False
        self._paused_writing = False
        self._reading = True
        self._peer_ended = False
        self._peer_reads = True
        self.received: bytearray = bytearray()
        self.ended: bool = False
        self.was_reset: bool = False
        self.changed: asyncio.Event = asyncio.Event()
        protocol.connection_made(self)

    # The server calls these.

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol that is told what the peer does."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Tell another protocol from now on."""
        self._protocol = cast(asyncio.Protocol, protocol)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write bytes to the peer, or to the buffer while the peer does not read."""
        if self._closing or self._ending:
            return
        self._buffer += data
        self._flow()

    def write_eof(self) -> None:
        """End the server's side of the connection after the peer has taken all bytes."""
        self._ending = True
        self._flow()

    def can_write_eof(self) -> bool:
        """Return True, as a TCP transport does."""
        return True

    def close(self) -> None:
        """Close the connection after the peer has taken all bytes."""
        self._closing = True
        self._flow()

    def abort(self) -> None:
        """Close the connection now and drop the buffer: the peer sees a reset."""
        self.was_reset = self.was_reset or not self._lost
        self._buffer.clear()
        self._closing = True
        self._lose(None)

    def is_closing(self) -> bool:
        """Return whether either side has closed the connection."""
        return self._closing

    def get_write_buffer_size(self) -> int:
        """Return the number of bytes that the peer has not taken."""
        return len(self._buffer)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the buffer sizes in bytes at which the server must pause writing, and may resume."""
        self._high = DEFAULT_HIGH_WATER if high is None else high
        self._low = self._high // 4 if low is None else low
        self._flow()

    def pause_reading(self) -> None:
        """Hold back the bytes that the peer sends."""
        self._reading = False

    def resume_reading(self) -> None:
        """Deliver the bytes that the peer sends, including those held back."""
        self._reading = True
        self._loop.call_soon(self._deliver)

    def is_reading(self) -> bool:
        """Return whether bytes that the peer sends reach the server."""
        return self._reading and not self._closing

    # The peer calls these.

    def peer_sends(self, data: bytes) -> None:
        """Send bytes to the server. Raises Disconnected if the connection is closed."""
        if self._lost or self._peer_ended:
            raise Disconnected("the connection is closed")
        self._unread += data
        self._deliver()

    def peer_ends(self) -> None:
        """Half-close: the server reads the end of its input."""
        self._peer_ended = True
        self._deliver()

    def peer_resets(self) -> None:
        """Reset the connection."""
        self._closing = True
        self._buffer.clear()
        self._lose(ConnectionResetError("the peer reset the connection"))

    def peer_reads(self, reads: bool) -> None:
        """Stop reading the bytes that the server writes, or read again."""
        self._peer_reads = reads
        self._flow()

    def peer_takes(self, count: int) -> None:
        """Take up to `count` bytes from the buffer, although the peer has stopped reading."""
        self.received += self._buffer[:count]
        del self._buffer[:count]
        self._flow()

    # Effects of both.

    def _deliver(self) -> None:
        if not self._reading or self._lost:
            return
        if self._unread:
            data, self._unread = bytes(self._unread), bytearray()
            self._protocol.data_received(data)
        if self._peer_ended:
            self._protocol.eof_received()

    def _flow(self) -> None:
        if self._peer_reads and self._buffer:
            self.received += self._buffer
            self._buffer.clear()
        if not self._buffer and (self._ending or self._closing):
            self.ended = True
        self.changed.set()
        if len(self._buffer) > self._high and not self._paused_writing:
            self._paused_writing = True
            self._protocol.pause_writing()
        elif len(self._buffer) <= self._low and self._paused_writing:
            self._paused_writing = False
            self._protocol.resume_writing()
        if self._closing and not self._buffer:
            self._lose(None)

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = True
            self.changed.set()
            self._loop.call_soon(self._protocol.connection_lost, error)


def open_memory_streams(limit: int) -> tuple[Reader, asyncio.StreamWriter, MemoryTransport]:
    """Return the streams that a listener would pass to a server, and their transport."""
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader(limit, loop)
    protocol: Any = asyncio.StreamReaderProtocol(stream, loop=loop)
    transport = MemoryTransport(loop, protocol)
    writer = asyncio.StreamWriter(transport, protocol, stream, loop)
    return Reader(stream, writer), writer, transport
