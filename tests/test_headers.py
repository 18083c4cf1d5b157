"""Tests of aiosock.headers."""

import re
from collections.abc import Callable, Hashable
from functools import partial
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock.errors import ResponseError
from aiosock.headers import FIELD_CHAR, TCHAR, Headers
from tests.growth import LINEAR, growth

SETTINGS = settings(max_examples=200, derandomize=True, deadline=None)


def some_headers() -> Headers:
    return Headers([("A", "1"), ("b", "2"), ("a", "3")])


def block_headers() -> Headers:
    return Headers.from_block(b"A: 1\r\nb:2\t\r\na:  3 \r\n")


BOTH = pytest.mark.parametrize("make", [some_headers, block_headers])
"""Return headers made in this way: they behave alike, whether a program or the wire created them."""


@BOTH
def test_fields_keep_wire_order_in_lower_case(make: Callable[[], Headers]) -> None:
    assert make().items() == [("a", "1"), ("b", "2"), ("a", "3")]


@BOTH
def test_a_name_is_found_in_any_case(make: Callable[[], Headers]) -> None:
    headers = make()

    assert (headers["B"], headers.get("B"), headers.get_all("B")) == ("2", "2", ["2"])
    assert "B" in headers


@BOTH
def test_lines_of_one_name_are_joined(make: Callable[[], Headers]) -> None:
    assert make()["a"] == make().get("A") == "1, 3"


@BOTH
def test_lines_of_one_name_are_kept_apart(make: Callable[[], Headers]) -> None:
    assert make().get_all("A") == ["1", "3"]


@BOTH
def test_a_name_that_is_not_there_is_not_found(make: Callable[[], Headers]) -> None:
    headers = make()

    assert (headers.get("c"), headers.get("c", "d"), headers.get_all("c")) == (None, "d", [])
    assert "c" not in headers
    assert 1 not in headers
    with pytest.raises(KeyError, match="c"):
        headers["c"]


@BOTH
def test_lines_are_counted_and_names_are_listed(make: Callable[[], Headers]) -> None:
    assert len(make()) == 3
    assert list(make()) == ["a", "b"]


@BOTH
def test_appending_keeps_what_is_there(make: Callable[[], Headers]) -> None:
    headers = make()
    headers.append("A", " 4\t")

    assert headers.items() == [("a", "1"), ("b", "2"), ("a", "3"), ("a", "4")]


@BOTH
def test_setting_replaces_every_line_of_the_name(make: Callable[[], Headers]) -> None:
    headers = make()
    headers["A"] = "4"

    assert headers.items() == [("b", "2"), ("a", "4")]


@BOTH
def test_deleting_drops_every_line_of_the_name(make: Callable[[], Headers]) -> None:
    headers = make()
    del headers["A"]

    assert headers.items() == [("b", "2")]


@BOTH
def test_deleting_what_is_not_there_is_no_error(make: Callable[[], Headers]) -> None:
    headers = make()
    del headers["c"]

    assert headers == make()


@BOTH
def test_a_default_is_set_only_where_nothing_is(make: Callable[[], Headers]) -> None:
    headers = make()
    headers.setdefault("B", "4")
    headers.setdefault("C", "5")

    assert headers.items() == [("a", "1"), ("b", "2"), ("a", "3"), ("c", "5")]


@BOTH
def test_equal_lines_are_equal_headers(make: Callable[[], Headers]) -> None:
    assert make() == some_headers() == block_headers()
    assert make() != Headers([("a", "1"), ("a", "3"), ("b", "2")])
    assert make() != make().items()


@BOTH
def test_headers_show_their_lines(make: Callable[[], Headers]) -> None:
    assert repr(make()) == "Headers([('a', '1'), ('b', '2'), ('a', '3')])"


def test_headers_have_no_hash() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Headers())
    assert not isinstance(Headers(), Hashable)


@BOTH
def test_a_copy_is_independent(make: Callable[[], Headers]) -> None:
    headers = make()
    copy = Headers(headers)
    copy["a"] = "4"
    headers.items().append(("c", "5"))

    assert headers == make()


def test_a_mapping_is_copied() -> None:
    assert Headers(MappingProxyType({"A": "1", "b": "2"})).items() == [("a", "1"), ("b", "2")]


def test_no_fields_are_no_headers() -> None:
    for headers in (Headers(), Headers.from_block(b""), Headers.from_valid()):
        assert (headers.items(), len(headers), list(headers)) == ([], 0, [])


def test_valid_pairs_are_taken_as_they_are() -> None:
    pairs = (("a", "1"), ("b", "2"))
    headers = Headers.from_valid(pairs)
    headers.append("c", "3")

    assert headers.items() == [("a", "1"), ("b", "2"), ("c", "3")]
    assert pairs == (("a", "1"), ("b", "2"))


def test_a_block_is_read_as_iso_8859_1() -> None:
    assert Headers.from_block(b"A: \xe9\xff\r\nB:\r\nC: d:e\r\n").items() == [
        ("a", "\xe9\xff"),
        ("b", ""),
        ("c", "d:e"),
    ]


# Response splitting

BREAKERS = ["\r", "\n", "\r\n", "\x00", "\x01", "\x0b", "\x0c", "\x1b", "\x7f"]

WRITERS = pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda name, value: Headers({name: value}), id="constructor"),
        pytest.param(lambda name, value: Headers().append(name, value), id="append"),
        pytest.param(lambda name, value: Headers().setdefault(name, value), id="setdefault"),
        pytest.param(lambda name, value: Headers().__setitem__(name, value), id="setitem"),
    ],
)


@WRITERS
@pytest.mark.parametrize("breaker", BREAKERS)
@pytest.mark.parametrize("place", ["{}", "a{}", "{}a", "a{}Set-Cookie: b"])
def test_a_value_never_breaks_out_of_its_line(write: Callable[[str, str], None], place: str, breaker: str) -> None:
    with pytest.raises(ResponseError, match="not a field value for x"):
        write("x", place.format(breaker))


@WRITERS
@pytest.mark.parametrize("value", ["\u0100", "€", "\u560a", "\U0001f600", "\ud800"])
def test_a_value_has_no_character_beyond_iso_8859_1(write: Callable[[str, str], None], value: str) -> None:
    """Check U+560A: cut to one byte, it would be a line break."""
    with pytest.raises(ResponseError, match="not a field value for x"):
        write("x", value)


@WRITERS
@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a ", " a", "a:", ":", "a\r\n", "a\n", "a\x00", "é", "\u212a", "a[]", '"a"', "a/b", "a\t"]
)
def test_a_name_is_a_token(write: Callable[[str, str], None], name: str) -> None:
    with pytest.raises(ResponseError, match="not a field name"):
        write(name, "1")


def test_a_refused_line_leaves_the_others_alone() -> None:
    headers = some_headers()
    with pytest.raises(ResponseError):
        headers["a"] = "4\r\n"

    assert headers == some_headers()


def test_space_round_a_value_is_not_part_of_it() -> None:
    headers = Headers({"a": " \t1 2\t "})
    headers["b"] = " 3 "

    assert headers.items() == [("a", "1 2"), ("b", "3")]


# Anything at all


@SETTINGS
@given(
    name=st.text() | st.from_regex(f"[{TCHAR}]+", fullmatch=True), value=st.text() | st.from_regex(f"[{FIELD_CHAR}]*")
)
def test_any_text_is_a_valid_line_or_refused(name: str, value: str) -> None:
    try:
        headers = Headers([(name, value)])
    except ResponseError:
        return
    line = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")

    assert line.count(b"\r") == line.count(b"\n") == 1
    assert Headers.from_block(line) == headers


@SETTINGS
@given(
    fields=st.lists(
        st.tuples(st.from_regex(f"[{TCHAR}]+", fullmatch=True), st.from_regex(f"[{FIELD_CHAR}]*", fullmatch=True))
    )
)
def test_headers_survive_the_round_trip(fields: list[tuple[str, str]]) -> None:
    block = "".join(f"{name}:{value}\r\n" for name, value in fields).encode("latin-1")

    assert Headers.from_block(block) == Headers(fields)


# Hostile input


@pytest.mark.parametrize(
    "part",
    [b"a: 1\r\n", b"a:\r\n", b"b: 1\r\n", b"a: 1,\r\nb: 2\r\n"],
)
def test_many_lines_are_read_in_linear_time(part: bytes) -> None:
    def reading(size: int) -> Callable[[], object]:
        block = part * size
        return lambda: Headers.from_block(block).get("a")

    assert growth(reading, 2_000) < LINEAR


def test_a_long_line_is_read_in_linear_time() -> None:
    def reading(size: int) -> Callable[[], object]:
        block = b"a:" + b" " * size + b"1" + b" \t" * size + b"\r\n"
        return lambda: Headers.from_block(block).get("a")

    assert growth(reading, 10_000) < LINEAR


def test_a_long_value_is_checked_in_linear_time() -> None:
    assert growth(lambda size: partial(Headers, {"a": " a" * size}), 10_000) < LINEAR


@pytest.mark.parametrize("value", [5, None, b"5", 0.5])
def test_a_value_that_is_no_str_is_named(value: Any) -> None:
    headers = Headers()

    for change in (lambda: Headers({"x-count": value}), lambda: headers.append("x-count", value)):
        with pytest.raises(TypeError, match=f"the value of the field x-count is a str, not {re.escape(repr(value))}"):
            change()
    with pytest.raises(TypeError, match=r"write '5'"):
        headers["x-count"] = 5  # type: ignore[assignment]


def test_a_name_that_is_no_str_is_named() -> None:
    with pytest.raises(TypeError, match="the name of a field is a str, not b'a'"):
        Headers([(b"a", "b")])  # type: ignore[list-item]


def test_a_dict_of_headers_has_each_name_with_the_value_that_subscripting_returns() -> None:
    headers = Headers([("Accept", "a"), ("host", "h"), ("accept", "b")])

    assert dict(headers) == {"accept": "a, b", "host": "h"}
    assert {**headers} == dict(headers)
