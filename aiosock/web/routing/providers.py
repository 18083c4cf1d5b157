"""Providers: what the handlers, middleware and providers of one app need, and who makes it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from types import FunctionType, MethodType, TracebackType
from typing import Any, NamedTuple

from aiosock.errors import RouteError
from aiosock.web.routing.provider import Need, Provider, place_of, shown_type

_MISSING = object()


class _Wanted(NamedTuple):
    """A function that needs resources, before it is known whether there is a provider for each."""

    who: str
    function: Callable[..., Any]
    needs: list[Need]


class Providers:
    """The providers of one app, by the type of what they make.

    `values` are what is there already: the resources of the app while it runs, and those that a test has put in their
    place.
    """

    def __init__(self) -> None:
        self.values: dict[Any, Any] = {}
        self._by_kind: dict[Any, Provider] = {}
        self._wanted: list[_Wanted] = []
        self._bodies: dict[Any, str] = {}
        self._is_checked = False

    def provides(self, kind: Any) -> bool:
        """Return whether there is a provider for a type."""
        try:
            return kind in self._by_kind
        except TypeError:  # not hashable, such as Annotated[int, []]
            return False

    def of(self, kind: Any) -> Provider:
        """Return the provider of a type; raise RuntimeError for a resource of an app that does not run."""
        provider = self._by_kind[kind]
        if provider.lifetime == "app":
            raise RuntimeError(
                f"{shown_type(kind)} is made when the app starts, and the app has not started: serve it with run() or "
                "serve(), or test it with Client"
            )
        return provider

    # What is registered.

    def add(self, provider: Provider) -> None:
        """Add a provider.

        Raises RouteError for a second one of the same type, for a type that is the body of a handler, for a cycle, for
        a resource of the app that needs one of a request, and after the start for one that needs an unknown type.
        """
        kind, known = provider.kind, self._by_kind.get(provider.kind)
        if known is not None:
            raise RouteError(f"{shown_type(kind)} is provided by {known.name} already, not also by {provider.name}")
        if kind in self._bodies:
            raise RouteError(
                f"{self._bodies[kind]} reads {shown_type(kind)} from the body: register provider {provider.name} first"
            )
        if self._is_checked and provider.lifetime == "app":
            raise RouteError(f"provider {provider.name} makes a resource of the app: register it before the app starts")
        self._by_kind[kind] = provider
        try:
            self._check_way(provider, [])
            self.want(f"provider {provider.name}", provider.function, provider.needs)
        except RouteError:
            del self._by_kind[kind]
            raise

    def read_from_body(self, kind: Any, who: str) -> None:
        """Remember that a handler reads a type from the body; no provider may be registered for it any more."""
        self._bodies.setdefault(kind, who)

    def want(self, who: str, function: Callable[..., Any], needs: list[Need]) -> None:
        """Remember that a function needs resources; after `check`, raise RouteError for an unknown one."""
        wanted = _Wanted(who, function, needs)
        if self._is_checked:
            self._check(wanted, "")
        elif needs:
            self._wanted.append(wanted)

    def check(self) -> None:
        """Raise RouteError, with the name of a function and a type, if nothing provides what the function needs.

        After that, `want` does so at once.
        """
        for wanted in self._wanted:
            place = place_of(wanted.function)
            self._check(wanted, f"{place}: " if place else "")
        self._wanted.clear()
        self._is_checked = True

    def _check(self, wanted: _Wanted, place: str) -> None:
        for name, kind in wanted.needs:
            if not self.provides(kind):
                raise RouteError(
                    f"{place}{wanted.who} needs {shown_type(kind)} for its parameter {name!r}, which nothing provides: "
                    f"register a provider, @app.provide over an async def that returns {shown_type(kind)}"
                )

    def _check_way(self, provider: Provider, way: list[Provider]) -> None:
        """Raise RouteError if a provider needs itself, or a resource of the app one of a request."""
        if provider in way:
            names = " needs ".join(each.name for each in [*way[way.index(provider) :], provider])
            raise RouteError(f"providers cannot need each other: {names}")
        if way and way[-1].lifetime == "app" and provider.lifetime == "request":
            raise RouteError(
                f"provider {way[-1].name} has the scope 'app', so it cannot need {shown_type(provider.kind)}, which "
                f"{provider.name} makes for each request"
            )
        for need in provider.needs:
            if (inner := self._by_kind.get(need.kind)) is not None:
                self._check_way(inner, [*way, provider])
        if not way:
            self._check_users(provider)

    def _check_users(self, provider: Provider) -> None:
        """Raise RouteError if a resource of the app needs this one, which is made for each request."""
        for user in self._by_kind.values():
            if provider.kind in [need.kind for need in user.needs] and user is not provider:
                self._check_way(provider, [user])

    # While the app runs.

    @asynccontextmanager
    async def running(self, app: object) -> AsyncIterator[None]:
        """Check what is needed, then make the resources of the app; close them at the end, the last one first.

        Raises what `check` and the providers raise.
        """
        self.check()
        async with AsyncExitStack() as stack:
            for provider in list(self._by_kind.values()):
                if provider.lifetime == "app":
                    await self._open(provider, app, stack)
            yield

    async def _open(self, provider: Provider, app: object, stack: AsyncExitStack) -> Any:
        if provider.kind in self.values:
            return self.values[provider.kind]
        values = {need.name: await self._open(self._by_kind[need.kind], app, stack) for need in provider.needs}
        value, generator = await provider.open(app, values)
        if generator is not None:

            async def close(
                _: type[BaseException] | None, failure: BaseException | None, __: TracebackType | None
            ) -> None:
                await provider.close(generator, failure)

            stack.push_async_exit(close)
        self.values[provider.kind] = value
        stack.callback(self.values.pop, provider.kind, None)
        return value

    # In tests.

    @contextmanager
    def overriding(self, kind: Any, fake: object) -> Iterator[None]:
        """Put something in the place of what is provided for a type; see `App.overriding`."""
        known = self._by_kind[kind]
        if not isinstance(fake, FunctionType | MethodType):
            before = self.values.get(kind, _MISSING)
            self.values[kind] = fake
            try:
                yield
            finally:
                self.values.pop(kind, None)
                if before is not _MISSING:
                    self.values[kind] = before
            return
        if known.lifetime == "app":
            raise RouteError(f"{shown_type(kind)} is a resource of the app: put a value in its place, not a function")
        provider = Provider(fake, kind, "request")
        self._by_kind[kind] = provider
        try:
            self._check_way(provider, [])
            self._check(_Wanted(f"provider {provider.name}", fake, provider.needs), "")
            yield
        finally:
            self._by_kind[kind] = known
