"""Tests of aiosock.wire.cookies."""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock.headers import FIELD_CHAR
from aiosock.wire.cookies import parse_cookies
from tests.growth import LINEAR, growth

SETTINGS = settings(max_examples=200, derandomize=True, deadline=None)


@pytest.mark.parametrize(
    ("field", "cookies"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param("a=1", {"a": "1"}, id="one"),
        pytest.param("a=1; b=2", {"a": "1", "b": "2"}, id="two"),
        pytest.param("a=1;b=2", {"a": "1", "b": "2"}, id="no space behind the semicolon"),
        pytest.param(" \ta \t=\t 1 ; ", {"a": "1"}, id="spaces and tabs"),
        pytest.param(";;a=1;;", {"a": "1"}, id="empty pairs"),
        pytest.param("a=", {"a": ""}, id="empty value"),
        pytest.param("a=b=c", {"a": "b=c"}, id="equals sign in the value"),
        pytest.param("a=1 2", {"a": "1 2"}, id="space in the value"),
        pytest.param("a=1,2", {"a": "1,2"}, id="comma in the value"),
        pytest.param("a=%20", {"a": "%20"}, id="percent-encoding is left alone"),
        pytest.param('a="1"', {"a": "1"}, id="quotes"),
        pytest.param('a=""', {"a": ""}, id="empty quotes"),
        pytest.param('a="', {"a": '"'}, id="one quote"),
        pytest.param('a="1', {"a": '"1'}, id="quote not closed"),
        pytest.param('a=1"', {"a": '1"'}, id="quote not opened"),
        pytest.param('a="1;2"', {"a": '"1'}, id="quotes do not hide a semicolon"),
        pytest.param("A=1; a=2", {"A": "1", "a": "2"}, id="names in both cases"),
        pytest.param("a=\xe9", {"a": "\xe9"}, id="obs-text"),
    ],
)
def test_a_cookie_field_is_read(field: str, cookies: dict[str, str]) -> None:
    assert parse_cookies(field) == cookies


def test_of_two_cookies_with_one_name_the_first_counts() -> None:
    assert parse_cookies("a=specific; a=general") == {"a": "specific"}


@pytest.mark.parametrize("field", ["=__Host-a=1", " = 1", "=", "a", "__Host-a", ";=1", "=;a"])
def test_a_nameless_cookie_does_not_shadow_another(field: str) -> None:
    assert parse_cookies(field) == {}
    assert parse_cookies(f"{field}; __Host-a=2") == {"__Host-a": "2"}


@pytest.mark.parametrize("space", ["\xa0", "\x85"])
def test_only_the_white_space_of_http_is_stripped(space: str) -> None:
    """Python strips more: another name would then pass for a protected one."""
    assert parse_cookies(f"{space}__Host-a{space}={space}1{space}") == {f"{space}__Host-a{space}": f"{space}1{space}"}


@SETTINGS
@given(field=st.text() | st.text('a=; \t"'))
def test_any_text_is_read(field: str) -> None:
    for name, value in parse_cookies(field).items():
        assert name.strip(" \t") == name != ""
        assert f"{name}{value}".count(";") == 0


@SETTINGS
@given(
    cookies=st.dictionaries(
        st.from_regex(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", fullmatch=True),
        st.from_regex(f"[{FIELD_CHAR}]*", fullmatch=True).map(lambda text: text.replace(";", "").strip(' \t"')),
    )
)
def test_cookies_survive_the_round_trip(cookies: dict[str, str]) -> None:
    assert parse_cookies("; ".join(f"{name}={value}" for name, value in cookies.items())) == cookies
    assert parse_cookies("; ".join(f'{name}="{value}"' for name, value in cookies.items())) == cookies


@pytest.mark.parametrize("part", [";", "=", " ", '"', "a", "a=;", " =; ", 'a="', "\t;\t", "a=b; "])
def test_a_hostile_field_is_read_in_linear_time(part: str) -> None:
    assert growth(lambda size: partial(parse_cookies, part * size), 4_000) < LINEAR


def test_many_names_are_read_in_linear_time() -> None:
    assert growth(lambda size: partial(parse_cookies, ";".join(f"a{i}=" for i in range(size))), 2_000) < LINEAR
