"""Document: the routes of an app as an OpenAPI 3.1 document. Pure: no request, no response."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiosock.web.openapi.operation import Operation
from aiosock.web.openapi.paths import Template, shape_of
from aiosock.web.routing.pattern import CONVERTORS, Convertor
from aiosock.web.routing.router import Router
from aiosock.web.routing.signature import written
from aiosock.web.routing.table import ANY, Route
from aiosock.web.routing.typed import require_msgspec

VERSION: Final = "3.1.1"

# OpenAPI 3.1.1 section 4.8.9: the methods that a path may have. HEAD is left out if there is GET.
_METHODS: Final = ("GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH")


def openapi(
    router: Router, *, title: str, version: str, description: str = "", servers: Sequence[str] = ()
) -> dict[str, Any]:
    """Return an OpenAPI document of the documented routes of a router or an app, in their order.

    `version` is the version of the API. `servers` are the base URLs of the API. The document does not contain routes
    for any method ("*"), methods that OpenAPI does not know, and mounted apps. Raises RouteError if msgspec is not
    installed.
    """
    require_msgspec("a description of an API")
    from aiosock.web.openapi.schemas import schemas_of

    convertors: Mapping[str, Convertor] = getattr(router, "convertors", CONVERTORS)
    operations = _operations(router.routes, convertors)
    schemas, components = schemas_of([each for operation in operations for each in operation.annotations])
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        here = paths.setdefault(operation.template.path, {})
        here[operation.method.lower()] = operation.described([next(schemas) for _ in operation.annotations])
    info = {"title": title, "version": version, **({"description": description} if description else {})}
    return {
        "openapi": VERSION,
        "info": info,
        **({"servers": [{"url": url} for url in servers]} if servers else {}),
        "paths": paths,
        "components": {"schemas": components, "responses": RESPONSES},
    }


def _operations(routes: Sequence[Route], convertors: Mapping[str, Convertor]) -> list[Operation]:
    """Return the operations of the documented routes, in their order."""
    found: list[Operation] = []
    templates: dict[tuple[str, ...], Template] = {}
    taken: set[tuple[str, str]] = set()
    names: set[str] = set()
    for route in routes:
        if ANY in route.methods or not route.documented:
            continue
        # Section 4.8.8.1: paths that differ only in the names of their parameters are one path.
        first = templates.setdefault(shape_of(route.pattern), Template.of(route.pattern, convertors))
        template = Template.of(route.pattern, convertors).named_as(first)
        for method in _METHODS:
            is_included = method in route.methods and not (method == "HEAD" and "GET" in route.methods)
            if not is_included or (template.path, method) in taken:
                continue
            taken.add((template.path, method))
            found.append(
                Operation(
                    route, method, template, _unique_id(route.name, method, names), *_summary_and_description(route)
                )
            )
    return found


def _unique_id(name: str, method: str, names: set[str]) -> str:
    """Return an operationId that is not in `names`, and add it there."""
    tried, number = name, 1
    while tried in names:
        tried = f"{name}_{method.lower()}" if number == 1 else f"{name}_{method.lower()}_{number}"
        number += 1
    names.add(tried)
    return tried


def _summary_and_description(route: Route) -> tuple[str, str]:
    """Return the first paragraph of a handler's docstring, and the rest."""
    summary, _, description = (inspect.getdoc(written(route.handler or route.endpoint)) or "").partition("\n\n")
    return " ".join(summary.split()), description.strip()


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
