"""Names of routes and mounts: the paths that they lead to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

from aiosock.errors import RouteError
from aiosock.web.routing.pattern import Convertor, build_path, parameter_names
from aiosock.web.routing.table import Route
from aiosock.web.urls import Names


class NamedMount(NamedTuple):
    """A prefix without its last slash, and the app that is mounted there; None for a handler, which has no names."""

    prefix: str
    app: Names | None


def path_of_route(
    routes: Iterable[Route], convertors: Mapping[str, Convertor], name: str, params: Mapping[str, object]
) -> str | None:
    """Return the path of the route with this name that takes these parameters, None if no route has the name.

    Raises RouteError if several do, and what `build_path` raises.
    """
    patterns = list(dict.fromkeys(route.pattern for route in routes if route.name == name))
    if not patterns:
        return None
    fitting = [pattern for pattern in patterns if set(parameter_names(pattern)) == set(params)]
    if len(fitting) > 1:
        several = " and ".join(map(repr, fitting))
        raise RouteError(f"the name {name!r} is that of {several}: give all but one another name, with name=")
    return build_path((fitting or patterns)[0], params, convertors)


def path_below_mount(mounts: Mapping[str, NamedMount], name: str, params: Mapping[str, object]) -> str | None:
    """Return the path of `mount:name`, or of a handler's mount with the parameter `path`; None without such a mount.

    Raises RouteError for the name of a mount alone where an app is mounted, and for other parameters.
    """
    key, colon, rest = name.partition(":")
    if key not in mounts:
        return None
    prefix, app = mounts[key]
    if colon:
        path = None if app is None else app.path_of(rest, params)
        return None if path is None else quote(prefix) + path
    if app is not None:
        raise RouteError(f"{name!r} is a mounted app: write {name + ':NAME'!r} for one of its routes")
    if params.keys() != {"path"}:
        raise RouteError(f"{name!r} is a mounted handler: it takes the parameter 'path', and no other")
    return build_path(f"{prefix}/{{path:path}}", {"path": str(params["path"]).lstrip("/")})


def names_of(routes: Iterable[Route], mounts: Mapping[str, NamedMount]) -> Iterator[str]:
    """Yield the names for which there are paths."""
    for route in routes:
        yield route.name
    for key, (_, app) in mounts.items():
        if app is None:
            yield key
        else:
            yield from (f"{key}:{name}" for name in app.names())


def check_name(name: str, pattern: str, routes: Sequence[Route]) -> None:
    """Raise RouteError if another pattern has this name already, and `url_for` could not tell them apart."""
    names = set(parameter_names(pattern))
    for route in routes:
        if route.name == name and route.pattern != pattern and set(parameter_names(route.pattern)) == names:
            raise RouteError(f"the name {name!r} is that of {route.pattern!r} already: {pattern!r} needs another one")
