"""Take request heads from a buffer: plain ones in one scan in C, where that is built, and all others by `head.py`.

The parser in `head.py` is the reference. The scan accepts some of the heads that it accepts, with the same result, and
leaves the rest to it (docs/decisions/0018).
"""

from collections.abc import Callable
from functools import lru_cache
from types import ModuleType

from aiosock.config import Limits
from aiosock.wire.compiled import chosen
from aiosock.wire.head import CHUNKED, NOTHING_SHARED, FieldSection, Http1Head, find_head, parse_head

Plain = tuple[int, int, int, str, str, str, str, int, str | None, str | None, str | None, str | None]
"""What a plain head says.

The index behind it, the index of its field lines and their number; method, target, path, query and minor version; the
values of Host, Connection, Transfer-Encoding and Content-Length, or None. The second and third are in lower case.
"""

Scan = Callable[[bytes], Plain | None]
"""A function that returns what the plain head at the start of a buffer says; None if it is not whole, or not plain."""


def decline(buffer: bytes) -> None:
    """Leave every head to Python."""


def scan_of(module: ModuleType | None) -> Scan:
    """Return the scan of the module in C; `decline` where there is none."""
    return decline if module is None else module.scan


scan: Scan = scan_of(chosen())


def take_head(buffer: bytes, scanned: int, limits: Limits, previous: Http1Head | None = None) -> Http1Head | None:
    """Return the request head at the start of `buffer`, or None while its end has not arrived.

    `scanned` is the number of bytes that an earlier call has seen; `previous` is the connection's last request.

    Raises ProtocolError as `find_head` and `parse_head` do.
    """
    # Only at first: a head that arrives byte by byte must take linear time.
    plain = scan(buffer) if not scanned else None
    if plain is not None and (head := _plain_head(buffer, plain, limits)) is not None:
        return head
    end = find_head(buffer, scanned, limits)
    return parse_head(buffer[:end], limits, previous) if end else None


def _plain_head(buffer: bytes, plain: Plain, limits: Limits) -> Http1Head | None:
    """Return the plain head at the start of `buffer`, or None if it exceeds the limits."""
    end, block_start, lines, method, target, path, query, minor_version, host, connection, coding, length = plain
    if block_start > limits.request_line_bytes or end > limits.head_bytes or lines > limits.fields:
        return None
    fields = _fields(host, connection, coding, length)
    parts = (target, path, path, query, None)
    return Http1Head(buffer[:end], block_start, method, parts, minor_version, fields, NOTHING_SHARED)


@lru_cache(maxsize=64)  # most requests of a site say the same here
def _fields(host: str | None, connection: str | None, coding: str | None, length: str | None) -> FieldSection:
    """Return the fields of a plain head. The heads that say the same share them, since nobody changes them."""
    fields = FieldSection()
    fields.host = host
    if connection is not None:
        fields.connection = frozenset({connection})
        fields.closes = connection == "close"
    if length is not None:
        fields.framing = fields.content_length = int(length)
    if coding is not None:
        fields.framing, fields.transfer_encoding = CHUNKED, coding
    return fields
