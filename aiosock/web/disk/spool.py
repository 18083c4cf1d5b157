"""Spool: the temporary file of a form, for uploads that do not fit in memory."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from io import FileIO

from aiosock.web.disk.file_body import BLOCK, read_span
from aiosock.web.disk.shortage import shortages_answered
from aiosock.web.disk.writing import to_completion, write_all
from aiosock.wire.ranges import Span


class Spool:
    """One temporary file for all uploads of a form, one after the other, so that a form needs only one descriptor.

    The file has no name if the system allows that, and is deleted when it is closed. `memory` is the number of bytes
    that may still be held in memory instead.
    """

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self.size: int = 0
        self._file: FileIO | None = None
        self._lock = asyncio.Lock()
        self._is_closed = False

    async def append(self, block: bytes) -> None:
        """Write a block to the end; raise HTTPError (507) if the disk is full."""
        from aiofiles.threadpool import wrap

        async with self._locked():
            with shortages_answered():
                if self._file is None:
                    await to_completion(asyncio.to_thread(self._open))
                await write_all(wrap(self._file), block)
            self.size += len(block)

    async def read(self, start: int, length: int) -> bytes:
        """Read bytes that have been written; raise RuntimeError if the request has ended."""
        async with self._locked():
            assert self._file is not None
            return await to_completion(asyncio.to_thread(read_span, self._file.fileno(), Span(start, start + length)))

    @asynccontextmanager
    async def blocks(self, start: int, length: int) -> AsyncIterator[Iterator[bytes]]:
        """Return bytes that have been written, to be read by a thread within the block; raise what `read` raises."""
        async with self._locked():
            assert self._file is not None
            descriptor, end = self._file.fileno(), start + length
            yield (read_span(descriptor, Span(at, min(at + BLOCK, end))) for at in range(start, end, BLOCK))

    def close(self) -> None:
        """Close the file: now, or when the thread that uses it has finished."""
        self._is_closed = True
        if self._file is not None and not self._lock.locked():
            self._file.close()

    def _open(self) -> None:
        from tempfile import TemporaryFile

        self._file = TemporaryFile(buffering=0)  # noqa: SIM115 - `close` closes it

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        """Use the file alone; close it afterwards if `close` was called meanwhile."""
        async with self._lock:
            if self._is_closed:
                raise RuntimeError("the request has ended, and its uploads are deleted")
            try:
                yield
            finally:
                if self._is_closed and self._file is not None:
                    self._file.close()
