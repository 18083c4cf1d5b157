"""Writing files in threads: a write always completes, even if it is cancelled."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeVar

_T = TypeVar("_T")


class Writer(Protocol):
    """A file that is written in a thread, such as those of aiofiles."""

    async def write(self, data: bytes, /) -> int:
        """Write some of the bytes and return how many."""


async def to_completion(work: Awaitable[_T], when_cancelled: Callable[[], object] | None = None) -> _T:
    """Wait until work in a thread has finished, even when cancelled, and raise the cancellation afterwards.

    Otherwise the caller would close the file while the thread still uses it. `when_cancelled` may tell the thread to
    stop.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if when_cancelled is not None:
            when_cancelled()
        while not task.done():
            with suppress(
                asyncio.CancelledError
            ):  # cancelled again, such as by a deadline and then by the end of the server
                await asyncio.wait([task])
        raise


async def write_all(file: Writer, block: bytes) -> None:
    """Write a block to an unbuffered file; raise OSError."""
    while block:  # on a disk that is nearly full, only a part is written
        block = block[await to_completion(file.write(block)) :]
