"""StaticFiles: a directory over HTTP (RFC 9110 sections 8.8, 12.5.3, 13 and 14)."""

import asyncio
import errno
import os
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Unpack
from urllib.parse import unquote

from aiosock.config import Limits
from aiosock.errors import HTTPError
from aiosock.web.disk.file_body import FileBody
from aiosock.web.disk.shortage import shortages_answered
from aiosock.web.handler import refuse_other_scheme
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.static.answer import answer, answer_options
from aiosock.web.static.cache import FileCache
from aiosock.web.static.policy import Policy, StaticOptions
from aiosock.web.static.representation import SUFFIXES, Representation, Resource, find, open_file
from aiosock.web.static.tree import MISSING_ERRORS, Tree


class StaticFiles:
    """A Handler that serves the files below a directory, GET and HEAD, to be mounted.

    ```python
    app.mount("/static", StaticFiles("static", cache_control={"*.css": "max-age=3600"}))
    ```

    Hidden files get 404, like missing ones: dotfiles, symbolic links, and anything that is not a regular file. Files of
    up to `limits.cached_file_bytes` are kept in memory, and checked in the file system again once a second at most.

    The options are those of `StaticOptions`. Each StaticFiles has a `cache` of its own, unless it is given one.

    Raises NotADirectoryError if `directory` is not a directory, so that a wrong path is noticed at start. Raises
    ValueError for a page whose path ends with a slash, and TypeError for an unknown option.
    """

    checks_target = True
    """Names of files are bytes: a path need not be text; see `with_target_checked`."""

    def __init__(
        self, directory: str | os.PathLike[str], *, cache: FileCache | None = None, **options: Unpack[StaticOptions]
    ) -> None:
        self._policy = Policy(options)
        # The root is not resolved: it may be a link that is switched to another directory, such as the next release.
        root = Path(directory).absolute()
        self.root: Path = root.resolve() if ".." in root.parts else root
        if not self.root.is_dir():
            raise NotADirectoryError(f"{os.fspath(directory)!r} is not a directory")
        self.tree: Tree = Tree(self.root, links=self._policy.symlinks, dotfiles=self._policy.dotfiles)
        self.index: tuple[str, ...] = self._policy.index
        self._cache = cache or FileCache()

    def __call__(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Answer with the file at `request.subpath`; raise what `serve` raises, and HTTPError (421) for an https URL without TLS."""
        refuse_other_scheme(request)
        return self.serve(request, request.subpath)

    async def serve(self, request: Request, subpath: str) -> Response:
        """Answer with the file at `subpath`, which starts with a slash and is percent-encoded, as in a URL.

        Raises HTTPError: 404 if nothing is served there, 405 and 501 for other methods, 406 if the client accepts no
        form of the file, 412 if a precondition fails, 416 if all ranges are beyond the end, 503 if no descriptor is
        left.
        """
        if request.method not in ("GET", "HEAD"):
            return answer_options(request, "GET, HEAD, OPTIONS")
        if subpath.endswith("/") and not request.raw_path.endswith("/"):
            return _with_slash(request)
        # Bytes that are not UTF-8 stay what they are: a file system may have such names.
        path = subpath[1:] if "%" not in subpath else unquote(subpath[1:], errors="surrogateescape")
        if request.exchange.connection.debug:  # whoever has just saved a file wants to see it
            self._cache.drop(path)
        # A shortcut for the usual request: evaluating fields that it does not have would be most of the work.
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
            if found is not None:
                return await self._respond(request, found)
            assert self._policy.listing is not None
            return await self._policy.listing.show(request, self.tree, _names_of(path))
        except IsADirectoryError:
            return _with_slash(request)
        except OSError as error:
            _raise_unless_missing(error)
            return await self._respond_to_missing(request, path, limits)

    def forget(self, path: str) -> None:
        """Drop a path from memory, because its file has changed; `path` is decoded and has no first slash."""
        self._cache.drop(path)

    # Looking up files.

    async def _find(self, path: str, limits: Limits) -> Resource | None:
        """Return what `_look_up` returns, from memory or looked up in a thread; raise what it raises."""
        known = self._cache.fresh(path)
        if known is not None:
            return known
        self._cache.touch(path)  # requests that arrive during the lookup are served from memory
        try:
            found = await asyncio.to_thread(self._look_up, path, min(limits.cached_file_bytes, limits.file_cache_bytes))
        except OSError:
            self._cache.drop(path)
            raise
        if found is not None:
            self._cache.put(path, found, limits.file_cache_bytes)
        return found

    def _look_up(self, path: str, limit: int) -> Resource | None:
        """Return the file that is served at a path, None for a directory that is listed; blocks.

        Raises OSError if there is nothing, IsADirectoryError for a directory whose path does not end with a slash.
        """
        names = _names_of(path)
        if path and not path.endswith("/"):
            try:
                return self._load(names, limit)
            except (FileNotFoundError, IsADirectoryError):
                if (page := self._load_clean(names, limit)) is None:
                    raise
                return page
        if (page := self._load_index(names, limit)) is not None:
            return page
        if self._policy.listing is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        os.close(self.tree.open_directory(names))
        return None

    def _load_clean(self, names: Sequence[str], limit: int) -> Resource | None:
        """Return the page about.html for about, None if there is none, or if a directory about has an index.

        Exports of Next.js and SvelteKit have about.html beside the directory of the pages below it.
        """
        if not self._policy.clean_urls or self._load_index(names, limit) is not None:
            return None
        return self._load_if_served([*names[:-1], f"{names[-1]}.html"], limit)

    def _load_index(self, names: Sequence[str], limit: int) -> Resource | None:
        """Return the first index page of a directory that is served, None if there is none."""
        found = (self._load_if_served([*names, name], limit) for name in self._policy.index)
        return next((page for page in found if page is not None), None)

    def _load_if_served(self, names: Sequence[str], limit: int) -> Resource | None:
        """Return what `_load` returns, None if nothing is served under this name: no file, a directory or a link that leads out."""
        try:
            return self._load(names, limit)
        except OSError as error:
            if error.errno not in MISSING_ERRORS:
                raise
            return None

    def _load(self, names: Sequence[str], limit: int) -> Resource:
        """Look up a file and its precompressed siblings, and make their fields; blocks. Raises what `find` raises."""
        resource = find(self.tree, names, self._policy.codings, limit)
        for representation in resource.representations:
            self._describe(representation, varies=len(resource.representations) > 1)
        return resource

    def _describe(self, representation: Representation, *, varies: bool) -> None:
        """Make the fields of a representation; a precompressed sibling has the Cache-Control of its file."""
        name = representation.names[-1].removesuffix(SUFFIXES.get(representation.coding, ""))
        cache_control = self._policy.cache_control([*representation.names[:-1], name])
        representation.describe(varies=varies, cache_control=cache_control)

    # Answering.

    async def _respond(self, request: Request, resource: Resource, status: int = 200) -> Response:
        """Answer with the form of a file that the client prefers; raise what `serve` raises, and OSError."""
        original = resource.representations[0]
        chosen = resource.choose(request.headers.get("accept-encoding"))
        if chosen is None and status != 200:
            chosen = original  # an error page is sent even to clients that accept none of its forms
        if chosen is None:
            raise HTTPError(406, "The Accept-Encoding field accepts no form of this file.", {"vary": "Accept-Encoding"})
        if chosen.content is not None or request.method == "HEAD":
            return answer(request, chosen, None, status)
        try:
            file = await asyncio.to_thread(self._open, chosen.names)
        except OSError:
            if chosen is original:
                raise
            # The sibling has been removed since it was looked up. It has no content in memory: the weight stays the
            # same.
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
        """Open a file; blocks. The FileBody closes it even if the request is cancelled while the thread runs."""
        descriptor, status = open_file(self.tree, names)
        return FileBody(descriptor, names[-1], status)

    async def _respond_to_missing(self, request: Request, path: str, limits: Limits) -> Response:
        """Answer a browser with the page for missing files, if there is one; raise HTTPError (404) otherwise."""
        name, status = self._policy.page_for_missing(path)
        missing = HTTPError(404, f"Nothing is at {request.path}.")
        wanted = request.accepts("text/html", "application/json", "text/plain")
        if not name or wanted != "text/html":
            raise missing
        try:
            found = await self._find(name, limits)
            assert found is not None
            response = await self._respond(request, found, status)
        except OSError as error:
            _raise_unless_missing(error)
            raise missing from None
        response.headers["vary"] = ", ".join(["Accept", *response.headers.get_all("vary")])
        return response


def _may_change_response(request: Request) -> bool:
    """Return whether a field may change the response: a precondition, Range or Accept-Encoding."""
    return request.head.has_any(("if-", "range:", "accept-encoding:"))


def _raise_unless_missing(error: OSError) -> None:
    """Raise `error`, unless it means that nothing is there; raise HTTPError (503) instead if no descriptor is left."""
    if error.errno not in MISSING_ERRORS:
        with shortages_answered():
            raise error


def _names_of(path: str) -> list[str]:
    """Return the names that lead from the root to a path, which has no first slash."""
    return path.removesuffix("/").split("/") if path else []


def _with_slash(request: Request) -> Response:
    """Redirect to the same URL with a slash at its end, where relative links work; never to another host."""
    location = "/" + request.raw_path.lstrip("/").replace("\\", "%5C") + "/"  # clients take a backslash for a slash
    return Response.redirect(request.with_query(location), 308)
