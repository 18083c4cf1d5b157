"""A disk that is full: the storage that a request needs is not there (RFC 4918 section 11.5)."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiosock.errors import HTTPError

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No block or inode left, none left for this user, and a file longer than it may be."""


@contextmanager
def demand_room() -> Iterator[None]:
    """Raise HTTPError (507) in place of an OSError that says that there is no room."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise HTTPError(507, "There is no room for that.") from error
