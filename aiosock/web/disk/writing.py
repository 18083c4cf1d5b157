"""Writing files in threads: a write always completes, and a full disk becomes an HTTPError."""

import asyncio
import errno
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Protocol, TypeVar

from aiosock.errors import HTTPError

_T = TypeVar("_T")

DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The disk is full, the quota of the user is used up, or the file is longer than allowed."""


class Writer(Protocol):
    """A file that is written in a thread, such as those of aiofiles."""

    async def write(self, data: bytes, /) -> int:
        """Write some of the bytes and return how many."""


async def to_completion(work: Awaitable[_T]) -> _T:
    """Wait until work in a thread has finished, even when cancelled, and raise the cancellation afterwards.

    Otherwise the caller would close the file while the thread still uses it.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
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


@contextmanager
def disk_full_is_507() -> Iterator[None]:
    """Raise HTTPError (507) instead of an OSError for a full disk (RFC 4918 section 11.5)."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise HTTPError(507, "The server has no disk space left for this.") from error
