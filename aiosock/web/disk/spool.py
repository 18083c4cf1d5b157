"""Spool: the temporary file of a form, for what its uploads do not hold in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import FileIO

from aiosock.web.disk.file_body import read_span
from aiosock.web.disk.writing import disk_full_is_507, to_completion, write_all
from aiosock.wire.ranges import Span


class Spool:
    """One file for all uploads of a form, one behind the other: a form takes one descriptor, however many they are.

    It has no name where the system allows that, and is gone once it is closed. `memory` is how many bytes may still be
    held in memory instead.
    """

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self.size: int = 0
        self._file: FileIO | None = None
        self._lock = asyncio.Lock()
        self._is_closed = False

    async def append(self, block: bytes) -> None:
        """Write a block to the end; raise HTTPError (507) where the disk is full."""
        from aiofiles.threadpool import wrap

        async with self._locked():
            with disk_full_is_507():
                if self._file is None:
                    await to_completion(asyncio.to_thread(self._open))
                await write_all(wrap(self._file), block)
            self.size += len(block)

    async def read(self, start: int, length: int) -> bytes:
        """Read what has been written; raise RuntimeError once the request is over."""
        async with self._locked():
            assert self._file is not None
            return await to_completion(asyncio.to_thread(read_span, self._file.fileno(), Span(start, start + length)))

    def close(self) -> None:
        """Close the file: now, or when the thread that works on it is done."""
        self._is_closed = True
        if self._file is not None and not self._lock.locked():
            self._file.close()

    def _open(self) -> None:
        from tempfile import TemporaryFile

        self._file = TemporaryFile(buffering=0)  # noqa: SIM115 - it outlives this call

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        async with self._lock:
            if self._is_closed:
                raise RuntimeError("the request is over, and its uploads are gone")
            try:
                yield
            finally:
                if self._is_closed and self._file is not None:
                    self._file.close()
