"""Provider: a function that makes a resource of one type, and what that function needs itself."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from types import NoneType
from typing import Any, Literal, NamedTuple, get_args, get_origin

from aiosock.errors import RouteError
from aiosock.web.routing.signature import (
    annotated,
    has_model,
    is_coroutine,
    is_stream,
    may_be_provided,
    name_of,
    plain_base,
    return_annotation,
    written,
)

Lifetime = Literal["request", "app"]
"""How long a resource is kept: for one request, or as long as the app runs."""

ProviderFunction = Callable[..., Awaitable[object] | AsyncIterator[object]]
"""A provider as users write it: `async def database(request) -> Database`, or one that yields the Database once."""


class Need(NamedTuple):
    """A parameter that takes a resource: its name, and the type of the resource."""

    name: str
    kind: Any


class Provider:
    """A function and the type of what it makes. `needs` are the resources that it takes itself."""

    __slots__ = ("function", "kind", "lifetime", "name", "needs", "yields")

    def __init__(self, function: ProviderFunction, kind: Any, lifetime: Lifetime) -> None:
        """Raise RouteError, with the function's name, if it is not async, or has parameters that are no resources."""
        _check_async(function)
        self.function: ProviderFunction = function
        self.name: str = name_of(function)
        self.kind: Any = kind
        self.lifetime: Lifetime = lifetime
        self.yields: bool = is_stream(function)
        self.needs: list[Need] = needs_of(function, 1, f"provider {self.name}")
        try:
            inspect.signature(function).bind(object(), **{need.name: object() for need in self.needs})
        except TypeError:
            first = "app" if lifetime == "app" else "request"
            raise RouteError(f"provider {self.name} must take the {first} as its first parameter") from None

    @classmethod
    def of(cls, function: ProviderFunction, lifetime: Lifetime) -> "Provider":
        """Return a provider of the type in a function's return annotation.

        Raises RouteError if that is missing, or the type of values that a request has.
        """
        _check_async(function)
        name, returned = name_of(function), return_annotation(function)
        if is_stream(function) and get_origin(returned) in (AsyncIterator, AsyncGenerator, AsyncIterable):
            returned = get_args(returned)[0]
        elif returned is inspect.Signature.empty or is_stream(function):
            form = "AsyncIterator[Database]" if is_stream(function) else "Database"
            raise RouteError(f"provider {name} needs a return annotation that says what it provides, such as -> {form}")
        if not _is_resource(returned):
            raise RouteError(f"provider {name} cannot provide {_no_resource(returned)}, or a NewType")
        return cls(function, returned, lifetime)

    async def open(self, first: object, values: dict[str, Any]) -> tuple[Any, AsyncGenerator[Any, None] | None]:
        """Return what the function makes, and its generator, if it is one, to be closed by `close`.

        `first` is the request or the app. Raises what the function raises, and RuntimeError if it does not yield.
        """
        called: Any = self.function(first, **values)
        if not self.yields:
            return await called, None
        try:
            return await anext(called), called
        except StopAsyncIteration:
            raise RuntimeError(f"provider {self.name} has not yielded anything") from None

    async def close(self, generator: AsyncGenerator[Any, None], failure: BaseException | None) -> None:
        """Let the generator go on after its `yield`, or raise `failure` there, if there is one.

        Raises what it raises, except `failure` itself, and RuntimeError if it yields once more.
        """
        try:
            if failure is None:
                await anext(generator)
            else:
                await generator.athrow(failure)
        except StopAsyncIteration:
            return
        except BaseException as error:
            # PEP 479, PEP 525: Python raises a RuntimeError in place of these two.
            is_replaced = isinstance(failure, StopIteration | StopAsyncIteration) and error.__cause__ is failure
            if error is failure or is_replaced:
                return
            raise
        finally:
            # An error refers to this frame by its traceback, and would keep all that the request held.
            del failure
        await generator.aclose()
        raise RuntimeError(f"provider {self.name} has yielded more than once")


def _is_resource(kind: Any) -> bool:
    """Return whether a type can only mean what a provider makes: a class of a program, or a NewType."""
    try:
        hash(kind)
    except TypeError:
        return False
    return hasattr(kind, "__supertype__") or may_be_provided(kind) or (isinstance(kind, type) and has_model(kind))


def _no_resource(kind: Any) -> str:
    """Return what is wrong with a type, and which one would not be."""
    shown = "None" if kind is NoneType else shown_type(kind)
    if base := plain_base(kind):
        return f"{shown}, which is a {base}: handlers read such values from the request. Provide a class that is none"
    return f"{shown}: handlers read such values from the request. Provide a class of your own"


def _check_async(function: Callable[..., Any]) -> None:
    if not is_stream(function) and not is_coroutine(function):
        advice = ", and without @asynccontextmanager" if is_stream(inspect.unwrap(function)) else ""
        raise RouteError(f"provider {name_of(function)} must be defined with async def{advice}")


def needs_of(function: Callable[..., Any], first: int, who: str) -> list[Need]:
    """Return the resources that a function takes after its `first` parameters, which are filled otherwise.

    A parameter with a default keeps it. Raises RouteError for a parameter without annotation, and one that no provider
    can fill.
    """
    found = {parameter.name: annotation for parameter, annotation in annotated(function, first=first, who=who)}
    needs = []
    for parameter in list(inspect.signature(function).parameters.values())[first:]:
        if parameter.default is not parameter.empty or parameter.kind in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            continue
        kind = found.get(parameter.name)
        if parameter.name not in found or not _is_resource(kind):
            raise RouteError(
                f"the parameter {parameter.name!r} of {who} must be annotated with a type that a provider makes; "
                "what is in the request, it takes from there"
            )
        needs.append(Need(parameter.name, kind))
    return needs


def shown_type(kind: Any) -> str:
    """Return the name of a type for a message."""
    return kind.__qualname__ if isinstance(kind, type) and not get_args(kind) else repr(kind).replace("typing.", "")


def place_of(function: Callable[..., Any]) -> str:
    """Return where a function was written, such as "app.py:12"; "" if that cannot be known."""
    function = inspect.unwrap(written(function))
    code = getattr(function, "__code__", None) or getattr(type(function).__call__, "__code__", None)
    return "" if code is None else f"{code.co_filename}:{code.co_firstlineno}"
