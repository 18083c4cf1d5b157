"""Publish: two routes that show the description of an app, as JSON and as a page."""

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from secrets import token_hex
from typing import Any
from urllib.parse import quote

from aiosock.errors import HTTPError
from aiosock.headers import Headers
from aiosock.web.app import App
from aiosock.web.json import encode
from aiosock.web.openapi.docs import docs_page, security_policy
from aiosock.web.openapi.document import openapi
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.routing.typed import require_msgspec
from aiosock.wire.conditional import Verdict, evaluate


def publish(
    app: App,
    *,
    title: str,
    version: str,
    description: str = "",
    servers: Sequence[str] = (),
    security: Mapping[str, Mapping[str, Any]] | None = None,
    path: str = "/openapi.json",
    docs: str | None = "/docs",
) -> None:
    """Add a route `path` for the OpenAPI document of an app, and a route `docs`, unless None, for a page that shows it.

    Both are made at the first request, and again when routes have been added. They have an ETag. Without `servers`, it
    names the path where the app is mounted. `security` are Security Scheme Objects, by the names that routes have in
    their `security`; see `openapi`. Raises RouteError if a path is taken or msgspec is not installed.
    """
    require_msgspec("a description of an API")
    published = _Published(
        app, path, title=title, version=version, description=description, servers=servers, security=security
    )
    app.get(path, name="openapi", documented=False)(published.json)
    if docs is not None:
        app.get(docs, name="docs", documented=False)(published.page)


class _Published:
    """A description, made once for each place where the app is mounted, until it has more routes. None are removed."""

    def __init__(self, app: App, path: str, **about: Any) -> None:
        self._app = app
        self._path = path
        self._describe = partial(openapi, app, **about)
        self._documents: dict[str, _Made] = {}
        self._pages: dict[tuple[str, bool], _Made] = {}
        self._described: dict[str, Any] = {}
        self._routes = 0
        # The page contains the origin, which the client chooses. It is made with this name, which nobody can guess.
        self._host = f"{token_hex(8)}.invalid"

    async def json(self, request: Request) -> Response:
        """Answer with the description as JSON."""
        self._update()
        mount = quote(request.mount)
        made = self._documents.get(mount)
        if made is None:
            made = self._documents[mount] = _Made([encode(self._document(mount))])
        return _current(request, made, "", {"content-type": "application/json"})

    async def page(self, request: Request) -> Response:
        """Answer with the page for people."""
        self._update()
        mount, origin = quote(request.mount), f"{request.scheme}://{request.host}"
        is_quoted = shlex.quote(origin) != origin  # in the shell, as an IPv6 address is
        made = self._pages.get((mount, is_quoted))
        if made is None:
            made = self._pages[mount, is_quoted] = self._page(mount, is_quoted)
        fields = {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": security_policy(),
            "x-content-type-options": "nosniff",
        }
        return _current(request, made, escape(origin.replace("'", "'\"'\"'")), fields)

    def _page(self, mount: str, is_quoted: bool) -> "_Made":
        origin = f"http://[{self._host}]" if is_quoted else f"http://{self._host}"
        text = docs_page(self._document(mount), mount + self._path, origin)
        return _Made([part.encode() for part in text.split(origin)])

    def _document(self, mount: str) -> dict[str, Any]:
        """Return the description, with the path of the mount as its server unless others are named."""
        here = [{"url": mount or "/"}]
        return {**self._described, "servers": self._described.get("servers", here)}

    def _update(self) -> None:
        """Describe the app anew if it has more routes."""
        if self._routes != len(self._app.routes):
            self._described = self._describe()
            self._documents.clear()
            self._pages.clear()
            self._routes = len(self._app.routes)


class _Made:
    """A text that is made once. Between its parts is the origin, which differs from request to request."""

    __slots__ = ("digest", "parts")

    def __init__(self, parts: Sequence[bytes]) -> None:
        self.parts = parts
        self.digest = hashlib.blake2b(b"\0".join(parts), digest_size=16).digest()


def _current(request: Request, made: _Made, origin: str, fields: Mapping[str, str]) -> Response:
    """Return the text, or 304 if the client has it, or 412 if it asks for another one (RFC 9110 section 13)."""
    between = origin.encode()
    tag = f'"{hashlib.blake2b(made.digest + between, digest_size=16).hexdigest()}"'
    # Only tags are compared: the time of the last change is not known (RFC 9110 section 13.1.3).
    tags = Headers([(name, value) for name, value in request.headers.items() if name in ("if-match", "if-none-match")])
    verdict = evaluate(tags, request.method, tag, 0)
    if verdict is Verdict.FAILED:
        raise HTTPError(412, "If-Match does not name the current version.")
    if verdict is Verdict.NOT_MODIFIED:
        return Response(status=304, headers={"etag": tag})
    return Response(between.join(made.parts), headers={**fields, "etag": tag})
