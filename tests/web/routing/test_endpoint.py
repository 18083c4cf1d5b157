"""Tests of aiosock.web.routing.endpoint."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Annotated, Any

import pytest
from msgspec import Struct

from aiosock.errors import Disconnected, HTTPError, RouteError
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.routing.endpoint import as_endpoint, to_response
from aiosock.web.routing.router import Router
from tests.web.ask import app_of, ask

TEXT = "text/plain; charset=utf-8"


# What a handler may return.


@pytest.mark.parametrize(
    ("result", "status", "media_type", "body"),
    [
        pytest.param("é", 200, TEXT, "é".encode(), id="str"),
        pytest.param("", 200, TEXT, b"", id="empty str"),
        pytest.param(b"\xff", 200, "application/octet-stream", b"\xff", id="bytes"),
        pytest.param({"a": ["é"]}, 200, "application/json", '{"a":["é"]}'.encode(), id="dict"),
        pytest.param([], 200, "application/json", b"[]", id="list"),
        pytest.param(None, 204, None, b"", id="None"),
        pytest.param(Response.html("<p>", 201), 201, "text/html; charset=utf-8", b"<p>", id="Response"),
    ],
)
async def test_what_a_handler_returns_becomes_a_response(
    result: object, status: int, media_type: str | None, body: bytes
) -> None:
    async def handler(request: Request) -> object:
        return result

    answer = await ask(app_of(handler), "GET", "/")

    assert (answer.status, answer.headers.get("content-type"), answer.body) == (status, media_type, body)


@pytest.mark.parametrize("result", [1, True, 1.5, (), ("body", 201), {1}, bytearray(b"a"), object])
def test_anything_else_is_refused_and_named(result: object) -> None:
    with pytest.raises(TypeError, match=f"not {type(result).__name__}$"):
        to_response(result)


async def test_a_handler_that_returns_anything_else_is_answered_500() -> None:
    async def handler(request: Request) -> object:
        return 1

    assert (await ask(app_of(handler), "GET", "/")).status == 500


# Handlers that do not do what they say.


class Special(Response): ...


async def text(request: Request) -> str:
    return None  # type: ignore[return-value]


async def data(request: Request) -> dict[str, int]:
    return None  # type: ignore[return-value]


async def special(request: Request) -> Annotated[Special, "x"]:
    return None  # type: ignore[return-value]


async def perhaps(request: Request) -> str | None:
    return None


async def anything(request: Request) -> Any:
    return None


async def unknown(request: Request) -> "Unknown":  # type: ignore[name-defined]  # noqa: F821
    return None


async def silent(request):  # type: ignore[no-untyped-def]
    return None


@pytest.mark.parametrize(
    ("handler", "status", "message"),
    [
        (text, 500, "TypeError: handler text returned None, but is annotated -> str: a return is missing"),
        (data, 500, "TypeError: handler data returned None, but is annotated -> dict"),
        (special, 500, "TypeError: handler special returned None, but is annotated -> "),
        (perhaps, 204, ""),
        (anything, 204, ""),
        (unknown, 204, ""),
        (silent, 204, ""),
    ],
)
async def test_a_handler_that_says_it_returns_something_may_not_return_none(
    handler: Callable[..., Any], status: int, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await ask(app_of(handler), "GET", "/")).status == status
    assert message in caplog.text


async def numbers(request: Request) -> AsyncIterator[int]:
    yield 1


async def at_last_a_number(request: Request) -> AsyncIterator[Any]:
    yield "a"
    yield 1


async def test_a_stream_of_anything_but_text_is_answered_500_and_named(caplog: pytest.LogCaptureFixture) -> None:
    assert (await ask(app_of(numbers), "GET", "/")).status == 500
    assert "TypeError: handler numbers must yield str or bytes, not int" in caplog.text


async def test_a_later_piece_that_is_no_text_ends_the_stream_and_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Disconnected):
        await ask(app_of(at_last_a_number), "GET", "/")
    assert "TypeError: handler at_last_a_number must yield str or bytes, not int" in caplog.text


# The status of a route.


class Made(Struct):
    id: int


async def made(request: Request) -> Made:
    return Made(3)


async def made_text(request: Request) -> str:
    return "made"


async def made_stream(request: Request) -> AsyncIterator[str]:
    yield "made"


async def made_nothing(request: Request) -> None: ...


async def made_response(request: Request) -> Response:
    return Response("own", 202)


@pytest.mark.parametrize(
    ("handler", "status", "body"),
    [
        (made, 201, '{"id":3}'),
        (made_text, 201, "made"),
        (made_stream, 201, "made"),
        (made_nothing, 201, ""),
        (made_response, 202, "own"),
    ],
)
async def test_the_status_of_a_route_is_that_of_what_is_no_response(
    handler: Callable[..., Any], status: int, body: str
) -> None:
    app, router = app_of(handler, status=201), Router()
    router.get("/included", status=201)(handler)
    app.include(router)

    for target in ("/", "/included"):
        answer = await ask(app, "GET", target)
        assert (answer.status, answer.text) == (status, body)


def test_a_status_that_no_response_may_have_is_refused() -> None:
    with pytest.raises(RouteError, match="a route has a status from 200 to 599, not 99"):
        app_of(text, status=99)


# Handlers that stream.


async def test_an_async_generator_is_streamed_as_text() -> None:
    async def handler(request: Request, count: int) -> AsyncIterator[str | bytes]:
        for number in range(count):
            yield f"{number}é"
        yield b"!"

    answer = await ask(app_of(handler, "/{count:int}"), "GET", "/2")

    assert (answer.text, answer.headers["content-type"]) == ("0é1é!", TEXT)
    assert answer.headers["transfer-encoding"] == "chunked"


async def test_for_head_an_async_generator_goes_to_its_first_piece_and_is_closed() -> None:
    passed = []

    async def handler(request: Request) -> AsyncIterator[str]:
        try:
            passed.append("start")
            yield "a"
            passed.append("after the first piece")
        finally:
            passed.append("close")

    answer = await ask(app_of(handler), "HEAD", "/")

    assert (answer.status, answer.body, passed) == (200, b"", ["start", "close"])


async def test_what_an_async_generator_raises_before_its_first_piece_is_answered() -> None:
    async def handler(request: Request) -> AsyncIterator[str]:
        raise HTTPError(404, "There is no such list.")
        yield ""

    assert (await ask(app_of(handler), "GET", "/")).status == 404


async def test_an_async_generator_may_have_no_pieces() -> None:
    async def handler(request: Request) -> AsyncIterator[str]:
        if request.method == "POST":
            yield "never"

    answer = await ask(app_of(handler), "GET", "/")

    assert (answer.status, answer.body) == (200, b"")


async def test_a_partial_of_an_instance_is_a_handler() -> None:
    class Greeting:
        async def __call__(self, greeting: str, request: Request) -> str:
            return greeting

    class Greetings:
        async def __call__(self, greeting: str, request: Request) -> AsyncIterator[str]:
            yield greeting

    assert (await ask(app_of(partial(Greeting(), "hi")), "GET", "/")).text == "hi"
    assert (await ask(app_of(partial(Greetings(), "hi")), "GET", "/")).text == "hi"


async def test_a_partial_of_an_async_function_is_a_handler() -> None:
    async def handler(greeting: str, request: Request) -> str:
        return greeting

    assert (await ask(app_of(partial(handler, "hi")), "GET", "/")).text == "hi"


async def test_an_async_generator_may_have_a_parameter_called_request() -> None:
    async def handler(r: Request, request: str) -> AsyncIterator[str]:
        yield f"{r.method} {request}"

    assert (await ask(app_of(handler, "/{request}"), "GET", "/a")).text == "GET a"


# What may be a handler.


class Greeter:
    async def __call__(self, request: Request, name: str) -> str:
        return f"Hello, {name}!"

    async def method(self, request: Request, name: str) -> str:
        return f"Hello again, {name}!"

    async def stream(self, request: Request, name: str) -> AsyncIterator[str]:
        yield f"Hello, hello, {name}!"


async def keywords(request: Request, **params: str) -> str:
    return f"Hi, {params['name']}!"


async def keyword_only(request: Request, *, name: str) -> str:
    return f"Hey, {name}!"


async def default(request: Request, name: str, greeting: str = "Moin") -> str:
    return f"{greeting}, {name}!"


@pytest.mark.parametrize(
    ("handler", "text"),
    [
        (Greeter(), "Hello, Ann!"),
        (Greeter().method, "Hello again, Ann!"),
        (Greeter().stream, "Hello, hello, Ann!"),
        (keywords, "Hi, Ann!"),
        (keyword_only, "Hey, Ann!"),
        (default, "Moin, Ann!"),
    ],
)
async def test_whatever_is_async_and_takes_the_parameters_is_a_handler(handler: Callable[..., Any], text: str) -> None:
    assert (await ask(app_of(handler, "/{name}"), "GET", "/Ann")).text == text


def plain(request: Request, name: str) -> str:
    return name


class PlainCallable:
    def __call__(self, request: Request, name: str) -> str:
        return name


@pytest.mark.parametrize(
    ("handler", "name"),
    [(plain, "plain"), (PlainCallable(), "PlainCallable"), (lambda request, name: name, "<lambda>")],
)
def test_a_handler_that_is_not_async_is_refused(handler: Callable[..., Any], name: str) -> None:
    with pytest.raises(RouteError, match=rf"{name} for '/\{{name\}}' must be defined with async def"):
        as_endpoint(handler, "/{name}")


async def takes_nothing() -> None: ...
async def takes_request(request: Request) -> None: ...
async def takes_other(request: Request, other: str) -> None: ...
async def takes_more(request: Request, name: str, more: str) -> None: ...
async def takes_by_position(request: Request, name: str, /) -> None: ...
async def streams_other(request: Request, other: str) -> AsyncIterator[str]:
    yield other


@pytest.mark.parametrize(
    "handler", [takes_nothing, takes_request, takes_other, takes_more, takes_by_position, streams_other]
)
def test_a_handler_that_does_not_fit_its_pattern_is_refused_and_both_are_named(handler: Callable[..., Any]) -> None:
    with pytest.raises(RouteError, match=rf"{handler.__name__}\(.*\) .*'/\{{name\}}'.*\(request, name\): "):
        as_endpoint(handler, "/{name}")


def test_a_parameter_called_as_the_first_argument_is_refused() -> None:
    with pytest.raises(RouteError, match=r"takes_request\(.*'/\{request\}'.*multiple values"):
        as_endpoint(takes_request, "/{request}")
