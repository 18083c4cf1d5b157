"""Whole connections in memory: a stream is sent in pieces, and the behaviour of the server is checked."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

import h11

from aiosock import App
from aiosock.config import Config, Limits
from aiosock.errors import Disconnected, HTTPError
from aiosock.net.channel import READ_SIZE
from aiosock.testing import Client, Peer
from aiosock.testing.transport import MemoryTransport, open_memory_streams
from aiosock.web.handler import Handler
from aiosock.web.request import Request
from aiosock.web.response import Response
from tests.fuzz import reference
from tests.fuzz.reference import Ending, Message, Reading
from tests.fuzz.strategies import Pieces
from tests.net.helpers import channels

LIMITS: Final = Limits()
TIGHT: Final = Limits(
    head_bytes=300,
    request_line_bytes=100,
    fields=6,
    body_bytes=64,
    unread_body_bytes=32,
    read_buffer_bytes=64,
    write_buffer_bytes=16,
)
"""Limits that even short streams reach."""

ALL_DEADLINES: Final = 200.0
"""More seconds than any default timeout."""


# Handlers. None of them fails, so a 500 would come from the server.


class Reads:
    """Reads the whole body, uses all parts of the request, and echoes the body. `seen` has the requests."""

    checks_target = True
    """It is asked for every target that can be parsed."""

    def __init__(self) -> None:
        self.seen: list[Message] = []

    async def __call__(self, request: Request) -> Response:
        body = await request.read()
        self.seen.append(Message(request.method, request.target, body))
        repr((request.url, request.cookies, request.headers, request.query))
        return _unless_connect(request, Response(body))


async def ignores(request: Request) -> Response:
    """Answer at once and leave the body to the server."""
    return _unless_connect(request, Response.text(request.target))


async def streams(request: Request) -> Response:
    """Answer with the body as it arrives: the head is sent before the body has been read."""

    async def pieces() -> AsyncIterator[bytes]:
        async for piece in request.body:
            yield piece

    return _unless_connect(request, Response(pieces()))


async def peeks(request: Request) -> Response:
    """Read the first piece of the body and answer with its first byte."""
    async for piece in request.body:
        return _unless_connect(request, Response(piece[:1]))
    return _unless_connect(request, Response())


def _unless_connect(request: Request, response: Response) -> Response:
    if request.method == "CONNECT":  # a 2xx would make the connection a tunnel (RFC 9110 section 9.3.6)
        raise HTTPError(405)
    return response


def routes() -> App:
    """Return an app with routes and path parameters, which answers errors itself."""
    app = App()

    @app.route("/", methods=["GET", "POST"])
    async def root(request: Request) -> str:
        return await request.text()

    @app.get("/{rest:path}")
    async def rest(request: Request, rest: str) -> dict[str, object]:
        return {"rest": rest, "query": request.query.items(), "url": request.url}

    @app.post("/json")
    async def json(request: Request) -> list[object]:
        return [await request.json()]

    return app


HANDLERS: Final[dict[str, Callable[[], Handler]]] = {
    "reads": Reads,
    "ignores": lambda: ignores,
    "streams": lambda: streams,
    "peeks": lambda: peeks,
    "routes": routes,
}


# A connection


class Answer(NamedTuple):
    """One final answer, as a client reads it."""

    status: int
    body: bytes
    closes: bool


class Outcome(NamedTuple):
    """The answers of a server; `cut` means that one more answer came, but incomplete."""

    answers: tuple[Answer, ...]
    cut: bool


class _Incidents(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(logging.Formatter().format(record))


@contextmanager
def no_incident() -> Iterator[None]:
    """Fail if something is logged as a warning or worse: no client may cause that."""
    incidents = _Incidents()
    loggers = [logging.getLogger(name) for name in ("aiosock", "asyncio")]
    for logger in loggers:
        logger.addHandler(incidents)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(incidents)
    assert not incidents.messages, incidents.messages[0]


class _Line:
    """One connection to a server, and its memory."""

    def __init__(self, handler: Handler, limits: Limits) -> None:
        self.client = Client(handler, Config(access_log=False, limits=limits), patience=30.0)
        self._limits = limits
        reader, writer, self.transport = open_memory_streams(limits.read_buffer_bytes)
        self._reader: Any = reader
        self._writer = writer
        self.task = asyncio.create_task(self.client.server.connected(reader, writer))
        self.peer = Peer(self.client, self.transport, self.task)

    async def send(self, pieces: Pieces) -> None:
        """Send piece by piece, each after the server has handled the one before; stop when it has closed."""
        for piece in pieces:
            try:
                self.peer.send(piece)
            except Disconnected:
                return
            await self.client.settle()
            self._check_memory(len(piece))

    def _check_memory(self, last: int) -> None:
        # One bounded buffer ahead of the handler, what a read took from it, and a head that is not yet complete.
        held = self._reader._kept + sum(len(channel.buffer) for channel in channels(self.client.server))
        limits = self._limits
        assert held <= 2 * limits.read_buffer_bytes + last + READ_SIZE + limits.head_bytes, f"{held} bytes are held"

    async def over(self) -> MemoryTransport:
        """Wait until the server has closed the connection by itself."""
        await self.peer.done()
        # Nobody else retrieves this exception, and asyncio would log it when the streams are collected.
        with suppress(ConnectionError):
            await self._writer.wait_closed()
        return self.transport

    async def expire(self) -> None:
        """Let time pass until no deadline is left: the server must close the connection."""
        for _ in range(4):
            await self.client.advance(ALL_DEADLINES)
        assert self.peer.is_closed, "the connection is open behind every deadline"


async def answered(handler: Handler, pieces: Pieces, limits: Limits = LIMITS) -> MemoryTransport:
    """Send a stream and end the peer's output; return the connection when it is over."""
    line = _Line(handler, limits)
    await line.send(pieces)
    if not line.transport.is_closing():
        line.peer.end()
    return await line.over()


async def abandoned(handler: Handler, pieces: Pieces, limits: Limits, *, stalls: bool = False) -> MemoryTransport:
    """Send a stream and nothing more; with `stalls`, the peer reads nothing either."""
    line = _Line(handler, limits)
    if stalls:
        line.peer.stall()
    await line.send(pieces)
    await line.expire()
    return await line.over()


async def reset(handler: Handler, pieces: Pieces, limits: Limits) -> None:
    """Send all but the last piece, then reset."""
    line = _Line(handler, limits)
    await line.send(pieces[:-1])
    line.peer.reset()
    await line.client.advance(0)
    await line.over()


# The answers as a client reads them


async def outcome(transport: MemoryTransport, methods: Sequence[str]) -> Outcome:
    """Read answers with our own client and with h11; raise AssertionError if they disagree, or cannot read them."""
    received = bytes(transport.received)
    # Add methods for refused requests: they are answered too, without a body if the request began with HEAD.
    refused = "HEAD" if received.endswith(b"\r\n\r\n") else "GET"
    methods = [*methods, *[refused] * (received.count(b"HTTP/1.1 ") + 1)]
    by_client = await _by_client(transport, methods)
    by_h11 = _by_h11(received, methods, was_reset=transport.was_reset)
    assert by_client == by_h11, f"our client reads {by_client}, h11 reads {by_h11}"
    for answer in by_client.answers:
        assert answer.status < 500 or answer.status in (501, 505), answer
    assert not any(answer.closes for answer in by_client.answers[:-1]), "an answer behind Connection: close"
    return by_client


async def _by_client(transport: MemoryTransport, methods: Sequence[str]) -> Outcome:
    answers: list[Answer] = []
    peer = Peer(Client(ignores), transport, asyncio.create_task(_nothing()))
    await peer.done()
    for method in methods:
        if peer._taken == len(peer.received):
            return Outcome(tuple(answers), cut=False)
        try:
            response = await peer.response(method)
        except Disconnected:
            return Outcome(tuple(answers), cut=True)
        answers.append(Answer(response.status, response.body, "close" in response.headers.get("connection", "")))
    raise AssertionError("more answers than status lines")


async def _nothing() -> None:
    pass


def _by_h11(received: bytes, methods: Sequence[str], *, was_reset: bool) -> Outcome:
    answers: list[Answer] = []
    rest = received
    for method in methods:
        if not rest:
            return Outcome(tuple(answers), cut=False)
        connection = h11.Connection(h11.CLIENT)
        connection.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
        connection.send(h11.EndOfMessage())
        connection.receive_data(rest)
        try:
            answer = _h11_answer(connection, was_reset=was_reset)
        except h11.RemoteProtocolError as error:
            if "without sending complete message body" not in str(error):
                raise
            answer = None
        if answer is None:
            return Outcome(tuple(answers), cut=True)
        answers.append(answer)
        rest = connection.trailing_data[0]
    raise AssertionError("more answers than status lines")


def _h11_answer(connection: h11.Connection, *, was_reset: bool) -> Answer | None:
    status, body, closes = 0, b"", False
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            status = event.status_code
            closes = (b"connection", b"close") in list(event.headers)
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return Answer(status, body, closes)
        elif event is h11.NEED_DATA:
            if was_reset:
                return None
            was_reset = True  # the next call of next_event knows the end, and h11 reports it
            connection.receive_data(b"")
        elif not isinstance(event, h11.InformationalResponse):
            return None


# The checks


async def check(name: str, pieces: Pieces) -> None:
    """Raise AssertionError if a server with that handler treats a stream wrongly."""
    data = b"".join(pieces)
    expected = reference.read(data)
    before = asyncio.all_tasks()
    with no_incident():
        whole = await _check_answers(name, (data,) if data else (), expected)
        in_pieces = await _check_answers(name, pieces, expected)
        # The answer of `peeks` depends on whether the malformed part of a body has arrived.
        assert name == "peeks" or whole == in_pieces, f"whole: {whole}, in pieces: {in_pieces}"
        for limits in (LIMITS, TIGHT):
            await _check_bounds(name, pieces, expected, limits)
    assert asyncio.all_tasks() == before, "a task is left"


async def _check_answers(name: str, pieces: Pieces, expected: Reading) -> Outcome:
    handler = HANDLERS[name]()
    transport = await answered(handler, pieces)
    result = await outcome(transport, expected.heads)
    refusals = expected.ending in (Ending.REFUSED, Ending.INCOMPLETE)
    assert not result.cut or (name == "streams" and transport.was_reset), "an answer is cut short"
    assert len(result.answers) + result.cut <= len(expected.messages) + refusals, f"{result} to {expected}"
    if isinstance(handler, Reads):
        assert tuple(handler.seen) == expected.messages, f"served {handler.seen}, expected {expected.messages}"
        assert len(result.answers) == len(expected.messages) + refusals, f"{result} to {expected}"
        is_last = refusals or expected.ending is Ending.CLOSED
        assert [answer.closes for answer in result.answers[-1:]] in ([], [is_last]), f"{result} to {expected}"
    return result


async def _check_bounds(name: str, pieces: Pieces, expected: Reading, limits: Limits) -> None:
    make = HANDLERS[name]
    for transport in (await answered(make(), pieces, limits), await abandoned(make(), pieces, limits)):
        result = await outcome(transport, expected.heads)
        assert not result.cut or (name == "streams" and transport.was_reset), "an answer is cut short"
        assert len(result.answers) <= len(expected.heads) + 1, f"{result} to {expected}"
    await abandoned(make(), pieces, limits, stalls=True)
    await reset(make(), pieces, limits)
