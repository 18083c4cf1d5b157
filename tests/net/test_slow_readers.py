"""Tests of aiosock.net: a peer that reads its answer slowly, or not at all, on a clock that a test moves."""

import pytest

from aiosock.config import Timeouts
from aiosock.errors import Disconnected
from aiosock.web.request import Request
from aiosock.web.response import Duplex, Response, Upgrade
from tests.net.helpers import (
    GET,
    Endless,
    Gate,
    connection,
    hello,
    request_bytes,
)

pytestmark = pytest.mark.usefixtures("quiet")

NO_RATES = Timeouts(body_min_bytes_per_second=0, write_min_bytes_per_second=0)


async def test_a_peer_that_takes_nothing_is_reset() -> None:
    endless = Endless()
    async with connection(endless, timeouts=NO_RATES) as (client, peer, _):
        peer.stall()
        peer.send(GET)
        await client.advance(29.9)
        assert not peer.is_closed
        await client.advance(0.1)
        await peer.done()
        assert peer.was_reset
        assert endless.closed


async def test_a_peer_that_takes_something_now_and_then_is_not_idle() -> None:
    async with connection(Endless(), timeouts=NO_RATES) as (client, peer, _):
        peer.stall()
        peer.send(GET)
        for _ in range(10):
            await client.advance(29)
            peer.take(1)
        assert not peer.was_reset


@pytest.mark.parametrize(("bytes_per_second", "survives"), [(3, False), (200, False), (300, True), (5000, True)])
async def test_a_slow_reader_below_the_minimum_rate_is_reset(bytes_per_second: int, survives: bool) -> None:
    endless = Endless()
    async with connection(endless) as (client, peer, _):
        peer.stall()
        peer.send(GET)
        for _ in range(200):
            await client.advance(1)
            peer.take(bytes_per_second)
        assert peer.was_reset is not survives
        assert endless.closed is not survives


async def test_what_a_peer_took_of_earlier_answers_does_not_excuse_it() -> None:
    endless = Endless()

    async def big_then_endless(request: Request) -> Response:
        return Response(b"x" * 10_000_000) if request.target == "/big" else await endless(request)

    async with connection(big_then_endless) as (client, peer, _):
        peer.send(request_bytes(target="/big"))
        assert len((await peer.response()).body) == 10_000_000
        peer.stall()
        peer.send(GET)
        await client.advance(4.9)
        assert not peer.was_reset
        await client.advance(0.2)
        assert peer.was_reset


async def test_a_big_answer_in_memory_that_is_not_taken_is_reset() -> None:
    async def big(request: Request) -> Response:
        return Response(b"x" * 10_000_000)

    async with connection(big) as (client, peer, _):
        peer.stall()
        peer.send(GET)
        await client.advance(4.9)
        assert not peer.was_reset
        await client.advance(0.2)
        await peer.done()
        assert peer.was_reset


async def test_the_time_a_handler_takes_is_not_the_readers() -> None:
    gate = Gate()

    async def big(request: Request) -> Response:
        await gate(request)
        return Response(b"x" * 10_000_000)

    async with connection(big) as (client, peer, _):
        peer.stall()
        peer.send(GET)
        await gate.entered.wait()
        await client.advance(100_000)
        gate.open.set()
        await client.advance(4.9)
        peer.resume()
        assert len((await peer.response()).body) == 10_000_000


async def test_a_handler_that_writes_hears_that_its_peer_was_too_slow() -> None:
    raised: list[BaseException] = []

    async def writes(request: Request) -> Response:
        async def talk(duplex: Duplex) -> None:
            try:
                await duplex.send(b"x" * 1_000_000)
            except Disconnected as error:
                raised.append(error)
                raise

        return Upgrade("x", talk)

    async with connection(writes) as (client, peer, _):
        peer.stall()
        peer.send(request_bytes("Connection: upgrade", "Upgrade: x"))
        await client.advance(5.1)
        await peer.done()
    assert len(raised) == 1


async def test_a_last_answer_that_is_not_taken_does_not_hold_the_connection() -> None:
    async with connection(hello) as (client, peer, _):
        peer.stall()
        peer.send(request_bytes("Connection: close"))
        await client.advance(4.9)
        assert not peer.was_reset
        await client.advance(0.2)
        await peer.done()
        assert peer.was_reset


async def test_a_refusal_that_is_not_taken_does_not_hold_the_connection() -> None:
    async with connection(hello) as (client, peer, _):
        peer.stall()
        peer.send(b"nonsense\r\n\r\n")
        await client.advance(5.1)
        await peer.done()
        assert peer.was_reset


async def test_nor_does_it_excuse_a_reader_of_a_short_last_answer() -> None:
    async def sized(request: Request) -> Response:
        return Response(b"x" * int(request.path[1:]))

    async with connection(sized) as (client, peer, _):
        peer.send(request_bytes(target="/1000000"))
        await client.settle()
        peer.stall()
        peer.send(request_bytes("Connection: close", target="/50000"))
        for _ in range(60):
            await client.advance(1)
            peer.take(1)
        assert peer.was_reset
