"""What a handler writes to directly: a streamed HTTP/1 body (RFC 9112 sections 6 and 7), or a connection taken over."""

import asyncio
from collections.abc import Callable
from math import inf

from aiosock.errors import ResponseError
from aiosock.headers import Headers
from aiosock.net.channel import Channel
from aiosock.web.disk.file_body import FileBody, blocks, split
from aiosock.wire.chunked import check_trailers, encode_chunk, encode_last_chunk
from aiosock.wire.ranges import Span


class Http1BodyWriter:
    """A body in pieces: in chunks, or as many bytes as announced, or until the connection ends (`length` None).

    A `silent` one has no body on the wire: the answer to HEAD, and 204 and 304.
    """

    __slots__ = ("_channel", "_chunked", "_has_ended", "_missing", "_silent", "_when_ended")

    def __init__(
        self, channel: Channel, *, length: int | None, chunked: bool, silent: bool, when_ended: Callable[[], None]
    ) -> None:
        self._channel = channel
        self._missing = length
        self._chunked = chunked
        self._has_ended = False
        self._silent = silent
        self._when_ended = when_ended

    async def write(self, data: bytes) -> None:
        """Send a piece; an empty one sends nothing."""
        self._refuse_after_end()
        if self._silent or not data:  # an empty chunk would be the last one
            return
        self._count(len(data))
        await self._channel.send(encode_chunk(data) if self._chunked else data)

    def takes_files(self) -> bool:
        """Say whether the kernel can copy a file into this body: one of known length, sent as it is."""
        return self._missing is not None and not self._silent and self._channel.can_send_files()

    async def write_file(self, body: FileBody) -> None:
        """Send the spans of a file without reading them: a tenth of the work. Raises ResponseError if it changes."""
        for part in body.parts:
            if isinstance(part, bytes):
                await self.write(part)
                continue
            bulk, last = split(part)
            self._count(bulk.length)
            reached = await self._channel.send_file(body.descriptor, bulk.start, bulk.stop)
            for block in blocks(Span(reached, bulk.stop)):  # what the kernel would not copy
                await self._channel.send(await asyncio.to_thread(body.read, block))
            await self.write(body.read_last(last))

    def takes_trailers(self) -> bool:
        """Say whether fields can be sent behind this body: one in chunks."""
        return self._chunked and not self._silent

    async def end(self, trailers: Headers | None = None) -> None:
        """Say that this was all; trailers are sent where the body is chunked (RFC 9110 section 6.5).

        Raises ResponseError for trailers that may not come so late.
        """
        self._refuse_after_end()
        check_trailers(trailers or ())
        if self._missing:
            raise ResponseError(f"the body is shorter than its Content-Length by {self._missing} bytes")
        self._has_ended = True
        if self.takes_trailers():
            await self._channel.send(encode_last_chunk(trailers.items() if trailers else ()))
        self._when_ended()

    def _count(self, size: int) -> None:
        if self._missing is not None:
            if size > self._missing:
                raise ResponseError(f"the body is longer than its Content-Length by {size - self._missing} bytes")
            self._missing -= size

    def _refuse_after_end(self) -> None:
        # What a kept writer sent now would be read as the start of the next answer.
        if self._has_ended:
            raise ResponseError("the body has already ended")


class Http1Duplex:
    """The bytes of a connection that has left HTTP: what follows the 101 both ways."""

    __slots__ = ("_channel",)

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def receive(self) -> bytes:
        """Give the next bytes, or b"" at their end. The protocol on top sets its own bounds to this wait."""
        self._channel.deadline = inf
        return self._channel.take() or await self._channel.receive()

    async def send(self, data: bytes) -> None:
        """Send bytes, as fast as the peer takes them."""
        self._channel.start_answer()
        await self._channel.send(data)
