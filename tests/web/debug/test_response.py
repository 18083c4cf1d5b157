"""Tests of the responses to errors in debug mode: the page, the problem and the ten lines, and what they never do."""

import json
import re
import threading
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest

from aiosock import App, HTTPError, Request, Response, StaticFiles, ValidationError
from aiosock.testing import Client
from aiosock.web.debug.page import html
from aiosock.web.debug.problem import problem
from aiosock.web.debug.report import report_of
from aiosock.web.debug.response import debug_response
from aiosock.web.debug.secrets import HIDDEN
from aiosock.web.debug.text import MAX_LINES, lines
from aiosock.web.handler import Next
from aiosock.web.middleware import csrf, security_headers, sees_exceptions
from tests.web.ask import BROWSER, PROGRAM, app_of, ask
from tests.web.debug.asking import debug, failing, page_of

CURL = {"accept": "*/*"}
HOSTILE = "<script>alert(1)</script>\"'&"
FORMS = [CURL, PROGRAM, BROWSER]
MAX_PAGE = 512 * 1024


class Checker(HTMLParser):
    """Reads a page; notes its elements, and those that are not closed as they were opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.wrong: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def check(page: str) -> Checker:
    """Return the elements of a page that is well-formed and asks for nothing from elsewhere."""
    checker = Checker(page)
    assert (checker.wrong, checker.open) == ([], [])
    assert [tag for tag, _ in checker.elements].count("script") == 1
    for tag, attributes in checker.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        assert tag not in ("img", "iframe", "form", "input", "textarea", "object", "base")
        for name in ("src", "href", "action"):
            assert re.match(r"#|vscode://|data:image/svg|$", attributes.get(name) or "")
    return checker


# What a browser, a program and curl are told.


def board(board: int) -> str:
    token, boards = f"hunter{2}", {1: "first"}
    return boards[board] + token


def app_of_boards() -> App:
    app = App()

    @app.get("/boards/{id:int}")
    async def show(request: Request, id: int) -> str:
        try:
            return board(id)
        except KeyError as error:
            raise RuntimeError("no such board") from error

    return app


async def test_a_browser_gets_a_page() -> None:
    page = await page_of(app_of_boards(), "/boards/7?x=1")
    text = re.sub(r"<[^>]+>", "", page)

    check(page)
    assert "<title>RuntimeError: no such board</title>" in page
    for shown in ("KeyError: 7", "boards[board]", "test_response.py:", "It was raised from this exception:"):
        assert shown in text
    assert "/boards/{id:int}" in page
    assert "curl -i" in page
    assert f"hunter{2}" not in page
    assert HIDDEN in page


async def test_own_frames_are_open_and_others_folded() -> None:
    elements = check(await page_of(app_of_boards(), "/boards/7")).elements

    own = [attributes for tag, attributes in elements if tag == "details" and attributes["class"] == "frame own sheet"]
    others = [each for tag, each in elements if tag == "details" and each["class"] in ("folded", "frame sheet")]

    assert len(own) == 3
    assert all("open" in attributes for attributes in own)
    assert others
    assert not any("open" in attributes for attributes in others)


async def test_a_program_gets_a_problem() -> None:
    answer = await debug(app_of_boards(), "GET", "/boards/7", headers=PROGRAM)
    told = answer.json()

    assert answer.headers["content-type"] == "application/problem+json"
    assert (told["title"], told["status"], told["detail"]) == (
        "Internal Server Error",
        500,
        "The server failed to answer.",
    )
    assert (told["exception"]["type"], told["exception"]["message"]) == ("RuntimeError", "no such board")
    cause = told["exception"]["cause"]
    frame = cause["frames"][-1]
    assert (cause["type"], frame["function"], frame["own"]) == ("KeyError", "board", True)
    assert frame["values"] == {"board": "7", "boards": "{1: 'first'}", "token": HIDDEN}
    assert told["request"]["route"] == "/boards/{id:int}"


async def test_curl_gets_ten_lines() -> None:
    answer = await debug(app_of_boards(), "GET", "/boards/7", headers=CURL)
    first, second, *more = answer.text.splitlines()

    assert first == "500 Internal Server Error: RuntimeError: no such board"
    assert second.startswith("GET /boards/7, route /boards/{id:int}, app_of_boards.show at ")
    assert "    return boards[board] + token" in more
    assert "from KeyError: 7" in more
    assert len(more) <= MAX_LINES - 2
    assert answer.text.endswith("\n")


@pytest.mark.parametrize("headers", FORMS)
async def test_it_is_for_nobody_else_and_not_kept(headers: dict[str, str]) -> None:
    answer = await debug(app_of_boards(), "GET", "/boards/7", headers=headers)

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_the_page_allows_its_own_style_and_script_only() -> None:
    app = app_of_boards()
    app.middleware(security_headers(content_security_policy="default-src 'none'"))

    answer = await debug(app, "GET", "/boards/7", headers=BROWSER)
    policy = answer.headers["content-security-policy"]

    for element in ("style", "script"):
        (content,) = re.findall(f"<{element}>(.*?)</{element}>", answer.text, re.DOTALL)
        assert f"{element}-src 'sha256-{b64encode(sha256(content.encode()).digest()).decode()}';" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "form-action 'self'; base-uri 'none'; frame-ancestors 'none'" in policy  # a reload sends a form again


@pytest.mark.parametrize("headers", FORMS)
async def test_head_gets_no_body(headers: dict[str, str]) -> None:
    answer = await debug(app_of_boards(), "HEAD", "/boards/7", headers=headers)

    assert (answer.status, answer.body) == (500, b"")


@pytest.mark.parametrize("headers", FORMS)
async def test_without_debug_nothing_of_it_is_told(headers: dict[str, str]) -> None:
    for target in ("/boards/7", "/bords/7"):
        answer = await ask(app_of_boards(), "GET", target, headers=headers)

        told = f"{answer.text}{answer.headers.items()}"
        assert not any(word in told for word in ("KeyError", "RuntimeError", ".py", "{id", "token", "aiosock"))


@pytest.mark.parametrize("headers", FORMS)
async def test_an_exception_outside_of_all_apps_is_explained_too(headers: dict[str, str]) -> None:
    async def bare(request: Request) -> Response:
        raise ValueError("bare")

    answer = await debug(bare, "GET", "/", headers=headers)

    assert answer.status == 500
    assert all(word in answer.text for word in ("ValueError", "bare", "test_response.py"))


async def test_an_exception_handler_still_decides() -> None:
    app = app_of_boards()

    @app.exception(RuntimeError)
    async def handled(request: Request, error: RuntimeError) -> str:
        return "handled"

    assert (await debug(app, "GET", "/boards/7")).text == "handled"


async def test_a_handler_that_returns_what_it_may_not_is_named() -> None:
    async def seven(request: Request) -> int:
        return 7

    answer = await debug(app_of(seven), "GET", "/")

    assert "a handler must return Response" in answer.text
    assert "seven at " in answer.text


async def test_a_stream_that_fails_after_its_head_is_cut_off() -> None:
    app = App()

    @app.get("/")
    async def stream(request: Request) -> Any:
        yield "first"
        raise ValueError("late")

    async with Client(app, debug=True) as client:
        peer = await client.connect()
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await peer.done()
    assert peer.received.startswith(b"HTTP/1.1 200 OK")
    assert b"late" not in peer.received


async def test_what_middleware_raises_is_explained() -> None:
    app = App()

    @app.middleware
    async def own(request: Request, next: Next) -> Response:
        raise ValueError("in a middleware")

    page = await page_of(app, "/nowhere")

    assert "in a middleware" in page
    assert "own" in page


async def test_a_failure_of_the_page_itself_is_logged_and_shows_that_of_production(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object) -> None:
        raise SystemExit("in the page")

    monkeypatch.setattr("aiosock.web.debug.exceptions._Collector.fill", fail)

    answer = await debug(app_of_boards(), "GET", "/boards/7")

    assert (answer.status, answer.text) == (500, "500 Internal Server Error: The server failed to answer.\n")
    assert "the error could not be shown" in caplog.text


# HTTP errors.


async def test_an_http_error_says_where_it_was_raised() -> None:
    app = failing(HTTPError(403, "Members only.", {"retry-after": "7"}))

    answer = await debug(app, "GET", "/")

    assert (answer.status, answer.headers["retry-after"]) == (403, "7")
    assert answer.text.splitlines()[0] == "403 Forbidden: Members only."
    assert "raise error" in answer.text
    assert "Raised in <code>failing.&lt;locals&gt;.failing_handler</code>" in await page_of(app)


async def test_an_error_that_a_library_raised_says_who_called_it() -> None:
    async def reading(request: Request) -> None:
        await request.json()

    page = await page_of(app_of(reading), "/", "POST")

    assert "<title>415 Unsupported Media Type" in page
    assert "reading</code>, " in page
    assert "Raised below <code>" in page


async def test_an_http_error_of_a_middleware_says_which() -> None:
    app = App()
    app.middleware(csrf())

    answer = await debug(app, "POST", "/", headers={**BROWSER, "sec-fetch-site": "cross-site"})

    assert answer.status == 403
    assert "aiosock/web/middleware/csrf.py" in answer.text
    check(answer.text)


async def test_an_http_error_with_a_cause_shows_it() -> None:
    error = HTTPError(404, "No such thing.")
    error.__cause__ = KeyError("the cause")

    assert "the cause" in await page_of(failing(error))


async def test_a_path_without_a_route_lists_the_nearest() -> None:
    app = app_of_boards()
    admin = App()
    app.mount("/admin", admin)
    app.mount("/static", StaticFiles("."))

    @admin.get("/users")
    async def users(request: Request) -> None: ...

    page = await page_of(app, "/bords/7")
    told = (await debug(app, "GET", "/bords/7", headers=PROGRAM)).json()
    line = (await debug(app, "GET", "/bords/7")).text.splitlines()

    check(page)
    assert page.index("/boards/{id:int}") < page.index("/admin/users")
    assert "/static/..." in page
    assert told["routes"][0]["pattern"] == "/boards/{id:int}"
    assert line[0] == "404 Not Found: Nothing is at /bords/7."
    assert line[2].startswith("  GET  /boards/{id:int}  app_of_boards.show  ")
    assert len(line) <= MAX_LINES


async def test_below_a_mount_the_routes_of_the_whole_tree_are_listed() -> None:
    outer, inner = app_of_boards(), App()
    outer.mount("/in", inner)

    assert "/boards/{id:int}" in (await debug(outer, "GET", "/in/nowhere")).text


async def test_a_handler_that_finds_nothing_lists_no_routes() -> None:
    assert "nearest" not in await page_of(failing(HTTPError(404, "No such board.")))


async def test_a_wrong_method_shows_those_of_the_path() -> None:
    page = await page_of(app_of_boards(), "/boards/7", "PUT")
    answer = await debug(app_of_boards(), "PUT", "/boards/7")

    check(page)
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert "app_of_boards.show" in answer.text
    assert "The path has routes, but none for <code>PUT</code>" in page
    assert "app_of_boards.show" in page


@dataclass
class Item:
    name: str
    price: float
    password: str = ""


def typed_app() -> App:
    app = App()

    @app.post("/items")
    async def create(request: Request, item: Item, *, limit: int = 1, token: int = 1) -> str:
        return item.name

    return app


async def test_what_is_not_valid_is_shown_with_what_arrived() -> None:
    body = {"name": ["<b>"], "price": "free", "password": 1}
    for headers in (BROWSER, PROGRAM):
        answer = await debug(typed_app(), "POST", "/items?limit=many&token=hunter2", json=body, headers=headers)

        assert answer.status == 422
        for shown in ("limit", "many", "#/name", "#/price", "free"):
            assert shown in answer.text
        assert "hunter2" not in answer.text
    errors = answer.json()["errors"]
    assert {"detail": "Expected `int`", "parameter": "limit", "arrived": "'many'"} in errors


async def test_what_is_missing_is_shown_as_nothing() -> None:
    answer = await debug(typed_app(), "POST", "/items", json={}, headers=BROWSER)

    assert "nothing" in answer.text
    assert "create(request: " in re.sub(r"<[^>]+>", "", answer.text)
    check(answer.text)


@pytest.mark.parametrize(
    ("place", "arrived"),
    [
        ({"parameter": "x-number", "in": "header"}, "'many'"),
        ({"parameter": "x-nothing", "in": "header"}, "nothing"),
        ({"parameter": "id", "in": "cookie"}, HIDDEN),
        ({"parameter": "other", "in": "cookie"}, "nothing"),
        ({"parameter": "name", "in": "form"}, "['ada', 'eve']"),
        ({"parameter": "password", "in": "form"}, HIDDEN),
        ({"parameter": "name", "in": "elsewhere"}, "nothing"),
        ({}, "nothing"),
    ],
)
async def test_problems_of_every_place_are_shown(place: dict[str, str], arrived: str) -> None:
    async def handler(request: Request) -> None:
        await request.form()
        raise ValidationError([{"detail": "Odd", **place}])

    headers = {"x-number": "many", "cookie": "id=1", "content-type": "application/x-www-form-urlencoded"}
    answer = await debug(
        app_of(handler), "POST", "/", headers={**PROGRAM, **headers}, body="name=ada&name=eve&password=x"
    )

    assert answer.json()["errors"] == [{"detail": "Odd", **place, "arrived": arrived}]
    check(await page_of(app_of(handler), "/", "POST", **headers))


# Attacks.


class Hostile(Exception):
    __module__ = HOSTILE


Hostile.__qualname__ = HOSTILE


def hostile_values() -> None:
    value = {HOSTILE: HOSTILE}  # noqa: F841 -- it is shown
    names: dict[str, Any] = {"__name__": HOSTILE}
    exec(
        compile("def f(value):\n  raise Hostile(value)\nf(value)", f"/tmp/{HOSTILE}.py", "exec"),
        {**names, **globals(), "value": HOSTILE},
    )


async def test_nothing_that_is_shown_becomes_a_part_of_the_page() -> None:
    app = App()

    @app.get("/{name}")
    async def fail(request: Request, name: str) -> None:
        try:
            hostile_values()
        except Hostile as error:
            error.add_note(HOSTILE)
            raise

    page = await page_of(app, "/%3Cscript%3E?<b>=<i>", **{"x-hostile": HOSTILE, "user-agent": "</style></pre>"})

    check(page)
    assert "<script>alert" not in page
    assert "</style></pre>" not in page


NASTY = "\ud800 \0 \x1b[2J \x9b \u202e \r"


@pytest.mark.parametrize("headers", FORMS)
async def test_what_cannot_be_shown_is_made_visible(headers: dict[str, str]) -> None:
    answer = await debug(failing(ValueError(NASTY)), "GET", "/", headers=headers)

    assert answer.status == 500
    assert not any(character in answer.text for character in "\0\x1b\x9b\u202e") or headers is CURL
    assert not any(character in answer.text for character in "\0\x1b\x9b")


QUOTES = '"' * 10**6
"""Each of them takes six bytes of HTML."""


def many_groups() -> BaseException:
    return ExceptionGroup(QUOTES, [ValueError(QUOTES) for _ in range(10_000)])


def long_chain() -> BaseException:
    error: BaseException = ValueError(QUOTES)
    for _ in range(1000):
        another = ValueError(QUOTES)
        another.__context__ = error
        error = another
    return error


def recursive() -> BaseException:
    def down(depth: int, quotes: str, many: list[int]) -> None:
        if depth % 2:
            down(depth + 1, quotes, many)
        else:
            down(depth + 1, quotes, many)

    try:
        down(0, QUOTES, list(range(10**6)))
    except RecursionError as error:
        return error
    raise AssertionError


def noted() -> BaseException:
    error = ValueError("noted")
    for _ in range(1000):
        error.add_note(QUOTES)
    return error


@pytest.mark.parametrize("make", [many_groups, long_chain, recursive, noted])
@pytest.mark.parametrize("headers", FORMS)
async def test_a_response_has_a_limit_whatever_it_shows(
    make: Callable[[], BaseException], headers: dict[str, str]
) -> None:
    async def handler(request: Request) -> Response:
        return debug_response(make(), request)  # not raised: the log would have all of it

    fields = {**headers, **{f"x-{number}": '"' * 400 for number in range(60)}}

    answer = await ask(app_of(handler), "GET", "/?" + '"' * 4000, headers=fields)

    assert answer.status == 500
    assert len(answer.body) <= MAX_PAGE
    if headers is BROWSER:
        check(answer.text)


@pytest.mark.parametrize("headers", FORMS)
async def test_what_never_returns_does_not_keep_the_page(headers: dict[str, str]) -> None:
    released = threading.Event()

    class Slow:
        def __repr__(self) -> str:
            released.wait()
            return ""

    async def handler(request: Request) -> Response:
        slow = Slow()
        try:
            raise ValueError(f"with {type(slow).__name__}")
        except ValueError as error:
            return debug_response(error, request, seconds=0.01)

    try:
        answer = await ask(app_of(handler), "GET", "/", headers=headers)
        assert (answer.status, "with Slow" in answer.text) == (500, True)
    finally:
        released.set()


# Without a request, as for code that cannot be imported.


def test_an_error_without_a_request_can_be_shown() -> None:
    try:
        compile("def f(:\n", "/srv/app.py", "exec")
    except SyntaxError as error:
        report = report_of(error, status=503)

    page, text, told = html(report), lines(report), problem(report)

    check(page)
    assert "def f(:" in re.sub(r"<[^>]+>", "", page)
    assert text.startswith("503 Service Unavailable: SyntaxError: ")
    assert "/srv/app.py:1" in text
    assert json.loads(json.dumps(told))["status"] == 503


async def test_a_middleware_that_sees_exceptions_does_not_change_the_page() -> None:
    app = app_of_boards()

    @app.middleware
    @sees_exceptions
    async def passing(request: Request, next: Next) -> Response:
        return await next(request)

    answer = await debug(app, "GET", "/boards/7")

    assert answer.text.startswith("500 Internal Server Error: RuntimeError: no such board\n")
