"""Handlers: the coroutine functions users write, checked when they are registered, and what they may return."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection
from functools import wraps
from typing import Any

from aiosock.errors import RouteError
from aiosock.web.request import Request
from aiosock.web.response import Response

Handler = Callable[[Request], Awaitable[Response]]
"""The seam: all that a connection knows of an application."""

Next = Handler
"""What a middleware calls to go on."""

Middleware = Callable[[Request, Next], Awaitable[Response]]
"""`async def m(request, next) -> Response`, awaited in the request's own task."""

Endpoint = Callable[..., Awaitable[object]]
"""A handler as users write it: the request, then the path parameters by name."""


_RESPONSES: dict[type, Callable[[Any], Response]] = {
    str: Response.text,
    bytes: Response,
    dict: Response.json,
    list: Response.json,
    type(None): lambda _: Response(status=204),
}


def to_response(result: object) -> Response:
    """Turn what a handler returned into a Response: the one table that decides.

    Raises TypeError for anything that is not in it.
    """
    # By exact type first: each `isinstance` that says no costs as much as making the response.
    make = _RESPONSES.get(type(result))
    if make is not None:
        return make(result)
    if isinstance(result, Response):
        return result
    for kind, make in _RESPONSES.items():
        if isinstance(result, kind):
            return make(result)
    raise TypeError(f"a handler returns Response, str, bytes, dict, list or None, not {type(result).__name__}")


def as_endpoint(function: Callable[..., Any], pattern: str, parameters: Collection[str]) -> Endpoint:
    """Give a handler in the shape that routes call, after checking that it fits its pattern.

    Raises RouteError, naming both, for a function that is not `async`, or whose arguments are not the request and the
    pattern's parameters.
    """
    # The function itself, a partial of one, or the `__call__` of an instance.
    called = (function, getattr(function, "__call__", None))  # noqa: B004
    streams = any(map(inspect.isasyncgenfunction, called))
    if not streams and not any(map(inspect.iscoroutinefunction, called)):
        raise RouteError(f"handler {_name(function)} for {pattern!r} must be defined with async def")
    check_signature(function, pattern, parameters)
    return _streaming(function) if streams else function


def _streaming(function: Callable[..., AsyncGenerator[bytes | str, None]]) -> Endpoint:
    @wraps(function)  # what checks the signature must see the handler's own
    async def endpoint(request: Request, /, **parameters: Any) -> Response:
        pieces = function(request, **parameters)
        # What it raises before its first piece can still be answered, so the head waits for that piece.
        first = await anext(pieces, b"")
        # Text unless it says otherwise by returning Response(generator(), headers=...): browsers then show it.
        return Response(_Begun(first, pieces), headers={"content-type": "text/plain; charset=utf-8"})

    return endpoint


class _Begun:
    """A generator whose first piece has been taken: gives it, then the others."""

    def __init__(self, first: bytes | str, rest: AsyncGenerator[bytes | str, None]) -> None:
        self._first = first
        self._rest = rest

    async def __aiter__(self) -> AsyncIterator[bytes | str]:
        yield self._first
        async for piece in self._rest:
            yield piece

    async def aclose(self) -> None:
        """Close the generator; called whether or not the body was read."""
        await self._rest.aclose()


def check_signature(function: Callable[..., Any], pattern: str, parameters: Collection[str]) -> None:
    """Raise RouteError, naming both, for a handler whose arguments are not the request and the pattern's parameters."""
    signature = inspect.signature(function)
    try:
        signature.bind(object(), **dict.fromkeys(parameters))
    except TypeError as error:
        wanted = ", ".join(["request", *parameters])
        raise RouteError(
            f"handler {_name(function)}{signature} does not fit the pattern {pattern!r}, "
            f"which calls it with ({wanted}): {error}"
        ) from None


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", type(function).__qualname__)
