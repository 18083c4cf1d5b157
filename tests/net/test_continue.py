"""Tests of aiosock.net.http1: 100-continue and other interim answers (RFC 9110 sections 10.1.1 and 15.2)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from aiosock.errors import ResponseError
from aiosock.headers import Headers
from aiosock.web.request import Request
from aiosock.web.response import Response
from tests.net.helpers import (
    Gate,
    answers_to,
    chunks,
    connection,
    echo,
    fields_of,
    hello,
    post_bytes,
    request_bytes,
    statuses,
)

EXPECT = "Expect: 100-continue"
HEAD = request_bytes("Content-Length: 4", EXPECT, method="POST")


async def test_100_continue_is_sent_when_the_handler_first_reads() -> None:
    gate = Gate()

    async def late(request: Request) -> Response:
        await gate(request)
        return await echo(request)

    async with connection(late) as (client, peer, _):
        peer.send(HEAD)
        await gate.entered.wait()
        await client.settle()
        assert peer.received == b""
        gate.open.set()
        await client.settle()
        assert peer.received == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.send(b"body")
        assert (await peer.response()).body == b"body"
        assert not peer.is_closed


async def test_100_continue_is_sent_once() -> None:
    async with connection(echo) as (client, peer, _):
        peer.send(HEAD)
        for byte in (b"b", b"o", b"d", b"y"):
            await client.settle()
            peer.send(byte)
        await peer.response()
        assert statuses(peer.received) == [100, 200]


@pytest.mark.parametrize("expect", ["Expect: 100-Continue", "expect:100-CONTINUE", "Expect:   100-continue  "])
async def test_the_expectation_is_read_without_regard_to_case(expect: str) -> None:
    async with connection(echo) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 4", expect, method="POST"))
        await client.settle()
        assert statuses(peer.received) == [100]


async def test_100_continue_comes_before_a_chunked_body_too() -> None:
    async with connection(echo) as (client, peer, _):
        peer.send(request_bytes("Transfer-Encoding: chunked", EXPECT, method="POST"))
        await client.settle()
        assert statuses(peer.received) == [100]
        peer.send(chunks(b"body"))
        response = await peer.response()
        assert [interim.status for interim in response.interim] == [100]
        assert response.body == b"body"


async def test_a_body_that_is_already_here_needs_no_100_continue() -> None:
    async with connection(echo) as (_, peer, _):
        peer.send(HEAD + b"body")
        await peer.response()
        assert statuses(peer.received) == [200]
        assert not peer.is_closed


async def test_a_refusal_without_reading_is_not_preceded_by_100_continue() -> None:
    async with connection(hello) as (client, peer, _):
        peer.send(HEAD)
        await client.settle()
        assert statuses(peer.received) == [200]


async def test_a_client_that_never_got_its_100_continue_may_send_anything_so_the_connection_closes() -> None:
    async with connection(hello) as (client, peer, _):
        peer.send(HEAD)
        await client.settle()
        assert b"connection: close" in fields_of(peer.received)
        peer.send(b"body" + request_bytes(target="/next"))
        await client.settle()
        assert statuses(peer.received) == [200]
        assert peer.is_closed


async def test_100_continue_is_not_sent_after_the_final_answer_has_begun() -> None:
    async def backwards(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b""
            yield await request.read()

        return Response(pieces())

    async with connection(backwards) as (client, peer, _):
        peer.send(HEAD)
        await client.settle()
        peer.send(b"body")
        assert (await peer.response()).body == b"body"
        assert statuses(peer.received) == [200]


async def test_http_1_0_gets_no_100_continue() -> None:
    async with connection(echo) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 4", EXPECT, method="POST", version="1.0"))
        await client.settle()
        assert peer.received == b""
        peer.send(b"body")
        await peer.closed()
        assert statuses(peer.received) == [200]


async def test_a_request_without_a_body_gets_no_100_continue() -> None:
    assert statuses(await answers_to(echo, post_bytes(b"", EXPECT))) == [200]


async def test_a_body_too_long_to_read_gets_413_instead_of_100_continue() -> None:
    async with connection(echo) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 99999999999", EXPECT, method="POST"))
        await client.settle()
        assert statuses(peer.received) == [413]


@pytest.mark.parametrize("expect", ["Expect: 200-ok", "Expect: 100-continue, x", "Expect: ", "Expect: 100-continue=1"])
async def test_an_unknown_expectation_is_refused_and_the_handler_not_called(expect: str) -> None:
    gate = Gate()
    async with connection(gate) as (client, peer, _):
        peer.send(post_bytes(b"body", expect) + request_bytes())
        await client.settle()
        assert statuses(peer.received) == [417]
        assert b"connection: close" in fields_of(peer.received)
        assert peer.is_closed
        assert gate.targets == []


async def test_interim_answers_come_before_the_final_one_in_order() -> None:
    async def hints(request: Request) -> Response:
        await request.exchange.informational(103, Headers({"Link": "</a.css>; rel=preload"}))
        await request.exchange.informational(102, Headers())
        return Response.text("done")

    async with connection(hints) as (_, peer, _):
        peer.send(request_bytes())
        response = await peer.response()
        assert [interim.status for interim in response.interim] == [103, 102]
        assert response.interim[0].headers["link"] == "</a.css>; rel=preload"
        assert response.text == "done"
        assert not peer.is_closed


async def test_an_interim_answer_is_out_before_the_final_one_is_made() -> None:
    gate = Gate()

    async def hints(request: Request) -> Response:
        await request.exchange.informational(103, Headers({"Link": "</a.css>"}))
        return await gate(request)

    async with connection(hints) as (_, peer, _):
        peer.send(request_bytes())
        await gate.entered.wait()
        assert peer.received == b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
        gate.open.set()
        await peer.response()


async def test_http_1_0_gets_no_interim_answer() -> None:
    async def hints(request: Request) -> Response:
        await request.exchange.informational(103, Headers({"Link": "</a.css>"}))
        return Response.text("done")

    assert statuses(await answers_to(hints, request_bytes(version="1.0"))) == [200]


async def test_an_interim_answer_that_comes_too_late_is_not_sent() -> None:
    late: list[asyncio.Task[None]] = []

    async def hints(request: Request) -> Response:
        async def hint() -> None:
            await gate.open.wait()
            await request.exchange.informational(103, Headers())

        late.append(asyncio.create_task(hint()))
        return Response.text("done")

    gate = Gate()
    async with connection(hints) as (client, peer, _):
        peer.send(request_bytes())
        await peer.response()
        gate.open.set()
        await late[0]
        await client.settle()
        assert statuses(peer.received) == [200]


@pytest.mark.parametrize("status", [99, 101, 200])
async def test_an_interim_answer_has_an_interim_status(status: int) -> None:
    raised: list[ResponseError] = []

    async def wrong(request: Request) -> Response:
        try:
            await request.exchange.informational(status, Headers())
        except ResponseError as error:
            raised.append(error)
        return Response.text("done")

    assert statuses(await answers_to(wrong, request_bytes())) == [200]
    assert str(status) in str(raised[0])
