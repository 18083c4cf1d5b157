"""Shortages: a full disk and a process without a free descriptor are answered, and are no failure of the program."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiosock.errors import HTTPError

DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The disk is full, the quota of the user is used up, or the file is longer than allowed."""

NO_DESCRIPTOR: Final = frozenset({errno.EMFILE, errno.ENFILE})
"""The process, or the system, has as many descriptors open as it may have."""


@contextmanager
def shortages_answered() -> Iterator[None]:
    """Raise HTTPError instead of an OSError: 507 for a full disk (RFC 4918 section 11.5), 503 without descriptors."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL:
            raise HTTPError(507, "The server has no disk space left for this.") from error
        if error.errno in NO_DESCRIPTOR:
            raise HTTPError(503, "The server has too many files open.", {"retry-after": "1"}) from error
        raise
