"""Three readers of request streams: `aiosock.wire` as a connection uses it, h11, and httptools."""

from collections.abc import Iterable

import h11
import httptools

from aiosock.config import Limits
from aiosock.errors import ProtocolError
from aiosock.wire.chunked import BodyDecoder, ChunkedDecoder, LengthDecoder
from aiosock.wire.head import CHUNKED, Http1Head
from aiosock.wire.scan import take_head
from tests.fuzz.reference import Ending, Message, Reading

LIMITS = Limits()
DOCUMENTED = frozenset({400, 414, 431, 501, 505})
"""The statuses with which `aiosock.wire` may refuse a request."""


class _Source:
    """The bytes of a connection, piece by piece."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self.buffer = b""

    def more(self) -> bytes:
        """Return the next piece; raise EOFError at the end."""
        for piece in self._pieces:
            return piece
        raise EOFError


def by_aiosock(pieces: Iterable[bytes], limits: Limits = LIMITS) -> Reading:
    """Read a stream as a connection does whose handlers read every body."""
    source = _Source(pieces)
    messages: list[Message] = []
    heads: list[str] = []
    previous: Http1Head | None = None
    while True:
        try:
            head = _head(source, limits, previous)
            previous = head
            heads.append(head.method)
            if head.minor_version == 1 and head.fields.expect not in (None, "100-continue"):
                return Reading(tuple(messages), tuple(heads), Ending.REFUSED, "417 expectation")
            messages.append(Message(head.method, head.target, _body(source, head, limits)))
        except ProtocolError as error:
            if error.status not in DOCUMENTED:
                raise
            return Reading(tuple(messages), tuple(heads), Ending.REFUSED, str(error))
        except EOFError:
            is_empty = len(heads) == len(messages) and not source.buffer.strip(b"\r\n")
            ending = Ending.FINISHED if is_empty else Ending.INCOMPLETE
            return Reading(tuple(messages), tuple(heads), ending)
        if not head.keeps_alive:
            return Reading(tuple(messages), tuple(heads), Ending.CLOSED)


def _head(source: _Source, limits: Limits, previous: Http1Head | None) -> Http1Head:
    scanned = 0
    while (head := take_head(source.buffer, scanned, limits, previous)) is None:
        scanned = len(source.buffer)
        source.buffer += source.more()
    source.buffer = source.buffer[len(head.octets) :]
    return head


def framing_of(head: Http1Head) -> int:
    """Return how the body is framed: a test of the differences puts a wrong answer here."""
    return head.fields.framing


def _body(source: _Source, head: Http1Head, limits: Limits) -> bytes:
    framing = framing_of(head)
    decoder: BodyDecoder = ChunkedDecoder(limits) if framing == CHUNKED else LengthDecoder(framing)
    body, data = b"", source.buffer
    while not decoder.complete:
        body += decoder.feed(data or source.more())
        data = b""
    source.buffer = decoder.rest if framing else source.buffer
    return body


# h11


def by_h11(data: bytes) -> Reading:
    """Read a stream with h11 as a server that declines every upgrade and answers every request."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    messages: list[Message] = []
    heads: list[str] = []
    while True:
        try:
            message = _h11_message(connection, heads)
        except h11.RemoteProtocolError as error:
            return Reading(tuple(messages), tuple(heads), Ending.REFUSED, str(error))
        if message is None:
            rest = connection.trailing_data[0]
            is_empty = len(heads) == len(messages) and not rest.strip(b"\r\n")
            return Reading(tuple(messages), tuple(heads), Ending.FINISHED if is_empty else Ending.INCOMPLETE)
        messages.append(message)
        connection.send(h11.Response(status_code=405, headers=[("content-length", "0")]))
        connection.send(h11.EndOfMessage())
        if connection.our_state is not h11.DONE:
            return Reading(tuple(messages), tuple(heads), Ending.CLOSED)
        connection.start_next_cycle()


def _h11_message(connection: h11.Connection, heads: list[str]) -> Message | None:
    method = target = ""
    body = b""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            method, target = event.method.decode(), event.target.decode()
            heads.append(method)
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return Message(method, target, body)
        else:
            return None


# httptools


class _Heard:
    """The callbacks of httptools."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.heads: list[str] = []
        self.ending: Ending | None = None
        self.parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._body = b""
        self._has_begun = False

    def on_message_begin(self) -> None:
        self._target = self._body = b""
        self._has_begun = True

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_headers_complete(self) -> None:
        self.heads.append(self.parser.get_method().decode())

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._has_begun = False
        self.messages.append(Message(self.heads[-1], self._target.decode("latin-1"), self._body))
        if self.ending is None and not self.parser.should_keep_alive():
            self.ending = Ending.CLOSED

    def reading(self, ending: Ending, why: str = "") -> Reading:
        return Reading(tuple(self.messages), tuple(self.heads), ending, why)

    def read(self, data: bytes) -> Reading:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return self.reading(Ending.HANDED_OVER)
        except httptools.HttpParserError as error:
            return self.reading(self.ending or Ending.REFUSED, f"{type(error).__name__}: {error}")
        return self.reading(self.ending or (Ending.INCOMPLETE if self._has_begun else Ending.FINISHED))


def by_httptools(data: bytes) -> Reading:
    """Read a stream with httptools."""
    return _Heard().read(data)
