"""NascentFile: a file that is written before it gets its name, so that nobody sees a part of it."""

import errno
import os
import re
from contextlib import suppress
from typing import Final

Target = str | os.PathLike[str]
"""The path of a file or a directory."""

_PART = re.compile(r"\.[0-9a-f]{16}\.part")
"""Temporary names."""

_UNSUPPORTED: Final = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT})
"""Errors of open() on a file system, or a kernel, without O_TMPFILE."""


class NascentFile:
    """A new file in `directory`. Always call `close` and `forget_name`.

    If `directory` is relative to an open directory, each step is given that as `place`, so that it need not stay open
    between the steps.

    The file has no name if the system allows that (Linux, O_TMPFILE): if the process is killed, nothing is left.
    Elsewhere it has a `temporary` name, and `remove_abandoned` removes the files of processes that were killed.
    """

    def __init__(self, directory: Target, place: int | None = None) -> None:
        """Open the file for writing; raise OSError."""
        self._directory = os.fspath(directory)
        self.temporary: str = ""
        self.descriptor: int = -1
        if _HAS_LINKS_OF_DESCRIPTORS and (flag := getattr(os, "O_TMPFILE", 0)):
            try:
                self.descriptor = os.open(self._directory, flag | os.O_WRONLY, 0o666, dir_fd=place)
            except OSError as error:
                if error.errno not in _UNSUPPORTED:
                    raise
        if self.descriptor < 0:
            self._open_named(place)

    def take_name(self, name: str, place: int | None = None) -> None:
        """Name the file in its directory; raise FileExistsError if the name is taken, and other OSErrors.

        A link is used because it never replaces a file, as a rename would.
        """
        if not self.temporary:
            self._link(name, place)
            return
        temporary, target = self._path(self.temporary), self._path(name)
        try:
            os.link(temporary, target, src_dir_fd=place, dst_dir_fd=place, follow_symlinks=False)
        except OSError:
            # The name is taken, or the file system has no links, as exFAT: take the name with an empty file.
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666, dir_fd=place))
            try:
                self.replace(name, place)
            except BaseException:
                os.unlink(target, dir_fd=place)
                raise
        self.forget_name(place)  # a link leaves it

    def replace(self, name: str, place: int | None = None) -> None:
        """Name the file in its directory, in the place of the file that has the name; raise OSError."""
        if not self.temporary:  # only a file with a name can replace another one in one step
            temporary = _temporary_name()
            self._link(temporary, place)
            self.temporary = temporary
        os.replace(self._path(self.temporary), self._path(name), src_dir_fd=place, dst_dir_fd=place)
        self.temporary = ""

    def forget_name(self, place: int | None = None) -> None:
        """Remove the temporary name, if the file has one."""
        temporary, self.temporary = self.temporary, ""
        if temporary:
            with suppress(OSError):
                os.unlink(self._path(temporary), dir_fd=place)

    def close(self) -> None:
        """Close the file. A temporary name that is not forgotten is left to `remove_abandoned`."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _open_named(self, place: int | None) -> None:
        temporary = _temporary_name()
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
        self.descriptor = os.open(self._path(temporary), flags, 0o666, dir_fd=place)
        self.temporary = temporary
        with suppress(OSError):  # a file system without locks
            _lock(self.descriptor)

    def _link(self, name: str, place: int | None) -> None:
        """Link the file, which has no name, to its first one. The descriptor for the source only makes Python call linkat()."""
        source = f"/proc/self/fd/{self.descriptor}"
        os.link(source, self._path(name), src_dir_fd=self.descriptor, dst_dir_fd=place, follow_symlinks=True)

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)


_HAS_LINKS_OF_DESCRIPTORS: Final = os.link in os.supports_dir_fd and os.path.isdir("/proc/self/fd")


def needs_names(directory: Target) -> bool:
    """Return whether a file that is written in a directory has a temporary name; blocks. Raises OSError."""
    file = NascentFile(directory)
    try:
        return bool(file.temporary)
    finally:
        file.forget_name()
        file.close()


def remove_abandoned(root: Target) -> None:
    """Remove the files with temporary names below a directory that no process writes any more; blocks.

    Links are not followed, and what cannot be read or removed is left.
    """
    for _, _, names, place in os.fwalk(root):
        for name in filter(_PART.fullmatch, names):
            with suppress(OSError):
                descriptor = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
                try:
                    _lock(descriptor)
                    os.unlink(name, dir_fd=place)
                finally:
                    os.close(descriptor)


def _temporary_name() -> str:
    return f".{os.urandom(8).hex()}.part"


def _lock(descriptor: int) -> None:
    """Lock a file while it is open; raise BlockingIOError if another process has locked it."""
    if os.name == "posix":
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
