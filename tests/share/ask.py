"""Asking the app of `aiosock serve` in memory: what its tests have in common."""

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
    """Give the app that takes uploads into a directory."""
    return directory_app(directory, upload=True, **options)


async def put(directory: Path, target: str, body: bytes = b"new", **fields: str) -> ClientResponse:
    """Upload a file; `fields` with underscores for dashes."""
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    return await ask(uploading(directory), "PUT", target, body=body, headers=headers)


def put_head(target: str, *fields: str) -> bytes:
    """Give the head of an upload."""
    return "\r\n".join([f"PUT {target} HTTP/1.1", "Host: a", *fields, "", ""]).encode()


async def until(client: Client, condition: Callable[[], object]) -> None:
    """Let the server go on until a condition is met; threads take part in it."""
    for _ in range(100_000):
        if condition():
            return
        await client.settle()
    raise AssertionError("the condition was never met")


def contents(directory: Path) -> dict[str, bytes]:
    """Give every file below a directory, hidden ones too."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def open_below(directory: Path) -> list[str]:
    """Give what this process has open below a directory, deleted or not; nothing where the system does not say."""
    found: list[str] = []
    for number in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd") else ():
        with suppress(OSError):  # the listing's own
            found.append(os.readlink(f"/proc/self/fd/{number}"))
    return [path for path in found if path.startswith(str(directory))]
