"""Arrival: a file that is being uploaded; it gets its name when it is complete."""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Final

from aiosock.web.disk.nascent import NascentFile
from aiosock.web.static.tree import MISSING_ERRORS, Tree

Permit = Callable[[os.stat_result | None], None]
"""Raises an exception to refuse a file; gets the status of the file that would be replaced, or None."""

SUPPORTED: Final = {os.open, os.stat, os.link, os.unlink, os.rename} <= os.supports_dir_fd
"""Whether this system can create files relative to an open directory; Windows cannot."""

_PUBLISH_LOCK = Lock()
"""Held while a file is checked and replaced: if two uploads replace one file, the second must see the first one's."""


class Arrival:
    """A file that is written in its directory, and gets its name when it is complete.

    While its bytes arrive, only the file is open, because a connection counts for two descriptors: its socket and one
    file. So the directory is opened again for the name. If it is not the same one any more, because it was moved, or
    replaced by another one or by a link, the file gets no name: nothing is ever created anywhere else.

    All methods block: call them in a thread. Always call `close`: it removes a file that is not published.
    """

    def __init__(self, tree: Tree, directory: Sequence[str], name: str, permit: Permit) -> None:
        self._tree = tree
        self._directory = directory
        self._name = name
        self._permit = permit
        self._identity = (0, 0)
        self._nascent: NascentFile | None = None

    def begin(self) -> None:
        """Create the file in its directory.

        Raises FileNotFoundError if the directory does not exist, other OSErrors as `os.open` does, and what `permit`
        raises.
        """
        with self._opened() as directory:
            self._identity = _identity_of(directory)
            self._permit(self._status(directory))
            self._nascent = NascentFile(".", directory)

    @property
    def descriptor(self) -> int:
        """The descriptor to write to, after `begin`."""
        assert self._nascent is not None
        return self._nascent.descriptor

    def publish(self) -> bool:
        """Publish the file under its name, in one step; return whether it has replaced another file.

        Raises FileNotFoundError if the directory is not the same any more, FileExistsError if another process has just
        taken the name, other OSErrors, and what `permit` raises.
        """
        assert self._nascent is not None
        os.fsync(self.descriptor)
        with _PUBLISH_LOCK, self._opened_again() as directory:
            status = self._status(directory)
            self._permit(status)  # again: the file may have changed while the body arrived
            if status is None:
                self._nascent.take_name(self._name, directory)
                return False
            os.fchmod(self.descriptor, stat.S_IMODE(status.st_mode) & 0o777)  # a private file stays private
            self._nascent.replace(self._name, directory)
            return True

    def close(self) -> None:
        """Close the file and remove its temporary name, unless its directory has gone: see `remove_abandoned`."""
        if self._nascent is None:
            return
        self._nascent.close()  # first: opening the directory takes a descriptor
        if self._nascent.temporary:
            with suppress(OSError), self._opened_again() as directory:
                self._nascent.forget_name(directory)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """Open the directory for a block; raise FileNotFoundError if there is none, and what `os.open` raises."""
        try:
            descriptor = self._tree.open_directory(self._directory)
        except OSError as error:
            if error.errno in MISSING_ERRORS:
                raise _no_directory() from error
            raise
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _opened_again(self) -> Iterator[int]:
        """Open the directory of `begin`; raise FileNotFoundError if it is another one, and what `_opened` raises."""
        with self._opened() as directory:
            if _identity_of(directory) != self._identity:
                raise _no_directory()
            yield directory

    def _status(self, directory: int) -> os.stat_result | None:
        """Return the status of the file that has the name now, if any."""
        try:
            return os.stat(self._name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return None


def _identity_of(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _no_directory() -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
