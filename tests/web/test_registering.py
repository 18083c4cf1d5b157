"""What people type first: a mistake is refused when it is registered, with the words for what was meant."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial, wraps
from typing import Any

import pytest

from aiosock import App, Config, ConfigError, Handler, Request, Response, RouteError, Router, StaticFiles, run, serve
from aiosock.web import middleware
from aiosock.web.handler import Next
from aiosock.web.middleware import compression
from aiosock.web.registering import check_handler, check_middleware


async def passing(request: Request, next: Next) -> Response:
    return await next(request)


class Passing:
    async def __call__(self, request: Request, next: Next) -> Response:
        return await next(request)


async def hello(request: Request) -> Response:
    return Response.text("hello")


class AsgiApp:
    async def __call__(self, scope: object, receive: object, send: object) -> None: ...


def wsgi_app(environ: object, start_response: object) -> list[bytes]:
    return []


# Middleware.


@pytest.mark.parametrize("each", [passing, Passing(), partial(passing), compression(), lambda request, next: None])
def test_what_takes_a_request_and_the_rest_of_the_way_is_a_middleware(each: Callable[..., Any]) -> None:
    check_middleware(each)


FACTORIES = [getattr(middleware, name) for name in middleware.__all__]


@pytest.mark.parametrize(
    "factory", [each for each in FACTORIES if each.__name__ not in ("RedisBuckets", "insufficient_scope")]
)
def test_a_middleware_of_ours_without_its_parentheses_is_refused(factory: Any) -> None:
    with pytest.raises(RouteError, match=rf"write app\.middleware\({factory.__name__}\(\)\)"):
        App().middleware(factory)


def own_factory(*, minimum: int = 3) -> Callable[[Request, Next], Awaitable[Response]]:
    return passing


async def without_next(request: Request) -> Response:
    return Response()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (own_factory, r"own_factory\(\*, minimum.*if it makes one, write app\.middleware\(own_factory\(\.\.\.\)\)"),
        (without_next, r"m\(request, next\), not without_next\(request"),
        (Passing, "not the class Passing"),
        ("http", "write @app.middleware without parentheses"),
        (None, "not None"),
    ],
)
def test_what_is_no_middleware_is_refused(wrong: Any, words: str) -> None:
    for register in (App().middleware, Router().middleware):
        with pytest.raises(RouteError, match=words):
            register(wrong)


# Lifespans.


async def no_yield(app: App) -> None: ...


def no_async(app: App) -> Iterator[None]:
    yield


async def no_app() -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (no_yield, "the lifespan no_yield has no yield"),
        (no_async, "the lifespan no_async must be defined with async def"),
        (no_app, r"the lifespan no_app\(\).* must take one argument, the app"),
        (3, "a lifespan is async def"),
    ],
)
def test_what_is_no_lifespan_is_refused(wrong: Any, words: str) -> None:
    for register in (App().lifespan, Router().lifespan):
        with pytest.raises(RouteError, match=words):
            register(wrong)


# Handlers.


@pytest.mark.parametrize(
    "each", [App(), hello, partial(hello), StaticFiles("."), lambda request: None, lambda *all: 0, int]
)
def test_what_takes_a_request_is_a_handler(each: Any) -> None:
    if each is not int:
        check_handler(each)


def test_a_decorated_function_is_judged_by_what_its_decorator_takes() -> None:
    @wraps(AsgiApp.__call__)
    async def adapted(request: Request) -> Response:
        return Response()

    check_handler(adapted)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (AsgiApp(), "cannot serve AsgiApp: it is an ASGI app, which aiosock does not serve"),
        (wsgi_app, "cannot serve wsgi_app: it is a WSGI app, which aiosock does not serve"),
        (App, "cannot serve App: it is the class App, not an app made of it"),
        ("main:app", "aiosock module:app"),
        (Router("/a"), r"app\.include\(router\)"),
        (lambda: None, "it takes no request; if it makes the app, call it in the module"),
        (None, "cannot serve None: it is not an app or handler, but of the type NoneType"),
        (lambda a, b, c, d: None, r"takes one argument, the request; this takes \(a, b, c, d\)"),
    ],
)
def test_what_is_no_handler_is_refused(wrong: Any, words: str) -> None:
    with pytest.raises(RouteError, match=words):
        App().mount("/a", wrong)
    with pytest.raises(RouteError, match=words):
        App().host("example.org", wrong)


async def test_an_asgi_app_is_not_served() -> None:
    with pytest.raises(ConfigError, match="it is an ASGI app"):
        async with serve(AsgiApp(), Config(port=0)):  # type: ignore[arg-type]
            pass


def test_an_asgi_app_that_is_run_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    app: Any = AsgiApp()

    with pytest.raises(SystemExit) as exit_:
        run(app, port=0)

    assert exit_.value.code == 2
    assert capsys.readouterr().err == (
        "aiosock: error: cannot serve AsgiApp: it is an ASGI app, which aiosock does not serve: uvicorn and Hypercorn do\n"
    )


def test_an_app_has_no_run_and_says_how_it_is_run() -> None:
    with pytest.raises(TypeError, match=r"aiosock\.run\(app, port=8080\)"):
        App().run(debug=True)


# Patterns.


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("/users/<int:id>", r"has <int:id>: write \{id:int\}"),
        ("/users/<id>", r"has <id>: write \{id\}"),
        ("/users/<string:name>", r"write \{name\}"),
        ("/files/v-<int:n>.zip", r"write \{n:int\}"),
        ("/users/{int:id}", r"has \{int:id\}: write \{id:int\}"),
    ],
)
def test_a_parameter_as_others_write_it_is_refused(pattern: str, words: str) -> None:
    with pytest.raises(RouteError, match=words):
        App().get(pattern)(hello)


def test_angle_brackets_that_are_no_parameter_are_literal() -> None:
    App().get("/a<b>c")(hello)


def test_a_handler_is_typed_as_one() -> None:
    handler: Handler = hello
    assert handler is hello
