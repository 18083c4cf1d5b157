"""Tests of aiosock.net.http1: trailers in requests and answers (RFC 9110 section 6.5, RFC 9112 section 7.1.2)."""

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import h11
import pytest

from aiosock.config import Config
from aiosock.errors import Disconnected, ResponseError
from aiosock.net.server import Server
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.wire.message import FORBIDDEN_TRAILERS
from tests.e2e.curl import curl
from tests.net.helpers import CHUNKED_POST, answers_to, chunks, connection, hello, post_bytes, request_bytes, statuses
from tests.patience import PATIENCE


async def report(request: Request) -> Response:
    """Answer with the trailers that came."""
    body = await request.read()
    return Response.json({"body": body.decode(), "trailers": request.trailers.items()})


async def digested(request: Request) -> Response:
    """Stream a body, with its digest in a trailer."""
    digest = hashlib.sha256()

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"one ", b"two"):
            digest.update(piece)
            yield piece

    response = Response(pieces(), headers={"content-type": "text/plain"})
    response.trailers = {"X-Digest": digest.hexdigest, "Server-Timing": lambda: "app;dur=1"}
    return response


DIGEST = hashlib.sha256(b"one two").hexdigest()


# Trailers of a request.


async def test_a_handler_sees_the_trailers_behind_the_body() -> None:
    async with connection(report) as (_, peer, _):
        peer.send(CHUNKED_POST + chunks(b"body", trailers=b"X-Digest: abc\r\nx-a: 1\r\nX-A:2\r\n"))
        response = await peer.response()
        assert response.json() == {"body": "body", "trailers": [["x-digest", "abc"], ["x-a", "1"], ["x-a", "2"]]}
        assert not peer.is_closed


@pytest.mark.parametrize("data", [request_bytes(), post_bytes(b"body"), CHUNKED_POST + chunks(b"body")])
async def test_there_may_be_none(data: bytes) -> None:
    assert b'"trailers":[]' in await answers_to(report, data)


@pytest.mark.parametrize("data", [post_bytes(b"body"), CHUNKED_POST + chunks(b"body", trailers=b"X-A: 1\r\n")])
async def test_they_are_not_there_before_the_body_has_been_read(data: bytes) -> None:
    async def early(request: Request) -> Response:
        with pytest.raises(RuntimeError, match="not been read"):
            _ = request.trailers
        return await report(request)

    assert statuses(await answers_to(early, data)) == [200]


async def test_they_are_not_among_the_headers() -> None:
    async def look(request: Request) -> Response:
        await request.read()
        return Response.text(str("x-a" in request.headers))

    assert (await answers_to(look, CHUNKED_POST + chunks(b"body", trailers=b"X-A: 1\r\n"))).endswith(b"False")


# Trailers of an answer.


async def test_trailers_are_announced_and_come_behind_the_body() -> None:
    async with connection(digested) as (_, peer, _):
        peer.send(request_bytes())
        response = await peer.response()
        assert response.headers["trailer"] == "x-digest, server-timing"
        assert response.body == b"one two"
        assert response.trailers.items() == [("x-digest", DIGEST), ("server-timing", "app;dur=1")]
        assert not peer.is_closed


async def test_they_look_like_this_on_the_wire() -> None:
    received = await answers_to(digested, request_bytes())
    assert received.endswith(b"0\r\nX-Digest: %b\r\nServer-Timing: app;dur=1\r\n\r\n" % DIGEST.encode())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("version", "length"), [("1.0", False), ("1.0", True), ("1.1", True)])
async def test_http_1_0_and_a_known_length_have_no_room_for_them(version: str, length: bool, method: str) -> None:
    async def sized(request: Request) -> Response:
        response = await digested(request)
        if length:
            response.headers["content-length"] = "7"
        return response

    received = await answers_to(sized, request_bytes(version=version, method=method))
    assert b"Trailer" not in received
    assert received.endswith(b"one two" if method == "GET" else b"\r\n\r\n")


async def test_a_body_that_is_whole_has_a_length() -> None:
    async def whole(request: Request) -> Response:
        response = Response.text("whole")
        response.trailers = {"x-a": lambda: "1"}
        return response

    received = await answers_to(whole, request_bytes())
    assert b"Trailer" not in received
    assert received.endswith(b"\r\n\r\nwhole")


async def test_head_is_told_which_there_would_be_and_asks_nobody_for_their_values() -> None:
    async def handler(request: Request) -> Response:
        response = await digested(request)
        response.trailers = {"x-a": lambda: pytest.fail("nobody needs it")}
        return response

    received = await answers_to(handler, request_bytes(method="HEAD"))
    assert b"\r\nTrailer: x-a\r\n" in received


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_has_none(status: int) -> None:
    async def handler(request: Request) -> Response:
        response = await digested(request)
        response.status = status
        return response

    assert b"Trailer" not in await answers_to(handler, request_bytes())


@pytest.mark.parametrize("name", sorted(FORBIDDEN_TRAILERS))
def test_what_may_not_come_so_late_is_refused_where_it_is_set(name: str) -> None:
    response = Response()
    with pytest.raises(ResponseError, match=name):
        response.trailers = {name.title(): lambda: "x"}


def test_a_name_that_is_none_is_refused_where_it_is_set() -> None:
    response = Response()
    with pytest.raises(ResponseError, match="field name"):
        response.trailers = {"x y": lambda: "x"}


def test_an_answer_has_none_of_its_own_accord() -> None:
    assert Response().trailers == Response.text("").trailers == {}


async def test_a_value_that_cannot_be_sent_breaks_the_answer_off() -> None:
    async def handler(request: Request) -> Response:
        response = await digested(request)
        response.trailers = {"x-a": lambda: "1\r\nx-b: 2"}
        return response

    async with connection(handler) as (_, peer, _):
        peer.send(request_bytes())
        with pytest.raises(Disconnected):
            await peer.response()
        assert b"x-b" not in peer.received


# Early hints.

STYLE = "</site.css>; rel=preload; as=style"


async def hinted(request: Request) -> Response:
    await request.early_hints(STYLE, "</font.woff2>; rel=preload; as=font")
    return await hello(request)


async def test_hints_come_before_the_answer() -> None:
    async with connection(hinted) as (_, peer, _):
        peer.send(request_bytes())
        response = await peer.response()
        assert [interim.status for interim in response.interim] == [103]
        assert response.interim[0].headers.get_all("link")[0] == STYLE
        assert response.text == "/"


async def test_http_1_0_gets_no_hints() -> None:
    assert statuses(await answers_to(hinted, request_bytes(version="1.0"))) == [200]


# Clients of other projects.


async def everything(request: Request) -> Response:
    await request.early_hints(STYLE)
    body = await request.read()
    response = await digested(request)
    response.headers["x-got"] = f"{body.decode()} {request.trailers.get('x-sent', '')}"
    return response


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with Server(everything, Config(port=0, access_log=False)) as server:
        yield server.urls[0]


async def test_h11_reads_and_sends_them(url: str) -> None:
    events = await asyncio.to_thread(_talk, url)
    hints, answer, *data, end = events
    assert isinstance(hints, h11.InformationalResponse)
    assert (hints.status_code, dict(hints.headers)[b"link"]) == (103, STYLE.encode())
    assert isinstance(answer, h11.Response)
    assert dict(answer.headers)[b"x-got"] == b"body sent"
    assert dict(answer.headers)[b"trailer"] == b"x-digest, server-timing"
    assert b"".join(bytes(piece.data) for piece in data if isinstance(piece, h11.Data)) == b"one two"
    assert isinstance(end, h11.EndOfMessage)
    assert dict(end.headers)[b"x-digest"] == DIGEST.encode()


def _talk(url: str) -> list[h11.Event]:
    client = h11.Connection(h11.CLIENT)
    head = h11.Request(method="POST", target="/", headers=[("Host", "a"), ("Transfer-Encoding", "chunked")])
    sent = [head, h11.Data(data=b"body"), h11.EndOfMessage(headers=[("X-Sent", "sent")])]
    got: list[h11.Event] = []
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE) as sock:
        sock.sendall(b"".join(client.send(event) or b"" for event in sent))
        while not got or not isinstance(got[-1], h11.EndOfMessage):
            event = client.next_event()
            if event is h11.NEED_DATA:
                client.receive_data(sock.recv(65536))
            else:
                assert not isinstance(event, type)
                got.append(event)
    return got


async def test_curl_reads_them(url: str) -> None:
    shown = await asyncio.to_thread(curl, "--http1.1", "--verbose", url)
    assert shown.output == b"one two"
    assert "< HTTP/1.1 103 Early Hints" in shown.errors
    assert f"< Link: {STYLE}" in shown.errors
    assert "< Trailer: x-digest, server-timing" in shown.errors
    raw = await asyncio.to_thread(curl, "--http1.1", "--raw", url)
    assert (
        raw.output
        == b"4\r\none \r\n3\r\ntwo\r\n0\r\nX-Digest: %b\r\nServer-Timing: app;dur=1\r\n\r\n" % DIGEST.encode()
    )
