"""The body of an HTTP/1 request, read as it is wanted and no faster (RFC 9112 sections 6 and 7)."""

from aiosock.errors import ProtocolError
from aiosock.headers import Headers
from aiosock.net.channel import Channel
from aiosock.wire.chunked import BodyDecoder, ChunkedDecoder, LengthDecoder
from aiosock.wire.head import CHUNKED, encode_head


class Http1BodyReader:
    """Takes one body out of a channel, under the deadline for its next piece and the minimum rate.

    `awaits_continue` says that the client may be waiting for a 100 before it sends (RFC 9110 section 10.1.1), `is_broken`
    that what follows on the connection cannot be told from the body.
    """

    __slots__ = ("_channel", "_decoder", "_length", "_received", "_waited", "awaits_continue", "is_broken")

    def __init__(self, channel: Channel, framing: int, *, awaits_continue: bool) -> None:
        self._decoder: BodyDecoder = ChunkedDecoder(channel.limits) if framing == CHUNKED else LengthDecoder(framing)
        self._channel = channel
        self._length = framing
        self._received = 0
        self._waited = 0.0
        self.awaits_continue: bool = awaits_continue
        self.is_broken: bool = False

    def is_complete(self) -> bool:
        """Say whether the whole body has been read."""
        return self._decoder.complete

    @property
    def trailers(self) -> Headers:
        """The fields that came behind the body, once it is complete."""
        return self._decoder.trailers if isinstance(self._decoder, ChunkedDecoder) else Headers()

    @property
    def is_short(self) -> bool:
        """Say whether what is left is, as far as one can tell, little enough to be read and dropped.

        A chunked body does not say how long it is: as much is expected to come as has come.
        """
        left = self._received if self._length == CHUNKED else self._length - self._received
        return left <= self._channel.limits.unread_body_bytes

    async def receive(self) -> bytes:
        """Give the next piece, b"" at the end.

        Raises ProtocolError: 400 for a body that is malformed or ends early, 408 for one that comes too slowly.
        """
        channel, decoder = self._channel, self._decoder
        try:
            while not decoder.complete:
                data = channel.take()
                if data:
                    self.awaits_continue = False  # it did not wait for us
                else:
                    data = await self._wait()
                piece = decoder.feed(data)
                if decoder.complete:
                    channel.buffer = decoder.rest
                if piece:
                    self._received += len(piece)
                    return piece
        except ProtocolError:
            self.is_broken = True
            raise
        return b""

    async def drop(self) -> bool:
        """Read and drop what is left; say whether that ended within the budget."""
        budget = self._channel.limits.unread_body_bytes
        try:
            while piece := await self.receive():
                budget -= len(piece)
                if budget < 0:
                    return False
        except ProtocolError:
            return False
        return True

    async def _wait(self) -> bytes:
        channel, timeouts = self._channel, self._channel.timeouts
        if channel.is_read:  # asked here: the deadline below would be that of the task that reads
            raise RuntimeError("another task is already reading the body")
        if self.awaits_continue:
            self.awaits_continue = False
            await channel.send(encode_head(100, ()))
        began = channel.clock()
        patience = timeouts.body_idle_seconds
        if timeouts.body_min_bytes_per_second:
            earned = self._received / timeouts.body_min_bytes_per_second
            patience = min(patience, timeouts.rate_grace_seconds + earned - self._waited)
        channel.deadline = began + patience
        try:
            data = await channel.receive()
        except TimeoutError:
            raise ProtocolError(408, "The body came too slowly.") from None
        if not data:
            raise ProtocolError(400, "The body ended before its announced end.")
        self._waited += channel.clock() - began
        return data
