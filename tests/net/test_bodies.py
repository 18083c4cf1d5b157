"""Tests of aiosock.net.http1: request bodies, streamed with backpressure (RFC 9112 sections 6 and 7)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from aiosock.config import Limits
from aiosock.errors import ProtocolError
from aiosock.web.body import Body
from aiosock.web.exchange import Incoming
from aiosock.web.request import Request
from aiosock.web.response import Response
from tests.net.helpers import (
    CHUNKED_POST,
    GET,
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

NEXT = request_bytes(target="/next")


async def echo_or_target(request: Request) -> Response:
    """Answer a POST with its body, and any other request with its target."""
    return Response(await request.read()) if request.method == "POST" else Response.text(request.target)


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (post_bytes(b"hello"), b"hello"),
        (post_bytes(b""), b""),
        (CHUNKED_POST + chunks(b"hel", b"lo"), b"hello"),
        (CHUNKED_POST + chunks(), b""),
        (CHUNKED_POST + chunks(b"hello", trailers=b"Digest: x\r\n"), b"hello"),
        (post_bytes(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ],
)
class TestABodyAndTheRequestBehindIt:
    async def test_in_one_piece(self, request_: bytes, body: bytes) -> None:
        await self.check([request_ + NEXT], body)

    async def test_split_at_every_point(self, request_: bytes, body: bytes) -> None:
        whole = request_ + NEXT
        for at in range(1, len(whole)):
            await self.check([whole[:at], whole[at:]], body)

    async def test_in_single_bytes(self, request_: bytes, body: bytes) -> None:
        whole = request_ + NEXT
        await self.check([whole[at : at + 1] for at in range(len(whole))], body)

    async def check(self, pieces: list[bytes], body: bytes) -> None:
        async with connection(echo_or_target) as (client, peer, _):
            for piece in pieces:
                peer.send(piece)
                await client.settle()
            assert (await peer.response()).body == body
            assert (await peer.response()).text == "/next"
            assert not peer.is_closed


async def test_a_body_arrives_piece_by_piece() -> None:
    pieces: list[bytes] = []
    received = asyncio.Event()

    async def take(request: Request) -> Response:
        async for piece in request.body:
            pieces.append(piece)
            received.set()
        return Response.text("thanks")

    async with connection(take) as (_, peer, _):
        peer.send(request_bytes("Content-Length: 6", method="POST"))
        for piece in (b"one", b"two"):
            peer.send(piece)
            await received.wait()
            received.clear()
        assert (await peer.response()).text == "thanks"
    assert pieces == [b"one", b"two"]


async def test_a_handler_that_does_not_read_stops_the_reading_from_the_socket() -> None:
    gate = Gate()
    limits = Limits(read_buffer_bytes=4096)
    async with connection(gate, limits=limits) as (client, peer, transport):
        peer.send(request_bytes("Content-Length: 1000000", method="POST"))
        await gate.entered.wait()
        for _ in range(100):
            peer.send(b"x" * 1024)
            await client.settle()
        assert not transport.is_reading()


async def test_a_handler_that_reads_again_starts_the_reading_from_the_socket() -> None:
    gate = Gate()
    length = 100 * 1024

    async def late(request: Request) -> Response:
        await gate(request)
        return Response.text(str(len(await request.read())))

    async with connection(late, limits=Limits(read_buffer_bytes=4096)) as (client, peer, transport):
        peer.send(request_bytes(f"Content-Length: {length}", method="POST"))
        await gate.entered.wait()
        for _ in range(100):
            peer.send(b"x" * 1024)
            await client.settle()
        gate.open.set()
        assert (await peer.response()).text == str(length)
        assert transport.is_reading()


async def test_a_request_without_framing_has_no_body() -> None:
    received = await answers_to(echo_or_target, request_bytes(method="POST") + NEXT)
    assert statuses(received) == [200, 200]
    assert received.endswith(b"/next")


async def test_a_body_can_be_read_before_and_after_the_answer_begins() -> None:
    async def both(request: Request) -> Response:
        first = await anext(request.body)

        async def pieces() -> AsyncIterator[bytes]:
            yield first
            async for piece in request.body:
                yield piece

        return Response(pieces(), headers={"content-type": "text/plain"})

    async with connection(both) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 6", method="POST", body=b"one"))
        await client.settle()
        assert peer.received.endswith(b"3\r\none\r\n")
        peer.send(b"two")
        assert (await peer.response()).body == b"onetwo"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (CHUNKED_POST + b"5\r\nhelloX\r\n0\r\n\r\n", 400),
        (CHUNKED_POST + b"0x5\r\nhello\r\n0\r\n\r\n", 400),
        (CHUNKED_POST + b"5\nhello\r\n0\r\n\r\n", 400),
        (CHUNKED_POST + b"5;a\rb\r\nhello\r\n0\r\n\r\n", 400),
        (CHUNKED_POST + chunks(b"hello", trailers=b"Content-Length: 5\r\n"), 400),
        (CHUNKED_POST + chunks(b"hello", trailers=b"X: 1\r\n" * 101), 431),
        (CHUNKED_POST + b"5;" + b"a" * 40_000 + b"\r\n", 431),
    ],
)
async def test_a_bad_body_gets_its_status_and_the_end_of_the_connection(sent: bytes, status: int) -> None:
    async with connection(echo) as (client, peer, _):
        peer.send(sent + NEXT)
        await client.settle()
        assert statuses(peer.received) == [status]
        assert peer.is_closed
        assert b"connection: close" in fields_of(peer.received)


@pytest.mark.parametrize(
    "sent",
    [
        CHUNKED_POST + chunks(b"x" * 60, b"x" * 60),
        CHUNKED_POST + chunks(b"x" * 60, b"x" * 600),
    ],
)
async def test_a_body_longer_than_allowed_is_413_and_its_end_is_known(sent: bytes) -> None:
    async with connection(echo_or_target, limits=Limits(body_bytes=100)) as (_, peer, _):
        peer.send(sent + NEXT)
        assert (await peer.response()).status == 413
        assert (await peer.response()).text == "/next"


async def test_a_body_that_announces_too_much_is_413_at_once_and_closes() -> None:
    async with connection(echo_or_target, limits=Limits(body_bytes=100)) as (client, peer, _):
        peer.send(post_bytes(b"x" * 101) + NEXT)
        await client.settle()
        assert statuses(peer.received) == [413]
        assert peer.is_closed


async def test_a_chunked_body_without_end_is_413_and_closes() -> None:
    async with connection(echo, limits=Limits(body_bytes=100, unread_body_bytes=1000)) as (client, peer, _):
        peer.send(CHUNKED_POST + b"ffffffffffffffff\r\n" + b"x" * 2000)
        await client.settle()
        assert statuses(peer.received) == [413]
        peer.send(b"x" * 2000)
        await client.settle()
        assert peer.is_closed


async def test_a_longer_body_than_allowed_is_refused_before_it_is_read() -> None:
    async with connection(echo, limits=Limits(body_bytes=100)) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 1000000", method="POST"))
        await client.settle()
        assert statuses(peer.received) == [413]
        assert b"connection: close" in fields_of(peer.received)
        assert peer.is_closed


@pytest.mark.parametrize(
    "sent", [request_bytes("Content-Length: 6", method="POST", body=b"one"), CHUNKED_POST + b"5\r\nhe"]
)
async def test_the_end_of_input_within_a_body_is_400(sent: bytes) -> None:
    received = await answers_to(echo, sent)
    assert statuses(received) == [400]
    assert b"connection: close" in fields_of(received)


async def test_a_handler_that_forgives_a_bad_body_does_not_save_the_connection() -> None:
    async def forgive(request: Request) -> Response:
        try:
            await request.read()
        except ProtocolError:
            return Response.text("never mind")
        return Response.text("fine")

    async with connection(forgive) as (client, peer, _):
        peer.send(CHUNKED_POST + b"zz\r\n" + NEXT)
        await client.settle()
        assert peer.received.endswith(b"never mind")
        assert statuses(peer.received) == [200]
        assert b"connection: close" in fields_of(peer.received)
        assert peer.is_closed


async def test_a_body_whose_handler_gave_up_waiting_is_not_lost() -> None:
    async def impatient(request: Request) -> Response:
        reading = asyncio.ensure_future(request.incoming.receive())
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
        peer.send(b"late")
        return Response(await request.read())

    async with connection(impatient) as (_, peer, _):
        peer.send(request_bytes("Content-Length: 4", method="POST"))
        assert (await peer.response()).body == b"late"
        assert not peer.is_closed


async def test_a_second_task_that_reads_is_refused_and_leaves_the_first_its_deadline() -> None:
    refused: list[str] = []

    async def twice(request: Request) -> Response:
        first = asyncio.create_task(request.read())
        await second.wait()
        try:
            await request.incoming.receive()
        except RuntimeError as error:
            refused.append(str(error))
        return Response(await first)

    second = asyncio.Event()
    async with connection(twice) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 4", method="POST"))
        await client.advance(4)
        second.set()
        await client.settle()
        assert refused == ["another task is already reading the body"]
        await client.advance(1)  # the grace of the first is over
        assert statuses(peer.received) == [408]


async def test_a_body_kept_beyond_the_answer_cannot_read_from_the_connection() -> None:
    kept: list[Body] = []

    async def keep(request: Request) -> Response:
        kept.append(request.body)
        return Response.text(request.target)

    async with connection(keep) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 100", method="POST"))
        await client.advance(2)
        assert (await peer.response()).status == 200
        with pytest.raises(RuntimeError, match="over"):
            await anext(kept[0])
        peer.send(b"x" * 100 + NEXT)
        await client.settle()
        assert statuses(peer.received) == [200]


async def test_a_complete_body_kept_beyond_the_answer_is_at_its_end() -> None:
    kept: list[Incoming] = []

    async def keep(request: Request) -> Response:
        kept.append(request.incoming)
        return Response(await request.read())

    async with connection(keep) as (_, peer, _):
        peer.send(post_bytes(b"body"))
        await peer.response()
        peer.send(b"POST ")
        assert await kept[0].receive() == b""


async def test_a_second_read_of_the_body_gives_the_same_bytes() -> None:
    async def twice(request: Request) -> Response:
        return Response(await request.read() + await request.read())

    received = await answers_to(twice, post_bytes(b"ab"))
    assert received.endswith(b"abab")


async def test_a_body_of_one_byte_chunks_is_read() -> None:
    sent = CHUNKED_POST + chunks(*[b"x"] * 20_000)
    received = await answers_to(echo, sent + GET)
    assert statuses(received) == [200, 200]
    assert received.count(b"x" * 20_000) == 1


async def test_a_bare_handler_needs_no_app() -> None:
    assert (await answers_to(hello, GET)).endswith(b"\r\n\r\n/")
