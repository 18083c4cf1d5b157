"""Writing a streamed HTTP/1 body (RFC 9112 sections 6 and 7), or the bytes of a connection that has left HTTP."""

import asyncio
from math import inf

from aiosock.errors import ResponseError
from aiosock.headers import Headers
from aiosock.net.channel import Channel
from aiosock.net.kernel import is_in_memory
from aiosock.net.sendfile import can_send_files, send_file
from aiosock.web.disk.file_body import BLOCK, FileBody, split
from aiosock.wire.chunked import encode_chunk, encode_last_chunk
from aiosock.wire.message import check_trailers
from aiosock.wire.ranges import Span


class Http1BodyWriter:
    """A body in pieces: in chunks, or of `length` bytes, or, without either, until the connection ends.

    A `silent` body is not sent: in the response to HEAD, in 204 and in 304.
    """

    __slots__ = ("_channel", "_chunked", "_missing", "_silent")

    def __init__(self, channel: Channel, *, length: int | None, chunked: bool, silent: bool) -> None:
        self._channel = channel
        self._missing = length
        self._chunked = chunked
        self._silent = silent

    async def write(self, data: bytes) -> None:
        """Send a piece; nothing for an empty one.

        Raises Disconnected when the peer is gone, ResponseError beyond the Content-Length.
        """
        if self._silent or not data:  # an empty chunk would be the last one
            return
        self._count(len(data))
        await self._channel.send(encode_chunk(data) if self._chunked else data)

    def takes_files(self) -> bool:
        """Return whether the kernel can copy files into this body: its length is known and it is not encoded."""
        return self._missing is not None and not self._silent and can_send_files(self._channel)

    async def write_file(self, body: FileBody) -> None:
        """Send the spans of a file, unread where they are in memory; raise HTTPError (503) if the file changes, and OSError."""
        for part in body.parts:
            if isinstance(part, bytes):
                await self.write(part)
                continue
            bulk, last = split(part)
            self._count(bulk.length)
            await self._write_span(body, bulk)
            await self.write(await _read_last(body, last))

    async def _write_span(self, body: FileBody, span: Span) -> None:
        """Let the kernel copy what is in memory; read in a thread what it would not copy."""
        reached = span.start
        while (reached := await send_file(self._channel, body.descriptor, reached, span.stop)) < span.stop:
            block = Span(reached, min(reached + BLOCK, span.stop))
            await self._channel.send(await asyncio.to_thread(body.read, block))
            reached = block.stop

    def takes_trailers(self) -> bool:
        """Return whether fields can be sent after this body: only after one in chunks."""
        return self._chunked and not self._silent

    async def end(self, trailers: Headers | None = None) -> None:
        """End the body. Trailers are sent where it is in chunks (RFC 9110 section 6.5).

        Raises ResponseError for forbidden trailers, and where the Content-Length promised more bytes.
        """
        check_trailers(trailers or ())
        if self._missing:
            raise ResponseError(f"the body is shorter than its Content-Length by {self._missing} bytes")
        if self.takes_trailers():
            await self._channel.send(encode_last_chunk(trailers.items() if trailers else ()))

    def _count(self, size: int) -> None:
        if self._missing is not None:
            if size > self._missing:
                raise ResponseError(f"the body is longer than its Content-Length by {size - self._missing} bytes")
            self._missing -= size


async def _read_last(body: FileBody, span: Span) -> bytes:
    """Return the last bytes of a span; in a thread, unless they are in memory."""
    if is_in_memory(body.descriptor, span.start, span.stop):
        return body.read_last(span)
    return await asyncio.to_thread(body.read_last, span)


class Http1Duplex:
    """The bytes of a connection that has left HTTP: everything after the 101, both ways."""

    __slots__ = ("_channel",)

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def receive(self, seconds: float | None = None) -> bytes:
        """Return the next bytes, or b"" at their end; raise TimeoutError after `seconds` without any."""
        channel = self._channel
        if channel.has_reader:  # checked here, before the deadline of the other task could change
            raise RuntimeError("another task is already receiving")
        channel.deadline = inf if seconds is None else channel.service.clock() + seconds
        return channel.take() or await channel.receive()

    async def send(self, data: bytes) -> None:
        """Send bytes as fast as the peer takes them; several tasks may send. Raises Disconnected when the peer is gone."""
        self._channel.start_response()
        await self._channel.send(data)
