"""StaticFiles: a directory, served without a way out of it (RFC 9110 sections 8.8, 13 and 15.4.5)."""

import asyncio
import errno
import mimetypes
import os
import re
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiosock.errors import HTTPError, ResponseError
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.routes import IMPLEMENTED
from aiosock.wire.conditional import format_date, is_not_modified
from aiosock.wire.target import decode_segments

if TYPE_CHECKING:
    from aiofiles.threadpool.binary import AsyncFileIO

BLOCK: Final = 256 * 1024
"""Bytes of a file read at once: large enough that the hop to a thread costs little."""

INDEX: Final = "index.html"

HIDDEN_ERRORS: Final = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.EINVAL}
)
"""What opening a file raises for a name that nothing is served under."""

_DEVICE = re.compile(r"(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.DOTALL)
"""Names that open a device on Windows; refused everywhere, so that a site moves without surprises."""

_TEXT_TYPES = {"application/javascript", "application/json", "image/svg+xml", "application/xml"}

# The standard table differs between versions and takes what the machine's own files say; the web's types do not.
_TYPES = {
    ".avif": "image/avif",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}


class FileBody:
    """A file as a response body: exactly `length` bytes from its start, read in a thread, block by block."""

    __slots__ = ("_file", "_length")

    def __init__(self, file: "AsyncFileIO", length: int) -> None:
        self._file = file
        self._length = length

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the blocks; raises ResponseError for a file that has shrunk since its head was sent."""
        missing = self._length
        while missing:
            block = await self._file.read(min(BLOCK, missing))
            if not block:
                raise ResponseError(f"{self._file.name!r} has become {missing} bytes shorter while it was sent")
            missing -= len(block)
            yield block

    async def aclose(self) -> None:
        """Close the file; called whether or not the body was read."""
        await _close(self._file)


class StaticFiles:
    """A Handler that serves the files below a directory, GET and HEAD, to be mounted.

    What is hidden is answered 404 like what is not there: dotfiles, anything that is not a regular file, a symbolic
    link that leads out of the directory. A directory is answered with its index.html.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        """Raise NotADirectoryError unless `directory` is one: a wrong path is found at start, not at a request."""
        self.root = Path(directory).resolve()
        if not self.root.is_dir():
            raise NotADirectoryError(f"{os.fspath(directory)!r} is not a directory")
        from aiofiles import open as open_file  # here: a tenth of the time of `import aiosock`

        self._open_file = open_file

    async def __call__(self, request: Request) -> Response:
        """Answer with the file that `request.subpath` names; raises what `serve` raises."""
        return await self.serve(request, request.subpath)

    async def serve(self, request: Request, subpath: str) -> Response:
        """Answer with a file: `subpath` starts with a slash and is percent-encoded, as in a URL.

        Raises HTTPError: 404 where nothing is served, 405 and 501 for other methods.
        """
        if request.method not in IMPLEMENTED:
            raise HTTPError(501, f"The method {request.method[:20]} is not implemented.")
        if request.method not in ("GET", "HEAD"):
            raise HTTPError(405, "Files are there to be read.", {"allow": "GET, HEAD"})
        path = self._locate(subpath)
        if path is None:
            raise _not_found(request)
        is_directory = subpath.endswith("/")
        if is_directory and not request.raw_path.endswith("/"):
            return _with_slash(request)
        try:
            file = await self._open(path / INDEX if is_directory else path, request)
        except IsADirectoryError:
            if is_directory:  # a directory that is called index.html
                raise _not_found(request) from None
            return _with_slash(request)
        try:
            response = self._respond(request, INDEX if is_directory else path.name, os.fstat(file.fileno()))
        except BaseException:
            await _close(file)
            raise
        if response.status == 304:
            await _close(file)
        else:
            response.body = FileBody(file, int(response.headers["content-length"]))
        return response

    async def _open(self, path: Path, request: Request) -> "AsyncFileIO":
        """Open a file below the root, in a thread; raise HTTPError: 404 where nothing is served, 503 at the limit."""
        try:
            return await self._open_file(path, "rb", buffering=0, opener=self._open_contained)
        except OSError as error:
            if error.errno in HIDDEN_ERRORS:
                raise _not_found(request) from None
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise HTTPError(503, "The server has too many files open.", {"retry-after": "1"}) from None
            raise

    def _respond(self, request: Request, name: str, status: os.stat_result) -> Response:
        if not stat.S_ISREG(status.st_mode):
            raise _not_found(request)
        # Nanoseconds and size change with every write that takes a moment; the inode with every replacement.
        etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"'
        validators = {"etag": etag, "last-modified": format_date(min(status.st_mtime, time.time()))}
        if is_not_modified(request.headers, etag, status.st_mtime):
            return Response(status=304, headers=validators)
        fields = {"content-type": media_type(name), "content-length": str(status.st_size), **validators}
        return Response(headers={**fields, "x-content-type-options": "nosniff"})

    def _locate(self, subpath: str) -> Path | None:
        """Give the path below the root that a raw path names, or None for one that is never served."""
        path = "/".join(decode_segments(subpath))
        names = path.removesuffix("/").split("/") if path else []
        return self.root.joinpath(*names) if all(map(_is_served, names)) else None

    def _open_contained(self, path: str, flags: int) -> int:
        """Open a file whose real path is below the root; runs in a thread. Raises OSError otherwise."""
        real = Path(os.path.realpath(path, strict=True))
        if not real.is_relative_to(self.root) or any(
            name.startswith(".") for name in real.relative_to(self.root).parts
        ):
            raise PermissionError(errno.EACCES, f"{path!r} leads out of {self.root!r}")
        # O_NONBLOCK: opening a FIFO waits for its writer otherwise.
        return os.open(real, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def media_type(name: str) -> str:
    """Give the Content-Type for a file name, with a charset for text."""
    kind = _TYPES.get(os.path.splitext(name)[1].lower())
    if kind is None:
        kind, encoding = mimetypes.guess_type(name)
        # The file is what it is, not what it would unpack to: a .tar.gz is sent as gzip.
        kind = "application/gzip" if encoding == "gzip" else kind if encoding is None else None
    kind = kind or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") or kind in _TEXT_TYPES else kind


async def _close(file: "AsyncFileIO") -> None:
    # Shielded: a peer that leaves just now cancels us, and a close that no thread has begun would never happen.
    await asyncio.shield(file.close())


def _is_served(name: str) -> bool:
    return not (
        name in ("", ".", "..")
        or name.startswith(".")
        or name.endswith((".", " "))  # Windows drops these, and so serves a file under many names
        or any(character in name for character in "\0\\:")
        or _DEVICE.fullmatch(name)
    )


def _with_slash(request: Request) -> Response:
    """Send the client to the directory's own URL, where relative links are right; it never leaves the host."""
    location = "/" + request.raw_path.lstrip("/\\") + "/"
    return Response.redirect(f"{location}?{request.head.query}" if request.head.query else location, 308)


def _not_found(request: Request) -> HTTPError:
    return HTTPError(404, f"Nothing is at {request.path}.")
