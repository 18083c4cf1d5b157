"""App: routes, middleware, exception handlers and lifespan, combined once into one Handler."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Generic, Never, NoReturn, TypeVar, cast

from aiosock.errors import HTTPError, RouteError
from aiosock.log import note_failure
from aiosock.web.error_response import error_response, exception_response
from aiosock.web.failures import answerable, handled, log_failure, own
from aiosock.web.handler import Handler, Middleware, Pending, not_text, refuse_other_scheme, with_target_checked
from aiosock.web.registering import check_middleware
from aiosock.web.request import Request
from aiosock.web.response import Redirect, Response
from aiosock.web.routing.endpoint import returned_none, to_response
from aiosock.web.routing.naming import NamedMount, names_of, path_below_mount, path_of_route
from aiosock.web.routing.outline import Outline
from aiosock.web.routing.pattern import Convertor
from aiosock.web.routing.providing import ProvidingRouter
from aiosock.web.routing.scope import Scope
from aiosock.web.routing.signature import Endpoint
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
from aiosock.web.spelling import unknown_option
from aiosock.web.urls import url_for
from aiosock.wire.target import without_port

_E = TypeVar("_E", bound=Exception)
_M = TypeVar("_M", bound=Middleware)
if TYPE_CHECKING:  # the checkers know `default`, which the running Python has from 3.13 on (PEP 696)
    from typing_extensions import TypeVar as _TypeVar

    _S = _TypeVar("_S", default=SimpleNamespace)
else:
    _S = TypeVar("_S")
ExceptionHandler = Callable[[Request, _E], Awaitable[object]]


class App(ProvidingRouter, Generic[_S]):
    """An application: a Handler made of routes.

    ```python
    app = App()


    @app.get("/users/{id:int}")
    async def user(request: Request, id: int) -> dict[str, int]:
        return {"id": id}
    ```

    `state` is a namespace for things that the lifespan opens and handlers use. Or it is an object of your own, so that
    a type checker knows its attributes: `App(State())`. `request.app` is the app, in other files too.
    """

    checks_target = True
    """An app checks the request-target itself, behind its middleware; see `with_target_checked`."""

    def __init__(self, state: _S | None = None, **wrong: Never) -> None:
        if wrong:
            raise unknown_option("App", wrong)
        super().__init__()
        self.state: _S = cast("_S", SimpleNamespace()) if state is None else state
        self.table: RouteTable = RouteTable()
        self.convertors: dict[str, Convertor] = self.table.convertors
        self._methods = set(IMPLEMENTED)
        self._exceptions: dict[type[Exception], ExceptionHandler[Any]] = {}
        self._hosts: dict[str, Handler] = {}
        self._mounts: dict[str, NamedMount] = {}
        self._handler: Handler | None = None
        self._health: Callable[[Request], bool] = self._is_health  # bound once, not for each request

    # Writing it down.

    def add(self, route: Route) -> None:
        """Add a route; raise RouteError where its pattern is malformed or taken."""
        if route.middleware:
            route = replace(route, endpoint=self._within(route))
        self.table.add(route)
        self._methods |= route.methods - {ANY}
        super().add(route)

    def mount(self, prefix: str, handler: Handler, *, name: str = "") -> None:
        """Pass every request below `prefix` to an app or handler, which finds the rest of the path in `request.subpath`.

        `name` is for `url_for`; by default it is the prefix without its slashes. Raises RouteError for a prefix that is
        taken or has parameters, for a name that is taken, and for what is no handler.
        """
        name = name or prefix.strip("/")
        if name in self._mounts:
            raise RouteError(f"the name {name!r} is that of the mount {self._mounts[name].prefix!r} already")
        self.table.mount(prefix, with_target_checked(handler))
        self._mounts[name] = NamedMount(prefix.rstrip("/"), handler if isinstance(handler, App) else None)
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

        Further parameters are resources, by type. Raises RouteError after the first request, and for what is no
        middleware.
        """
        if self._handler is not None:
            raise RouteError("middleware must be registered before the first request")
        check_middleware(middleware)
        self._middleware.append(self._with_resources(middleware))
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

    def url_for(self, name: str, /, **params: object) -> str:
        """Return the path of the route with that name, as if this app were mounted nowhere; see `Request.url_for`.

        Raises RouteError if there is none, if several routes have it, for wrong parameters, and for values that the
        route does not take.
        """
        return url_for([(self, "")], name, params)

    def path_of(self, name: str, params: Mapping[str, object]) -> str | None:
        """Return the path of a name in this app or below it, None if there is none; raise what `url_for` raises."""
        found = path_of_route(self.routes, self.convertors, name, params)
        return path_below_mount(self._mounts, name, params) if found is None else found

    def names(self) -> Iterator[str]:
        """Return the names for which `url_for` has a path."""
        return names_of(self.routes, self._mounts)

    def run(self, *_: object, **__: object) -> NoReturn:
        """Raise TypeError: `aiosock.run(app)` serves an app, as does the command `aiosock module:app`."""
        raise TypeError("write aiosock.run(app, port=8080), or run the command: aiosock module:app")

    def outline(self) -> Outline:
        """Return the table of routes and the middleware, for those who show them."""
        return Outline(self.table, self._middleware)

    # Running it.

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Enter the lifespans of this app, make its resources, do so for the apps mounted in it; leave them in reverse.

        Raises RouteError for a handler, middleware or provider that needs what nothing provides.
        """
        self.check_resources()
        async with AsyncExitStack() as stack:
            for lifespan in self._lifespans:
                await stack.enter_async_context(lifespan(self))
            await stack.enter_async_context(self.providers.running(self))
            for app in self._mounted:
                await stack.enter_async_context(app.running())
            yield

    def __call__(self, request: Request) -> Awaitable[Response]:
        """Return the response to a request. Raises only Disconnected and CancelledError; other exceptions become responses."""
        handler = self._handler or self._fold()
        request.is_health = self._health
        request._app = self
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
        self.providers.check()
        self._handler = self._wrapped(self._dispatch, self._middleware)
        return self._handler

    def _within(self, route: Route) -> Endpoint:
        """Return the endpoint of a route within the middleware of its routers."""

        async def innermost(request: Request) -> Response:
            return _to_response(route, await route.endpoint(request, **request.params))

        handler = self._wrapped(innermost, [self._with_resources(each) for each in route.middleware])
        return lambda request, **_: handler(request)

    def _wrapped(self, handler: Handler, middlewares: Sequence[Middleware]) -> Handler:
        if middlewares:
            handler = partial(self._guard, handler)
        for middleware in reversed(middlewares):
            # An exception of a middleware becomes a response too, which the middleware around it sees.
            handler = partial(self._guard, _bound(middleware, handler))
        return handler

    async def _guard(self, handler: Handler, request: Request) -> Response:
        request.error = None
        try:
            response = to_response(await handler(request))
            if isinstance(response, Pending):
                request.answer = response = await response.made(request)
        except Exception as error:
            if error is request.error and request.answer is not None:  # a middleware that sees_exceptions raised it on
                return request.answer
            response = await self._answer(request, error)
        if response is not request.answer:
            request.answer = response = own(response)
        return response

    async def _dispatch(self, request: Request) -> Response:
        try:
            if request.head.target[:1] != "/":
                refuse_other_scheme(request)
            if self._hosts and (handler := self._handler_of_host(request.host)):
                request.above = (*request.above, self)
                try:
                    return await handler(request)
                finally:
                    request._app = self
            found = self.table.match(request.method, request.subpath)
            if isinstance(found, Match):
                route = found.route
                request.route = request.mount + route.pattern if request.mount else route.pattern
                request.body_limit = route.body_limit
                request.exchange.on_disconnect = route.on_disconnect
                request.params = found.params or {}  # its own dict: literal routes share an empty one
                result = await route.endpoint(request, **found.params)
                # As `_to_response` does, which would be a call more for each request.
                if result is None and route.refuses_none:
                    raise returned_none(route.handler or route.endpoint)
                response = to_response(result)
                if response is not result:  # made here, for this request
                    request.answer = response
                    if route.status != 200:
                        response.status = route.status
                elif isinstance(response, Pending):
                    request.answer = response = await response.made(request)
                return response
            if isinstance(found, Mounted):
                request.above = (*request.above, self)
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
        if isinstance(request.resources, Scope):
            request.resources.failure = error
        request.error = error = answerable(error)
        if (kind := self._kind_handled(type(error))) is not None:
            try:
                return handled(request, error, kind, await self._exceptions[kind](request, error))
            except Exception as failure:
                request.error = error = answerable(failure)
        if not isinstance(error, HTTPError):
            log_failure(request, error)
            note_failure(error)
        return exception_response(error, request, self)

    def _kind_handled(self, kind: type[Exception]) -> type[Exception] | None:
        """Return the nearest class of an exception that has a handler."""
        for base in kind.__mro__:
            if base in self._exceptions:
                return base
            # Each has a response: a handler for Exception is for exceptions that have none, one for HTTPError for errors.
            if base in (Redirect, HTTPError):
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
    """Return the context manager around serving a handler: the lifespan of an App or of what wraps one; else nothing.

    Raises RouteError for an App with a function that needs what nothing provides.
    """
    if isinstance(handler, App):
        handler.check_resources()
    running: Callable[[], AbstractAsyncContextManager[None]] = getattr(handler, "running", nullcontext)
    return running()


def _to_response(route: Route, result: object) -> Response:
    if result is None and route.refuses_none:
        raise returned_none(route.handler or route.endpoint)
    response = to_response(result)
    if response is not result and route.status != 200:
        response.status = route.status
    return response


def _bound(middleware: Middleware, inner: Handler) -> Handler:
    return lambda request: middleware(request, inner)


def _toggle_slash(path: str) -> str:
    return path[:-1] if path.endswith("/") else path + "/"


async def _overloaded(request: Request) -> Response:
    error = HTTPError(503, "The server has more requests than it may answer at once.", {"retry-after": "1"})
    return error_response(error, request.headers.get("accept", ""))


async def _below(request: Request, found: Mounted) -> Response:
    subpath, mount, app, around = request.subpath, request.mount, request._app, request._around
    request.subpath, request.mount = found.subpath, mount + found.prefix
    if app is not None:
        request._around = ((app, mount), *around)
    request.route = request.mount
    try:
        return await found.handler(request)
    finally:
        request.subpath, request.mount, request._app, request._around = subpath, mount, app, around


def _allow(methods: frozenset[str] | set[str]) -> str:
    implied = {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    return ", ".join(sorted(methods | implied))
