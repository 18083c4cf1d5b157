"""Document: the routes of an app as an OpenAPI 3.1 document. Pure: no request, no response."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from aiosock.errors import RouteError
from aiosock.web.handler import Middleware
from aiosock.web.routing.router import Router
from aiosock.web.routing.typed import require_msgspec

VERSION: Final = "3.1.1"


def openapi(
    router: Router,
    *,
    title: str,
    version: str,
    description: str = "",
    servers: Sequence[str] = (),
    security: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return an OpenAPI document of the documented routes of a router or an app, in their order.

    `version` is the version of the API. `servers` are the base URLs of the API. `security` are Security Scheme Objects,
    by the names that routes have in their `security`. Schemes of middleware, such as `bearer_auth`, are added; the
    operations that pass it ask for all of them unless their routes say otherwise. The document does not contain routes for any
    method ("*"), methods that OpenAPI does not know, and mounted apps.

    Raises RouteError if msgspec is not installed, and for a scheme that a route names and nobody describes.
    """
    require_msgspec("a description of an API")
    from aiosock.web.openapi.operations import operations_of
    from aiosock.web.openapi.schemas import schemas_of

    operations = operations_of(router)
    schemas, components = schemas_of([each for operation in operations for each in operation.annotations])
    paths: dict[str, dict[str, Any]] = {}
    everywhere = _schemes_of(router._middleware)
    schemes = {**everywhere, **(security or {})}
    for operation in operations:
        here = paths.setdefault(operation.template.path, {})
        described = operation.described([next(schemas) for _ in operation.annotations])
        here[operation.method.lower()] = described
        if operation.route.security is None and (own := _schemes_of(operation.route.middleware)):
            described["security"] = [{name: [] for name in [*everywhere, *own]}]
            schemes |= own
        if unknown := set(operation.route.security or ()) - set(schemes):
            raise RouteError(
                f"route {operation.route.name} names a security scheme that is not described: {min(unknown)!r}"
            )
    info = {"title": title, "version": version, **({"description": description} if description else {})}
    return {
        "openapi": VERSION,
        "info": info,
        **({"servers": [{"url": url} for url in servers]} if servers else {}),
        **({"security": [{name: [] for name in everywhere}]} if everywhere else {}),
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": RESPONSES,
            **({"securitySchemes": schemes} if schemes else {}),
        },
    }


def _schemes_of(middlewares: Iterable[Middleware]) -> dict[str, Mapping[str, Any]]:
    """Return the security schemes that middleware enforces, by name."""
    schemes: dict[str, Mapping[str, Any]] = {}
    for middleware in middlewares:
        schemes |= getattr(middleware, "security_schemes", {})  # see `secured`
    return schemes


def _problem_schema(**more: Any) -> dict[str, Any]:
    properties = {"title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"}, **more}
    return {"schema": {"type": "object", "properties": properties, "required": ["title", "status", "detail"]}}


_ERROR_ITEM = {"type": "object", "additionalProperties": {"type": "string"}, "required": ["detail"]}

RESPONSES: Final[Mapping[str, Any]] = {
    "Error": {
        "description": "An error: problem details (RFC 9457), a page or a line of text, as the client accepts.",
        "content": {"application/problem+json": _problem_schema(), "text/html": {}, "text/plain": {}},
    },
    "ValidationError": {
        "description": "The request is not valid. Each error names a parameter or has a pointer into the body.",
        "content": {
            "application/problem+json": _problem_schema(errors={"type": "array", "items": _ERROR_ITEM}),
            "text/html": {},
        },
    },
}
"""The responses for errors, for `components`."""
