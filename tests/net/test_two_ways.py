"""Tests of aiosock.net: a handler that reads in one task and writes in another; each wait keeps its deadline."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from aiosock.config import Timeouts
from aiosock.errors import HTTPError
from aiosock.web.request import Request
from aiosock.web.response import Duplex, Response, Upgrade
from tests.net.helpers import Endless, connection, request_bytes, statuses

pytestmark = pytest.mark.usefixtures("quiet")

POST = request_bytes("Content-Length: 1000000", method="POST")


class BothWays:
    """A handler that answers without end while another task reads the body."""

    def __init__(self) -> None:
        self.endless = Endless()
        self.read = 0
        self.refused: list[int] = []

    async def __call__(self, request: Request) -> Response:
        reading = asyncio.create_task(self.reads(request))

        async def pieces() -> AsyncIterator[bytes]:
            try:
                async for piece in self.endless.pieces():
                    yield piece
            finally:
                reading.cancel()
                await asyncio.wait([reading])

        return Response(pieces())

    async def reads(self, request: Request) -> None:
        try:
            async for piece in request.body:
                self.read += len(piece)
        except HTTPError as error:
            self.refused.append(error.status)


async def test_a_body_that_arrives_does_not_excuse_a_peer_that_takes_nothing() -> None:
    handler = BothWays()
    async with connection(handler) as (client, peer, _):
        peer.stall()
        peer.send(POST)
        for _ in range(10):
            await client.advance(0.9)
            if not peer.was_reset:
                peer.send(b"x" * 1000)
        assert handler.read > 0
        assert peer.was_reset


async def test_an_answer_that_is_taken_does_not_excuse_a_body_that_does_not_arrive() -> None:
    handler = BothWays()
    async with connection(handler) as (client, peer, _):
        peer.stall()
        peer.send(POST)
        for _ in range(10):
            await client.advance(0.9)
            peer.take(500_000)
        assert not peer.was_reset
        assert handler.refused == [408]
        assert statuses(peer.received) == [200]


async def test_bytes_that_arrive_do_not_excuse_the_peer_of_an_upgraded_connection_that_takes_nothing() -> None:
    async def flood(duplex: Duplex) -> None:
        async def read() -> None:
            while await duplex.receive():
                pass

        reading = asyncio.create_task(read())
        try:
            while True:
                await duplex.send(b"x" * 100_000)
                await asyncio.sleep(0)
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def upgrade(request: Request) -> Response:
        return Upgrade("x", flood)

    async with connection(upgrade, timeouts=Timeouts(write_idle_seconds=5)) as (client, peer, _):
        peer.stall()
        peer.send(request_bytes("Connection: upgrade", "Upgrade: x"))
        for _ in range(10):
            await client.advance(0.9)
            if not peer.was_reset:
                peer.send(b"ping")
        assert peer.was_reset
