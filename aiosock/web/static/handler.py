"""StaticFiles: a directory over HTTP (RFC 9110 sections 8.8, 12.5.3, 13 and 14)."""

import asyncio
import errno
import os
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Unpack

from aiosock.config import Limits
from aiosock.errors import HTTPError
from aiosock.web.disk.file_body import FileBody
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.routing.table import method_not_allowed
from aiosock.web.static.answer import answer
from aiosock.web.static.cache import FileCache
from aiosock.web.static.policy import Policy, StaticOptions
from aiosock.web.static.representation import SUFFIXES, Representation, Resource, find, open_file
from aiosock.web.static.tree import MISSING_ERRORS, Entry, Tree
from aiosock.wire.negotiation import choose_media_type
from aiosock.wire.target import decode_segments


class StaticFiles:
    """A Handler that serves the files below a directory, GET and HEAD, to be mounted.

    ```python
    app.mount("/static", StaticFiles("static", cache_control={"*.css": "max-age=3600"}))
    ```

    What is hidden is answered 404 like what is not there: dotfiles, anything that is not a regular file, a symbolic
    link. Files of up to `limits.cached_file_bytes` are kept in memory, and looked at again once a second at the most.

    The options are those of StaticOptions. Each StaticFiles keeps files in a `cache` of its own, unless it is given one.

    Raises NotADirectoryError unless `directory` is a directory: a wrong path is noticed at start. Raises ValueError for a page
    whose path ends with a slash, and TypeError for an unknown option.
    """

    def __init__(
        self, directory: str | os.PathLike[str], *, cache: FileCache | None = None, **options: Unpack[StaticOptions]
    ) -> None:
        self._policy = Policy(options)
        self.root: Path = Path(directory).resolve()
        if not self.root.is_dir():
            raise NotADirectoryError(f"{os.fspath(directory)!r} is not a directory")
        self.tree: Tree = Tree(self.root, links=self._policy.symlinks, dotfiles=self._policy.dotfiles)
        self._cache = cache or FileCache()

    def __call__(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Answer with the file that `request.subpath` names; raises what `serve` raises."""
        return self.serve(request, request.subpath)

    async def serve(self, request: Request, subpath: str) -> Response:
        """Answer with a file: `subpath` starts with a slash and is percent-encoded, as in a URL.

        Raises HTTPError: 404 where nothing is served, 405 and 501 for other methods, 406 for a client that refuses every
        form there is, 412 where a precondition fails, 416 for ranges beyond the end.
        """
        if request.method not in ("GET", "HEAD"):
            raise method_not_allowed(request.method, "GET, HEAD")
        if subpath.endswith("/") and not request.raw_path.endswith("/"):
            return _with_slash(request)
        path = subpath[1:] if "%" not in subpath else "/".join(decode_segments(subpath))
        # Most of a small file's cost is asking what nobody has asked for: 90,000 instructions with it, 150,000 without.
        known = self._cache.fresh(path)
        if (
            known is not None
            and (content := known.representations[0].content) is not None
            and not _may_change_response(request)
        ):
            return Response.prepared(content, known.representations[0].fields)
        limits = request.exchange.connection.limits
        try:
            found = await self._find(path, limits)
            if isinstance(found, Resource):
                return await self._respond(request, found)
            assert self._policy.listing is not None
            return await self._policy.listing.show(request, self.tree, _names_of(path), found)
        except IsADirectoryError:
            return _with_slash(request)
        except OSError as error:
            _raise_unless_missing(error)
            return await self._respond_to_missing(request, path, limits)

    def forget(self, path: str) -> None:
        """Ask the file system again for a path, decoded and without its first slash: it has been changed."""
        self._cache.drop(path)

    # What is there.

    async def _find(self, path: str, limits: Limits) -> Resource | list[Entry]:
        """Give what is served at a path, from memory or in a thread; raises what `_look_up` raises."""
        known = self._cache.fresh(path)
        if known is not None:
            return known
        self._cache.touch(path)  # whoever asks while we look is served what is known
        try:
            found = await asyncio.to_thread(self._look_up, path, min(limits.cached_file_bytes, limits.file_cache_bytes))
        except OSError:
            self._cache.drop(path)
            raise
        if isinstance(found, Resource):
            self._cache.put(path, found, limits.file_cache_bytes)
        return found

    def _look_up(self, path: str, limit: int) -> Resource | list[Entry]:
        """Give what is served at a path, or what a directory has; blocks.

        Raises OSError where nothing is, IsADirectoryError for a directory whose path does not end with a slash.
        """
        names = _names_of(path)
        if path and not path.endswith("/"):
            try:
                return self._load(names, limit)
            except FileNotFoundError:
                if not self._policy.clean_urls:
                    raise
                return self._load([*names[:-1], f"{names[-1]}.html"], limit)
        for index in self._policy.index:
            with suppress(FileNotFoundError, IsADirectoryError):
                return self._load([*names, index], limit)
        if self._policy.listing is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return self.tree.scan(names)

    def _load(self, names: Sequence[str], limit: int) -> Resource:
        """Return a file and its precompressed siblings, described; blocks. Raises what `find` raises."""
        resource = find(self.tree, names, self._policy.codings, limit)
        for representation in resource.representations:
            self._describe(representation, varies=len(resource.representations) > 1)
        return resource

    def _describe(self, representation: Representation, *, varies: bool) -> None:
        name = representation.names[-1].removesuffix(SUFFIXES.get(representation.coding, ""))
        cache_control = self._policy.cache_control([*representation.names[:-1], name])
        representation.describe(varies=varies, cache_control=cache_control)

    # What is answered.

    async def _respond(self, request: Request, resource: Resource, status: int = 200) -> Response:
        """Answer with the form of a file that the client likes best; raises what `serve` raises, and OSError."""
        original = resource.representations[0]
        chosen = resource.choose(request.headers.get("accept-encoding"))
        if chosen is None and status != 200:
            chosen = original  # what is wrong is said to everybody
        if chosen is None:
            raise HTTPError(406, "The Accept-Encoding allows no form of this file.", {"vary": "Accept-Encoding"})
        if chosen.content is not None or request.method == "HEAD":
            return answer(request, chosen, None, status)
        try:
            file = await asyncio.to_thread(self._open, chosen.names)
        except OSError:
            if chosen is original:
                raise
            # Somebody has removed the sibling since it was found. It has no content: the resource weighs what it did.
            resource.representations = [known for known in resource.representations if known is not chosen]
            return await self._respond(request, resource, status)
        return await self._respond_with(file, request, chosen, status, varies=len(resource.representations) > 1)

    async def _respond_with(
        self, file: FileBody, request: Request, chosen: Representation, status: int, *, varies: bool
    ) -> Response:
        """Answer with an open file, and close it unless it is the body of the response; raise what `answer` raises."""
        response = None
        try:
            # The file may have changed since it was looked up.
            opened = Representation(chosen.names, chosen.content_type, chosen.coding, file.status)
            self._describe(opened, varies=varies)
            response = answer(request, opened, file, status)
        finally:
            if response is None or response.body is not file:
                await file.aclose()
        return response

    def _open(self, names: Sequence[str]) -> FileBody:
        """Open a file in one go with its owner, so that a request that is cancelled meanwhile leaves none open; blocks."""
        descriptor, status = open_file(self.tree, names)
        return FileBody(descriptor, names[-1], status)

    async def _respond_to_missing(self, request: Request, path: str, limits: Limits) -> Response:
        """Answer browsers with a page where nothing is, if there is one for it; raise HTTPError (404) otherwise."""
        name, status = self._policy.page_for_missing(path)
        refusal = HTTPError(404, f"Nothing is at {request.path}.")
        wanted = choose_media_type(request.headers.get("accept", ""), ("text/html", "application/json", "text/plain"))
        if not name or wanted != "text/html":
            raise refusal
        try:
            found = await self._find(name, limits)
            assert isinstance(found, Resource)
            response = await self._respond(request, found, status)
        except OSError as error:
            _raise_unless_missing(error)
            raise refusal from None
        response.headers["vary"] = ", ".join(["Accept", *response.headers.get_all("vary")])
        return response


def _may_change_response(request: Request) -> bool:
    """Say whether anything in a request makes it ask for other than the file itself, whole."""
    return request.head.has_any(("if-", "range:", "accept-encoding:"))


def _raise_unless_missing(error: OSError) -> None:
    """Take an error that says that nothing is there; raise HTTPError (503) for want of descriptors, any other again."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        raise HTTPError(503, "The server has too many files open.", {"retry-after": "1"}) from None
    if error.errno not in MISSING_ERRORS:
        raise error


def _names_of(path: str) -> list[str]:
    return path.removesuffix("/").split("/") if path else []


def _with_slash(request: Request) -> Response:
    """Send the client to the directory's own URL, where relative links are right; it never leaves the host."""
    location = "/" + request.raw_path.lstrip("/\\") + "/"
    return Response.redirect(request.with_query(location), 308)
