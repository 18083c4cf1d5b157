"""Route table: holds the routes of an app and finds the one for a method and a path. No request, response or I/O."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from aiosock.errors import HTTPError, RouteError
from aiosock.web.exchange import OnDisconnect
from aiosock.web.handler import Handler, Middleware
from aiosock.web.routing.pattern import CONVERTORS, Convertor, Segment, compile_segment, split_pattern
from aiosock.web.routing.signature import Endpoint
from aiosock.wire.target import decode_segments, is_text

ANY = "*"
"""A route with this method serves all methods."""

IMPLEMENTED = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
"""Methods that get 405 if no route has them. Others get 501 (RFC 9110 section 9.1), unless a route names them."""


def method_not_allowed(method: str, allow: str, implemented: Collection[str] = IMPLEMENTED) -> HTTPError:
    """Return the error for a method that a path does not take: 501 if nothing implements it, otherwise 405.

    `allow` is the value of the Allow field: the methods that the path takes, separated by commas.
    """
    # RFC 9110 section 9.1
    if method not in implemented:
        return HTTPError(501, f"The method {method[:20]} is not implemented.")
    return HTTPError(405, f"{method} is not allowed here; {allow} are.", {"allow": allow})


@dataclass(frozen=True, slots=True)
class Route:
    """A pattern, its methods, and the endpoint to call: the `handler` as it was written, or a function made from it."""

    pattern: str
    methods: frozenset[str]
    endpoint: Endpoint
    name: str
    handler: Callable[..., Any] | None = None
    on_disconnect: OnDisconnect = "cancel"
    body_limit: int | None = None
    health: bool = False
    documented: bool = True
    status: int = 200
    responses: Mapping[int, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()
    security: Sequence[str] | None = None
    refuses_none: bool = False
    """Whether the annotation of the handler says that it does not return None."""
    middleware: tuple[Middleware, ...] = ()
    """That of the routers it was included from, the outermost first."""


@dataclass(slots=True)
class Match:
    """A route that was found, with its path parameters, decoded and converted."""

    route: Route
    params: dict[str, Any]


class Mounted(NamedTuple):
    """A mount that was found: its prefix, and the part of the raw path below it."""

    handler: Handler
    prefix: str
    subpath: str


class Mount(NamedTuple):
    """A prefix, without a slash at its end, and the handler of all paths below it."""

    prefix: str
    handler: Handler


class NotMatched(NamedTuple):
    """No route was found. `allowed` has the methods of other routes for the path; it is empty if there are none.

    A path that is not text (`is_text`) matches no route: the parameters of handlers are text.
    """

    allowed: frozenset[str]
    is_text: bool = True


@dataclass(slots=True)
class _Node:
    """A node of the trie: the routes that end here, and the child nodes."""

    routes: dict[str, Route] = field(default_factory=dict)
    literals: dict[str, "_Node"] = field(default_factory=dict)
    segments: list[tuple[Segment, "_Node"]] = field(default_factory=list)
    rests: list[tuple[Segment, "_Node"]] = field(default_factory=list)
    mount: Mount | None = None


class RouteTable:
    """All routes of an app: a dict for paths without parameters, a trie of segments for the rest.

    Literals come before parameters, parameters before `path` parameters, those before mounts.
    """

    def __init__(self, convertors: Mapping[str, Convertor] | None = None) -> None:
        self.convertors: dict[str, Convertor] = dict(convertors or CONVERTORS)
        self.routes: list[Route] = []
        self.mounts: list[Mount] = []
        self._literals: dict[str, dict[str, Match]] = {}
        self._root = _Node()

    def add(self, route: Route) -> None:
        """Add a route; raise RouteError for a malformed pattern, or a method and pattern that are already taken."""
        node = self._root
        for part in split_pattern(route.pattern):
            node = self._step(node, part, route.pattern)
        for method in route.methods:
            if method in node.routes:
                raise RouteError(f"{method} {route.pattern!r} is already taken by {node.routes[method].name}")
            node.routes[method] = route
        if "{" not in route.pattern:
            self._literals[route.pattern] = {method: Match(taken, {}) for method, taken in node.routes.items()}
        self.routes.append(route)

    def mount(self, prefix: str, handler: Handler) -> None:
        """Pass all paths below `prefix` to `handler`; raise RouteError if it is already taken or has parameters."""
        if "{" in prefix:
            raise RouteError(f"the mount {prefix!r} may not have parameters")
        node = self._root
        for part in split_pattern(prefix.rstrip("/")) if prefix.strip("/") else []:
            node = self._step(node, part, prefix)
        if node.mount is not None:
            raise RouteError(f"the mount {prefix!r} is already taken")
        node.mount = Mount(prefix.rstrip("/"), handler)
        self.mounts.append(node.mount)

    def match(self, method: str, raw_path: str) -> Match | Mounted | NotMatched:
        """Find the route or mount for `method` at a raw path. `%2F` does not separate segments."""
        literal = self._literals.get(raw_path)
        if literal is not None and (found := _pick(literal, method)) is not None:
            return found
        if not raw_path.startswith("/"):
            return NotMatched(frozenset())
        segments = decode_segments(raw_path)
        if "%" not in raw_path and (found := self._first_way(method, segments)) is not None:
            return found
        return self._walk(method, raw_path, segments)

    def _first_way(self, method: str, segments: Sequence[str]) -> Match | None:
        """Return the route at the end of the first way of the walk: at each node the first branch that fits, literals first.

        It is nearly always the right one, and a third of the work of a walk that can turn back.
        """
        node = self._root
        params: dict[str, Any] = {}
        for text in segments:
            if (literal := node.literals.get(text)) is not None:
                node = literal
                continue
            for segment, child in node.segments:
                if segment.convert(text, params):
                    node = child
                    break
            else:
                return None
        route = _pick(node.routes, method)
        return None if route is None else Match(route, params)

    def _walk(self, method: str, raw_path: str, segments: Sequence[str]) -> Match | Mounted | NotMatched:
        """Find the best route by all ways, or the deepest mount."""
        search = _Search(method, segments)
        found = search.below(self._root, 0, {})
        if found is None and search.mount is not None and not search.allowed:
            above = raw_path[1:].split("/", search.mount_depth)
            return Mounted(search.mount.handler, search.mount.prefix, "/" + "".join(above[search.mount_depth :]))
        if "%" in raw_path and not all(map(is_text, segments)):
            return NotMatched(frozenset(), is_text=False)
        return found or NotMatched(frozenset(search.allowed))

    def _step(self, node: _Node, part: str, pattern: str) -> _Node:
        if "{" not in part and "}" not in part:
            return node.literals.setdefault(part, _Node())
        segment = compile_segment(part, pattern, self.convertors)
        children = node.rests if segment.takes_rest else node.segments
        for known, child in children:
            if known == segment:
                return child
        children.append((segment, _Node()))
        return children[-1][1]


_T = TypeVar("_T")


def _pick(by_method: Mapping[str, _T], method: str) -> _T | None:
    """Return the entry for `method`: its own, for HEAD that of GET (RFC 9110 section 9.3.2), or the one for any."""
    found = by_method.get(method)
    if found is None and method == "HEAD":
        found = by_method.get("GET")
    return found if found is not None else by_method.get(ANY)


class _Search:
    """A walk through the trie for one request.

    `allowed` collects the methods of routes that fit the path but not the method. `mount` is the deepest mount passed.
    """

    __slots__ = ("_method", "_segments", "allowed", "mount", "mount_depth")

    def __init__(self, method: str, segments: Sequence[str]) -> None:
        self._method = method
        self._segments = segments
        self.allowed: set[str] = set()
        self.mount: Mount | None = None
        self.mount_depth = 0

    def below(self, node: _Node, depth: int, params: dict[str, Any]) -> Match | None:
        """Find the best route at a node or below it, literals first.

        Each node has one depth, so a walk visits it at most once. A hostile path costs at most a walk of the whole
        trie.
        """
        if node.mount is not None:
            self.mount, self.mount_depth = node.mount, depth
        if depth == len(self._segments):
            return self._at(node, params)
        text = self._segments[depth]
        child = node.literals.get(text)
        if child is not None and (found := self.below(child, depth + 1, params)):
            return found
        for segment, child in node.segments:
            more = params.copy()
            if segment.convert(text, more) and (found := self.below(child, depth + 1, more)):
                return found
        for segment, child in node.rests:
            more = params.copy()
            if segment.convert("/".join(self._segments[depth:]), more) and (found := self._at(child, more)):
                return found
        return None

    def _at(self, node: _Node, params: dict[str, Any]) -> Match | None:
        route = _pick(node.routes, self._method)
        if route is not None:
            return Match(route, params)
        self.allowed.update(node.routes)
        return None
