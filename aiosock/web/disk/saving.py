"""Saving what a client has sent: a file that gets its name when all of it is there."""

import asyncio
import os
from collections.abc import AsyncIterable
from contextlib import suppress
from io import FileIO
from pathlib import Path

from aiosock.errors import HTTPError
from aiosock.web.disk.writing import disk_full_is_507, to_completion, write_all

Target = str | os.PathLike[str]
"""The path of a file, or of a directory that is there."""


class Draft:
    """A file on its way to `target`, or, where that is a directory, to `name` in it.

    All methods block: they are for a thread. `close` must be called, and leaves nothing behind but what is published.
    """

    def __init__(self, target: Target, name: str) -> None:
        """Take a `name` that is safe, or none."""
        self.path: Path = Path(target)
        self._name = name
        self._temporary: Path | None = None
        self._in_directory = False
        self.file: FileIO | None = None

    def begin(self) -> None:
        """Open a temporary file beside the place; raise HTTPError (400) where a name is needed and there is none."""
        if self.path.is_dir():
            if not self._name:
                raise HTTPError(400, "A file needs a name.")
            self._in_directory = True
            self.path /= self._name
        temporary = self.path.with_name(f".{os.urandom(8).hex()}.part")
        self.file = FileIO(temporary, "xb")
        self._temporary = temporary

    def publish(self) -> None:
        """Give the file its name; raise FileExistsError where that is the client's choice, and taken."""
        assert self._temporary is not None
        if self._in_directory:
            take_name(self._temporary, self.path)
        else:
            os.replace(self._temporary, self.path)

    def close(self) -> None:
        """Close the file, and remove its temporary name, which a link leaves behind."""
        if self.file is not None:
            self.file.close()
        if self._temporary is not None:
            with suppress(OSError):
                self._temporary.unlink()


def take_name(temporary: Target, name: Target, place: int | None = None) -> None:
    """Give a file a name that nobody has, both relative to the directory `place`; raise FileExistsError where one has it.

    Unlike a rename, a link cannot replace what another process puts there. The temporary name may be left.
    """
    try:
        os.link(temporary, name, src_dir_fd=place, dst_dir_fd=place, follow_symlinks=False)
    except OSError:  # the name is taken, or a file system has no links, such as exFAT: then take it first, empty
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666, dir_fd=place))
        try:
            os.replace(temporary, name, src_dir_fd=place, dst_dir_fd=place)
        except BaseException:
            os.unlink(name, dir_fd=place)
            raise


async def save(pieces: AsyncIterable[bytes], target: Target, name: str) -> Path:
    """Write the pieces to a file and give its path; `name`, a safe one, is for where `target` is a directory.

    In a directory no file is replaced. Raises FileExistsError, other OSErrors, HTTPError: 400 where there is no name, 507
    where the disk is full; and what the pieces raise; there is then no file.
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
