"""StaticFiles: a directory over HTTP (RFC 9110 sections 8.8, 12.5.3, 13 and 14)."""

import asyncio
import errno
import os
import re
from collections.abc import Collection, Coroutine, Mapping, Sequence
from contextlib import suppress
from fnmatch import translate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiosock.config import Limits
from aiosock.errors import HTTPError
from aiosock.web.disk.file_body import FileBody
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.routing.table import method_not_allowed
from aiosock.web.static.answer import answer
from aiosock.web.static.cache import FileCache
from aiosock.web.static.representation import SUFFIXES, Representation, Resource, find, open_file
from aiosock.web.static.tree import Entry, Tree
from aiosock.wire.negotiation import choose_media_type
from aiosock.wire.target import decode_segments

if TYPE_CHECKING:
    from aiosock.web.static.listing import Listing

IMMUTABLE: Final = "public, max-age=31536000, immutable"
"""Cache-Control for what never changes under its name (RFC 8246)."""

_FINGERPRINTED = re.compile(r".+[.-](?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{8,64}\.[^/]+")
"""A name with a hash in it, as build tools write them: app.3f2a9c1b.js. Eight digits alone may be a date."""

HIDDEN_ERRORS: Final = frozenset(
    {
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM),
        *(errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.EINVAL),
    }
)
"""What opening a file raises for a name that nothing is served under."""


class StaticFiles:
    """A Handler that serves the files below a directory, GET and HEAD, to be mounted.

    ```python
    app.mount("/static", StaticFiles("static", cache_control={"*.css": "max-age=3600"}))
    ```

    What is hidden is answered 404 like what is not there: dotfiles, anything that is not a regular file, a symbolic
    link. Files of up to `limits.cached_file_bytes` are kept in memory, and looked at again once a second at the most.

    - `index`: names that are served for their directory, the first that is there.
    - `listing`: a directory without an index is shown: a page, or JSON or text to whom prefers that; whole as an archive.
    - `symlinks`: follow symbolic links, to what is below the directory too.
    - `dotfiles`: names to be served although they start with a dot, such as `.well-known`.
    - `precompressed`: to clients that take it, send `name.zst`, `name.br` or `name.gz` in place of `name`, where it is
      not older.
    - `clean_urls`: serve `about.html` for `/about`.
    - `spa`: a page that is served, with 200, to browsers that ask for what is not there; an application of one page.
    - `not_found`: a page that is served to them with 404.
    - `cache_control`: Cache-Control for file names or paths by pattern, the first that fits: `{"*.html": "no-cache"}`.
    - `immutable`: tell clients to keep for a year what has a hash in its name, such as `app.3f2a9c1b.js`.

    Raises NotADirectoryError unless `directory` is one: a wrong path is found at start, not at a request. Raises ValueError
    for a page that is named like a directory.
    """

    def __init__(  # noqa: PLR0913 - options, all by name and each with a default
        self,
        directory: str | os.PathLike[str],
        *,
        index: Sequence[str] = ("index.html",),
        listing: "bool | Listing" = False,
        symlinks: bool = False,
        dotfiles: Collection[str] = (),
        precompressed: bool = True,
        clean_urls: bool = False,
        spa: str = "",
        not_found: str = "",
        cache_control: Mapping[str, str] | None = None,
        immutable: bool = False,
        cache: FileCache | None = None,
    ) -> None:
        self.root: Path = Path(directory).resolve()
        if not self.root.is_dir():
            raise NotADirectoryError(f"{os.fspath(directory)!r} is not a directory")
        self.tree: Tree = Tree(self.root, links=symlinks, dotfiles=dotfiles)
        self._index = (index,) if isinstance(index, str) else tuple(index)
        self._listing = _as_listing(listing)
        self._codings = tuple(SUFFIXES) if precompressed else ()
        self._clean_urls = clean_urls
        self._spa, self._not_found = _page_name(spa), _page_name(not_found)
        self._cache_control = [
            (re.compile(translate(pattern)), value) for pattern, value in (cache_control or {}).items()
        ]
        self._immutable = immutable
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
        if known is not None and (content := known.representations[0].content) is not None and not _has_wishes(request):
            return Response.prepared(content, known.representations[0].fields)
        limits = request.exchange.connection.limits
        try:
            found = await self._find(path, limits)
            if isinstance(found, Resource):
                return await self._respond(request, found)
            assert self._listing is not None
            return await self._listing.show(request, self.tree, _names(path), found)
        except IsADirectoryError:
            return _with_slash(request)
        except OSError as error:
            _demand_hidden(error)
            return await self._respond_instead(request, path, limits)

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
        names = _names(path)
        if path and not path.endswith("/"):
            try:
                return self._described(find(self.tree, names, self._codings, limit))
            except FileNotFoundError:
                if not self._clean_urls:
                    raise
                return self._described(find(self.tree, [*names[:-1], f"{names[-1]}.html"], self._codings, limit))
        for index in self._index:
            with suppress(FileNotFoundError, IsADirectoryError):
                return self._described(find(self.tree, [*names, index], self._codings, limit))
        if self._listing is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return self.tree.scan(names)

    def _described(self, resource: Resource) -> Resource:
        for representation in resource.representations:
            self._describe(representation, varies=len(resource.representations) > 1)
        return resource

    def _describe(self, representation: Representation, *, varies: bool) -> None:
        name = representation.names[-1].removesuffix(SUFFIXES.get(representation.coding, ""))
        path = "/".join([*representation.names[:-1], name])
        fitting = (value for pattern, value in self._cache_control if pattern.match(name) or pattern.match(path))
        default = IMMUTABLE if self._immutable and _FINGERPRINTED.fullmatch(name) else ""
        representation.describe(varies=varies, cache_control=next(fitting, default))

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
        response = None
        try:
            # It may have changed since it was found.
            opened = Representation(chosen.names, chosen.content_type, chosen.coding, file.status)
            self._describe(opened, varies=len(resource.representations) > 1)
            response = answer(request, opened, file, status)
        finally:
            if response is None or response.body is not file:
                await file.aclose()
        return response

    def _open(self, names: Sequence[str]) -> FileBody:
        """Open a file in one go with its owner, so that a request that is cancelled meanwhile leaves none open; blocks."""
        descriptor, status = open_file(self.tree, names)
        return FileBody(descriptor, names[-1], status)

    async def _respond_instead(self, request: Request, path: str, limits: Limits) -> Response:
        """Answer browsers with a page where nothing is, if there is one for it; raise HTTPError (404) otherwise."""
        is_route = "." not in path.rpartition("/")[2]
        name, status = (self._spa, 200) if self._spa and is_route else (self._not_found, 404)
        refusal = HTTPError(404, f"Nothing is at {request.path}.")
        wanted = choose_media_type(request.headers.get("accept", ""), ("text/html", "application/json", "text/plain"))
        if not name or wanted != "text/html":
            raise refusal
        try:
            found = await self._find(name, limits)
            assert isinstance(found, Resource)
            response = await self._respond(request, found, status)
        except OSError as error:
            _demand_hidden(error)
            raise refusal from None
        response.headers["vary"] = ", ".join(["Accept", *response.headers.get_all("vary")])
        return response


def _has_wishes(request: Request) -> bool:
    """Say whether anything in a request makes it ask for other than the file itself, whole."""
    return request.head.has_any(("if-", "range:", "accept-encoding:"))


def _demand_hidden(error: OSError) -> None:
    """Take an error that says that nothing is there; raise HTTPError (503) for want of descriptors, any other again."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        raise HTTPError(503, "The server has too many files open.", {"retry-after": "1"}) from None
    if error.errno not in HIDDEN_ERRORS:
        raise error


def _as_listing(listing: "bool | Listing") -> "Listing | None":
    if not isinstance(listing, bool):
        return listing
    if not listing:
        return None
    from aiosock.web.static.listing import Listing  # here: what packs archives takes 12 ms to import

    return Listing()


def _page_name(path: str) -> str:
    """Give the path of a page without its first slash."""
    if path.endswith("/"):
        raise ValueError(f"{path!r} is a directory, not a page")
    return path.lstrip("/")


def _names(path: str) -> list[str]:
    return path.removesuffix("/").split("/") if path else []


def _with_slash(request: Request) -> Response:
    """Send the client to the directory's own URL, where relative links are right; it never leaves the host."""
    location = "/" + request.raw_path.lstrip("/\\") + "/"
    return Response.redirect(request.with_query(location), 308)
