"""Tests of aiosock.net.http1: a body that the handler did not read, and the lingering close (RFC 9112 section 9.6)."""

import pytest

from aiosock.config import Limits
from aiosock.web.request import Request
from aiosock.web.response import Response
from tests.net.helpers import CHUNKED_POST, chunks, connection, fields_of, hello, post_bytes, request_bytes, statuses

LIMITS = Limits(unread_body_bytes=1000)
NEXT = request_bytes(target="/next")
SMUGGLED = request_bytes(target="/smuggled")


@pytest.mark.parametrize("body", [b"x" * 1000, SMUGGLED])
async def test_a_short_unread_body_is_dropped_and_the_connection_kept(body: bytes) -> None:
    async with connection(hello, limits=LIMITS) as (_, peer, _):
        peer.send(post_bytes(body) + NEXT)
        assert [(await peer.response()).text for _ in range(2)] == ["/", "/next"]
        assert not peer.is_closed


async def test_a_short_unread_chunked_body_is_dropped_and_the_connection_kept() -> None:
    async with connection(hello, limits=LIMITS) as (_, peer, _):
        peer.send(CHUNKED_POST + chunks(SMUGGLED, b"x" * 100, trailers=b"X: 1\r\n") + NEXT)
        assert [(await peer.response()).text for _ in range(2)] == ["/", "/next"]


MALFORMED = (b"2\r\nzz\r\n0\r\nContent-Length: 5\r\n\r\n", b"2\r\nzz\r\nzz\r\n", b"zz\r\n")


@pytest.mark.parametrize("body", MALFORMED)
@pytest.mark.parametrize("cut", [0, 3, 7, 100])
async def test_keep_alive_is_promised_only_when_the_whole_body_is_known_to_be_in_order(body: bytes, cut: int) -> None:
    # A proxy sends somebody else's request on a connection that was promised to stay.
    async with connection(hello, limits=LIMITS) as (client, peer, _):
        peer.send(CHUNKED_POST + body[:cut])
        await client.settle()
        peer.send(body[cut:] + NEXT)
        await client.settle()
        assert b"connection: close" in fields_of(peer.received)
        assert statuses(peer.received) == [200]
        assert peer.is_closed


@pytest.mark.parametrize("arrived", [0, 1, 999])
async def test_a_body_that_does_not_arrive_in_two_seconds_ends_the_connection_and_the_answer_says_so(
    arrived: int,
) -> None:
    async with connection(hello, limits=LIMITS) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 1000", method="POST", body=b"x" * arrived))
        await client.advance(1.9)
        assert peer.received == b""
        await client.advance(0.1)
        assert b"connection: close" in fields_of(peer.received)
        peer.send(b"x" * (1000 - arrived) + NEXT)
        await client.settle()
        assert statuses(peer.received) == [200]
        assert peer.is_closed


async def test_a_short_unread_body_may_arrive_a_little_later() -> None:
    async with connection(hello, limits=LIMITS) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 1000", method="POST"))
        for _ in range(10):
            await client.advance(0.1)
            peer.send(b"x" * 100)
        peer.send(NEXT)
        assert [(await peer.response()).text for _ in range(2)] == ["/", "/next"]


async def test_a_client_that_sends_a_body_nobody_asked_for_is_read_for_four_seconds_whatever_it_sends() -> None:
    async with connection(hello) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 200000", method="POST"))
        for _ in range(39):
            peer.send(b"x" * 1300)
            await client.advance(0.1)
        assert statuses(peer.received) == [200]
        await client.advance(0.1)
        await peer.done()


async def test_half_of_a_body_read_and_the_rest_dropped_leaves_the_connection_in_order() -> None:
    async def half(request: Request) -> Response:
        if request.method == "POST":
            await anext(request.body)
        return Response.text(request.target)

    async with connection(half, limits=LIMITS) as (_, peer, _):
        peer.send(request_bytes("Content-Length: 1000", method="POST", body=b"x" * 1000) + NEXT)
        assert [(await peer.response()).text for _ in range(2)] == ["/", "/next"]


async def test_a_long_unread_body_ends_the_connection_and_the_answer_says_so() -> None:
    async with connection(hello, limits=LIMITS) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 1001", method="POST"))
        await client.settle()
        assert statuses(peer.received) == [200]
        assert b"connection: close" in fields_of(peer.received)
        assert peer.is_closed
        assert not peer.was_reset


async def test_a_long_unread_chunked_body_ends_the_connection() -> None:
    async with connection(hello, limits=LIMITS) as (client, peer, _):
        peer.send(CHUNKED_POST + chunks(*[b"x" * 600] * 200) + NEXT)
        await client.settle()
        assert statuses(peer.received) == [200]
        assert peer.is_closed


async def test_a_malformed_unread_body_gets_no_second_answer() -> None:
    async with connection(hello, limits=LIMITS) as (client, peer, _):
        peer.send(CHUNKED_POST + b"zz\r\n" + NEXT)
        await client.settle()
        assert statuses(peer.received) == [200]
        assert peer.is_closed


@pytest.mark.parametrize(
    "sent",
    [
        request_bytes("Content-Length: 2000", method="POST", body=SMUGGLED * 10),
        request_bytes("Content-Length: 2000", "Connection: close", method="POST", body=SMUGGLED * 10),
        request_bytes("Content-Length: 2000", "Expect: 100-continue", method="POST", body=SMUGGLED * 10),
        CHUNKED_POST + b"1000\r\n" + SMUGGLED * 50,
    ],
)
async def test_bytes_of_an_unread_body_are_never_a_request(sent: bytes) -> None:
    targets: list[str] = []

    async def note(request: Request) -> Response:
        targets.append(request.target)
        return Response.text("")

    async with connection(note, limits=LIMITS) as (client, peer, _):
        peer.send(sent)
        await client.settle()
        assert targets == ["/"]


async def test_a_lingering_close_reads_on_so_that_the_answer_is_not_lost_to_a_reset() -> None:
    async with connection(hello, limits=LIMITS) as (client, peer, transport):
        peer.send(request_bytes("Content-Length: 1000000", method="POST"))
        await client.settle()
        assert transport.ended
        for _ in range(100):
            peer.send(b"x" * 10_000)
            await client.settle()
        assert not transport.is_closing()
        peer.end()
        await peer.done()
        assert not peer.was_reset


async def test_a_peer_that_asked_for_the_end_is_waited_for_while_its_body_was_not_read() -> None:
    async with connection(hello, limits=LIMITS) as (client, peer, transport):
        peer.send(request_bytes("Content-Length: 11", "Connection: close", method="POST", body=b"x" * 10))
        await client.settle()
        assert statuses(peer.received) == [200]
        assert not transport.is_closing()  # the peer may still send
        peer.end()
        await peer.done()


async def test_a_peer_that_asked_for_the_end_without_a_body_is_closed_at_once() -> None:
    async with connection(hello, limits=LIMITS) as (client, peer, transport):
        peer.send(request_bytes("Connection: close"))
        await client.settle()
        assert transport.is_closing()
        await peer.done()


async def test_the_peer_that_resets_while_its_body_is_dropped_is_let_go() -> None:
    async with connection(hello, limits=LIMITS) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 1000", method="POST"))
        await client.settle()
        peer.reset()
        await peer.done()
        assert peer.received == b""


async def test_the_input_that_ends_while_a_body_is_dropped_ends_the_connection() -> None:
    async with connection(hello, limits=LIMITS) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 1000", method="POST"))
        await client.settle()
        peer.end()
        await peer.done()
        assert statuses(peer.received) == [200]
