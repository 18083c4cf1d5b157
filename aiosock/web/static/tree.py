"""Tree: the files below a directory, opened name by name, so that no path leads out of it.

Between checking a path and opening it, somebody could replace a directory with a link. So each name is opened relative
to the directory before it, which is already open. The kernel never follows a symbolic link: the link is read, and its
target is opened name by name too.
"""

import errno
import os
import stat
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, Self

from aiosock.web.disk.names import is_plain

LINKS: Final = 40
"""Symbolic links in one path, at most; Linux: MAXSYMLINKS 40."""

MISSING_ERRORS: Final = frozenset(
    {
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM),
        *(errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.EINVAL, errno.EILSEQ),
    }
)
"""Errors of opening a file that mean: nothing is served under this name."""

_HAS_OPENAT: Final = os.open in os.supports_dir_fd
_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
# O_PATH: to pass through a directory, the right to enter it is enough; listing it may be forbidden. O_NONBLOCK: without
# it, opening a FIFO waits for a writer.
_DIRECTORY_FLAGS: Final = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | _NOFOLLOW
READ_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class Entry(NamedTuple):
    """An entry of a directory; `size` in bytes, 0 for a directory; `modified` in seconds since 1970."""

    name: str
    is_directory: bool
    size: int
    modified: float


class _Part(NamedTuple):
    """A name of a path that is being opened. In the target of a link, directories on the way may be hidden."""

    name: str
    may_be_hidden: bool = False


class Tree:
    """The regular files below `root`. Files and directories whose names start with a dot are hidden.

    Names in `dotfiles` are not hidden. With `links`, symbolic links are followed if they lead to something below the
    root; without it, they are hidden. A link may lead through hidden directories, as those of a Kubernetes ConfigMap
    (`..data`) and of pnpm (`.pnpm`) do, but not to a hidden file or directory.

    The root itself may be a link. It is followed anew for each file, so that it can be switched to another directory.

    All methods that open or read something block: call them in a thread.
    """

    def __init__(self, root: Path, *, links: bool = False, dotfiles: Collection[str] = ()) -> None:
        """Raise NotImplementedError if the system cannot open a file relative to a directory, as on Windows."""
        if not _HAS_OPENAT:
            raise NotImplementedError("serving files needs a system with openat()")
        self.root = root
        self.links = links
        self.dotfiles: frozenset[str] = frozenset(dotfiles)

    def has_name(self, name: str) -> bool:
        """Return whether a file may have this name: it is not hidden, and on Windows not a device."""
        return is_plain(name, self.dotfiles)

    def open(self, names: Sequence[str]) -> int:
        """Open a file or directory for reading, by the names that lead to it from the root, and return its descriptor.

        Raises OSError as `os.open` does, and PermissionError for a name that `has_name` refuses and for a link that
        leads out of the root.
        """
        if not all(map(self.has_name, names)):
            raise _denied("this name is not served")
        remaining = [_Part(name) for name in reversed(names)] or [_Part(".")]
        links = 0
        with _Walk(self.root) as walk:
            while True:
                part = remaining.pop()
                found = self._step(walk, part, is_last=not remaining)
                if isinstance(found, int):
                    return found
                if not found:
                    continue
                links += 1
                if links > LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                if found.startswith("/"):
                    found = self._below_root(found)
                    walk.start_again()
                remaining += _parts_of_target(found, part)

    def open_directory(self, names: Sequence[str]) -> int:
        """Open a directory, to make a file in it; raise what `open` raises, and NotADirectoryError."""
        descriptor = self.open(names)
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return descriptor

    def _below_root(self, target: str) -> str:
        """Return the absolute target of a link relative to the root, by the name of the root or of what it links to."""
        relative = os.path.relpath(target, self.root)
        return os.path.relpath(target, self.root.resolve()) if relative.startswith("../") else relative

    def _step(self, walk: "_Walk", part: "_Part", *, is_last: bool) -> int | str:
        """Go on by the next name; return the target of a link that is followed, the descriptor at the end, or ""."""
        name = part.name
        if name in (".", ".."):  # in the target of a link
            if name == "..":
                walk.leave()
            return walk.open(".", os.O_RDONLY) if is_last else ""
        if not (part.may_be_hidden or self.has_name(name)):
            raise _denied("a link leads to a hidden file")
        try:
            if is_last:
                return walk.open(name, READ_FLAGS | _NOFOLLOW)
            walk.enter(name)
        except OSError as error:
            return self._read_link(walk, name, error)
        return ""

    def _read_link(self, walk: "_Walk", name: str, error: OSError) -> str:
        """Return the target of a link, after opening it has failed with `error`; raise `error` if it is not a link to follow."""
        if self.links and error.errno in (errno.ELOOP, errno.EMLINK, errno.ENOTDIR):
            with suppress(OSError):
                return walk.read_link(name)
        raise error

    def scan(self, names: Sequence[str]) -> list[Entry]:
        """Return the entries of a directory, in no order; raise what `open` raises, and NotADirectoryError."""
        descriptor = self.open(names)
        try:
            with os.scandir(descriptor) as found:
                return [entry for item in found if (entry := self._entry(names, item)) is not None]
        finally:
            os.close(descriptor)

    def _entry(self, names: Sequence[str], item: "os.DirEntry[str]") -> Entry | None:
        if not self.has_name(item.name):
            return None
        try:
            status = self._stat_target([*names, item.name]) if item.is_symlink() else item.stat(follow_symlinks=False)
        except OSError:  # the file has been removed meanwhile, or it is a link that is not followed
            return None
        if stat.S_ISDIR(status.st_mode):
            return Entry(item.name, True, 0, status.st_mtime)
        return Entry(item.name, False, status.st_size, status.st_mtime) if stat.S_ISREG(status.st_mode) else None

    def _stat_target(self, names: Sequence[str]) -> os.stat_result:
        """Return the status of the file that a link leads to."""
        descriptor = self.open(names)
        try:
            return os.fstat(descriptor)
        finally:
            os.close(descriptor)


class _Walk:
    """The way from the root to a directory. Only these two are open, however deep the directory is."""

    def __init__(self, root: Path) -> None:
        self._root = os.open(root, _DIRECTORY_FLAGS & ~_NOFOLLOW)
        self._here = self._root
        self._names: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.start_again()
        os.close(self._root)

    def open(self, name: str, flags: int) -> int:
        """Open something in this directory."""
        return os.open(name, flags, dir_fd=self._here)

    def read_link(self, name: str) -> str:
        """Return the target of a link in this directory."""
        return os.readlink(name, dir_fd=self._here)

    def enter(self, name: str) -> None:
        """Go to a directory in this one, but not through a link."""
        entered = self.open(name, _DIRECTORY_FLAGS)
        if self._here != self._root:
            os.close(self._here)
        self._here = entered
        self._names.append(name)

    def leave(self) -> None:
        """Go to the parent, by the names that have led here; raise PermissionError at the root.

        `..` itself would lead out of the root if somebody moves this directory meanwhile.
        """
        if not self._names:
            raise _denied("a link leads out of the root")
        names = self._names[:-1]
        self.start_again()
        for name in names:
            self.enter(name)

    def start_again(self) -> None:
        """Go to the root."""
        if self._here != self._root:
            os.close(self._here)
        self._here = self._root
        self._names = []


def _parts_of_target(target: str, link: _Part) -> list[_Part]:
    """Return the parts of the target of `link`, the last one first. That one may be hidden only if the link may be."""
    last, *others = [part for part in reversed(target.split("/")) if part not in ("", ".")] or ["."]
    on_the_way = link.may_be_hidden or last != ".."  # `.git/x/..` is `.git`
    return [_Part(last, link.may_be_hidden), *(_Part(name, on_the_way) for name in others)]


def _denied(reason: str) -> PermissionError:
    return PermissionError(errno.EACCES, reason)
