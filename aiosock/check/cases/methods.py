"""Methods (RFC 9110 section 9): case-sensitive tokens; a server does not guess what an unknown one means."""

from dataclasses import replace
from typing import Final

from aiosock.check.case import (
    ACCEPTED,
    DECISION,
    GRAMMAR,
    PERSISTENCE,
    Case,
    Demand,
    Following,
    Level,
    in_category,
    post,
    refused,
    request,
    spelled,
    valid,
)

_UNKNOWN: Final = "RFC 9110 section 9.1"
_DELIMITERS: Final = '"(),/:;<=>?@[\\]{}'


def _optional(method: str, data: bytes, *, ours: int = 200) -> Case:
    """Return a request with a method that a server need not implement."""
    case = valid(f"{method} is served, not allowed or not implemented", data, _UNKNOWN, ours=ours)
    may_lack = Demand(Level.MUST, _UNKNOWN, ACCEPTED | {501})
    return replace(case, demands=(may_lack, Demand(Level.SHOULD, PERSISTENCE, following=Following.ANSWERED)))


def _unknown(name: str, method: str, level: Level = Level.SHOULD) -> Case:
    """Return a request with a method that servers do not implement. It is well-formed, so the connection may persist."""
    return Case(name, request(method=method), (Demand(level, _UNKNOWN, frozenset({400, 404, 405, 501})),), 501)


CASES = in_category(
    "methods",
    [
        valid("GET is served", request(), "RFC 9110 section 9.3.1"),
        valid("HEAD is served", request(method="HEAD"), "RFC 9110 section 9.3.2"),
        _optional("POST", post(b"hi")),
        _optional("PUT", post(b"hello", method="PUT")),
        _optional("PATCH", post(b"hello", method="PATCH")),
        _optional("DELETE", request(method="DELETE")),
        _optional("OPTIONS", request(method="OPTIONS"), ours=204),
        # Grammar: method = token.
        _unknown("a method in lower case is another method", "get"),
        _unknown("a method in mixed case is another method", "Get"),
        _unknown("QUERY is not implemented", "QUERY"),
        _unknown("TRACE does not send back the cookies", "TRACE", Level.STRICT),
        _unknown("a method of every token character", "!#$%&'*+-.^_`|~09azAZ"),
        _unknown("a method of one letter", "G"),
        _unknown("a method of 100 letters", "A" * 100),
        _unknown("a method of 1000 letters", "A" * 1000),
        _unknown("a method that starts with a known one", "GETT"),
        *[
            refused(f"{spelled(ord(byte))} in a method", request(method=f"G{byte}T"), "RFC 9110 section 9.1")
            for byte in _DELIMITERS
        ],
        *[
            refused(f"{spelled(byte)} in a method", request(method=f"G{chr(byte)}T"), "RFC 9110 section 9.1")
            for byte in (0x01, 0x1B, 0x7F, 0x80, 0xC9, 0xFF)
        ],
        refused("NUL in a method", request(method="G\x00T"), GRAMMAR),
        refused("no method at all", request(method=""), GRAMMAR),
        # Content with methods that usually have none (RFC 9110 section 9.3): its bytes are not the next request.
        valid("GET with content", post(b"hello", method="GET"), "RFC 9110 section 9.3.1", level=Level.STRICT),
        valid("HEAD with content", post(b"hello", method="HEAD"), "RFC 9110 section 9.3.2", level=Level.STRICT),
        valid("DELETE with content", post(b"hello", method="DELETE"), "RFC 9110 section 9.3.5", level=Level.STRICT),
        valid("OPTIONS with content", post(b"hello", method="OPTIONS"), DECISION, level=Level.STRICT, ours=204),
    ],
)
