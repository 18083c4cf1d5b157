"""Transfer-Encoding (RFC 9112 sections 6.1 and 6.3): `chunked`, once, or nothing."""

from typing import Final

from aiosock.check.case import (
    ACCEPTED,
    DECISION,
    FINAL,
    SILENCE,
    Case,
    Demand,
    Following,
    Level,
    chunked,
    in_category,
    refused,
    request,
    valid,
)

_RULE: Final = "RFC 9112 section 6.3"
_CODING: Final = "RFC 9112 section 6.1"
_BODY: Final = b"5\r\nhello\r\n0\r\n\r\n"


def _coded(*values: str, version: str = "HTTP/1.1", body: bytes = _BODY) -> bytes:
    return request(*[f"Transfer-Encoding: {value}" for value in values], method="POST", version=version, body=body)


def _unended(name: str, *values: str) -> Case:
    """Return a request whose last coding is not chunked: the end of its body is unknown."""
    return refused(name, _coded(*values), _RULE, Level.MUST, {400, 501})


def _foreign(name: str, *values: str) -> Case:
    """Return a request with chunked as the last coding, and before it one that aiosock does not implement."""
    return refused(name, _coded(*values), _CODING, Level.SHOULD, {400, 501}, ours=501)


def _ours(name: str, *values: str) -> Case:
    """Return a request with codings that a recipient could accept, and aiosock does not."""
    return refused(name, _coded(*values), DECISION, Level.STRICT)


def _both(name: str, *lines: str, body: bytes = _BODY, version: str = "HTTP/1.1") -> Case:
    """Return a request with both fields: a server that accepts it must use the coding and close (RFC 9112 section 6.1)."""
    demands = (
        Demand(Level.MUST, _CODING, FINAL, closes=True, following=Following.REFUSED),
        Demand(Level.STRICT, DECISION, frozenset({400}), closes=True, following=Following.REFUSED),
    )
    return Case(name, request(*lines, method="POST", version=version, body=body), demands, 400, ("POST",))


def _old(name: str, *lines: str) -> Case:
    """Return an HTTP/1.0 request with a coding. HTTP/1.0 has none: the framing is faulty and the connection must end."""
    demands = (
        Demand(Level.MUST, _CODING, FINAL | {SILENCE}, closes=True, following=Following.REFUSED),
        Demand(Level.STRICT, DECISION, frozenset({400})),
    )
    return Case(name, request(*lines, method="POST", version="HTTP/1.0", body=_BODY), demands, 400, ("POST",))


CASES = in_category(
    "codings",
    [
        valid("chunked", _coded("chunked", body=b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), "RFC 9112 section 7.1"),
        valid("chunked in capitals", _coded("CHUNKED"), "RFC 9112 section 7"),
        valid("chunked in mixed case", _coded("Chunked"), "RFC 9112 section 7"),
        valid("spaces and tabs around chunked", _coded(" \tchunked\t "), "RFC 9112 section 5"),
        valid("the name in lower case", request("transfer-encoding: chunked", method="POST", body=_BODY), _CODING),
        valid("the name in capitals", request("TRANSFER-ENCODING:chunked", method="POST", body=_BODY), _CODING),
        valid("GET with chunks", chunked(_BODY, method="GET"), "RFC 9110 section 9.3.1"),
        valid("DELETE with chunks", chunked(_BODY, method="DELETE"), "RFC 9110 section 9.3.5"),
        # Both Transfer-Encoding and Content-Length.
        _both("a length, then chunked", "Content-Length: 5", "Transfer-Encoding: chunked"),
        _both("chunked, then a length", "Transfer-Encoding: chunked", "Content-Length: 5"),
        _both("a length of zero, then chunked", "Content-Length: 0", "Transfer-Encoding: chunked"),
        _both("the length of the chunks, then chunked", f"Content-Length: {len(_BODY)}", "Transfer-Encoding: chunked"),
        _both("chunked, fields, a length", "Transfer-Encoding: chunked", "X: 1", "Y: 2", "Content-Length: 5"),
        _both("both in lower case", "content-length: 5", "transfer-encoding: chunked"),
        _both("a length and chunked in capitals", "Content-Length: 5", "Transfer-Encoding: CHUNKED"),
        _both(
            "a length, and only the last chunk",
            "Content-Length: 6",
            "Transfer-Encoding: chunked",
            body=b"0\r\n\r\nX",
        ),
        refused(
            "a length and a foreign coding",
            request("Content-Length: 5", "Transfer-Encoding: gzip", method="POST", body=b"hello"),
            _RULE, Level.MUST, {400, 501},
        ),
        refused(
            "a length and xchunked",
            request("Content-Length: 5", "Transfer-Encoding: xchunked", method="POST", body=b"hello"),
            _RULE, Level.MUST, {400, 501},
        ),
        refused(
            "a length and an empty coding",
            request("Content-Length: 5", "Transfer-Encoding:", method="POST", body=b"hello"),
            _RULE, Level.MUST, {400, 501},
        ),
        refused(
            "a bad length and chunked",
            request("Content-Length: x", "Transfer-Encoding: chunked", method="POST", body=_BODY),
            DECISION, Level.STRICT,
        ),
        # The last coding is not chunked.
        _unended("identity", "identity"),
        _unended("gzip", "gzip"),
        _unended("xchunked", "xchunked"),
        _unended("chunkedx", "chunkedx"),
        _unended("chunke", "chunke"),
        _unended("chunked, then identity", "chunked, identity"),
        _unended("chunked, then gzip", "chunked, gzip"),
        _unended("chunked, then an unknown one without a space", "chunked,x"),
        _unended("chunked on one line, identity on the next", "chunked", "identity"),
        _unended("an empty coding", ""),
        _unended("a coding of spaces", "  "),
        _unended("a comma alone", ","),
        _unended("quotes", '"chunked"'),
        _unended("single quotes", "'chunked'"),
        _unended("VT before chunked", "\x0bchunked"),
        _unended("VT after chunked", "chunked\x0b"),
        _unended("FF before chunked", "\x0cchunked"),
        _unended("FF after chunked", "chunked\x0c"),
        _unended("BEL before chunked", "\x07chunked"),
        _unended("a no-break space after chunked", "chunked\xa0"),
        _unended("a next-line control before chunked", "\x85chunked"),
        _unended("a space within chunked", "chun ked"),
        _unended("chunked and a word", "chunked foo"),
        _unended("chunked after a semicolon in place of a comma", "gzip; chunked"),
        _unended("a colon before chunked", ": chunked"),
        _unended("a Kelvin sign for the k", "chun\xe2\x84\xaaed"),
        # The last coding is chunked, after another one.
        _foreign("identity, then chunked", "identity, chunked"),
        _foreign("gzip, then chunked", "gzip, chunked"),
        _foreign("an unknown one, then chunked", "x, chunked"),
        _foreign("gzip on one line, chunked on the next", "gzip", "chunked"),
        _foreign("identity on one line, chunked on the next", "identity", "chunked"),
        # Codings that a recipient could accept.
        _ours("chunked twice in a list", "chunked, chunked"),
        _ours("chunked on two lines", "chunked", "chunked"),
        _ours("a comma after chunked", "chunked,"),
        _foreign("a comma before chunked", ", chunked"),
        _foreign("an empty line, then chunked", "", "chunked"),
        _ours("chunked, then an empty line", "chunked", ""),
        refused("chunked with a parameter", _coded("chunked;a=b"), "RFC 9112 section 7.1", Level.SHOULD, {400, 501}),
        refused("chunked with an empty parameter", _coded("chunked;"), "RFC 9112 section 7", Level.SHOULD, {400, 501}),
        _ours("NUL after chunked", "chunked\x00"),
        # In HTTP/1.0.
        _old("chunked in HTTP/1.0", "Transfer-Encoding: chunked"),
        _old("chunked in HTTP/1.0 with keep-alive", "Transfer-Encoding: chunked", "Connection: keep-alive"),
        _old("chunked and a length in HTTP/1.0", "Transfer-Encoding: chunked", "Content-Length: 5"),
        _old("identity in HTTP/1.0", "Transfer-Encoding: identity", "Content-Length: 5", "Connection: keep-alive"),
        # A Transfer-Encoding in HTTP/1.2 means the same as in HTTP/1.1.
        Case(
            "chunked in HTTP/1.2",
            _coded("chunked", version="HTTP/1.2"),
            (Demand(Level.SHOULD, "RFC 9110 section 2.5", ACCEPTED, following=Following.ANSWERED),),
            200,
            ("POST",),
        ),
    ],
)  # fmt: skip
