"""Tests of aiosock.web.events."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from aiosock import Event, EventStream, Request
from aiosock.errors import Disconnected, ResponseError
from aiosock.testing import Client
from aiosock.web.events import HEARTBEAT
from tests.web.ask import app_of, ask, seen

AT_ONCE = 1e-9


class Source:
    """Yields events, then waits until it is closed."""

    def __init__(self, *events: Event | str) -> None:
        self.events = events
        self.given = 0
        self.go_on = asyncio.Event()
        self.closed = asyncio.Event()
        self.tasks: set[asyncio.Task[None] | None] = set()

    async def __call__(self) -> AsyncIterator[Event | str]:
        try:
            for event in self.events:
                self.tasks.add(asyncio.current_task())
                self.given += 1
                yield event
            await self.go_on.wait()
            yield "last"
        finally:
            self.tasks.add(asyncio.current_task())
            self.closed.set()


def stream_of(
    events: Callable[[], AsyncIterator[Event | str]], goodbye: Event | None = None, wait: float = 60
) -> Client:
    async def handler(request: Request) -> EventStream:
        return EventStream(request, events(), goodbye=goodbye, heartbeat_seconds=wait)

    return Client(app_of(handler))


async def sent(*events: Event | str) -> str:
    source = Source(*events)
    source.go_on.set()
    async with stream_of(source) as client:
        return (await client.get("/")).text.removesuffix("data: last\n\n")


# Events.


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ("hello", "data: hello\n\n"),
        ("", "data: \n\n"),
        (" two", "data:  two\n\n"),
        ("one\ntwo\r\nthree\rfour", "data: one\ndata: two\ndata: three\ndata: four\n\n"),
        ("not\x0ba\u2028line\x85end", "data: not\x0ba\u2028line\x85end\n\n"),
        ("last\n", "data: last\ndata: \n\n"),
        (":no comment", "data: :no comment\n\n"),
        (Event("smørrebrød"), "data: smørrebrød\n\n"),
        (Event("a", id="7", event="tick", retry=500), "event: tick\nid: 7\nretry: 500\ndata: a\n\n"),
        (Event("a", id=""), "id: \ndata: a\n\n"),
    ],
)
async def test_an_event_is_sent_as_the_standard_says(event: Event | str, text: str) -> None:
    assert await sent(event) == text


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\r\ndata: b", "\0"])
@pytest.mark.parametrize("name", ["id", "event"])
def test_what_would_break_out_of_its_line_is_refused(name: str, value: str) -> None:
    with pytest.raises(ResponseError, match=name):
        Event("data", **{name: value})  # type: ignore[arg-type]


def test_a_negative_retry_is_refused() -> None:
    with pytest.raises(ResponseError, match="-1"):
        Event("data", retry=-1)


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan")])
async def test_a_heartbeat_without_a_pause_is_refused(seconds: float) -> None:
    async def handler(request: Request) -> None:
        with pytest.raises(ResponseError, match="heartbeat_seconds must be positive"):
            EventStream(request, nothing(), heartbeat_seconds=seconds)

    async def nothing() -> AsyncIterator[str]:
        return
        yield ""

    assert (await ask(app_of(handler), "GET", "/")).status == 204


@pytest.mark.parametrize("events", [["a"], iter("a"), Source("a")])
async def test_what_cannot_be_iterated_is_refused_before_the_head_is_sent(events: Any) -> None:
    async def handler(request: Request) -> EventStream:
        return EventStream(request, events)

    assert (await ask(app_of(handler), "GET", "/")).status == 500


def test_an_event_shows_what_is_sent() -> None:
    assert repr(Event("a", id="1")) == r"Event('id: 1\ndata: a\n\n')"


# The answer.


async def test_nobody_is_to_keep_it() -> None:
    async with stream_of(Source()) as client, client.stream("GET", "/") as (response, _):
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-accel-buffering"] == "no"
        assert response.headers["transfer-encoding"] == "chunked"


async def test_fields_of_a_handler_come_first() -> None:
    async def handler(request: Request) -> EventStream:
        return EventStream(request, Source()(), headers={"cache-control": "no-store, no-transform", "x-a": "b"})

    async with Client(app_of(handler)) as client, client.stream("GET", "/") as (response, _):
        assert response.headers["cache-control"] == "no-store, no-transform"
        assert response.headers["x-a"] == "b"


async def test_events_arrive_one_by_one_and_end_when_they_end() -> None:
    source = Source("one", "two")
    async with stream_of(source) as client, client.stream("GET", "/") as (_, body):
        assert [await anext(body), await anext(body)] == [b"data: one\n\n", b"data: two\n\n"]
        source.go_on.set()
        assert [piece async for piece in body] == [b"data: last\n\n"]
        assert source.closed.is_set()


async def test_the_generator_runs_in_one_task_from_first_to_last() -> None:
    source = Source("one", "two", "three")
    source.go_on.set()
    async with stream_of(source) as client:
        await client.get("/")
    assert len(source.tasks) == 1


async def test_it_is_not_run_ahead_of_a_client_that_does_not_read() -> None:
    source = Source(*["x" * 40_000] * 100)
    async with stream_of(source) as client:
        peer = await client.connect()
        peer.stall()
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await client.settle()
        assert source.given < 6
        peer.resume()
        source.go_on.set()
        assert (await peer.response()).text.count("data: ") == 101


# Heartbeats.


async def test_comments_are_sent_while_nothing_else_comes() -> None:
    source = Source("one")
    async with stream_of(source, wait=AT_ONCE) as client, client.stream("GET", "/") as (_, body):
        got = b""
        while not got.endswith(2 * HEARTBEAT):
            got += await anext(body)
        source.go_on.set()
        got += b"".join([piece async for piece in body])
    # Nothing is lost between them.
    assert got.replace(HEARTBEAT, b"") == b"data: one\n\ndata: last\n\n"


async def test_events_that_are_there_come_without_comments() -> None:
    source = Source("one")
    source.go_on.set()
    async with stream_of(source) as client:
        assert HEARTBEAT not in (await client.get("/")).body


# The end.


@pytest.mark.parametrize("goodbye", [None, Event("bye", event="shutdown")])
async def test_it_ends_when_the_server_is_told_to_stop(goodbye: Event | None) -> None:
    source = Source("one")
    async with stream_of(source, goodbye) as client, client.stream("GET", "/") as (_, body):
        assert await anext(body) == b"data: one\n\n"
        client.server.service.shutdown.set()
        assert [piece async for piece in body] == ([goodbye.encode()] if goodbye else [])
        async with asyncio.timeout(client.patience):  # the generator is closed after the end of the body is sent
            await source.closed.wait()


async def test_the_generator_is_closed_when_the_client_leaves() -> None:
    source = Source("one")
    before = asyncio.all_tasks()
    async with stream_of(source) as client:
        async with client.stream("GET", "/") as (_, body):
            await anext(body)
        client.server.sweep()
        await asyncio.wait_for(source.closed.wait(), client.patience)
    assert asyncio.all_tasks() == before


async def test_a_client_that_only_ends_its_input_still_gets_events() -> None:
    source = Source("one")
    async with stream_of(source) as client:
        peer = await client.connect()
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        peer.end()
        source.go_on.set()
        assert (await peer.response()).text == "data: one\n\ndata: last\n\n"


async def test_head_runs_nothing() -> None:
    source = Source("one")
    before = asyncio.all_tasks()
    async with stream_of(source) as client:
        assert (await client.head("/")).headers["content-type"] == "text/event-stream"
    assert source.given == 0
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit, asyncio.CancelledError, AttributeError])
async def test_what_the_generator_raises_breaks_the_answer_off(
    error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    async def failing() -> AsyncIterator[Event | str]:
        yield "one"
        raise error("oh")

    async with stream_of(failing) as client, client.stream("GET", "/") as (_, body):
        client.raise_exceptions = False
        assert await anext(body) == b"data: one\n\n"
        with pytest.raises(Disconnected):
            await anext(body)
    assert "failed after its head was sent" in caplog.text


async def test_what_it_raises_when_it_is_closed_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def failing() -> AsyncIterator[Event | str]:
        try:
            yield "one"
            await asyncio.Event().wait()
        finally:
            raise ZeroDivisionError("while it was closed")

    async with stream_of(failing) as client, client.stream("GET", "/") as (_, body):
        await anext(body)
        client.server.service.shutdown.set()
        assert [piece async for piece in body] == []
    assert "while it was closed" in caplog.text


# Where the client was.


@pytest.mark.parametrize(("field", "id"), [("7", "7"), ("", ""), ("\xc3\xb8", "ø"), ("\xff", "\ufffd")])
async def test_the_client_says_which_event_it_got_last(field: str, id: str) -> None:
    assert await seen(lambda request: request.last_event_id, headers={"last-event-id": field}) == id


async def test_a_new_client_has_none() -> None:
    assert await seen(lambda request: request.last_event_id) == ""


async def test_it_can_be_asked_for_like_any_answer() -> None:
    async def handler(request: Request) -> EventStream:
        return EventStream(request, Source()(), goodbye=None)

    assert (await ask(app_of(handler), "HEAD", "/")).status == 200
