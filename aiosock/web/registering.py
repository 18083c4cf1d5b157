"""What a program registers, checked at once: a mistake is refused at start, with the words for what was meant."""

import inspect
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, Final, cast

from aiosock.errors import ConfigError, RouteError

Lifespan = Callable[[Any], AbstractAsyncContextManager[object]]
"""A function from an app to what is entered before the app is served, and left afterwards."""

_OURS: Final = "aiosock.web.middleware."


def check_middleware(middleware: object) -> None:
    """Raise RouteError unless it can be called with a request and the rest of the way to the response."""
    name = _name(middleware)
    if not callable(middleware):
        advice = ": write @app.middleware without parentheses" if isinstance(middleware, str) else ""
        raise RouteError(f"a middleware is async def m(request, next), not {middleware!r}{advice}")
    if inspect.isclass(middleware):
        raise RouteError(f"a middleware is async def m(request, next), not the class {name}")
    makes_one = not is_async(middleware) and str(getattr(middleware, "__module__", "")).startswith(_OURS)
    if makes_one and inspect.isfunction(middleware):
        raise RouteError(f"{name} makes a middleware when it is called: write app.middleware({name}())")
    if not _takes(middleware, 2, more=True):
        advice = "" if is_async(middleware) else f"; if it makes one, write app.middleware({name}(...))"
        raise RouteError(f"a middleware is async def m(request, next), not {name}{_signature(middleware)}{advice}")


def as_lifespan(function: Callable[..., Any]) -> Lifespan:
    """Return a lifespan in the form in which it is entered; raise RouteError for one that cannot be.

    It may be an async generator function, or return an async context manager by itself.
    """
    name = _name(function)
    if not callable(function):
        raise RouteError(f"a lifespan is async def lifespan(app) with a yield, not {function!r}")
    if is_async(function):
        raise RouteError(
            f"the lifespan {name} has no yield: what is before it is done at the start, what is after it at the end"
        )
    if inspect.isgeneratorfunction(function):
        raise RouteError(f"the lifespan {name} must be defined with async def")
    if not _takes(function, 1):
        raise RouteError(f"the lifespan {name}{_signature(function)} must take one argument, the app")
    return asynccontextmanager(function) if inspect.isasyncgenfunction(function) else cast(Lifespan, function)


def check_handler(handler: object, error: type[RouteError | ConfigError] = RouteError) -> None:
    """Raise an error for what is no handler, as `problem_of` says."""
    if problem := problem_of(handler):
        raise error(f"cannot serve {_name(handler) if callable(handler) else repr(handler)}: {problem}")


def problem_of(handler: object) -> str:
    """Return why something cannot be served, "" if it may be: what a callable returns is not known yet."""
    if not callable(handler):
        advice = ""
        if isinstance(handler, str):
            advice = "; the command takes a name, as in: aiosock module:app"
        elif hasattr(handler, "routes"):
            advice = "; include it in an app, with app.include(router)"
        return f"it is not an app or handler, but of the type {type(handler).__name__}{advice}"
    if inspect.isclass(handler):
        return f"it is the class {handler.__name__}, not an app made of it"
    if _takes(handler, 1):
        return ""
    if _takes(handler, 3):
        return "it is an ASGI app, which aiosock does not serve: uvicorn and Hypercorn do"
    if _takes(handler, 2):
        return "it is a WSGI app, which aiosock does not serve: gunicorn and waitress do"
    if _takes(handler, 0):
        return "it takes no request; if it makes the app, call it in the module: app = create_app()"
    return f"a handler takes one argument, the request; this takes {_signature(handler)}"


def _takes(function: Callable[..., object], count: int, *, more: bool = False) -> bool:
    """Return whether a function takes so many arguments, or with `more` further ones; True where nobody knows."""
    try:
        signature = inspect.signature(function, follow_wrapped=False)  # a decorator may take other arguments
    except (TypeError, ValueError):  # written in C
        return True
    bind = signature.bind_partial if more else signature.bind
    try:
        bind(*range(count))
    except TypeError:
        return False
    return True


def is_async(function: object) -> bool:
    """Return whether calling it makes a coroutine."""
    while isinstance(function, partial):  # inspect looks into one, but not for the `__call__` of an instance
        function = function.func
    call = getattr(function, "__call__", None)  # noqa: B004 - an instance may have one that is async
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _signature(function: Callable[..., object]) -> str:
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return ""


def _name(thing: object) -> str:
    return str(getattr(thing, "__name__", type(thing).__name__))
