"""Providing: what an app makes for its handlers, middleware and providers, by the type that their parameters name."""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any, TypeVar, overload

from aiosock.errors import RouteError
from aiosock.web.handler import Handler, Middleware
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.routing.endpoint import as_endpoint
from aiosock.web.routing.pattern import Convertor
from aiosock.web.routing.provider import Lifetime, Provider, ProviderFunction, needs_of, shown_type
from aiosock.web.routing.providers import Providers
from aiosock.web.routing.router import Router
from aiosock.web.routing.scope import scope_of
from aiosock.web.routing.signature import Endpoint, name_of

_P = TypeVar("_P", bound=ProviderFunction)


class ProvidingRouter(Router):
    """A router that has providers: the part of an App that gives resources to functions."""

    convertors: dict[str, Convertor]

    def __init__(self, prefix: str = "") -> None:
        super().__init__(prefix)
        self.providers: Providers = Providers()
        self._mounted: list[Any] = []

    @overload
    def provide(self, function: _P) -> _P: ...

    @overload
    def provide(self, *, scope: Lifetime = "request") -> Callable[[_P], _P]: ...

    def provide(self, function: _P | None = None, *, scope: Lifetime = "request") -> _P | Callable[[_P], _P]:
        """Provide what a function returns, or yields, to every parameter that is annotated with that type.

        ```python
        class Visits:
            def __init__(self) -> None:
                self.count = 0


        @app.provide(scope="app")
        async def visits(app: App) -> Visits:
            return Visits()


        @app.get("/")
        async def home(request: Request, visits: Visits) -> str:
            visits.count += 1
            return f"{visits.count}"
        ```

        A provider is called once a request, when something needs it first. After its `yield` it goes on when the
        response was sent, or the exception that ended the request is raised there. With `scope="app"` it takes the app
        in place of the request, and is called when the app starts.

        Raises RouteError for a function that is no provider, a second one for a type, and providers that need each
        other.
        """

        def register(function: _P) -> _P:
            self.providers.add(Provider.of(function, scope))
            return function

        return register if function is None else register(function)

    @contextmanager
    def overriding(self, kind: Any, fake: object) -> Iterator[None]:
        """Put a value in the place of what is provided for a type, or an async function that makes one for a request.

        It ends with the block, and holds for the apps that are mounted here too: for tests. Raises RouteError for a
        type that nothing provides, and for a function in the place of a resource of the app.
        """
        with ExitStack() as stack:
            for providers in self._providers_of(kind):
                stack.enter_context(providers.overriding(kind, fake))
            yield

    def check_resources(self) -> None:
        """Raise RouteError for a function that needs what nothing provides, here or in an app that is mounted here."""
        self.providers.check()
        for router in self._mounted:
            router.check_resources()

    def _providers_of(self, kind: Any) -> list[Providers]:
        """Return the providers of this app and those mounted in it that make a type; raise RouteError if none does."""
        found: list[Providers] = []
        left: list[ProvidingRouter] = [self]
        while left:
            router = left.pop()
            left.extend(router._mounted)
            if router.providers.provides(kind):
                found.append(router.providers)
        if not found:
            raise RouteError(f"nothing provides {shown_type(kind)}")
        return found

    def _with_resources(self, middleware: Middleware) -> Middleware:
        """Return a middleware that is given the resources in its signature; the same one if it needs none.

        Raises RouteError for a parameter that no provider can fill.
        """
        who = f"middleware {name_of(middleware)}"
        needs = needs_of(middleware, 2, who)
        if not needs:
            return middleware
        self.providers.want(who, middleware, needs)

        @wraps(middleware)
        async def resourceful(request: Request, next: Handler) -> Response:
            values = {need.name: await scope_of(request).get(need.kind, self.providers) for need in needs}
            return await middleware(request, next, **values)

        return resourceful

    def _endpoint(self, handler: Callable[..., Any], pattern: str, methods: Collection[str], status: int) -> Endpoint:
        return as_endpoint(
            handler, pattern, methods, convertors=self.convertors, providers=self.providers, status=status
        )
