"""Router: registers routes, under a prefix or without one, for an app to include."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Never, TypedDict, TypeVar, Unpack

from aiosock.errors import RouteError
from aiosock.web.exchange import OnDisconnect
from aiosock.web.handler import Middleware
from aiosock.web.registering import Lifespan, as_lifespan, check_middleware
from aiosock.web.routing.endpoint import as_endpoint, refuses_none
from aiosock.web.routing.naming import check_name
from aiosock.web.routing.path_parameters import typed_pattern
from aiosock.web.routing.pattern import parameter_names
from aiosock.web.routing.signature import Endpoint
from aiosock.web.routing.table import IMPLEMENTED, Route
from aiosock.web.spelling import unknown_option
from aiosock.wire import grammar

_F = TypeVar("_F", bound=Callable[..., Any])
_M = TypeVar("_M", bound=Middleware)


class RouteOptions(TypedDict, total=False):
    """Options of a route, besides its pattern and methods.

    `name` is for `url_for`; by default it is the handler's name. `on_disconnect` says what happens to the handler when
    the client leaves. `body_limit` is in bytes, for bodies that are read as a whole. A `health` route is answered even
    if the server has reached its `limits.concurrency`, and if the middleware `hosts` does not know the host. If a route
    is not `documented`, `aiosock.web.openapi` leaves it out.

    `status` is that of a result that is no Response. `responses` describes other answers, for the documentation: by
    status, a text or the type of their JSON. `tags` groups operations there. `security` names the schemes that the
    route asks for, those of `publish(app, security=...)`, one of which is enough; [] if it asks for none. The last
    three describe: they check nothing.
    """

    name: str
    on_disconnect: OnDisconnect
    body_limit: int
    health: bool
    documented: bool
    status: int
    responses: Mapping[int, Any]
    tags: Sequence[str]
    security: Sequence[str]


class Router:
    """A collection of routes with a common prefix.

    ```python
    users = Router("/users")


    @users.get("/{id:int}")
    async def user(request: Request, id: int) -> dict[str, int]:
        return {"id": id}


    app.include(users)
    ```

    `middleware` wraps the handlers of its routes, the first one outermost, inside the middleware of the app.

    Raises RouteError for a prefix that does not start with a slash, or ends with one.
    """

    def __init__(self, prefix: str = "", *, middleware: Iterable[Middleware] = (), **wrong: Never) -> None:
        if wrong:
            raise unknown_option(type(self).__name__, wrong)
        if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
            raise RouteError(f"the prefix {prefix!r} must start with a slash and not end with one")
        self.prefix: str = prefix
        self.routes: list[Route] = []
        self._middleware: list[Middleware] = []
        self._lifespans: list[Lifespan] = []
        self._is_included = False
        for each in middleware:
            self.middleware(each)

    def middleware(self, middleware: _M) -> _M:
        """Wrap the handlers of this router: `async def m(request, next) -> Response`.

        The first one registered is the outermost. Requests for which it has no route do not pass it. Raises RouteError
        once the router is included: its routes are then made.
        """
        if self._is_included:
            raise RouteError("the middleware of a router must be registered before the router is included")
        check_middleware(middleware)
        self._middleware.append(middleware)
        return middleware

    def lifespan(self, function: _F) -> _F:
        """Run a function around the server's life: `async def lifespan(app)` with one `yield`, or a context manager.

        It gets the app in which the router is included. Several are entered in the order of their registration, and
        left in reverse. Raises RouteError for a function that cannot be one.
        """
        self._lifespans.append(as_lifespan(function))
        return function

    def route(
        self, pattern: str, methods: Iterable[str] | Literal["*"] = ("GET",), **options: Unpack[RouteOptions]
    ) -> Callable[[_F], _F]:
        """Register a handler for a pattern; GET serves HEAD too, "*" serves any method.

        Raises RouteError for a pattern that is malformed or already taken, and for a handler that does not fit it.
        """
        if callable(pattern):
            raise RouteError('a route needs a pattern: @app.get("/"), not @app.get')
        if unknown := options.keys() - RouteOptions.__optional_keys__:
            raise unknown_option("a route", unknown)
        pattern = self.prefix + pattern
        parameter_names(pattern)  # raises for a malformed pattern
        status = _final(options.get("status", 200))
        known = frozenset(_method(method) for method in ([methods] if isinstance(methods, str) else methods))

        def register(handler: _F) -> _F:
            name = options.get("name", "") or getattr(handler, "__name__", type(handler).__name__)
            settings: RouteOptions = {**options, "name": name}
            known_pattern = typed_pattern(handler, pattern)
            if options.get("name"):  # handlers of one name in several modules are common: see `url_for`
                check_name(name, known_pattern, self.routes)
            endpoint = self._endpoint(handler, known_pattern, known, status)
            none = refuses_none(handler)
            self.add(Route(known_pattern, known, endpoint, handler=handler, refuses_none=none, **settings))
            return handler

        return register

    def get(self, pattern: str, **options: Unpack[RouteOptions]) -> Callable[[_F], _F]:
        """Register a handler for GET, which serves HEAD too."""
        return self.route(pattern, ["GET"], **options)

    def post(self, pattern: str, **options: Unpack[RouteOptions]) -> Callable[[_F], _F]:
        """Register a handler for POST."""
        return self.route(pattern, ["POST"], **options)

    def put(self, pattern: str, **options: Unpack[RouteOptions]) -> Callable[[_F], _F]:
        """Register a handler for PUT."""
        return self.route(pattern, ["PUT"], **options)

    def patch(self, pattern: str, **options: Unpack[RouteOptions]) -> Callable[[_F], _F]:
        """Register a handler for PATCH."""
        return self.route(pattern, ["PATCH"], **options)

    def delete(self, pattern: str, **options: Unpack[RouteOptions]) -> Callable[[_F], _F]:
        """Register a handler for DELETE."""
        return self.route(pattern, ["DELETE"], **options)

    def include(self, router: "Router", prefix: str = "") -> None:
        """Add another router's routes and lifespans, under `prefix` and its own prefix.

        Routes added to it later are not included.

        Raises RouteError if a parameter in a prefix does not fit a handler.
        """
        router._is_included = True
        self._lifespans += [lifespan for lifespan in router._lifespans if lifespan not in self._lifespans]
        for route in router.routes:
            handler = route.handler or route.endpoint
            pattern = typed_pattern(handler, self.prefix + prefix + route.pattern)
            # Made again from the handler: a parameter that is in the prefix is no longer read from the query, and only
            # the app knows what is provided.
            endpoint = self._endpoint(handler, pattern, route.methods, route.status)
            middleware = (*router._middleware, *route.middleware)
            self.add(replace(route, pattern=pattern, endpoint=endpoint, middleware=middleware))

    def _endpoint(self, handler: Callable[..., Any], pattern: str, methods: Collection[str], status: int) -> Endpoint:
        """Return a handler in the form that routes call; an App knows more of it than a Router."""
        return as_endpoint(handler, pattern, methods, status=status)

    def add(self, route: Route) -> None:
        """Add a route without changes."""
        self.routes.append(route)


def _final(status: int) -> int:
    if not 200 <= status <= 599:
        raise RouteError(f"a route has a status from 200 to 599, not {status}")
    return status


def _method(method: str) -> str:
    # RFC 9110 section 9.1: a token, and case-sensitive.
    if not grammar.TOKEN.fullmatch(method.encode(errors="replace")):
        raise RouteError(f"a method is a token, such as GET, not {method!r}")
    if method != method.upper() and method.upper() in IMPLEMENTED:
        raise RouteError(f"methods are case-sensitive: write {method.upper()!r}, not {method!r}")
    return method
