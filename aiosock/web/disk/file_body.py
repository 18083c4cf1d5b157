"""FileBody: parts of an open file as the body of a response."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

from aiosock.errors import HTTPError
from aiosock.wire.ranges import Span

BLOCK: Final = 256 * 1024
"""Bytes read at once: enough that the call in a thread costs little in comparison."""

LAST_BLOCK: Final = 16 * 1024
"""The last bytes of a span, which are sent only if the file is then unchanged."""


class FileBody:
    """Spans of an open file, and bytes between them, as one body. Whoever sends it must close it.

    The file is checked again before its last bytes are sent. If it has changed, the response is broken off, so that no
    client takes half of one version and half of another for a whole file. Bytes that the kernel copies are not safe: it
    keeps a reference to them until the peer has them, so writing into the file in place may still change them.

    A change is an HTTPError, although its status can seldom be sent: it is no mistake of the program, so the log gets
    one line and no traceback.
    """

    __slots__ = ("descriptor", "name", "parts", "status")

    def __init__(self, descriptor: int, name: str, status: os.stat_result, parts: Sequence[Span | bytes] = ()) -> None:
        """Own the descriptor; `status` is that of the file when the fields of the response were made."""
        self.descriptor: int = descriptor
        self.name: str = name
        self.status: os.stat_result = status
        self.parts: Sequence[Span | bytes] = parts

    @property
    def length(self) -> int:
        """The number of bytes of all parts."""
        return sum(part.length if isinstance(part, Span) else len(part) for part in self.parts)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the bytes block by block, read in a thread; raise what `read` and `read_last` raise."""
        for part in self.parts:
            if isinstance(part, bytes):
                yield part
                continue
            bulk, last = split(part)
            for block in blocks(bulk):
                yield await asyncio.to_thread(self.read, block)
            yield await asyncio.to_thread(self.read_last, last)

    def read(self, span: Span) -> bytes:
        """Read a span; raise HTTPError (503) if the file has become too short for it."""
        data = read_span(self.descriptor, span)
        if len(data) < span.length:
            raise HTTPError(503, f"{self.name!r} became shorter while it was sent.")
        return data

    def read_last(self, span: Span) -> bytes:
        """Read the last bytes of a span; raise HTTPError (503) if the file has changed since it was opened."""
        data = self.read(span)
        now, then = os.fstat(self.descriptor), self.status
        # A file that has grown is accepted: probably something was appended, as to a log, and the rest is unchanged.
        if now.st_mtime_ns != then.st_mtime_ns and now.st_size <= then.st_size:
            raise HTTPError(503, f"{self.name!r} changed while it was sent.")
        return data

    async def aclose(self) -> None:
        """Close the file. This does not block: nothing is left to be written."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        # The response may never be sent: a middleware replaces it or fails, or the request is cancelled while a thread
        # opens the file.
        if self.descriptor >= 0:
            os.close(self.descriptor)


def read_span(descriptor: int, span: Span) -> bytes:
    """Read a span of a file, less only if the file ends before; blocks."""
    data = os.pread(descriptor, span.length, span.start)
    while len(data) < span.length:  # a signal, or a file system that reads less than asked for
        more = os.pread(descriptor, span.length - len(data), span.start + len(data))
        if not more:
            break
        data += more
    return data


def split(span: Span) -> tuple[Span, Span]:
    """Return a span in two: bytes to be sent as they are read, and the last bytes, for `read_last`."""
    middle = max(span.start, span.stop - LAST_BLOCK)
    return Span(span.start, middle), Span(middle, span.stop)


def blocks(span: Span) -> Iterator[Span]:
    """Yield a span in pieces of at most BLOCK bytes."""
    for start in range(span.start, span.stop, BLOCK):
        yield Span(start, min(start + BLOCK, span.stop))
