"""Helpers for the tests of `aiosock serve`: they send requests to its app in memory."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiosock import App
from aiosock.share import directory_app
from aiosock.testing import Client
from aiosock.testing.client import ClientResponse
from tests.web.ask import ask


def uploading(directory: Path, **options: Any) -> App:
    """Return the app that takes uploads into a directory."""
    return directory_app(directory, upload=True, **options)


async def put(directory: Path, target: str, body: bytes = b"new", **fields: str) -> ClientResponse:
    """Upload a file; the names in `fields` have underscores in place of dashes."""
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    return await ask(uploading(directory), "PUT", target, body=body, headers=headers)


def put_head(target: str, *fields: str) -> bytes:
    """Return the head of an upload."""
    return "\r\n".join([f"PUT {target} HTTP/1.1", "Host: a", *fields, "", ""]).encode()


async def until(client: Client, condition: Callable[[], object]) -> None:
    """Let the server go on until a condition is met; threads take part in it."""
    async with asyncio.timeout(client.patience):
        while not condition():
            await client.settle()


def contents(directory: Path) -> dict[str, bytes]:
    """Return every file below a directory, including hidden ones, as its content by path."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def under_way(directory: Path) -> bool:
    """Return whether a file that has no name yet, or a temporary one, is open below a directory."""
    return any(".part" in path or "#" in path for path in open_below(directory))


def open_below(directory: Path) -> list[str]:
    """Return the paths this process has open below a directory, deleted or not; none if the system has no /proc."""
    found: list[str] = []
    for number in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd") else ():
        with suppress(OSError):  # the descriptor of the listing itself
            found.append(os.readlink(f"/proc/self/fd/{number}"))
    return [path for path in found if path.startswith(str(directory))]
