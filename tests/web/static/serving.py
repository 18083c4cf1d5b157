"""Helpers for the tests of static files: directories served in memory."""

import asyncio
import logging
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from aiosock import App, StaticFiles
from aiosock.config import Limits
from aiosock.testing import Client
from aiosock.testing.client import ClientResponse

SECRET = "the secret"
UNCACHED = Limits(cached_file_bytes=0)
MOMENT = 1_000_000_000
OLD, MODIFIED, NEW = "Sun, 09 Sep 2001 01:46:39 GMT", "Sun, 09 Sep 2001 01:46:40 GMT", "Sun, 09 Sep 2001 01:46:41 GMT"


ODD_NAMES = [
    *(
        "100%.txt",
        "50%25.txt",
        "what?.txt",
        "hash#tag.txt",
        "a & b.txt",
        "&amp;.txt",
        "semi;colon.txt",
        "plus+and=eq.txt",
    ),
    *(
        'it\'s "quoted".txt',
        "<b>bold<i>.txt",
        " leading space.txt",
        "line\nbreak.txt",
        "tab\there.txt",
        "$dollar ${x}.txt",
    ),
    *("日本語.txt", "Ünïcödé.txt", "evil\u202egpj.txt"),
]
"""File names that a page, a URL or a terminal could misread."""


ORDINARY_NAMES = [
    *(
        "log-2026-01-01T12:00:00.txt",
        "R.E.M.",
        "Vol. 1.",
        "a\\b.txt",
        "\\\\server\\share",
        "aux.c",
        "con",
        "NUL.tar.gz",
    ),
    *("COM1", "lpt³", "C:", "a::$DATA", "ends with space ", " "),
]
"""File names that Windows does not take, and other systems do."""


class Clock:
    """A clock that moves only when a test moves it; with `step`, it also moves each time it is read."""

    def __init__(self, step: float = 0.0) -> None:
        self.now = 5000.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def errors_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the messages that were logged as an error."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def serving(root: Path, prefix: str = "", **options: Any) -> App:
    app = App()
    app.mount(prefix, StaticFiles(root, **options))
    return app


async def fetch(
    root: Path,
    target: str,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    limits: Limits | None = None,
    **options: Any,
) -> ClientResponse:
    """Return the answer of a server that has just been started."""
    async with Client(serving(root, **options), limits=limits or Limits()) as client:
        return await client.request(method, target, headers=headers or {})


def write(root: Path, files: Mapping[str, str | bytes], moment: int | None = MOMENT) -> Path:
    """Create files and their directories, with the same time of change unless it is None; return the root."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        if moment is not None:
            os.utime(path, (moment, moment))
    return root


def open_descriptors() -> int:
    """Count the open files and directories; not sockets and pipes, which a loop opens when it is first used."""
    count = 0
    for name in os.listdir("/dev/fd"):
        with suppress(OSError):  # the descriptor of the listing itself is closed
            mode = os.fstat(int(name)).st_mode
            count += stat.S_ISREG(mode) or stat.S_ISDIR(mode)
    return count


async def leave_amid_answer(client: Client, request: bytes) -> None:
    """Send a request, read the beginning of the answer, and reset the connection."""
    peer = await client.connect()
    peer.send(request)
    await peer.receive()
    peer.stall()
    peer.reset()
    await client.advance(1)
    await peer.done()


async def descriptors_fall_to(client: Client, number: int) -> None:
    """Wait until no more descriptors than `number` are open: a thread may close one a moment later."""
    async with asyncio.timeout(client.patience):
        while open_descriptors() > number:
            await client.settle()
