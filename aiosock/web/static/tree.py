"""Tree: what lies below a directory, reached name by name, so that no way leads out of it.

Checking a path and then opening it leaves a moment in which somebody swaps a directory for a link. So nothing is checked
that is not already open: each name is opened relative to the directory before it, and links are not followed by the
kernel but read, and walked like the rest.
"""

import errno
import os
import stat
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from aiosock.web.disk.names import is_plain

LINKS: Final = 40
"""Symbolic links on one way; Linux: MAXSYMLINKS 40."""

MISSING_ERRORS: Final = frozenset(
    {
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM),
        *(errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.EINVAL),
    }
)
"""What opening a file raises for a name that nothing is served under."""

_HAS_OPENAT: Final = os.open in os.supports_dir_fd
_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
# O_PATH: walking through a directory takes the right to enter it, not to list it. O_NONBLOCK: opening a FIFO waits for
# its writer otherwise.
_DIRECTORY_FLAGS: Final = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | _NOFOLLOW
_READ_FLAGS: Final = os.O_RDONLY | _NOFOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class Entry(NamedTuple):
    """What a directory has under a name; `size` in bytes, 0 for a directory, `modified` in seconds since the epoch."""

    name: str
    is_directory: bool
    size: int
    modified: float


class Tree:
    """The files below `root`: regular ones, whose names and whose directories' names do not start with a dot.

    `dotfiles` are names that are there although they do. With `links`, symbolic links are followed where they lead to
    what is below the root too; without, they are not there.

    All methods block: they are for a thread.
    """

    def __init__(self, root: Path, *, links: bool = False, dotfiles: Collection[str] = ()) -> None:
        """Raise NotImplementedError where nothing can be opened relative to a directory, as on Windows."""
        if not _HAS_OPENAT:
            raise NotImplementedError("serving files takes a system with openat()")
        self.root = root
        self.links = links
        self.dotfiles: frozenset[str] = frozenset(dotfiles)

    def has_name(self, name: str) -> bool:
        """Say whether something of that name may be there at all: no dotfile, no device, no name of two meanings."""
        return is_plain(name, self.dotfiles)

    def open(self, names: Sequence[str]) -> int:
        """Open what is reached by these names from the root, for reading, and give its descriptor.

        Raises OSError as `os.open` does; PermissionError for what is not to be found: names that no file has here, a way
        out of the root, a link where none is followed.
        """
        if not all(map(self.has_name, names)):
            raise _denied("no file has such a name")
        descriptors = [os.open(self.root, _DIRECTORY_FLAGS & ~_NOFOLLOW)]
        remaining = list(reversed(names)) or ["."]
        links = 0
        try:
            while remaining:
                target = self._step(descriptors, remaining.pop(), is_last=not remaining)
                if not target:
                    continue
                links += 1
                if links > LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                if target.startswith("/"):
                    target = os.path.relpath(target, self.root)
                    while len(descriptors) > 1:
                        _to_parent(descriptors)
                remaining += [part for part in reversed(target.split("/")) if part]
            return descriptors.pop()
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def open_directory(self, names: Sequence[str]) -> int:
        """Open a directory, to make a file in it; raises what `open` raises, and NotADirectoryError."""
        descriptor = self.open(names)
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return descriptor

    def _step(self, descriptors: list[int], name: str, *, is_last: bool) -> str:
        """Go one name further; for a link that is to be followed, stay and give where it leads."""
        if name in (".", ".."):  # of a link
            if name == "..":
                _to_parent(descriptors)
            if is_last:
                descriptors.append(os.open(".", os.O_RDONLY, dir_fd=descriptors[-1]))
            return ""
        if not self.has_name(name):
            raise _denied("a link leads to what is hidden")
        try:
            descriptors.append(os.open(name, _READ_FLAGS if is_last else _DIRECTORY_FLAGS, dir_fd=descriptors[-1]))
        except OSError as error:
            return self._read_link(name, descriptors[-1], error)
        return ""

    def _read_link(self, name: str, directory: int, error: OSError) -> str:
        """Give where a link leads, after opening it failed with `error`; raise that again where it is no link to follow."""
        if self.links and error.errno in (errno.ELOOP, errno.EMLINK, errno.ENOTDIR):
            with suppress(OSError):
                return os.readlink(name, dir_fd=directory)
        raise error

    def scan(self, names: Sequence[str]) -> list[Entry]:
        """Give what is in a directory, in no order; raises what `open` raises, and NotADirectoryError."""
        descriptor = self.open(names)
        try:
            with os.scandir(descriptor) as found:
                return [entry for item in found if (entry := self._entry(names, item)) is not None]
        finally:
            os.close(descriptor)

    def _entry(self, names: Sequence[str], item: "os.DirEntry[str]") -> Entry | None:
        if not self.has_name(item.name) or not is_unicode(item.name):
            return None
        try:
            status = self._stat_target([*names, item.name]) if item.is_symlink() else item.stat(follow_symlinks=False)
        except OSError:  # removed meanwhile, or a link that is not followed
            return None
        if stat.S_ISDIR(status.st_mode):
            return Entry(item.name, True, 0, status.st_mtime)
        return Entry(item.name, False, status.st_size, status.st_mtime) if stat.S_ISREG(status.st_mode) else None

    def _stat_target(self, names: Sequence[str]) -> os.stat_result:
        descriptor = self.open(names)
        try:
            return os.fstat(descriptor)
        finally:
            os.close(descriptor)


def is_unicode(name: str) -> bool:
    """Say whether a name can be written into a URL: not where the file system holds bytes that are no UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _to_parent(descriptors: list[int]) -> None:
    if len(descriptors) == 1:
        raise _denied("a link leads out of the root")
    os.close(descriptors.pop())


def _denied(reason: str) -> PermissionError:
    return PermissionError(errno.EACCES, reason)
