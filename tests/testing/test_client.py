"""Tests of aiosock.testing.client: what a test can do to a server, and see of it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from aiosock.config import Config, Limits
from aiosock.errors import ConfigError, Disconnected, HTTPError, ProtocolError
from aiosock.testing import Client
from aiosock.web.app import App
from aiosock.web.handler import Handler
from aiosock.web.request import Request
from aiosock.web.response import Duplex, Response, Upgrade
from tests.net.helpers import GET, Endless, Gate, echo, hello, request_bytes


async def mirror(request: Request) -> Response:
    """Answer with all parts of the request."""
    fields = {name: value for name, value in request.headers.items() if name.startswith("x-") or name == "host"}
    return Response.json(
        {
            "method": request.method,
            "target": request.target,
            "fields": fields,
            "type": request.headers.get("content-type"),
            "length": request.headers.get("content-length"),
            "body": (await request.read()).decode(),
        }
    )


async def test_each_method_is_sent() -> None:
    async with Client(mirror) as client:
        answers = [await client.get("/a"), await client.post("/a"), await client.put("/a"), await client.delete("/a")]
        assert [answer.json()["method"] for answer in answers] == ["GET", "POST", "PUT", "DELETE"]
        assert (await client.request("BREW", "/pot")).json()["target"] == "/pot"


async def test_head_has_fields_and_no_body() -> None:
    async with Client(hello) as client:
        response = await client.head("/")
        assert response.headers["content-length"] == "1"
        assert response.body == b""


async def test_a_host_is_sent_unless_there_is_one() -> None:
    async with Client(mirror) as client:
        assert (await client.get("/")).json()["fields"]["host"] == "testserver"
        assert (await client.get("/", headers={"Host": "a"})).json()["fields"]["host"] == "a"


async def test_fields_are_sent_from_a_mapping_or_pairs() -> None:
    async with Client(mirror) as client:
        assert (await client.get("/", headers={"X-A": "1"})).json()["fields"]["x-a"] == "1"
        assert (await client.get("/", headers=[("X-A", "1"), ("X-B", "2")])).json()["fields"]["x-b"] == "2"


@pytest.mark.parametrize("body", ["zwölf", "zwölf".encode()])
async def test_a_body_is_sent_with_its_length(body: str | bytes) -> None:
    async with Client(mirror) as client:
        sent = (await client.post("/", body=body)).json()
        assert (sent["body"], sent["length"]) == ("zwölf", "6")


async def test_json_is_sent_as_such() -> None:
    async with Client(mirror) as client:
        for answer in (await client.post("/", json={"a": 1}), await client.put("/", json={"a": 1})):
            assert answer.json()["type"] == "application/json"
            assert answer.json()["body"] == '{"a": 1}'


async def pieces(*pieces: bytes | Exception) -> AsyncIterator[bytes]:
    for piece in pieces:
        if isinstance(piece, Exception):
            raise piece
        yield piece


async def test_a_chunked_answer_comes_whole_with_its_trailers() -> None:
    async def handler(request: Request) -> Response:
        response = Response(pieces(b"one", b"two"))
        response.trailers = {"X-Sum": lambda: "6"}
        return response

    async with Client(handler) as client:
        response = await client.get("/")
        assert response.body == b"onetwo"
        assert response.trailers["x-sum"] == "6"


async def test_an_answer_that_ends_with_the_connection_comes_whole() -> None:
    async def handler(request: Request) -> Response:
        return Response(pieces(b"one", b"two"))

    async with Client(handler) as client:
        peer = await client.connect()
        peer.send(request_bytes(version="1.0"))
        assert (await peer.response()).body == b"onetwo"


async def test_a_cut_answer_is_disconnected() -> None:
    async def handler(request: Request) -> Response:
        return Response(pieces(b"one", Disconnected()), headers={"Content-Length": "10"})

    async with Client(handler) as client:
        with pytest.raises(Disconnected, match="within the body"):
            await client.get("/")


async def test_a_cut_answer_that_would_end_with_the_connection_is_disconnected() -> None:
    async def handler(request: Request) -> Response:
        return Response(pieces(b"one", Disconnected()))

    async with Client(handler) as client:
        peer = await client.connect()
        peer.send(request_bytes(version="1.0"))
        with pytest.raises(Disconnected):
            await peer.response()


async def test_no_answer_at_all_is_disconnected() -> None:
    async with Client(hello) as client:
        peer = await client.connect()
        peer.end()
        with pytest.raises(Disconnected, match="ended after b''"):
            await peer.response()


async def test_an_answer_that_is_none_is_a_protocol_error() -> None:
    async def gibberish(duplex: Duplex) -> None:
        await duplex.send(b"gibberish\r\n\r\n")

    async def handler(request: Request) -> Response:
        return Upgrade("x", gibberish)

    async with Client(handler) as client:
        peer = await client.connect()
        peer.send(request_bytes("Connection: upgrade", "Upgrade: x"))
        assert (await peer.response()).status == 101
        with pytest.raises(ProtocolError):
            await peer.response()


async def test_answers_are_taken_one_by_one() -> None:
    async with Client(hello) as client:
        peer = await client.connect()
        peer.send(request_bytes(target="/1") + request_bytes(target="/2", method="HEAD") + request_bytes(target="/3"))
        assert (await peer.response()).text == "/1"
        assert (await peer.response("HEAD")).text == ""
        assert (await peer.response()).text == "/3"
        peer.end()
        await peer.done()


async def test_a_stream_gives_the_pieces_as_they_come() -> None:
    endless = Endless(10)
    async with Client(endless) as client:
        async with client.stream("GET", "/") as (response, pieces):
            assert response.status == 200
            assert set(await anext(pieces)) == {ord("x")}
            assert set(await anext(pieces)) == {ord("x")}
        assert endless.closed


async def test_leaving_a_stream_lets_its_handler_go() -> None:
    gate = Gate()

    async def handler(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"one"
            await gate(request)

        return Response(pieces())

    async with Client(handler) as client:
        async with client.stream("GET", "/"):
            await gate.entered.wait()
        assert gate.cancelled


async def test_a_drip_is_delivered_byte_by_byte() -> None:
    sizes: list[int] = []

    async def count(request: Request) -> Response:
        sizes.extend([len(piece) async for piece in request.body])
        return Response.text("done")

    async with Client(count) as client:
        peer = await client.connect()
        peer.send(request_bytes("Content-Length: 10", method="POST"))
        await client.settle()
        await peer.drip(b"x" * 3)
        await peer.drip(b"x" * 7, size=5)
        assert (await peer.response()).text == "done"
        peer.end()
        await peer.done()
    assert sizes == [1, 1, 1, 5, 2]


async def test_a_peer_that_stalls_takes_nothing_and_then_what_it_is_told_to() -> None:
    async with Client(hello) as client:
        peer = await client.connect()
        peer.stall()
        peer.send(GET)
        await client.settle()
        assert peer.received == b""
        peer.take(4)
        assert peer.received == b"HTTP"
        peer.resume()
        assert (await peer.response()).status == 200


async def test_what_is_sent_after_the_end_is_a_mistake_of_the_test() -> None:
    async with Client(hello) as client:
        peer = await client.connect()
        peer.end()
        with pytest.raises(Disconnected):
            peer.send(GET)


async def test_time_passes_only_when_told() -> None:
    async with Client(hello) as client:
        peer = await client.connect()
        assert client.now == 0
        await client.advance(9)
        assert not peer.is_closed
        await client.advance(1)
        assert client.now == 10
        assert peer.is_closed


async def test_patience_bounds_every_wait() -> None:
    gate = Gate()
    async with Client(gate, patience=0.01) as client:
        peer = await client.connect()
        peer.send(GET)
        for wait in (peer.response, peer.closed, peer.done):
            with pytest.raises(TimeoutError):
                await wait()


async def test_done_is_reached_by_a_connection_that_was_cancelled() -> None:
    gate = Gate()
    async with Client(gate) as client:
        peer = await client.connect()
        peer.send(GET)
        await gate.entered.wait()
        await client.server.abort()
        await peer.done()
        assert gate.cancelled


async def test_options_are_those_of_run() -> None:
    async with Client(echo, limits=Limits(body_bytes=3)) as client:
        assert (await client.post("/", body="four")).status == 413
    async with Client(echo, Config(limits=Limits(body_bytes=3))) as client:
        assert (await client.post("/", body="four")).status == 413
    with pytest.raises(TypeError, match="colour"):
        Client(echo, colour="red")
    with pytest.raises(ConfigError, match="port"):
        Client(echo, port=-1)


async def test_the_lifespan_of_an_app_runs_around_the_block() -> None:
    app = App()
    events: list[str] = []

    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        events.append("start")
        yield
        events.append("stop")

    async with Client(app):
        assert events == ["start"]
    assert events == ["start", "stop"]


async def test_leaving_the_block_ends_every_connection() -> None:
    before = asyncio.all_tasks()
    gate = Gate()
    async with Client(gate) as client:
        for _ in range(3):
            peer = await client.connect()
            peer.send(GET)
        await gate.entered.wait()
    assert asyncio.all_tasks() == before
    assert gate.cancelled


async def test_a_response_shows_itself_briefly() -> None:
    async with Client(hello) as client:
        assert repr(await client.get("/")) == "<ClientResponse 200, 1 bytes>"


# What handlers raise.


async def fails(request: Request) -> Response:
    raise LookupError("mine")


async def fails_within_the_body(request: Request) -> Response:
    return Response(pieces(b"one", LookupError("mine")))


def app_that(handler: Handler) -> App:
    app = App()
    app.get("/")(handler)
    return app


@pytest.mark.parametrize("app", [fails, app_that(fails), fails_within_the_body, app_that(fails_within_the_body)])
async def test_what_a_handler_raises_is_raised_by_the_request(app: Handler) -> None:
    async with Client(app) as client:
        with pytest.raises(LookupError, match="mine") as raised:
            await client.get("/")
    functions = [frame.name for frame in raised.traceback]
    assert {"fails", "pieces"} & set(functions)  # the traceback leads into the handler


@pytest.mark.parametrize("app", [fails, app_that(fails)])
async def test_without_that_the_response_is_500(app: Handler) -> None:
    async with Client(app, raise_exceptions=False) as client:
        response = await client.get("/")
        assert (response.status, response.text) == (500, "500 Internal Server Error: The server failed to answer.\n")


async def test_a_stream_raises_it_where_it_breaks_off() -> None:
    async with Client(fails_within_the_body) as client, client.stream("GET", "/") as (response, body):
        assert response.status == 200
        assert await anext(body) == b"one"
        with pytest.raises(LookupError, match="mine"):
            await anext(body)


async def test_what_an_app_handles_is_not_raised() -> None:
    app = app_that(fails)

    @app.exception(LookupError)
    async def handled(request: Request, error: LookupError) -> Response:
        return Response.text("handled", 409)

    async with Client(app) as client:
        assert (await client.get("/")).status == 409
        assert (await client.get("/nowhere")).status == 404


async def test_each_client_sees_what_its_own_requests_raise() -> None:
    gate = Gate()

    async def waits(request: Request) -> Response:
        await gate(request)
        raise LookupError("of the first")

    async with Client(waits) as first, Client(hello) as second:
        waiting = asyncio.create_task(first.get("/"))
        await gate.entered.wait()
        assert (await second.get("/")).status == 200
        gate.open.set()
        with pytest.raises(LookupError, match="of the first"):
            await waiting


async def test_a_raw_connection_raises_nothing_but_knows_it() -> None:
    async with Client(fails) as client:
        peer = await client.connect()
        peer.send(GET)
        assert (await peer.response()).status == 500
        assert [str(failure) for failure in peer.failures] == ["mine"]


# Responses.


async def test_an_error_status_can_be_raised() -> None:
    async with Client(app_that(hello)) as client:
        response = await client.get("/")
        assert response.raise_for_status() is response
        response = await client.post("/", body="x" * 1000)
        with pytest.raises(HTTPError, match=r"^405 POST http://testserver/: 405 Method Not Allowed") as raised:
            response.raise_for_status()
        assert raised.value.status == 405


async def test_a_body_that_is_no_json_is_shown_with_its_status() -> None:
    async with Client(app_that(hello)) as client:
        response = await client.post("/")
        with pytest.raises(ValueError, match="line 1 column 5") as raised:
            response.json()
        assert raised.value.__notes__[0].startswith("POST http://testserver/ was answered 405, text/plain")
        assert "Errors are JSON for a client that accepts it" in raised.value.__notes__[1]

        response = await client.get("/")
        with pytest.raises(ValueError, match="line 1 column 1") as raised:
            response.json()
        assert raised.value.__notes__ == ["GET http://testserver/ was answered 200, text/plain; charset=utf-8: /"]


async def test_options_are_asked_for() -> None:
    async with Client(app_that(hello)) as client:
        assert (await client.options("/")).headers["allow"] == "GET, HEAD, OPTIONS"
