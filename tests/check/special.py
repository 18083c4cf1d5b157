"""Cases that expect a certain kind of answer; so they work with our own app only."""

from typing import Final

from aiosock.check.answers import Outcome
from aiosock.check.case import (
    FINAL,
    Case,
    Demand,
    Following,
    Level,
    Trait,
    chunked,
    in_category,
    method_of,
    post,
    request,
)

_CHUNKS: Final = b"5\r\nhello\r\n0\r\n\r\n"


def _field(name: str, expected: str | None) -> Trait:
    """Require a field of the first answer, or its absence."""

    def holds(outcome: Outcome) -> bool:
        return outcome.answers[0].headers.get(name) == expected

    return Trait(f"{name}: {expected}", holds)


def _interim(*statuses: int) -> Trait:
    def holds(outcome: Outcome) -> bool:
        return [head.status for head in outcome.interim] == list(statuses)

    return Trait(f"interim answers {statuses}", holds)


def _case(name: str, data: bytes, ours: int, section: str, *traits: Trait) -> Case:
    """Return a case after which the connection persists."""
    demands = [Demand(Level.MUST, section, FINAL, following=Following.ANSWERED, trait=trait) for trait in traits]
    return Case(name, data, tuple(demands), ours, (method_of(data),))


def _last(name: str, data: bytes, ours: int, section: str, *traits: Trait) -> Case:
    """Return a case after which the connection is closed."""
    demands = [
        Demand(Level.MUST, section, FINAL, closes=True, following=Following.REFUSED, trait=trait) for trait in traits
    ]
    return Case(name, data, tuple(demands), ours, (method_of(data),))


def _at(path: str, *lines: str, method: str = "GET", version: str = "HTTP/1.1") -> bytes:
    return request(*lines, method=method, target=f"/special/{path}", version=version)


def _posted(path: str, data: bytes) -> bytes:
    return data.replace(b" / ", b" /special/%b " % path.encode(), 1)


_UNCODED: Final = _field("transfer-encoding", None)
_CODED: Final = _field("transfer-encoding", "chunked")
_NO_LENGTH: Final = _field("content-length", None)
_CLOSE: Final = _field("connection", "close")
_OPEN: Final = _field("connection", None)

SPECIAL: Final = in_category(
    "special",
    [
        # Bodies and answers without one: the next answer can be read only if the framing is right.
        _case("204 has no body", _at("nothing"), 204, "RFC 9110 section 15.3.5", _UNCODED, _NO_LENGTH),
        _case(
            "204 drops the body of its handler", _at("bodiless"), 204, "RFC 9110 section 15.3.5", _UNCODED, _NO_LENGTH
        ),
        _case("304 has no body", _at("unchanged"), 304, "RFC 9110 section 15.4.5", _UNCODED, _field("etag", '"a"')),
        _case("HEAD of a 204", _at("nothing", method="HEAD"), 204, "RFC 9110 section 9.3.2", _UNCODED, _NO_LENGTH),
        _case("HEAD of a 304", _at("unchanged", method="HEAD"), 304, "RFC 9110 section 9.3.2", _UNCODED),
        _case("HEAD of a stream", _at("stream", method="HEAD"), 200, "RFC 9110 section 9.3.2", _NO_LENGTH),
        _case(
            "HEAD of a stream with a length",
            _at("announced", method="HEAD"),
            200,
            "RFC 9110 section 9.3.2",
            _field("content-length", "5"),
        ),
        _case("a stream in chunks", _at("stream"), 200, "RFC 9112 section 7.1", _CODED, _NO_LENGTH),
        _case(
            "a stream with a length",
            _at("announced"),
            200,
            "RFC 9112 section 6.2",
            _UNCODED,
            _field("content-length", "5"),
        ),
        _case("a stream with trailers", _at("trailers"), 200, "RFC 9112 section 7.1.2", _CODED),
        _case("an error of the handler's choice", _at("refusal"), 418, "RFC 9110 section 15.5", _UNCODED, _OPEN),
        # Older clients.
        _last(
            "a stream to HTTP/1.0 ends with the connection",
            _at("stream", version="HTTP/1.0"),
            200,
            "RFC 9112 section 6.3",
            _UNCODED,
            _CLOSE,
        ),
        _last(
            "a stream to HTTP/1.0 with keep-alive ends with the connection",
            _at("stream", "Connection: keep-alive", version="HTTP/1.0"),
            200,
            "RFC 9112 section 6.3",
            _UNCODED,
            _CLOSE,
        ),
        _case(
            "a stream with a length to HTTP/1.0 with keep-alive",
            _at("announced", "Connection: keep-alive", version="HTTP/1.0"),
            200,
            "RFC 9112 section 9.3",
            _UNCODED,
            _field("connection", "keep-alive"),
        ),
        _last(
            "early hints are not for HTTP/1.0",
            _at("early-hints", version="HTTP/1.0"),
            200,
            "RFC 9110 section 15.2",
            _interim(),
        ),
        _case("early hints", _at("early-hints"), 200, "RFC 8297 section 2", _interim(103)),
        _last("a handler that closes", _at("farewell"), 200, "RFC 9112 section 9.6", _CLOSE),
        # Bodies that no handler reads, or reads late.
        _case(
            "an unread body is not the next request",
            _posted("unread", post(b"GET /?hidden HTTP/1.1\r\n\r\n")),
            200,
            "RFC 9112 section 9.3",
            _OPEN,
        ),
        _case(
            "unread chunks are not the next request",
            _posted("unread", chunked(_CHUNKS)),
            200,
            "RFC 9112 section 9.3",
            _OPEN,
        ),
        _last(
            "an unread body that is too long",
            _posted("unread", request("Content-Length: 300000", method="POST")),
            200,
            "RFC 9112 section 9.3",
            _CLOSE,
        ),
        _last("unread chunks that are none", _posted("unread", chunked(b"x\r\n")), 200, "RFC 9112 section 9.3", _CLOSE),
        _last(
            "a client that waits for 100 and need not send",
            _posted("unread", request("Content-Length: 5", "Expect: 100-continue", method="POST")),
            200,
            "RFC 9110 section 10.1.1",
            _interim(),
            _CLOSE,
        ),
        _last(
            "a body read after the answer has begun",
            _posted("late", post(b"hello")),
            200,
            "RFC 9112 section 9.3",
            _CODED,
            _CLOSE,
        ),
        # Nothing that the client sends gets into the head of an answer.
        _case(
            "a value that fits",
            _at("split?value=a%20b"),
            200,
            "RFC 9110 section 5.5",
            _field("x-from-the-client", "a b"),
        ),
    ],
)
