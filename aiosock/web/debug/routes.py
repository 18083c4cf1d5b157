"""Routes: those nearest to a path that has none, and those of a path that does not have the method."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice
from typing import Final

from aiosock.web.debug.functions import FunctionRecord, function_record
from aiosock.web.routing.outline import Outlined, Shown, all_routes, reached
from aiosock.web.routing.table import Match

MAX_ROUTES: Final = 20
"""Routes that are shown."""

MAX_COMPARED: Final = 500
"""Routes that are compared with the path, which takes 50 us each."""

_MAX_PATH: Final = 200


@dataclass(slots=True)
class RouteRecord:
    """A route with its methods and the function behind it."""

    methods: str
    pattern: str
    function: FunctionRecord


def nearest_routes(apps: Sequence[Outlined], path: str) -> tuple[list[RouteRecord], int]:
    """Return the routes that are most like a path, the nearest first, and how many more there are."""
    routes = list(islice(_all(apps), MAX_COMPARED))
    routes.sort(key=lambda route: (-_likeness(route.pattern, path[:_MAX_PATH]), route.pattern))
    return [_record(route) for route in routes[:MAX_ROUTES]], max(len(routes) - MAX_ROUTES, 0)


def other_methods(app: Outlined, methods: Iterable[str], subpath: str) -> list[RouteRecord]:
    """Return the routes that an app has for a path, by these methods."""
    table = app.outline().table
    found = [match.route for method in methods if isinstance(match := table.match(method, subpath), Match)]
    shown = {Shown(tuple(sorted(each.methods)), each.pattern, each.handler or each.endpoint) for each in found}
    return [_record(route) for route in sorted(shown, key=lambda route: route.methods)[:MAX_ROUTES]]


def _all(apps: Sequence[Outlined]) -> Iterable[Shown]:
    """Yield the routes of the first app, with those of its mounts, and of the apps that it has for a host."""
    shown: list[Outlined] = []
    for app in apps:
        if app not in shown:
            shown += reached(app)
            yield from all_routes(app.outline())


def _likeness(pattern: str, path: str) -> float:
    """Return how much a path is like a pattern, whose parameters are like whatever the path has in their place."""
    parts = path.split("/")
    filled = [
        parts[at] if "{" in part and at < len(parts) and parts[at] else part
        for at, part in enumerate(pattern.replace("...", "{rest}").split("/"))
    ]
    likeness = SequenceMatcher(None, "/".join(filled), path, autojunk=False).ratio()
    return likeness - 0.01 * pattern.count("{")  # of two that fit alike, the more exact one


def _record(route: Shown) -> RouteRecord:
    methods = "any" if "*" in route.methods else ", ".join(route.methods)
    return RouteRecord(methods, route.pattern, function_record(route.handler))
