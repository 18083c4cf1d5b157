"""Replay: send a request once more, to the server that runs now, as its client would."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from aiosock.config import Limits
from aiosock.errors import HTTPError, ProtocolError
from aiosock.net.binding import local_url
from aiosock.wire.chunked import ChunkedDecoder
from aiosock.wire.client_head import ResponseHead, encode_request_head, parse_response_head, response_framing
from aiosock.wire.head import CHUNKED
from aiosock.wire.message import RequestHead

MOST_BYTES: Final = 64 * 1024
"""What is read of the response, and shown."""

SECONDS: Final = 10.0
"""Time for the response. A stream of events does not end by itself."""

_HEAD_BYTES = 64 * 1024
_OF_CONNECTION = frozenset(
    {"connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)


async def replay(urls: Sequence[str], head: RequestHead, body: bytes | None) -> dict[str, Any]:
    """Send a request to the first of these addresses; return what came back within MOST_BYTES and SECONDS.

    `body` is None for a request that had none. Raises HTTPError (502) if nothing, or no valid response, came back.
    """
    began = time.monotonic()
    received = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            await _exchange(urls[0], _encoded(head, body), received)
        is_whole = len(received) < _HEAD_BYTES + MOST_BYTES
    except TimeoutError:
        is_whole = False
    except OSError as error:
        raise HTTPError(502, f"The request could not be sent again: {error}.") from None
    try:
        answer, content = _parse(bytes(received), head.method)
    except ProtocolError as error:
        raise HTTPError(502, f"No valid response came back: {error.detail}") from None
    return {
        "status": answer.status,
        "fields": answer.headers.pairs(),
        "text": content[:MOST_BYTES].decode(errors="replace"),
        "size": len(content),
        "is_whole": is_whole,
        "seconds": time.monotonic() - began,
    }


def _encoded(head: RequestHead, body: bytes | None) -> bytes:
    fields = [(name, value) for name, value in head.headers().items() if name not in _OF_CONNECTION]
    fields.append(("connection", "close"))
    if body is not None:
        fields.append(("content-length", str(len(body))))
    return encode_request_head(head.method, head.target, fields) + (body or b"")


async def _exchange(url: str, request: bytes, received: bytearray) -> None:
    """Send bytes and collect what comes back, until the server closes or there is too much."""
    if url.startswith("unix:"):
        reader, writer = await asyncio.open_unix_connection(url.removeprefix("unix:"))
    else:
        parts = urlsplit(local_url(url))
        reader, writer = await asyncio.open_connection(parts.hostname or "", parts.port)
    try:
        writer.write(request)
        while len(received) < _HEAD_BYTES + MOST_BYTES and (piece := await reader.read(64 * 1024)):
            received += piece
    finally:
        writer.transport.abort()


def _parse(data: bytes, method: str) -> tuple[ResponseHead, bytes]:
    """Return the final head and as much of the body as is there; raise ProtocolError (502) where there is no head."""
    while True:
        block, end, data = data.partition(b"\r\n\r\n")
        answer = parse_response_head(block + end)
        if answer.status >= 200 or answer.status == 101:
            break
    if response_framing(answer, method) != CHUNKED:
        return answer, data
    return answer, ChunkedDecoder(Limits()).feed(data)
