"""Event streams as a browser reads them (the HTML standard, section 9.2.6)."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, Self

from aiosock.testing.response import ClientResponse

BOM: Final = b"\xef\xbb\xbf"
"""A byte order mark, which may stand before the first line."""

_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event as a client receives it. `id` is the last one that the stream has set, as an EventSource reports it."""

    data: str
    event: str = "message"
    id: str = ""

    def json(self) -> Any:
        """Return the data decoded from JSON."""
        return json.loads(self.data)


class EventParser:
    """The events in the bytes of a stream. A line may end in CR LF, LF or CR, and bytes may be cut anywhere.

    `last_event_id` and `retry`, in milliseconds, are what a client would reconnect with.
    """

    def __init__(self) -> None:
        self.last_event_id: str = ""
        self.retry: int | None = None
        self._rest = b""
        self._has_begun = False
        self._after_cr = False
        self._data: list[str] = []
        self._event = ""

    def feed(self, piece: bytes) -> list[ReceivedEvent]:
        """Take bytes; return the events that are complete."""
        if self._after_cr and piece:  # the LF of a CR LF that was cut
            piece = piece.removeprefix(b"\n")
            self._after_cr = False
        self._rest += piece
        if not self._has_begun:
            if BOM.startswith(self._rest):
                return []
            self._rest = self._rest.removeprefix(BOM)
            self._has_begun = True
        self._after_cr = self._rest.endswith(b"\r")
        *lines, self._rest = _LINE_END.split(self._rest)
        return [event for event in map(self._take, lines) if event is not None]

    def _take(self, line: bytes) -> ReceivedEvent | None:
        if not line:
            return self._dispatched()
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        match name:  # an empty name is a comment
            case "data":
                self._data.append(value)
            case "event":
                self._event = value
            case "id" if "\0" not in value:
                self.last_event_id = value
            case "retry" if value.isascii() and value.isdecimal():
                self.retry = int(value)
        return None

    def _dispatched(self) -> ReceivedEvent | None:
        event, data = self._event or "message", self._data
        self._event, self._data = "", []
        return ReceivedEvent("\n".join(data), event, self.last_event_id) if data else None


class EventReader:
    """The events of a response, one by one: `async for event in events`. `response` has its status and headers."""

    def __init__(self, response: ClientResponse, pieces: AsyncIterator[bytes]) -> None:
        self.response: ClientResponse = response
        self._parser = EventParser()
        self._pieces = pieces
        self._waiting: list[ReceivedEvent] = []

    @property
    def last_event_id(self) -> str:
        """The id that a client would reconnect with, `last_event_id` of `Client.events`."""
        return self._parser.last_event_id

    @property
    def retry(self) -> int | None:
        """The milliseconds that a client would wait before it reconnects, None if the stream has not said."""
        return self._parser.retry

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ReceivedEvent:
        """Return the next event. Raises TimeoutError if none comes in `Client.patience` seconds."""
        while not self._waiting:
            self._waiting = self._parser.feed(await anext(self._pieces))
        return self._waiting.pop(0)
