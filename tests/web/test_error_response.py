"""Tests of aiosock.web.error_response."""

import json

import pytest

from aiosock import App, HTTPError, Request, ResponseError
from aiosock.testing.client import ClientResponse
from aiosock.web.error_response import error_response
from aiosock.web.response import Response
from tests.web.ask import BROWSER, PROGRAM, ask

CURL = {"accept": "*/*"}
HOSTILE = '<script>alert("1")</script>&'


def body_of(response: Response) -> str:
    assert isinstance(response.body, bytes)
    return response.body.decode()


async def missing(**headers: str) -> ClientResponse:
    """Return the response of an app without routes."""
    return await ask(App(), "GET", "/", headers=headers)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "text/plain; charset=utf-8"),
        ("*/*", "text/plain; charset=utf-8"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("application/json", "application/problem+json"),
        ("application/problem+json", "application/problem+json"),
        ("application/vnd.api+json, */*", "application/problem+json"),
        ("application/vnd.api+json", "application/problem+json"),
        ("Application/JSON", "application/problem+json"),
        ("application/vnd.api+json;q=0", "text/plain; charset=utf-8"),
        ("text/plain;format=+json", "text/plain; charset=utf-8"),
        ("text/html", "text/html; charset=utf-8"),
        ("TEXT/HTML, application/json", "text/html; charset=utf-8"),
        (BROWSER["accept"], "text/html; charset=utf-8"),
    ],
)
def test_an_error_speaks_the_clients_language(accept: str, media_type: str) -> None:
    response = error_response(HTTPError(404), accept)

    assert (response.status, response.headers["content-type"]) == (404, media_type)


@pytest.mark.parametrize("headers", [{}, CURL, PROGRAM, BROWSER])
async def test_an_error_varies_with_accept(headers: dict[str, str]) -> None:
    assert (await missing(**headers)).headers["vary"] == "Accept"


async def test_curl_gets_one_line() -> None:
    assert (await missing(**CURL)).text == "404 Not Found: Nothing is at /.\n"


async def test_a_path_with_line_breaks_and_escapes_makes_no_second_line() -> None:
    answer = await ask(App(), "GET", "/a%0d%0ab%1b%5b2J%C2%9b")

    assert answer.text == "404 Not Found: Nothing is at /a\\x0d\\x0ab\\x1b[2J\\x9b.\n"


async def test_a_program_gets_a_problem() -> None:
    answer = await missing(**PROGRAM)

    assert answer.json() == {"title": "Not Found", "status": 404, "detail": "Nothing is at /."}


async def test_a_browser_gets_a_page() -> None:
    page = (await missing(**BROWSER)).text

    assert page.startswith("<!doctype html>")
    assert "<title>404 Not Found</title>" in page
    assert "<p>Nothing is at /.</p>" in page


def test_a_page_escapes_the_detail_and_the_trace() -> None:
    page = body_of(error_response(HTTPError(500, HOSTILE), "text/html", HOSTILE))

    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;") == 2


async def test_a_page_escapes_the_path() -> None:
    page = (await ask(App(), "GET", "/%3Cscript%3E", headers=BROWSER)).text

    assert "Nothing is at /&lt;script&gt;." in page


def test_a_problem_keeps_the_detail_as_it_is() -> None:
    problem = json.loads(body_of(error_response(HTTPError(400, f"a\nb{HOSTILE}é"), "application/json")))

    assert problem["detail"] == f"a\nb{HOSTILE}é"


def test_a_detail_that_only_repeats_the_status_is_not_shown_twice() -> None:
    assert body_of(error_response(HTTPError(404))) == "404 Not Found\n"


def test_an_unregistered_status_has_no_reason() -> None:
    assert body_of(error_response(HTTPError(499, "Closed."))) == "499: Closed.\n"


@pytest.mark.parametrize(
    ("accept", "shown"),
    [("", "\nthe\ntrace"), ("text/html", "<pre>the\ntrace</pre>"), ("application/json", '"trace": "the\\ntrace"')],
)
def test_a_trace_is_shown_where_there_is_one(accept: str, shown: str) -> None:
    assert shown in body_of(error_response(HTTPError(500), accept, "the\ntrace"))


def test_an_error_carries_its_fields() -> None:
    error = HTTPError(401, headers={"WWW-Authenticate": "Basic", "Vary": "Accept, Origin"})

    headers = error_response(error).headers

    assert (headers["www-authenticate"], headers.get_all("vary")) == ("Basic", ["Accept, Origin"])


def test_an_error_with_a_line_break_in_a_field_is_refused() -> None:
    with pytest.raises(ResponseError):
        error_response(HTTPError(400, headers={"x": "a\r\nset-cookie: b"}))


async def test_an_error_with_a_line_break_in_a_field_is_answered_without_it() -> None:
    app = App()

    @app.get("/")
    async def handler(request: Request) -> None:
        raise HTTPError(400, headers={"x": "a\r\nset-cookie: b"})

    answer = await ask(app, "GET", "/")

    assert (answer.status, answer.headers.get("set-cookie")) == (500, None)
