"""Arrival: a file on its way into a directory, seen there when all of it is."""

import errno
import os
import secrets
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import Final

from aiosock.web.disk.saving import take_name
from aiosock.web.static.tree import MISSING_ERRORS, Tree

Permit = Callable[[os.stat_result | None], None]
"""Raises what refuses a file, told what is under its name: nothing, or something that would be replaced."""

SUPPORTED: Final = {os.open, os.stat, os.link, os.unlink, os.rename} <= os.supports_dir_fd
"""Whether this system can make files relative to an open directory; Windows cannot."""

_PUBLISH_LOCK = Lock()
"""Held between looking and replacing: of two uploads that mean to replace one file, the second sees the first's."""


class Arrival:
    """A file that is written under a temporary name, beside the place that it is for, and then given its own.

    The directory stays open from beginning to end: whatever is swapped for a link meanwhile, the file ends up in there.
    All methods block: they are for a thread. `close` must be called, and leaves nothing behind but what is published.
    """

    def __init__(self, tree: Tree, directory: Sequence[str], name: str, permit: Permit) -> None:
        self._tree = tree
        self._directory = directory
        self._name = name
        self._permit = permit
        self._directory_descriptor = -1
        self._temporary = f".{secrets.token_hex(8)}.part"
        self.descriptor: int = -1

    def begin(self) -> None:
        """Open the directory and a file in it.

        Raises FileNotFoundError for a directory that is not there, other OSErrors as `os.open` does, and what `permit`
        raises.
        """
        try:
            self._directory_descriptor = self._tree.open_directory(self._directory)
        except OSError as error:
            if error.errno in MISSING_ERRORS:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from error
            raise
        self._permit(self._status())
        self.descriptor = os.open(
            self._temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666, dir_fd=self._directory_descriptor
        )

    def publish(self) -> bool:
        """Give the file its name in one step; say whether it took another file's place.

        Raises FileExistsError where somebody else has just taken the name, other OSErrors, and what `permit` raises.
        """
        os.fsync(self.descriptor)
        with _PUBLISH_LOCK:
            status = self._status()
            self._permit(status)  # again: much can happen while a body arrives
            if status is None:
                take_name(self._temporary, self._name, self._directory_descriptor)
                return False
            os.fchmod(self.descriptor, stat.S_IMODE(status.st_mode) & 0o777)  # what was private stays so
            os.replace(
                self._temporary,
                self._name,
                src_dir_fd=self._directory_descriptor,
                dst_dir_fd=self._directory_descriptor,
            )
            return True

    def close(self) -> None:
        """Close all and remove what has not been published."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            with suppress(OSError):
                os.unlink(self._temporary, dir_fd=self._directory_descriptor)
        if self._directory_descriptor >= 0:
            os.close(self._directory_descriptor)

    def _status(self) -> os.stat_result | None:
        try:
            return os.stat(self._name, dir_fd=self._directory_descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None
