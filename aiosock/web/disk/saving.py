"""Saving what a client sends: a file gets its name when it is complete."""

import asyncio
from collections.abc import AsyncIterable
from io import FileIO
from pathlib import Path

from aiosock.errors import HTTPError
from aiosock.web.disk.nascent import NascentFile, Target
from aiosock.web.disk.shortage import shortages_answered
from aiosock.web.disk.writing import to_completion, write_all


class Draft:
    """A file that will become `target`, or `name` in `target` if that is a directory.

    All methods block: call them in a thread. Always call `close`: it removes a file that is not published.
    """

    def __init__(self, target: Target, name: str) -> None:
        """Prepare a file; `name` must be safe, or empty."""
        self.path: Path = Path(target)
        self._name = name
        self._nascent: NascentFile | None = None
        self._in_directory = False
        self.file: FileIO | None = None

    def begin(self) -> None:
        """Open a file in the directory of the target; raise HTTPError (400) if a name is needed and missing."""
        if self.path.is_dir():
            if not self._name:
                raise HTTPError(400, "A file needs a name.")
            self._in_directory = True
            self.path /= self._name
        self._nascent = NascentFile(self.path.parent)
        self.file = FileIO(self._nascent.descriptor, "wb", closefd=False)

    def publish(self) -> None:
        """Publish the file under its name; raise FileExistsError if a client has chosen the name and it exists already."""
        assert self._nascent is not None
        if self._in_directory:
            self._nascent.take_name(self.path.name)
        else:
            self._nascent.replace(self.path.name)

    def close(self) -> None:
        """Close the file."""
        if self._nascent is not None:
            self._nascent.forget_name()
            self._nascent.close()


async def save(pieces: AsyncIterable[bytes], target: Target, name: str) -> Path:
    """Write the pieces to a file and return its path. If `target` is a directory, the file gets the safe name `name` in it.

    In a directory no file is replaced. Raises FileExistsError, other OSErrors, HTTPError (400 if there is no name, 507 if
    the disk is full), and what the pieces raise. No file is left then.
    """
    from aiofiles.threadpool import wrap

    draft = Draft(target, name)
    try:
        with shortages_answered():
            await to_completion(asyncio.to_thread(draft.begin))
            file = wrap(draft.file)
            async for piece in pieces:
                await write_all(file, piece)
            await to_completion(asyncio.to_thread(draft.publish))
    finally:
        await to_completion(asyncio.to_thread(draft.close))
    return draft.path
