"""Request bodies in a content coding (RFC 9110 section 8.4), decoded as they are read and no further."""

from collections.abc import Callable
from copy import copy
from typing import Final

from aiosock.config import MIB
from aiosock.errors import HTTPError
from aiosock.headers import Headers
from aiosock.web.exchange import BodyWriter, Exchange, OnDisconnect
from aiosock.web.handler import Middleware, Next
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.wire.codings import BLOCK, Decoder, decoder, installed
from aiosock.wire.head import RequestHead

MAX_BYTES: Final = 16 * MIB
"""As much as `limits.body_bytes` lets a body have that is read whole."""

MAX_RATIO: Final = 100
"""JSON and logs become 5 to 30 times smaller; bombs 1000 times in gzip, and more in others."""


def decompression(*, max_bytes: int = MAX_BYTES, max_ratio: float = MAX_RATIO) -> Middleware:
    """Decode request bodies in gzip, and in br and zstd where they are installed; handlers see neither.

    ```python
    app.middleware(decompression(max_bytes=1024 * 1024))
    ```

    Bodies are decoded a block of 64 KiB at a time, when it is read. Answered instead: 413 for one of more than `max_bytes`,
    decoded or not, or `max_ratio` times its size on the wire and a block; 400 for one that is malformed or ends early; 415
    for another coding, and for several at once. What a route says of `body_limit` holds for the decoded body.
    """
    codings = installed()

    async def decompressed(request: Request, next: Next) -> Response:
        coding = request.headers.get("content-encoding", "identity").lower().replace("x-gzip", "gzip")
        if coding == "identity":
            return await next(request)
        if coding not in codings:
            # RFC 9110 section 15.5.16
            raise HTTPError(415, f"Bodies may be in {', '.join(codings)}.", {"accept-encoding": ", ".join(codings)})
        # They tell of what is on the wire.
        del request.headers["content-encoding"]
        del request.headers["content-length"]
        request.head = _without_length(request.head)
        request.exchange = _Decoded(request.exchange, decoder(coding), max_bytes, max_ratio)
        return await next(request)

    return decompressed


def _without_length(head: RequestHead) -> RequestHead:
    """Give a head that does not tell how long the body is on the wire: other requests may share the one that does."""
    other = copy(head)
    other.fields = head.fields.copy()
    other.fields.content_length = None
    return other


class _Decoded:
    """An exchange whose request body is another; all else is as it was."""

    def __init__(self, exchange: Exchange, decoder: Decoder, max_bytes: int, max_ratio: float) -> None:
        self._exchange = exchange
        self._decoder = decoder
        self._max_bytes = max_bytes
        self._max_ratio = max_ratio
        self._received = 0
        self._decoded = 0
        self.connection = exchange.connection

    async def receive(self) -> bytes:
        """Give the next block; raise HTTPError as `decompression` says."""
        try:
            piece = self._decoder.decode(b"")
            while not piece and (data := await self._exchange.receive()):
                self._received += len(data)
                if self._received > self._max_bytes + BLOCK:  # frames with nothing in them give nothing to count
                    raise self._too_long()
                piece = self._decoder.decode(data)
        except ValueError:
            raise HTTPError(400, "The body is not in the coding that it says.") from None
        if not piece and not self._decoder.is_complete:
            raise HTTPError(400, "The body ended before its coding did.")
        self._decoded += len(piece)
        if self._decoded > self._max_bytes:
            raise self._too_long()
        if self._decoded > self._max_ratio * self._received + BLOCK:
            raise HTTPError(413, f"The body may be compressed {self._max_ratio:g} times.")
        return piece

    def _too_long(self) -> HTTPError:
        return HTTPError(413, f"The body may have {self._max_bytes} bytes.")

    # What is passed on.

    @property
    def on_disconnect(self) -> OnDisconnect:
        return self._exchange.on_disconnect

    @on_disconnect.setter
    def on_disconnect(self, on_disconnect: OnDisconnect) -> None:
        self._exchange.on_disconnect = on_disconnect

    @property
    def trailers(self) -> Headers | None:
        return self._exchange.trailers

    async def informational(self, status: int, headers: Headers) -> None:
        await self._exchange.informational(status, headers)

    async def begin(self, head: Response) -> BodyWriter:
        return await self._exchange.begin(head)

    def when_over(self, close: Callable[[], None]) -> None:
        self._exchange.when_over(close)

    async def disconnected(self) -> None:
        await self._exchange.disconnected()
