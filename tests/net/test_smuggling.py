"""Tests of aiosock.net.http1: a refused request ends the connection, in whatever pieces it arrives."""

import pytest

from aiosock.config import Limits
from aiosock.web.request import Request
from aiosock.web.response import Response
from tests.net.helpers import answers_to, connection, fields_of, request_bytes, statuses

LIMITS = Limits(head_bytes=600, request_line_bytes=200, fields=10)
NEXT = request_bytes(target="/next")

REFUSED = {
    "content-length with transfer-encoding": (
        request_bytes("Content-Length: 5", "Transfer-Encoding: chunked", method="POST"),
        400,
    ),
    "transfer-encoding with content-length": (
        request_bytes("Transfer-Encoding: chunked", "Content-Length: 5", method="POST"),
        400,
    ),
    "transfer-encoding twice": (
        request_bytes("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", method="POST"),
        400,
    ),
    "chunked is not last": (request_bytes("Transfer-Encoding: chunked, identity", method="POST"), 400),
    "xchunked": (request_bytes("Transfer-Encoding: xchunked", method="POST"), 400),
    "vertical tab before chunked": (request_bytes("Transfer-Encoding: \x0bchunked", method="POST"), 400),
    "foreign coding": (request_bytes("Transfer-Encoding: gzip, chunked", method="POST"), 501),
    "transfer-encoding in 1.0": (request_bytes("Transfer-Encoding: chunked", method="POST", version="1.0"), 400),
    "two lengths": (request_bytes("Content-Length: 5", "Content-Length: 6", method="POST"), 400),
    "equal lengths": (request_bytes("Content-Length: 5", "Content-Length: 5", method="POST"), 400),
    "list of lengths": (request_bytes("Content-Length: 5, 5", method="POST"), 400),
    "length with a sign": (request_bytes("Content-Length: +5", method="POST"), 400),
    "negative length": (request_bytes("Content-Length: -1", method="POST"), 400),
    "length with an underscore": (request_bytes("Content-Length: 5_0", method="POST"), 400),
    "empty length": (request_bytes("Content-Length: ", method="POST"), 400),
    "46 digits": (request_bytes(f"Content-Length: {'9' * 46}", method="POST"), 400),
    "space before the colon": (request_bytes("Content-Length : 5", method="POST"), 400),
    "folded field": (request_bytes("X: 1", " 2"), 400),
    "bare lf": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "bare cr": (b"GET / HTTP/1.1\r\nHost: a\rX: 1\r\n\r\n", 400),
    "nul": (request_bytes("X: a\x00b"), 400),
    "field without a colon": (request_bytes("X"), 400),
    "empty name": (request_bytes(": 1"), 400),
    "brackets in a name": (request_bytes("X[]: 1"), 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (request_bytes("Host: b"), 400),
    "bad host": (b"GET / HTTP/1.1\r\nHost: a/b?c#@d\r\n\r\n", 400),
    "bad host beside a host in the target": (b"GET http://a/ HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "target without a slash": (request_bytes(target="index.html"), 400),
    "fragment": (request_bytes(target="/#top"), 400),
    "space in the target": (request_bytes(target="/a b"), 400),
    "bad percent": (request_bytes(target="/%zz"), 400),
    "http/0.9": (b"GET /\r\n\r\n", 400),
    "http/2": (request_bytes(version="2.0"), 505),
    "lower-case version": (b"GET / http/1.1\r\nHost: a\r\n\r\n", 400),
    "no request at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "long line": (request_bytes(target="/" + "a" * 200), 414),
    "many empty lines": (b"\r\n" * 101, 414),
    "many fields": (request_bytes(*["X: 1"] * 10), 431),
    "long field": (request_bytes(f"X: {'1' * 600}"), 431),
    "long head": (request_bytes(*["X: " + "1" * 100] * 6), 431),
}


class Witness:
    """A handler that records which requests reached it."""

    def __init__(self) -> None:
        self.targets: list[str] = []

    async def __call__(self, request: Request) -> Response:
        self.targets.append(request.target)
        return Response.text("served")


refused = pytest.mark.parametrize(("request_", "status"), REFUSED.values(), ids=REFUSED.keys())


@refused
async def test_a_refused_request_gets_its_status_and_the_end_of_the_connection(request_: bytes, status: int) -> None:
    witness = Witness()
    async with connection(witness, limits=LIMITS) as (client, peer, transport):
        peer.send(request_)
        await client.settle()
        assert statuses(peer.received) == [status]
        assert b"\r\nconnection: close\r\n" in fields_of(peer.received)
        assert b"\r\ndate: " in fields_of(peer.received)
        assert peer.is_closed
        assert not transport.is_closing()  # the connection lingers, so that a reset does not destroy the answer
        peer.end()
        await peer.done()
    assert witness.targets == []


@refused
async def test_nothing_behind_a_refused_request_is_processed(request_: bytes, status: int) -> None:
    witness = Witness()
    received = await answers_to(witness, request_ + NEXT, limits=LIMITS)
    assert statuses(received) == [status]
    assert witness.targets == []


@refused
async def test_what_was_valid_before_a_refused_request_is_answered(request_: bytes, status: int) -> None:
    witness = Witness()
    received = await answers_to(witness, NEXT + request_, limits=LIMITS)
    assert statuses(received) == [200, status]
    assert witness.targets == ["/next"]


@refused
async def test_a_refused_request_gets_the_same_status_at_every_split_point(request_: bytes, status: int) -> None:
    witness = Witness()
    for at in range(1, len(request_)):
        async with connection(witness, limits=LIMITS) as (client, peer, _):
            peer.send(request_[:at])
            await client.settle()
            peer.send(request_[at:])
            await client.settle()
            assert statuses(peer.received) == [status]
            assert peer.is_closed
    assert witness.targets == []


@refused
async def test_a_refused_request_gets_the_same_status_in_single_bytes(request_: bytes, status: int) -> None:
    async with connection(Witness(), limits=LIMITS) as (client, peer, _):
        for at in range(len(request_)):
            peer.send(request_[at : at + 1])
            await client.settle()
        assert statuses(peer.received) == [status]


# Refused requests, and whether they are HEAD, so that the answer has no body (RFC 9110 section 9.3.2).
MAYBE_HEAD = [
    *((b"\r\n" * count + b"HEAD / HTTP/1.1\r\nX Y: z\r\n\r\n", True) for count in (0, 1, 5, 6, 7, 30)),
    (b"HEAD / HTTP/1.1\nHost: a\r\n\r\n", True),
    (b"HEAD \x01/ HTTP/1.1\r\nHost: a\r\n\r\n", True),
    (b"HEAD /" + b"a" * 70 + b" HTTP/1.1\r\n\r\n", True),
    (b"\r\n" * 30 + b"HEAD /" + b"a" * 70, True),
    (b"\r\n" * 32 + b"HEAD / HTTP/1.1\r\n\r\n", False),  # too long before the method is known
    (b"\r\n" * 40 + b"HEAD / HTTP/1.1\r\n\r\n", False),
    (b"\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\n", False),  # the fault comes first
    (b"\r\n\rHEAD / HTTP/1.1\r\nHost: a\r\n\r\n", False),
    (b" HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", False),
    (b"HEAD\t/ HTTP/1.1\r\nHost: a\r\n\r\n", False),
    (b"HEAD\r\n\r\n", False),
    (b"HEADS / HTTP/1.1\r\nX Y: z\r\n\r\n", False),
    (b"head / HTTP/1.1\r\nX Y: z\r\n\r\n", False),
]


@pytest.mark.parametrize(("sent", "is_head"), MAYBE_HEAD)
async def test_a_refused_head_request_gets_no_body_in_whatever_pieces_it_arrives(sent: bytes, is_head: bool) -> None:
    splits = [[sent[:at], sent[at:]] for at in range(len(sent))] + [[bytes([octet]) for octet in sent]]
    for pieces in splits:
        async with connection(Witness(), limits=Limits(request_line_bytes=64)) as (client, peer, _):
            for piece in pieces:
                peer.send(piece)
                await client.settle()
            assert peer.received.startswith(b"HTTP/1.1 4")
            assert peer.received.endswith(b"\r\n\r\n") is is_head


@pytest.mark.parametrize("sent", [b"GET", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n", b"\r\nG"])
async def test_the_end_of_input_within_a_head_is_400(sent: bytes) -> None:
    received = await answers_to(Witness(), sent)
    assert statuses(received) == [400]
    assert b"connection: close" in fields_of(received)


@pytest.mark.parametrize(
    "sent",
    [b"GET / HTTP/1.1\n", b"GET / HTTP/1.1\r\nHost: a\x00", b"GET / HTTP/2.0\r\n", b"GET / HTTP/1.1\r\nHost : a\r\n"],
)
async def test_a_head_that_cannot_become_valid_is_refused_before_its_end(sent: bytes) -> None:
    async with connection(Witness()) as (client, peer, _):
        peer.send(sent)
        await client.settle()
        assert peer.is_closed


async def test_an_endless_head_is_refused_as_soon_as_it_is_too_long() -> None:
    async with connection(Witness()) as (client, peer, _):
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
        for _ in range(40):
            peer.send(b"x" * 1024)
            await client.settle()
        assert statuses(peer.received) == [431]


async def test_an_endless_request_line_is_refused_as_soon_as_it_is_too_long() -> None:
    async with connection(Witness()) as (client, peer, _):
        peer.send(b"GET /")
        for _ in range(10):
            peer.send(b"x" * 1024)
            await client.settle()
        assert statuses(peer.received) == [414]


async def test_a_peer_that_is_gone_before_it_is_refused_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async with connection(Witness()) as (client, peer, transport):
        peer.send(b"nonsense\r\n\r\n")
        transport.close()
        await client.settle()
        await peer.done()
    assert not caplog.records
