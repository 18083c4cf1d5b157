"""Tests of aiosock.wire.head."""

import re
from collections.abc import Callable, Iterable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock.config import Limits
from aiosock.errors import ProtocolError
from aiosock.headers import FIELD_CHAR, TCHAR, Headers
from aiosock.wire.client_head import UNTIL_CLOSE, encode_request_head, parse_response_head, response_framing
from aiosock.wire.head import (
    CHUNKED,
    FieldSection,
    Http1Head,
    encode_head,
    find_head,
    invalid_head,
    is_head_request,
    parse_head,
    read_fields,
    refuse_invalid,
    status_line,
    wire_name,
)
from aiosock.wire.message import BODILESS
from tests.growth import LINEAR, growth

LIMITS = Limits()
ENDLESS = Limits(head_bytes=10**9, request_line_bytes=10**9, fields=10**9)
SETTINGS = settings(max_examples=200, derandomize=True, deadline=None)

INCOMPLETE = 0
ACCEPTED = 200


def head_of(*fields: bytes, line: bytes = b"GET / HTTP/1.1", host: bytes = b"Host: a") -> bytes:
    """Return a request head; an empty `host` leaves the field out."""
    lines = [line, host, *fields] if host else [line, *fields]
    return b"".join(b"%b\r\n" % each for each in lines) + b"\r\n"


def verdict(pieces: Iterable[bytes], limits: Limits = LIMITS) -> int:
    """Return the status a head is refused with, ACCEPTED, or INCOMPLETE; the head arrives in pieces."""
    buffer, scanned = b"", 0
    try:
        for piece in pieces:
            buffer += piece
            if end := find_head(buffer, scanned, limits):
                parse_head(buffer[:end], limits)
                return ACCEPTED
            scanned = len(buffer)
    except ProtocolError as error:
        return error.status
    return INCOMPLETE


def judgement(work: Callable[[], object]) -> int:
    """Return the status that some work is refused with, or ACCEPTED."""
    try:
        work()
    except ProtocolError as error:
        return error.status
    return ACCEPTED


def bytewise(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


def parsed(data: bytes) -> Http1Head:
    """Parse a head that arrives in one piece and alone."""
    assert find_head(data, 0, LIMITS) == len(data)
    return parse_head(data, LIMITS)


# Requests

GOOD_HEADS = {
    "origin-form": head_of(),
    "no fields on HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "one empty line before": b"\r\n" + head_of(),
    "many empty lines before": b"\r\n" * 100 + head_of(),
    "HTTP/1.2": head_of(line=b"GET / HTTP/1.2"),
    "HTTP/1.9": head_of(line=b"GET / HTTP/1.9"),
    "lower-case method": head_of(line=b"get / HTTP/1.1"),
    "method of 100 letters": head_of(line=b"A" * 100 + b" / HTTP/1.1"),
    "method of odd characters": head_of(line=b"!#$%&'*+-.^_`|~09 / HTTP/1.1"),
    "QUERY": head_of(b"Content-Length: 5", line=b"QUERY / HTTP/1.1"),
    "TRACE": head_of(line=b"TRACE / HTTP/1.1"),
    "CONNECT": head_of(line=b"CONNECT a:443 HTTP/1.1", host=b"Host: a:443"),
    "CONNECT with another Host": head_of(line=b"CONNECT b:443 HTTP/1.1"),
    "OPTIONS *": head_of(line=b"OPTIONS * HTTP/1.1"),
    "absolute-form": head_of(line=b"GET http://a/b?c HTTP/1.1"),
    "absolute-form and another Host": head_of(line=b"GET http://b/ HTTP/1.1"),
    "absolute-form and another port": head_of(line=b"GET http://a:81/ HTTP/1.1", host=b"Host: a:80"),
    "absolute-form in upper case": head_of(line=b"GET HTTP://A/ HTTP/1.1"),
    "absolute-form without Host on HTTP/1.0": head_of(line=b"GET http://a/ HTTP/1.0", host=b""),
    "two slashes": head_of(line=b"GET //evil.example HTTP/1.1"),
    "no space before a value": head_of(b"X:1"),
    "tabs and spaces round a value": head_of(b"X: \t 1 \t "),
    "empty value": head_of(b"X:"),
    "blank value": head_of(b"X: \t"),
    "obs-text in a value": head_of(b"X: \x80\xff"),
    "100 fields": head_of(*[b"X: 1"] * 99),
    "Content-Length with spaces round it": head_of(b"Content-Length:  5  "),
    "Content-Length with leading zeros": head_of(b"Content-Length: 0005"),
    "Content-Length of 19 digits": head_of(b"Content-Length: " + b"9" * 19),
    "chunked in any case": head_of(b"TRANSFER-ENCODING: ChunkeD"),
    "Host in any case": head_of(host=b"hOST: A"),
    "Host with tab": head_of(host=b"Host:\ta\t"),
    "Host with port": head_of(host=b"Host: a:65535"),
    "Host with an empty port": head_of(host=b"Host: a:"),
    "Host with sub-delims": head_of(host=b"Host: a;b'(c)"),
    "Host with a percent-encoding": head_of(host=b"Host: a%C3%A9"),
    "Host as IPv4 address": head_of(host=b"Host: 127.0.0.1:80"),
    "Host as IPv6 address": head_of(host=b"Host: [::1]:80"),
}

BAD_HEADS = {
    # RFC 9112 section 6.1: Content-Length and Transfer-Encoding
    "Content-Length and Transfer-Encoding": (head_of(b"Content-Length: 5", b"Transfer-Encoding: chunked"), 400),
    "Transfer-Encoding and Content-Length": (head_of(b"Transfer-Encoding: chunked", b"Content-Length: 5"), 400),
    "Transfer-Encoding and Content-Length 0": (head_of(b"Transfer-Encoding: chunked", b"Content-Length: 0"), 400),
    "Transfer-Encoding on HTTP/1.0": (head_of(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.0"), 400),
    "xchunked": (head_of(b"Transfer-Encoding: xchunked"), 400),
    "chunkedx": (head_of(b"Transfer-Encoding: chunkedx"), 400),
    "chunked, identity": (head_of(b"Transfer-Encoding: chunked, identity"), 400),
    "identity, chunked": (head_of(b"Transfer-Encoding: identity, chunked"), 501),
    "gzip, chunked": (head_of(b"Transfer-Encoding: gzip, chunked"), 501),
    "gzip alone": (head_of(b"Transfer-Encoding: gzip"), 400),
    "identity": (head_of(b"Transfer-Encoding: identity"), 400),
    "chunked, chunked": (head_of(b"Transfer-Encoding: chunked, chunked"), 400),
    "chunked twice": (head_of(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 400),
    "chunked, then identity": (head_of(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"), 400),
    "gzip, then chunked": (head_of(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"), 501),
    "empty Transfer-Encoding": (head_of(b"Transfer-Encoding:"), 400),
    "empty Transfer-Encoding, then chunked": (head_of(b"Transfer-Encoding:", b"Transfer-Encoding: chunked"), 501),
    "chunked and a comma": (head_of(b"Transfer-Encoding: chunked,"), 400),
    "chunked; parameter": (head_of(b"Transfer-Encoding: chunked;q=1"), 400),
    "chunked in quotes": (head_of(b'Transfer-Encoding: "chunked"'), 400),
    "chunked in single quotes": (head_of(b"Transfer-Encoding: 'chunked'"), 400),
    "VT before chunked": (head_of(b"Transfer-Encoding: \x0bchunked"), 400),
    "FF behind chunked": (head_of(b"Transfer-Encoding: chunked\x0c"), 400),
    "no-break space before chunked": (head_of(b"Transfer-Encoding: \xa0chunked"), 400),
    "NEL behind chunked": (head_of(b"Transfer-Encoding: chunked\x85"), 400),
    "space before the colon of Transfer-Encoding": (head_of(b"Transfer-Encoding : chunked"), 400),
    "tab before the colon of Transfer-Encoding": (head_of(b"Transfer-Encoding\t: chunked"), 400),
    "folded Transfer-Encoding": (head_of(b"Transfer-Encoding:", b" chunked"), 400),
    # RFC 9110 section 8.6: Content-Length
    "space before the colon of Content-Length": (head_of(b"Content-Length : 5"), 400),
    "Content-Length +5": (head_of(b"Content-Length: +5"), 400),
    "Content-Length -1": (head_of(b"Content-Length: -1"), 400),
    "Content-Length 5,5": (head_of(b"Content-Length: 5,5"), 400),
    "Content-Length 5, 6": (head_of(b"Content-Length: 5, 6"), 400),
    "Content-Length 0x5": (head_of(b"Content-Length: 0x5"), 400),
    "Content-Length 5_0": (head_of(b"Content-Length: 5_0"), 400),
    "Content-Length 5 0": (head_of(b"Content-Length: 5 0"), 400),
    "Content-Length 5.0": (head_of(b"Content-Length: 5.0"), 400),
    "Content-Length 1e1": (head_of(b"Content-Length: 1e1"), 400),
    "Content-Length in quotes": (head_of(b'Content-Length: "5"'), 400),
    "empty Content-Length": (head_of(b"Content-Length:"), 400),
    "blank Content-Length": (head_of(b"Content-Length: \t "), 400),
    "Content-Length in Arabic digits": (head_of("Content-Length: \u0665".encode()), 400),
    "Content-Length superscript two": (head_of(b"Content-Length: \xb2"), 400),
    "Content-Length and no-break space": (head_of(b"Content-Length: 5\xa0"), 400),
    "Content-Length and VT": (head_of(b"Content-Length: 5\x0b"), 400),
    "Content-Length of 20 digits": (head_of(b"Content-Length: " + b"1" * 20), 400),
    "Content-Length of 46 digits": (head_of(b"Content-Length: " + b"0" * 45 + b"5"), 400),
    "two equal Content-Length lines": (head_of(b"Content-Length: 5", b"Content-Length: 5"), 400),
    "two different Content-Length lines": (head_of(b"Content-Length: 5", b"Content-Length: 6"), 400),
    "two Content-Length lines, one empty": (head_of(b"Content-Length:", b"Content-Length: 5"), 400),
    # RFC 9112 sections 2.2 and 5: lines
    "bare LF line ends": (head_of().replace(b"\r\n", b"\n"), 400),
    "bare LF behind the request line": (b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
    "bare LF behind a field": (b"GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
    "bare LF as the blank line": (b"GET / HTTP/1.1\r\nHost: a\r\n\n\r\n\r\n", 400),
    "bare LF in a value": (head_of(b"X: 1\nContent-Length: 5"), 400),
    "bare LF before the request line": (b"\n" + head_of(), 400),
    "bare CR behind the request line": (b"GET / HTTP/1.1\rHost: a\r\n\r\n", 400),
    "bare CR in a value": (head_of(b"X: 1\rContent-Length: 5"), 400),
    "bare CR in a name": (head_of(b"X\rY: 1"), 400),
    "bare CR before the request line": (b"\r" + head_of(), 400),
    "CR before CRLF": (b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400),
    "bare CR line ends": (b"GET / HTTP/1.1\rHost: a\r\r\r\n\r\n", 400),
    "NUL in a value": (head_of(b"X: a\x00b"), 400),
    "NUL in a name": (head_of(b"X\x00: 1"), 400),
    "NUL in the request line": (head_of(line=b"GET /\x00 HTTP/1.1"), 400),
    "DEL in a value": (head_of(b"X: \x7f"), 400),
    "escape in a value": (head_of(b"X: \x1b[31m"), 400),
    "field folded with a space": (head_of(b"X: 1", b" 2"), 400),
    "field folded with a tab": (head_of(b"X: 1", b"\t2"), 400),
    "first field folded": (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    "blank field line": (head_of(b" "), 400),
    "space before the colon": (head_of(b"X : 1"), 400),
    "empty name": (head_of(b": 1"), 400),
    "no colon": (head_of(b"X"), 400),
    "X[]: 1": (head_of(b"X[]: 1"), 400),
    "space in a name": (head_of(b"X Y: 1"), 400),
    "quotes in a name": (head_of(b'"X": 1'), 400),
    "non-ASCII name": (head_of("é: 1".encode()), 400),
    "ISO-8859-1 name": (head_of(b"\xe9: 1"), 400),
    # RFC 9112 section 3.2 and RFC 9110 section 7.2: Host
    "no Host": (head_of(host=b""), 400),
    "no Host on HTTP/1.2": (head_of(line=b"GET / HTTP/1.2", host=b""), 400),
    "no Host with absolute-form": (head_of(line=b"GET http://a/ HTTP/1.1", host=b""), 400),
    "two Hosts": (head_of(b"Host: b"), 400),
    "two equal Hosts": (head_of(b"Host: a"), 400),
    "two Hosts on HTTP/1.0": (head_of(b"Host: b", line=b"GET / HTTP/1.0"), 400),
    "empty Host": (head_of(host=b"Host:"), 400),
    "empty Host on HTTP/1.0": (head_of(line=b"GET / HTTP/1.0", host=b"Host:"), 400),
    "Host a/b?c#@d": (head_of(host=b"Host: a/b?c#@d"), 400),
    "Host with userinfo": (head_of(host=b"Host: user@a"), 400),
    "Host with a comma": (head_of(host=b"Host: a, b"), 400),
    "Host with a space": (head_of(host=b"Host: a b"), 400),
    "Host with a bad port": (head_of(host=b"Host: a:b"), 400),
    "Host with two colons": (head_of(host=b"Host: a::"), 400),
    "Host with port 65536": (head_of(host=b"Host: a:65536"), 400),
    "Host with a percent sign": (head_of(host=b"Host: a%"), 400),
    "Host in ISO-8859-1": (head_of(host=b"Host: \xe9"), 400),
    "Host as half an IPv6 address": (head_of(host=b"Host: [::1"), 400),
    "Host as no IPv6 address": (head_of(host=b"Host: [1.2]"), 400),
    "space before the colon of Host": (head_of(host=b"Host : a"), 400),
    "absolute-form and an invalid Host": (head_of(line=b"GET http://a/ HTTP/1.1", host=b"Host: a/"), 400),
    # RFC 9112 section 3.2: targets
    "no leading slash": (head_of(line=b"GET a HTTP/1.1"), 400),
    "asterisk for GET": (head_of(line=b"GET * HTTP/1.1"), 400),
    "authority for GET": (head_of(line=b"GET a:80 HTTP/1.1"), 400),
    "path for CONNECT": (head_of(line=b"CONNECT / HTTP/1.1"), 400),
    "URL for CONNECT": (head_of(line=b"CONNECT http://a:80/ HTTP/1.1"), 400),
    "CONNECT without a port": (head_of(line=b"CONNECT a HTTP/1.1"), 400),
    "fragment": (head_of(line=b"GET /a#b HTTP/1.1"), 400),
    "fragment in absolute-form": (head_of(line=b"GET http://a/#b HTTP/1.1"), 400),
    "foreign scheme": (head_of(line=b"GET ftp://a/ HTTP/1.1"), 400),
    "userinfo in absolute-form": (head_of(line=b"GET http://u@a/ HTTP/1.1"), 400),
    "no authority in absolute-form": (head_of(line=b"GET http:///a HTTP/1.1"), 400),
    "raw space in the target": (head_of(line=b"GET /a b HTTP/1.1"), 400),
    "raw tab in the target": (head_of(line=b"GET /a\tb HTTP/1.1"), 400),
    "control byte in the target": (head_of(line=b"GET /a\x01b HTTP/1.1"), 400),
    "raw UTF-8 in the target": (head_of(line="GET /é HTTP/1.1".encode()), 400),
    "percent sign alone in the path": (head_of(line=b"GET /% HTTP/1.1"), 400),
    # RFC 9112 section 2.3: versions, and section 3: the request line
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "HTTP/0.9, spelled out": (head_of(line=b"GET / HTTP/0.9"), 505),
    "HTTP/2.0": (head_of(line=b"GET / HTTP/2.0"), 505),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "HTTP/2.0 and a bad field": (head_of(b"X : 1", line=b"GET / HTTP/2.0"), 505),
    "http/1.1": (head_of(line=b"GET / http/1.1"), 400),
    "HTTP/1.10": (head_of(line=b"GET / HTTP/1.10"), 400),
    "HTTP/11.1": (head_of(line=b"GET / HTTP/11.1"), 400),
    "HTTP/1": (head_of(line=b"GET / HTTP/1"), 400),
    "HTTP/1,1": (head_of(line=b"GET / HTTP/1,1"), 400),
    "HTTPS/1.1": (head_of(line=b"GET / HTTPS/1.1"), 400),
    "HTTP/1.1 in superscript": (head_of(line=b"GET / HTTP/1.\xb9"), 400),
    "no target": (head_of(line=b"GET HTTP/1.1"), 400),
    "empty target": (head_of(line=b"GET  HTTP/1.1"), 400),
    "no method": (head_of(line=b" / HTTP/1.1"), 400),
    "space before the method": (head_of(line=b" GET / HTTP/1.1"), 400),
    "two spaces behind the method": (head_of(line=b"GET  / HTTP/1.1"), 400),
    "tab behind the method": (head_of(line=b"GET\t/ HTTP/1.1"), 400),
    "space behind the version": (head_of(line=b"GET / HTTP/1.1 "), 400),
    "method that is no token": (head_of(line=b"G@T / HTTP/1.1"), 400),
    "method in parentheses": (head_of(line=b"(GET) / HTTP/1.1"), 400),
    "response": (b"HTTP/1.1 200 OK\r\nHost: a\r\n\r\n", 400),
    "TLS ClientHello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    # Limits
    "101 fields": (head_of(*[b"X: 1"] * 100), 431),
    "101 fields, the last one bad": (head_of(*[b"X: 1"] * 99, b"X : 1"), 400),
    "101 fields, the next one bad": (head_of(*[b"X: 1"] * 100, b"X : 1"), 431),
}

# Heads that are malformed by their length: too long for every split point.
LONG_HEADS = {
    "target of 9000 bytes": (head_of(line=b"GET /" + b"a" * 9_000 + b" HTTP/1.1"), 414),
    "method of 9000 bytes": (head_of(line=b"A" * 9_000 + b" / HTTP/1.1"), 414),
    "request line without end": (b"A" * 9_000, 414),
    "request line without end, NUL beyond the limit": (b"A" * 9_000 + b"\x00", 414),
    "request line without end, NUL within the limit": (b"A" * 8_000 + b"\x00" + b"A" * 9_000, 400),
    "request line without end, NUL at the limit": (b"A" * 8_192 + b"\x00", 414),
    "request line without end, NUL before the limit": (b"A" * 8_191 + b"\x00", 400),
    "request line without end, bare CR at the limit": (b"A" * 8_192 + b"\rA", 414),
    "request line without end, bare CR before the limit": (b"A" * 8_191 + b"\rA", 400),
    "empty lines without end": (b"\r\n" * 5_000, 414),
    "field line of 33000 bytes": (head_of(b"X: " + b"a" * 33_000), 431),
    "field line without end": (b"GET / HTTP/1.1\r\nX: " + b"a" * 33_000, 431),
    "field line without end, NUL beyond the limit": (b"GET / HTTP/1.1\r\nX: " + b"a" * 33_000 + b"\x00", 431),
    "field line without end, NUL within the limit": (b"GET / HTTP/1.1\r\nX: \x00" + b"a" * 33_000, 400),
    "name of 33000 bytes": (head_of(b"X" * 33_000 + b": 1"), 431),
    "90 fields of 400 bytes": (head_of(*[b"X: " + b"a" * 400] * 90), 431),
    "bad version of a head too long": (head_of(b"X: " + b"a" * 33_000, line=b"GET / HTTP/3.0"), 505),
}

TRAILING = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("data", GOOD_HEADS.values(), ids=GOOD_HEADS.keys())
def test_a_valid_head_is_found_and_accepted(data: bytes) -> None:
    assert verdict([data]) == ACCEPTED


@pytest.mark.parametrize("data", GOOD_HEADS.values(), ids=GOOD_HEADS.keys())
def test_a_valid_head_is_accepted_in_whatever_pieces_it_arrives(data: bytes) -> None:
    assert {verdict([data[:split], data[split:]]) for split in range(len(data))} == {ACCEPTED}
    assert verdict(bytewise(data)) == ACCEPTED


@pytest.mark.parametrize("data", GOOD_HEADS.values(), ids=GOOD_HEADS.keys())
def test_a_head_ends_with_its_blank_line_and_not_before(data: bytes) -> None:
    assert find_head(data + TRAILING, 0, LIMITS) == len(data)
    assert [find_head(data[:length], 0, LIMITS) for length in range(len(data))] == [0] * len(data)


@pytest.mark.parametrize(("data", "status"), BAD_HEADS.values(), ids=BAD_HEADS.keys())
def test_a_bad_head_is_refused(data: bytes, status: int) -> None:
    assert verdict([data]) == status


@pytest.mark.parametrize(("data", "status"), BAD_HEADS.values(), ids=BAD_HEADS.keys())
def test_a_bad_head_is_refused_alike_in_whatever_pieces_it_arrives(data: bytes, status: int) -> None:
    assert {verdict([data[:split], data[split:]]) for split in range(len(data))} == {status}
    assert verdict(bytewise(data)) == status


@pytest.mark.parametrize(("data", "status"), BAD_HEADS.values(), ids=BAD_HEADS.keys())
def test_a_bad_head_is_refused_alike_with_a_request_behind_it(data: bytes, status: int) -> None:
    assert verdict([data + TRAILING]) == status
    assert verdict(bytewise(data + TRAILING)) == status


@pytest.mark.parametrize(("data", "status"), BAD_HEADS.values(), ids=BAD_HEADS.keys())
def test_a_bad_head_is_refused_alike_behind_an_empty_line(data: bytes, status: int) -> None:
    assert verdict([b"\r\n" + data]) == status


@pytest.mark.parametrize(("data", "status"), LONG_HEADS.values(), ids=LONG_HEADS.keys())
def test_a_long_head_is_refused_alike_in_whatever_pieces_it_arrives(data: bytes, status: int) -> None:
    assert verdict([data]) == status
    assert verdict(bytewise(data)) == status
    assert {verdict([data[:split], data[split:]]) for split in range(0, len(data), len(data) // 23)} == {status}


@pytest.mark.parametrize(
    "unfinished",
    [
        pytest.param(b"\x16", id="TLS"),
        pytest.param(b"\n", id="bare LF first"),
        pytest.param(b"\rG", id="bare CR first"),
        pytest.param(b"GET / HTTP/1.1\n", id="bare LF"),
        pytest.param(b"GET / HTTP/1.1\rH", id="bare CR"),
        pytest.param(b"GET / HTTP/1.1\r\r", id="two CR"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\rX", id="bare CR in a field"),
        pytest.param(b"GET /\x00", id="NUL"),
        pytest.param(b"GET /\r\n", id="bad request line"),
        pytest.param(b"GET / HTTP/1.1\r\nHost : a\r\n", id="bad field line"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n", id="folded field line"),
    ],
)
def test_a_head_is_refused_as_soon_as_it_cannot_become_valid(unfinished: bytes) -> None:
    for scanned in (0, len(unfinished) - 1):
        with pytest.raises(ProtocolError) as caught:
            find_head(unfinished, scanned, LIMITS)
        assert caught.value.status == 400


@pytest.mark.parametrize("split", range(1, 5))
def test_a_blank_line_is_found_across_reads(split: int) -> None:
    data = head_of()

    assert find_head(data, len(data) - split, LIMITS) == len(data)


def test_nothing_is_a_head_that_has_not_begun() -> None:
    assert find_head(b"", 0, LIMITS) == 0


def test_empty_lines_alone_are_no_head() -> None:
    assert find_head(b"\r\n\r\n\r\n", 0, LIMITS) == 0


@pytest.mark.parametrize(
    ("buffer", "is_head"),
    [
        (b"HEAD ", True),
        (b"\r\n" * 100 + b"HEAD / HTTP/9", True),
        (b"\r\n" * 2 + b"xHEAD ", False),
        (b"HEAD", False),
        (b"\nHEAD ", False),
        (b"\r\rHEAD ", False),
        (b"GET ", False),
        (b"", False),
        (b"\r\n" * 4094 + b"HEAD ", True),  # the last byte is the first beyond the limit
        (b"\r\n" * 4095 + b"HEAD ", False),
    ],
)
def test_the_method_of_a_refused_request_is_head_if_no_fault_comes_before_it(buffer: bytes, is_head: bool) -> None:
    assert is_head_request(buffer, LIMITS) is is_head


def test_empty_lines_given_for_a_head_are_refused() -> None:
    with pytest.raises(ProtocolError, match=r"^400 The request head is malformed"):
        parse_head(b"\r\n\r\n", LIMITS)


def test_a_valid_head_has_no_fault_to_be_named() -> None:
    refuse_invalid(head_of(), LIMITS)

    assert invalid_head(head_of(), LIMITS).status == 400


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        (b" folded", "A field line is folded"),
        (b"Name : value", "A field name is followed by space"),
        (b"name", "A field line is not NAME: VALUE"),
        (b"X: \x00", r"The request head has a byte that may not be there: b'\\x00'"),
    ],
)
def test_the_refusal_names_the_fault(line: bytes, detail: str) -> None:
    with pytest.raises(ProtocolError, match=f"^400 {detail}"):
        parse_head(head_of(line), LIMITS)


def test_of_two_faults_the_first_on_the_wire_is_named() -> None:
    with pytest.raises(ProtocolError, match="name is followed by space"):
        parse_head(head_of(b"X : 1", b" folded", b"X: \x00"), LIMITS)


# Limits


def test_the_line_limit_is_exact() -> None:
    room = LIMITS.request_line_bytes - len(b"GET / HTTP/1.1\r\n")
    longest, too_long = (head_of(line=b"GET /" + b"a" * count + b" HTTP/1.1") for count in (room, room + 1))

    assert verdict([longest]) == verdict(bytewise(longest)) == ACCEPTED
    assert verdict([too_long]) == verdict(bytewise(too_long)) == 414


def test_the_head_limit_is_exact() -> None:
    room = LIMITS.head_bytes - len(head_of(b"X: "))
    longest, too_long = (head_of(b"X: " + b"a" * count) for count in (room, room + 1))

    assert len(longest) == LIMITS.head_bytes
    assert verdict([longest]) == verdict(bytewise(longest)) == ACCEPTED
    assert verdict([too_long]) == verdict(bytewise(too_long)) == 431


def test_a_long_head_is_accepted_with_a_longer_body_behind_it() -> None:
    assert verdict([head_of(b"Content-Length: 100000") + b"a" * 100_000]) == ACCEPTED


def test_a_line_too_long_is_refused_without_waiting_for_its_end() -> None:
    with pytest.raises(ProtocolError) as caught:
        find_head(b"A" * (LIMITS.request_line_bytes + 1), LIMITS.request_line_bytes, LIMITS)

    assert caught.value.status == 414


def test_empty_lines_count_in_the_line_limit() -> None:
    """Check that empty lines count: otherwise a client could send them for ever."""
    limits = Limits(request_line_bytes=20)

    assert verdict([b"\r\n" * 2, b"GET / HTTP/1.0\r\n\r\n"], limits) == ACCEPTED
    assert verdict([b"\r\n" * 3, b"GET / HTTP/1.0\r\n\r\n"], limits) == 414
    assert verdict(bytewise(b"\r\n" * 11), limits) == 414


def test_the_head_limit_holds_for_the_request_line_too() -> None:
    limits = Limits(head_bytes=100)

    assert verdict([b"A" * 100], limits) == INCOMPLETE
    assert verdict([b"A" * 101], limits) == verdict(bytewise(b"A" * 101), limits) == 414


def test_a_limit_of_one_field_is_kept() -> None:
    limits = Limits(fields=1)

    assert verdict([head_of()], limits) == ACCEPTED
    assert verdict([head_of(b"X: 1")], limits) == 431
    assert verdict([head_of(b"X: 1")[:-2]], limits) == 431


# The content of a head


def test_a_request_line_is_taken_apart() -> None:
    head = parsed(head_of(line=b"GET /a%20b?c=%20d HTTP/1.1"))

    assert (head.method, head.target, head.version) == ("GET", "/a%20b?c=%20d", "HTTP/1.1")
    assert (head.raw_path, head.path, head.query, head.host) == ("/a%20b", "/a b", "c=%20d", "a")


@pytest.mark.parametrize(("spelled", "minor"), [(b"HTTP/1.0", 0), (b"HTTP/1.1", 1), (b"HTTP/1.2", 1), (b"HTTP/1.9", 1)])
def test_a_higher_minor_version_is_served_as_1_1(spelled: bytes, minor: int) -> None:
    head = parsed(head_of(line=b"GET / " + spelled))

    assert (head.minor_version, head.version) == (minor, f"HTTP/1.{minor}")


def test_the_field_block_is_kept_as_it_arrived() -> None:
    head = parsed(head_of(b"X-Odd:  A\t", b"x-odd: \xe9"))

    assert head.block == b"Host: a\r\nX-Odd:  A\t\r\nx-odd: \xe9\r\n"


def test_no_framing_field_is_something_else_by_default() -> None:
    head = parsed(b"GET / HTTP/1.0\r\n\r\n")
    fields = head.fields

    assert (fields.host, fields.content_length, fields.transfer_encoding, fields.expect) == (None, None, None, None)
    assert fields.connection == fields.upgrade == frozenset()
    assert head.block == b""


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ([], "-"),
        ([b"X-Referer: no", b"Xreferer: no", b"X: referer: no"], "-"),
        ([b"Referer: http://a/B"], "http://a/B"),
        ([b"rEFERER:\t\xe9 "], "\xe9"),
        ([b"Referer:"], ""),
        ([b"Referer: a", b"X: 1", b"referer: b"], "a, b"),
        ([b"Referer:", b"Referer:"], ", "),
    ],
)
def test_one_field_can_be_looked_up_alone(fields: list[bytes], value: str) -> None:
    head = parsed(head_of(*fields, line=b"GET /?Referer:no HTTP/1.1"))
    assert head.field("referer", "-") == value
    assert Headers.from_block(head.block).get("referer", "-") == value


@pytest.mark.parametrize(
    ("prefixes", "found"),
    [(("if-",), True), (("range:", "x-"), True), (("range:",), False), (("f-match:",), False), ((), False)],
)
def test_a_head_knows_whether_it_has_any_of_some_fields(prefixes: tuple[str, ...], found: bool) -> None:
    head = parsed(head_of(b"If-Match: *", b"X-A: range:", line=b"GET /?f-match: HTTP/1.1"))

    assert head.has_any(prefixes) is found


def test_the_fields_the_server_acts_on_are_read() -> None:
    fields = parsed(
        head_of(
            b"CONNECTION: Keep-Alive,Upgrade",
            b"Connection:\tX , ",
            b"Upgrade: WebSocket, h2c",
            b"Expect: 100-Continue",
            b"Content-Length: 05",
        )
    ).fields

    assert fields.host == "a"
    assert fields.connection == {"keep-alive", "upgrade", "x", ""}
    assert fields.upgrade == {"websocket", "h2c"}
    assert fields.expect == "100-continue"
    assert fields.content_length == 5


def test_an_unknown_expectation_is_handed_on() -> None:
    assert parsed(head_of(b"Expect: 200-ok", b"Expect: 100-continue")).fields.expect == "200-ok,100-continue"


def test_names_that_only_look_alike_are_not_acted_on() -> None:
    fields = parsed(head_of(b"X-Host: b", b"Hostess: b", b"Content_Length: 5", b"Transfer-Encoding-X: chunked")).fields

    assert (fields.host, fields.content_length, fields.transfer_encoding) == ("a", None, None)


def test_a_value_that_spells_a_field_is_not_acted_on() -> None:
    fields = parsed(head_of(b"X: content-length: 5", b"Y: \thost:b")).fields

    assert (fields.host, fields.content_length) == ("a", None)


def test_an_absolute_form_names_the_host() -> None:
    assert parsed(head_of(line=b"GET HTTPS://A:80/ HTTP/1.1", host=b"Host: a:80")).host == "a:80"
    assert parsed(head_of(line=b"GET http://A/ HTTP/1.0", host=b"")).host == "a"


@pytest.mark.parametrize("host", [b"Host: a", b"Host: b:81", b"HOST:b"])
def test_the_host_of_an_absolute_form_replaces_the_field(host: bytes) -> None:
    # RFC 9112 section 3.2.2: an origin server MUST ignore the received Host field.
    head = parsed(head_of(b"X: 1", line=b"GET http://b:80/ HTTP/1.1", host=host))

    assert head.host == head.field("host") == head.headers()["host"] == "b:80"
    assert head.headers().get_all("host") == ["b:80"]
    assert head.headers()["x"] == head.field("x") == "1"


def test_a_host_field_is_as_sent() -> None:
    head = parsed(head_of(host=b"Host: A"))

    assert (head.host, head.field("host"), head.headers()["host"]) == ("a", "A", "A")


def test_without_a_host_field_there_is_none() -> None:
    head = parsed(b"GET / HTTP/1.0\r\n\r\n")

    assert head.field("host", "none") == "none"
    assert "host" not in head.headers()


def test_connect_takes_its_host_from_the_target() -> None:
    head = parsed(head_of(line=b"CONNECT B:443 HTTP/1.1"))

    assert (head.host, head.raw_path, head.path, head.query) == ("b:443", "", "", "")


def test_an_old_request_may_have_no_host() -> None:
    assert parsed(b"GET / HTTP/1.0\r\n\r\n").host is None


def test_an_equal_field_block_is_not_read_again() -> None:
    first = parsed(head_of(b"X: 1"))
    second = parse_head(head_of(b"X: 1", line=b"PUT /b HTTP/1.1"), LIMITS, first)

    assert second.fields is first.fields
    assert (second.method, second.path, second.host) == ("PUT", "/b", "a")


def test_a_head_keeps_what_arrived() -> None:
    octets = b"\r\n" + head_of(b"X: 1", line=b"PUT /b?c HTTP/1.1")

    assert parsed(octets).octets == octets


def test_another_field_block_is_read() -> None:
    first = parsed(head_of(b"X: 1"))
    second = parse_head(head_of(b"X: 2"), LIMITS, first)

    assert second.fields is not first.fields
    assert second.block == b"Host: a\r\nX: 2\r\n"


CHANGING_LINES = [
    (b"X: 1",),
    (b"X: 1", b"Y: 2"),
    (b"X: 3", b"Content-Length: 5"),
    (b"X: 3", b"Content-Length: 6"),
    (b"X: 4",),
    (b"X: 4", b"Connection: close"),
    (b"X: 4", b"Transfer-Encoding: chunked"),
    (b"X: 4", b"Host: b"),
    (b"X: 4", b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    (b"X 4",),
    (b"X: 4\r",),
    (b" X: 4",),
    (b"Connection: a", b"Connection: b"),
    (),
]


def said_of(fields: FieldSection) -> list[object]:
    return [getattr(fields, name) for name in FieldSection.__slots__]


@SETTINGS
@given(st.lists(st.sampled_from(CHANGING_LINES), min_size=2, max_size=8))
def test_a_head_is_what_it_is_whatever_heads_came_before_it(history: list[tuple[bytes, ...]]) -> None:
    previous = None
    for lines in history:
        head = head_of(*lines)
        try:
            alone = parsed(head)
        except ProtocolError as error:
            with pytest.raises(ProtocolError, match=re.escape(str(error))):
                parse_head(head, LIMITS, previous)
            continue
        after = parse_head(head, LIMITS, previous)
        assert (after.block, after.host) == (alone.block, alone.host)
        assert said_of(after.fields) == said_of(alone.fields)
        previous = after


def test_what_was_read_of_one_head_does_not_change_with_the_next() -> None:
    first = parsed(head_of(b"X: 1", b"Connection: a"))
    parse_head(head_of(b"X: 1", b"Connection: a", b"Connection: close", b"Content-Length: 5"), LIMITS, first)

    assert said_of(first.fields) == said_of(parsed(head_of(b"X: 1", b"Connection: a")).fields)


def test_an_equal_field_block_is_judged_by_the_new_request_line() -> None:
    chunked = parsed(head_of(b"Transfer-Encoding: chunked"))
    hostless = parsed(b"GET / HTTP/1.0\r\n\r\n")

    with pytest.raises(ProtocolError, match="Transfer-Encoding"):
        parse_head(head_of(b"Transfer-Encoding: chunked", line=b"GET / HTTP/1.0"), LIMITS, chunked)
    with pytest.raises(ProtocolError, match="Host"):
        parse_head(b"GET / HTTP/1.1\r\n\r\n", LIMITS, hostless)


@pytest.mark.parametrize(
    ("field", "framing"),
    [
        (b"X: 1", 0),
        (b"Content-Length: 0", 0),
        (b"Content-Length: 5", 5),
        (b"Content-Length: 9999999999999999999", 9_999_999_999_999_999_999),
        (b"Transfer-Encoding: chunked", CHUNKED),
        (b"transfer-encoding:\tCHUNKED ", CHUNKED),
    ],
)
def test_the_fields_say_how_the_body_ends(field: bytes, framing: int) -> None:
    assert parsed(head_of(field)).fields.framing == framing


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"keep-alive", True),
        (b"1.1", b"upgrade", True),
        (b"1.1", b"close", False),
        (b"1.1", b"CLOSE", False),
        (b"1.1", b"keep-alive, close", False),
        (b"1.1", b"x,close\t,y", False),
        (b"1.1", b"closed", True),
        (b"1.0", b"", False),
        (b"1.0", b"keep-alive", True),
        (b"1.0", b"x, Keep-Alive", True),
        (b"1.0", b"keep-alive, close", False),
        (b"1.0", b"x", False),
        (b"1.2", b"", True),
    ],
)
def test_version_and_connection_say_whether_the_connection_persists(
    version: bytes, connection: bytes, kept: bool
) -> None:
    assert parsed(head_of(b"Connection: " + connection, line=b"GET / HTTP/" + version)).keeps_alive is kept


def test_without_a_connection_field_the_version_decides() -> None:
    assert parsed(head_of()).keeps_alive
    assert not parsed(head_of(line=b"GET / HTTP/1.0")).keeps_alive


def test_a_connection_field_may_stand_on_several_lines() -> None:
    assert not parsed(head_of(b"Connection: keep-alive", b"Connection: close")).keeps_alive


# Answers, parsed and encoded

ANSWERS = [
    pytest.param(200, [], b"HTTP/1.1 200 OK\r\n\r\n", id="no fields"),
    pytest.param(404, [("x", "")], b"HTTP/1.1 404 Not Found\r\nX: \r\n\r\n", id="empty value"),
    pytest.param(299, [], b"HTTP/1.1 299 \r\n\r\n", id="no registered phrase"),
    pytest.param(204, [("etag", '"a"')], b'HTTP/1.1 204 No Content\r\nETag: "a"\r\n\r\n', id="spelled name"),
    pytest.param(
        200,
        [("set-cookie", "a=1"), ("content-type", "text/plain"), ("set-cookie", "b=\xe9")],
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Type: text/plain\r\nSet-Cookie: b=\xe9\r\n\r\n",
        id="order, repetition and obs-text",
    ),
]


@pytest.mark.parametrize(("status", "fields", "data"), ANSWERS)
def test_a_response_head_is_written(status: int, fields: list[tuple[str, str]], data: bytes) -> None:
    assert encode_head(status, fields) == data


@pytest.mark.parametrize(("status", "fields", "data"), ANSWERS)
def test_a_response_head_is_read(status: int, fields: list[tuple[str, str]], data: bytes) -> None:
    head = parse_response_head(data)

    assert (head.status, head.version, head.headers.items()) == (status, (1, 1), fields)


def test_framing_lines_come_first() -> None:
    assert encode_head(200, [("a", "1")], b"Content-Length: 0\r\n") == (
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: 1\r\n\r\n"
    )


def test_a_status_line_has_our_version() -> None:
    assert status_line(503) == b"HTTP/1.1 503 Service Unavailable\r\n"


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("content-type", "Content-Type"),
        ("etag", "ETag"),
        ("te", "TE"),
        ("www-authenticate", "WWW-Authenticate"),
        ("x", "X"),
        ("x--y-", "X--Y-"),
        ("-", "-"),
        ("1-a_b", "1-A_b"),
    ],
)
def test_a_name_is_written_as_people_expect_it(name: str, spelled: str) -> None:
    assert wire_name(name) == spelled


def test_an_old_answer_with_a_free_reason_is_read() -> None:
    head = parse_response_head(b"HTTP/1.0 599 Tr\xe8s  bien\r\nA:1\r\n\r\n")

    assert (head.status, head.reason, head.version) == (599, "Très  bien", (1, 0))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\r\n\r\n", id="no status line"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", id="no blank line"),
        pytest.param(b"HTTP/1.1 200\r\n\r\n", id="no space behind the status"),
        pytest.param(b"HTTP/1.1 20 OK\r\n\r\n", id="two digits"),
        pytest.param(b"HTTP/1.1 2000 OK\r\n\r\n", id="four digits"),
        pytest.param(b"HTTP/1.1 600 OK\r\n\r\n", id="status above 599"),
        pytest.param(b"HTTP/1.1 099 OK\r\n\r\n", id="status below 100"),
        pytest.param(b"HTTP/2.0 200 OK\r\n\r\n", id="HTTP/2.0"),
        pytest.param(b"HTTP/1.2 200 OK\r\n\r\n", id="HTTP/1.2"),
        pytest.param(b"http/1.1 200 OK\r\n\r\n", id="lower case"),
        pytest.param(b"\r\nHTTP/1.1 200 OK\r\n\r\n", id="empty line before"),
        pytest.param(b"HTTP/1.1 200 O\x00K\r\n\r\n", id="NUL in the reason"),
        pytest.param(b"HTTP/1.1 200 OK\nA: 1\r\n\r\n", id="bare LF"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA : 1\r\n\r\n", id="space before the colon"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: 1\r\n 2\r\n\r\n", id="folded"),
        pytest.param(b"HTTP/1.1 200 OK\r\n: 1\r\n\r\n", id="empty name"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: 1\r\n\r\n\r\n", id="bytes behind the blank line"),
    ],
)
def test_a_bad_response_head_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_response_head(data)

    assert caught.value.status == 502


@pytest.mark.parametrize(
    ("fields", "framing"),
    [
        pytest.param(b"", UNTIL_CLOSE, id="no field"),
        pytest.param(b"Content-Length: 5\r\n", 5, id="length"),
        pytest.param(b"Content-Length: 0\r\n", 0, id="length zero"),
        pytest.param(b"Transfer-Encoding: Chunked\r\n", CHUNKED, id="chunked"),
        pytest.param(b"Transfer-Encoding: gzip, chunked\r\n", CHUNKED, id="final coding chunked"),
        pytest.param(
            b"Transfer-Encoding: gzip\r\nTransfer-Encoding:\tchunked\r\n", CHUNKED, id="chunked in the last line"
        ),
        pytest.param(b"Transfer-Encoding: chunked, gzip\r\n", UNTIL_CLOSE, id="final coding not chunked"),
        pytest.param(b"Transfer-Encoding: xchunked\r\n", UNTIL_CLOSE, id="foreign coding"),
        pytest.param(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", CHUNKED, id="both"),
    ],
)
def test_the_fields_say_how_the_body_of_an_answer_ends(fields: bytes, framing: int) -> None:
    head = parse_response_head(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n")

    assert response_framing(head, "GET") == framing


@pytest.mark.parametrize(
    ("status", "method"),
    [*((status, "GET") for status in (100, 103, 199, 204, 304)), (200, "HEAD"), (404, "HEAD"), (200, "CONNECT")],
)
def test_an_answer_without_a_body_may_have_any_length(status: int, method: str) -> None:
    head = parse_response_head(b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\n" % status)

    assert response_framing(head, method) == 0


def test_a_refused_connect_has_a_body() -> None:
    head = parse_response_head(b"HTTP/1.1 403 X\r\nContent-Length: 5\r\n\r\n")

    assert response_framing(head, "CONNECT") == 5


@pytest.mark.parametrize("length", [b"", b"+5", b"-1", b"5, 5", b"0x5", b"5_0", b"\xb2", b"1" * 20])
def test_an_answer_with_a_bad_content_length_is_refused(length: bytes) -> None:
    head = parse_response_head(b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\n")

    with pytest.raises(ProtocolError) as caught:
        response_framing(head, "GET")
    assert caught.value.status == 502


def test_an_answer_with_two_lengths_is_refused() -> None:
    head = parse_response_head(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n")

    with pytest.raises(ProtocolError, match=r"^502"):
        response_framing(head, "GET")


def test_the_bodiless_statuses_are_those_of_the_rfc() -> None:
    assert {status for status in range(100, 600) if status in BODILESS} == {*range(100, 200), 204, 304}


# Requests, parsed and encoded

REQUESTS = [
    pytest.param("GET", "/", [("host", "a")], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", id="Host alone"),
    pytest.param(
        "POST",
        "/a%20b?c",
        [("host", "a:80"), ("x", ""), ("etag", "1"), ("x", "\xe9")],
        b"POST /a%20b?c HTTP/1.1\r\nHost: a:80\r\nX: \r\nETag: 1\r\nX: \xe9\r\n\r\n",
        id="order, repetition and obs-text",
    ),
]


@pytest.mark.parametrize(("method", "target", "fields", "data"), REQUESTS)
def test_a_request_head_is_written(method: str, target: str, fields: list[tuple[str, str]], data: bytes) -> None:
    assert encode_request_head(method, target, fields) == data


@pytest.mark.parametrize(("method", "target", "fields", "data"), REQUESTS)
def test_a_request_head_is_read(method: str, target: str, fields: list[tuple[str, str]], data: bytes) -> None:
    head = parsed(data)

    assert (head.method, head.target, head.version) == (method, target, "HTTP/1.1")
    assert head.headers().items() == fields


# Random input

NAMES = st.from_regex(f"[{TCHAR}]+", fullmatch=True)
VALUES = st.from_regex(f"[{FIELD_CHAR}]*", fullmatch=True).map(lambda value: value.strip(" \t"))
FIELDS = st.lists(st.tuples(NAMES.map(str.lower), VALUES), max_size=20)
TARGETS = st.from_regex(r"/[!-\"$&-~]*", fullmatch=True)

STATUSES = {INCOMPLETE, ACCEPTED, 400, 414, 431, 501, 505}
TIGHT = Limits(head_bytes=200, request_line_bytes=60, fields=4)

PARTS = st.sampled_from(
    [
        b"GET ", b"/", b" HTTP/1.1", b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"Host: a\r\n", b"Host:", b"Content-Length: ",
        b"Transfer-Encoding: chunked\r\n", b"5", b" ", b"\t", b":", b"\x00", b"X: \xff\r\n", b"CONNECT ", b"OPTIONS *",
        b"http://", b"a:80", b"[::1]", b"[", b"%ff", b"%", b"#", b"?", b",", b"Connection: close\r\n", b"a" * 70,
    ]
)  # fmt: skip


@st.composite
def mutated_heads(draw: st.DrawFn) -> bytes:
    """Return a valid head with some parts inserted or removed."""
    data = draw(st.sampled_from(list(GOOD_HEADS.values())))[-300:]
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        dropped = draw(st.integers(0, 3))
        data = data[:start] + draw(PARTS | st.binary(max_size=2)) + data[start + dropped :]
    return data


@SETTINGS
@given(data=mutated_heads() | st.lists(PARTS).map(b"".join) | st.binary(), limits=st.sampled_from([LIMITS, TIGHT]))
def test_any_bytes_get_a_documented_error_or_a_record(data: bytes, limits: Limits) -> None:
    assert verdict([data], limits) in STATUSES


@SETTINGS
@given(
    data=mutated_heads() | st.lists(PARTS).map(b"".join),
    limits=st.sampled_from([LIMITS, TIGHT]),
    cuts=st.lists(st.integers(0, 300), max_size=4).map(sorted),
)
def test_any_bytes_get_the_same_verdict_in_whatever_pieces(data: bytes, limits: Limits, cuts: list[int]) -> None:
    whole = verdict([data], limits)
    pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]

    assert verdict(pieces, limits) == whole
    assert verdict(bytewise(data), limits) == whole


@SETTINGS
@given(parts=st.lists(PARTS | st.binary(max_size=3)))
def test_more_bytes_than_a_head_may_have_are_never_waited_on(parts: list[bytes]) -> None:
    data = b"".join(parts).ljust(TIGHT.head_bytes + 1, b"a")

    assert verdict(bytewise(data), TIGHT) != INCOMPLETE


@SETTINGS
@given(data=mutated_heads() | st.lists(PARTS).map(b"".join))
def test_a_head_is_parsed_or_refused_even_if_nobody_looked_for_its_end(data: bytes) -> None:
    assert judgement(lambda: parse_head(data, LIMITS)) in STATUSES


@SETTINGS
@given(method=NAMES.filter(lambda name: name != "CONNECT"), target=TARGETS, fields=FIELDS)
def test_a_request_head_survives_the_round_trip(method: str, target: str, fields: list[tuple[str, str]]) -> None:
    acted_on = {"host", "content-length", "transfer-encoding"}
    fields = [(name, value) for name, value in fields if name not in acted_on]
    fields.append(("host", "a"))
    head = parsed(encode_request_head(method, target, fields))

    assert (head.method, head.target) == (method, target)
    assert Headers.from_block(head.block).items() == fields


@SETTINGS
@given(status=st.integers(100, 599), fields=FIELDS)
def test_a_response_head_survives_the_round_trip(status: int, fields: list[tuple[str, str]]) -> None:
    head = parse_response_head(encode_head(status, fields))

    assert (head.status, head.headers.items()) == (status, fields)


@SETTINGS
@given(data=st.binary() | st.binary().map(lambda data: b"HTTP/1.1 200 OK\r\nContent-Length: " + data + b"\r\n\r\n"))
def test_any_bytes_are_a_response_head_or_a_502(data: bytes) -> None:
    assert judgement(lambda: response_framing(parse_response_head(data), "GET")) in {ACCEPTED, 502}


# Hostile input

HOSTILE_HEADS: dict[str, Callable[[int], bytes]] = {
    "many fields": lambda size: head_of(*[b"X: 1"] * (size // 6)),
    "many bad fields": lambda size: head_of(*[b"X : 1"] * (size // 7)),
    "many Hosts": lambda size: head_of(*[b"Host: a"] * (size // 9)),
    "many Content-Lengths": lambda size: head_of(*[b"Content-Length: 5"] * (size // 19)),
    "many Transfer-Encodings": lambda size: head_of(*[b"Transfer-Encoding: chunked"] * (size // 28)),
    "many Connections": lambda size: head_of(*[b"Connection: close"] * (size // 19)),
    "long Connection": lambda size: head_of(b"Connection: " + b"a," * (size // 2)),
    "long Transfer-Encoding": lambda size: head_of(b"Transfer-Encoding: " + b"x," * (size // 2) + b"chunked"),
    "long Content-Length": lambda size: head_of(b"Content-Length: " + b"9" * size),
    "long Host": lambda size: head_of(host=b"Host: " + b"a" * size),
    "long IPv6 Host": lambda size: head_of(host=b"Host: [" + b":" * size + b"]"),
    "long value": lambda size: head_of(b"X: " + b"a" * size),
    "blank value": lambda size: head_of(b"X:" + b" " * size),
    "value of spaces and letters": lambda size: head_of(b"X:" + b" a" * (size // 2)),
    "value with a NUL at the end": lambda size: head_of(b"X:" + b" " * size + b"\x00"),
    "long name": lambda size: head_of(b"X" * size),
    "long method": lambda size: head_of(line=b"X" * size),
    "long target": lambda size: head_of(line=b"GET /" + b"a" * size + b" HTTP/1.1"),
    "long absolute-form": lambda size: head_of(line=b"GET http://" + b"a" * size + b" HTTP/1.1"),
    "percent signs": lambda size: head_of(line=b"GET /" + b"%41" * (size // 3) + b" HTTP/1.1"),
    "bad percent signs": lambda size: head_of(line=b"GET /" + b"%41" * (size // 3) + b"%ff HTTP/1.1"),
    "empty lines": lambda size: b"\r\n" * (size // 2),
    "bare CRs": lambda size: b"GET / HTTP/1.1" + b"\r" * size,
}


def judging(shape: Callable[[int], bytes], size: int) -> Callable[[], object]:
    return partial(verdict, [shape(size)], ENDLESS)


@pytest.mark.parametrize("shape", HOSTILE_HEADS.values(), ids=HOSTILE_HEADS.keys())
def test_a_hostile_head_is_judged_in_linear_time(shape: Callable[[int], bytes]) -> None:
    assert growth(partial(judging, shape), 20_000) < LINEAR


@pytest.mark.parametrize(
    "unfinished",
    [
        pytest.param(b"", id="request line"),
        pytest.param(b"GET / HTTP/1.1\r\nX: ", id="field line"),
        pytest.param(b"\r\n\r\nGET /", id="behind empty lines"),
    ],
)
def test_a_head_that_drips_in_is_scanned_in_linear_time(unfinished: bytes) -> None:
    def dripping(size: int) -> Callable[[], object]:
        data = unfinished + b"a" * size
        return lambda: [find_head(data[: index + 1], index, ENDLESS) for index in range(len(data))]

    assert growth(dripping, 4_000) < LINEAR


def test_a_block_of_fields_is_read_in_linear_time() -> None:
    assert growth(lambda size: partial(read_fields, b"Host: a\r\n" + b"Upgrade: a, b\r\n" * size), 1_000) < LINEAR


def test_the_size_of_a_head_is_that_of_its_bytes() -> None:
    octets = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
    assert parsed(octets).size == len(octets)
