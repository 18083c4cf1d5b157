"""Tests of aiosock.net.http1: how answers are framed, and errors while they are sent (RFC 9112 sections 6 and 7)."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from aiosock.errors import HTTPError
from aiosock.web.app import App
from aiosock.web.handler import Handler
from aiosock.web.request import Request
from aiosock.web.response import Response
from tests.net.helpers import (
    GET,
    Endless,
    answers_to,
    connection,
    fields_of,
    hello,
    is_closed_after,
    post_bytes,
    request_bytes,
    statuses,
    undated,
)


async def pieces(*parts: bytes | str) -> AsyncIterator[bytes | str]:
    for part in parts:
        yield part


async def streamed(request: Request) -> Response:
    return Response(pieces(b"one", "zwölf", b"", b"three"))


async def measured(request: Request) -> Response:
    return Response(pieces(b"one", b"two"), headers={"Content-Length": "6"})


def body_of(received: bytes) -> bytes:
    return received.partition(b"\r\n\r\n")[2]


# Framing.


async def test_a_body_in_memory_has_its_length() -> None:
    received = await answers_to(hello, GET)
    assert b"\r\ncontent-length: 1\r\n" in fields_of(received)
    assert b"transfer-encoding" not in fields_of(received)


async def test_a_streamed_body_is_chunked() -> None:
    received = await answers_to(streamed, GET)
    assert b"\r\ntransfer-encoding: chunked\r\n" in fields_of(received)
    assert b"content-length" not in fields_of(received)
    assert body_of(received) == "3\r\none\r\n6\r\nzwölf\r\n5\r\nthree\r\n0\r\n\r\n".encode()


async def test_a_streamed_body_with_a_length_is_not_chunked() -> None:
    received = await answers_to(measured, GET)
    assert b"\r\ncontent-length: 6\r\n" in fields_of(received)
    assert b"transfer-encoding" not in fields_of(received)
    assert body_of(received) == b"onetwo"


@pytest.mark.parametrize("fields", [(), ("Connection: keep-alive",)])
async def test_a_streamed_body_for_http_1_0_ends_with_the_connection(fields: tuple[str, ...]) -> None:
    async with connection(streamed) as (_, peer, _):
        peer.send(request_bytes(*fields, version="1.0"))
        await peer.closed()
        assert b"transfer-encoding" not in fields_of(peer.received)
        assert b"\r\nconnection: close\r\n" in fields_of(peer.received)
        assert body_of(peer.received) == "onezwölfthree".encode()
        assert not peer.was_reset


async def test_a_streamed_body_with_a_length_keeps_an_http_1_0_connection() -> None:
    assert not await is_closed_after(measured, request_bytes("Connection: keep-alive", version="1.0"))


async def test_answers_name_our_own_version_whatever_the_request_has() -> None:
    assert (await answers_to(hello, request_bytes(version="1.0"))).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("handler", [hello, measured])
async def test_head_carries_the_length_and_no_body(handler: Handler) -> None:
    got = undated(await answers_to(handler, GET))
    received = undated(await answers_to(handler, request_bytes(method="HEAD") + GET))
    assert fields_of(received) == fields_of(got)
    assert body_of(received) == got


async def test_head_of_a_streamed_body_says_chunked_and_makes_no_piece() -> None:
    endless = Endless()
    received = await answers_to(endless, request_bytes(method="HEAD"))
    assert b"transfer-encoding: chunked" in fields_of(received)
    assert body_of(received) == b""
    assert endless.written == 0


async def test_a_head_handler_may_announce_the_length_that_get_would_have() -> None:
    async def known(request: Request) -> Response:
        return Response(headers={"Content-Length": "12345"})

    received = await answers_to(known, request_bytes(method="HEAD"))
    assert b"content-length: 12345" in fields_of(received)


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_204_and_304_have_neither_body_nor_framing(status: int, method: str) -> None:
    async def bodiless(request: Request) -> Response:
        return Response(b"not sent", status)

    received = await answers_to(bodiless, request_bytes(method=method) * 2)
    assert statuses(received) == [status, status]
    assert b"not sent" not in received
    assert b"content-length" not in fields_of(received)
    assert b"transfer-encoding" not in fields_of(received)


@pytest.mark.parametrize("status", [204, 304])
async def test_a_streamed_204_or_304_makes_no_piece(status: int) -> None:
    endless = Endless()

    async def bodiless(request: Request) -> Response:
        return Response(endless.pieces(), status)

    received = await answers_to(bodiless, GET * 2)
    assert statuses(received) == [status, status]
    assert body_of(received)[:4] == b"HTTP"


async def test_a_handler_cannot_choose_the_framing() -> None:
    async def wrong(request: Request) -> Response:
        return Response.text("x", headers={"Transfer-Encoding": "chunked", "Content-Length": "1"})

    received = await answers_to(wrong, GET)
    assert b"transfer-encoding" not in fields_of(received)
    assert fields_of(received).count(b"content-length") == 1
    assert body_of(received) == b"x"


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 64 * 1024 + 1, 1_000_000])
async def test_a_body_of_any_size_arrives_whole(size: int) -> None:
    async def big(request: Request) -> Response:
        return Response(b"x" * size)

    async with connection(big) as (_, peer, _):
        peer.send(GET * 2)
        assert [len((await peer.response()).body) for _ in range(2)] == [size, size]


async def test_every_answer_has_a_date() -> None:
    received = await answers_to(hello, GET + b"nonsense\r\n\r\n")
    assert statuses(received) == [200, 400]
    assert received.count(b"\r\nDate: ") == 2


async def test_an_answer_has_one_date_whatever_its_handler_sets() -> None:
    async def dated(request: Request) -> Response:
        return Response.text("x", headers={"Date": "Sun, 06 Nov 1994 08:49:37 GMT"})

    received = await answers_to(dated, GET)
    assert received.count(b"Date: ") == 1
    assert b"1994" not in received


# A streamed answer.


async def body() -> AsyncIterator[bytes]:
    yield b"body"


async def test_trailers_follow_the_last_chunk() -> None:
    async def digest(request: Request) -> Response:
        response = Response(body())
        response.trailers = {"Digest": lambda: "abc"}
        return response

    async with connection(digest) as (_, peer, _):
        peer.send(GET * 2)
        for _ in range(2):
            response = await peer.response()
            assert response.body == b"body"
            assert response.trailers["digest"] == "abc"


async def test_trailers_are_left_out_where_there_are_no_chunks() -> None:
    async def digest(request: Request) -> Response:
        response = Response(body(), headers={"Content-Length": "4"})
        response.trailers = {"Digest": lambda: "abc"}
        return response

    assert body_of(await answers_to(digest, GET)) == b"body"


# What goes wrong.


async def test_an_exception_in_a_bare_handler_is_500_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(request: Request) -> Response:
        raise ZeroDivisionError("secret")

    received = await answers_to(broken, GET + GET)
    assert statuses(received) == [500, 500]
    assert b"secret" not in received
    assert "ZeroDivisionError: secret" in caplog.text


async def test_a_handler_that_awaits_a_cancelled_task_has_failed(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(request: Request) -> Response:
        task = asyncio.create_task(asyncio.sleep(0))
        task.cancel()
        await task
        return Response.text("not reached")

    assert statuses(await answers_to(broken, GET + GET)) == [500, 500]
    assert "CancelledError" in caplog.text


async def test_an_http_error_of_a_bare_handler_is_its_answer() -> None:
    async def teapot(request: Request) -> Response:
        raise HTTPError(418, "short and stout", {"X-Pot": "tea"})

    async with connection(teapot) as (_, peer, _):
        peer.send(request_bytes("Accept: application/json"))
        response = await peer.response()
        assert response.status == 418
        assert response.json()["detail"] == "short and stout"
        assert response.headers["x-pot"] == "tea"
        assert not peer.is_closed


@pytest.mark.parametrize(
    "response",
    [
        Response(b"12345", headers={"Content-Length": "4"}),
        Response(b"12345", headers={"Content-Length": "6"}),
        Response(b"", headers={"Content-Length": "5"}),
        Response(b"12345", headers={"Content-Length": "five"}),
        Response(b"12345", headers={"Content-Length": "+5"}),
        Response(b"12345", headers=[("Content-Length", "5"), ("Content-Length", "6")]),
    ],
)
async def test_a_body_that_denies_its_length_is_500_before_anything_is_sent(
    response: Response, caplog: pytest.LogCaptureFixture
) -> None:
    async def wrong(request: Request) -> Response:
        return response

    assert statuses(await answers_to(wrong, GET)) == [500]
    assert "ResponseError" in caplog.text


@pytest.mark.parametrize("parts", [(b"one", b"two"), (b"123456",)])
async def test_a_streamed_body_longer_than_announced_is_cut_there_and_closes(
    parts: tuple[bytes, ...], caplog: pytest.LogCaptureFixture
) -> None:
    async def long(request: Request) -> Response:
        return Response(pieces(*parts), headers={"Content-Length": "5"})

    async with connection(long) as (client, peer, _):
        peer.send(GET + GET)
        await client.settle()
        assert statuses(peer.received) == [200]
        assert len(body_of(peer.received)) < 5
        assert peer.is_closed
    assert "longer than its Content-Length by 1" in caplog.text


async def test_a_streamed_body_shorter_than_announced_closes(caplog: pytest.LogCaptureFixture) -> None:
    async def short(request: Request) -> Response:
        return Response(pieces(b"one"), headers={"Content-Length": "5"})

    async with connection(short) as (client, peer, _):
        peer.send(GET + GET)
        await client.settle()
        assert body_of(peer.received) == b"one"
        assert peer.is_closed
    assert "shorter than its Content-Length by 2" in caplog.text


@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_a_failure_after_the_head_is_seen_as_a_cut(version: str, caplog: pytest.LogCaptureFixture) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"one"
        raise ZeroDivisionError

    async def broken(request: Request) -> Response:
        return Response(breaking())

    async with connection(broken) as (client, peer, _):
        peer.send(request_bytes(version=version) + GET)
        await client.settle()
        assert statuses(peer.received) == [200]
        assert b"0\r\n\r\n" not in peer.received
        assert peer.was_reset
    assert "ZeroDivisionError" in caplog.text


async def test_a_streamed_body_of_the_wrong_type_is_seen_as_a_cut(caplog: pytest.LogCaptureFixture) -> None:
    async def numbers() -> AsyncIterator[bytes]:
        yield 5  # type: ignore[misc]  # the mistake this is about

    async def wrong(request: Request) -> Response:
        return Response(numbers())

    async with connection(wrong) as (client, peer, _):
        peer.send(GET)
        await client.settle()
        assert peer.was_reset
    assert "TypeError" in caplog.text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_streamed_body_is_closed_whether_it_was_sent_or_not(method: str) -> None:
    closed: list[bool] = []

    class Body:
        def __aiter__(self) -> AsyncIterator[bytes | str]:
            return pieces(b"one")

        async def aclose(self) -> None:
            closed.append(True)

    async def handler(request: Request) -> Response:
        return Response(Body())

    await answers_to(handler, request_bytes(method=method))
    assert closed == [True]


async def test_a_body_whose_end_fails_does_not_pass_for_the_next_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def failing() -> AsyncIterator[bytes]:
        try:
            yield b"one"
        finally:
            raise ZeroDivisionError

    async def handler(request: Request) -> Response:
        return Response(failing())

    received = await answers_to(handler, GET + GET)
    assert statuses(received) == [200]
    assert "ZeroDivisionError" in caplog.text


async def test_a_handler_that_returns_no_response_is_500(caplog: pytest.LogCaptureFixture) -> None:
    async def nothing(request: Request) -> Response:
        return None  # type: ignore[return-value]  # the mistake this is about

    assert statuses(await answers_to(nothing, GET)) == [500]
    assert caplog.records[0].levelno == logging.ERROR


async def test_an_app_answers_where_no_route_is() -> None:
    assert statuses(await answers_to(App(), GET + post_bytes(b"x") + request_bytes(method="BREW"))) == [404, 404, 501]


# A peer that reads slower than the handler writes, or as fast.


async def test_a_streamed_answer_waits_while_its_peer_does_not_read() -> None:
    endless = Endless(1024)
    async with connection(endless) as (client, peer, transport):
        peer.stall()
        peer.send(GET)
        for _ in range(100):
            await client.settle()
        stalled_at = endless.written
        assert stalled_at < 100
        assert transport.get_write_buffer_size() < 100 * 1024
        peer.resume()
        await client.settle()
        assert endless.written > stalled_at
        peer.reset()
        await client.advance(1)
        await peer.done()
        assert endless.closed


async def test_an_answer_that_never_waits_leaves_others_their_turn() -> None:
    many = 100_000
    made = 0

    async def handler(request: Request) -> Response:
        async def restless() -> AsyncIterator[bytes]:
            nonlocal made
            while made < many:
                made += 1
                yield b"x"

        return Response(restless()) if request.target == "/restless" else await hello(request)

    async with connection(handler) as (client, peer, _):
        peer.send(request_bytes(target="/restless"))
        other = await client.connect()
        other.send(request_bytes("Connection: close"))
        assert (await other.response()).text == "/"
        await other.done()
        assert 0 < made < many


async def test_an_http_error_of_a_task_in_a_group_keeps_its_status() -> None:
    async def refuse() -> None:
        raise HTTPError(418, "no coffee")

    async def grouped(request: Request) -> Response:
        async with asyncio.TaskGroup() as group:
            group.create_task(refuse())
        return Response()

    assert statuses(await answers_to(grouped, GET)) == [418]


async def test_a_client_that_leaves_is_no_error_of_a_task_group(caplog: pytest.LogCaptureFixture) -> None:
    async def grouped(request: Request) -> Response:
        async with asyncio.TaskGroup() as group:
            group.create_task(request.read())
        return Response()

    async with connection(grouped) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 5", method="POST"))
        await client.settle()
        peer.reset()
        await peer.done()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


SECURE_TARGETS = ["https://a/", "HTTPS://A", "hTTps://a:443/?b"]


@pytest.mark.parametrize("target", SECURE_TARGETS)
async def test_a_bare_handler_is_asked_for_no_https_url_without_tls(target: str) -> None:
    # RFC 9110 section 7.4
    assert statuses(await answers_to(hello, request_bytes(target=target) + GET)) == [421, 200]


@pytest.mark.parametrize("target", ["http://a/", "HTTP://a/https://b/", "/https://a/", "*"])
async def test_a_bare_handler_is_asked_for_every_other_target(target: str) -> None:
    method = "OPTIONS" if target == "*" else "GET"
    assert statuses(await answers_to(hello, request_bytes(method=method, target=target))) == [200]
