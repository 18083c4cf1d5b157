"""Tests of aiosock.web.error_response."""

import json
import re
from base64 import b64encode
from hashlib import sha256

import pytest

from aiosock import App, HTTPError, Request, ResponseError
from aiosock.testing.client import ClientResponse
from aiosock.web.error_response import error_response
from aiosock.web.middleware import security_headers
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


def test_a_page_escapes_the_detail() -> None:
    page = body_of(error_response(HTTPError(500, HOSTILE), "text/html"))

    assert "<script" not in page
    assert "<p>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;</p>" in page


def test_a_page_has_its_style_within_it_and_allows_nothing_else() -> None:
    response = error_response(HTTPError(404), "text/html")
    (style,) = re.findall(r"<style>(.*?)</style>", body_of(response), re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()

    policy = response.headers["content-security-policy"]

    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:;")
    assert "script" not in policy
    assert not re.search(r"(?:src|href)=(?!\"data:)|url\(|@import", body_of(response))


def test_a_page_may_be_in_a_frame_where_the_site_allows_it() -> None:
    assert "frame-ancestors" not in error_response(HTTPError(404), "text/html").headers["content-security-policy"]


async def test_a_page_keeps_its_policy_on_a_site_with_a_policy_of_its_own() -> None:
    app = App()
    app.middleware(security_headers(content_security_policy="style-src 'none'"))

    answer = await ask(app, "GET", "/", headers=BROWSER)

    assert "style-src 'sha256-" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(("status", "kind"), [(404, "refusal"), (429, "refusal"), (500, "failure"), (503, "failure")])
def test_a_page_looks_as_if_somebody_meant_it(status: int, kind: str) -> None:
    assert f'<body class="plain {kind}">' in body_of(error_response(HTTPError(status), "text/html"))


@pytest.mark.parametrize("accept", ["", "text/html", "application/json"])
def test_half_of_a_surrogate_pair_in_a_detail_can_be_sent(accept: str) -> None:
    assert "\\ud800" in body_of(error_response(HTTPError(400, "a \ud800 b"), accept))


@pytest.mark.parametrize("accept", ["", "text/html", "application/json"])
@pytest.mark.parametrize("status", [404, 500])
def test_no_form_names_the_software(accept: str, status: int) -> None:
    response = error_response(HTTPError(status), accept)

    assert "aiosock" not in f"{body_of(response)}{response.headers.items()}".lower()


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
