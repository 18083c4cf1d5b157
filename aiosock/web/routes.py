"""Routes: patterns in, the route for a method and path out. Pure: no request, no response, no I/O."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from aiosock.errors import RouteError
from aiosock.web.exchange import OnDisconnect
from aiosock.web.handler import Handler
from aiosock.web.json import finite
from aiosock.web.signature import Endpoint
from aiosock.wire.target import decode_segments

ANY = "*"
"""A route's method that stands for all."""


IMPLEMENTED = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
"""Methods that get 405 where no route has them; others get 501 (RFC 9110 section 9.1), unless a route names them."""

MAX_SPLIT_SEGMENT = 255
"""Characters of a segment that is split between several parameters. Trying all ways to split it takes time that grows
with its length to the power of their number: at most three, so a segment of this length takes milliseconds."""


class Convertor(NamedTuple):
    """A kind of path parameter. `convert` raises ValueError for text that matches but is none: the path is not found.

    ```python
    app.convertors["even"] = Convertor("[0-9]*[02468]", int)


    @app.get("/half/{number:even}")
    async def half(request: Request, number: int) -> str:
        return f"{number // 2}"
    ```
    """

    regex: str
    convert: Callable[[str], Any]


def _uuid(text: str) -> object:
    from uuid import UUID  # here: 2 ms that `import aiosock` does without

    return UUID(text)


CONVERTORS: Mapping[str, Convertor] = {
    "str": Convertor(r".+", str),  # of one segment, so a slash in it was sent as %2F
    "int": Convertor(r"-?[0-9]+", int),
    "float": Convertor(r"-?[0-9]+(?:\.[0-9]+)?", finite),
    "uuid": Convertor(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", _uuid),
    "path": Convertor(r".*", str),
}
"""`path` takes the rest of the path, slashes included, and may be empty; so it comes last."""


@dataclass(frozen=True, slots=True)
class Route:
    """A pattern, its methods, and the endpoint behind them: the `handler` as it was written, or what was made of it."""

    pattern: str
    methods: frozenset[str]
    endpoint: Endpoint
    name: str
    handler: Callable[..., Any] | None = None
    on_disconnect: OnDisconnect = "cancel"
    body_limit: int | None = None
    health: bool = False
    documented: bool = True


@dataclass(slots=True)
class Match:
    """A route that was found, with its path parameters, decoded and converted."""

    route: Route
    params: dict[str, Any]


class Mounted(NamedTuple):
    """A mount that was found, with what it leaves of the raw path."""

    handler: Handler
    subpath: str


class NotMatched(NamedTuple):
    """No route: `allowed` has the methods the path would take; empty where nothing has that path."""

    allowed: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Segment:
    """A part of a pattern between two slashes with parameters in it."""

    regex: re.Pattern[str]
    convertors: tuple[tuple[str, Convertor], ...]

    def convert(self, text: str, params: dict[str, Any]) -> dict[str, Any] | None:
        """Give the parameters so far with those of this segment; None where it does not fit."""
        if len(self.convertors) > 1 and len(text) > MAX_SPLIT_SEGMENT:
            return None
        match = self.regex.fullmatch(text)
        if match is None:
            return None
        params = params.copy()
        try:
            for name, convertor in self.convertors:
                params[name] = convertor.convert(match[name])
        except ValueError:
            return None
        return params


@dataclass(slots=True)
class _Node:
    """A place in the trie: the routes that end here, and the ways on."""

    routes: dict[str, Route] = field(default_factory=dict)
    literals: dict[str, "_Node"] = field(default_factory=dict)
    segments: list[tuple[_Segment, "_Node"]] = field(default_factory=list)
    rests: list[tuple[_Segment, "_Node"]] = field(default_factory=list)
    mount: Handler | None = None


class RouteTable:
    """All routes of an app: a dict for paths without parameters, a trie of segments for the rest.

    Literals come before parameters, parameters before `path` parameters, those before mounts.
    """

    def __init__(self, convertors: Mapping[str, Convertor] | None = None) -> None:
        self.convertors: dict[str, Convertor] = dict(convertors or CONVERTORS)
        self.routes: list[Route] = []
        self._literals: dict[str, dict[str, Match]] = {}
        self._root = _Node()

    def add(self, route: Route) -> None:
        """Add a route; raise RouteError for a malformed pattern, or a method and pattern that are taken."""
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
        """Hand all paths below `prefix` to `handler`; raise RouteError where that is taken or has parameters."""
        if "{" in prefix:
            raise RouteError(f"the mount {prefix!r} may not have parameters")
        node = self._root
        for part in split_pattern(prefix.rstrip("/")) if prefix.strip("/") else []:
            node = self._step(node, part, prefix)
        if node.mount is not None:
            raise RouteError(f"the mount {prefix!r} is already taken")
        node.mount = handler

    def match(self, method: str, raw_path: str) -> Match | Mounted | NotMatched:
        """Find what serves `method` at a raw path; `%2F` in it is no slash."""
        literal = self._literals.get(raw_path)
        if literal is not None and (found := _pick(literal, method)) is not None:
            return found
        if not raw_path.startswith("/"):
            return NotMatched(frozenset())
        search = _Search(method, decode_segments(raw_path))
        if found := search.below(self._root, 0, {}):
            return found
        if search.mount is None or search.allowed:
            return NotMatched(frozenset(search.allowed))
        above = raw_path[1:].split("/", search.mount_depth)
        return Mounted(search.mount, "/" + "".join(above[search.mount_depth :]))

    def _step(self, node: _Node, part: str, pattern: str) -> _Node:
        if "{" not in part and "}" not in part:
            return node.literals.setdefault(part, _Node())
        segment = self._compile(part, pattern)
        takes_rest = any(convertor.regex == CONVERTORS["path"].regex for _, convertor in segment.convertors)
        ways = node.rests if takes_rest else node.segments
        for known, child in ways:
            if known == segment:
                return child
        ways.append((segment, _Node()))
        return ways[-1][1]

    def _compile(self, part: str, pattern: str) -> _Segment:
        regex, convertors = "", []
        for literal, name, kind in parse_part(part, pattern):
            regex += re.escape(literal)
            if name:
                if kind not in self.convertors:
                    raise RouteError(f"the pattern {pattern!r} has an unknown convertor {kind!r}")
                regex += f"(?P<{name}>{self.convertors[kind].regex})"
                convertors.append((name, self.convertors[kind]))
        if len(convertors) > 3:
            raise RouteError(f"the pattern {pattern!r} has more than three parameters between two slashes")
        return _Segment(re.compile(regex, re.DOTALL), tuple(convertors))


def split_pattern(pattern: str) -> list[str]:
    """Split a pattern at its slashes; raise RouteError unless it starts with one and keeps `path` for its end."""
    if not pattern.startswith("/"):
        raise RouteError(f"the pattern {pattern!r} must start with a slash")
    parts = pattern[1:].split("/")
    if any(":path}" in part for part in parts[:-1]):
        raise RouteError(f"the pattern {pattern!r} has a path parameter that is not at its end")
    return parts


def parameter_names(pattern: str) -> list[str]:
    """Give the names of a pattern's parameters in order; raise RouteError where one comes twice."""
    names = [name for part in split_pattern(pattern) for _, name, _ in parse_part(part, pattern) if name]
    if len(names) != len(set(names)):
        raise RouteError(f"the pattern {pattern!r} has the same parameter twice")
    return names


def build_path(pattern: str, params: Mapping[str, object]) -> str:
    """Fill a pattern's parameters in and give the encoded path.

    Raises RouteError where the parameters given are not those of the pattern.
    """
    if set(parameter_names(pattern)) != set(params):
        raise RouteError(f"the pattern {pattern!r} does not take the parameters {sorted(params)}")
    built = []
    for part in split_pattern(pattern):
        for literal, name, kind in parse_part(part, pattern):
            built.append(quote(literal))
            if name:
                built.append(quote(str(params[name]), safe="/" if kind == "path" else ""))
        built.append("/")
    return "/" + "".join(built[:-1])


def parse_part(part: str, pattern: str) -> Iterator[tuple[str, str, str]]:
    """Give (literal before it, name, convertor) for each parameter, then (literal, "", "") for what is left."""
    position = 0
    for match in re.finditer(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::([A-Za-z_][A-Za-z0-9_]*))?\}", part):
        yield _literal(part[position : match.start()], pattern), match[1], match[2] or "str"
        position = match.end()
    yield _literal(part[position:], pattern), "", ""


def _literal(text: str, pattern: str) -> str:
    if "{" in text or "}" in text:
        raise RouteError(f"the pattern {pattern!r} has a brace that is not {{name}} or {{name:convertor}}")
    return text


_T = TypeVar("_T")


def _pick(by_method: Mapping[str, _T], method: str) -> _T | None:
    """Give what serves `method`: its own entry, for HEAD that of GET (RFC 9110 section 9.3.2), or the one for any."""
    found = by_method.get(method)
    if found is None and method == "HEAD":
        found = by_method.get("GET")
    return found if found is not None else by_method.get(ANY)


class _Search:
    """A walk through the trie for one request.

    `allowed` collects the methods of the routes that fit its path only; `mount` is the deepest on its way.
    """

    __slots__ = ("_method", "_segments", "allowed", "mount", "mount_depth")

    def __init__(self, method: str, segments: list[str]) -> None:
        self._method = method
        self._segments = segments
        self.allowed: set[str] = set()
        self.mount: Handler | None = None
        self.mount_depth = 0

    def below(self, node: _Node, depth: int, params: dict[str, Any]) -> Match | None:
        """Find the best route at a node or below, literals first.

        A node stands at one depth, so a walk visits each at most once: hostile paths cost no more than the trie is large.
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
            more = segment.convert(text, params)
            if more is not None and (found := self.below(child, depth + 1, more)):
                return found
        for segment, child in node.rests:
            more = segment.convert("/".join(self._segments[depth:]), params)
            if more is not None and (found := self._at(child, more)):
                return found
        return None

    def _at(self, node: _Node, params: dict[str, Any]) -> Match | None:
        route = _pick(node.routes, self._method)
        if route is not None:
            return Match(route, params)
        self.allowed.update(node.routes)
        return None
