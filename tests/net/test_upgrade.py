"""Tests of aiosock.net.http1: connections that leave HTTP (RFC 9110 section 7.8)."""

import pytest

from aiosock.web.request import Request
from aiosock.web.response import Duplex, Response, Upgrade
from tests.net.helpers import (
    GET,
    answers_to,
    connection,
    request_bytes,
    statuses,
)

UPGRADE = ("Connection: upgrade", "Upgrade: lines")


async def shout(duplex: Duplex) -> None:
    while data := await duplex.receive():
        await duplex.send(data.upper())


async def upgrade(request: Request) -> Response:
    return Upgrade("lines", shout)


async def test_an_upgrade_hands_the_bytes_over() -> None:
    async with connection(upgrade) as (_, peer, _):
        peer.send(request_bytes(*UPGRADE) + b"early ")
        response = await peer.response()
        assert response.status == 101
        assert response.headers["upgrade"] == "lines"
        assert response.headers["connection"] == "upgrade"
        assert await peer.receive() == b"EARLY "
        peer.send(b"late")
        assert await peer.receive() == b"LATE"
        peer.end()
        await peer.done()
        assert not peer.was_reset


async def test_the_body_of_a_request_to_upgrade_is_not_the_new_protocols() -> None:
    async with connection(upgrade) as (_, peer, _):
        peer.send(request_bytes(*UPGRADE, "Content-Length: 5") + b"hello" + b"shouted")
        assert (await peer.response()).status == 101
        assert await peer.receive() == b"SHOUTED"


async def test_bytes_after_an_upgrade_are_never_a_request() -> None:
    received = await answers_to(upgrade, request_bytes(*UPGRADE) + GET)
    assert statuses(received) == [101]
    assert received.endswith(GET.upper())


async def test_an_upgraded_connection_may_be_silent_for_long() -> None:
    async with connection(upgrade) as (client, peer, _):
        peer.send(request_bytes(*UPGRADE))
        await peer.response()
        await client.advance(100_000)
        peer.send(b"still here")
        assert await peer.receive() == b"STILL HERE"


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    "request_",
    [
        GET,
        request_bytes("Connection: upgrade", "Upgrade: other"),
        request_bytes("Upgrade: lines"),
        request_bytes(*UPGRADE, version="1.0"),
    ],
)
async def test_an_upgrade_that_was_not_offered_is_426(request_: bytes) -> None:
    received = await answers_to(upgrade, request_)
    assert statuses(received) == [426]
    assert b"\r\nUpgrade: lines\r\n" in received


async def test_a_426_on_a_connection_that_persists_says_what_the_connection_is_for() -> None:
    async with connection(upgrade) as (_, peer, _):
        peer.send(GET)
        assert (await peer.response()).headers["connection"] == "upgrade"


@pytest.mark.usefixtures("quiet")
async def test_a_malformed_body_of_a_request_to_upgrade_is_400() -> None:
    assert statuses(await answers_to(upgrade, request_bytes(*UPGRADE, "Transfer-Encoding: chunked") + b"zz\r\n")) == [
        400
    ]


async def test_a_failing_upgrade_is_logged_and_cut(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(duplex: Duplex) -> None:
        raise ZeroDivisionError

    async def failing(request: Request) -> Response:
        return Upgrade("lines", fail)

    async with connection(failing) as (client, peer, _):
        peer.send(request_bytes(*UPGRADE) + GET)
        await client.settle()
        assert statuses(peer.received) == [101]
        assert peer.was_reset
    assert "ZeroDivisionError" in caplog.text


async def test_an_upgrade_waits_while_its_peer_does_not_read() -> None:
    sent = 0

    async def flood(duplex: Duplex) -> None:
        nonlocal sent
        for _ in range(100):
            await duplex.send(b"x" * 10_000)
            sent += 1

    async def flooding(request: Request) -> Response:
        return Upgrade("lines", flood)

    async with connection(flooding) as (client, peer, transport):
        peer.stall()
        peer.send(request_bytes(*UPGRADE))
        await client.settle()
        assert sent < 10
        assert transport.get_write_buffer_size() < 100_000
        peer.resume()
        await peer.closed()
        assert sent == 100
