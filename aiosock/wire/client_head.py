"""Heads as our own client reads and writes them (RFC 9112 sections 3 to 6): the other side of `head`."""

from collections.abc import Iterable
from typing import Final

from aiosock.errors import ProtocolError
from aiosock.headers import Headers
from aiosock.wire import grammar
from aiosock.wire.head import CHUNKED, encode_fields
from aiosock.wire.message import BODILESS

UNTIL_CLOSE: Final = -2
"""The framing of a response body that ends with the connection (RFC 9112 section 6.3, rule 8)."""

_VERSIONS: Final = {b"0": (1, 0), b"1": (1, 1)}


class ResponseHead:
    """A status line and its fields, as a client reads them."""

    __slots__ = ("headers", "reason", "status", "version")

    def __init__(self, status: int, reason: str, version: tuple[int, int], headers: Headers) -> None:
        self.status: int = status
        self.reason: str = reason
        self.version: tuple[int, int] = version
        self.headers: Headers = headers


def encode_request_head(method: str, target: str, fields: Iterable[tuple[str, str]]) -> bytes:
    """Encode a request head with its blank line. All parts must be valid."""
    return f"{method} {target} HTTP/1.1\r\n".encode("ascii") + encode_fields(fields) + b"\r\n"


def parse_response_head(head: bytes) -> ResponseHead:
    """Parse a response head, given up to and with its blank line.

    Raises ProtocolError (502) where it is malformed.
    """
    line = grammar.STATUS_LINE.match(head)
    if line is None or not grammar.FIELD_BLOCK.fullmatch(head, line.end(), len(head) - 2):
        raise ProtocolError(502, "The response head is malformed.")
    headers = Headers.from_block(head[line.end() : -2])
    return ResponseHead(int(line[2]), line[3].decode("latin-1"), _VERSIONS[line[1]], headers)


def response_framing(head: ResponseHead, method: str) -> int:
    """Return the length of a response's body in bytes, CHUNKED or UNTIL_CLOSE (RFC 9112 section 6.3).

    Raises ProtocolError (502) for a malformed Content-Length.
    """
    if method == "HEAD" or head.status in BODILESS or (method == "CONNECT" and head.status < 300):
        return 0
    coding = head.headers.get("transfer-encoding")
    if coding is not None:  # rule 4: the final coding decides
        return CHUNKED if coding.lower().rpartition(",")[2].strip(" \t") == "chunked" else UNTIL_CLOSE
    length = head.headers.get("content-length")
    if length is None:
        return UNTIL_CLOSE
    if not grammar.CONTENT_LENGTH.fullmatch(length.encode("latin-1")):
        raise ProtocolError(502, "The response's Content-Length is malformed.")
    return int(length)
