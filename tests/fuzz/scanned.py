"""The scan in C against the parser in Python: what each makes of the same bytes.

`python -m tests.fuzz.scanned COUNT [SEED]` compares that many damaged heads.
"""

import sys
from collections.abc import Iterator
from random import Random
from types import ModuleType
from typing import Final
from unittest.mock import patch

from aiosock.config import Limits
from aiosock.errors import ProtocolError
from aiosock.wire.compiled import built, several
from aiosock.wire.head import FieldSection, Http1Head
from aiosock.wire.scan import scan_of, take_head
from tests.fuzz.conversation import LIMITS, TIGHT
from tests.fuzz.strategies import Rolled, damaged, stream

IN_C: Final = scan_of(built())

PLAIN: Final = (
    b"GET / HTTP/1.0\r\n\r\n",
    b"HEAD / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n",
    b"PUT /a-b_c~d HTTP/1.1\r\nHost: 127.0.0.1:65535\r\nTransfer-Encoding: chunked\r\nConnection: Close\r\n\r\n",
    b"POST /users/7 HTTP/1.1\r\nhost:api.example.org\r\ncontent-length: 1234567890123456789\r\nAccept:\t*/*\r\n\r\n",
    (
        b"GET /docs/index.html?page=2&q=a%20b HTTP/1.1\r\nHost: localhost:8080\r\nConnection: keep-alive\r\n"
        b'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"\r\nUpgrade-Insecure-Requests: 1\r\n'
        b"User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html,*/*;q=0.8\r\n"
        b"Referer: http://localhost:8080/\r\nAccept-Encoding: gzip, deflate, br\r\nCookie: a=1; b=caf\xe9\r\n\r\n"
    ),
)
"""Heads that the scan accepts."""


def outcome(module: ModuleType | None, buffer: bytes, limits: Limits) -> object:
    """Return what the head at the start of a buffer says, the error, or None while it is not whole.

    `module` is the one in C, or None for Python.
    """
    only_value = several if module is None else module.only_value
    with patch("aiosock.wire.scan.scan", scan_of(module)), patch("aiosock.wire.head.only_value", only_value):
        try:
            head = take_head(buffer, 0, limits)
        except ProtocolError as error:
            return (error.status, error.detail)
        return None if head is None else said_of(head)


def said_of(head: Http1Head) -> dict[str, object]:
    """Return all that a head says, and its fields, but not what it shares with others of its connection."""
    said = {name: getattr(head, name) for name in Http1Head.__slots__ if name not in ("fields", "shared_prefix")}
    said |= {f"fields.{name}": getattr(head.fields, name) for name in FieldSection.__slots__}
    return said | {f"field {name}": head.field(name, "absent") for name in (*head.headers(), "", "x", "ho", "get /")}


def compare(buffer: bytes, limits: Limits = LIMITS) -> None:
    """Raise AssertionError if it matters for a buffer whether it is scanned in C."""
    in_c, in_python = outcome(built(), buffer, limits), outcome(None, buffer, limits)
    # Compare the text: 1 and True are equal.
    assert repr(in_c) == repr(in_python), f"{buffer!r}: {in_c} in C, {in_python} in Python"


def damaged_heads(count: int, seed: int) -> Iterator[bytes]:
    """Yield plain heads that are damaged in some places, near-valid streams of any kind, and beginnings of both."""
    source = Rolled(Random(seed))
    for number in range(count):
        data = damaged(source, source.pick(PLAIN), most=2) if number % 4 else stream(source)
        yield data if number % 8 < 6 else data[: source.integer(0, len(data))]


def run(count: int, seed: int) -> int:
    """Compare the outcomes of damaged heads, under usual limits and tight ones; return how many of them are plain."""
    plain = 0
    for data in damaged_heads(count, seed):
        compare(data)
        compare(data, TIGHT)
        plain += IN_C(data) is not None
    return plain


if __name__ == "__main__":
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    plain = run(count, seed)
    print(f"{count} heads from seed {seed}, {plain} of them plain: the same in C and in Python")  # noqa: T201
