"""Endpoints: handlers in the form that routes call, checked when they are registered; what handlers may return."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from aiosock.errors import RouteError
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.routing.path_parameters import path_parameters
from aiosock.web.routing.pattern import CONVERTORS, Convertor, parameter_names
from aiosock.web.routing.provider import Need
from aiosock.web.routing.providers import Providers
from aiosock.web.routing.scope import scope_of
from aiosock.web.routing.signature import (
    Endpoint,
    Parameter,
    client_parameters,
    has_pydantic,
    is_coroutine,
    is_stream,
    models_of,
    name_of,
    return_annotation,
    unwrapped,
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
    advice = "; return its model_dump(mode='json')" if has_pydantic(type(result)) else ""
    name = type(result).__name__
    raise TypeError(f"a handler must return Response, str, bytes, dict, list or None, not {name}{advice}")


_NO_PYDANTIC = (
    "is a model of pydantic, which aiosock does not read: take a dataclass or a msgspec.Struct, or read it in the "
    "handler by Model.model_validate_json(await request.read()), or in a provider that is registered first"
)


def as_endpoint(
    function: Callable[..., Any],
    pattern: str,
    methods: Collection[str] = (),
    *,
    convertors: Mapping[str, Convertor] = CONVERTORS,
    providers: Providers | None = None,
    status: int = 200,
) -> Endpoint:
    """Return a handler in the form that routes call, after checking that it fits its pattern.

    A handler without typed parameters, whose results are in the table, is returned unchanged. `providers` are those of
    the app; None before a router is included: it is not known yet what is provided. `status` is that of results that
    are no Response.

    Raises RouteError, with the names of both, if the function is not `async`, or if its arguments are not the request,
    the pattern's parameters, and parameters that can be read from the request or provided.
    """
    streams, who = is_stream(function), f"handler {name_of(function)} for {pattern!r}"
    if not streams and not is_coroutine(function):
        raise RouteError(f"{who} must be defined with async def")
    parameters = parameter_names(pattern)
    wanted = client_parameters(function, parameters, providers.provides if providers else lambda _: False)
    _check_signature(function, pattern, [*parameters, *(parameter.name for parameter in wanted)])
    endpoint = _streaming(function, status) if streams else _serialising(function, status)
    if providers is None:
        wanted = [each for each in wanted if each.place not in ("body", "resource")]
    else:
        for each in wanted:
            if has_pydantic(each.annotation) and not providers.provides(each.annotation):
                raise RouteError(f"{who}: the parameter {each.name!r} {_NO_PYDANTIC}")
            if each.place == "body" and isinstance(each.annotation, type):
                providers.read_from_body(each.annotation, who)
        providers.want(who, function, [Need(each.name, each.annotation) for each in wanted if each.place == "resource"])
    read = [*path_parameters(function, pattern, convertors), *(each for each in wanted if each.place != "resource")]
    early, late = _resources(wanted)
    endpoint = with_resources(endpoint, late, providers)
    if read:
        endpoint = _typed(who, endpoint, read, methods)
    return with_resources(endpoint, early, providers)


def _resources(wanted: Sequence[Parameter]) -> tuple[list[Need], list[Need]]:
    """Return the resources before the parameter that takes the body, and the others.

    The former are made before the body is read: one of them may refuse the request.
    """
    body = next((index for index, each in enumerate(wanted) if each.place in ("body", "form")), 0)
    needs = [(index, Need(each.name, each.annotation)) for index, each in enumerate(wanted) if each.place == "resource"]
    return [need for index, need in needs if index < body], [need for index, need in needs if index >= body]


def with_resources(endpoint: Endpoint, needs: Sequence[Need], providers: Providers | None) -> Endpoint:
    """Return an endpoint that gets these resources first; the same one if it needs none."""
    if not needs or providers is None:
        return endpoint
    own = providers

    async def provided(request: Request, /, **values: Any) -> object:
        scope = scope_of(request)
        scope.failure = None  # of an earlier try: a middleware may call a handler again
        for name, kind in needs:
            values[name] = await scope.get(kind, own)
        return await endpoint(request, **values)

    return provided


def _typed(who: str, endpoint: Endpoint, wanted: list[Parameter], methods: Collection[str]) -> Endpoint:
    """Return an endpoint that reads these parameters first; raise RouteError, with the handler's name, if it cannot."""
    from aiosock.web.routing.typed import require_msgspec

    require_msgspec(f"{who}: the typed parameter {wanted[0].name!r}")
    from aiosock.web.routing.typed.endpoint import typed_endpoint

    try:
        return typed_endpoint(endpoint, wanted, methods)
    except RouteError as error:
        raise RouteError(f"{who}: {error}") from None


def _serialising(function: Endpoint, status: int) -> Endpoint:
    """Write a handler's result as JSON if it is of a class in the handler's return annotation.

    Only the class is checked, not the fields. For other results, the table decides.
    """
    models = models_of(return_annotation(function))
    if not models:
        return function

    async def endpoint(request: Request, /, **parameters: Any) -> object:
        result = await function(request, **parameters)
        is_model = isinstance(result, models) and type(result) not in _RESPONSES
        return Response.json(result, status) if is_model else result

    return endpoint


def refuses_none(function: Callable[..., Any]) -> bool:
    """Return whether the return annotation of a handler says that it never returns None."""
    return not is_stream(function) and not _allows_none(return_annotation(function))


def _allows_none(annotation: Any) -> bool:
    kind = unwrapped(annotation)
    if get_origin(kind) in (Union, UnionType):
        return any(map(_allows_none, get_args(kind)))
    kind = get_origin(kind) or kind
    return kind in (Any, object, NoneType, inspect.Signature.empty) or not isinstance(kind, type)


def returned_none(function: Callable[..., Any]) -> TypeError:
    """Return the error for a handler that returned None against its annotation: a `return` is missing, most likely."""
    shown = getattr(return_annotation(function), "__name__", return_annotation(function))
    return TypeError(
        f"handler {name_of(function)} returned None, but is annotated -> {shown}: a return is missing, or the "
        "annotation must say that it may be None"
    )


def _streaming(function: Callable[..., AsyncGenerator[bytes | str, None]], status: int) -> Endpoint:
    name = name_of(function)

    async def endpoint(request: Request, /, **parameters: Any) -> Response:
        pieces = function(request, **parameters)
        # The head waits for the first piece: an exception before that can still be answered with an error.
        first = await anext(pieces, b"")
        if not isinstance(first, (bytes, str)):
            await pieces.aclose()
        _check_piece(first, name)
        # Text, which browsers show. For another type, a handler returns Response(generator(), headers=...).
        return Response(_Resumed(first, pieces, name), status, {"content-type": "text/plain; charset=utf-8"})

    return endpoint


def _check_piece(piece: object, name: str) -> None:
    """Raise TypeError, with the name of the handler, if a piece of its stream is neither text nor bytes."""
    if not isinstance(piece, (bytes, str)):
        raise TypeError(f"handler {name} must yield str or bytes, not {type(piece).__name__}")


class _Resumed:
    """A generator whose first piece was taken already: yields that piece, then the others."""

    def __init__(self, first: bytes | str, rest: AsyncGenerator[bytes | str, None], name: str) -> None:
        self._first = first
        self._rest = rest
        self._name = name

    async def __aiter__(self) -> AsyncIterator[bytes | str]:
        yield self._first
        async for piece in self._rest:
            _check_piece(piece, self._name)
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
