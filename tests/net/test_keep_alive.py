"""Tests of aiosock.net.http1: how long a connection lasts, and the order of its answers (RFC 9112 section 9)."""

import asyncio

import pytest

from aiosock.config import Limits
from aiosock.web.request import Request
from aiosock.web.response import Response
from tests.net.helpers import (
    GET,
    Gate,
    answers_to,
    connection,
    fields_of,
    hello,
    is_closed_after,
    request_bytes,
    statuses,
)


@pytest.mark.parametrize(
    ("version", "fields", "persists"),
    [
        ("1.1", (), True),
        ("1.1", ("Connection: keep-alive",), True),
        ("1.1", ("Connection: close",), False),
        ("1.1", ("Connection: CLOSE",), False),
        ("1.1", ("Connection: x, close",), False),
        ("1.1", ("Connection: x", "Connection: close"), False),
        ("1.1", ("Connection: keep-alive, close",), False),
        ("1.1", ("Connection: closed",), True),
        ("1.0", (), False),
        ("1.0", ("Connection: keep-alive",), True),
        ("1.0", ("Connection: x,\tKeep-Alive",), True),
        ("1.0", ("Connection: keep-alive, close",), False),
    ],
)
async def test_the_version_and_the_connection_field_decide_whether_it_persists(
    version: str, fields: tuple[str, ...], persists: bool
) -> None:
    request = request_bytes(*fields, version=version)
    assert await is_closed_after(hello, request) is not persists


async def test_an_answer_says_that_the_connection_will_close() -> None:
    received = await answers_to(hello, request_bytes("Connection: close"))
    assert b"\r\nconnection: close\r\n" in fields_of(received)


async def test_an_answer_to_http_1_0_says_that_the_connection_stays() -> None:
    received = await answers_to(hello, request_bytes("Connection: keep-alive", version="1.0"))
    assert b"\r\nconnection: keep-alive\r\n" in fields_of(received)


async def test_an_answer_to_http_1_1_that_persists_has_no_connection_field() -> None:
    assert b"\r\nconnection:" not in fields_of(await answers_to(hello, GET))


async def test_a_handler_may_ask_for_the_end_of_the_connection() -> None:
    async def goodbye(request: Request) -> Response:
        return Response.text("bye", headers={"Connection": "close"})

    received = await answers_to(goodbye, GET + GET)
    assert statuses(received) == [200]
    assert fields_of(received).count(b"connection: close") == 1


async def test_a_handler_cannot_keep_a_connection_that_must_close() -> None:
    async def stay(request: Request) -> Response:
        return Response.text("stay", headers={"Connection": "keep-alive", "Keep-Alive": "timeout=1000"})

    head = fields_of(await answers_to(stay, request_bytes("Connection: close")))
    assert b"connection: close" in head
    assert b"keep-alive" not in head


async def test_nothing_after_a_request_that_closes_is_processed() -> None:
    received = await answers_to(hello, request_bytes("Connection: close", target="/1") + request_bytes(target="/2"))
    assert received.endswith(b"/1")


async def test_requests_follow_each_other_on_one_connection() -> None:
    async with connection(hello) as (_, peer, _):
        for target in ("/1", "/2", "/3"):
            peer.send(request_bytes(target=target))
            assert (await peer.response()).text == target


async def test_equal_fields_do_not_make_two_requests_equal() -> None:
    async def what(request: Request) -> Response:
        return Response.text(f"{request.method} {request.target} {request.version} {request.headers.get('x')}")

    async with connection(what) as (_, peer, _):
        peer.send(request_bytes("X: 1", target="/1") + request_bytes("X: 1", target="/2", method="PUT"))
        peer.send(request_bytes("X: 2", target="/3"))
        texts = [(await peer.response()).text for _ in range(3)]
    assert texts == ["GET /1 HTTP/1.1 1", "PUT /2 HTTP/1.1 1", "GET /3 HTTP/1.1 2"]


async def test_a_pipeline_of_500_in_one_write_is_answered_in_order() -> None:
    targets = [f"/{number}" for number in range(500)]
    async with connection(hello) as (_, peer, _):
        peer.send(b"".join(request_bytes(target=target) for target in targets))
        assert [(await peer.response()).text for _ in targets] == targets


async def test_a_slow_first_handler_does_not_let_the_second_request_overtake() -> None:
    gate = Gate()
    async with connection(gate) as (client, peer, _):
        peer.send(request_bytes(target="/1") + request_bytes(target="/2"))
        await gate.entered.wait()
        await client.settle()
        assert gate.targets == ["/1"]
        assert peer.received == b""
        gate.open.set()
        assert [(await peer.response()).text for _ in range(2)] == ["/1", "/2"]


async def test_a_pipeline_gives_other_connections_their_turn() -> None:
    served: list[str] = []

    async def note(request: Request) -> Response:
        served.append(request.target)
        return Response.text("")

    async with connection(note) as (client, greedy, _):
        other = await client.connect()
        greedy.send(request_bytes(target="/greedy") * 500)
        other.send(request_bytes(target="/other"))
        await other.response()
        assert served.index("/other") < 100
        other.end()
        await other.done()


async def test_a_request_in_single_bytes_is_one_request() -> None:
    async with connection(hello) as (_, peer, _):
        await peer.drip(request_bytes(target="/drip"))
        assert (await peer.response()).text == "/drip"
        assert statuses(peer.received) == [200]


async def test_a_head_that_starts_in_the_last_segment_is_completed_by_the_next() -> None:
    second = request_bytes(target="/2")
    async with connection(hello) as (client, peer, _):
        peer.send(request_bytes(target="/1") + second[:9])
        assert (await peer.response()).text == "/1"
        await client.settle()
        peer.send(second[9:])
        assert (await peer.response()).text == "/2"


async def test_empty_lines_before_a_request_are_ignored() -> None:
    received = await answers_to(hello, b"\r\n\r\n" + GET + b"\r\n" + GET)
    assert statuses(received) == [200, 200]


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"\r\n\r\n", b"\r"])
async def test_a_connection_that_ends_before_a_request_ends_without_a_word(sent: bytes) -> None:
    async with connection(hello) as (client, peer, _):
        peer.send(sent)
        await client.settle()
        peer.end()
        await peer.done()
        assert peer.received == b""
        assert not peer.was_reset


async def test_a_peer_that_half_closes_still_gets_its_answer() -> None:
    gate = Gate()
    async with connection(gate) as (client, peer, _):
        peer.send(GET)
        peer.end()
        await gate.entered.wait()
        await client.advance(1)
        gate.open.set()
        assert (await peer.response()).status == 200
        await peer.done()
        assert not gate.cancelled
        assert not peer.was_reset


async def test_a_pipeline_whose_sender_has_half_closed_is_answered_to_its_end() -> None:
    assert statuses(await answers_to(hello, GET * 100)) == [200] * 100


async def test_a_pipeline_whose_sender_does_not_read_is_bounded() -> None:
    served = 0
    body = b"x" * 1000

    async def count(request: Request) -> Response:
        nonlocal served
        served += 1
        return Response(body)

    limits = Limits(write_buffer_bytes=8192)
    async with connection(count, limits=limits) as (client, peer, transport):
        peer.stall()
        for _ in range(100):
            peer.send(GET * 100)
            await client.settle()
        assert transport.get_write_buffer_size() < 2 * limits.write_buffer_bytes
        assert served < 20
        assert not transport.is_reading()
        peer.resume()
        for _ in range(200):
            await peer.response()
        assert served >= 200


async def test_a_connection_holds_no_task_after_its_end() -> None:
    before = asyncio.all_tasks()
    assert statuses(await answers_to(hello, GET)) == [200]
    assert asyncio.all_tasks() == before
