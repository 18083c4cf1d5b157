"""Uploads: files that arrive by PUT (RFC 9110 section 9.3.4) or in a form (RFC 7578); each is stored whole or not at all."""

import asyncio
import errno
import os
import stat
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from typing import Final
from urllib.parse import quote

import aiofiles

from aiosock.errors import ConfigError, HTTPError
from aiosock.share.arrival import SUPPORTED, Arrival, Permit
from aiosock.web.disk.names import safe_name
from aiosock.web.disk.shortage import shortages_answered
from aiosock.web.disk.writing import to_completion, write_all
from aiosock.web.handler import not_text, refuse_other_scheme
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.static import StaticFiles
from aiosock.web.static.answer import answer_options
from aiosock.web.static.representation import Representation
from aiosock.wire.conditional import Verdict, evaluate
from aiosock.wire.target import decode_segments, is_text

UPLOAD_BYTES: Final = 1024**3
"""The default limit for a file: 1 GiB."""

PIECES: Final = 16
"""Pieces of a body that are written together; each has at most 64 KiB."""

_NO_RIGHT = (403, "The server may not write to this directory.")
_NO_DIRECTORY = (404, "The directory for this file does not exist, or has been moved.")
_NO_NAME = (400, "The file system does not accept this name.")

_REFUSALS: Final = {
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: _NO_RIGHT,
    errno.ENOENT: _NO_DIRECTORY,
    errno.ENAMETOOLONG: _NO_NAME,
    errno.EINVAL: _NO_NAME,
    errno.EILSEQ: _NO_NAME,
}
"""The status and detail for each error of the file system."""


class Upload:
    """A Handler that stores files below a directory, by PUT or by POST of a form, and serves them with StaticFiles.

    A file gets its name when it is complete. An existing file is replaced only by a PUT with If-Match. A new index page
    is refused: it would be shown instead of its directory.

    `files` must serve each file under its own name only: without precompressed siblings and clean URLs. Otherwise an
    uploaded report.html.gz would be shown instead of report.html.
    """

    checks_target = True
    """As StaticFiles: a directory may have a name that is not text. A file that is stored gets one that is."""

    def __init__(self, files: StaticFiles, limit: int = UPLOAD_BYTES) -> None:
        """Store files of up to `limit` bytes. Raises ConfigError on a system without openat(), where that is not safe."""
        if not SUPPORTED:
            raise ConfigError("uploads need a system with openat()")
        self._files = files
        self._limit = limit
        self._index = frozenset(name.casefold() for name in files.index)  # a file system may ignore case

    async def __call__(self, request: Request) -> Response:
        """Store files, or answer with one.

        Raises HTTPError: 400 for a part of a file and for a form without a file, 403 if the server may not write, 404
        if the directory does not exist or is another one by then, 409 if the file exists or would be an index page, 412
        if a precondition fails, 413 beyond the limit, 415 for a content coding and for a POST that is not a form, 503
        if no descriptor is left, 507 if the disk is full; and what StaticFiles raises.
        """
        refuse_other_scheme(request)
        upload_method = "POST" if request.subpath.endswith("/") else "PUT"
        if request.method in ("GET", "HEAD"):
            return await self._files(request)
        if request.method not in (upload_method, "PUT"):
            return answer_options(request, f"GET, HEAD, OPTIONS, {upload_method}")
        # If the client disconnects early, reading the body raises. A file that has arrived whole is kept.
        request.exchange.on_disconnect = "finish"
        return await (self._post_form(request) if request.method == "POST" else self._put_file(request))

    async def _put_file(self, request: Request) -> Response:
        """Store the body of a PUT."""
        *directory, asked = decode_segments(request.subpath)
        if not is_text(asked):
            raise not_text()
        name = safe_name(asked, self._files.tree.dotfiles)
        if (request.incoming.length or 0) > self._limit:
            raise self._too_large()
        _check_head(request)

        def permit(status: os.stat_result | None) -> None:
            _check_replacing(request, name, status)
            if status is None and self._is_index(name):
                raise _hides_directory(name)

        try:
            size, replaced = await self._store(directory, name, permit, request.body)
        except FileExistsError:
            raise _name_taken(name) from None
        location = request.raw_path.rpartition("/")[0] + "/" + quote(name)
        return Response.json({"name": name, "size": size}, 200 if replaced else 201, {"location": location})

    async def _post_form(self, request: Request) -> Response:
        """Store the files of a form, except those whose names are taken; redirect a browser to the directory."""
        _check_head(request)
        *directory, _ = decode_segments(request.subpath)
        stored: list[dict[str, str | int]] = []
        taken: list[str] = []
        refused: list[str] = []
        limits = request.exchange.connection.limits
        # The largest form that can be valid: no more parts, and none longer.
        async for part in request.parts(limits.form_parts * max(self._limit, limits.form_field_bytes)):
            if part.filename is None:
                continue
            name = safe_name(part.filename, self._files.tree.dotfiles)
            # After a refusal go on: a browser that is still sending would not read the response.
            if self._is_index(name):
                refused.append(name)
                continue
            try:
                size, _ = await self._store(directory, name, _refuse_to_replace, part)
                stored.append({"name": name, "size": size})
            except FileExistsError:
                taken.append(name)
        if taken or refused:
            raise _not_all_stored(taken, refused, [str(file["name"]) for file in stored])
        if not stored:
            raise HTTPError(400, "Choose a file.")
        if request.accepts("text/html", "application/json") != "text/html":
            return Response.json({"files": stored}, 201)
        # A relative URL works under every mount, and never leads to another host.
        return Response.redirect(request.with_query("./"))

    async def _store(
        self, directory: Sequence[str], name: str, permit: Permit, pieces: AsyncIterable[bytes]
    ) -> tuple[int, bool]:
        """Write a file; return its size and whether it has replaced another. Raises FileExistsError and HTTPError."""
        arrival = Arrival(self._files.tree, directory, name, permit)
        try:
            with shortages_answered():
                await to_completion(asyncio.to_thread(arrival.begin))
                size = await self._receive(pieces, arrival.descriptor)
                replaced = await to_completion(asyncio.to_thread(arrival.publish))
        except OSError as error:
            if error.errno not in _REFUSALS:
                raise  # FileExistsError among them
            raise HTTPError(*_REFUSALS[error.errno]) from None
        finally:
            await to_completion(asyncio.to_thread(arrival.close))
        self._forget_cached(directory, name)
        return size, replaced

    async def _receive(self, pieces: AsyncIterable[bytes], descriptor: int) -> int:
        """Write the pieces to a file and return its size; raise HTTPError (413) beyond the limit."""
        size = 0
        async with aiofiles.open(descriptor, "wb", buffering=0, closefd=False) as file:
            async for block in _join_pieces(pieces):
                size += len(block)
                if size > self._limit:
                    raise self._too_large()
                await write_all(file, block)
        return size

    def _is_index(self, name: str) -> bool:
        return name.casefold() in self._index

    def _forget_cached(self, directory: Sequence[str], name: str) -> None:
        """Drop a file from memory for every path where it may be served: its own, the directory's, and those without a suffix."""
        prefix = "".join(f"{part}/" for part in directory)
        self._files.forget(prefix)
        while name:
            self._files.forget(prefix + name)
            name = name.rpartition(".")[0]

    def _too_large(self) -> HTTPError:
        return HTTPError(413, f"The file is larger than the limit of {self._limit} bytes.")


def _check_head(request: Request) -> None:
    """Raise HTTPError if the fields of a request are enough to refuse it, before its body is read."""
    # RFC 9110 section 14.5: `curl -C` sends the rest of a file, which must not be stored as the whole.
    if "content-range" in request.headers:
        raise HTTPError(400, "A file must be sent whole, not in parts.")
    # Section 8.4: the file would be stored encoded, but served without the Content-Encoding.
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPError(415, "A file must be sent without a content coding.", {"accept-encoding": "identity"})


def _refuse_to_replace(status: os.stat_result | None) -> None:
    if status is not None:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


def _check_replacing(request: Request, name: str, status: os.stat_result | None) -> None:
    """Raise HTTPError (409 or 412) if a request must not replace the file with this status, None for no file."""
    replaces = "if-match" in request.headers
    if status is None:
        if replaces:
            raise HTTPError(412, "There is no file to replace.")
        return
    if not stat.S_ISREG(status.st_mode):
        raise HTTPError(409, f"{name} exists already and is not a file that can be replaced.")
    known = Representation([name], "", "identity", status)
    if evaluate(request.headers, "PUT", known.etag, known.modified) is Verdict.FAILED:
        raise HTTPError(
            412, "The file has changed: it does not match the preconditions of the request.", {"etag": known.etag}
        )
    if not replaces:
        raise _name_taken(name)


def _name_taken(name: str) -> HTTPError:
    return HTTPError(409, f"{name} exists already. To replace it, send If-Match.")


def _hides_directory(name: str) -> HTTPError:
    return HTTPError(409, f"{name} is refused: it would be shown instead of the files of its directory.")


def _not_all_stored(taken: Sequence[str], refused: Sequence[str], stored: Sequence[str]) -> HTTPError:
    """Return the error for a form of which some files are not stored: their names are taken, or those of an index page."""
    details = [
        f"Names that exist already: {', '.join(taken)}." if taken else "",
        *(_hides_directory(name).detail for name in refused),
        f"Stored: {', '.join(stored)}." if stored else "",
    ]
    return HTTPError(409, " ".join(filter(None, details)))


async def _join_pieces(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Join pieces to larger blocks, because each block is written by a call in a thread."""
    block: list[bytes] = []
    async for piece in pieces:
        block.append(piece)
        if len(block) == PIECES:
            yield b"".join(block)
            block = []
    yield b"".join(block)
