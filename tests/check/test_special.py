"""Tests of answers, byte for byte: a status and the state of the connection do not show everything."""

import re

import pytest

from aiosock.check.case import chunked, post, request
from aiosock.testing import Client
from tests.check.app import app


async def answer_to(data: bytes) -> tuple[bytes, bytes]:
    """Return head and body of all answers, as sent, when `data` is sent and the input ends."""
    async with Client(app) as client:
        peer = await client.connect()
        peer.send(data)
        peer.end()
        await peer.done()
        head, _, body = peer.received.partition(b"\r\n\r\n")
        return head, body


def special(path: str, method: str = "GET", version: str = "HTTP/1.1") -> bytes:
    return request(method=method, target=f"/special/{path}", version=version)


def fields(head: bytes) -> list[bytes]:
    return sorted(line for line in head.split(b"\r\n") if not line.startswith(b"Date:"))


async def test_head_has_the_fields_of_get_and_no_body() -> None:
    head, body = await answer_to(special("announced", "HEAD"))

    assert body == b""
    assert fields(head) == fields((await answer_to(special("announced")))[0])


@pytest.mark.parametrize("path", ["nothing", "bodiless", "unchanged"])
async def test_what_has_no_body_has_none(path: str) -> None:
    assert (await answer_to(special(path)))[1] == b""


async def test_an_empty_piece_is_not_the_end_of_a_stream() -> None:
    _, body = await answer_to(special("stream"))

    assert body == b"4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n"


async def test_a_stream_to_http_1_0_is_bare() -> None:
    assert (await answer_to(special("stream", version="HTTP/1.0")))[1] == b"one\ntwo\n"


async def test_trailers_follow_the_last_chunk() -> None:
    assert (await answer_to(special("trailers")))[1] == b"5\r\nhello\r\n0\r\nX-Checksum: 1\r\n\r\n"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("short", b"hell", id="shorter than its length"),
        pytest.param("long", b"hello", id="longer than its length"),
        pytest.param("failure-within", b"f\r\nso far so good\n\r\n", id="a failure within"),
    ],
)
async def test_a_body_that_goes_wrong_ends_visibly_and_ends_the_connection(path: str, body: bytes) -> None:
    async with Client(app) as client:
        peer = await client.connect()
        peer.send(special(path) + special("nothing"))
        await peer.done()

        assert peer.was_reset
        assert peer.received.partition(b"\r\n\r\n")[2] == body
        assert peer.received.count(b"HTTP/1.1 ") == 1
        assert b"0\r\n\r\n" not in peer.received


async def test_a_failing_handler_is_500_without_a_traceback() -> None:
    head, body = await answer_to(special("failure"))

    assert head.startswith(b"HTTP/1.1 500 ")
    assert b"mistake" not in head + body


@pytest.mark.parametrize("inserted", ["a%0D%0AX-Injected:%201", "a%0AX-Injected:%201", "a%0DX-Injected:%201", "a%00"])
async def test_nothing_breaks_out_of_a_field_of_an_answer(inserted: str) -> None:
    head, body = await answer_to(special(f"split?value={inserted}"))

    assert head.startswith(b"HTTP/1.1 500 ")
    assert b"injected" not in (head + body).lower()
    assert b"x-from-the-client" not in head


async def test_answers_come_in_the_order_of_the_requests() -> None:
    sent = [request(target=f"/{number}") for number in range(100)]
    sent[10] = post(b"hello").replace(b" / ", b" /10 ")
    sent[20] = chunked(b"5\r\nhello\r\n0\r\n\r\n").replace(b" / ", b" /20 ")

    async with Client(app) as client:
        peer = await client.connect()
        peer.send(b"".join(sent))
        peer.end()
        await peer.done()

        assert re.findall(rb"http://localhost/(\d+) ", peer.received) == [b"%d" % number for number in range(100)]


@pytest.mark.parametrize(
    ("data", "url"),
    [
        (request(target="/a?b"), b"http://localhost/a?b"),
        (request(target="//evil.example/"), b"http://localhost//evil.example/"),
        (request(target="http://localhost/a"), b"http://localhost/a"),
        (request(target="/http://evil.example/"), b"http://localhost/http://evil.example/"),
        (request("X-Forwarded-Host: evil.example", "Forwarded: host=evil.example"), b"http://localhost/"),
        (request("X-Host: evil.example", "X-Original-URL: /admin"), b"http://localhost/"),
    ],
)
async def test_the_url_is_that_of_target_and_host(data: bytes, url: bytes) -> None:
    assert (await answer_to(data))[1].split(b" ")[1] == url


async def test_every_answer_has_a_date() -> None:
    for path in (
        "nothing",
        "unchanged",
        "stream",
        "announced",
        "refusal",
        "failure",
        "farewell",
        "trailers",
        "early-hints",
    ):
        async with Client(app, raise_exceptions=False) as client:
            assert "date" in (await client.get(f"/special/{path}")).headers
