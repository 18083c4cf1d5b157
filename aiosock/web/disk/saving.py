"""Saving what a client sends: a file gets its name when it is complete."""

import asyncio
from collections.abc import AsyncIterable, Iterable
from io import FileIO
from pathlib import Path

from aiosock.errors import HTTPError
from aiosock.web.disk.nascent import NascentFile, Target
from aiosock.web.disk.shortage import shortages_answered
from aiosock.web.disk.writing import to_completion, write_all
from aiosock.web.few_threads import in_few_threads


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
        self._is_given_up = False
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

    def write(self, blocks: Iterable[bytes]) -> None:
        """Write all of these blocks; raise RuntimeError after `give_up`."""
        assert self.file is not None
        for block in blocks:
            while block:  # on a disk that is nearly full, only a part is written
                if self._is_given_up:
                    raise RuntimeError("nobody wants this file any more")
                block = block[self.file.write(block) :]

    def give_up(self) -> None:
        """Make `write` raise, in another thread."""
        self._is_given_up = True

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
    """Write the pieces to a file as they arrive, and return its path.

    If `target` is a directory, the file gets the safe name `name` in it, and no file is replaced.

    Raises FileExistsError, other OSErrors, HTTPError (400 if there is no name, 503 without descriptors, 507 if the disk
    is full), and what the pieces raise. No file is left then.
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


async def save_at_once(blocks: Iterable[bytes], target: Target, name: str) -> Path:
    """Write bytes that are at hand to a file, and return its path; raise what `save` raises.

    This is done in one of few threads, from opening the file to closing it. The bytes may come from a file that is open
    already, and more than two descriptors for a connection must not be open while it waits for its turn.
    """
    draft = Draft(target, name)

    def work() -> None:
        try:
            draft.begin()
            draft.write(blocks)
            draft.publish()
        finally:
            draft.close()

    with shortages_answered():
        await to_completion(in_few_threads(work), draft.give_up)
    return draft.path
