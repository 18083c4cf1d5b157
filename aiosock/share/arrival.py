"""Arrival: a file that is being uploaded; it gets its name when it is complete."""

import errno
import os
import stat
from collections.abc import Callable, Sequence
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

    The directory stays open from beginning to end: even if it is replaced with a link meanwhile, the file is created in the
    original one. All methods block: call them in a thread. Always call `close`: it removes a file that is not published.
    """

    def __init__(self, tree: Tree, directory: Sequence[str], name: str, permit: Permit) -> None:
        self._tree = tree
        self._directory = directory
        self._name = name
        self._permit = permit
        self._directory_descriptor = -1
        self._nascent: NascentFile | None = None

    def begin(self) -> None:
        """Open the directory and create the file in it.

        Raises FileNotFoundError if the directory does not exist, other OSErrors as `os.open` does, and what `permit` raises.
        """
        try:
            self._directory_descriptor = self._tree.open_directory(self._directory)
        except OSError as error:
            if error.errno in MISSING_ERRORS:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from error
            raise
        self._permit(self._status())
        self._nascent = NascentFile(".", self._directory_descriptor)

    @property
    def descriptor(self) -> int:
        """The descriptor to write to, after `begin`."""
        assert self._nascent is not None
        return self._nascent.descriptor

    def publish(self) -> bool:
        """Publish the file under its name, in one step; return whether it has replaced another file.

        Raises FileExistsError if another process has just taken the name, other OSErrors, and what `permit` raises.
        """
        assert self._nascent is not None
        os.fsync(self.descriptor)
        with _PUBLISH_LOCK:
            status = self._status()
            self._permit(status)  # again: the file may have changed while the body arrived
            if status is None:
                self._nascent.take_name(self._name)
                return False
            os.fchmod(self.descriptor, stat.S_IMODE(status.st_mode) & 0o777)  # a private file stays private
            self._nascent.replace(self._name)
            return True

    def close(self) -> None:
        """Close the file and its directory."""
        if self._nascent is not None:
            self._nascent.close()
        if self._directory_descriptor >= 0:
            os.close(self._directory_descriptor)

    def _status(self) -> os.stat_result | None:
        """Return the status of the file that has the name now, if any."""
        try:
            return os.stat(self._name, dir_fd=self._directory_descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None
