"""Compression of answers (RFC 9110 sections 8.4 and 12.5.3): gzip, and br and zstd where they are installed."""

import asyncio
import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from typing import Final

from aiosock.web.disk.file_body import FileBody
from aiosock.web.handler import Middleware, Next
from aiosock.web.request import Request
from aiosock.web.response import Response, close_body
from aiosock.wire.codings import Encoder, demand, encoder, installed
from aiosock.wire.message import BODILESS
from aiosock.wire.negotiation import choose_coding, vary_by

MINIMUM_BYTES: Final = 1024
"""What fits into one packet with its head arrives no sooner for being smaller."""

THREAD_BYTES: Final = 32 * 1024
"""From here on compressing takes longer, up to 1 ms, than the hop to a thread, some 0.1 ms."""

_COMPRESSIBLE = re.compile(
    r"text/.++|[^+]++\+(?:json|xml|text)|font/(?:otf|ttf)|image/(?:bmp|vnd\.microsoft\.icon|x-icon)"
    r"|application/(?:graphql|javascript|json|json-seq|ld\+json|rtf|sql|toml|wasm|x-javascript|x-ndjson|xml|yaml)"
)
"""Media types worth it. Others are compressed already, as images, films, archives and woff2 are, or nobody knows."""

_SEALS: Final = frozenset({"accept-ranges", "content-digest", "content-encoding", "content-range", "repr-digest"})
"""Fields that are only true of the very bytes they came with."""


def compression(*, minimum_bytes: int = MINIMUM_BYTES, codings: Sequence[str] = ()) -> Middleware:
    """Compress what is worth it, in the coding that the client likes best; of equals the first of `codings`.

    ```python
    app.middleware(compression(minimum_bytes=512))
    ```

    Those are by default zstd, br and gzip, as far as they are installed: `pip install 'aiosock[compress]'`. What comes
    piece by piece is sent so: each piece can be read when it arrives, events too. Left as they are:

    - bodies below `minimum_bytes`, and media types that are compressed already;
    - answers with a Content-Encoding, a digest, or `Cache-Control: no-transform`;
    - parts, and what can be asked for in parts. So StaticFiles: those have precompressed siblings.

    A strong ETag becomes weak, for one version then has several sequences of bytes (RFC 9110 section 8.8.1). That is as
    good for If-None-Match; If-Match takes strong ones only, so give `no-transform` to what clients edit with its help.

    Beware of BREACH: who can make a browser send requests, and sees how long the answers are, guesses a secret that
    stands in a page beside what the request said, letter by letter. Mask such secrets (CSRF tokens), or send them
    with `no-transform`.

    Raises ValueError for a coding that is unknown or not installed.
    """
    offers = demand(codings) if codings else installed()

    async def compressed(request: Request, next: Next) -> Response:
        response = await next(request)
        if response.status == 304 and "accept-ranges" not in response.headers:
            _confirm(request, response)
        elif _is_worth_it(response, minimum_bytes):
            vary_by(response.headers, "Accept-Encoding")
            coding = choose_coding(request.headers.get("accept-encoding", ""), offers)
            if coding != "identity":
                await _compress(request, response, coding)
        return response

    return compressed


def _is_worth_it(response: Response, minimum_bytes: int) -> bool:
    """Say whether a client that takes a coding gets this answer in it."""
    body, headers = response.body, response.headers
    if response.status < 200 or response.status in BODILESS or isinstance(body, FileBody):
        return False
    media_type = headers.get("content-type", "").partition(";")[0].strip(" \t").lower()
    if not _COMPRESSIBLE.fullmatch(media_type):
        return False
    if _SEALS.intersection(headers) or _SEALS.intersection(response.trailers):
        return False
    if "no-transform" in headers.get("cache-control", "").lower():  # RFC 9111 section 5.2.2.6
        return False
    # The length that a handler announces for HEAD is that of GET.
    announced = headers.get("content-length", "")
    if announced.isdecimal():
        return int(announced) >= minimum_bytes
    return not isinstance(body, bytes) or len(body) >= minimum_bytes


async def _compress(request: Request, response: Response, coding: str) -> None:
    headers, body = response.headers, response.body
    headers["content-encoding"] = coding
    del headers["content-length"]
    etag = headers.get("etag", "")
    if etag.startswith('"'):
        headers["etag"] = f"W/{etag}"
    if request.method == "HEAD":
        # RFC 9110 section 9.3.2: what is known without the content. Its length is not.
        response.body = _nothing() if isinstance(body, bytes) else body
    elif isinstance(body, bytes):
        response.body = await _off_loop(encoder(coding).finish, body)
    else:
        response.body = _Compressed(body, encoder(coding))


class _Compressed:
    """A body piece by piece, each of them whole for the client when it is sent."""

    def __init__(self, body: AsyncIterable[bytes | str], encoder: Encoder) -> None:
        self._body = body
        self._pieces = aiter(body)
        self._encoder = encoder
        self._has_ended = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._has_ended:
            raise StopAsyncIteration
        piece = await anext(self._pieces, None)
        if piece is None:
            self._has_ended = True
            return self._encoder.finish()
        return await _off_loop(self._encoder.encode, piece.encode() if isinstance(piece, str) else piece)

    async def aclose(self) -> None:
        """Close the body; called whether or not it was read."""
        await close_body(self._body)


async def _off_loop(encode: Callable[[bytes], bytes], data: bytes) -> bytes:
    return await asyncio.to_thread(encode, data) if len(data) >= THREAD_BYTES else encode(data)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def _confirm(request: Request, response: Response) -> None:
    """Make a 304 say what the answer said that it stands for (RFC 9110 section 15.4.5)."""
    headers = response.headers
    vary_by(headers, "Accept-Encoding")
    # A cache looks for the very tag that it keeps (RFC 9111 section 4.3.4).
    weak = f"W/{headers.get('etag', '')}"
    if weak.startswith('W/"') and weak in request.headers.get("if-none-match", ""):
        headers["etag"] = weak
