"""Writing files in threads: always to the end, and with an answer where the disk is full."""

import asyncio
import errno
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Protocol, TypeVar

from aiosock.errors import HTTPError

_T = TypeVar("_T")

DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No block or inode is left, none is left for this user, and a file longer than it may be."""


class Writer(Protocol):
    """A file that is written in a thread, as aiofiles has it."""

    async def write(self, data: bytes, /) -> int:
        """Write some of the bytes and return how many."""


async def to_completion(work: Awaitable[_T]) -> _T:
    """Await work in a thread to its end, even when cancelled, and raise the cancellation afterwards.

    The caller is about to close the file that the thread works on.
    """
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
        block = block[await to_completion(file.write(block)) :]


@contextmanager
def disk_full_is_507() -> Iterator[None]:
    """Raise HTTPError (507) in place of an OSError for a full disk (RFC 4918 section 11.5)."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise HTTPError(507, "There is no room for that.") from error
