"""Tests of aiosock.web.middleware.sees_exceptions, and of `request.error`, which every middleware may read."""

import logging

import pytest

from aiosock import App, HTTPError, Request, Response
from aiosock.web.handler import Next
from aiosock.web.middleware import sees_exceptions
from tests.web.ask import app_of, ask


def failing(error: Exception | None) -> App:
    async def handler(request: Request) -> str:
        if error is not None:
            raise error
        return "right"

    app = app_of(handler)
    app.get("/well")(right)
    return app


async def right(request: Request) -> str:
    return "right"


def marking(app: App, name: str) -> None:
    """Add a middleware that leaves its name in each response that it sees."""

    @app.middleware
    async def marked(request: Request, next: Next) -> Response:
        response = await next(request)
        response.headers.append("seen-by", name)
        return response


ERROR = KeyError("the key")


@pytest.mark.parametrize("error", [ERROR, HTTPError(404, "Not here."), None])
async def test_every_middleware_is_told_what_a_response_was_made_of(error: Exception | None) -> None:
    app, seen = failing(error), list[object]()

    @app.middleware
    async def told(request: Request, next: Next) -> Response:
        response = await next(request)
        seen.append(request.error)
        return response

    await ask(app, "GET", "/")

    assert seen == [error]


async def test_next_raises_what_the_handler_has_raised() -> None:
    app, seen = failing(ERROR), list[BaseException]()

    @app.middleware
    @sees_exceptions
    async def rolling_back(request: Request, next: Next) -> Response:
        try:
            return await next(request)
        except KeyError as error:
            seen.append(error)
            raise

    assert (await ask(app, "GET", "/")).status == 500
    assert seen == [ERROR]
    assert (await ask(app, "GET", "/well")).text == "right"


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_next_raises_the_error_of_a_path_without_a_route(method: str) -> None:
    app, seen = App(), list[int]()

    @app.middleware
    @sees_exceptions
    async def counting(request: Request, next: Next) -> Response:
        try:
            return await next(request)
        except HTTPError as error:
            seen.append(error.status)
            raise

    assert (await ask(app, method, "/nowhere")).status == 404
    assert seen == [404]


async def test_the_response_passes_all_other_middleware_though_one_sees_the_exception() -> None:
    app = failing(ERROR)
    marking(app, "outer")

    @app.middleware
    @sees_exceptions
    async def letting_it_pass(request: Request, next: Next) -> Response:
        return await next(request)

    marking(app, "inner")

    answer = await ask(app, "GET", "/")

    assert (answer.status, answer.headers.get_all("seen-by")) == (500, ["inner", "outer"])


async def test_a_failure_that_is_raised_on_is_logged_and_handled_once(caplog: pytest.LogCaptureFixture) -> None:
    app, handled = failing(ERROR), list[Exception]()
    for _ in range(2):

        @app.middleware
        @sees_exceptions
        async def letting_it_pass(request: Request, next: Next) -> Response:
            return await next(request)

    @app.exception(Exception)
    async def sorry(request: Request, error: Exception) -> Response:
        handled.append(error)
        return Response.text("sorry", 500)

    assert (await ask(app, "GET", "/")).text == "sorry"
    assert handled == [ERROR]
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1


async def test_a_response_in_place_of_an_exception_is_sent_and_is_no_error_further_out() -> None:
    app, seen = failing(ERROR), list[object]()

    @app.middleware
    async def told(request: Request, next: Next) -> Response:
        response = await next(request)
        seen.append(request.error)
        return response

    @app.middleware
    @sees_exceptions
    async def mending(request: Request, next: Next) -> Response:
        try:
            return await next(request)
        except KeyError:
            return Response.text("mended")

    answer = await ask(app, "GET", "/")

    assert (answer.status, answer.text, seen) == (200, "mended", [None])


async def test_an_exception_in_place_of_an_exception_gets_its_own_response() -> None:
    app = failing(ERROR)

    @app.middleware
    @sees_exceptions
    async def translating(request: Request, next: Next) -> Response:
        try:
            return await next(request)
        except KeyError as error:
            raise HTTPError(404, "No such thing.") from error

    assert (await ask(app, "GET", "/")).text == "404 Not Found: No such thing.\n"


async def test_a_second_try_that_succeeds_is_no_error() -> None:
    tries = []

    async def handler(request: Request) -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ERROR
        return "right"

    app = app_of(handler)

    @app.middleware
    @sees_exceptions
    async def twice(request: Request, next: Next) -> Response:
        try:
            return await next(request)
        except KeyError:
            return await next(request)

    assert (await ask(app, "GET", "/")).text == "right"


async def test_a_middleware_may_raise_on_what_it_was_told() -> None:
    app = failing(ERROR)
    marking(app, "outer")

    @app.middleware
    async def raising(request: Request, next: Next) -> Response:
        response = await next(request)
        if request.error is not None:
            raise request.error
        return response

    answer = await ask(app, "GET", "/")

    assert (answer.status, answer.headers.get_all("seen-by")) == (500, ["outer"])


async def test_the_exception_of_a_mounted_app_is_seen_above_the_mount() -> None:
    app, seen = App(), list[BaseException]()
    app.mount("/in", failing(ERROR))

    @app.middleware
    @sees_exceptions
    async def watching(request: Request, next: Next) -> Response:
        try:
            return await next(request)
        except BaseException as error:
            seen.append(error)
            raise

    assert (await ask(app, "GET", "/in/")).status == 500
    assert seen == [ERROR]
