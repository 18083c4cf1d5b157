"""A directory as one file, packed while it is sent: zip (APPNOTE 6.3.10) or tar (POSIX.1-2001) in gzip (RFC 1952)."""

import errno
import os
import stat
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import IO, Final, Protocol, cast

from aiosock.errors import HTTPError
from aiosock.web.disk.names import UNDECODABLE
from aiosock.web.few_threads import in_few_threads
from aiosock.web.static.tree import Tree

BLOCK: Final = 256 * 1024
"""Bytes of a file that are read and packed at a time; never more of it is in memory."""

PIECE: Final = 64 * 1024
"""Bytes that one call in a thread packs at least, so that many small files do not take a call each."""

LEVEL: Final = 1
"""Compression level. Level 6 is much slower and saves little: most large files are compressed already."""

GONE: Final = "The directory has been removed, or may not be read."

FORMATS: Final = {"zip": "application/zip", "tar.gz": "application/gzip"}

_LEVEL_ATTRIBUTE: Final = "compress_level" if sys.version_info >= (3, 13) else "_compresslevel"

_MARK: Final = "\ufffd"

_ZIP_ESCAPES: Final = {code: f"{_MARK}{code & 0xFF:02X}" for code in UNDECODABLE} | {ord(_MARK): 2 * _MARK}
"""In a zip, names are UTF-8 (APPNOTE 4.4.4). Any other byte is written as U+FFFD and two digits. A tar takes any bytes.

U+FFFD itself is doubled, so that two files never get the same name. Hence the mark is not `%`: many names have that,
and must stay as they are.
"""

_SKIPPED_ERRORS = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO})
"""Errors of opening a file that has been removed or may not be read: it is left out. Others, such as EMFILE, are raised."""


class Archive:
    """The files below a directory, packed as the body of a response.

    Symbolic links are left out, because they could form a loop. Files that cannot be read are left out too. If a file
    becomes shorter while it is packed, the response is broken off.
    """

    def __init__(self, tree: Tree, names: Sequence[str], kind: str) -> None:
        """Prepare to pack the directory that `names` lead to; `kind` is a key of FORMATS. Read nothing yet."""
        self._served = tree
        self._tree = Tree(tree.root, dotfiles=tree.dotfiles)  # follows no links
        self._names = list(names)
        self._packer: _Packer = _Zip() if kind == "zip" else _Tar()
        self._pieces = self._pack_all(self._packer)
        self._lock = Lock()
        self._is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the archive piece by piece. Each is packed in one of few threads once the one before has been taken.

        Raises HTTPError: 503 if a file has become shorter, 404 if the directory has been removed.
        """
        while piece := await in_few_threads(self._next):
            yield piece

    async def aclose(self) -> None:
        """Close the file that is being packed: now, or when the thread that packs it has finished its piece.

        Cancellation does not stop a thread, and a generator cannot be closed while it runs.
        """
        self._is_closed = True
        self._close()

    def _next(self) -> bytes:
        """Return the next piece, b"" at the end; blocks."""
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
            if self._is_closed:  # the lock may have kept `aclose` from closing
                self._close()
        return b"".join(taken)

    def _close(self) -> None:
        """Close the file, unless a thread is packing it."""
        if self._lock.acquire(blocking=False):
            try:
                self._pieces.close()
                self._packer.close()
            finally:
                self._lock.release()

    def _pack_all(self, packer: "_Packer") -> Generator[bytes, None, None]:
        """Yield the packed files and directories, depth first, in the order of names.

        A piece may be empty. Raises what `__aiter__` raises.
        """
        top = self._real_names()
        if self._served.links:  # a link may have led here through a hidden directory
            self._tree = Tree(self._tree.root, dotfiles=self._served.dotfiles.union(top))
        remaining = [top]
        while remaining:
            names = remaining.pop()
            descriptor = self._open(names, is_top=names == top)
            if descriptor is None:
                continue
            try:
                status = os.fstat(descriptor)
                path = "/".join(names[len(top) :])
                if stat.S_ISDIR(status.st_mode):
                    remaining += self._children(names)
                    if path:
                        yield packer.begin(f"{path}/", status) + packer.finish()
                elif not path:  # something else has replaced it
                    raise HTTPError(404, GONE)
                elif stat.S_ISREG(status.st_mode):
                    yield from _pack_file(packer, descriptor, path, status)
            finally:
                os.close(descriptor)
        yield from packer.end()

    def _open(self, names: list[str], *, is_top: bool) -> int | None:
        """Return a descriptor, None for a file that is left out; raise HTTPError (404) if the top directory cannot be opened."""
        try:
            return self._tree.open(names)
        except OSError as error:
            if error.errno not in _SKIPPED_ERRORS:
                raise
            if is_top:
                raise HTTPError(404, GONE) from error
            return None

    def _real_names(self) -> list[str]:
        """Return the names that lead to the directory without a link; raise HTTPError (404) if it is not below the root."""
        # Unlike `Path.resolve`, realpath takes a link that leads to itself (before Python 3.13); opening it then fails.
        root = self._tree.root.resolve()
        real = Path(os.path.realpath(root.joinpath(*self._names)))
        if not real.is_relative_to(root):
            raise HTTPError(404, "The directory is no longer below its root.")
        return list(real.relative_to(root).parts)

    def _children(self, names: list[str]) -> list[list[str]]:
        """Return the names that lead to each entry of a directory, in reverse order."""
        try:
            found = sorted(self._tree.scan(names), reverse=True)
            return [[*names, entry.name] for entry in found if self._served.has_name(entry.name)]
        except OSError as error:
            if error.errno not in _SKIPPED_ERRORS:
                raise
            return []


class _Packer(Protocol):
    """An archive format. Call `begin`, `pack` and `finish` for each file, then `end`; each returns bytes of the archive."""

    def begin(self, path: str, status: os.stat_result) -> bytes:
        """Begin a file of `status.st_size` bytes, or a directory: its path ends with a slash."""

    def pack(self, block: bytes) -> bytes:
        """Pack the next bytes of the file."""

    def finish(self) -> bytes:
        """End the file."""

    def end(self) -> Iterator[bytes]:
        """End the archive."""

    def close(self) -> None:
        """Release what the packer holds; the archive may be unfinished."""


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
    """A zip that is written without seeking: sizes and checksum follow each file (APPNOTE 4.3.9)."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._archive = zipfile.ZipFile(cast(IO[bytes], self._sink), "w")
        self._file: IO[bytes] | None = None

    def begin(self, path: str, status: os.stat_result) -> bytes:
        is_directory = path.endswith("/")
        # A zip has times from 1980 to 2107 (4.4.6).
        moment = time.localtime(min(max(status.st_mtime, 0.0), 2.0**32))[:6]
        info = zipfile.ZipInfo(path.translate(_ZIP_ESCAPES), max(moment, (1980, 1, 1, 0, 0, 0)))
        info.external_attr = (status.st_mode & 0xFFFF) << 16 | (0x10 if is_directory else 0)
        if not is_directory:
            info.compress_type = zipfile.ZIP_DEFLATED
            info.file_size = status.st_size  # for more than 2 GiB, zipfile then writes sizes of 64 bits
            # A ZipInfo does not take the level of its ZipFile; a public name for its own level came with 3.13.
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
        self._archive.close()  # otherwise it warns when it is collected


class _Sink:
    """The file that a ZipFile writes to; it keeps the bytes until `take`."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None:
        """Do nothing: ZipFile calls it."""

    def take(self) -> bytes:
        data = bytes(self._written)
        self._written.clear()
        return data


def _pack_file(packer: _Packer, descriptor: int, path: str, status: os.stat_result) -> Iterator[bytes]:
    yield packer.begin(path, status)
    for block in _read_blocks(descriptor, path, status.st_size):
        yield packer.pack(block)
    yield packer.finish()


def _read_blocks(descriptor: int, path: str, size: int) -> Iterator[bytes]:
    """Yield exactly `size` bytes; raise HTTPError (503) if the file has become shorter."""
    start = 0
    while start < size:
        block = os.pread(descriptor, min(BLOCK, size - start), start)
        if not block:
            raise HTTPError(503, f"{path!r} became shorter while it was packed.")
        start += len(block)
        yield block
