"""Tests of aiosock.net.http1: a repeated head is reused, and nothing else of its request is."""

from itertools import pairwise

import pytest

from aiosock.config import Limits
from aiosock.net.http1.connection import REMEMBERED_BYTES, Http1Connection
from aiosock.testing import Peer
from aiosock.web.request import Request
from aiosock.web.response import Response
from tests.net.helpers import GET, chunks, connection, post_bytes, request_bytes, statuses, undated


async def told(request: Request) -> Response:
    """Answer with all parts of the request."""
    body = await request.read()
    return Response.text(f"{request.method} {request.target} {request.headers.items()} {body!r}\n")


async def all_of(peer: Peer) -> bytes:
    """Return all that the peer has received when the server has ended its side."""
    await peer.closed()
    return peer.received


FIRST = request_bytes("X: 1", target="/a?b")

SECONDS = {
    "equal": FIRST,
    "another method": request_bytes("X: 1", target="/a?b", method="PUT"),
    "another target": request_bytes("X: 1", target="/a?c"),
    "another value": request_bytes("X: 2", target="/a?b"),
    "one field more": request_bytes("X: 1", "Y: 2", target="/a?b"),
    "one field less": request_bytes(target="/a?b"),
    "an empty line before": b"\r\n" + FIRST,
    "another version": request_bytes("X: 1", target="/a?b", version="1.0"),
}


@pytest.mark.parametrize("second", SECONDS.values(), ids=SECONDS)
async def test_a_request_is_itself_whatever_came_before(second: bytes) -> None:
    last = request_bytes("Connection: close")
    async with connection(told) as (_, peer, _):
        peer.send(second + last)
        alone = await all_of(peer)
    async with connection(told) as (_, peer, _):
        peer.send(FIRST + second + last)
        after = await all_of(peer)
    if second != SECONDS["another version"]:  # the connection closes after it
        assert len(statuses(after)) == len(statuses(alone)) + 1
    assert undated(after).endswith(undated(alone))


async def test_an_equal_head_is_known_in_whatever_pieces_it_comes() -> None:
    async with connection(told) as (client, peer, _):
        peer.send(FIRST)
        await client.settle()
        for cut in range(1, len(FIRST)):
            peer.send(FIRST[:cut])
            await client.settle()
            peer.send(FIRST[cut:])
            await client.settle()
        peer.end()
        answers = (await all_of(peer)).split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert len(answers) == len(FIRST)
    bodies = [answer.partition(b"\r\n\r\n")[2] for answer in answers]
    assert all(one == other for one, other in pairwise(bodies))


@pytest.mark.parametrize(
    ("head", "bodies"),
    [
        pytest.param(post_bytes(b"12345")[:-5], [b"12345", b"abcde", b"GET /"], id="length"),
        pytest.param(
            request_bytes("Transfer-Encoding: chunked", method="POST"),
            [chunks(b"1"), chunks(), chunks(b"23", b"4")],
            id="chunked",
        ),
    ],
)
async def test_behind_an_equal_head_comes_another_body(head: bytes, bodies: list[bytes]) -> None:
    async def echo(request: Request) -> Response:
        return Response(b"<" + await request.read() + b">")

    async with connection(echo) as (_, peer, _):
        peer.send(b"".join(head + body for body in bodies) + request_bytes("Connection: close"))
        received = await all_of(peer)
    assert statuses(received) == [200] * 4
    expected = [b"<12345>", b"<abcde>", b"<GET />"] if bodies[0] == b"12345" else [b"<1>", b"<>", b"<234>"]
    assert [answer.partition(b"\r\n\r\n")[2].split(b"HTTP")[0] for answer in received.split(b"200 OK")[1:4]] == expected


@pytest.mark.parametrize(("size", "is_kept"), [(1000, True), (REMEMBERED_BYTES - len(GET), False), (30_000, False)])
async def test_an_idle_connection_holds_no_long_head(size: int, is_kept: bool) -> None:
    async with connection(told) as (client, peer, _):
        peer.send(request_bytes("X: " + "a" * size) * 2)
        await client.settle()
        (served,) = client.server._connections
        assert isinstance(served, Http1Connection)
        assert (served._previous is not None) is is_kept
        assert statuses(peer.received) == [200, 200]
        await client.advance(74)  # the deadline is that of a connection that was answered
        assert not peer.is_closed
        await client.advance(1)
        assert peer.is_closed


async def test_a_head_that_was_refused_is_refused_again() -> None:
    async with connection(told, limits=Limits(fields=2)) as (_, peer, _):
        peer.send(GET + request_bytes("A: 1", "B: 2") + GET)
        assert statuses(await all_of(peer)) == [200, 431]


@pytest.mark.parametrize("before", [b"", GET], ids=["first", "later"])
@pytest.mark.parametrize("ends", [True, False], ids=["400", "408"])
async def test_a_head_request_that_never_ends_is_refused_without_a_body(before: bytes, ends: bool) -> None:
    async with connection(told) as (client, peer, _):
        peer.send(before + b"HEAD / HTTP/1.1\r\nHost")
        await client.settle()
        if ends:
            peer.end()
        else:
            await client.advance(10)
        received = await all_of(peer)
    assert statuses(received)[-1] == (400 if ends else 408)
    assert received.endswith(b"\r\n\r\n")
