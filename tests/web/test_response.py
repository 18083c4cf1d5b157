"""Tests of aiosock.web.response."""

from collections.abc import AsyncIterator, Callable
from math import inf, nan
from typing import Any

import pytest

from aiosock import Headers, Request, Response, ResponseError, Upgrade
from aiosock.testing import Client
from aiosock.web.response import Duplex
from tests.web.ask import GET, app_of, ask, ask_raw

TEXT = "text/plain; charset=utf-8"
CONTROLS = ["a\rb", "a\nb", "a\r\nb: c", "a\0b", "a\x7fb", "a\x1b[2J", "\n", "a\r\n\r\n<html>"]


def giving(response: Callable[[], Response]) -> Any:
    """Return an app that answers everything with a new response."""

    async def handler(request: Request) -> Response:
        return response()

    return app_of(handler)


async def pieces(*values: bytes | str) -> AsyncIterator[bytes | str]:
    for value in values:
        yield value


class Pieces:
    """A streamed body that counts how often it was closed; after its pieces it raises `error`."""

    def __init__(self, *values: bytes | str, error: Exception | None = None) -> None:
        self.values = values
        self.error = error
        self.given = 0
        self.closed = 0

    async def __aiter__(self) -> AsyncIterator[bytes | str]:
        for value in self.values:
            self.given += 1
            yield value
        if self.error is not None:
            raise self.error

    async def aclose(self) -> None:
        self.closed += 1


# Creating one.


@pytest.mark.parametrize(
    ("response", "status", "media_type", "body"),
    [
        (Response(), 200, None, b""),
        (Response(b""), 200, None, b""),
        (Response(b"\xff"), 200, "application/octet-stream", b"\xff"),
        (Response("é"), 200, TEXT, "é".encode()),
        (Response("", 201), 201, TEXT, b""),
        (Response("a", headers={"Content-Type": "text/csv"}), 200, "text/csv", b"a"),
        (Response(b"a", headers={"Content-Type": "image/png"}), 200, "image/png", b"a"),
        (Response.text("é", 418), 418, TEXT, "é".encode()),
        (Response.text("a", headers={"content-type": "text/csv"}), 200, "text/csv", b"a"),
        (Response.html("<é>", 202), 202, "text/html; charset=utf-8", "<é>".encode()),
        (Response.json({"é": [1, None]}, 203), 203, "application/json", '{"é":[1,null]}'.encode()),
        (Response.json("a"), 200, "application/json", b'"a"'),
        (Response.json([], headers={"content-type": "a/b+json"}), 200, "a/b+json", b"[]"),
        (Response.redirect("/a"), 303, None, b""),
    ],
)
def test_a_response_is_made(response: Response, status: int, media_type: str | None, body: bytes) -> None:
    assert (response.status, response.headers.get("content-type"), response.body) == (status, media_type, body)


MAKERS: list[Callable[..., Response]] = [
    lambda **options: Response("a", **options),
    lambda **options: Response.text("a", **options),
    lambda **options: Response.html("a", **options),
    lambda **options: Response.json("a", **options),
    lambda **options: Response.redirect("a", **options),
]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("fields", [[("X", "1"), ("x", "2")], Headers([("x", "1"), ("X", "2")])])
def test_a_field_may_come_more_than_once(make: Callable[..., Response], fields: Any) -> None:
    assert make(headers=fields).headers.get_all("x") == ["1", "2"]


@pytest.mark.parametrize("make", MAKERS)
def test_fields_are_copied(make: Callable[..., Response]) -> None:
    fields = {"x": "1"}
    make(headers=fields).headers["x"] = "2"

    assert (fields, make().headers.get("x")) == ({"x": "1"}, None)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("status", [-1, 0, 99, 100, 101, 199, 600, 1000])
def test_a_status_that_ends_no_exchange_is_refused(make: Callable[..., Response], status: int) -> None:
    with pytest.raises(ResponseError, match=f"from 200 to 599, not {status}$"):
        make(status=status)


@pytest.mark.parametrize("body", [None, 1, {"a": 1}, ["a"], iter("a"), bytearray(b"a")])
def test_a_body_of_another_type_is_refused(body: Any) -> None:
    with pytest.raises(TypeError, match=f"not {type(body).__name__}$"):
        Response(body)


@pytest.mark.parametrize("value", [nan, inf, object(), {"a": 1j}, {(1, 2): 3}])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        Response.json(value)


@pytest.mark.parametrize(
    ("response", "shown"),
    [
        (Response("abc"), "<Response 200, 3 bytes>"),
        (Response(pieces(), 201), "<Response 201, streamed>"),
        (Upgrade("echo", lambda duplex: duplex.send(b"")), "<Upgrade to echo>"),
    ],
)
def test_a_response_shows_its_status_and_body(response: Response, shown: str) -> None:
    assert repr(response) == shown


# Response splitting.


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("value", CONTROLS)
def test_a_control_character_in_a_value_is_refused(make: Callable[..., Response], value: str) -> None:
    with pytest.raises(ResponseError, match="not a field value for x: "):
        make(headers={"x": value})


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("name", [*CONTROLS, "", "a b", "a:", "é", " a", "a\t"])
def test_a_name_that_is_no_token_is_refused(make: Callable[..., Response], name: str) -> None:
    with pytest.raises(ResponseError, match="not a field name: "):
        make(headers=[(name, "1")])


@pytest.mark.parametrize("value", CONTROLS)
def test_a_control_character_is_refused_when_a_field_is_set_later(value: str) -> None:
    response = Response()

    with pytest.raises(ResponseError):
        response.headers["x"] = value
    with pytest.raises(ResponseError):
        response.headers.append("x", value)
    assert len(response.headers) == 0


@pytest.mark.parametrize("location", CONTROLS)
def test_a_control_character_in_a_redirect_is_refused(location: str) -> None:
    with pytest.raises(ResponseError, match="not a location: "):
        Response.redirect(location)


@pytest.mark.parametrize("protocol", CONTROLS)
def test_a_control_character_in_an_upgrade_is_refused(protocol: str) -> None:
    with pytest.raises(ResponseError):
        Upgrade(protocol, lambda duplex: duplex.send(b""))


async def test_a_refused_field_leaves_no_trace_on_the_wire() -> None:
    answer = await ask(giving(lambda: Response("a", headers={"x": "1\r\nset-cookie: y"})), "GET", "/")

    assert (answer.status, "x" in answer.headers, "set-cookie" in answer.headers) == (500, False, False)


@pytest.mark.parametrize(
    ("location", "sent"),
    [
        ("/a?b=c&d#e", "/a?b=c&d#e"),
        ("https://example.org/", "https://example.org/"),
        ("/é ü", "/%C3%A9%20%C3%BC"),
        ("/%C3%A9", "/%C3%A9"),
        ('/"<>', "/%22%3C%3E"),
        ("/\u2028\x9b", "/%E2%80%A8%C2%9B"),
        ("", ""),
    ],
)
def test_a_redirect_encodes_what_a_url_cannot_hold(location: str, sent: str) -> None:
    assert Response.redirect(location).headers["location"] == sent


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_may_have_another_status(status: int) -> None:
    assert Response.redirect("/", status).status == status


# On the wire.


async def test_a_body_is_sent_with_its_length() -> None:
    answer = await ask(giving(lambda: Response("é")), "GET", "/")

    assert (answer.headers["content-length"], answer.body) == ("2", "é".encode())


async def test_every_answer_has_a_date() -> None:
    assert (await ask(giving(Response), "GET", "/")).headers["date"].endswith(" GMT")


@pytest.mark.parametrize("field", ["transfer-encoding", "keep-alive", "connection"])
async def test_a_handler_does_not_frame_the_message(field: str) -> None:
    answer = await ask(giving(lambda: Response("a", headers={field: "chunked"})), "GET", "/")

    assert (field in answer.headers, answer.text) == (False, "a")


async def test_a_handler_may_close_the_connection() -> None:
    app = giving(lambda: Response("a", headers={"connection": "close"}))

    assert b"\r\nConnection: close\r\n" in await ask_raw(app, GET)


@pytest.mark.parametrize("response", [lambda: Response("abc"), lambda: Response(pieces("abc"))])
async def test_the_answer_to_head_has_no_body(response: Callable[[], Response]) -> None:
    sent = await ask_raw(giving(response), GET.replace(b"GET", b"HEAD"))

    assert sent.startswith(b"HTTP/1.1 200 ")
    assert sent.endswith(b"\r\n\r\n")
    assert sent.count(b"\r\n\r\n") == 1


async def test_the_answer_to_head_has_the_length() -> None:
    assert (await ask(giving(lambda: Response("abc")), "HEAD", "/")).headers["content-length"] == "3"


async def test_a_handler_may_announce_the_length_that_get_would_have() -> None:
    answer = await ask(giving(lambda: Response(headers={"content-length": "1000"})), "HEAD", "/")

    assert answer.headers["content-length"] == "1000"


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("body", [lambda: "abc", lambda: pieces("abc")])
async def test_an_answer_of_204_or_304_has_neither_body_nor_length(status: int, body: Callable[[], Any]) -> None:
    sent = await ask_raw(giving(lambda: Response(body(), status)), GET)

    assert sent.startswith(b"HTTP/1.1 %d " % status)
    assert sent.endswith(b"\r\n\r\n")
    assert b"abc" not in sent
    assert b"content-length" not in sent.lower()
    assert b"transfer-encoding" not in sent.lower()


async def test_str_and_bytes_can_be_streamed() -> None:
    answer = await ask(giving(lambda: Response(pieces("é", b"", b"\xff", "", "a"))), "GET", "/")

    assert (answer.body, answer.headers["transfer-encoding"]) == (b"\xc3\xa9\xffa", "chunked")


async def test_a_streamed_body_of_known_length_is_not_chunked() -> None:
    answer = await ask(giving(lambda: Response(pieces("ab", "c"), headers={"content-length": "3"})), "GET", "/")

    assert (answer.text, answer.headers["content-length"]) == ("abc", "3")
    assert "transfer-encoding" not in answer.headers


async def test_an_old_client_gets_a_stream_until_the_connection_ends() -> None:
    sent = await ask_raw(giving(lambda: Response(pieces("ab", "c"))), b"GET / HTTP/1.0\r\n\r\n")

    assert sent.endswith(b"\r\n\r\nabc")
    assert b"chunked" not in sent


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [200, 204])
async def test_a_streamed_body_is_closed_once(method: str, status: int) -> None:
    body = Pieces("a", "b")

    await ask(giving(lambda: Response(body, status)), method, "/")

    assert body.closed == 1
    assert body.given == (2 if (method, status) == ("GET", 200) else 0)


# Invalid responses.


@pytest.mark.parametrize("body", ["", "ab", "abcd"])
async def test_a_body_that_denies_its_length_is_an_error(body: str) -> None:
    assert (await ask(giving(lambda: Response(body, headers={"content-length": "3"})), "GET", "/")).status == 500


@pytest.mark.parametrize("length", ["", "+3", "-3", "3, 3", "0x3", "three", "\xb3"])
@pytest.mark.parametrize("body", [lambda: "abc", lambda: pieces("abc")])
async def test_a_length_that_is_none_is_an_error(length: str, body: Callable[[], Any]) -> None:
    app = giving(lambda: Response(body(), headers={"content-length": length}))

    assert (await ask(app, "GET", "/")).status == 500


async def broken(body: Pieces, **headers: str) -> bytes:
    """Return the bytes sent of a streamed answer that fails, after checking that the connection was reset."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    async with Client(giving(lambda: Response(body, headers=fields))) as client:
        peer = await client.connect()
        peer.send(GET + GET)
        await peer.done()
        assert peer.was_reset
        assert body.closed == 1
        return peer.received


async def test_a_failure_within_a_chunked_body_leaves_out_the_last_chunk() -> None:
    sent = await broken(Pieces("abc", error=OSError()))

    assert sent.endswith(b"\r\n\r\n3\r\nabc\r\n")


async def test_a_failure_within_a_body_of_known_length_leaves_it_short() -> None:
    sent = await broken(Pieces("abc", error=OSError()), content_length="5")

    assert sent.endswith(b"\r\n\r\nabc")


async def test_a_streamed_body_shorter_than_its_length_ends_the_connection() -> None:
    sent = await broken(Pieces("ab", "c"), content_length="5")

    assert sent.endswith(b"\r\n\r\nabc")


async def test_a_streamed_body_longer_than_its_length_is_not_sent_beyond_it() -> None:
    sent = await broken(Pieces("ab", "cd", "e"), content_length="3")

    assert sent.endswith(b"\r\n\r\nab")


async def test_a_failing_stream_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    await broken(Pieces("abc", error=OSError("the disk")))

    assert "GET / failed" in caplog.text
    assert "the disk" in caplog.text


# Upgrades.

OFFER = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: other, Echo\r\n\r\n"


async def echo(duplex: Duplex) -> None:
    while data := await duplex.receive():
        await duplex.send(data)


async def test_an_upgrade_takes_the_connection_over() -> None:
    async with Client(giving(lambda: Upgrade("echo", echo, {"x": "1"}))) as client:
        peer = await client.connect()
        peer.send(OFFER + b"early")
        answer = await peer.response()
        assert await peer.receive() == b"early"
        peer.send(b"late")
        assert await peer.receive() == b"late"
        peer.end()
        await peer.done()

    assert (answer.status, answer.headers["upgrade"], answer.headers["x"]) == (101, "echo", "1")
    assert answer.headers["connection"] == "upgrade"


async def test_a_connection_that_was_taken_over_is_never_http_again() -> None:
    async def run(duplex: Duplex) -> None:
        await duplex.send(b"done")

    sent = await ask_raw(giving(lambda: Upgrade("echo", run)), OFFER + OFFER)

    assert sent.endswith(b"\r\n\r\ndone")
    assert sent.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    "request_head",
    [
        pytest.param(GET, id="no offer"),
        pytest.param(OFFER.replace(b"Echo", b"echoes"), id="other offer"),
        pytest.param(OFFER.replace(b"HTTP/1.1", b"HTTP/1.0"), id="HTTP/1.0"),
    ],
)
async def test_an_upgrade_that_the_client_did_not_offer_is_required(request_head: bytes) -> None:
    assert (await ask_raw(giving(lambda: Upgrade("echo", echo)), request_head)).startswith(b"HTTP/1.1 426 ")


def test_half_a_surrogate_pair_is_json_in_ascii() -> None:
    assert Response.json("\ud800").body == b'"\\ud800"'


def test_headers_can_be_replaced() -> None:
    response = Response.text("a")
    response.headers = Headers({"x": "1"})
    assert response.headers.items() == list(response.pairs()) == [("x", "1")]


def test_the_headers_of_one_response_are_not_those_of_another() -> None:
    first, second = Response.text("a"), Response.text("b")
    first.headers["x"] = "1"
    assert second.headers.items() == [("content-type", "text/plain; charset=utf-8")]


# Cookies.


async def test_cookies_are_set_and_deleted_each_in_a_field_of_its_own() -> None:
    def response() -> Response:
        response = Response.text("a", headers={"set-cookie": "mine=1"})
        response.set_cookie("theme", "dark", max_age=60, path="/b", secure=True)
        response.delete_cookie("__Host-old")
        return response

    answer = await ask(giving(response), "GET", "/")

    assert answer.headers.get_all("set-cookie") == [
        "mine=1",
        "theme=dark; Max-Age=60; Path=/b; Secure; HttpOnly; SameSite=Lax",
        "__Host-old=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; Secure; HttpOnly; SameSite=Lax",
    ]


@pytest.mark.parametrize("control", [*CONTROLS, "a; b"])
def test_a_cookie_that_would_be_more_than_one_is_refused_where_it_is_set(control: str) -> None:
    response = Response.text("a")
    attempts: list[Callable[[], None]] = [
        lambda: response.set_cookie(control, "1"),
        lambda: response.set_cookie("a", control),
        lambda: response.set_cookie("a", "1", path=f"/{control}"),
        lambda: response.set_cookie("a", "1", domain=control),
        lambda: response.delete_cookie(control),
        lambda: response.delete_cookie("a", domain=control),
    ]
    for attempt in attempts:
        with pytest.raises(ResponseError):
            attempt()
    assert "set-cookie" not in response.headers
