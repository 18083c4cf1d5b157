"""Tests of aiosock.wire.ranges."""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock.wire.ranges import GAP, RANGES, Span, content_range, multipart_heads, parse_range
from tests.growth import LINEAR, growth

SETTINGS = settings(max_examples=300, derandomize=True, deadline=None)

IGNORED = None
UNSATISFIABLE: list[tuple[int, int]] = []


@pytest.mark.parametrize(
    ("field", "spans"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=0-499", [(0, 500)]),
        ("bytes=500-999", [(500, 1000)]),
        ("bytes=500-", [(500, 1000)]),
        ("bytes=-500", [(500, 1000)]),
        ("bytes=-1", [(999, 1000)]),
        ("bytes=0-", [(0, 1000)]),
        ("bytes=999-", [(999, 1000)]),
        ("BYTES=0-1", [(0, 2)]),
        ("bytes=007-008", [(7, 9)]),
        # Beyond the end: as much as there is.
        ("bytes=990-5000", [(990, 1000)]),
        ("bytes=-5000", [(0, 1000)]),
        ("bytes=0-" + "9" * 5000, [(0, 1000)]),
        ("bytes=-" + "9" * 5000, [(0, 1000)]),
        ("bytes=0-" + "0" * 5000 + "7", [(0, 8)]),
        # Several, with the list syntax of section 5.6.1.2.
        ("bytes=0-9,500-509", [(0, 10), (500, 510)]),
        ("bytes=0-9 ,\t500-509", [(0, 10), (500, 510)]),
        ("bytes= 0-9", [(0, 10)]),
        ("bytes=,0-9,,500-509,", [(0, 10), (500, 510)]),
        ("bytes=500-509,0-9", [(500, 510), (0, 10)]),
        ("bytes=0-9,-10", [(0, 10), (990, 1000)]),
        ("bytes=0-9,2000-", [(0, 10)]),
        ("bytes=-0,5-5", [(5, 6)]),
        # Ranges that overlap or nearly touch become one, at the place of the one that was asked for first.
        ("bytes=0-9,5-20", [(0, 21)]),
        ("bytes=0-9,10-20", [(0, 21)]),
        (f"bytes=0-9,{10 + GAP}-200", [(0, 201)]),
        (f"bytes=0-9,{11 + GAP}-200", [(0, 10), (11 + GAP, 201)]),
        ("bytes=0-999,1-2,3-4", [(0, 1000)]),
        ("bytes=900-,0-9,5-20", [(900, 1000), (0, 21)]),
        ("bytes=5-20,900-,0-9", [(0, 21), (900, 1000)]),
        ("bytes=0-500,100-200,50-60", [(0, 501)]),
        # No part of it exists.
        ("bytes=1000-", UNSATISFIABLE),
        ("bytes=1000-1001", UNSATISFIABLE),
        ("bytes=-0", UNSATISFIABLE),
        ("bytes=-000", UNSATISFIABLE),
        ("bytes=" + "9" * 5000 + "-", UNSATISFIABLE),
        ("bytes=1000-,2000-", UNSATISFIABLE),
        # Malformed, or in another unit.
        ("", IGNORED),
        ("bytes", IGNORED),
        ("bytes=", IGNORED),
        ("bytes=,", IGNORED),
        ("bytes=-", IGNORED),
        ("bytes=5", IGNORED),
        ("bytes=5-4", IGNORED),
        ("bytes=0-9,5-4", IGNORED),
        ("bytes=0-9,-", IGNORED),
        ("bytes=a-b", IGNORED),
        ("bytes=0x0-0x9", IGNORED),
        ("bytes=+0-9", IGNORED),
        ("bytes=0--9", IGNORED),
        ("bytes=0-9-", IGNORED),
        ("bytes=0 - 9", IGNORED),
        ("bytes=0-9;", IGNORED),
        ("bytes =0-9", IGNORED),
        (" bytes=0-9", IGNORED),
        ("bytes=0-9\n", IGNORED),
        ("bytes=\u0660-\u0669", IGNORED),
        ("items=0-9", IGNORED),
        ("bytes=0-9, bytes=20-29", IGNORED),
    ],
)
def test_a_field_says_which_spans(field: str, spans: list[tuple[int, int]] | None) -> None:
    assert parse_range(field, 1000) == spans


def test_nothing_can_be_asked_of_nothing() -> None:
    assert parse_range("bytes=0-", 0) == []
    assert parse_range("bytes=-5", 0) == []


def test_only_so_many_ranges_are_looked_at() -> None:
    asked = [f"{start * 1000}-{start * 1000}" for start in range(RANGES + 1)]

    assert len(parse_range("bytes=" + ",".join(asked[:RANGES]), 10**9) or ()) == RANGES
    assert parse_range("bytes=" + ",".join(asked), 10**9) is None


SPECS = st.tuples(st.integers(0, 300), st.integers(0, 300)).map(lambda pair: (min(pair), max(pair)))


@SETTINGS
@given(specs=st.lists(SPECS, min_size=1, max_size=RANGES), size=st.integers(1, 250))
def test_what_is_sent_holds_all_that_was_asked_for_and_each_byte_once(specs: list[tuple[int, int]], size: int) -> None:
    field = "bytes=" + ",".join(f"{first}-{last}" for first, last in specs)
    spans = parse_range(field, size)
    assert spans is not None
    sent = [place for span in spans for place in range(span.start, span.stop)]

    assert len(sent) == len(set(sent))
    assert {place for first, last in specs for place in range(first, min(last + 1, size))} <= set(sent)
    assert all(0 <= place < size for place in sent)
    assert all(span.length > 0 for span in spans)


@SETTINGS
@given(field=st.text() | st.text("bytes=0123456789-, ").map("bytes={}".format))
def test_any_field_is_spans_or_ignored(field: str) -> None:
    spans = parse_range(field, 100)

    assert spans is None or all(0 <= span.start < span.stop <= 100 for span in spans)


@pytest.mark.parametrize("part", ["0", "0-", "-", ",", "0-0,", "-1,", " ", "9", "\t,"])
def test_a_hostile_field_is_read_in_linear_time(part: str) -> None:
    assert growth(lambda size: partial(parse_range, "bytes=" + part * size, 1000), 4_000) < LINEAR


def test_a_part_says_what_it_is() -> None:
    assert content_range(Span(500, 1000), 1234) == "bytes 500-999/1234"
    assert content_range(None, 1234) == "bytes */1234"


def test_several_parts_are_laid_out_as_multipart() -> None:
    heads = multipart_heads([Span(0, 2), Span(500, 503)], 1000, "text/plain", "XYZ")

    assert heads[0] + b"ab" + heads[1] + b"cde" + heads[2] == (
        b"--XYZ\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/1000\r\n\r\nab"
        b"\r\n--XYZ\r\nContent-Type: text/plain\r\nContent-Range: bytes 500-502/1000\r\n\r\ncde"
        b"\r\n--XYZ--\r\n"
    )
