"""Request bodies in a content coding (RFC 9110 section 8.4), decoded as they are read and no further."""

import asyncio
from typing import Final

from aiosock.config import MIB
from aiosock.errors import HTTPError
from aiosock.headers import Headers
from aiosock.web.body import body_too_large
from aiosock.web.exchange import Incoming
from aiosock.web.handler import Middleware, Next
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.wire.codings import BLOCK, Decoder, TooManyFrames, decoder, installed

MAX_BYTES: Final = 16 * MIB
"""The default of `limits.body_bytes`, which bounds bodies that are read whole."""

MAX_RATIO: Final = 100
"""JSON and logs become 5 to 30 times smaller; bombs 1000 times in gzip, and more in others."""


def decompression(*, max_bytes: int = MAX_BYTES, max_ratio: float = MAX_RATIO) -> Middleware:
    """Decode request bodies in gzip, and in br and zstd where they are installed; handlers do not notice.

    ```python
    app.middleware(decompression(max_bytes=1024 * 1024))
    ```

    A body is decoded while it is read, in blocks of 64 KiB. The `body_limit` of a route counts decoded bytes. A request
    is refused with 413 if its body has more than `max_bytes`, encoded or decoded, or decodes to more than `max_ratio`
    times its size and one block, or has more than 1000 frames (zstd) or members (gzip) and one for each KiB; with 400
    if the body is malformed or ends early; with 415 if it is in another coding, or in several.
    """
    codings = installed()

    async def decompressed(request: Request, next: Next) -> Response:
        coding = request.headers.get("content-encoding", "identity").lower().replace("x-gzip", "gzip")
        if coding == "identity":
            return await next(request)
        if coding not in codings:
            # RFC 9110 section 15.5.16
            raise HTTPError(415, f"Bodies may be in {', '.join(codings)}.", {"accept-encoding": ", ".join(codings)})
        # These two describe the encoded body.
        del request.headers["content-encoding"]
        del request.headers["content-length"]
        request.incoming = _Decoded(request.incoming, decoder(coding), max_bytes, max_ratio)
        return await next(request)

    return decompressed


class _Decoded:
    """A body that decodes another one; its length is not known before its end."""

    __slots__ = ("_decoded", "_decoder", "_encoded", "_max_bytes", "_max_ratio", "_received")

    length: int | None = None

    def __init__(self, encoded: Incoming, decoder: Decoder, max_bytes: int, max_ratio: float) -> None:
        self._encoded = encoded
        self._decoder = decoder
        self._max_bytes = max_bytes
        self._max_ratio = max_ratio
        self._received = 0
        self._decoded = 0

    @property
    def trailers(self) -> Headers | None:
        return self._encoded.trailers

    async def receive(self) -> bytes:
        """Return the next block; raise HTTPError as `decompression` says."""
        try:
            piece = self._decoder.decode(b"")
            while not piece and (data := await self._encoded.receive()):
                self._received += len(data)
                if self._received > self._max_bytes + BLOCK:  # empty blocks decode to nothing that could be counted
                    raise body_too_large(self._max_bytes)
                piece = self._decoder.decode(data)
                if not piece:  # other requests go on while much decodes to nothing
                    await asyncio.sleep(0)
        except TooManyFrames:
            raise HTTPError(413, "The body has too many frames of compressed data.") from None
        except ValueError:
            raise HTTPError(400, "The body is not in the coding that its Content-Encoding names.") from None
        if not piece and not self._decoder.is_complete:
            raise HTTPError(400, "The body ended before its coding did.")
        self._decoded += len(piece)
        if self._decoded > self._max_bytes:
            raise body_too_large(self._max_bytes)
        if self._decoded > self._max_ratio * self._received + BLOCK:
            raise HTTPError(413, f"The body is compressed more than {self._max_ratio:g} times.")
        return piece
