"""Tests of aiosock.wire.conditional."""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock.headers import Headers
from aiosock.wire.conditional import format_date, is_not_modified, matches_weakly, parse_date
from tests.growth import LINEAR, growth

SETTINGS = settings(max_examples=200, derandomize=True, deadline=None)

RFC_MOMENT = 784_111_777
"""The moment of the three examples in RFC 9110 section 5.6.7."""

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


@pytest.mark.parametrize(
    ("fields", "not_modified"),
    [
        pytest.param({}, False, id="unconditional"),
        pytest.param({"if-none-match": '"a"'}, True, id="tag matches"),
        pytest.param({"if-none-match": '"b"'}, False, id="tag does not match"),
        pytest.param({"if-none-match": "*"}, True, id="any tag"),
        pytest.param({"if-modified-since": format_date(RFC_MOMENT)}, True, id="same second"),
        pytest.param({"if-modified-since": format_date(RFC_MOMENT + 1)}, True, id="later"),
        pytest.param({"if-modified-since": format_date(RFC_MOMENT - 1)}, False, id="earlier"),
        pytest.param({"if-modified-since": "yesterday"}, False, id="no date"),
        pytest.param(
            {"if-none-match": '"b"', "if-modified-since": format_date(RFC_MOMENT)}, False, id="the tag decides: no"
        ),
        pytest.param(
            {"if-none-match": '"a"', "if-modified-since": format_date(RFC_MOMENT - 1)}, True, id="the tag decides: yes"
        ),
        pytest.param(
            {"if-none-match": "", "if-modified-since": format_date(RFC_MOMENT)}, False, id="empty list of tags"
        ),
    ],
)
def test_a_condition_is_evaluated(fields: dict[str, str], not_modified: bool) -> None:
    assert is_not_modified(Headers(fields), '"a"', RFC_MOMENT + 0.5) is not_modified


def test_tags_may_stand_on_several_lines() -> None:
    request = Headers([("if-none-match", '"b"'), ("if-none-match", '"a"')])

    assert is_not_modified(request, '"a"', RFC_MOMENT)


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
