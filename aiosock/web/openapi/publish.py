"""Publish: two routes that show an app's description, as JSON and as a page."""

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
    """Answer `path` with the description that `openapi` gives of an app, and `docs`, unless None, with a page of it.

    It is made when it is first asked for, and again when routes have been added. Without `servers` it names the place
    where the app is mounted. Raises RouteError for a path that is taken, and without msgspec.
    """
    require_msgspec("a description of an API")
    published = _Published(app, path, title=title, version=version, description=description, servers=servers)
    app.get(path, name="openapi", documented=False)(published.json)
    if docs is not None:
        app.get(docs, name="docs", documented=False)(published.page)


class _Published:
    """A description, kept until the app has more routes; routes do not go."""

    def __init__(self, app: App, path: str, **about: Any) -> None:
        self._app = app
        self._path = path
        self._describe = partial(openapi, app, **about)
        self._cached: dict[str, Any] = {}
        self._routes = 0

    async def json(self, request: Request) -> Response:
        """Answer with the description."""
        return Response(encode(self._document(request)), headers={"content-type": "application/json"})

    async def page(self, request: Request) -> Response:
        """Answer with a page for people."""
        text = docs_page(
            self._document(request), _mount_path(request) + self._path, f"{request.scheme}://{request.host}"
        )
        fields = {"content-security-policy": security_policy(), "x-content-type-options": "nosniff"}
        return Response.html(text, headers=fields)

    def _document(self, request: Request) -> dict[str, Any]:
        if self._routes != len(self._app.routes):
            self._cached = self._describe()
            self._routes = len(self._app.routes)
        here = [{"url": _mount_path(request) or "/"}]
        return {**self._cached, "servers": self._cached.get("servers", here)}


def _mount_path(request: Request) -> str:
    """Give the path below which the app is mounted, as it was sent."""
    return request.raw_path.removesuffix(request.subpath)
