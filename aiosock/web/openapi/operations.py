"""Operations: the documented routes of an app, one by one, each with an id of its own."""

import inspect
from collections.abc import Mapping
from typing import Final

from aiosock.web.openapi.operation import Operation
from aiosock.web.openapi.paths import Template, shape_of
from aiosock.web.routing.path_parameters import path_parameters
from aiosock.web.routing.pattern import CONVERTORS, Convertor, parameter_names
from aiosock.web.routing.providers import Providers
from aiosock.web.routing.router import Router
from aiosock.web.routing.signature import Parameter, client_parameters, written
from aiosock.web.routing.table import ANY, Route

# OpenAPI 3.1.1 section 4.8.9: the methods that a path may have. HEAD is left out if there is GET.
_METHODS: Final = ("GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH")


def operations_of(router: Router) -> list[Operation]:
    """Return the operations of the documented routes of a router or an app, in their order."""
    convertors: Mapping[str, Convertor] = getattr(router, "convertors", CONVERTORS)
    providers: Providers = getattr(router, "providers", None) or Providers()
    found: list[Operation] = []
    templates: dict[tuple[str, ...], Template] = {}
    taken: set[tuple[str, str]] = set()
    names: set[str] = set()
    for route in router.routes:
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
            texts = {"operationId": _unique_id(route.name, method, names), **_docstring(route)}
            found.append(Operation(route, method, template, texts, _parameters(route, convertors, providers)))
    return found


def _unique_id(name: str, method: str, names: set[str]) -> str:
    """Return an operationId that is not in `names`, and add it there."""
    tried, number = name, 1
    while tried in names:
        tried = f"{name}_{method.lower()}" if number == 1 else f"{name}_{method.lower()}_{number}"
        number += 1
    names.add(tried)
    return tried


def _docstring(route: Route) -> dict[str, str]:
    """Return the first paragraph of a handler's docstring, and the rest."""
    summary, _, description = (inspect.getdoc(written(route.handler or route.endpoint)) or "").partition("\n\n")
    return {"summary": " ".join(summary.split()), "description": description.strip()}


def _parameters(route: Route, convertors: Mapping[str, Convertor], providers: Providers) -> list[Parameter]:
    """Return what a handler reads from the request, and cannot be said by the pattern alone."""
    handler = route.handler or route.endpoint
    names = parameter_names(route.pattern)
    return [
        *path_parameters(handler, route.pattern, convertors),
        *client_parameters(handler, names, providers.provides),
    ]
