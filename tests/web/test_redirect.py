"""Redirect: an answer that leads to another URL, raised."""

import asyncio
import logging
import pickle
from typing import Any

import pytest

from aiosock import App, HTTPError, Redirect, Request, Response, ResponseError
from aiosock.web.handler import Next
from tests.web.ask import BROWSER, PROGRAM, app_of, ask


def raising(error: Exception) -> App:
    async def handler(request: Request) -> None:
        raise error

    return app_of(handler)


@pytest.mark.parametrize("headers", [{}, BROWSER, PROGRAM])
async def test_a_redirect_that_is_raised_is_the_one_that_is_returned(headers: Any) -> None:
    async def handler(request: Request) -> Response:
        return Response.redirect("/lögin?a=b")

    raised = await ask(raising(Redirect("/lögin?a=b")), "GET", "/", headers=headers)
    returned = await ask(app_of(handler), "GET", "/", headers=headers)

    assert (raised.status, raised.body) == (303, b"")
    assert raised.headers.get("location") == "/l%C3%B6gin?a=b"
    assert [name for name, _ in raised.headers.items()] == [name for name, _ in returned.headers.items()]


async def test_a_redirect_has_the_status_and_fields_that_it_is_given() -> None:
    answer = await ask(raising(Redirect("/", 308, {"cache-control": "no-store"})), "GET", "/")

    assert (answer.status, answer.headers["cache-control"]) == (308, "no-store")


async def test_a_redirect_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    await ask(raising(Redirect("/login")), "GET", "/")

    assert [record for record in caplog.records if record.name.startswith("aiosock")] == []


async def test_middleware_sees_a_redirect_as_a_response() -> None:
    app = raising(Redirect("/login"))
    seen = []

    @app.middleware
    async def look(request: Request, next: Next) -> Response:
        response = await next(request)
        seen.append((response.status, response.headers["location"]))
        return response

    await ask(app, "GET", "/")

    assert seen == [(303, "/login")]


async def test_middleware_may_raise_a_redirect() -> None:
    app = raising(HTTPError(404))

    @app.middleware
    async def refuse(request: Request, next: Next) -> Response:
        raise Redirect("/login")

    assert (await ask(app, "GET", "/")).headers["location"] == "/login"


async def test_a_redirect_in_a_task_group_is_one() -> None:
    async def task() -> None:
        raise Redirect("/login")

    async def handler(request: Request) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(task())

    assert (await ask(app_of(handler), "GET", "/")).status == 303


async def test_a_bare_handler_may_raise_a_redirect() -> None:
    async def handler(request: Request) -> Response:
        raise Redirect("/login")

    assert (await ask(handler, "GET", "/")).headers["location"] == "/login"


@pytest.mark.parametrize("kind", [HTTPError, Exception])
async def test_a_handler_for_errors_is_not_called_for_a_redirect(kind: type[Exception]) -> None:
    app = raising(Redirect("/login"))

    @app.exception(kind)
    async def page(request: Request, error: Exception) -> str:
        return "an error"

    assert (await ask(app, "GET", "/")).status == 303


async def test_a_handler_for_redirects_is_called() -> None:
    app = raising(Redirect("/login"))

    @app.exception(Redirect)
    async def page(request: Request, error: Redirect) -> str:
        return f"go to {error.location}"

    assert (await ask(app, "GET", "/")).text == "go to /login"


@pytest.mark.parametrize("location", ["/a\r\nset-cookie: a=b", "/\0", "/\x7f"])
def test_a_location_with_a_control_is_refused(location: str) -> None:
    with pytest.raises(ResponseError, match="not a location"):
        Redirect(location)


@pytest.mark.parametrize("status", [200, 300, 304, 404])
def test_a_status_that_leads_nowhere_is_refused(status: int) -> None:
    with pytest.raises(ValueError, match="301, 302, 303, 307, 308"):
        Redirect("/", status)


def test_a_redirect_can_be_pickled() -> None:
    copy = pickle.loads(pickle.dumps(Redirect("/login", 302, {"a": "b"})))

    assert (copy.location, copy.status, copy.headers, str(copy)) == ("/login", 302, {"a": "b"}, "302 /login")
