"""Tests of aiosock.net: every wait has an end, on a clock that only a test moves."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from aiosock.config import Limits, Timeouts
from aiosock.web.request import Request
from aiosock.web.response import Response
from tests.net.helpers import (
    CHUNKED_POST,
    GET,
    Endless,
    Gate,
    connection,
    echo,
    fields_of,
    hello,
    post_bytes,
    request_bytes,
    statuses,
)

pytestmark = pytest.mark.usefixtures("quiet")

NO_RATES = Timeouts(body_min_bytes_per_second=0, write_min_bytes_per_second=0)
POST = request_bytes("Content-Length: 1000000", method="POST")


# The head.


async def test_a_connection_without_a_request_ends_without_a_word() -> None:
    async with connection(hello) as (client, peer, _):
        await client.advance(9.9)
        assert not peer.is_closed
        await client.advance(0.1)
        await peer.done()
        assert peer.received == b""
        assert not peer.was_reset


async def test_an_unfinished_head_is_408() -> None:
    async with connection(hello) as (client, peer, _):
        peer.send(GET[:-2])
        await client.advance(9.9)
        assert peer.received == b""
        await client.advance(0.1)
        assert statuses(peer.received) == [408]
        assert b"connection: close" in fields_of(peer.received)
        assert peer.is_closed


async def test_an_empty_line_after_a_request_does_not_make_an_idle_connection_late() -> None:
    async with connection(echo) as (client, peer, _):
        peer.send(post_bytes(b"x") + b"\r\n")
        await peer.response()
        await client.advance(100)
        await peer.done()
        assert statuses(peer.received) == [200]


async def test_a_head_that_drips_in_does_not_push_its_deadline_away() -> None:
    async with connection(hello) as (client, peer, _):
        for byte in b"GET /":
            peer.send(bytes([byte]))
            await client.advance(1.9)
        assert peer.received == b""
        peer.send(b" ")
        await client.advance(1)
        assert statuses(peer.received) == [408]


async def test_the_time_of_a_head_runs_from_its_first_byte() -> None:
    async with connection(hello) as (client, peer, _):
        await client.advance(9)
        peer.send(GET[:5])
        await client.advance(9)
        peer.send(GET[5:])
        assert (await peer.response()).status == 200


async def test_an_idle_connection_is_kept_for_its_time_and_ends_without_a_word() -> None:
    async with connection(hello) as (client, peer, _):
        peer.send(GET)
        await peer.response()
        await client.advance(74.9)
        assert not peer.is_closed
        await client.advance(0.1)
        await peer.done()
        assert statuses(peer.received) == [200]
        assert not peer.was_reset


async def test_every_request_gives_an_idle_connection_its_time_again() -> None:
    async with connection(hello) as (client, peer, _):
        for _ in range(5):
            peer.send(GET)
            assert (await peer.response()).status == 200
            await client.advance(70)
        assert not peer.is_closed


async def test_the_head_of_a_later_request_has_its_own_time() -> None:
    async with connection(hello) as (client, peer, _):
        peer.send(GET)
        await peer.response()
        await client.advance(70)
        peer.send(b"GET")
        await client.advance(9.9)
        assert not peer.is_closed
        await client.advance(0.1)
        assert statuses(peer.received) == [200, 408]


async def test_the_start_of_a_head_behind_another_request_has_its_own_time() -> None:
    gate = Gate()
    async with connection(gate) as (client, peer, _):
        peer.send(GET + b"GET")
        await gate.entered.wait()
        await client.advance(1000)
        gate.open.set()
        await peer.response()
        await client.advance(9.9)
        assert not peer.is_closed
        await client.advance(0.1)
        assert statuses(peer.received) == [200, 408]


async def test_a_request_at_the_very_moment_of_the_deadline_is_answered_or_not_but_ends() -> None:
    async with connection(hello) as (client, peer, _):
        peer.send(GET)
        await peer.response()
        await client.settle()
        client.now += 75
        peer.send(GET)
        client.server.sweep()
        await client.settle()
        assert peer.is_closed or statuses(peer.received) == [200, 200]


async def test_a_request_right_after_the_sweep_has_spoken_is_answered_or_not_but_ends() -> None:
    async with connection(hello) as (client, peer, _):
        peer.send(GET)
        await peer.response()
        await client.settle()
        client.now += 75
        client.server.sweep()
        peer.send(GET)
        await client.settle()
        assert peer.is_closed or statuses(peer.received) == [200, 200]


# The request body.


async def test_a_body_that_stops_is_408() -> None:
    async with connection(echo, timeouts=NO_RATES) as (client, peer, _):
        peer.send(POST + b"start")
        await client.advance(19.9)
        assert peer.received == b""
        await client.advance(0.1)
        assert statuses(peer.received) == [408]
        assert b"connection: close" in fields_of(peer.received)
        assert peer.is_closed


async def test_every_piece_of_a_body_gives_the_next_one_its_time() -> None:
    async with connection(echo, timeouts=NO_RATES) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 10", method="POST"))
        for _ in range(10):
            await client.advance(19)
            peer.send(b"x")
        assert (await peer.response()).body == b"x" * 10


@pytest.mark.parametrize(("bytes_per_second", "served"), [(100, False), (230, False), (250, True), (1000, True)])
async def test_a_body_below_the_minimum_rate_is_408(bytes_per_second: int, served: bool) -> None:
    seconds = 200
    async with connection(echo) as (client, peer, _):
        peer.send(request_bytes(f"Content-Length: {bytes_per_second * seconds}", method="POST"))
        for _ in range(seconds):
            await client.advance(1)
            if not peer.is_closed:
                peer.send(b"x" * bytes_per_second)
        await client.settle()
        assert statuses(peer.received) == [200 if served else 408]


async def test_the_grace_of_a_body_is_used_up_once() -> None:
    async with connection(echo) as (client, peer, _):
        peer.send(POST)
        for _ in range(3):
            await client.advance(2)
            assert not peer.is_closed or client.now > 5
            if not peer.is_closed:
                peer.send(b"x")
        assert statuses(peer.received) == [408]


async def test_a_chunked_body_has_the_same_time() -> None:
    async with connection(echo) as (client, peer, _):
        peer.send(CHUNKED_POST + b"5\r\n")
        await client.advance(4.9)
        assert peer.received == b""
        await client.advance(0.1)
        assert statuses(peer.received) == [408]


async def test_the_time_a_handler_takes_is_not_the_bodys() -> None:
    gate = Gate()

    async def slow(request: Request) -> Response:
        first = await anext(request.body)
        await gate(request)
        pieces = [first, *[piece async for piece in request.body]]
        return Response(b"".join(pieces))

    async with connection(slow) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 6", method="POST", body=b"one"))
        await gate.entered.wait()
        await client.advance(1000)
        gate.open.set()
        await client.advance(4)
        peer.send(b"two")
        assert (await peer.response()).body == b"onetwo"


async def test_a_client_that_waits_for_100_continue_and_sends_nothing_is_408() -> None:
    async with connection(echo) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 4", "Expect: 100-continue", method="POST"))
        await client.advance(5)
        assert statuses(peer.received) == [100, 408]


async def test_a_body_that_is_dropped_before_the_answer_has_two_seconds() -> None:
    async with connection(hello) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 1000", method="POST"))
        await client.advance(1.9)
        assert peer.received == b""
        await client.advance(0.1)
        assert statuses(peer.received) == [200]
        assert peer.is_closed


async def test_a_body_at_the_very_moment_of_the_deadline_gets_one_answer() -> None:
    async with connection(echo) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 4", method="POST"))
        await client.settle()
        client.now += 5
        peer.send(b"body")
        client.server.sweep()
        await client.settle()
        assert statuses(peer.received) in ([200], [408])
        assert peer.is_closed is (statuses(peer.received) == [408])


async def test_a_handlers_own_timeout_is_not_mistaken_for_ours() -> None:
    async def impatient(request: Request) -> Response:
        try:
            async with asyncio.timeout(0):
                await request.read()
        except TimeoutError:
            return Response.text("gave up")
        return Response.text("not reached")

    async with connection(impatient) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 4", method="POST"))
        await client.settle()
        peer.send(b"body" + GET)
        assert (await peer.response()).text == "gave up"
        assert (await peer.response()).text == "not reached"


async def test_our_deadline_is_not_mistaken_for_the_cancellation_of_a_handlers_task_group() -> None:
    async def grouped(request: Request) -> Response:
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(request.read())
        return Response(await reading)

    raised: list[BaseException] = []

    async def handler(request: Request) -> Response:
        try:
            return await grouped(request)
        except* Exception as group:
            raised.extend(group.exceptions)
        return Response.text("too slow", 408)

    async with connection(handler) as (client, peer, _):
        peer.send(POST)
        await client.advance(5)
        assert statuses(peer.received) == [408]
    assert [str(error) for error in raised] == ["408 The body came too slowly."]


# The handler.


async def test_no_deadline_runs_while_a_handler_is_at_work() -> None:
    gate = Gate()
    async with connection(gate) as (client, peer, _):
        peer.send(GET)
        await gate.entered.wait()
        for _ in range(10):
            await client.advance(100_000)
        assert not gate.cancelled
        gate.open.set()
        assert (await peer.response()).status == 200
        assert not peer.is_closed


async def test_no_deadline_of_the_body_is_left_over_when_it_has_been_read() -> None:
    gate = Gate()

    async def reads_then_works(request: Request) -> Response:
        await request.read()
        return await gate(request)

    async with connection(reads_then_works) as (client, peer, _):
        peer.send(request_bytes("Content-Length: 4", method="POST"))
        await client.settle()
        peer.send(b"body")
        await gate.entered.wait()
        await client.advance(100_000)
        gate.open.set()
        assert (await peer.response()).status == 200


async def test_no_deadline_runs_between_the_pieces_of_a_streamed_answer() -> None:
    gates = [Gate(), Gate()]

    async def handler(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            for gate in gates:
                await gate(request)
                yield b"x"

        return Response(pieces())

    async with connection(handler) as (client, peer, _):
        peer.send(GET)
        for gate in gates:
            await gate.entered.wait()
            await client.advance(100_000)
            gate.open.set()
        assert (await peer.response()).body == b"xx"


# The end.


async def test_a_lingering_close_ends_although_the_peer_goes_on_sending() -> None:
    async with connection(hello, limits=Limits(unread_body_bytes=0)) as (client, peer, _):
        peer.send(POST)
        await client.settle()
        assert peer.is_closed
        for _ in range(19):
            peer.send(b"x" * 1000)
            await client.advance(0.1)
        assert client.server.connections == 1
        await client.advance(0.1)
        await peer.done()
        assert client.server.connections == 0


async def test_a_refused_peer_that_stays_is_left_after_the_linger() -> None:
    async with connection(hello) as (client, peer, transport):
        peer.send(b"nonsense\r\n\r\n")
        await client.advance(1.9)
        assert not transport.is_closing()
        await client.advance(0.1)
        await peer.done()


async def test_a_body_behind_a_refused_one_does_not_renew_the_linger() -> None:
    async with connection(echo) as (client, peer, _):
        peer.send(CHUNKED_POST + b"zz\r\n")
        await client.settle()
        assert statuses(peer.received) == [400]
        peer.send(post_bytes(b"x"))
        await client.advance(1.9)
        peer.send(post_bytes(b"x"))
        await client.advance(0.1)
        await peer.done()


# A server that stood still.


@pytest.mark.parametrize("sent", [b"", GET[:9], GET + GET[:9]], ids=["nothing", "half a head", "half a second head"])
async def test_the_time_in_which_the_server_stood_still_does_not_count(sent: bytes) -> None:
    async with connection(hello) as (client, peer, _):
        peer.send(sent)
        await client.settle()
        client.now += 60  # the process is stopped, or a handler blocks the loop
        peer.send(GET if not sent else GET[9:])
        client.server.sweep(late=60)
        await client.settle()
        assert set(statuses(peer.received)) == {200}


async def test_after_a_standstill_deadlines_go_on() -> None:
    async with connection(hello) as (client, peer, _):
        peer.send(GET[:9])
        await client.advance(4)
        client.now += 60
        client.server.sweep(late=60)
        await client.advance(5.9)
        assert not peer.is_closed
        await client.advance(0.1)
        assert (await peer.response()).status == 408


async def test_a_reader_is_not_blamed_for_a_standstill() -> None:
    async with connection(Endless()) as (client, peer, _):
        peer.stall()
        peer.send(GET)
        await client.advance(1)
        client.now += 60
        client.server.sweep(late=60)
        await client.settle()
        assert not peer.was_reset
        await client.advance(5)
        assert peer.was_reset
