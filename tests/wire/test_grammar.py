"""Tests of aiosock.wire.grammar."""

import re
from collections.abc import Callable
from functools import partial
from itertools import product

import pytest

from aiosock.wire import grammar
from tests.growth import LINEAR, growth

TCHARS = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
EVERY_BYTE = [bytes([code]) for code in range(256)]


def test_a_token_is_made_of_the_77_characters_of_the_rfc() -> None:
    accepted = b"".join(byte for byte in EVERY_BYTE if grammar.TOKEN.fullmatch(byte))

    assert sorted(accepted) == sorted(TCHARS)


def test_a_token_is_not_empty() -> None:
    assert grammar.TOKEN.fullmatch(b"") is None


def test_a_field_value_has_any_byte_but_controls() -> None:
    accepted = [byte[0] for byte in EVERY_BYTE if grammar.FIELD_LINE.fullmatch(b"a:%b\r\n" % byte)]

    assert accepted == [0x09, *range(0x20, 0x7F), *range(0x80, 0x100)]


def test_a_field_name_is_a_token() -> None:
    accepted = b"".join(byte for byte in EVERY_BYTE if grammar.FIELD_LINE.fullmatch(b"%b: 1\r\n" % byte))

    assert sorted(accepted) == sorted(TCHARS)


def test_a_request_target_has_visible_ascii_only() -> None:
    accepted = [byte[0] for byte in EVERY_BYTE if grammar.REQUEST_LINE.fullmatch(b"GET %b HTTP/1.1\r\n" % byte)]

    assert accepted == list(range(0x21, 0x7F))


def test_the_bytes_forbidden_alone_are_the_controls_without_tab_and_cr() -> None:
    """Check that a CR is not among them: its LF may still follow."""
    forbidden = [byte[0] for byte in EVERY_BYTE if grammar.FORBIDDEN_IN_HEAD.search(byte)]

    assert forbidden == [code for code in [*range(0x20), 0x7F] if code not in b"\t\r"]


@pytest.mark.parametrize(
    ("data", "position"),
    [
        pytest.param(b"ab\ncd", 2, id="bare LF"),
        pytest.param(b"\nab", 0, id="bare LF first"),
        pytest.param(b"ab\rcd", 2, id="bare CR"),
        pytest.param(b"ab\r\r\n", 2, id="CR before CRLF"),
        pytest.param(b"ab\r\n\n", 4, id="LF behind CRLF"),
        pytest.param(b"ab\r\n\x00", 4, id="NUL"),
    ],
)
def test_the_first_forbidden_byte_is_found(data: bytes, position: int) -> None:
    match = grammar.FORBIDDEN_IN_HEAD.search(data)

    assert match is not None
    assert match.start() == position


@pytest.mark.parametrize("data", [b"", b"ab", b"ab\r", b"ab\r\ncd", b"\r\n\r\n", b"\t\x80\xff"])
def test_nothing_is_forbidden_in_bytes_that_can_become_valid(data: bytes) -> None:
    assert grammar.FORBIDDEN_IN_HEAD.search(data) is None


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"a\r\nb\r\n", [b"a\r\n", b"b\r\n"], id="whole lines"),
        pytest.param(b"a\r\nb", [b"a\r\n", b"b"], id="unfinished line"),
        pytest.param(b"a\r\nb\r", [b"a\r\n", b"b\r"], id="unfinished line end"),
        pytest.param(b"a\rb\r\n", [b"a\rb\r\n"], id="bare CR"),
        pytest.param(b"\n\n", [b"\n", b"\n"], id="bare LF"),
    ],
)
def test_lines_end_with_lf_alone(data: bytes, lines: list[bytes]) -> None:
    assert grammar.LINE.findall(data) == lines


def test_a_percent_sign_needs_two_hexadecimal_digits() -> None:
    assert all(grammar.BAD_PERCENT.search(text) for text in ("%", "%4", "%4g", "%g4", "%%41", "%41%"))
    assert not any(grammar.BAD_PERCENT.search(text) for text in ("", "a", "%41", "%aF%00"))


@pytest.mark.parametrize(
    "unfinished",
    [b"", b"0", b"0123456789abcdef", b"5\r", b"5;", b"0123456789abcdef;", b"0123456789abcdef\r", b"5;a=b"],
)
def test_an_unfinished_chunk_line_may_go_on(unfinished: bytes) -> None:
    assert grammar.CHUNK_LINE_START.match(unfinished)


@pytest.mark.parametrize("unfinished", [b"\r", b";", b" ", b"x", b"+", b"5x", b"5 ", b"0123456789abcdef0", b"\n"])
def test_an_unfinished_chunk_line_is_known_to_be_wrong(unfinished: bytes) -> None:
    assert grammar.CHUNK_LINE_START.match(unfinished) is None


# Each pattern with the method that the modules use. For any pattern, `search` instead of `match` would be quadratic.
USES: dict[str, Callable[[bytes], object]] = {
    "TOKEN": grammar.TOKEN.fullmatch,
    "EMPTY_LINES": grammar.EMPTY_LINES.match,
    "REQUEST_LINE": grammar.REQUEST_LINE.match,
    "STATUS_LINE": grammar.STATUS_LINE.match,
    "FIELD_LINE": grammar.FIELD_LINE.fullmatch,
    "FIELD_BLOCK": grammar.FIELD_BLOCK.fullmatch,
    "FRAMING_FIELDS": grammar.FRAMING_FIELDS.findall,
    "LINE": grammar.LINE.findall,
    "FORBIDDEN_IN_HEAD": grammar.FORBIDDEN_IN_HEAD.search,
    "CONTENT_LENGTH": grammar.CONTENT_LENGTH.fullmatch,
    "HOST": grammar.HOST.fullmatch,
    "ABSOLUTE_FORM": grammar.ABSOLUTE_FORM.fullmatch,
    "BAD_PERCENT": lambda data: grammar.BAD_PERCENT.search(data.decode("latin-1")),
    "CHUNK_LINE": grammar.CHUNK_LINE.match,
    "CHUNK_LINE_START": grammar.CHUNK_LINE_START.match,
    "SMALL_CHUNKS": grammar.SMALL_CHUNKS.match,
    "SMALL_CHUNK_DATA": grammar.SMALL_CHUNK_DATA.findall,
}

OPENINGS = (
    b"", b"a:", b"GET ", b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 ", b"\nhost:", b"http://", b"http://a/", b"[", b"a:1",
    b"5;a", b'5;a="',
)  # fmt: skip
REPEATED = (
    b"a", b"0", b" ", b"\t", b" \t", b"\r", b"\n", b"\r\n", b":", b"a:\r\n", b"a: \r\n", b"\nhost:", b"\nhost: ",
    b";", b";a", b";a=a", b';a="a"', b'"', b"\\", b'\\"', b"%", b"%41", b"/", b"?", b"#", b"[", b"\xff",
    b"1\r\na\r\n", b"02\r\n0\r\r\n",
)  # fmt: skip


def reading(name: str, opening: bytes, part: bytes, size: int) -> Callable[[], object]:
    """Read an opening that a pattern matches, a run that it may match, and an end that it cannot match."""
    return partial(USES[name], opening + part * (size // len(part)) + b"\x00")


def test_every_pattern_is_tried_with_hostile_input() -> None:
    patterns = {name for name, value in vars(grammar).items() if isinstance(value, re.Pattern)}

    assert patterns == set(USES)


@pytest.mark.parametrize("name", USES)
def test_a_pattern_reads_hostile_input_in_linear_time(name: str) -> None:
    for opening, part in product(OPENINGS, REPEATED):
        assert growth(partial(reading, name, opening, part), 2_000) < LINEAR, (opening, part)


def test_the_growth_of_a_quadratic_pattern_would_be_seen() -> None:
    """Measure the RFC's `OWS field-value OWS`, copied literally: it proves that the measurement can fail."""
    literal = re.compile(rb"[ \t]*(.*?)[ \t]*\r\n")

    assert growth(lambda size: lambda: literal.match(b"a" + b" " * size + b"a"), 1_000) > LINEAR
