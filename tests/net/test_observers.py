"""Tests of aiosock.net: what observers are told of requests."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from aiosock.config import Config
from aiosock.net.server import Server
from aiosock.observe import Ending, RequestRecord
from aiosock.testing import Client, Peer
from aiosock.web.app import App
from aiosock.web.handler import Handler
from aiosock.web.request import Request
from aiosock.web.response import Response
from tests.net.helpers import GET, Endless, Gate, hello, post_bytes, request_bytes


class Notes:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.begun: list[RequestRecord] = []
        self.finished_: list[RequestRecord] = []

    def began(self, record: RequestRecord) -> None:
        self.begun.append(record)

    def finished(self, record: RequestRecord) -> None:
        self.finished_.append(record)


class Observed(Client):
    """A client whose server is observed."""

    def __init__(self, app: Handler) -> None:
        super().__init__(app)
        self.notes = Notes()
        config = Config(access_log=False)
        self.server = Server(app, config, clock=lambda: self.now, observers=[self.notes])


async def record_after(app: Handler, data: bytes) -> tuple[RequestRecord, bytes]:
    """Return the last record of a connection that sends `data` and ends, and what was sent back."""
    async with Observed(app) as client:
        peer = await client.connect()
        peer.send(data)
        peer.end()
        await peer.done()
    return client.notes.finished_[-1], peer.received


async def test_a_record_has_what_was_asked_and_answered() -> None:
    record, received = await record_after(hello, request_bytes("User-Agent: curl/8", target="/x?y=1"))

    assert record.head is not None
    assert (record.head.method, record.head.target, record.head.version) == ("GET", "/x?y=1", "HTTP/1.1")
    assert record.head.field("user-agent") == "curl/8"
    assert (record.client, record.status, record.sent) == ("127.0.0.1", 200, len(received))
    assert (record.received, record.request_id, record.ending) == (0, "-", Ending.COMPLETE)


async def test_bytes_each_way_and_seconds_are_those_of_this_request() -> None:
    async with Observed(hello) as client:
        peer = await client.connect()
        for size in (10, 1000):
            before = len(peer.received)
            client.now += 5
            peer.send(post_bytes(b"x" * size, target="/" + "a" * size))
            await peer.response()
            record = client.notes.finished_[-1]
            assert (record.received, record.sent, record.seconds) == (size, len(peer.received) - before, 0.0)
        assert [record.began for record in client.notes.finished_] == [5, 10]


async def test_a_body_that_was_read_is_counted() -> None:
    async def read(request: Request) -> Response:
        return Response(await request.read())

    record, _ = await record_after(read, post_bytes(b"x" * 100))

    assert record.received == 100


async def test_it_is_told_of_a_request_before_its_handler_runs() -> None:
    gate = Gate()
    async with Observed(gate) as client:
        peer = await client.connect()
        peer.send(GET)
        await gate.entered.wait()
        assert [record.status for record in client.notes.begun] == [0]
        assert client.notes.finished_ == []
        await client.advance(2.5)
        gate.open.set()
        await peer.response()
        assert client.notes.finished_ == client.notes.begun
        assert client.notes.finished_[0].seconds == 2.5


def routes() -> App:
    below = App()
    below.get("/{id:int}")(_empty)
    app = App()
    app.get("/users/{id:int}/{name}")(_empty)
    app.mount("/api/v1", below)
    app.mount("/bare", hello)
    return app


async def _empty(request: Request, **_: object) -> None:
    return None


@pytest.mark.parametrize(
    ("target", "route"),
    [
        ("/users/7/ada?x=1", "/users/{id:int}/{name}"),
        ("/api/v1/5", "/api/v1/{id:int}"),
        ("/api/v1/%35", "/api/v1/{id:int}"),
        ("/%61pi/v1/5", "/api/v1/{id:int}"),
        ("/api/v1/none", "/api/v1"),
        ("/bare/any/thing", "/bare"),
        ("/nothing", ""),
    ],
)
async def test_the_route_is_its_pattern_whatever_the_client_sends(target: str, route: str) -> None:
    record, _ = await record_after(routes(), request_bytes(target=target))

    assert record.route == route


async def test_the_id_of_the_request_is_told() -> None:
    async def handler(request: Request) -> Response:
        request.id = "abc"
        return Response()

    record, _ = await record_after(handler, GET)

    assert record.request_id == "abc"


# How requests end.


async def leave_while(app: Handler, at_work: asyncio.Event | None = None) -> RequestRecord:
    """Return the record of a request whose client resets the connection while it is answered."""
    async with Observed(app) as client:
        peer = await client.connect()
        peer.send(GET)
        await (at_work.wait() if at_work else peer.receive())
        peer.reset()
        await client.advance(1)
        await peer.done()
    (record,) = client.notes.finished_
    return record


async def test_a_client_that_leaves_before_the_response() -> None:
    gate = Gate()
    record = await leave_while(gate, gate.entered)

    assert (record.status, record.sent, record.ending) == (0, 0, Ending.LEFT)


async def test_a_client_that_leaves_within_the_response() -> None:
    record = await leave_while(Endless())

    assert (record.status, record.ending) == (200, Ending.LEFT)
    assert record.sent > 0


async def test_a_handler_that_fails_before_the_response_is_answered() -> None:
    async def broken(request: Request) -> Response:
        raise ZeroDivisionError

    record, _ = await record_after(broken, GET)

    assert (record.status, record.ending) == (500, Ending.COMPLETE)


async def test_a_handler_that_fails_within_the_response_breaks_it() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        raise ZeroDivisionError

    async def broken(request: Request) -> Response:
        return Response(pieces())

    record, _ = await record_after(broken, GET)

    assert (record.status, record.ending) == (200, Ending.BROKEN)


async def test_what_is_no_request_is_refused() -> None:
    async with Observed(hello) as client:
        peer = await client.connect()
        peer.send(GET + b"nonsense\r\n\r\n")
        peer.end()
        await peer.done()
    first, second = client.notes.finished_

    assert (first.ending, second.ending) == (Ending.COMPLETE, Ending.REFUSED)
    assert (second.head, second.client, second.status) == (None, "127.0.0.1", 400)
    assert client.notes.begun == [first]


async def test_the_end_of_the_server_cancels() -> None:
    gate = Gate()
    async with Observed(gate) as client:
        peer: Peer = await client.connect()
        peer.send(GET)
        await gate.entered.wait()
    (record,) = client.notes.finished_

    assert (record.status, record.ending) == (0, Ending.CANCELLED)


# What a program brings may fail.


class Failing(Notes):
    """An observer that fails each time."""

    def began(self, record: RequestRecord) -> None:
        super().began(record)
        raise ZeroDivisionError

    def finished(self, record: RequestRecord) -> None:
        super().finished(record)
        raise ZeroDivisionError


async def test_an_observer_that_fails_costs_no_request(caplog: pytest.LogCaptureFixture) -> None:
    async with Observed(hello) as client:
        failing = Failing()
        client.server.service.observe([failing, client.notes])
        peer = await client.connect()
        peer.send(GET * 2 + b"nonsense\r\n\r\n")
        peer.end()
        await peer.done()
        assert len(failing.finished_) == len(client.notes.finished_) == 3
    assert caplog.text.count("an observer failed") == 5


async def test_one_connection_whose_check_fails_costs_the_others_no_deadline(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Client(hello) as client:
        slow, broken = await client.connect(), await client.connect()
        connections = list(client.server._connections)
        original = type(connections[0]).check

        def check(self: object, now: float) -> None:
            if self is connections[0]:
                raise ZeroDivisionError
            original(self, now)  # type: ignore[arg-type]

        monkeypatch.setattr(type(connections[0]), "check", check)
        await client.advance(11)
        await slow.done()
        await broken.done()
    assert "The sweep failed" in caplog.text


async def test_a_client_that_left_before_the_response_was_written_has_no_status() -> None:
    async def leaves(request: Request) -> Response:
        peer.reset()
        return Response("too late")

    async with Observed(leaves) as client:
        peer = await client.connect()
        peer.send(GET)
        await peer.done()
    (record,) = client.notes.finished_

    assert (record.status, record.sent, record.ending) == (0, 0, Ending.LEFT)


async def test_a_function_of_when_over_that_fails_costs_nobody_else_anything(caplog: pytest.LogCaptureFixture) -> None:
    called: list[str] = []

    async def handler(request: Request) -> Response:
        request.exchange.when_over(lambda: called.append("first"))
        request.exchange.when_over(lambda: 1 // 0)  # type: ignore[arg-type]
        request.exchange.when_over(lambda: called.append("last"))
        return Response("answered")

    async with Observed(handler) as client:
        peer = await client.connect()
        for _ in range(2):
            peer.send(GET)
            assert (await peer.response()).text == "answered"
        assert len(client.notes.finished_) == 2
    assert called == ["first", "last"] * 2
    assert caplog.text.count("a function of when_over failed") == 2


async def test_functions_of_when_sent_are_awaited_after_the_response_and_before_those_of_when_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    called: list[object] = []

    async def handler(request: Request) -> Response:
        async def first(failure: BaseException | None) -> None:
            called.append(("first", failure))

        async def fails(failure: BaseException | None) -> None:
            if failure is None:
                raise SystemExit(3)
            await asyncio.sleep(0)
            raise asyncio.CancelledError

        request.exchange.when_over(lambda: called.append("over"))
        request.exchange.when_sent(first)
        request.exchange.when_sent(fails)
        if request.path == "/fails":
            raise error
        return Response("sent")

    error = KeyError("x")
    async with Client(handler) as client:
        peer = await client.connect()
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await peer.response()).status == 200
        peer.send(b"GET /fails HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await peer.response()).status == 500
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await peer.response()).status == 200
    assert called[:4] == [("first", None), "over", ("first", error), "over"]
    assert caplog.text.count("a function of when_sent failed") == 3
