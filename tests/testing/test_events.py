"""Tests of aiosock.testing.events: event streams as a browser reads them, the HTML standard, section 9.2.6."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiosock.errors import HTTPError, ProtocolError
from aiosock.testing import Client, ReceivedEvent
from aiosock.testing.events import EventParser
from aiosock.web.app import App
from aiosock.web.events import Event, EventStream
from aiosock.web.request import Request

STREAMS = [
    (b"data: a\n\n", [ReceivedEvent("a")]),
    (b"data:a\ndata\ndata: b\n\n", [ReceivedEvent("a\n\nb")]),
    (b"data:  two spaces \n\n", [ReceivedEvent(" two spaces ")]),
    (b"data: YHOO\ndata: +2\ndata: 10\n\n", [ReceivedEvent("YHOO\n+2\n10")]),
    (
        b": test\n\ndata: a\nid: 1\n\ndata:b\nid\n\ndata:  c\n\n",
        [
            ReceivedEvent("a", id="1"),
            ReceivedEvent("b"),
            ReceivedEvent(" c"),
        ],
    ),
    (b"data\n\ndata\ndata\n\ndata:", [ReceivedEvent(""), ReceivedEvent("\n")]),
    (b"id: 1\ndata: a\n\ndata: b\n\n", [ReceivedEvent("a", id="1"), ReceivedEvent("b", id="1")]),
    (b"id: 1\n\ndata: b\n\n", [ReceivedEvent("b", id="1")]),
    (b"id: 1\0\ndata: a\n\n", [ReceivedEvent("a")]),
    (b"event: x\ndata: a\n\ndata: b\n\n", [ReceivedEvent("a", "x"), ReceivedEvent("b")]),
    (b"event: x\n\ndata: b\n\n", [ReceivedEvent("b")]),
    (b"data: a\r\rdata: b\r\n\r\ndata: c\n\r\n", [ReceivedEvent("a"), ReceivedEvent("b"), ReceivedEvent("c")]),
    (b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", [ReceivedEvent("a")]),
    (b"Data: a\nunknown: b\n\n", []),
    (b"data: \xff\n\n", [ReceivedEvent("\ufffd")]),
    (b"data: \xc3\xa4\n\n", [ReceivedEvent("ä")]),
    (b"data: not ended", []),
    (b"", []),
    (b"\n\n\n", []),
]


@pytest.mark.parametrize(("stream", "events"), STREAMS)
def test_a_stream_is_read_whole_cut_anywhere_and_byte_by_byte(stream: bytes, events: list[ReceivedEvent]) -> None:
    assert EventParser().feed(stream) == events
    for cut in range(len(stream) + 1):
        parser = EventParser()
        assert parser.feed(stream[:cut]) + parser.feed(stream[cut:]) == events
    parser = EventParser()
    assert [event for number in range(len(stream)) for event in parser.feed(stream[number : number + 1])] == events


def test_an_event_that_ends_in_cr_does_not_wait_for_the_next_byte() -> None:
    assert EventParser().feed(b"data: a\r\r") == [ReceivedEvent("a")]


@pytest.mark.parametrize(("line", "retry"), [(b"retry: 250\n", 250), (b"retry: 2.5\n", None), (b"retry: -1\n", None)])
def test_the_time_to_reconnect_is_a_number_of_digits(line: bytes, retry: int | None) -> None:
    parser = EventParser()
    parser.feed(line)
    assert parser.retry == retry


@given(
    st.lists(
        st.builds(
            ReceivedEvent,
            st.text().filter(lambda text: "\r" not in text),
            st.from_regex(r"[^\r\n\0]+", fullmatch=True),
            st.from_regex(r"[^\r\n\0]*", fullmatch=True),
        )
    )
)
def test_what_we_send_is_what_is_received(events: list[ReceivedEvent]) -> None:
    sent = b"".join(Event(each.data, event=each.event, id=each.id).encode() for each in events)
    assert EventParser().feed(sent) == events


# With a client.


def streaming() -> App:
    app = App()

    @app.get("/ticks")
    async def ticks(request: Request) -> EventStream:
        async def events() -> AsyncIterator[Event | str]:
            begin = int(request.last_event_id or "0")
            yield Event('{"tick": 1}', id=str(begin + 1), event="tick", retry=250)
            yield "plain"

        return EventStream(request, events())

    @app.get("/fails")
    async def fails(request: Request) -> EventStream:
        async def events() -> AsyncIterator[str]:
            yield "one"
            raise LookupError("mine")

        return EventStream(request, events())

    @app.get("/text")
    async def text(request: Request) -> str:
        return "text"

    return app


async def test_events_come_one_by_one() -> None:
    async with Client(streaming()) as client, client.events("/ticks") as events:
        assert events.response.status == 200
        event = await anext(events)
        assert (event, event.json()) == (ReceivedEvent('{"tick": 1}', "tick", "1"), {"tick": 1})
        assert (events.last_event_id, events.retry) == ("1", 250)
        assert [each.data async for each in events] == ["plain"]


async def test_a_client_can_reconnect() -> None:
    async with Client(streaming()) as client, client.events("/ticks", last_event_id="41") as events:
        assert (await anext(events)).id == "42"


async def test_what_the_events_raise_is_raised() -> None:
    async with Client(streaming()) as client, client.events("/fails") as events:
        assert (await anext(events)).data == "one"
        with pytest.raises(LookupError, match="mine"):
            await anext(events)


async def test_what_is_no_event_stream_is_refused() -> None:
    async with Client(streaming()) as client:
        with pytest.raises(ProtocolError, match="/text is no event stream, but 200 text/plain"):
            async with client.events("/text"):
                pass
        with pytest.raises(HTTPError, match="404 GET http://testserver/nowhere: 404 Not Found: Nothing is at /nowh"):
            async with client.events("/nowhere"):
                pass
