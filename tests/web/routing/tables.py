"""Route tables for tests, written as a line for each route."""

import re
from typing import Any

from aiosock.web.request import Request
from aiosock.web.routing.pattern import CONVERTORS, Convertor
from aiosock.web.routing.table import Match, Route, RouteTable


async def endpoint(request: Request, **params: Any) -> None: ...


def table_of(*routes: str, convertors: dict[str, Convertor] | None = None) -> RouteTable:
    """Return a table of routes written as `GET,POST /path`, or `/path` for GET."""
    table = RouteTable({**CONVERTORS, **(convertors or {})})
    for route in routes:
        methods, pattern = route.split(" ", 1) if re.match("[A-Z*]", route) else ("GET", route)
        table.add(Route(pattern, frozenset(methods.split(",")), endpoint, route))
    return table


def found(table: RouteTable, path: str, method: str = "GET") -> str:
    """Return the name of the route that serves a path, "" if there is none."""
    match = table.match(method, path)
    return match.route.name if isinstance(match, Match) else ""


def params(pattern: str, path: str, **convertors: Convertor) -> dict[str, Any] | None:
    """Return the parameters that a pattern finds in a path, or None if it does not fit."""
    match = table_of(pattern, convertors=convertors).match("GET", path)
    return match.params if isinstance(match, Match) else None
