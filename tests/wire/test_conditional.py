"""Tests of aiosock.wire.conditional."""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock.headers import Headers
from aiosock.wire.conditional import (
    Verdict,
    allows_range,
    evaluate,
    format_date,
    matches_strongly,
    matches_weakly,
    parse_date,
    without_content,
)
from tests.growth import LINEAR, growth

SETTINGS = settings(max_examples=200, derandomize=True, deadline=None)

RFC_MOMENT = 784_111_777
"""The time of the three examples in RFC 9110 section 5.6.7."""

DATES = [
    pytest.param(0, "Thu, 01 Jan 1970 00:00:00 GMT", id="epoch"),
    pytest.param(RFC_MOMENT, "Sun, 06 Nov 1994 08:49:37 GMT", id="RFC 9110"),
    pytest.param(951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT", id="leap day"),
    pytest.param(2**31, "Tue, 19 Jan 2038 03:14:08 GMT", id="beyond 32 bits"),
    pytest.param(253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT", id="last"),
    pytest.param(-1, "Wed, 31 Dec 1969 23:59:59 GMT", id="before the epoch"),
]


@pytest.mark.parametrize(("timestamp", "date"), DATES)
def test_a_date_is_written(timestamp: int, date: str) -> None:
    assert format_date(timestamp) == date


@pytest.mark.parametrize(("timestamp", "date"), DATES)
def test_a_date_is_read(timestamp: int, date: str) -> None:
    assert parse_date(date) == timestamp


def test_a_fraction_of_a_second_is_dropped() -> None:
    assert format_date(RFC_MOMENT + 0.999) == format_date(RFC_MOMENT)


@pytest.mark.parametrize(
    ("date", "timestamp"),
    [
        ("Sunday, 06-Nov-94 08:49:37 GMT", RFC_MOMENT),
        ("Sun Nov  6 08:49:37 1994", RFC_MOMENT),
        ("Sun Nov 16 08:49:37 1994", RFC_MOMENT + 864_000),
        ("Wednesday, 01-Jan-69 00:00:00 GMT", -31_536_000),
        ("Sunday, 01-Jan-68 00:00:00 GMT", 3_092_601_600),
    ],
)
def test_the_obsolete_forms_are_read(date: str, timestamp: int) -> None:
    assert parse_date(date) == timestamp


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0",
        "-1",
        "784111777",
        "1994-11-06T08:49:37Z",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 08:49:37 GMT\n",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 199\u0664 08:49:37 GMT",
        "Sunday, 32-Nov-94 08:49:37 GMT",
        "Sun Nov 0 08:49:37 1994",
        "Sun Nov  0 08:49:37 1994",
    ],
)
def test_what_is_no_date_is_ignored(value: str) -> None:
    assert parse_date(value) is None


@pytest.mark.parametrize(
    ("tags", "matches"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('"b"', False),
        ('"b", "a"', True),
        ('"b","a"', True),
        ('"b" , W/"a" ,', True),
        ('"b", "c"', False),
        ('"A"', False),
        ('""', False),
        ("*", True),
        ('"*"', False),
        ("a", False),
        ('"a', False),
        ("", False),
        ('w/"b"', False),
        ('"b, a"', False),
    ],
)
def test_a_list_of_tags_is_compared_weakly(tags: str, matches: bool) -> None:
    assert matches_weakly(tags, '"a"') is matches
    assert matches_weakly(tags, 'W/"a"') is matches


def test_a_comma_may_stand_in_a_tag() -> None:
    assert matches_weakly('"a,b"', '"a,b"')
    assert not matches_weakly('"a,b"', '"a"')


SAME = format_date(RFC_MOMENT)
LATER = format_date(RFC_MOMENT + 1)
EARLIER = format_date(RFC_MOMENT - 1)
PROCEED, NOT_MODIFIED, FAILED = Verdict

# The fields, and their verdicts for GET or HEAD and for PUT: RFC 9110 section 13.2.2, step by step.
PRECONDITIONS = [
    pytest.param({}, PROCEED, PROCEED, id="none"),
    pytest.param({"if-match": '"a"'}, PROCEED, PROCEED, id="If-Match: the tag"),
    pytest.param({"if-match": '"b", "a"'}, PROCEED, PROCEED, id="If-Match: among others"),
    pytest.param({"if-match": "*"}, PROCEED, PROCEED, id="If-Match: any"),
    pytest.param({"if-match": '"b"'}, FAILED, FAILED, id="If-Match: another"),
    pytest.param({"if-match": 'W/"a"'}, FAILED, FAILED, id="If-Match: weak"),
    pytest.param({"if-match": 'w/"a"'}, FAILED, FAILED, id="If-Match: malformed"),
    pytest.param({"if-match": ""}, FAILED, FAILED, id="If-Match: empty"),
    pytest.param({"if-unmodified-since": SAME}, PROCEED, PROCEED, id="If-Unmodified-Since: same second"),
    pytest.param({"if-unmodified-since": LATER}, PROCEED, PROCEED, id="If-Unmodified-Since: later"),
    pytest.param({"if-unmodified-since": EARLIER}, FAILED, FAILED, id="If-Unmodified-Since: earlier"),
    pytest.param({"if-unmodified-since": "yesterday"}, PROCEED, PROCEED, id="If-Unmodified-Since: no date"),
    pytest.param(
        {"if-match": '"a"', "if-unmodified-since": EARLIER}, PROCEED, PROCEED, id="If-Match before If-Unmodified-Since"
    ),
    pytest.param(
        {"if-match": '"b"', "if-unmodified-since": SAME}, FAILED, FAILED, id="If-Match before If-Unmodified-Since: no"
    ),
    pytest.param({"if-none-match": '"a"'}, NOT_MODIFIED, FAILED, id="If-None-Match: the tag"),
    pytest.param({"if-none-match": 'W/"a"'}, NOT_MODIFIED, FAILED, id="If-None-Match: weak"),
    pytest.param({"if-none-match": '"b", "a"'}, NOT_MODIFIED, FAILED, id="If-None-Match: among others"),
    pytest.param({"if-none-match": "*"}, NOT_MODIFIED, FAILED, id="If-None-Match: any"),
    pytest.param({"if-none-match": '"b"'}, PROCEED, PROCEED, id="If-None-Match: another"),
    pytest.param({"if-none-match": ""}, PROCEED, PROCEED, id="If-None-Match: empty"),
    pytest.param({"if-modified-since": SAME}, NOT_MODIFIED, PROCEED, id="If-Modified-Since: same second"),
    pytest.param({"if-modified-since": LATER}, NOT_MODIFIED, PROCEED, id="If-Modified-Since: later"),
    pytest.param({"if-modified-since": EARLIER}, PROCEED, PROCEED, id="If-Modified-Since: earlier"),
    pytest.param({"if-modified-since": "yesterday"}, PROCEED, PROCEED, id="If-Modified-Since: no date"),
    pytest.param({"if-none-match": '"b"', "if-modified-since": SAME}, PROCEED, PROCEED, id="the tag decides: send"),
    pytest.param(
        {"if-none-match": '"a"', "if-modified-since": EARLIER}, NOT_MODIFIED, FAILED, id="the tag decides: not"
    ),
    pytest.param({"if-match": '"b"', "if-none-match": '"a"'}, FAILED, FAILED, id="If-Match comes first"),
    pytest.param({"if-match": '"a"', "if-none-match": '"a"'}, NOT_MODIFIED, FAILED, id="both are asked"),
    pytest.param({"if-unmodified-since": SAME, "if-none-match": '"a"'}, NOT_MODIFIED, FAILED, id="date, then tag"),
    pytest.param(
        {"if-unmodified-since": SAME, "if-modified-since": SAME}, NOT_MODIFIED, PROCEED, id="both dates are asked"
    ),
]


@pytest.mark.parametrize(("fields", "read", "written"), PRECONDITIONS)
def test_preconditions_are_weighed_in_their_order(fields: dict[str, str], read: Verdict, written: Verdict) -> None:
    verdicts = [
        evaluate(Headers(fields), method, '"a"', RFC_MOMENT + 0.5) for method in ("GET", "HEAD", "PUT", "DELETE")
    ]

    assert verdicts == [read, read, written, written]


def test_a_weak_tag_is_never_matched_strongly() -> None:
    assert not matches_strongly('W/"a"', 'W/"a"')
    assert not matches_strongly('"a"', 'W/"a"')
    assert matches_strongly("*", 'W/"a"')


def test_tags_may_stand_on_several_lines() -> None:
    for name, verdict in (("if-none-match", NOT_MODIFIED), ("if-match", PROCEED)):
        request = Headers([(name, '"b"'), (name, '"a"')])

        assert evaluate(request, "GET", '"a"', RFC_MOMENT) is verdict


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ('"a"', True),
        ('"b"', False),
        ('W/"a"', False),
        ('"a", "b"', False),
        ("*", False),
        ("", False),
        (SAME, True),
        (LATER, False),
        (EARLIER, False),
        ("Sunday, 06-Nov-94 08:49:37 GMT", True),
        ("yesterday", False),
    ],
)
def test_if_range_takes_a_strong_tag_or_the_very_date(condition: str, allowed: bool) -> None:
    assert allows_range(Headers({"if-range": condition}), '"a"', RFC_MOMENT + 0.5, RFC_MOMENT + 100) is allowed


@pytest.mark.parametrize(
    ("condition", "modified", "now", "allowed"),
    [
        pytest.param(SAME, 0.5, 0.5, False, id="at once"),
        pytest.param(SAME, 0.0, 0.999, False, id="the Date is the same second"),
        pytest.param(SAME, 0.999, 1.0, True, id="the Date is the next second"),
        pytest.param(SAME, 0.0, 1.0, True, id="a second later"),
        pytest.param(SAME, 0.0, 100.0, True, id="much later"),
        pytest.param(SAME, 0.5, -1.0, False, id="the clock was set back"),
        pytest.param(LATER, 1.0, 1.5, False, id="the date of a second version"),
        pytest.param('"a"', 0.5, 0.5, True, id="a tag is always strong"),
    ],
)
def test_a_date_of_this_second_is_too_weak_for_if_range(
    condition: str, modified: float, now: float, allowed: bool
) -> None:
    request = Headers({"if-range": condition})

    assert allows_range(request, '"a"', RFC_MOMENT + modified, RFC_MOMENT + now) is allowed


def test_without_if_range_every_range_is_honoured() -> None:
    assert allows_range(Headers(), '"a"', RFC_MOMENT, RFC_MOMENT)


def test_if_range_never_fits_a_weak_tag() -> None:
    assert not allows_range(Headers({"if-range": 'W/"a"'}), 'W/"a"', RFC_MOMENT, RFC_MOMENT + 1)


@SETTINGS
@given(timestamp=st.integers(-30_610_224_000, 253_402_300_799))  # years 1000 to 9999
def test_a_date_survives_the_round_trip(timestamp: int) -> None:
    assert parse_date(format_date(timestamp)) == timestamp


NUMBERS = st.integers(0, 99).map("{:02}".format)
MONTHS = st.sampled_from(["Jan", "Feb", "Nov", "Foo"])


@SETTINGS
@given(
    value=st.text()
    | st.builds("Sun, {} {} {}{} {}:{}:{} GMT".format, NUMBERS, MONTHS, *[NUMBERS] * 5)
    | st.builds("Sunday, {}-{}-{} {}:{}:{} GMT".format, NUMBERS, MONTHS, *[NUMBERS] * 4)
    | st.builds("Sun {} {} {}:{}:{} {}{}".format, MONTHS, *[NUMBERS] * 6)
)
def test_any_value_is_a_date_or_none(value: str) -> None:
    moment = parse_date(value)

    assert moment is None or parse_date(format_date(moment)) == moment or moment < -30_610_224_000


@SETTINGS
@given(tags=st.text() | st.text('W/",* a'))
def test_a_tag_that_is_not_in_the_list_does_not_match(tags: str) -> None:
    assert not matches_weakly(tags, '"a"') or tags == "*" or '"a"' in tags


@pytest.mark.parametrize("part", ['"', "W/", 'W/"', '"a" ', '"a', ",", " ", "*", '""'])
def test_a_hostile_list_of_tags_is_compared_in_linear_time(part: str) -> None:
    assert growth(lambda size: partial(matches_weakly, part * size, '"b"'), 4_000) < LINEAR


def test_a_304_has_no_field_that_describes_a_content() -> None:
    fields = [
        ("content-type", "a/b"),
        ("etag", '"a"'),
        ("content-length", "3"),
        ("content-location", "/a"),
        ("vary", "b"),
    ]

    assert without_content(fields) == [("etag", '"a"'), ("content-location", "/a"), ("vary", "b")]
