"""Publish: two routes that show the description of an app, as JSON and as a page."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from aiosock.web.app import App
from aiosock.web.json import encode
from aiosock.web.openapi.docs import docs_page, security_policy
from aiosock.web.openapi.document import openapi
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.routing.typed import require_msgspec


def publish(
    app: App,
    *,
    title: str,
    version: str,
    description: str = "",
    servers: Sequence[str] = (),
    path: str = "/openapi.json",
    docs: str | None = "/docs",
) -> None:
    """Add a route `path` for the OpenAPI document of an app, and a route `docs`, unless None, for a page that shows it.

    The document is made at the first request, and again when routes have been added. Without `servers`, it names the path where
    the app is mounted. Raises RouteError if a path is taken or msgspec is not installed.
    """
    require_msgspec("a description of an API")
    published = _Published(app, path, title=title, version=version, description=description, servers=servers)
    app.get(path, name="openapi", documented=False)(published.json)
    if docs is not None:
        app.get(docs, name="docs", documented=False)(published.page)


class _Published:
    """A description, cached until the app has more routes. Routes are never removed."""

    def __init__(self, app: App, path: str, **about: Any) -> None:
        self._app = app
        self._path = path
        self._describe = partial(openapi, app, **about)
        self._cached: dict[str, Any] = {}
        self._routes = 0

    async def json(self, request: Request) -> Response:
        """Answer with the description as JSON."""
        return Response(encode(self._document(request)), headers={"content-type": "application/json"})

    async def page(self, request: Request) -> Response:
        """Answer with the page for people."""
        text = docs_page(
            self._document(request), _mount_path(request) + self._path, f"{request.scheme}://{request.host}"
        )
        fields = {"content-security-policy": security_policy(), "x-content-type-options": "nosniff"}
        return Response.html(text, headers=fields)

    def _document(self, request: Request) -> dict[str, Any]:
        """Return the description, with the path of the mount as its server unless others are named."""
        if self._routes != len(self._app.routes):
            self._cached = self._describe()
            self._routes = len(self._app.routes)
        here = [{"url": _mount_path(request) or "/"}]
        return {**self._cached, "servers": self._cached.get("servers", here)}


def _mount_path(request: Request) -> str:
    """Return the path where the app is mounted, as it was sent."""
    return request.raw_path.removesuffix(request.subpath)
