"""Requests to an app in memory, for all tests of the web layer."""

from collections.abc import Callable
from typing import Any, TypeVar, Unpack

from aiosock import App, Request
from aiosock.testing import Client
from aiosock.testing.client import ClientResponse
from aiosock.web.handler import Handler
from aiosock.web.routing.router import RouteOptions

T = TypeVar("T")

PROGRAM = {"accept": "application/json"}
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def app_of(handler: Callable[..., Any], pattern: str = "/", **options: Unpack[RouteOptions]) -> App:
    """Return an app with one route, for any method."""
    app = App()
    app.route(pattern, "*", **options)(handler)
    return app


async def ask(app: Handler, method: str, target: str, **request: Any) -> ClientResponse:
    """Return the response to one request, as a client gets it: 500 for what a handler raises."""
    async with Client(app, raise_exceptions=False) as client:
        return await client.request(method, target, **request)


async def ask_raw(app: Handler, data: bytes) -> bytes:
    """Send some bytes and the end of the input; return all bytes that come back."""
    async with Client(app) as client:
        peer = await client.connect()
        peer.send(data)
        peer.end()
        await peer.done()
        return peer.received


async def seen(look: Callable[[Request], T], method: str = "GET", target: str = "/", **request: Any) -> T:
    """Return what `look` returns for a request."""
    values: list[T] = []

    async def handler(request: Request, rest: str) -> None:
        values.append(look(request))

    answer = await ask(app_of(handler, "/{rest:path}"), method, target, **request)
    assert answer.status == 204
    return values[0]
