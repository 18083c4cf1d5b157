"""Tests of aiosock.wire.cookies."""

from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock import Headers, ResponseError
from aiosock.headers import FIELD_CHAR
from aiosock.wire.cookies import ATTRIBUTE_BYTES, COOKIE_BYTES, encode_cookie, encode_deletion, parse_cookies
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
        pytest.param("a=\xe9", {"a": "\xe9"}, id="ISO-8859-1"),
        pytest.param("a=\xc3\xa9", {"a": "\xe9"}, id="UTF-8"),
        pytest.param('\xc3\xa9="\xf0\x9f\x90\x88"', {"\xe9": "🐈"}, id="UTF-8 in name and quotes"),
        pytest.param("a=\xc3\xa9; b=\xe9; c=\xc3", {"a": "\xe9", "b": "\xe9", "c": "\xc3"}, id="some UTF-8"),
        pytest.param("a=\xc0\xbb1", {"a": "\xc0\xbb1"}, id="semicolon in overlong UTF-8"),
        pytest.param("\xc2\xa0__Host-a=\xed\xa0\x80", {"\xa0__Host-a": "\xed\xa0\x80"}, id="a surrogate is not UTF-8"),
        pytest.param("a=\u0101", {"a": "\u0101"}, id="text that no field can have"),
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
    """Check this because Python strips more: another name would then pass for a protected one."""
    assert parse_cookies(f"{space}__Host-a{space}={space}1{space}") == {f"{space}__Host-a{space}": f"{space}1{space}"}


@SETTINGS
@given(field=st.text() | st.text('a=; \t"'))
def test_any_text_is_read(field: str) -> None:
    for name, value in parse_cookies(field).items():
        assert name.strip(" \t") == name != ""
        assert f"{name}{value}".count(";") == 0


def is_utf8(text: str) -> bool:
    return "\ufffd" not in text.encode("latin-1").decode(errors="replace")


@SETTINGS
@given(
    cookies=st.dictionaries(
        st.from_regex(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", fullmatch=True),
        st.from_regex(f"[{FIELD_CHAR}]*", fullmatch=True)
        .map(lambda text: text.replace(";", "").strip(' \t"'))
        .filter(lambda text: text.isascii() or not is_utf8(text)),
    )
)
def test_cookies_survive_the_round_trip(cookies: dict[str, str]) -> None:
    assert parse_cookies("; ".join(f"{name}={value}" for name, value in cookies.items())) == cookies
    assert parse_cookies("; ".join(f'{name}="{value}"' for name, value in cookies.items())) == cookies


@pytest.mark.parametrize(
    "part", [";", "=", " ", '"', "a", "\xc3\xa9", "\xe9=\xc3;", "a=;", " =; ", 'a="', "\t;\t", "a=b; "]
)
def test_a_hostile_field_is_read_in_linear_time(part: str) -> None:
    assert growth(lambda size: partial(parse_cookies, part * size), 4_000) < LINEAR


def test_many_names_are_read_in_linear_time() -> None:
    assert growth(lambda size: partial(parse_cookies, ";".join(f"a{i}=" for i in range(size))), 2_000) < LINEAR


# Set.

USUAL = "Path=/; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize(
    ("name", "attributes", "field"),
    [
        pytest.param("a", {}, f"a=1; {USUAL}", id="nothing said"),
        pytest.param("a", {"max_age": 60}, f"a=1; Max-Age=60; {USUAL}", id="max-age"),
        pytest.param(
            "a",
            {"expires": datetime(1994, 11, 6, 8, 49, 37, 999, UTC)},
            f"a=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT; {USUAL}",
            id="expires",
        ),
        pytest.param(
            "a",
            {"expires": datetime(1994, 11, 6, 0, 49, 37, tzinfo=timezone(timedelta(hours=-8)))},
            f"a=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT; {USUAL}",
            id="expires elsewhere",
        ),
        pytest.param(
            "a", {"path": "/b/c d".replace(" ", "%20")}, "a=1; Path=/b/c%20d; HttpOnly; SameSite=Lax", id="path"
        ),
        pytest.param("a", {"domain": "example.org"}, f"a=1; Domain=example.org; {USUAL}", id="domain"),
        pytest.param("a", {"domain": None, "secure": None}, f"a=1; {USUAL}", id="none of them"),
        pytest.param("a", {"secure": False}, f"a=1; {USUAL}", id="not secure"),
        pytest.param("a", {"secure": True}, "a=1; Path=/; Secure; HttpOnly; SameSite=Lax", id="secure"),
        pytest.param("a", {"http_only": False}, "a=1; Path=/; SameSite=Lax", id="for scripts too"),
        pytest.param("a", {"same_site": "strict"}, "a=1; Path=/; HttpOnly; SameSite=Strict", id="strict"),
        pytest.param(
            "__Secure-a",
            {"path": "/b", "domain": "a.example", "http_only": False},
            "__Secure-a=1; Domain=a.example; Path=/b; Secure; SameSite=Lax",
            id="the prefix __Secure- leaves the rest free",
        ),
        pytest.param(
            "a",
            {
                "max_age": 1,
                "expires": datetime(2026, 1, 1, tzinfo=UTC),
                "path": "/b",
                "domain": "a.b-c.example",
                "secure": True,
                "http_only": True,
                "same_site": "none",
                "partitioned": True,
            },
            "a=1; Max-Age=1; Expires=Thu, 01 Jan 2026 00:00:00 GMT; Domain=a.b-c.example; Path=/b; Secure; HttpOnly; "
            "SameSite=None; Partitioned",
            id="everything",
        ),
    ],
)
def test_a_cookie_is_set(name: str, attributes: dict[str, Any], field: str) -> None:
    assert encode_cookie(name, "1", **attributes) == field


DEMANDING = [
    pytest.param("__Secure-a", {}, id="__Secure-"),
    pytest.param("__Host-a", {}, id="__Host-"),
    pytest.param("__Http-a", {}, id="__Http-"),
    pytest.param("__Host-Http-a", {}, id="__Host-Http-"),
    pytest.param("__sEcUrE-a", {}, id="another case"),
    pytest.param("a", {"same_site": "none"}, id="SameSite=None"),
    pytest.param("a", {"partitioned": True}, id="Partitioned"),
]


@pytest.mark.parametrize(("name", "attributes"), DEMANDING)
def test_what_demands_secure_is_secure(name: str, attributes: dict[str, Any]) -> None:
    assert "; Secure; " in encode_cookie(name, "1", **attributes)
    assert encode_cookie(name, "1", **attributes) == encode_cookie(name, "1", secure=True, **attributes)
    with pytest.raises(ResponseError, match="must be secure"):
        encode_cookie(name, "1", secure=False, **attributes)


@pytest.mark.parametrize("name", ["__Host-a", "__Host-", "__host-a", "__HOST-a", "__Host-Http-a"])
@pytest.mark.parametrize("attributes", [{"path": "/b"}, {"domain": "a.example"}])
def test_a_cookie_of_one_host_has_the_root_and_no_domain(name: str, attributes: dict[str, Any]) -> None:
    with pytest.raises(ResponseError, match="must have the path / and no domain"):
        encode_cookie(name, "1", **attributes)


@pytest.mark.parametrize("name", ["__Http-a", "__http-a", "__Host-Http-a"])
def test_a_cookie_that_says_it_is_out_of_reach_of_scripts_is(name: str) -> None:
    with pytest.raises(ResponseError, match="must be http_only"):
        encode_cookie(name, "1", http_only=False)


def test_an_unknown_attribute_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'httponly'"):
        encode_cookie("a", "1", httponly=True)  # type: ignore[call-arg]


def is_taken(**cookie: Any) -> bool:
    try:
        encode_cookie(**{"name": "a", "value": "1", **cookie})
    except ResponseError:
        return False
    return True


def test_what_each_part_may_be_made_of() -> None:
    """Check that no part takes a line break, a NUL or a semicolon."""
    characters = list(map(chr, range(256)))
    visible = {character for character in characters if "!" <= character <= "~"}
    alphanumeric = {character for character in characters if character.isascii() and character.isalnum()}

    assert {one for one in characters if is_taken(name=f"a{one}b")} == {*"!#$%&'*+-.^_`|~"} | alphanumeric
    assert {one for one in characters if is_taken(value=f"a{one}b")} == visible - {*'",;\\'}
    assert {one for one in characters if is_taken(path=f"/a{one}b")} == visible - {";"}
    assert {one for one in characters if is_taken(domain=f"a{one}b")} == {*"-."} | alphanumeric


@pytest.mark.parametrize("name", ["", "\u20ac", "a\r\nSet-Cookie: b"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ResponseError, match="is not a valid name for a cookie"):
        encode_cookie(name, "1")


@pytest.mark.parametrize("value", ["1; Domain=example.org", "1\r\nSet-Cookie: b=2", "\u20ac", '"1"'])
def test_what_is_no_value_is_refused(value: str) -> None:
    with pytest.raises(ResponseError, match="is not a valid value for a cookie"):
        encode_cookie("a", value)


@pytest.mark.parametrize(
    "attributes",
    [
        {"path": ""},
        {"path": "b"},
        {"path": "/b; Secure"},
        {"path": "/\u20ac"},
        {"path": "/" + "b" * ATTRIBUTE_BYTES},
        {"domain": ""},
        {"domain": ".example.org"},
        {"domain": "example.org."},
        {"domain": "a..b"},
        {"domain": "b\xfccher.example"},
        {"domain": "example.org:80"},
        {"domain": "a" * (ATTRIBUTE_BYTES + 1)},
        {"max_age": 0},
        {"max_age": -1},
        {"expires": datetime(2026, 1, 1)},  # without a time zone
        {"expires": datetime.min.replace(tzinfo=UTC)},
        {"same_site": "Lax"},
        {"same_site": "lax; Domain=example.org"},
        {"same_site": ""},
    ],
)
def test_an_attribute_that_browsers_would_not_take_is_refused(attributes: dict[str, Any]) -> None:
    with pytest.raises(ResponseError):
        encode_cookie("a", "1", **attributes)


@pytest.mark.parametrize("max_age", ["1; Secure", 1.5, timedelta(days=1)])
def test_an_age_is_a_number_of_seconds(max_age: Any) -> None:
    with pytest.raises(TypeError, match="max_age is a number of seconds, an int, not"):
        encode_cookie("a", "1", max_age=max_age)


@pytest.mark.parametrize("value", [5, None, b"5"])
def test_a_value_is_a_str(value: Any) -> None:
    with pytest.raises(TypeError, match=f"the value of the cookie a is a str, not {value!r}"):
        encode_cookie("a", value)


def test_a_cookie_is_as_long_as_browsers_keep() -> None:
    assert encode_cookie("a", "b" * (COOKIE_BYTES - 1))
    with pytest.raises(ResponseError, match="has 4097 bytes; browsers keep at most 4096"):
        encode_cookie("a", "b" * COOKIE_BYTES)
    with pytest.raises(ResponseError, match="has 4097 bytes"):
        encode_cookie("b" * COOKIE_BYTES, "1")


@pytest.mark.parametrize(
    ("name", "scope", "field"),
    [
        pytest.param("a", {}, f"a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; {USUAL}", id="as it was set by default"),
        pytest.param(
            "a",
            {"path": "/b", "domain": "c.example", "same_site": "none", "partitioned": True},
            "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Domain=c.example; Path=/b; Secure; HttpOnly; SameSite=None; "
            "Partitioned",
            id="where it was set",
        ),
        pytest.param(
            "__Host-a",
            {},
            "__Host-a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; Secure; HttpOnly; SameSite=Lax",
            id="a prefix is obeyed, or browsers would not look at it",
        ),
    ],
)
def test_a_cookie_is_deleted(name: str, scope: dict[str, Any], field: str) -> None:
    assert encode_deletion(name, **scope) == field


@SETTINGS
@given(name=st.text(max_size=8), value=st.text(max_size=8), path=st.text(max_size=8), domain=st.text(max_size=8))
def test_any_text_is_one_cookie_or_refused(name: str, value: str, path: str, domain: str) -> None:
    try:
        field = encode_cookie(name, value, path=f"/{path}", domain=domain or None)
    except ResponseError:
        return
    Headers({"set-cookie": field})
    pair, *attributes = field.split("; ")
    assert parse_cookies(pair) == {name: value}
    assert [attribute.partition("=")[0] for attribute in attributes if not attribute.startswith("Domain=")] == (
        ["Path", "Secure", "HttpOnly", "SameSite"] if "; Secure" in field else ["Path", "HttpOnly", "SameSite"]
    )


@pytest.mark.parametrize("part", ["a", "a.", "a..", "=", "\xe9"])
@pytest.mark.parametrize("where", ["name", "value", "path", "domain"])
def test_a_hostile_cookie_is_refused_in_linear_time(where: str, part: str) -> None:
    def refused(text: str) -> None:
        assert not is_taken(**{where: f"{text};"})

    assert growth(lambda size: partial(refused, part * size), 4_000) < LINEAR
