"""App: routes, middleware, exception handlers and lifespan, combined once into one Handler."""

import inspect
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from copy import copy
from functools import partial
from types import SimpleNamespace
from typing import Any, TypeVar

from aiosock.errors import Disconnected, HTTPError, RouteError, ungrouped
from aiosock.headers import Headers
from aiosock.log import note_failure
from aiosock.web.error_response import error_response
from aiosock.web.handler import Handler, Middleware, not_text, refuse_other_scheme, with_target_checked
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.routing.endpoint import to_response
from aiosock.web.routing.pattern import Convertor, build_path
from aiosock.web.routing.router import Router
from aiosock.web.routing.table import (
    ANY,
    IMPLEMENTED,
    Match,
    Mounted,
    NotMatched,
    Route,
    RouteTable,
    method_not_allowed,
)
from aiosock.wire.target import without_port

logger: logging.Logger = logging.getLogger("aiosock.app")

_E = TypeVar("_E", bound=Exception)
_M = TypeVar("_M", bound=Middleware)
_L = TypeVar("_L", bound=Callable[..., Any])
ExceptionHandler = Callable[[Request, _E], Awaitable[object]]


class App(Router):
    """An application: a Handler made of routes.

    ```python
    app = App()


    @app.get("/users/{id:int}")
    async def user(request: Request, id: int) -> dict[str, int]:
        return {"id": id}
    ```

    `state` is a namespace for things that the lifespan opens and handlers use.
    """

    checks_target = True
    """An app checks the request-target itself, behind its middleware; see `with_target_checked`."""

    def __init__(self) -> None:
        super().__init__()
        self.state: SimpleNamespace = SimpleNamespace()
        self.table: RouteTable = RouteTable()
        self.convertors: dict[str, Convertor] = self.table.convertors
        self._methods = set(IMPLEMENTED)
        self._middleware: list[Middleware] = []
        self._exceptions: dict[type[Exception], ExceptionHandler[Any]] = {}
        self._lifespan: Callable[[App], AbstractAsyncContextManager[object]] | None = None
        self._hosts: dict[str, Handler] = {}
        self._mounted: list[App] = []
        self._handler: Handler | None = None
        self._health: Callable[[Request], bool] = self._is_health  # bound once, not for each request

    # Writing it down.

    def add(self, route: Route) -> None:
        """Add a route; raise RouteError where its pattern is malformed or taken."""
        self.table.add(route)
        self._methods |= route.methods - {ANY}
        super().add(route)

    def mount(self, prefix: str, handler: Handler) -> None:
        """Pass every request below `prefix` to an app or handler, which finds the rest of the path in `request.subpath`.

        Raises RouteError for a prefix that is taken or has parameters.
        """
        self.table.mount(prefix, with_target_checked(handler))
        self._remember(handler)

    def host(self, name: str, handler: Handler) -> None:
        """Pass every request for a host to an app or handler. `*.example.org` stands for all hosts below that one.

        Raises RouteError for a name with a port.
        """
        if ":" in name and not name.endswith("]"):
            raise RouteError(f"the host {name!r} may not have a port: a host is served on every port")
        self._hosts[without_port(name.lower())] = with_target_checked(handler)
        self._remember(handler)

    def middleware(self, middleware: _M) -> _M:
        """Wrap all handlers: `async def m(request, next) -> Response`. The first one registered is the outermost.

        Raises RouteError after the first request.
        """
        if self._handler is not None:
            raise RouteError("middleware must be registered before the first request")
        self._middleware.append(middleware)
        return middleware

    def exception(self, kind: type[_E]) -> Callable[[ExceptionHandler[_E]], ExceptionHandler[_E]]:
        """Register a handler for exceptions of a class and its subclasses: `async def h(request, error)`.

        It may return whatever a handler may return. An HTTPError has a response of its own, so a handler for Exception
        is not called for it: register one for HTTPError or a subclass.
        """

        def register(handler: ExceptionHandler[_E]) -> ExceptionHandler[_E]:
            self._exceptions[kind] = handler
            return handler

        return register

    def lifespan(self, function: _L) -> _L:
        """Run a function around the server's life: an `async def lifespan(app)` that yields once, or an async context manager.

        Raises RouteError if there is one already.
        """
        if self._lifespan is not None:
            raise RouteError("the app has a lifespan already")
        self._lifespan = asynccontextmanager(function) if inspect.isasyncgenfunction(function) else function
        return function

    def url_for(self, name: str, /, **params: object) -> str:
        """Return the path of the route with that name.

        Raises RouteError if there is none, for wrong parameters, and for values that the route does not take.
        """
        for route in self.routes:
            if route.name == name:
                return build_path(route.pattern, params, self.convertors)
        raise RouteError(f"no route is named {name!r}")

    # Running it.

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Enter the lifespan of this app and those of the apps mounted in it; leave them at the end."""
        async with AsyncExitStack() as stack:
            if self._lifespan is not None:
                await stack.enter_async_context(self._lifespan(self))
            for app in self._mounted:
                await stack.enter_async_context(app.running())
            yield

    def __call__(self, request: Request) -> Awaitable[Response]:
        """Return the response to a request. Raises only Disconnected and CancelledError; other exceptions become responses."""
        handler = self._handler or self._fold()
        request.is_health = self._health
        load = request.exchange.connection.load
        if load is not None and load.is_exceeded and not self._is_health(request):
            return _overloaded(request)
        return handler(request)

    def _is_health(self, request: Request) -> bool:
        return self._has_health_route(request, request.subpath)

    def _has_health_route(self, request: Request, subpath: str) -> bool:
        """Return whether a request is for a health route, of this app or of an app below it."""
        below = self._hosts and self._handler_of_host(request.host)
        if not below:
            found = self.table.match(request.method, subpath)
            if isinstance(found, Match):
                return found.route.health
            if not isinstance(found, Mounted):
                return False
            below, subpath = found.handler, found.subpath
        return isinstance(below, App) and below._has_health_route(request, subpath)

    def _fold(self) -> Handler:
        handler: Handler = partial(self._guard, self._dispatch) if self._middleware else self._dispatch
        for middleware in reversed(self._middleware):
            # An exception of a middleware becomes a response too, which the middleware around it sees.
            handler = partial(self._guard, _bound(middleware, handler))
        self._handler = handler
        return handler

    async def _guard(self, handler: Handler, request: Request) -> Response:
        try:
            response = to_response(await handler(request))
        except Exception as error:
            response = await self._answer(request, error)
        if response is not request.answer:
            request.answer = response = _own(response)
        return response

    async def _dispatch(self, request: Request) -> Response:
        try:
            if request.head.target[:1] != "/":
                refuse_other_scheme(request)
            if self._hosts and (handler := self._handler_of_host(request.host)):
                return await handler(request)
            found = self.table.match(request.method, request.subpath)
            if isinstance(found, Match):
                route = found.route
                request.route = request.mount + route.pattern if request.mount else route.pattern
                request.body_limit = route.body_limit
                request.exchange.on_disconnect = route.on_disconnect
                request.params = found.params or {}  # its own dict: literal routes share an empty one
                result = await route.endpoint(request, **found.params)
                response = to_response(result)
                if response is not result:  # made here, for this request
                    request.answer = response
                return response
            if isinstance(found, Mounted):
                return await _below(request, found)
            return self._not_matched(request, found)
        except Exception as error:
            return await self._answer(request, error)

    def _not_matched(self, request: Request, found: NotMatched) -> Response:
        if not found.is_text:
            raise not_text()
        if request.target == "*":
            return Response(status=204, headers={"allow": _allow(self._methods)})
        if found.allowed and request.method == "OPTIONS":
            return Response(status=204, headers={"allow": _allow(found.allowed)})
        if found.allowed or request.method not in self._methods:
            raise method_not_allowed(request.method, _allow(found.allowed), self._methods)
        if location := self._with_other_slash(request):
            return Response.redirect(location, 308)
        raise HTTPError(404, f"Nothing is at {request.path}.")

    def _with_other_slash(self, request: Request) -> str | None:
        """Return the same URL with or without its last slash, if that one has a route."""
        if request.subpath in ("", "/") or not isinstance(
            self.table.match(request.method, _toggle_slash(request.subpath)), Match
        ):
            return None
        # A location of //host or /\host would lead away from this one.
        path = "/" + _toggle_slash(request.raw_path).lstrip("/\\")
        return request.with_query(path)

    async def _answer(self, request: Request, error: Exception) -> Response:
        """Turn an exception into a response: that of a registered handler, of the HTTPError itself, or 500."""
        error = _answerable(error)
        if (handler := self._handler_of_exception(type(error))) is not None:
            try:
                return to_response(await handler(request, error))
            except Exception as failure:
                error = _answerable(failure)
        accept = request.headers.get("accept", "")
        if isinstance(error, HTTPError):
            return error_response(error, accept)
        logger.error("%s %s failed", request.method, request.target, exc_info=error)
        note_failure(error)
        trace = "".join(traceback.format_exception(error)) if request.exchange.connection.debug else ""
        return error_response(HTTPError(500, "The server failed to answer."), accept, trace)

    def _handler_of_exception(self, kind: type[Exception]) -> ExceptionHandler[Any] | None:
        for base in kind.__mro__:
            if base in self._exceptions:
                return self._exceptions[base]
            if base is HTTPError:  # it has a response: a handler for Exception is for exceptions that have none
                return None
        return None

    def _handler_of_host(self, host: str) -> Handler | None:
        name = without_port(host)
        if name in self._hosts:
            return self._hosts[name]
        below = [key for key in self._hosts if key.startswith("*.") and name.endswith(key[1:])]
        return self._hosts[max(below, key=len)] if below else None

    def _remember(self, handler: Handler) -> None:
        if isinstance(handler, App) and handler not in self._mounted:
            self._mounted.append(handler)


def lifespan_of(handler: Handler) -> AbstractAsyncContextManager[None]:
    """Return the context manager around serving a handler: the lifespan of an App or of what wraps one; else nothing."""
    running: Callable[[], AbstractAsyncContextManager[None]] = getattr(handler, "running", nullcontext)
    return running()


def _bound(middleware: Middleware, inner: Handler) -> Handler:
    return lambda request: middleware(request, inner)


def _own(response: Response) -> Response:
    """Return a copy with its own fields: middleware changes them, and an app may return one object for many requests."""
    own = copy(response)
    own.headers = Headers.from_valid(tuple(response.pairs()))
    return own


def _answerable(error: Exception) -> Exception:
    """Return an exception, without the groups around a single HTTPError; raise it if the client has left."""
    alone = ungrouped(error)
    if isinstance(alone, Disconnected):
        raise alone
    return alone if isinstance(alone, HTTPError) else error


def _toggle_slash(path: str) -> str:
    return path[:-1] if path.endswith("/") else path + "/"


async def _overloaded(request: Request) -> Response:
    error = HTTPError(503, "The server has more requests than it may answer at once.", {"retry-after": "1"})
    return error_response(error, request.headers.get("accept", ""))


async def _below(request: Request, found: Mounted) -> Response:
    subpath, mount = request.subpath, request.mount
    request.subpath, request.mount = found.subpath, mount + found.prefix
    request.route = request.mount
    try:
        return await found.handler(request)
    finally:
        request.subpath, request.mount = subpath, mount


def _allow(methods: frozenset[str] | set[str]) -> str:
    implied = {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    return ", ".join(sorted(methods | implied))
