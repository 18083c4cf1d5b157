"""The outline of an app: its routes, its mounts and its middleware, for those who show them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from aiosock.web.handler import Middleware
from aiosock.web.routing.table import ANY, RouteTable

MAX_DEPTH = 10
"""Apps within each other; an app may be mounted in itself."""


class Outline(NamedTuple):
    """The table of an app, with its routes and mounts, and its middleware, the outermost first."""

    table: RouteTable
    middleware: Sequence[Middleware]


@runtime_checkable
class Outlined(Protocol):
    """What has an outline: an App."""

    def outline(self) -> Outline:
        """Return it."""


class Shown(NamedTuple):
    """A route with the prefixes of the mounts before it. A mount that is no app has the pattern `/prefix/...`."""

    methods: tuple[str, ...]
    pattern: str
    handler: object


def reached(app: Outlined, depth: int = 0) -> Iterator[Outlined]:
    """Yield an app and all apps that are mounted in it."""
    yield app
    for mount in app.outline().table.mounts:
        if isinstance(mount.handler, Outlined) and depth < MAX_DEPTH:
            yield from reached(mount.handler, depth + 1)


def all_routes(outline: Outline, prefix: str = "", depth: int = 0) -> Iterator[Shown]:
    """Yield every route of an app and of the apps that are mounted in it."""
    for route in outline.table.routes:
        yield Shown(tuple(sorted(route.methods)), prefix + route.pattern, route.handler or route.endpoint)
    for mount in outline.table.mounts:
        if not isinstance(mount.handler, Outlined):
            yield Shown((ANY,), f"{prefix}{mount.prefix}/...", mount.handler)
        elif depth < MAX_DEPTH:
            yield from all_routes(mount.handler.outline(), prefix + mount.prefix, depth + 1)
