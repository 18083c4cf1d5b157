"""Tests of aiosock.web.failures: what is logged of exceptions with a handler, and which fields such answers keep."""

import logging

import pytest

from aiosock import App, HTTPError, Request, Response
from aiosock.testing import Client
from aiosock.web.middleware import basic_auth, sessions
from tests.web.ask import app_of, ask

PAGE = Response.html("<h1>An error</h1>", 401)


def failing(error: Exception) -> App:
    async def handler(request: Request) -> None:
        raise error

    return app_of(handler)


def failures(caplog: pytest.LogCaptureFixture) -> list[BaseException | None]:
    """Return the exceptions that were logged with their tracebacks."""
    return [record.exc_info[1] for record in caplog.records if record.levelno >= logging.ERROR and record.exc_info]


# The log.


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_a_handler_for_every_exception_does_not_keep_it_from_the_log(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    error = KeyError("the key")
    app = failing(error)

    @app.exception(Exception)
    async def sorry(request: Request, error: Exception) -> Response:
        return Response.text("Sorry", status)

    answer = await ask(app, "GET", "/")

    assert (answer.status, answer.text, failures(caplog)) == (status, "Sorry", [error])


@pytest.mark.parametrize(("status", "is_logged"), [(404, False), (499, False), (500, True), (503, True)])
async def test_a_handler_for_a_class_that_answers_with_a_failure_is_logged(
    status: int, is_logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    app = failing(KeyError("the key"))

    @app.exception(LookupError)
    async def missing(request: Request, error: LookupError) -> Response:
        return Response.text("Missing", status)

    assert (await ask(app, "GET", "/")).status == status
    assert bool(failures(caplog)) == is_logged


@pytest.mark.parametrize("status", [404, 500])
async def test_an_http_error_with_a_handler_is_not_logged(status: int, caplog: pytest.LogCaptureFixture) -> None:
    app = failing(HTTPError(status))

    @app.exception(HTTPError)
    async def page(request: Request, error: HTTPError) -> Response:
        return Response.text("page", error.status)

    assert (await ask(app, "GET", "/")).status == status
    assert failures(caplog) == []


async def test_a_failure_below_a_mount_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    error = KeyError("the key")
    inner, outer = failing(error), App()
    outer.mount("/in", inner)
    for app in (inner, outer):
        app.exception(Exception)(answer_500)

    assert (await ask(outer, "GET", "/in/")).status == 500
    assert failures(caplog) == [error]


async def answer_500(request: Request, error: Exception) -> Response:
    return Response.text("failed", 500)


# The fields that an answer keeps.

ERRORS = [
    (405, {"allow": "GET, HEAD"}),
    (401, {"www-authenticate": 'Basic realm="x"'}),
    (429, {"retry-after": "7"}),
    (415, {"accept-encoding": "gzip"}),
    (416, {"content-range": "bytes */5"}),
    (426, {"upgrade": "chat"}),
]


@pytest.mark.parametrize(("status", "fields"), ERRORS)
async def test_a_handler_of_http_errors_keeps_what_tells_the_client_more(status: int, fields: dict[str, str]) -> None:
    app = failing(HTTPError(status, headers={**fields, "x-other": "not kept"}))

    @app.exception(HTTPError)
    async def page(request: Request, error: HTTPError) -> Response:
        return Response.html("<h1>An error</h1>", error.status)

    answer = await ask(app, "GET", "/")

    assert answer.status == status
    assert fields.items() <= dict(answer.headers.items()).items()
    assert "x-other" not in answer.headers


async def test_the_methods_of_a_path_are_told_by_a_page_of_ones_own() -> None:
    app = app_of(nothing, "/here")
    app.get("/there")(nothing)

    @app.exception(HTTPError)
    async def page(request: Request, error: HTTPError) -> dict[str, str]:
        return {"detail": error.detail}

    assert (await ask(app, "PUT", "/there")).headers["allow"] == "GET, HEAD, OPTIONS"


async def nothing(request: Request) -> None: ...


async def test_a_field_that_the_handler_sets_is_its_own() -> None:
    app = failing(HTTPError(429, headers={"retry-after": "7"}))

    @app.exception(HTTPError)
    async def page(request: Request, error: HTTPError) -> Response:
        return Response.text("later", error.status, {"retry-after": "99"})

    assert (await ask(app, "GET", "/")).headers.get_all("retry-after") == ["99"]


async def test_a_redirect_keeps_none_of_them() -> None:
    app = failing(HTTPError(401, headers={"www-authenticate": "Basic", "retry-after": "7"}))

    @app.exception(HTTPError)
    async def login(request: Request, error: HTTPError) -> Response:
        return Response.redirect("/login")

    answer = await ask(app, "GET", "/")

    assert (answer.status, answer.headers.get("www-authenticate"), answer.headers.get("retry-after")) == (
        303,
        None,
        None,
    )


async def test_a_response_that_many_share_is_not_changed() -> None:
    app = App()
    app.middleware(basic_auth({"ada": "secret"}))

    @app.exception(HTTPError)
    async def page(request: Request, error: HTTPError) -> Response:
        return PAGE

    assert "www-authenticate" in (await ask(app, "GET", "/")).headers
    assert "www-authenticate" not in PAGE.headers


async def test_a_field_that_cannot_be_sent_is_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    app = failing(HTTPError(429, headers={"retry-after": "7\r\nset-cookie: a"}))

    @app.exception(HTTPError)
    async def page(request: Request, error: HTTPError) -> Response:
        return Response.text("later", error.status)

    assert (await ask(app, "GET", "/")).status == 500
    assert failures(caplog)


# Sessions.


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("target", ["/", "/nowhere"])
async def test_an_exception_handler_finds_the_session_and_what_it_writes_is_kept(method: str, target: str) -> None:
    app = App()
    app.middleware(sessions("s" * 32))
    app.get("/")(fail)

    @app.exception(HTTPError)
    @app.exception(Exception)
    async def count(request: Request, error: Exception) -> Response:
        request.session["errors"] = request.session.get("errors", 0) + 1
        return Response.text(str(request.session["errors"]), 500)

    async with Client(app) as client:
        first = await client.request(method, target)
        cookie = first.headers["set-cookie"].partition(";")[0]
        again = await client.request(method, target, headers={"cookie": cookie})

    assert (first.text, again.text) == ("1", "2")


async def fail(request: Request) -> None:
    raise KeyError("the key")


async def test_a_middleware_inside_of_sessions_that_fails_has_the_session_too() -> None:
    app = App()
    app.middleware(sessions("s" * 32))
    app.middleware(basic_auth({"ada": "secret"}))

    @app.exception(HTTPError)
    async def page(request: Request, error: HTTPError) -> Response:
        request.session["refused"] = True
        return Response.text("who are you?", error.status)

    answer = await ask(app, "GET", "/")

    assert (answer.status, "set-cookie" in answer.headers) == (401, True)


async def test_an_app_below_a_mount_finds_the_session_of_the_app_above() -> None:
    inner, outer = App(), App()
    outer.middleware(sessions("s" * 32))
    outer.mount("/in", inner)

    @inner.exception(HTTPError)
    async def page(request: Request, error: HTTPError) -> str:
        return f"{dict(request.session)}"

    assert (await ask(outer, "GET", "/in/nowhere")).text == "{}"
