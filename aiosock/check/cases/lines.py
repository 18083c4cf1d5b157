"""Lines (RFC 9112 sections 2.2, 3 and 5): CRLF ends each, single spaces divide the first one, and none is folded."""

from dataclasses import replace
from typing import Final

from aiosock.check.case import (
    DECISION,
    GRAMMAR,
    SILENCE,
    Case,
    Demand,
    Following,
    Level,
    bare,
    in_category,
    refused,
    request,
    spelled,
    valid,
)

_SPACE: Final = "RFC 9112 section 3"
_FOLD: Final = "RFC 9112 section 5.2"
_GET: Final = request()
_LINE: Final = b"GET / HTTP/1.1"


def _lenient(name: str, data: bytes, section: str = DECISION) -> Case:
    """Return a request that a recipient may tolerate. aiosock refuses it, since two servers may read it differently."""
    return refused(name, data, section, Level.STRICT)


def _cut_short(name: str, data: bytes) -> Case:
    """Return a request whose client half-closes before the end of the head."""
    ending = Demand(
        Level.SHOULD, "RFC 9112 section 8", frozenset({400, 408, SILENCE}), closes=True, following=Following.REFUSED
    )
    return Case(name, data, (ending,), 400, ends=True)


CASES = in_category(
    "lines",
    [
        # Before the request line.
        valid("an empty line before the request", b"\r\n" + _GET, GRAMMAR, level=Level.SHOULD),
        valid("two empty lines before the request", b"\r\n\r\n" + _GET, DECISION, level=Level.STRICT),
        valid("ten empty lines before the request", b"\r\n" * 10 + _GET, DECISION, level=Level.STRICT),
        replace(
            valid("an empty line between two requests", _GET + b"\r\n" + _GET, GRAMMAR, level=Level.SHOULD),
            methods=("GET", "GET"),
        ),
        _lenient("a bare LF before the request", b"\n" + _GET),
        _lenient("an empty line and a bare LF before the request", b"\r\n\n" + _GET),
        *[
            refused(f"{spelled(byte)} before the request", bytes([byte]) + _GET, _SPACE, Level.STRICT)
            for byte in (0x00, 0x09, 0x0B, 0x0D, 0x20)
        ],
        refused("a byte order mark before the request", b"\xef\xbb\xbf" + _GET),
        refused("the first bytes of TLS", bytes.fromhex("16030100c8010000c40303") + b"\r\n\r\n"),
        # The request line: a recipient may split at any whitespace (RFC 9112 section 3).
        _lenient("two spaces before the target", request(target=" /"), _SPACE),
        _lenient("two spaces before the version", request(version=" HTTP/1.1"), _SPACE),
        _lenient("a space after the version", request(version="HTTP/1.1 "), _SPACE),
        _lenient("a tab after the version", request(version="HTTP/1.1\t"), _SPACE),
        *[
            _lenient(
                f"{spelled(byte)} between method and target",
                bare(f"GET{chr(byte)}/ HTTP/1.1", "Host: localhost"),
                _SPACE,
            )
            for byte in (0x09, 0x0B, 0x0C, 0x0D)
        ],
        *[
            _lenient(
                f"{spelled(byte)} between target and version",
                bare(f"GET /{chr(byte)}HTTP/1.1", "Host: localhost"),
                _SPACE,
            )
            for byte in (0x09, 0x0B, 0x0C, 0x0D)
        ],
        refused("a no-break space between method and target", bare("GET\xa0/ HTTP/1.1", "Host: localhost")),
        refused("a method and nothing more", b"GET\r\n\r\n"),
        refused("a method and a space", b"GET \r\n\r\n"),
        refused("no target", b"GET HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        refused("a field line in place of the request line", b"Host: localhost\r\n\r\n"),
        refused("a status line in place of the request line", b"HTTP/1.1 200 OK\r\nHost: localhost\r\n\r\n"),
        # Line ends.
        _lenient("LF ends the request line", _LINE + b"\nHost: localhost\r\n\r\n"),
        _lenient("LF ends a field line", _LINE + b"\r\nHost: localhost\nX: 1\r\n\r\n"),
        _lenient("LF ends the last field line", _LINE + b"\r\nHost: localhost\n\r\n"),
        _lenient("LF is the blank line", _LINE + b"\r\nHost: localhost\r\n\n"),
        _lenient("LF ends every line", _LINE + b"\nHost: localhost\n\n"),
        _lenient("CR ends the request line", _LINE + b"\rHost: localhost\r\n\r\n"),
        _lenient("CR ends a field line", _LINE + b"\r\nHost: localhost\rX: 1\r\n\r\n", GRAMMAR),
        _lenient("CR is the blank line", _LINE + b"\r\nHost: localhost\r\n\rX: 1\r\n\r\n", GRAMMAR),
        _lenient("CR ends every line", _LINE + b"\rHost: localhost\r\r", GRAMMAR),
        _lenient("CR CR LF ends the request line", _LINE + b"\r\r\nHost: localhost\r\n\r\n", GRAMMAR),
        _lenient("CR CR LF ends a field line", _LINE + b"\r\nHost: localhost\r\r\n\r\n", GRAMMAR),
        _lenient("LF CR ends a field line", _LINE + b"\r\nHost: localhost\n\rX: 1\r\n\r\n", GRAMMAR),
        _lenient("CR at the start of a field value", request("X:\r1"), GRAMMAR),
        _lenient("CR at the end of a field value", request("X: 1\r"), GRAMMAR),
        _lenient("a hidden length after a CR", request("X: 1\rContent-Length: 5", method="POST"), GRAMMAR),
        _lenient("a hidden length after an LF", request("X: 1\nContent-Length: 5", method="POST"), DECISION),
        # Folding.
        _lenient("a line folded with a space", request("X: 1", " 2"), _FOLD),
        _lenient("a line folded with a tab", request("X: 1", "\t2"), _FOLD),
        _lenient("a folded Host", bare("GET / HTTP/1.1", "Host:", " localhost"), _FOLD),
        _lenient("a folded Content-Length", request("Content-Length:", " 5", method="POST", body=b"hello"), _FOLD),
        _lenient("a folded Transfer-Encoding", request("Transfer-Encoding:", "\tchunked", method="POST"), _FOLD),
        _lenient("a folded line that looks like a field", request("X: 1", " Content-Length: 5", method="POST"), _FOLD),
        _lenient("a line of spaces", request("X: 1", "  "), _FOLD),
        _lenient("a space before the first field", bare("GET / HTTP/1.1", " X: 1", "Host: localhost"), GRAMMAR),
        _lenient("a tab before the first field", bare("GET / HTTP/1.1", "\tX: 1", "Host: localhost"), GRAMMAR),
        # The end of the input.
        _cut_short("the input ends within the request line", b"GET / HT"),
        _cut_short("the input ends after the request line", _LINE + b"\r\n"),
        _cut_short("the input ends within a field", _LINE + b"\r\nHost: loc"),
        _cut_short("the input ends before the blank line", _LINE + b"\r\nHost: localhost\r\n"),
        _cut_short("the input ends within the blank line", _LINE + b"\r\nHost: localhost\r\n\r"),
    ],
)
