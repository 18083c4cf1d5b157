"""Tests of aiosock.web.routing.endpoint."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest

from aiosock.errors import HTTPError, RouteError
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.routing.endpoint import as_endpoint, to_response
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
        as_endpoint(handler, "/{name}", ["name"])


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
        as_endpoint(handler, "/{name}", ["name"])


def test_a_parameter_called_as_the_first_argument_is_refused() -> None:
    with pytest.raises(RouteError, match=r"takes_request\(.*'/\{request\}'.*multiple values"):
        as_endpoint(takes_request, "/{request}", ["request"])
