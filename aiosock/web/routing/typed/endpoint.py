"""Endpoint: reads a typed handler's parameters from the query and the body, then calls it, or reports all problems."""

from collections.abc import Collection, Mapping
from typing import Any

from aiosock.errors import RouteError, ValidationError
from aiosock.web.request import Request
from aiosock.web.routing.signature import Endpoint, Parameter
from aiosock.web.routing.typed.body import BodyReader
from aiosock.web.routing.typed.query import QueryReader


def typed_endpoint(endpoint: Endpoint, parameters: Collection[Parameter], methods: Collection[str]) -> Endpoint:
    """Return an endpoint that fills `parameters`; raise RouteError for those that cannot be read from a request."""
    readers = [QueryReader(parameter) for parameter in parameters if not parameter.is_body]
    body = body_of(parameters, methods)
    body_reader = None if body is None else BodyReader(body)

    async def typed(request: Request, /, **values: Any) -> object:
        problems: list[Mapping[str, str]] = []
        for reader in readers:
            reader.read(request.query, values, problems)
        if body_reader is not None:
            await body_reader.read(request, values, problems)
        if problems:
            raise ValidationError(problems)
        return await endpoint(request, **values)

    return typed


def body_of(parameters: Collection[Parameter], methods: Collection[str]) -> Parameter | None:
    """Return the parameter for the body; raise RouteError for a second one, and for a method that has no body."""
    bodies = [parameter for parameter in parameters if parameter.is_body]
    if len(bodies) > 1:
        names = " and ".join(repr(parameter.name) for parameter in bodies)
        raise RouteError(f"a request has one body, but the parameters {names} would each take it")
    # RFC 9110 sections 9.3.1 and 9.3.2: content in these requests has no meaning, and may be lost on the way.
    if bodies and not {"GET", "HEAD"}.isdisjoint(methods):
        raise RouteError(f"the parameter {bodies[0].name!r} would take the body, but GET and HEAD have none")
    return bodies[0] if bodies else None
