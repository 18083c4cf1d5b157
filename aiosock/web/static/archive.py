"""A directory as one file, made while it is sent: zip (APPNOTE 6.3.10) or tar (POSIX.1-2001) in gzip (RFC 1952)."""

import asyncio
import errno
import os
import stat
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from threading import Lock
from typing import IO, Final, Protocol, cast

from aiosock.errors import ResponseError
from aiosock.web.static.tree import Tree

BLOCK: Final = 256 * 1024
"""Bytes of a file that are packed at a time; with what they become, all that is in memory of it."""

PIECE: Final = 64 * 1024
"""Bytes of an archive that are worth a hop to a thread: many small files go together."""

LEVEL: Final = 1
"""Of compression. Level 6 takes three times as long for some 10 % less, and most large files are compressed already."""

FORMATS: Final = {"zip": "application/zip", "tar.gz": "application/gzip"}

_LEVEL_ATTRIBUTE: Final = "compress_level" if sys.version_info >= (3, 13) else "_compresslevel"

_SKIPPED_ERRORS = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO})
"""What opening a file raises that has gone, or that we may not read. Anything else, such as EMFILE, is an error."""


class Archive:
    """What is below a directory as the body of an answer. Symbolic links are left out: they could lead round in circles.

    What cannot be read is left out too; a file that becomes shorter while it is packed breaks the answer off.
    """

    def __init__(self, tree: Tree, names: Sequence[str], kind: str) -> None:
        """Pack what `names` lead to, as a `kind` of FORMATS. Reads nothing yet."""
        self._tree = Tree(tree.root, dotfiles=tree.dotfiles)
        self._names = list(names)
        self._packer: _Packer = _Zip() if kind == "zip" else _Tar()
        self._pieces = self._pack_all(self._packer)
        self._lock = Lock()
        self._is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the archive piece by piece, each packed in a thread when the one before has been taken.

        Raises ResponseError for a file that has become shorter, or a directory that has gone.
        """
        while piece := await asyncio.to_thread(self._next):
            yield piece

    async def aclose(self) -> None:
        """Close the file that is being packed: now, or as soon as the thread that packs it lets go of it.

        Cancelling what waits for a thread does not stop the thread, and a generator that runs cannot be closed.
        """
        self._is_closed = True
        self._close()

    def _next(self) -> bytes:
        """Give the next piece, b"" at the end; blocks."""
        taken: list[bytes] = []
        size = 0
        try:
            with self._lock:
                while size < PIECE and not self._is_closed:
                    block = next(self._pieces, None)
                    if block is None:
                        break
                    taken.append(block)
                    size += len(block)
        finally:
            if self._is_closed:  # `aclose` may have found the lock taken
                self._close()
        return b"".join(taken)

    def _close(self) -> None:
        if self._lock.acquire(blocking=False):
            try:
                self._pieces.close()
                self._packer.close()
            finally:
                self._lock.release()

    def _pack_all(self, packer: "_Packer") -> Generator[bytes, None, None]:
        """Give what the packer makes of each file and directory, depth first, in the order of names.

        Raises what `__aiter__` raises. An empty piece is nothing yet.
        """
        start = self._real_names()
        left = [start]
        while left:
            names = left.pop()
            try:
                descriptor = self._tree.open(names)
            except OSError as error:
                if names == start:
                    raise ResponseError("the directory has gone, or may not be read") from error
                if error.errno not in _SKIPPED_ERRORS:
                    raise
                continue
            try:
                status = os.fstat(descriptor)
                path = "/".join(names[len(start) :])
                if stat.S_ISDIR(status.st_mode):
                    left += self._children(names)
                    if path:
                        yield packer.begin(f"{path}/", status) + packer.finish()
                elif stat.S_ISREG(status.st_mode):
                    yield packer.begin(path, status)
                    for block in _read_blocks(descriptor, path, status.st_size):
                        yield packer.pack(block)
                    yield packer.finish()
            finally:
                os.close(descriptor)
        yield from packer.end()

    def _real_names(self) -> list[str]:
        """Give the names that lead to the directory without a link: it may have been reached by one."""
        root, real = self._tree.root.resolve(), self._tree.root.joinpath(*self._names).resolve()
        if not real.is_relative_to(root):
            raise ResponseError("the directory is not below its root any more")
        return list(real.relative_to(root).parts)

    def _children(self, names: list[str]) -> list[list[str]]:
        try:
            return [[*names, entry.name] for entry in sorted(self._tree.scan(names), reverse=True)]
        except OSError as error:
            if error.errno not in _SKIPPED_ERRORS:
                raise
            return []


class _Packer(Protocol):
    """A format: for each file `begin`, `pack` for its blocks, `finish`; in the end `end`. All give bytes to be sent."""

    def begin(self, path: str, status: os.stat_result) -> bytes:
        """Start a file of `status.st_size` bytes, or a directory, whose path ends with a slash."""

    def pack(self, block: bytes) -> bytes:
        """Take the next bytes of the file."""

    def finish(self) -> bytes:
        """End the file."""

    def end(self) -> Iterator[bytes]:
        """End the archive."""

    def close(self) -> None:
        """Let go of it, ended or not."""


class _Tar:
    def __init__(self) -> None:
        self._deflate = zlib.compressobj(LEVEL, wbits=31)
        self._padding = 0

    def begin(self, path: str, status: os.stat_result) -> bytes:
        info = tarfile.TarInfo(path.removesuffix("/"))
        info.mtime, info.mode = int(status.st_mtime), status.st_mode & 0o777
        if path.endswith("/"):
            info.type = tarfile.DIRTYPE
        else:
            info.size = status.st_size
        self._padding = -info.size % tarfile.BLOCKSIZE
        return self._deflate.compress(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))

    def pack(self, block: bytes) -> bytes:
        return self._deflate.compress(block)

    def finish(self) -> bytes:
        return self._deflate.compress(bytes(self._padding))

    def end(self) -> Iterator[bytes]:
        yield self._deflate.compress(bytes(2 * tarfile.BLOCKSIZE)) + self._deflate.flush()

    def close(self) -> None:
        pass


class _Zip:
    """What cannot be sought in: sizes and checksum follow each file (APPNOTE 4.3.9)."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._archive = zipfile.ZipFile(cast(IO[bytes], self._sink), "w")
        self._file: IO[bytes] | None = None

    def begin(self, path: str, status: os.stat_result) -> bytes:
        is_directory = path.endswith("/")
        # From 1980 to 2107: as MS-DOS counted years (4.4.6).
        moment = time.localtime(min(max(status.st_mtime, 0.0), 2.0**32))[:6]
        info = zipfile.ZipInfo(path, max(moment, (1980, 1, 1, 0, 0, 0)))
        info.external_attr = (status.st_mode & 0xFFFF) << 16 | (0x10 if is_directory else 0)
        if not is_directory:
            info.compress_type = zipfile.ZIP_DEFLATED
            info.file_size = status.st_size  # beyond 2 GiB, sizes take 64 bits
            # What is given to `open` does not take the level of the ZipFile, and gets a name for its own in 3.13 only.
            setattr(info, _LEVEL_ATTRIBUTE, LEVEL)
        self._file = self._archive.open(info, "w")
        return self._sink.take()

    def pack(self, block: bytes) -> bytes:
        assert self._file is not None
        self._file.write(block)
        return self._sink.take()

    def finish(self) -> bytes:
        if self._file is not None:
            self._file.close()
            self._file = None
        return self._sink.take()

    def end(self) -> Iterator[bytes]:
        self._archive.close()
        directory = self._sink.take()
        for start in range(0, len(directory), BLOCK):
            yield directory[start : start + BLOCK]

    def close(self) -> None:
        self.finish()
        self._archive.close()  # left open, it would complain when it is collected


class _Sink:
    """What a ZipFile writes to; keeps it until it is taken."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None:
        """There is nowhere to."""

    def take(self) -> bytes:
        data = bytes(self._written)
        self._written.clear()
        return data


def _read_blocks(descriptor: int, path: str, size: int) -> Iterator[bytes]:
    """Give exactly `size` bytes; raise ResponseError where the file has become shorter."""
    start = 0
    while start < size:
        block = os.pread(descriptor, min(BLOCK, size - start), start)
        if not block:
            raise ResponseError(f"{path!r} has become shorter while it was packed")
        start += len(block)
        yield block
