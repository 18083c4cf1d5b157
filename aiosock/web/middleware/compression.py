"""Compression of responses (RFC 9110 sections 8.4 and 12.5.3): gzip, and br and zstd if they are installed."""

import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from typing import Final

from aiosock.web.disk.file_body import FileBody
from aiosock.web.few_threads import in_few_threads
from aiosock.web.handler import Middleware, Next
from aiosock.web.request import Request
from aiosock.web.response import Response, Upgrade, close_body
from aiosock.wire.codings import Encoder, demand, encoder, installed
from aiosock.wire.message import BODILESS
from aiosock.wire.negotiation import choose_coding, vary_by

MINIMUM_BYTES: Final = 1024
"""A smaller body fits into one packet with its head, so it would not arrive sooner compressed."""

THREAD_BYTES: Final = 32 * 1024
"""From this size on, compressing takes longer (up to 1 ms) than handing it to a thread (0.1 ms)."""

_COMPRESSIBLE = re.compile(
    r"text/.++|[^+]++\+(?:json|xml|text)|font/(?:otf|ttf)|image/(?:bmp|vnd\.microsoft\.icon|x-icon)"
    r"|application/(?:graphql|javascript|json|json-seq|ld\+json|rtf|sql|toml|wasm|x-javascript|x-ndjson|xml|yaml)"
)
"""Media types worth compressing. Others are unknown, or compressed already: images, videos, archives, woff2."""

_BYTE_EXACT: Final = frozenset({"accept-ranges", "content-digest", "content-encoding", "content-range", "repr-digest"})
"""Fields that are true only of the exact bytes they came with."""


def compression(*, minimum_bytes: int = MINIMUM_BYTES, codings: Sequence[str] = ()) -> Middleware:
    """Compress responses that are worth it, in the coding that the client prefers.

    ```python
    app.middleware(compression(minimum_bytes=512))
    ```

    If it prefers several equally, the first of `codings` is used. These are by default zstd, br and gzip, if they are
    installed (the extra `compress`). A streamed body stays streamed: the client can decode each piece, such
    as an event, when it arrives. Not compressed are:

    - bodies smaller than `minimum_bytes`, and media types that are compressed already;
    - responses with a Content-Encoding, a digest, or `Cache-Control: no-transform`;
    - partial responses, and those that accept ranges, such as StaticFiles: it has precompressed siblings instead.

    A strong ETag becomes weak, because one version now has several forms in bytes (RFC 9110 section 8.8.1).
    If-None-Match works with weak tags, but If-Match does not. If clients use If-Match to edit a resource, send it with
    `no-transform`.

    Beware of the BREACH attack. It needs a page that contains a secret and a text from the request. An attacker who can
    make a browser send requests, and who sees the length of the responses, then guesses the secret letter by letter.
    Mask such secrets (CSRF tokens), or send them with `no-transform`.

    Raises ValueError for a coding that is unknown or not installed.
    """
    offers = demand(codings) if codings else installed()

    async def compressed(request: Request, next: Next) -> Response:
        response = await next(request)
        if response.status == 304 and "accept-ranges" not in response.headers:
            _complete_304(request, response)
        elif _is_worth_it(response, minimum_bytes):
            vary_by(response.headers, "Accept-Encoding")
            coding = choose_coding(request.headers.get("accept-encoding", ""), offers)
            if coding != "identity":
                await _compress(request, response, coding)
        return response

    return compressed


def _is_worth_it(response: Response, minimum_bytes: int) -> bool:
    """Return whether a client that accepts a coding gets this response in it."""
    body, headers = response.body, response.headers
    if isinstance(response, Upgrade):  # what follows it is no body
        return False
    if response.status < 200 or response.status in BODILESS or isinstance(body, FileBody):
        return False
    media_type = headers.get("content-type", "").partition(";")[0].strip(" \t").lower()
    if not _COMPRESSIBLE.fullmatch(media_type):
        return False
    if _BYTE_EXACT.intersection(headers) or _BYTE_EXACT.intersection(response.trailers):
        return False
    if "no-transform" in headers.get("cache-control", "").lower():  # RFC 9111 section 5.2.2.6
        return False
    # For HEAD, a handler announces the length that GET would have.
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
        # RFC 9110 section 9.3.2: leave out fields that are known only from the content. The compressed length is one.
        response.body = _nothing() if isinstance(body, bytes) else body
    elif isinstance(body, bytes):
        response.body = await _off_loop(encoder(coding).finish, body)
    else:
        response.body = _Compressed(body, encoder(coding))


class _Compressed:
    """A streamed body. The encoder flushes each piece, so the client can decode it when it arrives."""

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
    return await in_few_threads(encode, data) if len(data) >= THREAD_BYTES else encode(data)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def _complete_304(request: Request, response: Response) -> None:
    """Set the Vary and ETag that the 200 would have had (RFC 9110 section 15.4.5)."""
    headers = response.headers
    vary_by(headers, "Accept-Encoding")
    # A cache looks for the exact tag that it has stored (RFC 9111 section 4.3.4).
    weak = f"W/{headers.get('etag', '')}"
    if weak.startswith('W/"') and weak in request.headers.get("if-none-match", ""):
        headers["etag"] = weak
