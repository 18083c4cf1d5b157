"""Requests to an app in debug mode."""

from typing import Any

from aiosock import App
from aiosock.testing import Client
from aiosock.testing.client import ClientResponse
from aiosock.web.handler import Handler
from tests.web.ask import BROWSER


async def debug(app: Handler, method: str, target: str, **request: Any) -> ClientResponse:
    """Return the response to one request to an app in debug mode."""
    async with Client(app, debug=True, raise_exceptions=False) as client:
        return await client.request(method, target, **request)


async def page_of(app: Handler, target: str = "/", method: str = "GET", **headers: str) -> str:
    """Return the page that a browser gets."""
    return (await debug(app, method, target, headers={**BROWSER, **headers})).text


def failing(error: BaseException, pattern: str = "/") -> App:
    """Return an app whose one handler raises an exception."""
    app = App()

    @app.route(pattern, methods="*")
    async def failing_handler(request: Any, **params: Any) -> None:
        raise error

    return app
