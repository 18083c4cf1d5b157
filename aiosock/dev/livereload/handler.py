"""LiveReload: the middleware that puts our script into pages and tells their browsers what has changed."""

import logging
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from functools import cache
from typing import Final

from aiosock.dev.livereload.hub import Hub
from aiosock.dev.livereload.injection import is_page, own, with_script
from aiosock.dev.livereload.policy import admit_script
from aiosock.log import server_logger
from aiosock.web.app import App, lifespan_of
from aiosock.web.events import EventStream
from aiosock.web.handler import Handler, Next
from aiosock.web.request import Request
from aiosock.web.response import Response

EVENTS: Final = "/_aiosock/reload"
SCRIPT: Final = "/_aiosock/reload.js"

_DOCUMENTS: Final = frozenset({"document", "embed", "frame", "iframe", "object"})
"""Destinations of a request (the Fetch standard) whose response a browser shows as a page."""


class LiveReload:
    """A middleware for development: see `Hub` for what it tells, and `with_script` for what it does to a page."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        server_logger.addFilter(_is_of_others)

    async def __call__(self, request: Request, next: Next) -> Response:
        """Answer the requests of our script; complete the response to any other."""
        if request.head.path in (EVENTS, SCRIPT):
            return self._own(request)
        token = self._hub.token  # before the handler: what changes while it works is new to the page
        if _asks_for_page(request):
            # A page must come whole and anew: what the browser has stored carries an old token.
            for name in ("accept-encoding", "if-modified-since", "if-none-match"):
                del request.headers[name]
        return self._completed(request, await next(request), token)

    def _own(self, request: Request) -> Response:
        """Answer a request of our script. Observers see by its route that it is none of the app's."""
        request.route = request.head.path
        if request.route == EVENTS:
            request.exchange.on_disconnect = "eager"  # each reload of a page leaves one of these
            return EventStream(request, self._hub.events())
        headers = {"content-type": "text/javascript; charset=utf-8", "cache-control": "no-cache"}
        return Response(_script(), headers=headers)

    def _completed(self, request: Request, response: Response, token: str) -> Response:
        if _may_show_page(request) and is_page(response):
            response = own(response)
            nonce = admit_script(response.headers)
            attribute = f' nonce="{nonce}"' if nonce else ""
            tag = f'<script src="{SCRIPT}" data-token="{token}"{attribute}></script>'
            return with_script(request, response, tag.encode())
        if request.method in ("GET", "HEAD") and not _is_decided(response):
            response = own(response)
            response.headers["cache-control"] = "no-cache"  # when the page is reloaded, so is what belongs to it
        return response


class WithLiveReload:
    """An app with live reload around it: a handler with the lifespan of the app."""

    checks_target = True

    def __init__(self, app: Handler, live_reload: LiveReload) -> None:
        self._app = app
        self._live_reload = live_reload

    def __call__(self, request: Request) -> Awaitable[Response]:
        """Return the response of the app, completed."""
        return self._live_reload(request, self._app)

    def running(self) -> AbstractAsyncContextManager[None]:
        """Return the lifespan of the app."""
        return lifespan_of(self._app)


def with_live_reload(handler: Handler, hub: Hub) -> Handler:
    """Return a handler that answers as `handler` does, with live reload."""
    if not hasattr(handler, "running"):  # it is no App, and none is in it
        # An App makes responses of exceptions. Those of a bare handler would become pages behind our back.
        app = App()
        app.mount("", handler)
        handler = app
    return WithLiveReload(handler, LiveReload(hub))


def _asks_for_page(request: Request) -> bool:
    """Return whether the browser will show the response as a page, if it is one."""
    destination = request.headers.get("sec-fetch-dest")
    if destination is not None:
        return destination in _DOCUMENTS
    return "text/html" in request.headers.get("accept", "")


def _may_show_page(request: Request) -> bool:
    """Return False for a script that fetches a part of a page. Old browsers, curl, and http in a LAN do not tell."""
    destination = request.headers.get("sec-fetch-dest")
    if destination is not None:
        return destination in _DOCUMENTS
    return "hx-request" not in request.headers and "x-requested-with" not in request.headers


def _is_decided(response: Response) -> bool:
    """Return whether a browser asks again anyway, or need never ask: a name with a hash in it changes with its content."""
    policy = response.headers.get("cache-control", "").lower()
    return any(word in policy for word in ("no-store", "no-cache", "immutable"))


def _is_of_others(record: logging.LogRecord) -> bool:
    """Return False for what is logged of our event stream: each page that is left has one, whose peer leaves."""
    return not (isinstance(record.args, tuple) and EVENTS in record.args)


@cache
def _script() -> bytes:
    from importlib.resources import files  # 15 ms that a restart does without

    return files(__package__).joinpath("page", "reload.js").read_bytes()
