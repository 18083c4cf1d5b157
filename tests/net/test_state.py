"""Tests of aiosock.net: what a connection tells of itself when somebody asks."""

import asyncio
import sys
from collections.abc import AsyncIterator
from math import inf

import pytest

from aiosock.config import Config, Timeouts
from aiosock.net.protocol import ConnectionState
from aiosock.net.server import Server
from aiosock.observe import RequestRecord
from aiosock.testing import Client
from aiosock.web.request import Request
from aiosock.web.response import Duplex, Response, Upgrade
from tests.net.helpers import Gate, connection, echo, hello, post_bytes, request_bytes

TIMES = Timeouts()


def state_of(client: Client) -> ConnectionState:
    """Return what the one connection tells."""
    (served,) = client.server.served
    return served.state()


async def test_an_idle_connection_waits_for_a_request() -> None:
    async with connection(hello) as (client, peer, _):
        client.server.service.observe([Notes()])  # or nobody would count
        state = state_of(client)
        assert (state.doing, state.waits_for, state.deadline) == ("idle", "its first request", TIMES.head_seconds)
        assert (state.protocol, state.requests, state.sent) == ("HTTP/1.1", 0, 0)
        peer.send(request_bytes() * 2)
        await client.settle()
        state = state_of(client)
        assert (state.doing, state.waits_for, state.deadline) == ("idle", "its next request", TIMES.keep_alive_seconds)
        assert (state.requests, state.sent) == (2, len(peer.received))


async def test_a_head_that_has_begun_has_a_deadline() -> None:
    async with connection(hello) as (client, peer, _):
        peer.send(b"GET / HT")
        await client.settle()
        state = state_of(client)
        assert (state.doing, state.waits_for) == ("reading a head", "the rest of the head")
        assert state.deadline == TIMES.head_seconds


async def test_a_handler_that_is_at_work_waits_for_nothing_of_its_client() -> None:
    gate = Gate()
    async with connection(gate) as (client, peer, _):
        peer.send(request_bytes(version="1.0"))
        await gate.entered.wait()
        state = state_of(client)
        assert (state.doing, state.waits_for, state.deadline) == ("running the handler", "", inf)
        assert state.protocol == "HTTP/1.0"
        assert state.deadline == inf


async def test_a_handler_that_reads_waits_for_the_body() -> None:
    async with connection(echo) as (client, peer, _):
        peer.send(post_bytes(b"body")[:-1])
        await client.settle()
        state = state_of(client)
        assert (state.doing, state.waits_for) == ("running the handler", "the body of the request")
        assert state.deadline < inf


async def test_a_response_waits_for_a_client_that_does_not_read() -> None:
    async def large(request: Request) -> Response:
        return Response(b"x" * 10_000_000)

    async with connection(large) as (client, peer, _):
        peer.stall()
        peer.send(request_bytes())
        await client.settle()
        state = state_of(client)
        assert (state.doing, state.waits_for) == ("sending the response", "the client to take bytes")
        assert state.deadline < inf


async def test_a_streamed_response_is_being_sent() -> None:
    gate = Gate()

    async def handler(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"first"
            await gate(request)

        return Response(pieces())

    async with connection(handler) as (client, peer, _):
        peer.send(request_bytes())
        await gate.entered.wait()
        assert state_of(client).doing == "sending the response"
        gate.open.set()


async def test_a_connection_may_have_left_http() -> None:
    gate = Gate()

    async def handler(request: Request) -> Response:
        async def run(duplex: Duplex) -> None:
            await gate(request)

        return Upgrade("echo", run)

    async with connection(handler) as (client, peer, _):
        peer.send(request_bytes("Connection: upgrade", "Upgrade: echo"))
        await gate.entered.wait()
        state = state_of(client)
        assert (state.protocol, state.doing) == ("upgraded", "speaking another protocol")
        gate.open.set()


async def test_the_end_of_a_connection_waits_for_the_client_to_close() -> None:
    async def handler(request: Request) -> Response:
        return Response("bye", headers={"connection": "close"})

    async with connection(handler) as (client, peer, _):
        peer.send(request_bytes())
        await client.settle()
        state = state_of(client)
        assert (state.doing, state.waits_for) == ("ending", "the client to close")
        assert state.deadline == TIMES.linger_seconds


async def test_a_connection_that_was_reset_is_closing() -> None:
    gate = Gate()
    async with connection(gate) as (client, peer, _):
        peer.send(request_bytes())
        await gate.entered.wait()
        (served,) = client.server.served
        peer.reset()
        assert served.state().doing == "closing"


@pytest.mark.parametrize("observed", [False, True])
async def test_the_requests_under_way_are_told(observed: bool) -> None:
    gate = Gate()
    async with connection(gate) as (client, peer, _):
        (served,) = client.server.served
        assert list(served.under_way) == []
        if observed:
            client.server.service.observe([Notes()])
        peer.send(request_bytes(target="/x"))
        await gate.entered.wait()
        (exchange,) = served.under_way
        assert (exchange.request is not None) is observed
        assert exchange.task is served.state().task
        gate.open.set()
        await peer.response()
        assert exchange.request is None


class Notes:
    """An observer that asks for more."""

    wants_details = True

    def __init__(self) -> None:
        self.ended: list[RequestRecord] = []

    def began(self, record: RequestRecord) -> None: ...

    def finished(self, record: RequestRecord) -> None:
        self.ended.append(record)


async def test_an_observer_may_ask_for_the_time_and_the_fields_of_an_answer() -> None:
    async def handler(request: Request) -> Response:
        client.now += 2
        return Response(pieces(), headers={"x-a": "b"})

    async def pieces() -> AsyncIterator[bytes]:
        client.now += 3
        yield b"x"

    notes = Notes()
    async with connection(handler) as (client, peer, _):
        client.server.service.observe([notes])
        peer.send(request_bytes())
        await peer.response()
    (record,) = notes.ended
    assert (record.handled - record.began, record.seconds) == (2, 5)
    assert dict(record.fields) == {"x-a": "b"}


async def test_the_kernel_tells_what_has_arrived() -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux tells")
    gate = Gate()
    async with Server(gate, Config(port=0, access_log=False)) as server:
        listening = server.listeners[0].url.rpartition(":")[2]
        _, writer = await asyncio.open_connection("127.0.0.1", int(listening))
        writer.write(request_bytes())
        await gate.entered.wait()
        (served,) = server.served
        assert served.state().received == len(request_bytes())
        gate.open.set()
        writer.close()
        await writer.wait_closed()
