"""Reader: hands what arrives to the task that waits for it, as one piece and without a copy.

asyncio's StreamReader puts all bytes into a `bytearray`, wakes the task, and copies them out again. That is needed where
nobody waits. Here a task nearly always does (docs/decisions/0017 and 0026).
"""

import asyncio
from typing import Any


class Reader(asyncio.Protocol):
    """Stands between a transport and its StreamReader, which keeps what arrives while nobody waits.

    It must be made in the callback of `asyncio.start_server`, before anything can have arrived. The protocol of the
    streams is still told of all but the bytes, since the StreamWriter needs it. Reading pauses above twice the limit of
    the StreamReader. Nobody else may read from that one.
    """

    __slots__ = ("_arrival", "_has_ended", "_kept", "_loop", "_most", "_returned", "_stream", "_streams")

    def __init__(self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transport: Any = writer.transport  # a Transport, though the StreamWriter needs only half of it
        self._stream = stream
        self._streams: asyncio.Protocol = transport.get_protocol()
        self._loop = asyncio.get_running_loop()
        self._arrival: asyncio.Future[bytes] | None = None
        self._most = 0
        self._kept = 0  # bytes in the StreamReader
        self._returned = b""  # bytes of a read that was cancelled: they come before those
        self._has_ended = False
        transport.set_protocol(self)

    async def read(self, n: int) -> bytes:
        """Read up to `n` bytes, and wait only while there are none; b"" at the end of the input.

        A read that is cancelled loses nothing. Raises what has ended the connection; RuntimeError if another task
        reads.
        """
        if self._arrival is not None:
            raise RuntimeError("read() called while another task already waits for incoming data")
        if self._returned or self._kept or self._has_ended:
            return await self._read_kept(n)
        self._most = n
        self._arrival = arrival = self._loop.create_future()
        try:
            # Where nothing has arrived, the StreamReader knows how the connection has ended.
            return await arrival or await self._read_kept(n)
        except asyncio.CancelledError:
            if arrival.done() and not arrival.cancelled():  # the bytes came in the same turn of the loop
                self._returned = arrival.result()
            raise
        finally:
            self._arrival = None

    @property
    def has_received(self) -> bool:
        """Whether bytes or the end of the input have arrived that no task has taken yet."""
        is_handed = self._arrival is not None and self._arrival.done()
        return is_handed or self._has_ended or bool(self._returned or self._kept)

    async def _read_kept(self, n: int) -> bytes:
        if self._returned:
            data, self._returned = self._returned[:n], self._returned[n:]
            return data
        data = await self._stream.read(n)
        self._kept -= len(data)
        return data

    def at_eof(self) -> bool:
        """Return whether the peer has ended its input, and all of it has been read."""
        return not self._returned and self._stream.at_eof()

    # The transport calls these. The protocol of the streams is told all but the bytes.

    def data_received(self, data: bytes) -> None:
        """Hand the bytes to the task that waits, or keep them."""
        if self._arrival is None or self._arrival.done():
            self._keep(data)
            return
        self._arrival.set_result(data[: self._most])  # all of `data`, and no copy, if it is not longer
        if len(data) > self._most:
            self._keep(data[self._most :])

    def _keep(self, data: bytes) -> None:
        self._kept += len(data)
        self._stream.feed_data(data)

    def eof_received(self) -> bool | None:
        """Wake the task that reads; return whether the other direction stays open."""
        stays_open = self._streams.eof_received()
        self._end()
        return stays_open

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake the tasks that read or write."""
        self._streams.connection_lost(exc)
        self._end()

    def _end(self) -> None:
        self._has_ended = True
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(b"")

    def pause_writing(self) -> None:
        """Let the writer wait in `drain`."""
        self._streams.pause_writing()

    def resume_writing(self) -> None:
        """Let the writer go on."""
        self._streams.resume_writing()
