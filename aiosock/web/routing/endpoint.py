"""Endpoints: handlers in the form that routes call, checked when they are registered; what handlers may return."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection
from typing import Any

from aiosock.errors import RouteError
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.routing.signature import (
    Endpoint,
    Parameter,
    client_parameters,
    is_coroutine,
    is_stream,
    models_of,
    name_of,
    return_annotation,
)

_RESPONSES: dict[type, Callable[[Any], Response]] = {
    str: Response,
    bytes: Response,
    dict: Response.json,
    list: Response.json,
    type(None): lambda _: Response(status=204),
}


def to_response(result: object) -> Response:
    """Turn the result of a handler into a Response. Only this table decides how.

    Raises TypeError for a result of any other type.
    """
    # Try the exact type first: each `isinstance` that fails costs as much as making the response.
    make = _RESPONSES.get(type(result))
    if make is not None:
        return make(result)
    if isinstance(result, Response):
        return result
    for kind, make in _RESPONSES.items():
        if isinstance(result, kind):
            return make(result)
    raise TypeError(f"a handler must return Response, str, bytes, dict, list or None, not {type(result).__name__}")


def as_endpoint(
    function: Callable[..., Any], pattern: str, parameters: Collection[str], methods: Collection[str] = ()
) -> Endpoint:
    """Return a handler in the form that routes call, after checking that it fits its pattern.

    A handler without typed parameters, whose results are in the table, is returned unchanged. Raises RouteError, with
    the names of both, if the function is not `async`, or if its arguments are not the request, the pattern's
    parameters, and parameters that can be read from the query and the body.
    """
    streams = is_stream(function)
    if not streams and not is_coroutine(function):
        raise RouteError(f"handler {name_of(function)} for {pattern!r} must be defined with async def")
    wanted = client_parameters(function, parameters)
    _check_signature(function, pattern, [*parameters, *(parameter.name for parameter in wanted)])
    endpoint = _streaming(function) if streams else _serialising(function)
    return _typed(function, endpoint, wanted, pattern, methods) if wanted else endpoint


def _typed(
    function: Callable[..., Any], endpoint: Endpoint, wanted: list[Parameter], pattern: str, methods: Collection[str]
) -> Endpoint:
    """Return an endpoint that reads the query and the body first; raise RouteError, with its name, if it cannot."""
    from aiosock.web.routing.typed import require_msgspec

    require_msgspec(f"handler {name_of(function)} for {pattern!r}: the typed parameter {wanted[0].name!r}")
    from aiosock.web.routing.typed.endpoint import typed_endpoint

    try:
        return typed_endpoint(endpoint, wanted, methods)
    except RouteError as error:
        raise RouteError(f"handler {name_of(function)} for {pattern!r}: {error}") from None


def _serialising(function: Endpoint) -> Endpoint:
    """Write a handler's result as JSON if it is of a class in the handler's return annotation.

    Only the class is checked, not the fields. For other results, the table decides.
    """
    models = models_of(return_annotation(function))
    if not models:
        return function

    async def endpoint(request: Request, /, **parameters: Any) -> object:
        result = await function(request, **parameters)
        return Response.json(result) if isinstance(result, models) and type(result) not in _RESPONSES else result

    return endpoint


def _streaming(function: Callable[..., AsyncGenerator[bytes | str, None]]) -> Endpoint:
    async def endpoint(request: Request, /, **parameters: Any) -> Response:
        pieces = function(request, **parameters)
        # The head waits for the first piece: an exception before that can still be answered with an error.
        first = await anext(pieces, b"")
        # Text, which browsers show. For another type, a handler returns Response(generator(), headers=...).
        return Response(_Resumed(first, pieces), headers={"content-type": "text/plain; charset=utf-8"})

    return endpoint


class _Resumed:
    """A generator whose first piece was taken already: yields that piece, then the others."""

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


def _check_signature(function: Callable[..., Any], pattern: str, parameters: Collection[str]) -> None:
    """Raise RouteError, with the names of both, if a handler's arguments are not the request and these parameters."""
    signature = inspect.signature(function)
    try:
        signature.bind(object(), **dict.fromkeys(parameters))
    except TypeError as error:
        wanted = ", ".join(["request", *parameters])
        advice = "; a query parameter needs a default, or must stand after *" if "missing" in str(error) else ""
        raise RouteError(
            f"handler {name_of(function)}{signature} does not fit the pattern {pattern!r}, "
            f"which calls it with ({wanted}): {error}{advice}"
        ) from None
