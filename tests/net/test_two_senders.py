"""Tests of aiosock.net: several tasks that send on one connection, and a peer that does not read."""

import asyncio

import pytest

from aiosock.errors import Disconnected
from aiosock.web.request import Request
from aiosock.web.response import Duplex, Response, Upgrade
from tests.net.helpers import connection, request_bytes

pytestmark = pytest.mark.usefixtures("quiet")

SWITCH = request_bytes("Connection: upgrade", "Upgrade: x")


class Senders:
    """A handler that takes the connection over and sends, in tasks that a test starts and cancels."""

    def __init__(self) -> None:
        self.duplex: Duplex | None = None
        self.may_end = asyncio.Event()

    async def __call__(self, request: Request) -> Response:
        return Upgrade("x", self.run)

    async def run(self, duplex: Duplex) -> None:
        self.duplex = duplex
        await self.may_end.wait()

    def send(self, data: bytes) -> asyncio.Task[None]:
        assert self.duplex is not None

        async def send(duplex: Duplex) -> None:
            await duplex.send(data)

        return asyncio.create_task(send(self.duplex))


async def test_a_sender_that_is_cancelled_leaves_the_other_its_deadline() -> None:
    senders = Senders()
    async with connection(senders) as (client, peer, _):
        peer.stall()
        peer.send(SWITCH)
        await client.settle()
        first, second = senders.send(b"a" * 200_000), senders.send(b"b" * 200_000)
        await client.settle()
        first.cancel()
        for _ in range(10):
            await client.advance(1)
        assert peer.was_reset
        with pytest.raises(Disconnected):
            await second


async def test_a_sender_that_comes_later_does_not_excuse_a_peer_that_takes_nothing() -> None:
    senders = Senders()
    async with connection(senders) as (client, peer, _):
        peer.stall()
        peer.send(SWITCH)
        await client.settle()
        tasks = [senders.send(b"a" * 200_000)]
        for _ in range(10):
            await client.advance(0.9)
            if not peer.was_reset:
                tasks.append(senders.send(b"beat"))
        assert peer.was_reset
        for task in tasks:
            with pytest.raises(Disconnected):
                await task
        assert len(tasks) < 8  # the grace is five seconds


async def test_a_peer_that_reads_is_served_however_much_the_others_add() -> None:
    senders = Senders()
    async with connection(senders) as (client, peer, _):
        peer.stall()
        peer.send(SWITCH)
        await client.settle()
        tasks = []
        for _ in range(40):
            tasks.append(senders.send(b"a" * 200_000))
            await client.advance(1)
            peer.take(100_000)  # less than is added, and far above the minimum rate
        assert not peer.was_reset
        peer.resume()
        await asyncio.wait_for(asyncio.gather(*tasks), client.patience)
        assert peer.received.count(b"a") >= 40 * 200_000


async def test_pieces_of_two_senders_do_not_mix() -> None:
    senders = Senders()
    async with connection(senders) as (client, peer, _):
        peer.stall()
        peer.send(SWITCH)
        await client.settle()
        tasks = [senders.send(bytes([letter]) * 100_000) for letter in b"abcd"]
        await client.settle()
        peer.resume()
        await asyncio.wait_for(asyncio.gather(*tasks), client.patience)
        body = peer.received.partition(b"\r\n\r\n")[2]
        assert body == b"".join(bytes([letter]) * 100_000 for letter in b"abcd")


async def test_a_receiver_may_set_a_time_limit() -> None:
    outcome: list[str | bytes] = []

    async def talk(duplex: Duplex) -> None:
        try:
            await duplex.receive(5)
        except TimeoutError:
            outcome.append("timeout")
        outcome.append(await duplex.receive(5))
        outcome.append(await duplex.receive())

    async def switch(request: Request) -> Response:
        return Upgrade("x", talk)

    async with connection(switch) as (client, peer, _):
        peer.send(SWITCH)
        await client.advance(4.9)
        assert outcome == []
        await client.advance(0.1)
        assert outcome == ["timeout"]
        peer.send(b"in time")
        await client.advance(100_000)
        peer.send(b"without a limit")
        await client.settle()
        assert outcome == ["timeout", b"in time", b"without a limit"]


async def test_a_second_receiver_is_refused_and_leaves_the_first_its_deadline() -> None:
    refused: list[str] = []
    timed_out: list[bool] = []

    async def talk(duplex: Duplex) -> None:
        async def first() -> None:
            try:
                await duplex.receive(5)
            except TimeoutError:
                timed_out.append(True)

        task = asyncio.create_task(first())
        await asyncio.sleep(0)
        try:
            await duplex.receive(1000)
        except RuntimeError as error:
            refused.append(str(error))
        await task

    async def switch(request: Request) -> Response:
        return Upgrade("x", talk)

    async with connection(switch) as (client, peer, _):
        peer.send(SWITCH)
        await client.advance(5)
        assert refused == ["another task is already receiving"]
        assert timed_out == [True]
