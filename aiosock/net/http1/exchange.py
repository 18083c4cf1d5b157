"""One HTTP/1 exchange: the request body as it is wanted, the answer as the peer takes it (RFC 9112 sections 6 to 9)."""

import asyncio
from collections.abc import AsyncIterable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from aiosock.errors import HTTPError, ResponseError
from aiosock.headers import Headers
from aiosock.net.channel import Channel
from aiosock.net.http1.reader import Http1BodyReader
from aiosock.net.http1.writer import Http1BodyWriter, Http1Duplex
from aiosock.net.service import Service
from aiosock.web.disk.file_body import FileBody
from aiosock.web.exchange import Connection, OnDisconnect
from aiosock.web.response import Response, Upgrade, close_body
from aiosock.wire.grammar import CONTENT_LENGTH
from aiosock.wire.head import BODILESS, RequestHead, body_framing, encode_fields, encode_head, keeps_alive, status_line

OWN_FIELDS: Final = frozenset({"connection", "content-length", "date", "keep-alive", "transfer-encoding"})
"""The date and the fields that frame the message: the connection's business, whatever a handler has set."""

JOIN_BYTES: Final = 64 * 1024
"""Bodies up to this leave in one write with their head."""

PIECE_BYTES: Final = 256 * 1024
"""Longer ones are handed over in pieces of this, each when the peer has taken most of what came before."""


class Answer(Enum):
    """How far the answer has come."""

    NOT_BEGUN = "nothing but informational answers was sent"
    BEGUN = "the head was sent"
    ENDED = "all of it was sent"


# A global costs 65 ns less to reach than a member of its class, five times for each request.
NOT_BEGUN, BEGUN, ENDED = Answer


class Http1Exchange:
    """A request and its answer on an HTTP/1 connection; see `web.exchange.Exchange` for its contract."""

    __slots__ = (
        "_answer",
        "_body",
        "_cancelling",
        "_channel",
        "_gone",
        "_head",
        "_keep_alive",
        "_service",
        "_task",
        "_when_over",
        "connection",
        "on_disconnect",
        "status",
    )

    def __init__(
        self,
        head: RequestHead,
        channel: Channel,
        service: Service,
        connection: Connection,
        task: asyncio.Task[Any] | None,
    ) -> None:
        """Take part in `task`, the connection's, until `over`: a handler is cancelled through it."""
        framing = body_framing(head)
        self._body: Http1BodyReader | None = None
        if framing:
            awaits_continue = head.fields.expect is not None and head.version == (1, 1)
            self._body = Http1BodyReader(channel, framing, awaits_continue=awaits_continue)
        self._head = head
        self._channel = channel
        self._service = service
        self._task = task
        self._answer = NOT_BEGUN
        self._cancelling = False
        self._gone: asyncio.Event | None = None
        self._keep_alive = keeps_alive(head)
        self._when_over: Sequence[Callable[[], None]] = ()
        self.connection: Connection = connection
        self.on_disconnect: OnDisconnect = "cancel"
        self.status: int = 0
        channel.watcher = self
        if connection.load is not None:
            connection.load.active += 1

    # The request body.

    def check_expectation(self) -> None:
        """Raise HTTPError (417) for an expectation other than 100-continue (RFC 9110 section 10.1.1)."""
        if self._head.fields.expect not in (None, "100-continue") and self._head.version == (1, 1):
            self._keep_alive = False
            raise HTTPError(417, "The only expectation met is 100-continue.")

    @property
    def has_unread(self) -> bool:
        """Say whether bytes of the peer are, or may be, on their way that nobody will read."""
        return bool(self._channel.buffer) or (self._body is not None and not self._body.is_complete())

    @property
    def has_begun(self) -> bool:
        """Say whether the final status has been sent."""
        return self._answer is not NOT_BEGUN

    def receive(self) -> Coroutine[Any, Any, bytes]:
        """Give the next piece of the request body, b"" at its end."""
        body = self._body
        if body is None:
            return _nothing()
        if self._answer is ENDED and not body.is_complete():
            raise RuntimeError("the exchange is over; its body can no longer be read")
        return body.receive()

    def is_finished(self) -> bool:
        """Say whether another request can follow at once: the plain case, without the await of `finish`."""
        return self._keep_alive and (self._body is None or self._body.is_complete())

    async def finish(self) -> bool:
        """Read and drop a short rest of the body; say whether another request can follow (RFC 9112 section 9.3)."""
        if not self._keep_alive or self._channel.is_read:
            return False
        return self._body is None or (not self._body.is_broken and await self._body.drop())

    @property
    def trailers(self) -> Headers | None:
        """The fields behind the request body, None until it has been read."""
        if self._body is None:
            return Headers()
        return self._body.trailers if self._body.is_complete() else None

    # The answer.

    async def informational(self, status: int, headers: Headers) -> None:
        """Send an interim answer; to HTTP/1.0, nothing (RFC 9110 section 15.2)."""
        if not 100 <= status <= 199 or status == 101:
            raise ResponseError(f"an informational answer has a status from 100 to 199 but not 101, not {status}")
        if self._answer is NOT_BEGUN and self._head.version == (1, 1):
            await self._channel.send(encode_head(status, headers.items()))

    async def begin(self, head: Response) -> Http1BodyWriter:
        """Send a head and give the writer for its body."""
        prepared = _prepare(head.status, head.pairs())
        length = prepared.length
        chunked = length is None and self._head.version == (1, 1)
        if head.trailers and chunked and head.status not in BODILESS:
            announced = encode_fields([("trailer", ", ".join(head.trailers))])  # RFC 9110 section 6.6.2
            prepared = replace(prepared, lines=prepared.lines + announced)
        data = self._encode(prepared, length)
        bodiless = self._is_bodiless(head.status)
        writer = Http1BodyWriter(
            self._channel,
            length=0 if bodiless else length,
            chunked=chunked,
            silent=bodiless,
            when_ended=self._ended,
        )
        self._channel.start_answer()
        await self._channel.send(data)
        return writer

    async def answer(self, response: Response) -> None:
        """Send a response whole.

        Raises Disconnected; ResponseError for one that is not fit to be sent; what a streamed body itself raises.
        """
        body = response.body
        if self._answer is BEGUN:
            raise ResponseError("the handler began an answer and did not end it")
        if self._answer is NOT_BEGUN:
            if isinstance(response, Upgrade):
                await self._upgrade(response)
            elif isinstance(body, bytes):
                await self._send_in_pieces(response, body)
            else:
                await self._stream(response, body)
        if self._channel.is_full():
            await self._channel.drain()

    def answer_at_once(self, response: Response) -> bool:
        """Write a response that has its body, if it is one; say whether nothing is left for `answer` to do."""
        body = response.body
        if self._answer is not NOT_BEGUN or not isinstance(body, bytes) or len(body) > JOIN_BYTES:
            return False
        if response.status == 101:  # an Upgrade
            return False
        self._channel.write(self._start(response, body, body))
        self._answer = ENDED
        if not self._channel.unsent():
            return True
        self._channel.start_answer()
        return not self._channel.is_full()

    async def _send_in_pieces(self, response: Response, body: bytes) -> None:
        """Send a long body piece by piece: handed over whole, it would be copied whole for each peer that is slow."""
        self._channel.start_answer()
        await self._channel.send(self._start(response, body, body[:JOIN_BYTES]))
        if not self._is_bodiless(response.status):
            for start in range(JOIN_BYTES, len(body), PIECE_BYTES):
                await self._channel.send(body[start : start + PIECE_BYTES])
        self._answer = ENDED

    def _start(self, response: Response, body: bytes, piece: bytes) -> bytes:
        """Give the head for a body, and the first piece of it."""
        prepared = _prepare(response.status, response.pairs())
        is_bodiless = self._is_bodiless(response.status)
        length = prepared.length
        if length is None:
            length = len(body)
        elif length != len(body) and (body or not is_bodiless):
            # A handler may announce for HEAD the length of the body that GET would have.
            raise ResponseError(f"the Content-Length is {length}, the body has {len(body)} bytes")
        return self._encode(prepared, length, b"" if is_bodiless else piece)

    async def _stream(self, response: Response, body: AsyncIterable[bytes | str]) -> None:
        """Write the head, then piece after piece; the body is closed whatever happens."""
        try:
            writer = await self.begin(response)
            if isinstance(body, FileBody) and writer.takes_files():
                await writer.write_file(body)
            elif not self._is_bodiless(response.status):
                async for piece in body:
                    await writer.write(piece.encode() if isinstance(piece, str) else piece)
            trailers = response.trailers if writer.takes_trailers() else {}
            await writer.end(Headers([(name, value()) for name, value in trailers.items()]))
        finally:
            await close_body(body)

    async def _upgrade(self, response: Upgrade) -> None:
        fields = self._head.fields
        # RFC 9110 section 7.8: the option in Connection too, or a proxy that knows nothing of it may have passed it on.
        is_offered = response.protocol.lower() in fields.upgrade and "upgrade" in fields.connection
        if not is_offered or self._head.version != (1, 1):
            raise HTTPError(426, f"This speaks {response.protocol} only.", {"upgrade": response.protocol})
        if self._body is not None and not await self._body.drop():  # the new protocol comes after the body
            raise HTTPError(400, "The body of a request to upgrade is malformed, or too long.")
        self._keep_alive = False
        self._answer = BEGUN
        self.status = 101
        prepared = _prepare(101, response.pairs())
        own = self._service.date_line() + b"Connection: upgrade\r\n"
        await self._channel.send(prepared.status_line + own + prepared.lines + b"\r\n")
        await response.run(Http1Duplex(self._channel))
        self._answer = ENDED

    def _is_bodiless(self, status: int) -> bool:
        """Say whether nothing follows the head, whatever its fields say (RFC 9112 section 6.3, rule 1)."""
        return self._head.method == "HEAD" or status in BODILESS

    def _encode(self, prepared: "_Prepared", length: int | None, piece: bytes = b"") -> bytes:
        """Give the head with the fields that frame the message, and a piece behind it: the answer has begun."""
        if self._answer is not NOT_BEGUN:
            raise ResponseError("the answer has already begun")
        if prepared.closes:
            self._keep_alive = False
        framing = b""
        if prepared.status not in BODILESS:  # RFC 9112 section 6.3
            if length is not None:
                framing = b"Content-Length: %d\r\n" % length
            elif self._head.version == (1, 1):
                framing = b"Transfer-Encoding: chunked\r\n"
            else:
                self._keep_alive = False  # HTTP/1.0 knows no chunks: the end of the connection ends the body
        if not self._will_persist():  # the answer says so (RFC 9112 section 9.6)
            framing += b"Connection: close\r\n"
        elif prepared.status == 426:  # RFC 9110 section 15.5.22: its Upgrade field is for this connection only
            framing += b"Connection: upgrade\r\n"
        elif self._head.version == (1, 0):
            framing += b"Connection: keep-alive\r\n"
        self._answer = BEGUN
        self.status = prepared.status
        # Date and framing come first, as RFC 9110 section 5.3 asks for.
        return b"".join((prepared.status_line, self._service.date_line(), framing, prepared.lines, b"\r\n", piece))

    def _will_persist(self) -> bool:
        """Decide, when the head is written, whether the connection can go on."""
        body = self._body
        if self._service.shutdown.is_set():
            self._keep_alive = False
        elif body is not None and not body.is_complete():
            # A client that never got its 100 may send the body or not: what follows could be either (RFC 9110, 10.1.1).
            if body.is_broken or body.awaits_continue or not body.is_short:
                self._keep_alive = False
            body.awaits_continue = False  # the final status takes the place of the 100
        return self._keep_alive

    def _ended(self) -> None:
        self._answer = ENDED

    # The peer that leaves.

    def peer_left(self, *, reset: bool) -> None:
        """Tell a handler that waits for it; cancel the handler where its route says so."""
        if self._gone is not None:
            self._gone.set()
        if self._cancelling or self.on_disconnect == "finish" or not (reset or self.on_disconnect == "eager"):
            return
        if self._task is not None:
            self._cancelling = True
            self._task.cancel()

    def stop_cancelling(self) -> bool:
        """Take back our own cancellation; False where it is somebody else's."""
        if self._cancelling and self._task is not None:
            self._task.uncancel()
        return self._cancelling

    async def disconnected(self) -> None:
        """Wait until the peer has closed or reset the connection, or the exchange is over."""
        if self._answer is ENDED or self._channel.is_closing():
            return
        self._gone = self._gone or asyncio.Event()
        await self._gone.wait()

    def when_over(self, close: Callable[[], None]) -> None:
        """Have `close` called by `over`."""
        self._when_over = [*self._when_over, close]

    def over(self) -> None:
        """Let go of the connection, of what the request held open, and of whoever still waits for the peer to leave."""
        for close in self._when_over:
            close()
        self._channel.watcher = None
        if self.connection.load is not None:
            self.connection.load.active -= 1
        if self._gone is not None:
            self._gone.set()


async def _nothing() -> bytes:
    return b""


@dataclass(slots=True)
class _Prepared:
    """A status line and field lines as they are sent, and what the framing fields among them said."""

    status: int
    status_line: bytes
    lines: bytes
    length: int | None
    closes: bool


def _prepare(status: int, pairs: Sequence[tuple[str, str]]) -> _Prepared:
    """Take the fields of an answer apart; raise ResponseError for a Content-Length that is none."""
    # Most answers have the fields of their kind and no others, which are a constant: 1.1 us of 17 for a plain answer.
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
    return _Prepared(status, status_line(status), encode_fields(others), announced, closes)


_prepare_constant = lru_cache(maxsize=1024)(_prepare_fields)  # each static file in memory has fields of its own
