"""Tests of aiosock.web.app."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from aiosock import App, Disconnected, HTTPError, ProtocolError, Request, Response, RouteError, Router
from aiosock.testing import Client
from aiosock.web.app import lifespan_of
from aiosock.web.handler import Middleware, Next
from aiosock.web.middleware import proxy_headers
from aiosock.web.routing.pattern import Convertor
from tests.web.ask import BROWSER, GET, PROGRAM, app_of, ask, ask_raw

IMPLEMENTED = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"


async def where(request: Request, **params: Any) -> dict[str, Any]:
    """Return the path that a handler sees, and the part of it below its mount."""
    return {"path": request.path, "subpath": request.subpath, **params}


def app_with(*patterns: str, methods: str = "GET") -> App:
    app = App()
    for pattern in patterns:
        app.route(pattern, [methods])(where)
    return app


def saying(text: str) -> App:
    """Return an app that answers every request with the same text."""

    async def say(request: Request, rest: str) -> str:
        return text

    return app_of(say, "/{rest:path}")


# Methods.


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("POST", 405), ("DELETE", 405), ("PATCH", 405)])
async def test_a_method_without_a_route_is_not_allowed(method: str, status: int) -> None:
    assert (await ask(app_with("/"), method, "/")).status == status


async def test_an_answer_of_405_says_what_is_allowed() -> None:
    app = app_with("/a")
    app.put("/{id}")(where)

    answer = await ask(app, "DELETE", "/a")

    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, PUT")
    assert answer.text == "405 Method Not Allowed: DELETE is not allowed here; GET, HEAD, OPTIONS, PUT are.\n"


async def test_head_has_the_fields_of_get_and_no_body() -> None:
    app = app_with("/")
    get, head = await ask(app, "GET", "/"), await ask(app, "HEAD", "/")

    assert (head.status, head.body) == (200, b"")
    assert dict(head.headers.items()) | {"date": ""} == dict(get.headers.items()) | {"date": ""}


async def test_options_says_what_is_allowed() -> None:
    answer = await ask(app_with("/", methods="POST"), "OPTIONS", "/")

    assert (answer.status, answer.headers["allow"], answer.body) == (204, "OPTIONS, POST", b"")


async def test_a_route_may_answer_options_itself() -> None:
    app = app_with("/")
    app.route("/", ["OPTIONS"])(where)

    assert (await ask(app, "OPTIONS", "/")).status == 200


async def test_options_of_nothing_is_not_found() -> None:
    assert (await ask(app_with("/"), "OPTIONS", "/missing")).status == 404


async def test_options_of_the_server_says_what_is_implemented() -> None:
    answer = await ask(app_with("/"), "OPTIONS", "*")

    assert (answer.status, answer.headers["allow"]) == (204, IMPLEMENTED)


async def test_what_is_implemented_is_extended_by_routes_but_not_by_those_for_any_method() -> None:
    app = app_with("/", methods="BREW")
    app.route("/any", "*")(where)

    assert (await ask(app, "OPTIONS", "*")).headers["allow"] == f"BREW, {IMPLEMENTED}"


@pytest.mark.parametrize("method", ["BREW", "get", "Get", "TRACE", "QUERY", "x" * 100])
@pytest.mark.parametrize("target", ["/", "/missing"])
async def test_an_unknown_method_is_not_implemented(method: str, target: str) -> None:
    assert (await ask(app_with("/"), method, target)).status == 501


async def test_connect_is_not_implemented() -> None:
    assert (await ask(app_with("/"), "CONNECT", "testserver:443")).status == 501


async def test_a_method_that_a_route_names_is_known_everywhere() -> None:
    app = app_with("/")
    app.route("/pot", ["BREW"])(where)

    assert [(await ask(app, "BREW", target)).status for target in ("/pot", "/", "/missing")] == [200, 405, 404]


async def test_a_long_method_is_not_repeated_whole() -> None:
    assert len((await ask(app_with("/"), "M" * 1000, "/")).text) < 100


async def test_a_path_without_a_route_is_not_found() -> None:
    answer = await ask(app_with("/"), "GET", "/m%C3%A9")

    assert (answer.status, answer.text) == (404, "404 Not Found: Nothing is at /mé.\n")


# Mounts.


async def test_a_mounted_app_sees_the_rest_of_the_path() -> None:
    outer = App()
    outer.mount("/api", app_with("/users/{id:int}"))

    answer = await ask(outer, "GET", "/api/users/7")

    assert answer.json() == {"path": "/api/users/7", "subpath": "/users/7", "id": 7}


@pytest.mark.parametrize("target", ["/api", "/api/"])
async def test_the_root_of_a_mounted_app_is_found_with_and_without_its_slash(target: str) -> None:
    outer = App()
    outer.mount("/api", app_with("/"))

    assert (await ask(outer, "GET", target)).json() == {"path": target, "subpath": "/"}


async def test_mounts_nest() -> None:
    outer, middle = App(), App()
    middle.mount("/b", app_with("/c"))
    outer.mount("/a", middle)

    assert (await ask(outer, "GET", "/a/b/c")).json() == {"path": "/a/b/c", "subpath": "/c"}


async def test_a_bare_handler_can_be_mounted() -> None:
    async def handler(request: Request) -> Response:
        return Response.text(f"{request.method} {request.subpath}")

    outer = App()
    outer.mount("/a", handler)

    assert (await ask(outer, "BREW", "/a/b%2Fc")).text == "BREW /b%2Fc"


async def test_the_subpath_is_restored_behind_a_mount() -> None:
    outer = App()
    outer.mount("/a", app_with("/b"))

    @outer.middleware
    async def show(request: Request, next: Next) -> Response:
        await next(request)
        return Response.text(request.subpath)

    assert (await ask(outer, "GET", "/a/b")).text == "/a/b"


async def test_a_mounted_app_answers_its_own_errors() -> None:
    outer, inner = App(), App()
    outer.mount("/a", inner)

    @inner.exception(HTTPError)
    async def inside(request: Request, error: HTTPError) -> str:
        return f"inside: {error.status}"

    assert (await ask(outer, "GET", "/a/missing")).text == "inside: 404"


# Hosts.


def by_host() -> App:
    app = saying("any")
    app.host("example.org", saying("exact"))
    app.host("*.Example.org", saying("below"))
    app.host("[::1]", saying("address"))
    return app


@pytest.mark.parametrize(
    ("host", "text"),
    [
        ("example.org", "exact"),
        ("EXAMPLE.ORG", "exact"),
        ("example.org:8080", "exact"),
        ("example.org.", "exact"),
        ("example.org.:80", "exact"),
        ("www.example.org.", "below"),
        ("www.example.org", "below"),
        ("a.b.example.org:80", "below"),
        ("[::1]", "address"),
        ("[::1]:8080", "address"),
        ("badexample.org", "any"),
        ("example.org.evil.example", "any"),
        ("example.com", "any"),
        ("[::2]", "any"),
    ],
)
async def test_a_host_is_matched_literally(host: str, text: str) -> None:
    assert (await ask(by_host(), "GET", "/", headers={"host": host})).text == text


async def test_the_host_of_the_target_counts() -> None:
    assert (await ask_raw(by_host(), b"GET http://example.org:80/ HTTP/1.1\r\nHost: b\r\n\r\n")).endswith(b"exact")
    assert (await ask_raw(by_host(), b"GET http://example.org/ HTTP/1.0\r\n\r\n")).endswith(b"exact")


async def test_an_https_url_needs_tls() -> None:
    for target in (b"https://a/", b"HTTPS://A", b"hTTps://a:80/?b"):
        received = await ask_raw(app_with("/"), b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)
        assert received.startswith(b"HTTP/1.1 421 ")
    received = await ask_raw(app_with("/"), b"GET http://a/https://b HTTP/1.1\r\nHost: a\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 404 ")


async def test_an_https_url_may_come_through_a_trusted_proxy() -> None:
    # RFC 9110 section 7.4: "Unless the connection is from a trusted gateway".
    app = app_with("/")
    app.middleware(proxy_headers(["127.0.0.1"]))

    data = b"GET https://a/ HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n"
    assert (await ask_raw(app, data)).startswith(b"HTTP/1.1 200 ")


async def test_a_request_without_a_host_is_for_any() -> None:
    assert (await ask_raw(by_host(), b"GET / HTTP/1.0\r\n\r\n")).endswith(b"any")


# URLs.


def test_a_url_is_made_from_a_name_and_parameters() -> None:
    app = app_with("/first")
    app.get("/hello/{name}", name="greeting")(where)

    assert app.url_for("greeting", name="a/b c") == "/hello/a%2Fb%20c"


async def test_a_url_that_was_made_leads_to_its_route() -> None:
    app = app_with("/x/{name}")

    assert (await ask(app, "GET", app.url_for("where", name="ü/%41?#"))).json()["name"] == "ü/%41?#"


def test_a_url_for_an_included_route_has_its_prefix() -> None:
    router, app = Router("/users"), App()
    router.get("/{id:int}", name="user")(where)
    app.include(router, "/api")

    assert app.url_for("user", id=7) == "/api/users/7"


def test_a_url_for_an_unknown_name_is_refused() -> None:
    with pytest.raises(RouteError, match="no route is named 'missing'"):
        app_with("/").url_for("missing")


def test_a_url_for_a_convertor_of_the_app_is_one_that_it_takes() -> None:
    app = App()
    app.convertors["even"] = Convertor("[0-9]*[02468]", int)
    app.get("/{number:even}", name="even")(where)

    assert app.url_for("even", number=4) == "/4"
    with pytest.raises(RouteError, match="number='5'"):
        app.url_for("even", number=5)


def test_a_url_for_wrong_parameters_is_refused() -> None:
    with pytest.raises(RouteError, match=r"'/\{name\}' does not take the parameters \['id'\]"):
        app_with("/{name}").url_for("where", id=7)


# The path with or without a slash at its end.


@pytest.mark.parametrize(
    ("pattern", "target", "location"),
    [
        ("/a", "/a/", "/a"),
        ("/a/", "/a", "/a/"),
        ("/a/", "/a?b=c&d", "/a/?b=c&d"),
        ("/{name}", "/%C3%A9/", "/%C3%A9"),
        ("/{name}", "/a%2Fb/", "/a%2Fb"),
        # Redirects that would lead to another host.
        ("//{name}", "//evil.example/", "/evil.example"),
        ("//{name}/", "//evil.example", "/evil.example/"),
        ("/{name}", "/\\evil.example/", "/evil.example"),
        ("/{a}/{b}", "/\\/evil.example/", "/evil.example"),
        ("///{name}", "///evil.example/", "/evil.example"),
    ],
)
async def test_the_other_slash_is_a_redirect_on_the_same_host(pattern: str, target: str, location: str) -> None:
    answer = await ask(app_with(pattern), "GET", target)

    assert (answer.status, answer.headers["location"]) == (308, location)


@pytest.mark.parametrize("target", ["/b/", "//a/", "/a//", "/a%2F"])
async def test_there_is_no_redirect_to_what_is_not_there(target: str) -> None:
    assert (await ask(app_with("/a"), "GET", target)).status == 404


async def test_there_is_no_redirect_for_another_method() -> None:
    assert (await ask(app_with("/a"), "POST", "/a/")).status == 404


async def test_a_redirect_below_a_mount_stays_below_it() -> None:
    outer = App()
    outer.mount("/api", app_with("/a"))

    assert (await ask(outer, "GET", "/api/a/")).headers["location"] == "/api/a"


# Middleware.


def noting(notes: list[str], name: str) -> Middleware:
    async def middleware(request: Request, next: Next) -> Response:
        notes.append(f"{name} in")
        response = await next(request)
        notes.append(f"{name} out {response.status}")
        return response

    return middleware


async def test_the_first_middleware_is_the_outermost() -> None:
    app, notes = app_with("/"), list[str]()
    app.middleware(noting(notes, "first"))
    app.middleware(noting(notes, "second"))

    await ask(app, "GET", "/")

    assert notes == ["first in", "second in", "second out 200", "first out 200"]


def test_registering_a_middleware_gives_it_back() -> None:
    middleware = noting([], "")

    assert App().middleware(middleware) is middleware


async def test_a_middleware_may_answer_alone() -> None:
    app, notes = app_with("/"), list[str]()

    @app.middleware
    async def refuse(request: Request, next: Next) -> Response:
        return Response.text("no", 403)

    app.middleware(noting(notes, "inner"))

    assert ((await ask(app, "GET", "/")).status, notes) == (403, [])


async def test_a_middleware_hands_things_to_handlers() -> None:
    app = App()

    @app.middleware
    async def identify(request: Request, next: Next) -> Response:
        request.state.user = "ann"
        return await next(request)

    @app.get("/")
    async def handler(request: Request) -> str:
        return str(request.state.user)

    assert (await ask(app, "GET", "/")).text == "ann"


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [("GET", "/missing", 404), ("PUT", "/", 405), ("BREW", "/", 501), ("GET", "/a/", 308)],
)
async def test_a_middleware_sees_the_answers_that_no_route_gave(method: str, target: str, status: int) -> None:
    app, notes = app_with("/", "/a"), list[str]()
    app.middleware(noting(notes, "m"))

    await ask(app, method, target)

    assert notes == ["m in", f"m out {status}"]


@pytest.mark.parametrize(("error", "status"), [(HTTPError(418), 418), (KeyError("k"), 500)])
async def test_a_middleware_sees_what_a_handlers_error_became(error: Exception, status: int) -> None:
    async def handler(request: Request) -> None:
        raise error

    app, notes = app_of(handler), list[str]()
    app.middleware(noting(notes, "m"))

    assert (await ask(app, "GET", "/")).status == status
    assert notes == ["m in", f"m out {status}"]


@pytest.mark.parametrize(("error", "status"), [(HTTPError(401), 401), (KeyError("k"), 500)])
async def test_what_a_middleware_raises_is_answered(error: Exception, status: int) -> None:
    app = app_with("/")

    @app.middleware
    async def fail(request: Request, next: Next) -> Response:
        raise error

    assert (await ask(app, "GET", "/")).status == status


async def test_what_an_inner_middleware_raises_is_an_answer_to_the_outer_one() -> None:
    app, notes = App(), list[str]()
    app.middleware(noting(notes, "outer"))

    @app.middleware
    async def failing(request: Request, next: Next) -> Response:
        raise HTTPError(401)

    assert (await ask(app, "GET", "/")).status == 401
    assert notes == ["outer in", "outer out 401"]


async def test_what_a_middleware_raises_has_the_exception_handlers() -> None:
    app = app_with("/")

    @app.middleware
    async def fail(request: Request, next: Next) -> Response:
        raise KeyError

    @app.exception(KeyError)
    async def answer(request: Request, error: KeyError) -> str:
        return "answered"

    assert (await ask(app, "GET", "/")).text == "answered"


@pytest.mark.parametrize("target", ["/", "/7"])
async def test_what_is_written_into_the_parameters_is_not_seen_by_the_next_request(target: str) -> None:
    app = app_with("/", "/{id:int}")

    @app.middleware
    async def add(request: Request, next: Next) -> Response:
        response = await next(request)
        request.params["more"] = "seen"
        return response

    async with Client(app) as client:
        first, second = await client.get(target), await client.get(target)

    assert (first.status, first.json()) == (200, second.json())


async def test_a_middleware_wraps_mounts_and_hosts() -> None:
    app, notes = App(), list[str]()
    app.mount("/a", saying("mount"))
    app.host("example.org", saying("host"))
    app.middleware(noting(notes, "m"))

    await ask(app, "GET", "/a")
    await ask(app, "GET", "/", headers={"host": "example.org"})

    assert notes == ["m in", "m out 200"] * 2


async def test_a_middleware_after_the_first_request_is_refused() -> None:
    app = app_with("/")
    await ask(app, "GET", "/")

    with pytest.raises(RouteError, match="before the first request"):
        app.middleware(noting([], ""))


# Exceptions.


class Missing(LookupError): ...


async def name_of(request: Request, error: Exception) -> str:
    return type(error).__name__


def failing(error: Exception) -> App:
    async def handler(request: Request) -> None:
        raise error

    return app_of(handler)


def answering(kind: str) -> Callable[[Request, Exception], Awaitable[object]]:
    async def answer(request: Request, error: Exception) -> object:
        return f"{kind} answers {type(error).__name__}"

    return answer


@pytest.mark.parametrize(
    ("error", "kinds", "answer"),
    [
        (Missing(), [Missing], "Missing"),
        (Missing(), [LookupError], "LookupError"),
        (Missing(), [Exception, LookupError, Missing], "Missing"),
        (Missing(), [Exception, LookupError], "LookupError"),
        (KeyError(), [LookupError, Missing], "LookupError"),
        (HTTPError(404), [HTTPError], "HTTPError"),
        (ProtocolError(400), [HTTPError], "HTTPError"),
        (ExceptionGroup("one", [KeyError()]), [ExceptionGroup], "ExceptionGroup"),
        (ExceptionGroup("two", [HTTPError(404), KeyError()]), [HTTPError, ExceptionGroup], "ExceptionGroup"),
    ],
)
async def test_the_handler_of_the_nearest_class_answers(
    error: Exception, kinds: list[type[Exception]], answer: str
) -> None:
    app = failing(error)
    for kind in kinds:
        app.exception(kind)(answering(kind.__name__))

    assert (await ask(app, "GET", "/")).text == f"{answer} answers {type(error).__name__}"


GROUPED = [
    ExceptionGroup("one", [HTTPError(409, "Taken.")]),
    ExceptionGroup("outer", [ExceptionGroup("inner", [HTTPError(409, "Taken.")])]),
]


@pytest.mark.parametrize("error", GROUPED)
async def test_an_error_that_is_alone_in_a_group_keeps_its_status(error: Exception) -> None:
    assert (await ask(failing(error), "GET", "/")).text == "409 Conflict: Taken.\n"
    app = failing(error)
    app.exception(HTTPError)(name_of)
    assert (await ask(app, "GET", "/")).text == "HTTPError"

    async def fails_too(request: Request, failure: KeyError) -> None:
        raise error

    app = failing(KeyError())
    app.exception(KeyError)(fails_too)
    assert (await ask(app, "GET", "/")).status == 409


@pytest.mark.parametrize("others", [[KeyError()], [HTTPError(404)]])
async def test_an_error_among_others_is_a_failure(others: list[Exception]) -> None:
    app = failing(ExceptionGroup("several", [HTTPError(409), *others]))
    assert (await ask(app, "GET", "/")).status == 500


async def test_an_error_in_a_task_group_keeps_its_status() -> None:
    async def check() -> None:
        raise HTTPError(403)

    async def handler(request: Request) -> str:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(check())
            tasks.create_task(request.disconnected())
        return "all"

    async with Client(app_of(handler)) as client:
        assert [(await client.get("/")).status for _ in range(2)] == [403, 403]


async def test_a_client_that_leaves_during_a_task_group_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    app = failing(ExceptionGroup("one", [Disconnected()]))

    async with Client(app) as client:
        peer = await client.connect()
        peer.send(GET)
        await peer.done()
    assert "failed" not in caplog.text


async def test_a_handler_for_every_exception_is_not_for_answers() -> None:
    app = failing(HTTPError(404))
    app.exception(Exception)(answering("Exception"))

    assert (await ask(app, "GET", "/")).text == "404 Not Found\n"


async def test_the_handler_of_another_class_does_not_answer() -> None:
    app = failing(LookupError())
    app.exception(Missing)(name_of)

    assert (await ask(app, "GET", "/")).status == 500


async def test_the_answers_that_no_route_gave_have_exception_handlers_too() -> None:
    app = app_with("/")

    @app.exception(HTTPError)
    async def answer(request: Request, error: HTTPError) -> Response:
        return Response.html(f"<h1>{error.status}</h1>", error.status)

    statuses = [
        (await ask(app, method, target)).body for method, target in [("GET", "/x"), ("PUT", "/"), ("BREW", "/")]
    ]

    assert statuses == [b"<h1>404</h1>", b"<h1>405</h1>", b"<h1>501</h1>"]


async def test_an_exception_handler_may_raise_another_answer() -> None:
    app = failing(KeyError("k"))

    @app.exception(KeyError)
    async def translate(request: Request, error: KeyError) -> None:
        raise HTTPError(404, "No such thing.")

    assert (await ask(app, "GET", "/")).text == "404 Not Found: No such thing.\n"


async def test_an_exception_handler_that_fails_is_answered_500(caplog: pytest.LogCaptureFixture) -> None:
    app, notes = failing(KeyError("k")), list[str]()
    app.middleware(noting(notes, "m"))

    @app.exception(KeyError)
    async def fail(request: Request, error: KeyError) -> None:
        raise OSError("in the handler")

    assert (await ask(app, "GET", "/")).status == 500
    assert notes == ["m in", "m out 500"]
    assert "in the handler" in caplog.text


async def test_an_exception_handler_cannot_answer_a_peer_that_has_left() -> None:
    answered = []
    app = failing(Disconnected("gone"))

    @app.exception(Exception)
    async def answer(request: Request, error: Exception) -> None:
        answered.append(error)

    assert (await ask_raw(app, GET), answered) == (b"", [])


async def test_a_peer_that_leaves_an_exception_handler_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    app = failing(KeyError())

    @app.exception(KeyError)
    async def answer(request: Request, error: KeyError) -> None:
        raise Disconnected("gone")

    assert await ask_raw(app, GET) == b""
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_an_unexpected_error_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    await ask(failing(KeyError("the key")), "GET", "/?x")

    records = [record for record in caplog.records if record.levelno == logging.ERROR]

    assert [(record.name, record.getMessage()) for record in records] == [("aiosock.app", "GET /?x failed")]
    assert "the key" in caplog.text


async def test_an_http_error_is_not_logged_as_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    await ask(failing(HTTPError(404)), "GET", "/")

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("headers", [{}, PROGRAM, BROWSER])
async def test_an_unexpected_error_shows_nothing_of_itself(headers: dict[str, str]) -> None:
    answer = await ask(failing(KeyError("the key")), "GET", "/", headers=headers)

    assert answer.status == 500
    assert not any(word in answer.text for word in ("the key", "KeyError", "Traceback", ".py"))


@pytest.mark.parametrize("headers", [{}, PROGRAM, BROWSER])
async def test_an_unexpected_error_is_explained_in_debug_mode(headers: dict[str, str]) -> None:
    async with Client(failing(KeyError("the key")), debug=True, raise_exceptions=False) as client:
        answer = await client.get("/", headers=headers)

    assert answer.status == 500
    assert all(word in answer.text for word in ("KeyError", "the key", "test_app.py", "raise error"))


# Lifespan.


def living(notes: list[str], name: str) -> App:
    app = App()

    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        notes.append(f"{name} up")
        try:
            yield
        finally:
            notes.append(f"{name} down")

    return app


async def test_the_lifespan_is_held_open_around_requests() -> None:
    notes: list[str] = []
    app = living(notes, "app")

    @app.get("/")
    async def handler(request: Request) -> None:
        notes.append("request")

    await ask(app, "GET", "/")

    assert notes == ["app up", "request", "app down"]


async def test_the_lifespan_may_be_an_async_context_manager() -> None:
    app = App()

    @app.lifespan
    @asynccontextmanager
    async def lifespan(app: App) -> AsyncIterator[None]:
        app.state.ready = "yes"
        yield

    @app.get("/")
    async def handler(request: Request) -> str:
        return str(app.state.ready)

    assert (await ask(app, "GET", "/")).text == "yes"


async def test_what_is_mounted_lives_within_what_it_is_mounted_in() -> None:
    notes: list[str] = []
    outer, mounted, hosted = (living(notes, name) for name in ("outer", "mounted", "hosted"))
    outer.mount("/a", mounted)
    outer.host("example.org", hosted)

    async with lifespan_of(outer):
        notes.append("serving")

    assert notes == ["outer up", "mounted up", "hosted up", "serving", "hosted down", "mounted down", "outer down"]


async def test_an_app_that_is_mounted_twice_lives_once() -> None:
    notes: list[str] = []
    outer, inner = App(), living(notes, "inner")
    outer.mount("/a", inner)
    outer.mount("/b", inner)
    outer.host("example.org", inner)

    async with lifespan_of(outer):
        pass

    assert notes == ["inner up", "inner down"]


async def test_a_failing_start_ends_what_has_started() -> None:
    notes: list[str] = []
    outer, failing_app = living(notes, "outer"), App()
    outer.mount("/a", living(notes, "first"))
    outer.mount("/b", failing_app)
    outer.mount("/c", living(notes, "never"))

    @failing_app.lifespan
    def lifespan(app: App) -> AbstractAsyncContextManager[None]:
        raise OSError("no database")

    with pytest.raises(OSError, match="no database"):
        async with Client(outer):
            notes.append("serving")
    assert notes == ["outer up", "first up", "first down", "outer down"]


async def test_a_bare_handler_has_an_empty_lifespan() -> None:
    async def handler(request: Request) -> Response:
        return Response()

    async with lifespan_of(handler):
        assert (await ask(handler, "GET", "/")).status == 200


async def test_several_lifespans_are_entered_in_order_and_left_in_reverse() -> None:
    notes: list[str] = []
    app = living(notes, "first")

    @app.lifespan
    async def second(app: App) -> AsyncIterator[None]:
        notes.append("second up")
        yield
        notes.append("second down")

    async with lifespan_of(app):
        pass

    assert notes == ["first up", "second up", "second down", "first down"]


async def test_a_router_brings_its_lifespan_once() -> None:
    notes: list[App] = []
    app, router = App(), Router("/a")

    @router.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        notes.append(app)
        yield

    app.include(router)
    app.include(router, "/b")

    async with lifespan_of(app):
        pass

    assert notes == [app]


async def test_the_longest_of_two_host_patterns_decides() -> None:
    app = App()
    for name in ("*.example", "*.a.example"):
        app.host(name, answering_with(name))

    answer = await ask(app, "GET", "/", headers={"host": "www.a.example"})

    assert answer.text == "*.a.example"


async def test_middleware_changes_an_answer_of_its_own() -> None:
    app = App()
    given_to_all = Response.text("hello")

    @app.middleware
    async def mark(request: Request, next: Next) -> Response:
        response = await next(request)
        response.body = b"changed"
        response.headers.append("x-mark", "1")
        return response

    @app.middleware
    async def close(request: Request, next: Next) -> Response:
        return given_to_all if request.path == "/closed" else await next(request)

    @app.exception(KeyError)
    async def missing(request: Request, error: KeyError) -> Response:
        return given_to_all

    @app.get("/")
    async def home(request: Request) -> Response:
        return given_to_all

    @app.get("/missing")
    async def fail(request: Request) -> Response:
        raise KeyError

    for target in ("/", "/", "/closed", "/closed", "/missing"):
        answer = await ask(app, "GET", target)
        assert (answer.body, answer.headers.get_all("x-mark")) == (b"changed", ["1"])
    assert (given_to_all.body, given_to_all.headers.items()) == (
        b"hello",
        [("content-type", "text/plain; charset=utf-8")],
    )


def answering_with(text: str) -> Callable[[Request], Awaitable[Response]]:
    async def handler(request: Request) -> Response:
        return Response.text(text)

    return handler


async def test_handlers_are_asked_for_paths_that_are_text_only() -> None:
    async def named(request: Request, name: str = "") -> Response:
        return Response.text(request.path)

    app, below = App(), App()
    app.get("/routes/{name}")(named)
    app.mount("/bare", named)
    app.mount("/below", below)
    app.host("bare.example", named)
    below.get("/{name}")(named)
    for path in ("/routes/", "/bare/", "/below/", "/nowhere/", "/"):
        refused = await ask(app, "GET", f"{path}%ff")
        assert (refused.status, refused.text) == (400, "400 Bad Request: The percent-decoded path is not UTF-8.\n")
    assert (await ask(app, "GET", "/%ff", headers={"host": "bare.example"})).status == 400
    assert (await ask(named, "GET", "/%ff")).status == 400
    for path in ("/routes/%C3%A9", "/bare/%C3%A9", "/below/%C3%A9"):
        assert (await ask(app, "GET", path)).text == path.replace("%C3%A9", "é")


async def test_middleware_sees_every_path_as_text() -> None:
    app, seen = App(), []

    @app.middleware
    async def look(request: Request, next: Next) -> Response:
        seen.append(request.path)
        return await next(request)

    assert (await ask(app, "GET", "/%c3%a9%ff")).status == 400
    assert seen == ["/é\ufffd"]
