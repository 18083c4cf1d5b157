"""Putting a script into a page: whole or streamed, compressed or not, with the fields that describe the body made true."""

from collections.abc import AsyncIterable, AsyncIterator
from copy import copy
from typing import Final

from aiosock.headers import Headers
from aiosock.web.request import Request
from aiosock.web.response import Response, Upgrade, close_body
from aiosock.wire.codings import Decoder, decoder, installed
from aiosock.wire.message import BODILESS

_BODY_END: Final = b"</body"

_UNTRUE: Final = ("accept-ranges", "content-digest", "content-md5", "digest", "etag", "last-modified", "repr-digest")
"""Fields that are true only of the bytes as the handler has sent them."""


def is_page(response: Response) -> bool:
    """Return whether a response is a whole page in HTML to which bytes of ASCII can be added."""
    if isinstance(response, Upgrade) or response.status in BODILESS or response.status == 206:
        return False
    if response.headers.get("content-disposition", "").lower().startswith("attachment"):  # saved, not shown
        return False
    media_type, _, parameters = response.headers.get("content-type", "").lower().partition(";")
    if media_type.strip(" \t") != "text/html" or "utf-16" in parameters or "utf-32" in parameters:
        return False
    return _coding(response) in ("identity", *installed())


def own(response: Response) -> Response:
    """Return a copy with its own fields: a handler may return one response for many requests."""
    copied = copy(response)
    copied.headers = Headers.from_valid(tuple(response.pairs()))
    return copied


def with_script(request: Request, response: Response, script: bytes) -> Response:
    """Put `script` before the end of the body of a page, or behind all of it where it is streamed; change `response`.

    A body in a content coding is decoded. Validators and digests go, as the page is another one than they describe.
    """
    headers, coding = response.headers, _coding(response)
    for name in (*_UNTRUE, "content-encoding"):
        del headers[name]
    response.trailers = {name: value for name, value in response.trailers.items() if name not in _UNTRUE}
    headers["cache-control"] = "no-store"
    length = headers.get("content-length", "")
    del headers["content-length"]
    if isinstance(response.body, bytes):
        if response.body or request.method != "HEAD":
            response.body = _inserted(_decoded(response.body, coding), script)
            return response
    else:
        response.body = _WithScript(response.body, None if coding == "identity" else decoder(coding), script)
    if coding == "identity" and length.isdecimal():
        headers["content-length"] = str(int(length) + len(script))
    return response


def _coding(response: Response) -> str:
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    return coding.replace("x-gzip", "gzip")


def _inserted(body: bytes, script: bytes) -> bytes:
    """Return a page with the script before the last end tag of its body; a script of the page may have one in a text."""
    place = body.lower().rfind(_BODY_END)
    return body + script if place < 0 else body[:place] + script + body[place:]


def _decoded(body: bytes, coding: str) -> bytes:
    if coding == "identity":
        return body
    return b"".join(_blocks(decoder(coding), body))


def _blocks(decoder: Decoder, data: bytes) -> list[bytes]:
    blocks = [decoder.decode(data)]
    while blocks[-1]:
        blocks.append(decoder.decode(b""))
    return blocks


class _WithScript:
    """A streamed page, decoded if need be, and the script after it: browsers run what follows the end of a page."""

    def __init__(self, body: AsyncIterable[bytes | str], decoder: Decoder | None, script: bytes) -> None:
        self._body = body
        self._decoder = decoder
        self._script = script
        self._pieces = self._run()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def _run(self) -> AsyncIterator[bytes]:
        async for piece in self._body:
            data = piece.encode() if isinstance(piece, str) else piece
            for block in [data] if self._decoder is None else _blocks(self._decoder, data):
                if block:
                    yield block
        yield self._script

    async def aclose(self) -> None:
        """Close the body; called whether or not it was read."""
        await close_body(self._pieces)
        await close_body(self._body)
