"""Tests of aiosock.wire.chunked."""

from collections.abc import Callable, Iterable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock.config import Limits
from aiosock.errors import ProtocolError, ResponseError
from aiosock.headers import FIELD_CHAR, TCHAR
from aiosock.wire.chunked import BodyDecoder, ChunkedDecoder, LengthDecoder, encode_chunk, encode_last_chunk
from aiosock.wire.message import FORBIDDEN_TRAILERS, REFUSED_TRAILERS, check_trailers
from tests.calls import counted
from tests.growth import LINEAR, growth

LIMITS = Limits()
ENDLESS = Limits(head_bytes=10**9, fields=10**9)
SETTINGS = settings(max_examples=200, derandomize=True, deadline=None)

INCOMPLETE = 0
ACCEPTED = 200

LAST_CHUNK = b"0\r\n\r\n"
TRAILING = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

Trailers = list[tuple[str, str]]


def bytewise(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


def decoded(decoder: BodyDecoder, pieces: Iterable[bytes]) -> bytes:
    """Feed pieces as a connection does, until one completes the body; the bytes after the body go to `rest`."""
    body = b""
    remaining = iter(pieces)
    for piece in remaining:
        body += decoder.feed(piece)
        if decoder.complete:
            break
    decoder.rest += b"".join(remaining)
    return body


def outcome(pieces: Iterable[bytes], limits: Limits = LIMITS) -> tuple[int, bytes, bytes]:
    """Return the verdict, the body as far as it is read, and what follows it; nothing of a body that is refused."""
    decoder = ChunkedDecoder(limits)
    try:
        body = decoded(decoder, pieces)
    except ProtocolError as error:
        return error.status, b"", b""
    return ACCEPTED if decoder.complete else INCOMPLETE, body, decoder.rest


def verdict(pieces: Iterable[bytes], limits: Limits = LIMITS) -> int:
    """Return the status a chunked body is refused with, ACCEPTED, or INCOMPLETE."""
    return outcome(pieces, limits)[0]


# Both ways

BODIES = [
    pytest.param([], [], b"0\r\n\r\n", id="empty"),
    pytest.param([b"hello"], [], b"5\r\nhello\r\n0\r\n\r\n", id="one chunk"),
    pytest.param([b"a", b"bc"], [], b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", id="two chunks"),
    pytest.param([b"a" * 16], [], b"10\r\n" + b"a" * 16 + b"\r\n0\r\n\r\n", id="two digits"),
    pytest.param([b"a" * 171], [], b"ab\r\n" + b"a" * 171 + b"\r\n0\r\n\r\n", id="letters"),
    pytest.param([b"\r\n"], [], b"2\r\n\r\n\r\n0\r\n\r\n", id="line end for data"),
    pytest.param([b"0\r\n\r\n"], [], b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", id="last chunk for data"),
    pytest.param([b"\x00\xff"], [], b"2\r\n\x00\xff\r\n0\r\n\r\n", id="any bytes"),
    pytest.param([b"a", b"b", b"cd"], [], b"1\r\na\r\n1\r\nb\r\n2\r\ncd\r\n0\r\n\r\n", id="small chunks"),
    pytest.param([b"1\r\n", b"\r\n"], [], b"3\r\n1\r\n\r\n2\r\n\r\n\r\n0\r\n\r\n", id="sizes and line ends for data"),
    pytest.param([b"a"], [("x-sum", "1")], b"1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n", id="trailer"),
    pytest.param([], [("x", ""), ("y", "\xe9"), ("x", "2")], b"0\r\nX: \r\nY: \xe9\r\nX: 2\r\n\r\n", id="trailers"),
]


@pytest.mark.parametrize(("chunks", "trailers", "data"), BODIES)
def test_a_chunked_body_is_written(chunks: list[bytes], trailers: Trailers, data: bytes) -> None:
    assert b"".join(map(encode_chunk, chunks)) + encode_last_chunk(trailers) == data


@pytest.mark.parametrize(("chunks", "trailers", "data"), BODIES)
def test_a_chunked_body_is_read(chunks: list[bytes], trailers: Trailers, data: bytes) -> None:
    decoder = ChunkedDecoder(LIMITS)

    assert decoder.feed(data) == b"".join(chunks)
    assert (decoder.complete, decoder.rest, decoder.trailers.items()) == (True, b"", trailers)


@pytest.mark.parametrize(("chunks", "trailers", "data"), BODIES)
def test_a_chunked_body_is_read_alike_in_whatever_pieces_it_arrives(
    chunks: list[bytes], trailers: Trailers, data: bytes
) -> None:
    for pieces in [bytewise(data), *([data[:split], data[split:]] for split in range(len(data)))]:
        decoder = ChunkedDecoder(LIMITS)
        assert decoded(decoder, pieces) == b"".join(chunks)
        assert (decoder.complete, decoder.rest, decoder.trailers.items()) == (True, b"", trailers)


@pytest.mark.parametrize(("chunks", "trailers", "data"), BODIES)
def test_what_follows_a_chunked_body_is_kept(chunks: list[bytes], trailers: Trailers, data: bytes) -> None:
    whole = data + TRAILING
    for pieces in [bytewise(whole), *([whole[:split], whole[split:]] for split in range(len(whole)))]:
        decoder = ChunkedDecoder(LIMITS)
        assert decoded(decoder, pieces) == b"".join(chunks)
        assert (decoder.complete, decoder.rest, decoder.trailers.items()) == (True, TRAILING, trailers)


@pytest.mark.parametrize(("chunks", "trailers", "data"), BODIES)
def test_a_chunked_body_is_not_complete_before_its_end(chunks: list[bytes], trailers: Trailers, data: bytes) -> None:
    assert {verdict([data[:length]]) for length in range(len(data))} == {INCOMPLETE}


def test_the_constant_is_the_last_chunk_without_trailers() -> None:
    assert encode_last_chunk() == LAST_CHUNK


GOOD_BODIES = {
    "leading zeros": b"0005\r\nhello\r\n000\r\n\r\n",
    "size of 16 digits": b"0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n",
    "extension": b"5;a\r\nhello\r\n0\r\n\r\n",
    "extension with a value": b"5;a=b\r\nhello\r\n0\r\n\r\n",
    "several extensions": b"5;a=b;c;d=e\r\nhello\r\n0\r\n\r\n",
    "extension of the last chunk": b"5\r\nhello\r\n0;a=b\r\n\r\n",
    "quoted extension": b'5;a="b c"\r\nhello\r\n0\r\n\r\n',
    "empty quoted extension": b'5;a=""\r\nhello\r\n0\r\n\r\n',
    "semicolon in quotes": b'5;a=";b="\r\nhello\r\n0\r\n\r\n',
    "escaped quote": b'5;a="\\"\\\\";b\r\nhello\r\n0\r\n\r\n',
    "obs-text in quotes": b'5;a="\x80\xff\t"\r\nhello\r\n0\r\n\r\n',
}


@pytest.mark.parametrize("data", GOOD_BODIES.values(), ids=GOOD_BODIES.keys())
def test_extensions_and_zeros_are_dropped(data: bytes) -> None:
    for pieces in [[data], bytewise(data), *([data[:split], data[split:]] for split in range(len(data)))]:
        decoder = ChunkedDecoder(LIMITS)
        assert decoded(decoder, pieces) == b"hello"
        assert (decoder.complete, decoder.rest) == (True, b"")


@pytest.mark.parametrize("size", [b"a", b"A", b"0A"])
def test_a_size_may_be_in_either_case(size: bytes) -> None:
    assert ChunkedDecoder(LIMITS).feed(size + b"\r\n0123456789\r\n") == b"0123456789"


@pytest.mark.parametrize("spelling", ["%x", "%X", "0%x", "%016x", "%x;a=b"])
def test_chunks_of_every_small_size_are_read_however_the_size_is_spelled(spelling: str) -> None:
    chunks = [bytes(range(size)) for size in (*range(1, 20), *range(20, 0, -1))]
    data = b"".join((spelling % len(chunk)).encode() + b"\r\n" + chunk + b"\r\n" for chunk in chunks) + LAST_CHUNK
    for pieces in [[data], bytewise(data), *([data[:split], data[split:]] for split in range(len(data)))]:
        decoder = ChunkedDecoder(LIMITS)
        assert decoded(decoder, pieces) == b"".join(chunks)
        assert (decoder.complete, decoder.rest) == (True, b"")


def test_data_is_given_as_it_arrives() -> None:
    decoder = ChunkedDecoder(LIMITS)

    assert [decoder.feed(piece) for piece in (b"5\r", b"\nhe", b"l", b"", b"lo", b"\r", b"\n0\r\n\r", b"\n")] == [
        b"", b"he", b"l", b"", b"lo", b"", b"", b"",
    ]  # fmt: skip
    assert decoder.complete


def test_the_largest_size_is_no_allocation() -> None:
    assert ChunkedDecoder(LIMITS).feed(b"ffffffffffffffff\r\nabc") == b"abc"


def test_nothing_changes_nothing() -> None:
    decoder = ChunkedDecoder(LIMITS)

    assert decoder.feed(b"") == b""
    assert (decoder.complete, decoder.rest, decoder.trailers.items()) == (False, b"", [])


# Refused

BAD_BODIES = {
    # Sizes
    "size 0x5": (b"0x5\r\nhello\r\n0\r\n\r\n", 400),
    "size +5": (b"+5\r\nhello\r\n0\r\n\r\n", 400),
    "size -5": (b"-5\r\nhello\r\n0\r\n\r\n", 400),
    "size 5_": (b"5_\r\nhello\r\n0\r\n\r\n", 400),
    "size 5_0": (b"5_0\r\nhello\r\n0\r\n\r\n", 400),
    "size 5h": (b"5h\r\nhello\r\n0\r\n\r\n", 400),
    "size 5.": (b"5.\r\nhello\r\n0\r\n\r\n", 400),
    "size 5,": (b"5,\r\nhello\r\n0\r\n\r\n", 400),
    "empty size": (b"\r\nhello\r\n0\r\n\r\n", 400),
    "empty size with extension": (b";a\r\nhello\r\n0\r\n\r\n", 400),
    "empty later size": (b"5\r\nhello\r\n\r\n0\r\n\r\n", 400),
    "size of 17 digits": (b"00000000000000005\r\nhello\r\n0\r\n\r\n", 400),
    "size of 17 digits f": (b"f" * 17 + b"\r\nhello\r\n0\r\n\r\n", 400),
    "zero size of 17 digits": (b"0" * 17 + b"\r\n\r\n", 400),
    "trailing space": (b"5 \r\nhello\r\n0\r\n\r\n", 400),
    "trailing tab": (b"5\t\r\nhello\r\n0\r\n\r\n", 400),
    "leading space": (b" 5\r\nhello\r\n0\r\n\r\n", 400),
    "size in superscript": (b"\xb2\r\nhello\r\n0\r\n\r\n", 400),
    "size in Arabic digits": ("\u0665\r\nhello\r\n0\r\n\r\n".encode(), 400),
    "trailing space of the last size": (b"5\r\nhello\r\n0 \r\n\r\n", 400),
    "NUL": (b"5\x00\r\nhello\r\n0\r\n\r\n", 400),
    # Line ends
    "bare LF behind the size": (b"5\nhello\r\n0\r\n\r\n", 400),
    "bare CR behind the size": (b"5\rhello\r\n0\r\n\r\n", 400),
    "two CR behind the size": (b"5\r\r\nhello\r\n0\r\n\r\n", 400),
    "bare LF behind the last size": (b"5\r\nhello\r\n0\n\r\n", 400),
    "bare LF behind the data": (b"5\r\nhello\n0\r\n\r\n", 400),
    "bare CR behind the data": (b"5\r\nhello\r0\r\n\r\n", 400),
    "bare LF as the blank line": (b"5\r\nhello\r\n0\r\n\n", 400),
    "bare CR as the blank line": (b"5\r\nhello\r\n0\r\n\rGET", 400),
    "data longer than the size": (b"4\r\nhello\r\n0\r\n\r\n", 400),
    "data shorter than the size": (b"6\r\nhello\r\n0\r\n\r\n", 400),
    "data two bytes shorter": (b"7\r\nhello\r\n0\r\n\r\n", 400),
    "no line end behind the data": (b"5\r\nhello0\r\n\r\n", 400),
    "two bytes for the line end behind the data": (b"5\r\nhelloXX0\r\n\r\n", 400),
    "LF CR behind the data": (b"5\r\nhello\n\r0\r\n\r\n", 400),
    # Extensions (RFC 9112 section 7.1.1)
    "empty extension": (b"5;\r\nhello\r\n0\r\n\r\n", 400),
    "two semicolons": (b"5;;a\r\nhello\r\n0\r\n\r\n", 400),
    "extension without a name": (b"5;=a\r\nhello\r\n0\r\n\r\n", 400),
    "extension without a value": (b"5;a=\r\nhello\r\n0\r\n\r\n", 400),
    "space before the extension": (b"5 ;a\r\nhello\r\n0\r\n\r\n", 400),
    "space in the extension": (b"5; a\r\nhello\r\n0\r\n\r\n", 400),
    "space before the value": (b"5;a= b\r\nhello\r\n0\r\n\r\n", 400),
    "extension that is no token": (b"5;a[]\r\nhello\r\n0\r\n\r\n", 400),
    "two equals signs": (b"5;a=b=c\r\nhello\r\n0\r\n\r\n", 400),
    "LF in an extension": (b"5;a\nb\r\nhello\r\n0\r\n\r\n", 400),
    "CR in an extension": (b"5;a\rb\r\nhello\r\n0\r\n\r\n", 400),
    "LF in quotes": (b'5;a="\n"\r\nhello\r\n0\r\n\r\n', 400),
    "CRLF in quotes": (b'5;a="\r\n"\r\nhello\r\n0\r\n\r\n', 400),
    "escaped CR in quotes": (b'5;a="\\\r"\r\nhello\r\n0\r\n\r\n', 400),
    "NUL in quotes": (b'5;a="\x00"\r\nhello\r\n0\r\n\r\n', 400),
    "escaped NUL in quotes": (b'5;a="\\\x00"\r\nhello\r\n0\r\n\r\n', 400),
    "quotes that do not end": (b'5;a="b\r\nhello\r\n0\r\n\r\n', 400),
    "quotes that end in an escape": (b'5;a="b\\"\r\nhello\r\n0\r\n\r\n', 400),
    "text behind quotes": (b'5;a="b"c\r\nhello\r\n0\r\n\r\n', 400),
    "extension with bare LF for its end": (b"5;a\nhello\r\n0\r\n\r\n", 400),
    # Trailers (RFC 9112 section 7.1.2)
    "next request for trailers": (b"0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "chunk behind the last chunk": (b"0\r\n5\r\nhello\r\n0\r\n\r\n", 400),
    "trailer with space before the colon": (b"0\r\nX : 1\r\n\r\n", 400),
    "trailer without a name": (b"0\r\n: 1\r\n\r\n", 400),
    "trailer without a colon": (b"0\r\nX\r\n\r\n", 400),
    "trailer in brackets": (b"0\r\nX[]: 1\r\n\r\n", 400),
    "folded trailer": (b"0\r\nX: 1\r\n 2\r\n\r\n", 400),
    "first trailer folded": (b"0\r\n X: 1\r\n\r\n", 400),
    "bare LF in the trailers": (b"0\r\nX: 1\nY: 2\r\n\r\n", 400),
    "trailers with bare LF": (b"0\r\nX: 1\n\n", 400),
    "bare LF for the blank line behind trailers": (b"0\r\nX: 1\r\n\n", 400),
    "bare CR in the trailers": (b"0\r\nX: 1\rY: 2\r\n\r\n", 400),
    "NUL in the trailers": (b"0\r\nX: \x00\r\n\r\n", 400),
    "101 trailers": (b"0\r\n" + b"X: 1\r\n" * 101 + b"\r\n", 431),
    "101 trailers and a bad one": (b"0\r\n" + b"X: 1\r\n" * 101 + b"X : 1\r\n\r\n", 400),
}

LONG_BODIES = {
    "extension without end": (b"5;" + b"a" * 40_000, 431),
    "quoted extension without end": (b'5;a="' + b"a" * 40_000, 431),
    "long extension": (b"5;" + b"a" * 40_000 + b"\r\nhello\r\n0\r\n\r\n", 431),
    "long bad extension": (b"5;=" + b"a" * 40_000 + b"\r\nhello\r\n0\r\n\r\n", 431),
    "extension with a NUL within the limit": (b"5;" + b"a" * 30_000 + b"\x00" + b"a" * 10_000, 400),
    "extension with a NUL beyond the limit": (b"5;" + b"a" * 40_000 + b"\x00", 431),
    "short extensions without end": (b"1;a\r\nx\r\n" * 20_000, 431),
    "trailer without end": (b"0\r\nX: " + b"a" * 40_000, 431),
    "long trailer": (b"0\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 431),
    "long trailer that is malformed": (b"0\r\nX : " + b"a" * 40_000 + b"\r\n\r\n", 431),
    "trailer with a NUL within the limit": (b"0\r\nX: \x00" + b"a" * 40_000 + b"\r\n\r\n", 400),
    "trailer with a NUL beyond the limit": (b"0\r\nX: " + b"a" * 40_000 + b"\x00\r\n\r\n", 431),
    "trailers without end": (b"0\r\n" + b"X: 1\r\n" * 10_000, 431),
}


@pytest.mark.parametrize(("data", "status"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_bad_body_is_refused(data: bytes, status: int) -> None:
    assert verdict([data]) == status


@pytest.mark.parametrize(("data", "status"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_bad_body_is_refused_alike_in_whatever_pieces_it_arrives(data: bytes, status: int) -> None:
    assert {verdict([data[:split], data[split:]]) for split in range(len(data))} == {status}
    assert verdict(bytewise(data)) == status


@pytest.mark.parametrize(("data", "status"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_bad_body_is_refused_alike_with_a_request_behind_it(data: bytes, status: int) -> None:
    assert verdict([data + TRAILING]) == status
    assert verdict(bytewise(data + TRAILING)) == status


@pytest.mark.parametrize(("data", "status"), LONG_BODIES.values(), ids=LONG_BODIES.keys())
def test_what_surrounds_the_data_is_bounded(data: bytes, status: int) -> None:
    assert verdict([data]) == status
    assert verdict(bytewise(data)) == status
    assert {verdict([data[:split], data[split:]]) for split in range(0, len(data), len(data) // 23)} == {status}


@pytest.mark.parametrize("wrong", [b"\x00", b"\rX"])
@pytest.mark.parametrize("opening", [b"0123456789abcdef;", b"0\r\nX:"])
def test_of_a_bad_byte_and_a_length_the_first_on_the_wire_decides(opening: bytes, wrong: bytes) -> None:
    limits = Limits(head_bytes=50)
    verdicts = []
    for length in range(40, 80):
        data = opening + b"a" * length + wrong
        verdicts.append(verdict([data], limits))
        assert verdict(bytewise(data), limits) == verdicts[-1]

    assert verdicts == sorted(verdicts)
    assert set(verdicts) == {400, 431}


@pytest.mark.parametrize("name", sorted(REFUSED_TRAILERS))
def test_a_field_that_frames_routes_or_authenticates_is_no_trailer(name: str) -> None:
    for spelled in (name, name.upper()):
        data = b"0\r\nX: 1\r\n%b: 1\r\n\r\n" % spelled.encode()
        assert verdict([data]) == verdict(bytewise(data)) == 400


@pytest.mark.parametrize("name", sorted(FORBIDDEN_TRAILERS - REFUSED_TRAILERS))
def test_a_trailer_that_only_a_head_may_have_is_dropped(name: str) -> None:
    for spelled in (name, name.upper()):
        decoder = ChunkedDecoder(LIMITS)
        decoder.feed(b"0\r\nX: 1\r\n%b: 1\r\nY: 2\r\n%b: 3\r\n\r\n" % (spelled.encode(), spelled.encode()))
        assert decoder.trailers.items() == [("x", "1"), ("y", "2")]


@pytest.mark.parametrize("name", ["content-md5", "etag", "digest", "x-amz-checksum-crc32", "server-timing"])
def test_a_trailer_of_any_other_name_is_kept(name: str) -> None:
    decoder = ChunkedDecoder(LIMITS)
    decoder.feed(b"0\r\n%b: 1\r\n\r\n" % name.encode())

    assert decoder.trailers.items() == [(name, "1")]


def test_what_is_refused_may_not_be_sent_either() -> None:
    assert REFUSED_TRAILERS < FORBIDDEN_TRAILERS


@pytest.mark.parametrize(
    "name",
    [
        "content-length", "transfer-encoding", "trailer", "te", "connection", "upgrade", "host", "authorization",
        "proxy-authorization", "www-authenticate", "cookie", "set-cookie", "content-encoding", "content-type",
        "content-range", "expect", "max-forwards", "cache-control", "range", "if-match", "if-none-match", "location",
    ],
)  # fmt: skip
def test_the_fields_of_rfc_9110_section_6_5_1_are_forbidden_in_trailers(name: str) -> None:
    assert name in FORBIDDEN_TRAILERS


def test_the_refusal_names_the_trailers() -> None:
    with pytest.raises(ProtocolError, match=r"^400 A trailer section may not have content-length, host\."):
        ChunkedDecoder(LIMITS).feed(b"0\r\nHost: a\r\nContent-Length: 5\r\n\r\n")


@pytest.mark.parametrize(
    "unfinished",
    [
        pytest.param(b"x", id="no digit"),
        pytest.param(b"\r", id="CR"),
        pytest.param(b"5 ", id="space"),
        pytest.param(b"5\rh", id="bare CR"),
        pytest.param(b"0" * 17, id="17 digits"),
        pytest.param(b"5;a\x00", id="NUL in an extension"),
        pytest.param(b"5;a\n", id="LF in an extension"),
        pytest.param(b"5;=\r\n", id="bad extension"),
        pytest.param(b"5\r\nhelloX", id="data too long"),
        pytest.param(b"0\r\n\n", id="bare LF"),
        pytest.param(b"0\r\n\rG", id="bare CR for the blank line"),
        pytest.param(b"0\r\nX: \x00", id="NUL in a trailer"),
    ],
)
def test_a_body_is_refused_as_soon_as_it_cannot_become_valid(unfinished: bytes) -> None:
    assert verdict([unfinished]) == verdict(bytewise(unfinished)) == 400


SMALL_CHUNKS = b"1\r\na\r\n" * 3 + b"02\r\nbc\r\n" + b"F\r\n" + b"d" * 15 + b"\r\n" + b"1\r\ne\r\n" * 2 + LAST_CHUNK


@pytest.mark.parametrize("wrong", [b"\r", b"\n", b"0", b"3", b"f", b"g", b";", b"\x00"])
def test_a_wrong_byte_among_small_chunks_is_found_wherever_it_is(wrong: bytes) -> None:
    for place in range(len(SMALL_CHUNKS)):
        for data in (
            SMALL_CHUNKS[:place] + wrong + SMALL_CHUNKS[place + 1 :],
            SMALL_CHUNKS[:place] + wrong + SMALL_CHUNKS[place:],
            SMALL_CHUNKS[:place] + SMALL_CHUNKS[place + 1 :],
        ):
            assert outcome([data]) == outcome(bytewise(data))


# Limits


def test_the_allowance_of_a_long_extension_is_exact() -> None:
    limits = Limits(head_bytes=50)
    longest = b"5;" + b"a" * 49 + b"\r\nhello\r\n0\r\n\r\n"
    too_long = b"5;" + b"a" * 50 + b"\r\nhello\r\n0\r\n\r\n"

    assert verdict([longest], limits) == verdict(bytewise(longest), limits) == ACCEPTED
    assert verdict([too_long], limits) == verdict(bytewise(too_long), limits) == 431


def test_the_allowance_of_a_trailer_section_is_exact() -> None:
    limits = Limits(head_bytes=50)
    longest, too_long = (b"0\r\nX: " + b"a" * count + b"\r\n\r\n" for count in (45, 46))

    assert len(longest) - len(b"0\r\n\r\n") == 50
    for split in range(len(longest)):
        assert verdict([longest[:split], longest[split:]], limits) == ACCEPTED
    for split in range(len(too_long)):
        assert verdict([too_long[:split], too_long[split:]], limits) == 431


def test_extensions_and_trailers_share_one_allowance() -> None:
    limits = Limits(head_bytes=50)
    extensions = b"1;aaaaaaaaa\r\nx\r\n" * 3

    assert verdict([extensions + b"0\r\nX: " + b"a" * 15 + b"\r\n\r\n"], limits) == ACCEPTED
    assert verdict([extensions + b"0\r\nX: " + b"a" * 16 + b"\r\n\r\n"], limits) == 431
    assert verdict([extensions * 2], limits) == 431


def test_data_costs_no_allowance() -> None:
    limits = Limits(head_bytes=1)
    data = b"0000000000000001\r\na\r\n" * 1000 + LAST_CHUNK

    assert verdict([data], limits) == verdict(bytewise(data), limits) == ACCEPTED


def test_a_trailer_section_may_have_as_many_fields_as_a_head() -> None:
    assert verdict([b"0\r\n" + b"X: 1\r\n" * 100 + b"\r\n"]) == ACCEPTED
    assert verdict([b"0\r\nX: 1\r\nX: 1\r\n\r\n"], Limits(fields=1)) == 431


# Known lengths


@pytest.mark.parametrize("length", [1, 5, 100])
def test_a_body_of_known_length_ends_with_its_last_byte(length: int) -> None:
    data = bytes(range(length))
    for pieces in [[data], bytewise(data), *([data[:split], data[split:]] for split in range(length))]:
        decoder = LengthDecoder(length)
        assert decoded(decoder, pieces) == data
        assert (decoder.complete, decoder.rest) == (True, b"")


def test_a_body_longer_than_announced_is_not_part_of_it() -> None:
    data = b"hello" + TRAILING
    for split in range(len(data)):
        decoder = LengthDecoder(5)
        assert decoded(decoder, [data[:split], data[split:]]) == b"hello"
        assert (decoder.complete, decoder.rest) == (True, TRAILING)


def test_a_body_shorter_than_announced_is_not_complete() -> None:
    decoder = LengthDecoder(5)

    assert decoder.feed(b"hell") == b"hell"
    assert (decoder.complete, decoder.rest) == (False, b"")


def test_an_empty_body_is_complete_from_the_start() -> None:
    decoder = LengthDecoder(0)

    assert decoder.complete
    assert decoder.feed(TRAILING) == b""
    assert decoder.rest == TRAILING


# Random input

TIGHT = Limits(head_bytes=30, fields=2)

PARTS = st.sampled_from(
    [
        b"5\r\nhello\r\n", b"0\r\n", b"\r\n", b"0\r\n\r\n", b"1", b"f", b";", b";a=b", b'"', b"\\", b"=", b"\r", b"\n",
        b"1\r\nx\r\n2\r\nxy\r\n", b"F\r\n012345678901234\r\n", b" ", b"X: 1\r\n", b"Host: a\r\n", b"\x00", b"\xff", b"X : 1\r\n", b"1;a\r\nx\r\n", b'1;a="b c"\r\nx\r\n', b"a" * 40,
    ]
)  # fmt: skip

NAMES = st.from_regex(f"[{TCHAR}]+", fullmatch=True).map(str.lower).filter(lambda name: name not in FORBIDDEN_TRAILERS)
VALUES = st.from_regex(f"[{FIELD_CHAR}]*", fullmatch=True).map(lambda value: value.strip(" \t"))


@SETTINGS
@given(data=st.lists(PARTS | st.binary(max_size=2)).map(b"".join), limits=st.sampled_from([LIMITS, TIGHT]))
def test_any_bytes_get_a_documented_error_or_a_body(data: bytes, limits: Limits) -> None:
    assert verdict([data], limits) in {INCOMPLETE, ACCEPTED, 400, 431}


@SETTINGS
@given(
    data=st.lists(PARTS | st.binary(max_size=2)).map(b"".join),
    limits=st.sampled_from([LIMITS, TIGHT]),
    cuts=st.lists(st.integers(0, 100), max_size=4).map(sorted),
)
def test_any_bytes_are_read_alike_in_whatever_pieces(data: bytes, limits: Limits, cuts: list[int]) -> None:
    whole = outcome([data], limits)
    pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]

    assert outcome(pieces, limits) == whole
    assert outcome(bytewise(data), limits) == whole


@SETTINGS
@given(
    chunks=st.lists(st.binary(min_size=1)),
    trailers=st.lists(st.tuples(NAMES, VALUES), max_size=5),
    rest=st.binary(),
    step=st.integers(1, 50),
)
def test_a_chunked_body_survives_the_round_trip(
    chunks: list[bytes], trailers: Trailers, rest: bytes, step: int
) -> None:
    data = b"".join(map(encode_chunk, chunks)) + encode_last_chunk(trailers) + rest
    decoder = ChunkedDecoder(LIMITS)

    assert decoded(decoder, [data[start : start + step] for start in range(0, len(data), step)]) == b"".join(chunks)
    assert (decoder.complete, decoder.rest, decoder.trailers.items()) == (True, rest, trailers)


# Hostile input

HOSTILE_BODIES: dict[str, Callable[[int], bytes]] = {
    "one-byte chunks": lambda size: b"1\r\na\r\n" * (size // 6),
    "one-byte chunks with zeros": lambda size: b"0000000000000001\r\na\r\n" * (size // 21),
    "small chunks": lambda size: b"1\r\na\r\n2\r\nbc\r\n" * (size // 13),
    "small and larger chunks": lambda size: (b"1\r\na\r\n10\r\n" + b"a" * 16 + b"\r\n") * (size // 28),
    "one-byte chunks with extensions": lambda size: b"1;a\r\na\r\n" * (size // 8),
    "long extension": lambda size: b"1;" + b"a" * size,
    "many extensions": lambda size: b"1" + b";a=b" * (size // 4),
    "quoted extension": lambda size: b'1;a="' + b"\\a" * (size // 2),
    "quotes": lambda size: b'1;a="' + b'"' * size + b"\r\n",
    "long trailer": lambda size: b"0\r\nX:" + b" " * size,
    "many trailers": lambda size: b"0\r\n" + b"X: 1\r\n" * (size // 6) + b"\r\n",
    "no end of digits": lambda size: b"0" * size,
    "CRs": lambda size: b"1" + b"\r" * size,
}


def calls_for(data: bytes) -> int:
    """Count the calls that a decoder makes and receives for a body."""
    decoder = ChunkedDecoder(ENDLESS)
    _, calls = counted(lambda: decoder.feed(data))
    assert decoder.complete
    return calls


@pytest.mark.parametrize(
    "chunk", [b"1\r\nx\r\n", b"01\r\nx\r\n", b"1\r\nx\r\n2\r\nxy\r\n", b"F\r\n0123456789abcde\r\n"]
)
def test_small_chunks_that_arrive_together_make_no_more_calls_than_one(chunk: bytes) -> None:
    assert calls_for(chunk * 500 + LAST_CHUNK) == calls_for(chunk + LAST_CHUNK)


def feeding(shape: Callable[[int], bytes], step: int, size: int) -> Callable[[], object]:
    data = shape(size)
    return partial(verdict, [data[start : start + step] for start in range(0, len(data), step)], ENDLESS)


@pytest.mark.parametrize("shape", HOSTILE_BODIES.values(), ids=HOSTILE_BODIES.keys())
def test_a_hostile_body_is_read_in_linear_time(shape: Callable[[int], bytes]) -> None:
    assert growth(partial(feeding, shape, 10**9), 8_000) < LINEAR


@pytest.mark.parametrize("shape", HOSTILE_BODIES.values(), ids=HOSTILE_BODIES.keys())
def test_a_hostile_body_that_drips_in_is_read_in_linear_time(shape: Callable[[int], bytes]) -> None:
    assert growth(partial(feeding, shape, 1), 2_000) < LINEAR


def test_a_body_of_known_length_is_read_in_linear_time() -> None:
    def feeding_all(size: int) -> Callable[[], object]:
        return lambda: [decoder.feed(b"a") for decoder in [LengthDecoder(size)] for _ in range(size)]

    assert growth(feeding_all, 4_000) < LINEAR


@pytest.mark.parametrize("name", sorted(FORBIDDEN_TRAILERS))
def test_we_do_not_send_the_forbidden_trailers_either(name: str) -> None:
    with pytest.raises(ResponseError, match=name):
        check_trailers(["x-digest", name])


def test_other_trailers_may_be_sent() -> None:
    check_trailers(["x-digest", "server-timing"])
