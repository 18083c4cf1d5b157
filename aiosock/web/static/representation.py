"""Representations of a file (RFC 9110 section 3.2): the file itself and its precompressed siblings, such as app.js.gz."""

import errno
import os
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from aiosock.web.static.media import media_type, own_coding
from aiosock.web.static.tree import READ_FLAGS, Tree
from aiosock.wire.conditional import format_date
from aiosock.wire.negotiation import coding_weight, parse_weights

SUFFIXES: Final = {"zstd": ".zst", "br": ".br", "gzip": ".gz"}
"""Content codings (RFC 9110 section 8.4.1) and the suffixes of precompressed siblings."""

READS: Final = 3
"""How often a small file is read if it changes while it is read. After that it is sent like a large one."""


class Representation:
    """One form of a file. `fields` are for a response of 200; `content` is None if it is too large to be kept in memory."""

    __slots__ = ("coding", "content", "content_type", "etag", "fields", "modified", "names", "size", "status")

    def __init__(self, names: Sequence[str], content_type: str, coding: str, status: os.stat_result) -> None:
        """Describe an open file by its `status`. `names` lead to this form, from the root."""
        self.names: Sequence[str] = names
        self.content_type: str = content_type
        self.coding: str = coding
        self.status: os.stat_result = status
        self.size: int = status.st_size
        # RFC 9110 section 8.8.2.1: not later than now. Not before 1970: some file systems have such times.
        self.modified: float = max(0.0, min(status.st_mtime, time.time()))
        # Almost every write changes the time in nanoseconds or the size; a replaced file has another inode.
        self.etag: str = f'"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"'
        self.content: bytes | None = None
        self.fields: tuple[tuple[str, str], ...] = ()

    def describe(self, *, varies: bool, cache_control: str) -> None:
        """Make the fields, once for all responses; `varies` if there are several forms."""
        fields = [
            ("content-type", self.content_type),
            ("etag", self.etag),
            ("last-modified", format_date(self.modified)),
            ("accept-ranges", "bytes"),
            ("x-content-type-options", "nosniff"),
        ]
        if self.coding != "identity":
            fields.append(("content-encoding", self.coding))
        if varies:
            fields.append(("vary", "Accept-Encoding"))
        if cache_control:
            fields.append(("cache-control", cache_control))
        self.fields = tuple(fields)


class Resource:
    """A file, first, and its precompressed siblings; `checked` is when the file system was last asked, in the cache's clock."""

    __slots__ = ("checked", "representations")

    def __init__(self, representations: list[Representation]) -> None:
        self.representations: list[Representation] = representations
        self.checked: float = 0.0

    @property
    def weight(self) -> int:
        """Roughly the bytes of memory that it takes."""
        return 2048 + sum(len(representation.content or b"") for representation in self.representations)

    def choose(self, accept_encoding: str | None) -> Representation | None:
        """Return the form that the client prefers (RFC 9110 section 12.5.3), of equals the smallest; None if it accepts none."""
        if accept_encoding is None or (len(self.representations) == 1 and not _refuses_identity(accept_encoding)):
            return self.representations[0]
        weights = parse_weights(accept_encoding)
        best, most = None, (0.0, 0)
        for representation in self.representations:
            rank = (coding_weight(weights, representation.coding), -representation.size)
            if rank[0] and rank > most:
                best, most = representation, rank
        return best


def find(tree: Tree, names: Sequence[str], codings: Sequence[str], limit: int) -> Resource:
    """Look up a file and its precompressed siblings, and read those of up to `limit` bytes; blocks.

    Raises OSError as `Tree.open` does; IsADirectoryError for a directory; PermissionError for anything else that is not
    a regular file.
    """
    original = _represent(tree, names, "", "", limit)
    representations = [original]
    for coding in codings if original.coding == "identity" else ():
        with suppress(OSError):
            sibling = _represent(tree, names, SUFFIXES[coding], coding, limit)
            # A sibling that is older than its file is out of date. Compare whole seconds: some tools drop the fraction.
            if sibling.status.st_mtime_ns // 10**9 >= original.status.st_mtime_ns // 10**9:
                representations.append(sibling)
    return Resource(representations)


def open_file(tree: Tree, names: Sequence[str]) -> tuple[int, os.stat_result]:
    """Open a regular file; the caller must close the descriptor. Raises what `find` raises; blocks."""
    return _regular(tree.open(names))


def open_path(path: str) -> tuple[int, os.stat_result]:
    """Open a regular file by its path, following links; the caller must close it. Raises what `find` raises; blocks."""
    return _regular(os.open(path, READ_FLAGS))


def _regular(descriptor: int) -> tuple[int, os.stat_result]:
    """Return the descriptor of a regular file and its status; close it and raise OSError if it is of something else."""
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(status.st_mode):
            raise PermissionError(errno.EACCES, "not a regular file")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status


def _represent(tree: Tree, names: Sequence[str], suffix: str, coding: str, limit: int) -> Representation:
    """Return the form of a file whose name has this suffix, read if it has at most `limit` bytes.

    `coding` is "" for the file itself.
    """
    own_names = [*names[:-1], names[-1] + suffix] if names else []
    descriptor, status = open_file(tree, own_names)
    try:
        content, status = read_small(descriptor, status, limit)
    finally:
        os.close(descriptor)
    representation = Representation(own_names, media_type(names[-1]), coding or own_coding(names[-1]), status)
    representation.content = content
    return representation


def read_small(descriptor: int, status: os.stat_result, limit: int) -> tuple[bytes | None, os.stat_result]:
    """Return the content of a file and its status then; None if it has more than `limit` bytes or keeps changing."""
    for _ in range(READS):
        if status.st_size > limit:
            break
        content = os.pread(descriptor, status.st_size + 1, 0)  # one more byte, to see that the file has grown
        before, status = status, os.fstat(descriptor)
        if len(content) == status.st_size and _state_of(before) == _state_of(status):
            return content, status
    return None, status


def _refuses_identity(accept_encoding: str) -> bool:
    return "0" in accept_encoding and not coding_weight(parse_weights(accept_encoding), "identity")


def _state_of(status: os.stat_result) -> tuple[int, int]:
    return status.st_mtime_ns, status.st_size
