"""The body of an HTTP/1 request, read as it is wanted and no faster (RFC 9112 sections 6 and 7)."""

from collections.abc import Coroutine
from math import inf
from typing import Any

from aiosock.errors import ProtocolError
from aiosock.headers import Headers
from aiosock.net.channel import READ_SIZE, Channel
from aiosock.net.pace import Pace
from aiosock.observe import KEPT_BYTES
from aiosock.web.exchange import Work
from aiosock.wire.chunked import BodyDecoder, ChunkedDecoder, LengthDecoder
from aiosock.wire.head import CHUNKED, encode_head


class Http1BodyReader:
    """Reads one body from a channel, under the deadline for its next piece and the minimum rate: an `Incoming`.

    `length` is in bytes, None for a body in chunks. `awaits_continue` is True while the client may be waiting for a 100
    before it sends (RFC 9110 section 10.1.1). `is_broken` is True once the body is malformed: then nobody knows where
    the next request starts. `is_over` is set when the response has been sent. `kept` has the pieces so far, where an
    observer wants details, up to KEPT_BYTES.
    """

    __slots__ = (
        "_channel",
        "_decoder",
        "_pace",
        "_until",
        "_work",
        "awaits_continue",
        "is_broken",
        "is_over",
        "kept",
        "length",
        "received",
    )

    def __init__(self, channel: Channel, framing: int, work: Work | None, *, awaits_continue: bool) -> None:
        self._decoder: BodyDecoder = (
            ChunkedDecoder(channel.service.limits) if framing == CHUNKED else LengthDecoder(framing)
        )
        self._channel = channel
        self._until = inf
        self._work = work
        self._pace: Pace | None = None  # made for the first wait: most bodies have arrived with their head
        self.length: int | None = None if framing == CHUNKED else framing
        self.received: int = 0
        self.awaits_continue: bool = awaits_continue
        self.is_broken: bool = False
        self.is_over: bool = False
        self.kept: list[bytes] | None = [] if channel.service.wants_details else None

    def is_complete(self) -> bool:
        """Return whether the whole body has been read."""
        return self._decoder.complete

    @property
    def trailers(self) -> Headers | None:
        """The fields after the body; None until it is complete."""
        if not self._decoder.complete:
            return None
        return self._decoder.trailers if isinstance(self._decoder, ChunkedDecoder) else Headers()

    def receive(self) -> Coroutine[Any, Any, bytes]:
        """Return the next piece, b"" at the end.

        Raises ProtocolError: 400 for a body that is malformed or ends early, 408 for one that arrives too slowly;
        RuntimeError for the rest of a body once the response has been sent.
        """
        if self.is_over and not self._decoder.complete:
            raise RuntimeError("the exchange is over; its body can no longer be read")
        return self._next()

    async def _next(self) -> bytes:
        try:
            while not self._decoder.complete:
                data = self._channel.take()
                if data:
                    self.awaits_continue = False  # it did not wait for us
                else:
                    data = await self._wait()
                if piece := self._feed(data):
                    return piece
        except ProtocolError:
            self.is_broken = True
            raise
        return b""

    def _feed(self, data: bytes) -> bytes:
        """Return the bytes of the body in `data`; leave what follows the body to the channel."""
        decoder = self._decoder
        piece = decoder.feed(data)
        if decoder.complete:
            self._channel.buffer = decoder.rest
        self.received += len(piece)
        if self.kept is not None:
            self.kept.append(piece)
            if self.received > KEPT_BYTES:
                self.kept = None
        return piece

    def details(self) -> tuple[bytes | None, float]:
        """Return the whole body, if it was kept, and the seconds that were spent waiting for it."""
        content = b"".join(self.kept) if self.kept is not None and self._decoder.complete else None
        return content, 0.0 if self._pace is None else self._pace.waited

    async def drop(self, seconds: float = inf) -> bool:
        """Read and drop the rest; return whether it has ended, in so many seconds and within `unread_body_bytes`."""
        if self.is_broken or (self.length is not None and not self._is_short(self.length - self.received)):
            return False
        self._until = self._channel.service.clock() + seconds
        before = self.received
        try:
            while await self._next():
                if not self._is_short(self.received - before):
                    return False
        except ProtocolError:
            return False
        return True

    def _is_short(self, size: int) -> bool:
        return size <= self._channel.service.limits.unread_body_bytes

    async def _wait(self) -> bytes:
        channel = self._channel
        if channel.has_reader:  # checked here, before the deadline of the other task could change
            raise RuntimeError("another task is already reading the body")
        if self.awaits_continue:
            self.awaits_continue = False
            await channel.send(encode_head(100, ()))
        timeouts = channel.service.timeouts
        self._pace = pace = self._pace or Pace(
            timeouts.body_idle_seconds, timeouts.body_min_bytes_per_second, timeouts.rate_grace_seconds
        )
        channel.deadline = min(pace.begin(channel.service.clock(), self.received), self._until)
        if self._work is not None:
            self._work.wait()
        try:
            data = await channel.receive(most=READ_SIZE)
        except TimeoutError:
            raise ProtocolError(408, "The body came too slowly.") from None
        finally:
            if self._work is not None:
                self._work.go_on()
        if not data:
            raise ProtocolError(400, "The body ended before its announced end.")
        pace.end(channel.service.clock())
        return data
