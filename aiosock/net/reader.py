"""Reader: a StreamReader that hands what arrives to the task that waits for it, as one piece and without a copy.

asyncio's own puts all bytes into a `bytearray`, wakes the task, and copies them out again. That is needed where nobody
waits. Here a task nearly always does (docs/decisions/0017).
"""

import asyncio
from typing import Any


class Reader(asyncio.StreamReader, asyncio.Protocol):
    """Reads a connection in place of the StreamReader that `asyncio.start_server` has made for it.

    It must be made in the callback of `start_server`, before anything can have arrived. It stands between the transport
    and the protocol of the streams, which the StreamWriter still needs. Reading pauses above twice `limit` bytes, as in
    any StreamReader, and all methods of a StreamReader work.
    """

    _buffer: bytearray
    """StreamReader's. No public method tells whether it is empty, or puts bytes back at its start."""

    def __init__(self, writer: asyncio.StreamWriter, limit: int) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(limit, loop)
        transport: Any = writer.transport  # a Transport, though the StreamWriter needs only half of it
        self._streams: asyncio.Protocol = transport.get_protocol()
        self._create_future = loop.create_future
        self._arrival: asyncio.Future[bytes] | None = None
        self._most = 0
        self.set_transport(transport)
        transport.set_protocol(self)

    async def read(self, n: int = -1) -> bytes:
        """Read up to `n` bytes, and wait only while there are none; b"" at the end of the input.

        A read that is cancelled loses nothing. Raises what has ended the connection; RuntimeError if another task
        reads.
        """
        if self._arrival is not None:
            raise RuntimeError("read() called while another task already waits for incoming data")
        if self._buffer or n <= 0 or self.at_eof() or self.exception() is not None:
            return await super().read(n)
        self._most = n
        self._arrival = arrival = self._create_future()
        try:
            # Where nothing has arrived, StreamReader knows how the connection has ended.
            return await arrival or await super().read(n)
        except asyncio.CancelledError:
            if arrival.done() and not arrival.cancelled():  # the bytes came in the same turn of the loop
                self._buffer[:0] = arrival.result()
            raise
        finally:
            self._arrival = None

    @property
    def has_received(self) -> bool:
        """Whether bytes or the end of the input have arrived that no task has taken yet."""
        return bool(self._buffer) or self.at_eof() or (self._arrival is not None and self._arrival.done())

    # The transport calls these. The protocol of the streams is told all but the bytes.

    def data_received(self, data: bytes) -> None:
        """Hand the bytes to the task that waits, or keep them."""
        if self._arrival is None or self._arrival.done():
            self.feed_data(data)
            return
        self._arrival.set_result(data[: self._most])  # all of `data`, and no copy, if it is not longer
        if len(data) > self._most:
            self.feed_data(data[self._most :])

    def eof_received(self) -> bool | None:
        """Wake the task that reads; return whether the other direction stays open."""
        self.feed_eof()
        self._wake()
        return self._streams.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake the tasks that read or write."""
        if exc is None:
            self.feed_eof()
        else:
            self.set_exception(exc)
        self._wake()
        self._streams.connection_lost(exc)

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(b"")

    def pause_writing(self) -> None:
        """Let the writer wait in `drain`."""
        self._streams.pause_writing()

    def resume_writing(self) -> None:
        """Let the writer go on."""
        self._streams.resume_writing()
