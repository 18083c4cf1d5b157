"""Uploads: files that arrive by PUT (RFC 9110 section 9.3.4) or in a form (RFC 7578), each whole or not at all."""

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
from aiosock.web.disk.writing import disk_full_is_507, to_completion, write_all
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.routing.table import method_not_allowed
from aiosock.web.static import StaticFiles
from aiosock.web.static.representation import Representation
from aiosock.wire.conditional import Verdict, evaluate
from aiosock.wire.negotiation import choose_media_type
from aiosock.wire.target import decode_segments

UPLOAD_BYTES: Final = 1024**3
"""A file, unless the command line says otherwise."""

PIECES: Final = 16
"""Pieces of a body, of 64 KiB at the most, that are written together."""

_NO_RIGHT = (403, "The server may not write there.")
_NO_DIRECTORY = (404, "There is no directory to put that into.")
_NO_NAME = (400, "The file system does not take that name.")
_NO_DESCRIPTOR = (503, "The server has too many files open.")

_REFUSALS: Final = {
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: _NO_RIGHT,
    errno.ENOENT: _NO_DIRECTORY,
    errno.ENAMETOOLONG: _NO_NAME,
    errno.EINVAL: _NO_NAME,
    errno.EILSEQ: _NO_NAME,
    errno.EMFILE: _NO_DESCRIPTOR,
    errno.ENFILE: _NO_DESCRIPTOR,
}
"""What is answered where the file system refuses."""


class Upload:
    """A Handler that upload_method what is PUT below a directory of files, or POSTed there, and leaves everything else to them.

    The bytes go to a temporary name beside the place they are for, and get their own when all of them are there. A file
    that exists is replaced only for a PUT that says so with If-Match.
    """

    def __init__(self, files: StaticFiles, limit: int = UPLOAD_BYTES) -> None:
        """Store files of up to `limit` bytes. Raises ConfigError on a system where that would not be safe."""
        if not SUPPORTED:
            raise ConfigError("uploads need a system with openat(), which this one has not")
        self._files = files
        self._limit = limit

    async def __call__(self, request: Request) -> Response:
        """Store files, or answer with one.

        Raises HTTPError: 400 for a part of a file and for none, 403 where the server may not write, 404 for a directory
        that is not there, 409 for a file that is, 412 where a precondition fails, 413 beyond the limit, 415 for a content
        coding and for what is no form, 507 where the disk is full; and what StaticFiles raises.
        """
        upload_method = "POST" if request.subpath.endswith("/") else "PUT"
        if request.method in ("GET", "HEAD"):
            return await self._files(request)
        if request.method not in (upload_method, "PUT"):
            raise method_not_allowed(request.method, f"GET, HEAD, {upload_method}")
        # Nobody is left to cancel: where the client leaves, reading the body raises; what is there whole is kept.
        request.exchange.on_disconnect = "finish"
        return await (self._post_form(request) if request.method == "POST" else self._put_file(request))

    async def _put_file(self, request: Request) -> Response:
        """Store what is PUT."""
        *directory, asked = decode_segments(request.subpath)
        name = safe_name(asked, self._files.tree.dotfiles)
        if (request.incoming.length or 0) > self._limit:
            raise self._too_large()
        _check_head(request)

        def permit(status: os.stat_result | None) -> None:
            _check_replacing(request, name, status)

        try:
            size, replaced = await self._store(directory, name, permit, request.body)
        except FileExistsError:
            raise _name_taken(name) from None
        location = request.raw_path.rpartition("/")[0] + "/" + quote(name)
        return Response.json({"name": name, "size": size}, 200 if replaced else 201, {"location": location})

    async def _post_form(self, request: Request) -> Response:
        """Store the files of a form, those whose names are taken excepted; send a browser back to the directory."""
        _check_head(request)
        *directory, _ = decode_segments(request.subpath)
        stored: list[dict[str, str | int]] = []
        taken: list[str] = []
        limits = request.exchange.connection.limits
        # No part may be longer, and there are no more of them.
        async for part in request.parts(limits.form_parts * max(self._limit, limits.form_field_bytes)):
            if part.filename is None:
                continue
            name = safe_name(part.filename, self._files.tree.dotfiles)
            try:
                size, _ = await self._store(directory, name, _refuse_to_replace, part)
                stored.append({"name": name, "size": size})
            except FileExistsError:
                # The browser is still sending: it would not see an answer before the end.
                taken.append(name)
        if taken:
            others = f" Stored: {', '.join(str(file['name']) for file in stored)}." if stored else ""
            raise HTTPError(409, f"There already: {', '.join(taken)}.{others}")
        if not stored:
            raise HTTPError(400, "Choose a file.")
        if choose_media_type(request.headers.get("accept", ""), ("text/html", "application/json")) != "text/html":
            return Response.json({"files": stored}, 201)
        # Relative: whatever this is mounted at, and never another host.
        return Response.redirect(request.with_query("./"))

    async def _store(
        self, directory: Sequence[str], name: str, permit: Permit, pieces: AsyncIterable[bytes]
    ) -> tuple[int, bool]:
        """Write a file; give its size, and whether it took another's place. Raises FileExistsError, and HTTPError."""
        arrival = Arrival(self._files.tree, directory, name, permit)
        try:
            with disk_full_is_507():
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
        """Write the pieces to a file; give its size."""
        size = 0
        async with aiofiles.open(descriptor, "wb", buffering=0, closefd=False) as file:
            async for block in _join_pieces(pieces):
                size += len(block)
                if size > self._limit:
                    raise self._too_large()
                await write_all(file, block)
        return size

    def _forget_cached(self, directory: Sequence[str], name: str) -> None:
        """Have the file system asked again for every path that a file is served at: as an index, without its suffix."""
        prefix = "".join(f"{part}/" for part in directory)
        self._files.forget(prefix)
        while name:
            self._files.forget(prefix + name)
            name = name.rpartition(".")[0]

    def _too_large(self) -> HTTPError:
        return HTTPError(413, f"A file may have {self._limit} bytes.")


def _check_head(request: Request) -> None:
    """Raise HTTPError for what can be told from the head, before the client is asked for the body."""
    # RFC 9110 section 14.5: the rest of a file, as `curl -C` sends it, must not be taken for the whole.
    if "content-range" in request.headers:
        raise HTTPError(400, "A file is taken whole, not in parts.")
    # Section 8.4: stored as it comes, it would be served without its coding.
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPError(415, "A file is taken as it is, in no content coding.", {"accept-encoding": "identity"})


def _refuse_to_replace(status: os.stat_result | None) -> None:
    if status is not None:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


def _check_replacing(request: Request, name: str, status: os.stat_result | None) -> None:
    """Raise HTTPError where a request does not mean to store its file over what is there: 409, or 412."""
    replaces = "if-match" in request.headers
    if status is None:
        if replaces:
            raise HTTPError(412, "There is no file to be replaced.")
        return
    if not stat.S_ISREG(status.st_mode):
        raise HTTPError(409, f"{name} is there already, and is no file that could be replaced.")
    known = Representation([name], "", "identity", status)
    if evaluate(request.headers, "PUT", known.etag, known.modified) is Verdict.FAILED:
        raise HTTPError(412, "The file is not the one that this request would replace.", {"etag": known.etag})
    if not replaces:
        raise _name_taken(name)


def _name_taken(name: str) -> HTTPError:
    return HTTPError(409, f"{name} is there already; to replace it, send If-Match.")


async def _join_pieces(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Join pieces to blocks that are worth a hop to a thread."""
    block: list[bytes] = []
    async for piece in pieces:
        block.append(piece)
        if len(block) == PIECES:
            yield b"".join(block)
            block = []
    yield b"".join(block)
