"""Tests of aiosock.web.request."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from aiosock import HTTPError, Request
from aiosock.config import Limits
from aiosock.testing import Client
from aiosock.web.multidict import Query
from tests.web.ask import app_of, ask, ask_raw, seen

JSON = {"content-type": "application/json"}


async def outcome(take: Callable[[Request], Awaitable[Any]], body: bytes | str = b"", **headers: str) -> Any:
    """Return what `take` returns for a posted body, or the status and detail of the HTTPError that it raises."""
    values: list[Any] = []

    async def handler(request: Request) -> None:
        try:
            values.append(await take(request))
        except HTTPError as error:
            values.append((error.status, error.detail))

    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    await ask(app_of(handler), "POST", "/", body=body, headers=fields)
    return values[0]


# The parts of a request.


@pytest.mark.parametrize(
    ("look", "value"),
    [
        (lambda request: request.method, "PUT"),
        (lambda request: request.target, "/caf%C3%A9%2Fx/?a=1&b=%C3%A9"),
        (lambda request: request.path, "/café/x/"),
        (lambda request: request.raw_path, "/caf%C3%A9%2Fx/"),
        (lambda request: request.subpath, "/caf%C3%A9%2Fx/"),
        (lambda request: request.params, {"rest": "café/x/"}),
        (lambda request: request.query.items(), [("a", "1"), ("b", "é")]),
        (lambda request: request.version, "HTTP/1.1"),
        (lambda request: request.scheme, "http"),
        (lambda request: request.host, "testserver:81"),
        (lambda request: request.url, "http://testserver:81/caf%C3%A9%2Fx/?a=1&b=%C3%A9"),
        (lambda request: request.client, ("127.0.0.1", 50000)),
        (lambda request: request.client.host, "127.0.0.1"),
        (lambda request: request.headers.get_all("x"), ["2", "1"]),
        (lambda request: request.headers["X"], "2, 1"),
        (lambda request: "y" in request.headers, False),
        (lambda request: request.cookies, {"k": "v"}),
        (lambda request: request.state.__dict__, {}),
        (lambda request: request.shutdown.is_set(), False),
        (lambda request: request.body_limit, None),
        (repr, "<Request PUT /caf%C3%A9%2Fx/?a=1&b=%C3%A9>"),
    ],
)
async def test_a_request_has_what_arrived(look: Callable[[Request], object], value: object) -> None:
    fields = [("Host", "TestServer:81"), ("X", "2"), ("x", "1"), ("Cookie", "k=v")]

    assert await seen(look, "PUT", "/caf%C3%A9%2Fx/?a=1&b=%C3%A9", headers=fields) == value


@pytest.mark.parametrize("name", ["headers", "query", "cookies", "state", "body"])
async def test_what_is_decoded_is_decoded_once(name: str) -> None:
    assert await seen(lambda request: getattr(request, name) is getattr(request, name))


async def version_and_host(request: Request) -> str:
    return f"{request.version} {request.host!r} {request.url}"


@pytest.mark.parametrize(
    ("head", "shown"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 '' http:///"),
        (b"GET / HTTP/1.0\r\nHost: A\r\n\r\n", b"HTTP/1.0 'a' http://a/"),
        (b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", b"HTTP/1.1 '[::1]:80' http://[::1]:80/"),
        (b"GET http://B.example/?c HTTP/1.1\r\nHost: b.example\r\n\r\n", b"HTTP/1.1 'b.example' http://b.example/?c"),
        (b"GET http://b.example/ HTTP/1.1\r\nHost: other\r\n\r\n", b"HTTP/1.1 'b.example' http://b.example/"),
        (b"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", b"HTTP/1.1 'a' http://a/"),
        (b"GET / HTTP/1.1\r\nHost: a;b%2F\r\n\r\n", b"HTTP/1.1 'a;b%2f' http://a;b%2f/"),
        (b"GET //evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 'a' http://a//evil.example/"),
        (b"GET /@evil.example HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 'a' http://a/@evil.example"),
    ],
)
async def test_the_url_is_made_of_host_and_target(head: bytes, shown: bytes) -> None:
    async def handler(request: Request, rest: str) -> str:
        return await version_and_host(request)

    assert (await ask_raw(app_of(handler, "/{rest:path}"), head)).endswith(b"\r\n\r\n" + shown)


@pytest.mark.parametrize(
    ("head", "url"),
    [
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", b"http://a"),
        (b"CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", b"http://b:443"),
    ],
)
async def test_a_target_without_a_path_adds_none_to_the_url(head: bytes, url: bytes) -> None:
    async def handler(request: Request) -> Any:
        raise HTTPError(400, request.url)

    assert (await ask_raw(handler, head)).endswith(b" %b\n" % url)


@pytest.mark.parametrize("host", [b"a/b?c#@d", b"user@a", b"a b", b"a\\b", b"a:99999", b"", b"a\r\nHost: b", b"[::1"])
async def test_a_malformed_host_never_reaches_a_handler(host: bytes) -> None:
    sent = await ask_raw(app_of(version_and_host), b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host)

    assert sent.startswith(b"HTTP/1.1 400 ")


# Query.


@pytest.mark.parametrize(
    ("query", "pairs"),
    [
        ("", []),
        ("?", []),
        ("?a", [("a", "")]),
        ("?a=", [("a", "")]),
        ("?=b", [("", "b")]),
        ("?a=1&a=2", [("a", "1"), ("a", "2")]),
        ("?a=b=c", [("a", "b=c")]),
        ("?a=1;b=2", [("a", "1;b=2")]),
        ("?a+b=%2B+%26", [("a b", "+ &")]),
        ("?%C3%A9=%F0%9F%90%88", [("é", "🐈")]),
        ("?a=%FF&b=%", [("a", "\ufffd"), ("b", "%")]),
        ("?a=1?b=2", [("a", "1?b=2")]),
    ],
)
async def test_a_query_is_read_as_a_form(query: str, pairs: list[tuple[str, str]]) -> None:
    assert await seen(lambda request: request.query.items(), target=f"/{query}") == pairs


def test_a_query_gives_the_first_value_or_all() -> None:
    query = Query([("a", "1"), ("b", ""), ("a", "2")])

    assert (query["a"], query.get("a"), query.get_all("a")) == ("1", "1", ["1", "2"])
    assert (query["b"], query.get("b", "default"), "b" in query, len(query)) == ("", "", True, 3)
    assert list(query) == ["a", "b"]
    assert repr(query) == "Query([('a', '1'), ('b', ''), ('a', '2')])"


def test_a_name_that_a_query_does_not_have_gives_the_default() -> None:
    query = Query([("a", "1")])

    assert (query.get("A"), query.get("b", "default"), query.get_all("b"), "b" in query) == (None, "default", [], False)
    with pytest.raises(KeyError, match="b"):
        query["b"]


def test_what_a_query_gives_is_a_copy() -> None:
    query = Query([("a", "1")])
    query.items().clear()

    assert len(query) == 1


@pytest.mark.parametrize(("pairs", "status"), [(1000, 204), (1001, 400)])
async def test_a_query_has_a_thousand_pairs_at_the_most(pairs: int, status: int) -> None:
    async def handler(request: Request) -> None:
        assert len(request.query) == pairs

    assert (await ask(app_of(handler), "GET", "/?" + "&".join(["a"] * pairs))).status == status


# Cookies.


@pytest.mark.parametrize(
    ("fields", "cookies"),
    [
        ([], {}),
        (["a=1; b=2"], {"a": "1", "b": "2"}),
        (["a=1; a=2"], {"a": "1"}),
        (["a=1", "b=2; a=3"], {"a": "1", "b": "2"}),
        (["=1; a=2"], {"a": "2"}),
        (["=__Host-id=evil; __Host-id=mine"], {"__Host-id": "mine"}),
        (["id; a=1"], {"a": "1"}),
        (['a="1"; b="'], {"a": "1", "b": '"'}),
        (["A=1; a=2"], {"A": "1", "a": "2"}),
        (["a=b=c"], {"a": "b=c"}),
    ],
)
async def test_cookies_are_read_without_one_passing_for_another(fields: list[str], cookies: dict[str, str]) -> None:
    headers = [("cookie", value) for value in fields]

    assert await seen(lambda request: request.cookies, headers=headers) == cookies


# Reading a body.


async def pieces_of(request: Request) -> list[bytes]:
    return [piece async for piece in request.body]


async def test_a_body_is_read_whole() -> None:
    assert await outcome(Request.read, b"\0\xff" * 100_000) == b"\0\xff" * 100_000


async def test_no_body_is_an_empty_one() -> None:
    values = []

    async def handler(request: Request) -> None:
        values.extend([await request.read(), await request.text(), await pieces_of(request)])

    await ask(app_of(handler), "GET", "/")

    assert values == [b"", "", []]


async def test_a_body_read_again_is_the_same() -> None:
    async def twice(request: Request) -> tuple[bytes, str, bytes]:
        return await request.read(), await request.text(), await request.read(1)

    assert await outcome(twice, "abc") == (b"abc", "abc", b"abc")


async def test_a_body_is_iterated_as_it_arrives() -> None:
    async with Client(app_of(pieces_of_as_text)) as client:
        peer = await client.connect()
        await peer.drip(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n" + b"abcdef", 3)
        answer = await peer.response()

    assert "".join(answer.json()) == "abcdef"
    assert len(answer.json()) > 1


async def pieces_of_as_text(request: Request) -> list[str]:
    return [piece.decode() for piece in await pieces_of(request)]


async def test_a_body_is_iterated_once() -> None:
    async def twice(request: Request) -> list[bytes]:
        return await pieces_of(request) + await pieces_of(request)

    assert await outcome(twice, "abc") == [b"abc"]


async def test_a_body_that_has_been_iterated_cannot_be_read() -> None:
    async def late(request: Request) -> str:
        await pieces_of(request)
        with pytest.raises(RuntimeError, match="already been iterated"):
            await request.read()
        return "refused"

    assert await outcome(late, "abc") == "refused"


# Limits.


@pytest.mark.parametrize(
    ("limit", "result"), [(3, b"abc"), (2, (413, "The body is larger than the limit of 2 bytes.")), (0, None)]
)
async def test_a_caller_may_limit_a_body(limit: int, result: object) -> None:
    given = await outcome(lambda request: request.read(limit), "abc")

    assert given == (result or (413, "The body is larger than the limit of 0 bytes."))


async def test_a_caller_may_raise_the_limit() -> None:
    async def handler(request: Request) -> bytes:
        return await request.read(10)

    assert (await ask(app_of(handler, body_limit=2), "POST", "/", body="abc")).text == "abc"


async def answer_to(data: bytes, **options: Any) -> bytes:
    """Return the first answer to bytes after which the client sends no more, but waits."""

    async def handler(request: Request) -> bytes:
        return await request.read()

    async with Client(app_of(handler, **options)) as client:
        peer = await client.connect()
        peer.send(data)
        return await peer.receive()


async def test_a_body_that_announces_too_much_is_refused_before_it_is_read() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 16777217\r\nExpect: 100-continue\r\n\r\n"

    assert (await answer_to(head)).startswith(b"HTTP/1.1 413 ")


async def test_a_body_that_announces_too_much_for_its_route_is_refused_before_it_is_read() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"

    assert (await answer_to(head, body_limit=4)).startswith(b"HTTP/1.1 413 ")


async def test_a_body_that_grows_too_long_is_refused_then() -> None:
    start = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n"

    assert (await answer_to(start, body_limit=4)).startswith(b"HTTP/1.1 413 ")


async def test_a_chunked_body_within_the_limit_is_read() -> None:
    whole = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"

    assert (await answer_to(whole, body_limit=4)).endswith(b"\r\n\r\nabcd")


# Text and JSON.


async def test_text_is_utf_8() -> None:
    assert await outcome(Request.text, "é🐈") == "é🐈"


@pytest.mark.parametrize(("body", "position"), [(b"\xff", 0), (b"abc\xe9", 3), (b"a\xed\xa0\x80", 1), (b"\xc0\xaf", 0)])
async def test_text_that_is_not_utf_8_is_refused_with_its_position(body: bytes, position: int) -> None:
    assert await outcome(Request.text, body) == (400, f"The body is not UTF-8 at byte {position}.")


@pytest.mark.parametrize(
    "media_type", ["application/json", "Application/JSON; charset=utf-8", "application/problem+json", "a/b+JSON ;x=y"]
)
async def test_json_is_read_under_a_json_type(media_type: str) -> None:
    assert await outcome(Request.json, '{"é": [1, 2.5, null]}', content_type=media_type) == {"é": [1, 2.5, None]}


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=application/json",
        "text/plain; application/json",
        "application/jsonp",
        "application/json, text/plain",
        "+json, text/plain",
    ],
)
async def test_json_is_not_read_under_another_type(media_type: str) -> None:
    refused = (415, "The body must have the content type application/json.")

    assert await outcome(Request.json, "{}", content_type=media_type) == refused


@pytest.mark.parametrize(
    ("limits", "body_limit", "status"),
    [
        (Limits(), None, 200),
        (Limits(json_bytes=9), None, 413),
        (Limits(json_bytes=10), None, 200),
        (Limits(body_bytes=9), None, 413),
        (Limits(json_bytes=9), 10, 200),
        (Limits(), 9, 413),
    ],
)
async def test_json_has_a_limit_of_its_own(limits: Limits, body_limit: int | None, status: int) -> None:
    async def handler(request: Request) -> str:
        return str(await request.json())

    app = app_of(handler) if body_limit is None else app_of(handler, body_limit=body_limit)
    async with Client(app, limits=limits) as client:
        assert (await client.post("/", body="[1,2,3,45]", headers=JSON)).status == status


async def test_json_that_was_read_already_may_be_longer() -> None:
    async def handler(request: Request) -> str:
        await request.read(limit=10)
        return str(await request.json())

    async with Client(app_of(handler), limits=Limits(json_bytes=5)) as client:
        assert (await client.post("/", body="[1,2,3]", headers=JSON)).text == "[1, 2, 3]"


async def test_json_is_not_read_without_a_type() -> None:
    assert (await outcome(Request.json, "{}"))[0] == 415


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("", "The body is not JSON: Expecting value at line 1, column 1."),
        ("{\n  'a': 1}", "at line 2, column 3."),
        ("[1, 2", "at line 1, column 6."),
        ("{} {}", "The body is not JSON: Extra data at line 1, column 4."),
        ("nul", "at line 1, column 1."),
        (b'"\xff"', "The body is not UTF-8 at byte 1."),
    ],
)
async def test_malformed_json_is_refused_with_its_position(body: str | bytes, detail: str) -> None:
    status, given = await outcome(Request.json, body, **JSON)

    assert status == 400
    assert given.endswith(detail)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("[" * 100_000, id="nested lists"),
        pytest.param('{"a":' * 100_000, id="nested objects"),
        pytest.param("[" * 100_000 + "]" * 100_000, id="nested and closed"),
        pytest.param("1" * 5000, id="huge number"),
        pytest.param("[-" + "1" * 5000 + "]", id="huge negative number"),
        "NaN",
        "[Infinity]",
        '{"a": -Infinity}',
    ],
)
async def test_json_beyond_reason_is_refused(body: str) -> None:
    status, detail = await outcome(Request.json, body, **JSON)

    assert status == 400
    assert len(detail) < 100


async def test_json_has_the_limit_of_the_body() -> None:
    async def handler(request: Request) -> Any:
        return await request.json()

    answer = await ask(app_of(handler, body_limit=5), "POST", "/", json=[1, 2, 3])

    assert answer.status == 413


# Accept.


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("text/html", "text/html"),
        ("text/plain, text/html;q=0.5", "text/plain"),
        ("*/*", "text/plain"),
        ("", "text/plain"),
    ],
)
async def test_a_request_says_which_media_type_it_prefers(accept: str, chosen: str) -> None:
    assert await seen(lambda request: request.accepts("text/html", "text/plain"), headers={"accept": accept}) == chosen


async def test_a_name_that_is_missing_in_the_query_or_a_form_is_the_clients_mistake() -> None:
    async def handler(request: Request) -> str:
        with pytest.raises(KeyError):
            request.query["b"]
        return f"{request.query['a']} {(await request.form())['a']}"

    app = app_of(handler)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert (await ask(app, "POST", "/?a=1", body="a=2", headers=headers)).text == "1 2"
    missing = await ask(app, "POST", "/?a=1", body="b=2", headers=headers)
    assert (missing.status, missing.text) == (400, "400 Bad Request: The form has no 'a'.\n")
    missing = await ask(app, "POST", "/", body="a=2", headers=headers)
    assert (missing.status, missing.text) == (400, "400 Bad Request: The query has no 'a'.\n")
