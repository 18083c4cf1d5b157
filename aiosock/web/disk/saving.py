"""Saving what a client sends: a file gets its name when it is complete."""

import asyncio
import os
from collections.abc import AsyncIterable
from contextlib import suppress
from io import FileIO
from pathlib import Path

from aiosock.errors import HTTPError
from aiosock.web.disk.writing import disk_full_is_507, to_completion, write_all

Target = str | os.PathLike[str]
"""The path of a file, or of a directory that exists."""


class Draft:
    """A temporary file that will become `target`, or `name` in `target` if that is a directory.

    All methods block: call them in a thread. Always call `close`: it removes the temporary file.
    """

    def __init__(self, target: Target, name: str) -> None:
        """Prepare a file; `name` must be safe, or empty."""
        self.path: Path = Path(target)
        self._name = name
        self._temporary: Path | None = None
        self._in_directory = False
        self.file: FileIO | None = None

    def begin(self) -> None:
        """Open a temporary file in the directory of the target; raise HTTPError (400) if a name is needed and missing."""
        if self.path.is_dir():
            if not self._name:
                raise HTTPError(400, "A file needs a name.")
            self._in_directory = True
            self.path /= self._name
        temporary = self.path.with_name(f".{os.urandom(8).hex()}.part")
        self.file = FileIO(temporary, "xb")
        self._temporary = temporary

    def publish(self) -> None:
        """Publish the file under its name; raise FileExistsError if a client has chosen the name and it exists already."""
        assert self._temporary is not None
        if self._in_directory:
            take_name(self._temporary, self.path)
        else:
            os.replace(self._temporary, self.path)

    def close(self) -> None:
        """Close the file, and remove its temporary name, also after publishing: a link leaves it."""
        if self.file is not None:
            self.file.close()
        if self._temporary is not None:
            with suppress(OSError):
                self._temporary.unlink()


def take_name(temporary: Target, name: Target, place: int | None = None) -> None:
    """Rename a temporary file to a name that must be free; both are relative to the directory `place`, if given.

    A link is used because it never replaces a file, as a rename would. The temporary name may be left. Raises FileExistsError
    if the name is taken.
    """
    try:
        os.link(temporary, name, src_dir_fd=place, dst_dir_fd=place, follow_symlinks=False)
    except OSError:  # the name is taken, or the file system has no links, as exFAT: take the name with an empty file
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666, dir_fd=place))
        try:
            os.replace(temporary, name, src_dir_fd=place, dst_dir_fd=place)
        except BaseException:
            os.unlink(name, dir_fd=place)
            raise


async def save(pieces: AsyncIterable[bytes], target: Target, name: str) -> Path:
    """Write the pieces to a file and return its path. If `target` is a directory, the file gets the safe name `name` in it.

    In a directory no file is replaced. Raises FileExistsError, other OSErrors, HTTPError (400 if there is no name, 507 if
    the disk is full), and what the pieces raise. No file is left then.
    """
    from aiofiles.threadpool import wrap

    draft = Draft(target, name)
    try:
        with disk_full_is_507():
            await to_completion(asyncio.to_thread(draft.begin))
            file = wrap(draft.file)
            async for piece in pieces:
                await write_all(file, piece)
            await to_completion(asyncio.to_thread(draft.publish))
    finally:
        await to_completion(asyncio.to_thread(draft.close))
    return draft.path
