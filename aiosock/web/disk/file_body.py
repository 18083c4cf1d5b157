"""FileBody: parts of an open file as the body of an answer."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

from aiosock.errors import ResponseError
from aiosock.wire.ranges import Span

BLOCK: Final = 256 * 1024
"""Bytes read at once: large enough that the hop to a thread costs little."""

LAST_BLOCK: Final = 16 * 1024
"""Bytes that are read before the file is looked at for the last time, and sent after it."""


class FileBody:
    """Spans of an open file, and bytes between them, as they go into one body; to be closed by whoever sends it.

    The file is looked at again before its last bytes are sent: what has been changed meanwhile breaks the answer off,
    so that nobody takes half of one version and half of another for a whole. What the kernel copies it keeps by reference
    until the peer has it: who writes into a file in place, rather than replacing it, may still change bytes under way.
    """

    __slots__ = ("descriptor", "name", "parts", "status")

    def __init__(self, descriptor: int, name: str, status: os.stat_result, parts: Sequence[Span | bytes] = ()) -> None:
        """Take over a descriptor; `status` is the file's when its length and its tag were told."""
        self.descriptor: int = descriptor
        self.name: str = name
        self.status: os.stat_result = status
        self.parts: Sequence[Span | bytes] = parts

    @property
    def length(self) -> int:
        """The bytes of all parts."""
        return sum(part.length if isinstance(part, Span) else len(part) for part in self.parts)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the bytes block by block, read in a thread; raises what `read` and `read_last` raise."""
        for part in self.parts:
            if isinstance(part, bytes):
                yield part
                continue
            bulk, last = split(part)
            for block in blocks(bulk):
                yield await asyncio.to_thread(self.read, block)
            yield await asyncio.to_thread(self.read_last, last)

    def read(self, span: Span) -> bytes:
        """Read a span; raise ResponseError for a file that has become too short for it."""
        data = read_span(self.descriptor, span)
        if len(data) < span.length:
            raise ResponseError(f"{self.name!r} has become shorter while it was sent")
        return data

    def read_last(self, span: Span) -> bytes:
        """Read the last bytes of a span; raise ResponseError for a file that has changed since it was opened."""
        data = self.read(span)
        now, then = os.fstat(self.descriptor), self.status
        # What has grown was most likely appended to, as logs are, and its beginning is what it was.
        if now.st_mtime_ns != then.st_mtime_ns and now.st_size <= then.st_size:
            raise ResponseError(f"{self.name!r} has changed while it was sent")
        return data

    async def aclose(self) -> None:
        """Close the file. At once: a file that was only read has nothing left to write."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        # An answer may never be sent: a middleware puts its own in its place, or fails, or the request is cancelled while
        # a thread opens the file.
        if self.descriptor >= 0:
            os.close(self.descriptor)


def read_span(descriptor: int, span: Span) -> bytes:
    """Read a span of a file, less only where the file ends; blocks."""
    data = os.pread(descriptor, span.length, span.start)
    while len(data) < span.length:  # a signal, or a file system that gives less than there is
        more = os.pread(descriptor, span.length - len(data), span.start + len(data))
        if not more:
            break
        data += more
    return data


def split(span: Span) -> tuple[Span, Span]:
    """Give a span in two: what can be sent as it is read, and the last bytes, sent when the file has stayed the same."""
    middle = max(span.start, span.stop - LAST_BLOCK)
    return Span(span.start, middle), Span(middle, span.stop)


def blocks(span: Span) -> Iterator[Span]:
    """Give a span in pieces, each to be read at once."""
    for start in range(span.start, span.stop, BLOCK):
        yield Span(start, min(start + BLOCK, span.stop))
