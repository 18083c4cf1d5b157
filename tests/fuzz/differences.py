"""A list, by hand, of the streams that `aiosock.wire` reads otherwise than h11 and httptools, with the reasons.

Different readings of a request make smuggling possible. So if we accept a request, the others must read the same
method, target and body, or not read it at all. It is safe to refuse a request that another accepts; these are listed
too.
"""

from typing import Final, NamedTuple

from tests.fuzz.readers import by_aiosock, by_h11, by_httptools
from tests.fuzz.reference import Ending, Reading

READERS: Final = {"h11": by_h11, "httptools": by_httptools}

_HOST = b"Host: a\r\n"
_CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


class Difference(NamedTuple):
    """One reason to differ. `said` is the beginning of the refusing reader's message; `readers` differ from us."""

    said: str
    section: str
    why: str
    readers: frozenset[str]
    example: bytes


_H11 = frozenset({"h11"})
_HTTPTOOLS = frozenset({"httptools"})
_BOTH = _H11 | _HTTPTOOLS

WE_REFUSE: Final = [
    Difference(
        "400 The request head has a byte that may not be there: b'\\n'",
        "RFC 9112 section 2.2",
        "differs: we refuse a bare LF as a line end, which a recipient MAY accept; two line ends are two readings",
        _H11,
        b"GET / HTTP/1.1\nHost: a\n\n",
    ),
    Difference(
        "400 The request head has a byte that may not be there: b'\\n'",
        "RFC 9112 section 3",
        "differs: we refuse a line without a version, that of HTTP/0.9, also where a bare LF ends it",
        _HTTPTOOLS,
        b"GET /\n\r\n\r\n",
    ),
    Difference(
        "400 The request head has a byte that may not be there: b'\\r'",
        "RFC 9112 section 2.2",
        "differs: we refuse a bare CR before the request line; only whole CRLFs may be skipped there",
        _HTTPTOOLS,
        b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    Difference(
        "400 The request head has a byte that may not be there: b'\\x",
        "RFC 9110 section 5.5",
        "differs: we refuse every control character in a field value but the tab",
        _H11,
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n",
    ),
    Difference(
        "400 The request line is not METHOD SP TARGET SP HTTP/1.1",
        "RFC 9112 section 3",
        "differs: we refuse a request line without a version, that of HTTP/0.9",
        _HTTPTOOLS,
        b"GET /\r\n\r\n",
    ),
    Difference(
        "505 This server speaks",
        "RFC 9112 section 2.3",
        "differs: we refuse other major versions, HTTP/0.9 and 2.0 among them, spelled in a line of HTTP/1",
        _BOTH,
        b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    ),
    Difference(
        "400 A field line is folded",
        "RFC 9112 section 5.2",
        "differs: we refuse obs-fold, as a server is offered to do instead of replacing it by spaces",
        _H11,
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n",
    ),
    Difference(
        "400 An HTTP/1.1 request needs a Host field",
        "RFC 9112 section 3.2",
        "differs: we refuse an HTTP/1.1 request without Host; a MUST, which the parser leaves to the server on top",
        _HTTPTOOLS,
        b"GET / HTTP/1.1\r\n\r\n",
    ),
    Difference(
        "400 An HTTP/1.1 request needs a Host field",
        "RFC 9110 section 2.5",
        "differs: we refuse a higher minor version without Host too, for we serve it as HTTP/1.1",
        _H11,
        b"GET / HTTP/1.2\r\n\r\n",
    ),
    Difference(
        "400 The Host field is repeated",
        "RFC 9112 section 3.2",
        "differs: we refuse more than one Host; a MUST",
        _HTTPTOOLS,
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ),
    Difference(
        "400 The host is not a name",
        "RFC 9112 section 3.2, RFC 9110 section 7.2",
        "differs: we refuse a Host that is no name or address; a MUST, which parsers leave to the server on top",
        _BOTH,
        b"GET / HTTP/1.1\r\nHost: a/b?c\r\n\r\n",
    ),
    Difference(
        "400 The host has no port",
        "RFC 9112 section 3.2.3",
        "differs: we refuse CONNECT to a target without a port, and any port above 65535",
        _BOTH,
        b"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n",
    ),
    Difference(
        "400 The request-target has a fragment",
        "RFC 9112 section 3.2",
        "differs: we refuse a fragment, which is in none of the four forms",
        _BOTH,
        b"GET /#b HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    Difference(
        "400 The request-target is neither",
        "RFC 9112 section 3.2",
        "differs: we refuse a target in none of the four forms, or in a form that its method does not have",
        _BOTH,
        b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    Difference(
        "400 The path has a percent sign",
        "RFC 3986 section 2.1",
        "differs: we refuse a percent sign that encodes nothing; the parsers do not decode",
        _BOTH,
        b"GET /% HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    Difference(
        "400 The Content-Length field is repeated",
        "RFC 9110 section 8.6",
        "differs: we refuse equal Content-Lengths too, as the section offers instead of taking one of them",
        _H11,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    ),
    Difference(
        "400 The Content-Length is not a number",
        "RFC 9110 section 8.6",
        "differs: we refuse a list of equal Content-Lengths, as the section offers",
        _H11,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx",
    ),
    Difference(
        "400 The Content-Length is not a number",
        "RFC 9110 section 8.6",
        "differs: we refuse more than 19 digits, zeros too, for the section warns of integers that overflow",
        _HTTPTOOLS,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 00000000000000000001\r\n\r\nx",
    ),
    Difference(
        "400 The request has both",
        "RFC 9112 section 6.1",
        "differs: we refuse Content-Length with Transfer-Encoding, as a server MAY; else it must close afterwards",
        _H11,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    Difference(
        "400 The Transfer-Encoding does not say where the body ends",
        "RFC 9112 section 6.1",
        "differs: we refuse chunked twice, however the first one is spelled; a sender MUST NOT apply it again",
        _HTTPTOOLS,
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    Difference(
        "400 HTTP/1.0 has no Transfer-Encoding",
        "RFC 9112 section 6.1",
        "differs: we refuse Transfer-Encoding in HTTP/1.0, where a server MUST treat the framing as faulty",
        _BOTH,
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    Difference(
        "501 The only transfer coding",
        "RFC 9112 section 6.1",
        "differs: we refuse a transfer coding that we cannot decode; a parser may hand it on",
        _HTTPTOOLS,
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ),
    Difference(
        "417 expectation",
        "RFC 9110 section 10.1.1",
        "differs: we refuse expectations but 100-continue, as a server MAY; parsers leave that to the server on top",
        _BOTH,
        b"GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n",
    ),
    Difference(
        "400 A chunk does not start with its size",
        "RFC 9112 section 7.1",
        "differs: we refuse malformed extensions, whitespace around the size, and sizes of more than 16 digits",
        _BOTH,
        _CHUNKED + b"0" * 17 + b"\r\n\r\n",
    ),
    Difference(
        "400 The chunked body has a byte",
        "RFC 9112 section 7.1.1",
        "differs: we refuse a bare LF or CR and controls in chunk extensions and trailers",
        _H11,
        _CHUNKED + b"0\r\nX: 1\n\n",
    ),
    Difference(
        "400 A trailer line is malformed",
        "RFC 9112 section 5.2",
        "differs: we refuse obs-fold in trailers as in heads",
        _H11,
        _CHUNKED + b"0\r\nX: 1\r\n folded\r\n\r\n",
    ),
    Difference(
        "400 A trailer section may not have",
        "RFC 9110 section 6.5.1",
        "differs: we refuse trailers that frame, route or authenticate, which a sender MUST NOT send",
        _BOTH,
        _CHUNKED + b"0\r\nHost: b\r\n\r\n",
    ),
]
"""Streams that we refuse and at least one of the others accepts."""

WE_ACCEPT: Final = [
    Difference(
        "no request line received",
        "RFC 9112 section 2.2",
        "differs: we skip empty lines before the request line, as a server SHOULD",
        _H11,
        b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    Difference(
        "CLOSED",
        "RFC 9112 section 9.3",
        "differs: we let an HTTP/1.0 connection persist where the client asks for keep-alive",
        _H11,
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2,
    ),
    Difference(
        "CLOSED",
        "RFC 9112 appendix C.2.2",
        "differs: we take no Proxy-Connection for a Connection field",
        _HTTPTOOLS,
        b"GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\n" * 2,
    ),
    Difference(
        "HttpParserError: Invalid HTTP version",
        "RFC 9110 section 2.5",
        "differs: we serve a higher minor version as HTTP/1.1",
        _HTTPTOOLS,
        b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    ),
    Difference(
        "HttpParserInvalidMethodError",
        "RFC 9110 section 9.1",
        "differs: we read any token as a method; that none of us implements it is answered 501 one layer up",
        _HTTPTOOLS,
        b"UNHEARD-OF / HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    Difference(
        "HttpParserError: Request has invalid `Transfer-Encoding`",
        "RFC 9110 section 5.5",
        "differs: we strip tabs from the ends of every value, this one included",
        _HTTPTOOLS,
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n",
    ),
    Difference(
        "HANDED_OVER",
        "RFC 9110 sections 7.8 and 9.3.6",
        "differs: we read what follows CONNECT or an offered upgrade as HTTP, for we decline both until the answer",
        _HTTPTOOLS,
        b"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 1\r\n\r\nx"
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
]
"""Streams that we accept and at least one of the others refuses, or takes for the start of another protocol."""


class Found(NamedTuple):
    """One difference that was found."""

    reader: str
    said: str
    listed: Difference | None


def differences(data: bytes) -> list[Found]:
    """Compare the readings of a stream; raise AssertionError if two readers read different requests."""
    mine = by_aiosock([data])
    return [found for name, reader in READERS.items() if (found := _difference(name, mine, reader(data))) is not None]


def _difference(name: str, mine: Reading, other: Reading) -> Found | None:
    alike = min(len(mine.messages), len(other.messages))
    hands_over = other.ending is Ending.HANDED_OVER
    for index in range(alike):
        ours, theirs = mine.messages[index], other.messages[index]
        if hands_over and index == len(other.messages) - 1:
            theirs = theirs._replace(body=ours.body)  # httptools does not read a body that may be another protocol's
        assert ours == theirs, f"{name} reads {theirs}, we read {ours}"
    if alike < len(mine.messages):
        assert other.ending is not Ending.INCOMPLETE, f"{name} waits for more of {mine.messages[alike]}"
        return _listed(name, other.why if other.ending is Ending.REFUSED else other.ending.name, WE_ACCEPT)
    if alike == len(other.messages) or mine.ending is Ending.CLOSED:
        return None
    if hands_over and alike == len(other.messages) - 1:
        return _listed(name, Ending.HANDED_OVER.name, WE_ACCEPT)
    assert mine.ending is Ending.REFUSED, f"{name} reads {other.messages[alike]} where we read no request"
    return _listed(name, mine.why, WE_REFUSE)


def _listed(name: str, said: str, table: list[Difference]) -> Found:
    rows = [row for row in table if said.startswith(row.said) and name in row.readers]
    return Found(name, said, rows[0] if rows else None)
