"""What threads do for a coroutine: always to its end, for what they work on is closed afterwards."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Protocol, TypeVar

_T = TypeVar("_T")


class Writer(Protocol):
    """A file that is written in a thread, as aiofiles has it."""

    async def write(self, data: bytes, /) -> int:
        """Write some of the bytes, and give how many."""


async def ended(work: Awaitable[_T]) -> _T:
    """Await what a thread does, to its end even when cancelled, and cancelled again: what it works on is about to be closed."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):  # once more: by a deadline, and then by the end of the server
                await asyncio.wait([task])
        raise


async def write_all(file: Writer, block: bytes) -> None:
    """Write a block to an unbuffered file; raises OSError."""
    while block:  # a disk that is nearly full takes a part
        block = block[await ended(file.write(block)) :]
