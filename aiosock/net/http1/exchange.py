"""One HTTP/1 exchange: it reads the request body when asked, and frames the response (RFC 9112 sections 6 to 9)."""

import asyncio
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from aiosock.errors import HTTPError, ResponseError
from aiosock.headers import Headers
from aiosock.net.answering import Answering
from aiosock.net.channel import Channel
from aiosock.net.http1.reader import Http1BodyReader
from aiosock.net.http1.writer import Http1BodyWriter, Http1Duplex
from aiosock.net.service import Service
from aiosock.web.disk.file_body import FileBody
from aiosock.web.exchange import NO_BODY, Connection, Incoming
from aiosock.web.handler import Handler
from aiosock.web.request import Request
from aiosock.web.response import Response, Upgrade, close_body
from aiosock.wire.grammar import CONTENT_LENGTH
from aiosock.wire.head import Http1Head, encode_fields, encode_head, status_line
from aiosock.wire.message import BODILESS

OWN_FIELDS: Final = frozenset({"connection", "content-length", "date", "keep-alive", "transfer-encoding"})
"""The date and the fields that frame the message. The connection sets them, whatever a handler has set."""

JOIN_BYTES: Final = 64 * 1024
"""Bodies up to this size leave in one write with their head."""

PIECE_BYTES: Final = 256 * 1024
"""Longer ones are sent in pieces of this size, each when the peer has taken most of those before."""

IMPATIENT: Final = frozenset({408, 413, 503})
"""Statuses of a body that is too slow or too large, and of a server that has no time: no rest of a body is waited for."""


class Progress(Enum):
    """How much of the response has been sent."""

    NOT_BEGUN = "nothing, or only informational responses"
    BEGUN = "its head"
    ENDED = "all of it"


# A global is faster to reach than a member of its class, and this is needed several times for each request.
NOT_BEGUN, BEGUN, ENDED = Progress


class Http1Exchange(Answering):
    """A request and its response on an HTTP/1 connection; see `web.exchange.Exchange` for the contract with `web`."""

    __slots__ = ("_body", "_channel", "_head", "_keep_alive", "_progress")

    status: int

    def __init__(
        self,
        head: Http1Head,
        channel: Channel,
        service: Service,
        connection: Connection,
        task: asyncio.Task[Any] | None,
    ) -> None:
        Answering.__init__(self, service, connection, task)  # super() would double the cost
        framing = head.fields.framing
        self._body: Http1BodyReader | None = None
        if framing:
            awaits_continue = head.fields.expect is not None and head.minor_version == 1
            self._body = Http1BodyReader(channel, framing, self.work, awaits_continue=awaits_continue)
        self._head = head
        self._channel = channel
        self._progress = NOT_BEGUN
        self._keep_alive = head.keeps_alive

    # The request.

    def handler_for_expectation(self) -> Handler:
        """Return the handler of the service, or one that raises HTTPError (417) where the expectation cannot be met.

        The only one that can be is 100-continue (RFC 9110 section 10.1.1).
        """
        if self._head.fields.expect == "100-continue" or self._head.minor_version == 0:
            return self.service.handler
        self._keep_alive = False
        return _refuse_expectation

    @property
    def incoming(self) -> Incoming:
        """The body of the request."""
        return self._body or NO_BODY

    @property
    def has_unread(self) -> bool:
        """Return whether bytes of the peer are, or may be, on their way that nobody will read."""
        return self._channel.has_unread() or (self._body is not None and not self._body.is_complete())

    async def _drop_unread(self, status: int) -> None:
        """Read and drop the rest of the body, if it is short and arrives soon: the response says whether connections stay.

        So does Go. A response that promised to keep the connection before the whole body was known to be in order could
        not keep that promise: a request that a proxy sends on it meanwhile, for somebody else, would be lost. A
        streamed response may still read the body, so nothing is dropped before it.
        """
        body = self._body
        if body is None or body.is_complete() or body.awaits_continue or self._channel.has_reader:
            return
        if status in IMPATIENT:
            return
        if self._keep_alive:  # else nobody depends on it
            await body.drop(self.service.timeouts.linger_seconds)

    @property
    def version(self) -> str:
        """The version that the client speaks, or "upgraded" once the connection has left HTTP."""
        return "upgraded" if self.status == 101 else self._head.version

    @property
    def activity(self) -> str:
        """What is done for the request at this moment, in words."""
        if self.status == 101:
            return "speaking another protocol"
        return "running the handler" if self._progress is NOT_BEGUN else "sending the response"

    def finish(self) -> bool:
        """End the exchange; return whether another request can follow (RFC 9112 section 9.3)."""
        body = self._body
        if body is None:
            return self._keep_alive
        body.is_over = True
        return self._keep_alive and body.is_complete()

    # The response.

    @property
    def has_ended(self) -> bool:
        """Return whether the response has been sent, or cannot be sent any more."""
        return self._progress is ENDED or self._channel.is_closing()

    async def informational(self, status: int, headers: Headers) -> None:
        """Send an interim response; to HTTP/1.0, nothing (RFC 9110 section 15.2).

        Raises ResponseError for another status, Disconnected when the client is gone.
        """
        if not 100 <= status <= 199 or status == 101:
            raise ResponseError(f"an informational answer has a status from 100 to 199 but not 101, not {status}")
        if self._progress is NOT_BEGUN and self._head.minor_version == 1:
            await self._channel.send(encode_head(status, headers.items()))

    async def respond(self, response: Response) -> None:
        """Send a response whole; see Answering."""
        body = response.body
        if self.request is not None and self.service.wants_details:
            self.record.handled, self.record.fields = self.service.clock(), response.pairs()
        if self._progress is NOT_BEGUN:
            if isinstance(body, bytes):
                await self._drop_unread(response.status)
            if isinstance(response, Upgrade):
                await self._upgrade(response)
            elif isinstance(body, bytes):
                await self._send_in_pieces(response, body)
            else:
                await self._stream(response, body)
        if self._channel.is_full():
            await self._channel.drain()

    def respond_at_once(self, response: Response) -> bool:
        """Write a response that has its body, if it is short; return whether nothing is left for `respond` to do."""
        body = response.body
        if not isinstance(body, bytes) or len(body) > JOIN_BYTES:
            return False
        if self._body is not None and not self._body.is_complete():
            return False
        self._channel.write(self._ordinary(response, body) or self._start(response, body, body))
        self._progress = ENDED
        if not self._channel.unsent():
            return True
        self._channel.start_response()
        return not self._channel.is_full()

    def _ordinary(self, response: Response, body: bytes) -> bytes:
        """Return the whole of a response with nothing special about it; b"" for any other, which `_start` encodes."""
        head, pairs = self._head, response.pairs()
        if self.request is not None:
            self.record.fields = pairs
        if not isinstance(pairs, tuple) or not self._keep_alive or head.minor_version == 0 or head.method == "HEAD":
            return b""
        if self.service.shutdown.is_set():
            return b""
        self.status = response.status
        encoded = _ordinary_head(response.status, self.service.date_line(), len(body), pairs)
        return encoded + body if encoded else b""

    async def _send_in_pieces(self, response: Response, body: bytes) -> None:
        """Send a long body piece by piece. Given to the transport whole, it would be copied whole for each slow peer."""
        self._channel.start_response()
        await self._channel.send(self._start(response, body, body[:JOIN_BYTES]))
        if not self._is_bodiless(response.status):
            for start in range(JOIN_BYTES, len(body), PIECE_BYTES):
                await self._channel.send(body[start : start + PIECE_BYTES])
        self._progress = ENDED

    def _start(self, response: Response, body: bytes, piece: bytes) -> bytes:
        """Return the head for a body, and the first piece of it."""
        prepared = _prepare(response.status, response.pairs())
        is_bodiless = prepared.is_bodiless or self._head.method == "HEAD"
        length = prepared.length
        if length is None:
            length = len(body)
        elif length != len(body) and (body or not is_bodiless):
            # For HEAD a handler may announce the length of the body that GET would have.
            raise ResponseError(f"the Content-Length is {length}, the body has {len(body)} bytes")
        return self._encode(prepared, length, b"" if is_bodiless else piece)

    async def _stream(self, response: Response, body: AsyncIterable[bytes | str]) -> None:
        """Send the head, then piece after piece; the body is closed whatever happens."""
        try:
            writer = await self._begin(response)
            if isinstance(body, FileBody) and writer.takes_files():
                await writer.write_file(body)
            elif not self._is_bodiless(response.status):
                async for piece in body:
                    await writer.write(piece.encode() if isinstance(piece, str) else piece)
            trailers = response.trailers if writer.takes_trailers() else {}
            await writer.end(Headers([(name, value()) for name, value in trailers.items()]))
            self._progress = ENDED
        finally:
            await close_body(body)

    async def _begin(self, response: Response) -> Http1BodyWriter:
        """Send a head and return the writer for its body."""
        prepared = _prepare(response.status, response.pairs())
        length = prepared.length
        chunked = length is None and self._head.minor_version == 1
        is_bodiless = self._is_bodiless(response.status)
        if response.trailers and chunked and response.status not in BODILESS:
            announced = encode_fields([("trailer", ", ".join(response.trailers))])  # RFC 9110 section 6.6.2
            prepared = replace(prepared, lines=prepared.lines + announced)
        data = self._encode(prepared, length)
        self._channel.start_response()
        await self._channel.send(data)
        return Http1BodyWriter(self._channel, length=0 if is_bodiless else length, chunked=chunked, silent=is_bodiless)

    async def _upgrade(self, response: Upgrade) -> None:
        fields = self._head.fields
        # RFC 9110 section 7.8: the option in Connection too, or a proxy that knows nothing of it may have passed it on.
        is_offered = response.protocol.lower() in fields.upgrade and "upgrade" in fields.connection
        if not is_offered or self._head.minor_version == 0:
            raise HTTPError(426, f"This speaks {response.protocol} only.", {"upgrade": response.protocol})
        if self._body is not None and not await self._body.drop():  # the new protocol follows the body
            raise HTTPError(400, "The body of a request to upgrade is malformed, or too long.")
        prepared = _prepare(101, response.pairs())
        self._keep_alive = False
        self._progress = BEGUN
        self.status = 101
        own = b"Connection: upgrade\r\n" + encode_fields([("upgrade", response.protocol)])
        await self._channel.send(prepared.status_line + self.service.date_line() + own + prepared.lines + b"\r\n")
        await response.run(Http1Duplex(self._channel))
        self._progress = ENDED

    def _is_bodiless(self, status: int) -> bool:
        """Return whether nothing follows the head, whatever its fields say (RFC 9112 section 6.3, rule 1)."""
        return self._head.method == "HEAD" or status in BODILESS

    def _encode(self, prepared: "_Prepared", length: int | None, piece: bytes = b"") -> bytes:
        """Return the head with the fields that frame the message, and a piece after it: the response has begun."""
        if prepared.closes:
            self._keep_alive = False
        framing = b""
        if not prepared.is_bodiless:  # RFC 9112 section 6.3
            if length is not None:
                framing = b"Content-Length: %d\r\n" % length
            elif self._head.minor_version == 1:
                framing = b"Transfer-Encoding: chunked\r\n"
            else:
                self._keep_alive = False  # HTTP/1.0 knows no chunks: the end of the connection ends the body
        if not self._will_persist():  # the response says so (RFC 9112 section 9.6)
            framing += b"Connection: close\r\n"
        elif prepared.status == 426:  # RFC 9110 section 15.5.22: its Upgrade field is for this connection only
            framing += b"Connection: upgrade\r\n"
        elif self._head.minor_version == 0:
            framing += b"Connection: keep-alive\r\n"
        self._progress = BEGUN
        self.status = prepared.status
        # Date and framing come first, as RFC 9110 section 5.3 asks for.
        return b"".join((prepared.status_line, self.service.date_line(), framing, prepared.lines, b"\r\n", piece))

    def _will_persist(self) -> bool:
        """Return, when the head is written, whether the connection can go on."""
        body = self._body
        if self.service.shutdown.is_set():
            self._keep_alive = False
        elif body is not None and not body.is_complete():
            self._keep_alive = False  # see `_drop_unread`
            body.awaits_continue = False  # the final status takes the place of the 100
        return self._keep_alive

    # What Answering asks.

    def abort(self) -> None:
        """End the connection at once: nothing else shows the client that it does not have the whole response."""
        self._channel.abort()

    def bytes_received(self) -> int:
        """Return how many bytes of the body have been read."""
        return self._body.received if self._body is not None else 0

    def body_details(self) -> tuple[bytes | None, float]:
        """Return the body, if it is short and was read to its end, and the seconds that were spent waiting for it."""
        return self._body.details() if self._body is not None else (b"", 0.0)

    def bytes_sent(self) -> int:
        """Return how many bytes the connection has sent."""
        return self._channel.sent


async def _refuse_expectation(request: Request) -> Response:
    raise HTTPError(417, "The only expectation met is 100-continue.")


@dataclass(slots=True)
class _Prepared:
    """A status line and field lines as they are sent, and what the fields that frame the message said."""

    status: int
    status_line: bytes
    lines: bytes
    length: int | None
    closes: bool
    is_bodiless: bool


def _prepare(status: int, pairs: Sequence[tuple[str, str]]) -> _Prepared:
    """Split the fields of a response; raise ResponseError for a malformed Content-Length."""
    # Most responses have the fields of their kind and no others. Those are a constant, so the work is done once.
    return _prepare_constant(status, pairs) if isinstance(pairs, tuple) else _prepare_fields(status, pairs)


def _prepare_fields(status: int, pairs: Sequence[tuple[str, str]]) -> _Prepared:
    others: list[tuple[str, str]] = []
    own: dict[str, str] = {}
    for name, value in pairs:
        if name in OWN_FIELDS:
            own[name] = value
        else:
            others.append((name, value))
    length = own.get("content-length")
    if length is not None and not CONTENT_LENGTH.fullmatch(length.encode("latin-1")):
        raise ResponseError(f"not a Content-Length: {length!r}")
    closes = "close" in own.get("connection", "").lower().replace(" ", "").split(",")
    announced = None if length is None else int(length)
    return _Prepared(status, status_line(status), encode_fields(others), announced, closes, status in BODILESS)


_prepare_constant = lru_cache(maxsize=1024)(_prepare_fields)  # each static file in memory has fields of its own


@lru_cache(maxsize=1024)  # in one second, most heads are equal to one before
def _ordinary_head(status: int, date_line: bytes, length: int, pairs: tuple[tuple[str, str], ...]) -> bytes:
    """Return the head of a response after which an HTTP/1.1 connection goes on; b"" if more than its length must be said."""
    prepared = _prepare_constant(status, pairs)
    if prepared.is_bodiless or prepared.length is not None or prepared.closes or status == 426:
        return b""
    framing = b"Content-Length: %d\r\n" % length
    return b"".join((prepared.status_line, date_line, framing, prepared.lines, b"\r\n"))
