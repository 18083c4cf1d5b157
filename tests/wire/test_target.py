"""Tests of aiosock.wire.target."""

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiosock.errors import HTTPError, ProtocolError
from aiosock.wire.target import (
    MAX_QUERY_FIELDS,
    as_text,
    decode_segments,
    is_text,
    parse_host,
    parse_query,
    parse_target,
    with_port,
    without_port,
)
from tests.growth import LINEAR, growth

SETTINGS = settings(max_examples=200, derandomize=True, deadline=None)

VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E))


@pytest.mark.parametrize(
    ("method", "target", "parts"),
    [
        # RFC 9112 section 3.2.1
        ("GET", "/", ("/", "/", "", None)),
        ("GET", "/a/b", ("/a/b", "/a/b", "", None)),
        ("GET", "/a?", ("/a", "/a", "", None)),
        ("GET", "/?b=c&d", ("/", "/", "b=c&d", None)),
        ("GET", "/a?b?c", ("/a", "/a", "b?c", None)),
        ("GET", "/a?%", ("/a", "/a", "%", None)),
        ("GET", "/a%20b", ("/a%20b", "/a b", "", None)),
        ("GET", "/%c3%A9", ("/%c3%A9", "/é", "", None)),
        ("GET", "/a%2Fb", ("/a%2Fb", "/a/b", "", None)),
        ("GET", "/%252e", ("/%252e", "/%2e", "", None)),
        ("GET", "/a%3Fb?c", ("/a%3Fb", "/a?b", "c", None)),
        ("GET", "/a+b", ("/a+b", "/a+b", "", None)),
        ("GET", "/../a", ("/../a", "/../a", "", None)),
        ("GET", "//evil.example", ("//evil.example", "//evil.example", "", None)),
        ("GET", "/http://a/", ("/http://a/", "/http://a/", "", None)),
        # Not UTF-8: a byte, half a sequence, an overlong slash, a surrogate.
        ("GET", "/%ff", ("/%ff", "/\udcff", "", None)),
        ("GET", "/%c3/%C3%A9", ("/%c3/%C3%A9", "/\udcc3/é", "", None)),
        ("GET", "/%c0%af", ("/%c0%af", "/\udcc0\udcaf", "", None)),
        ("GET", "/%ed%a0%80", ("/%ed%a0%80", "/\udced\udca0\udc80", "", None)),
        ("OPTIONS", "/*", ("/*", "/*", "", None)),
        ("connect", "/", ("/", "/", "", None)),
        # RFC 9112 section 3.2.2
        ("GET", "http://a", ("/", "/", "", "a")),
        ("GET", "http://a/", ("/", "/", "", "a")),
        ("GET", "http://a?b", ("/", "/", "b", "a")),
        ("GET", "http://a/?b", ("/", "/", "b", "a")),
        ("GET", "http://a/b%20c?d", ("/b%20c", "/b c", "d", "a")),
        ("GET", "http://a//b", ("//b", "//b", "", "a")),
        ("GET", "http://A.Example:80/B", ("/B", "/B", "", "a.example:80")),
        ("GET", "HtTpS://a/", ("/", "/", "", "a")),
        ("GET", "http://[::1]:80/", ("/", "/", "", "[::1]:80")),
        ("GET", "http://a:/", ("/", "/", "", "a")),
        ("GET", "http://a;b%2F/", ("/", "/", "", "a;b%2f")),
        ("OPTIONS", "http://a", ("/", "/", "", "a")),
        # RFC 9112 section 3.2.3
        ("CONNECT", "a:443", ("", "", "", "a:443")),
        ("CONNECT", "[::1]:443", ("", "", "", "[::1]:443")),
        # RFC 9112 section 3.2.4
        ("OPTIONS", "*", ("*", "*", "", None)),
    ],
)
def test_a_target_is_taken_apart(method: str, target: str, parts: tuple[str, str, str, str | None]) -> None:
    assert parse_target(target, method) == parts


@pytest.mark.parametrize(
    ("method", "target"),
    [
        pytest.param("GET", "", id="empty"),
        pytest.param("GET", "a", id="no leading slash"),
        pytest.param("GET", "?a", id="query alone"),
        pytest.param("GET", "#", id="fragment alone"),
        pytest.param("GET", "\\a", id="backslash"),
        pytest.param("GET", "*", id="asterisk for GET"),
        pytest.param("options", "*", id="asterisk for lower-case options"),
        pytest.param("OPTIONS", "*?a", id="asterisk with query"),
        pytest.param("OPTIONS", "**", id="two asterisks"),
        pytest.param("GET", "/a#b", id="fragment"),
        pytest.param("GET", "/a?b#c", id="fragment behind a query"),
        pytest.param("GET", "http://a/#", id="fragment in a URL"),
        pytest.param("GET", "/%", id="percent sign at the end"),
        pytest.param("GET", "/%4", id="one hexadecimal digit"),
        pytest.param("GET", "/%zz", id="no hexadecimal digits"),
        pytest.param("GET", "/%u0041", id="percent u"),
        pytest.param("GET", "/%+4", id="signed percent-encoding"),
        pytest.param("GET", "http:/a", id="one slash"),
        pytest.param("GET", "http:a", id="no slash"),
        pytest.param("GET", "http://", id="no authority"),
        pytest.param("GET", "http:///a", id="empty authority"),
        pytest.param("GET", "http://?a", id="query for authority"),
        pytest.param("GET", "http://:80/", id="port alone"),
        pytest.param("GET", "http://u@a/", id="userinfo"),
        pytest.param("GET", "http://u:p@a/", id="userinfo with password"),
        pytest.param("GET", "http://a\\b/", id="backslash in the authority"),
        pytest.param("GET", "http://a%/", id="percent sign in the authority"),
        pytest.param("GET", "http://a:x/", id="bad port"),
        pytest.param("GET", "http://a:65536/", id="port above 65535"),
        pytest.param("GET", "http://a/%", id="bad path of a URL"),
        pytest.param("GET", "ftp://a/", id="ftp"),
        pytest.param("GET", "ws://a/", id="ws"),
        pytest.param("GET", "xhttp://a/", id="scheme that ends with http"),
        pytest.param("GET", "a:80", id="authority-form for GET"),
        pytest.param("connect", "a:80", id="authority-form for lower-case connect"),
        pytest.param("CONNECT", "a", id="no port"),
        pytest.param("CONNECT", "a:", id="empty port"),
        pytest.param("CONNECT", ":443", id="no host"),
        pytest.param("CONNECT", "[::1]", id="IPv6 without a port"),
        pytest.param("CONNECT", "a:443/", id="path behind the authority"),
        pytest.param("CONNECT", "u@a:443", id="userinfo before the authority"),
        pytest.param("CONNECT", "/", id="path for CONNECT"),
        pytest.param("CONNECT", "*", id="asterisk for CONNECT"),
        pytest.param("CONNECT", "http://a:80", id="URL for CONNECT"),
    ],
)
def test_a_bad_target_is_refused(method: str, target: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_target(target, method)

    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("decoded", "shown"),
    [
        ("/a", "/a"),
        ("/é\ufffd\U0001f600", "/é\ufffd\U0001f600"),
        ("/\udcff", "/\ufffd"),
        ("/é\udcc0\udcaf", "/é\ufffd\ufffd"),
    ],
)
def test_a_path_is_text_or_can_be_shown_as_text(decoded: str, shown: str) -> None:
    assert as_text(decoded) == shown
    assert is_text(decoded) is (decoded == shown)


def test_segments_keep_the_bytes_of_names() -> None:
    assert decode_segments("/%ff/a%2Fb/%C3%A9") == ["\udcff", "a/b", "é"]


@pytest.mark.parametrize(
    "host",
    [
        "a", "a.example", "a.example.", "xn--9ca", "a_b", "a-b", "~a", "127.0.0.1", "1", "a:0", "a:80", "a:65535", "a:00080",
        "[::]", "[::1]", "[::1]:80", "[2001:db8::1]", "[::ffff:127.0.0.1]",
        ".", "..", ".a", "a..", "a..b", ".:80",
        "a,b", "a;b", "a'b", "(a)", "*", "a!$&+=b", "a%41", "%c3%a9.example", "a%2f%00:80",
    ],
)  # fmt: skip
def test_a_host_is_given_back(host: str) -> None:
    assert parse_host(host) == host


def test_a_host_is_given_back_in_lower_case() -> None:
    assert parse_host("A.Example:80") == "a.example:80"
    assert parse_host("[2001:DB8::A]") == "[2001:db8::a]"
    assert parse_host("a%C3%A9") == "a%c3%a9"


@pytest.mark.parametrize("host", ["a", "127.0.0.1", "[::1]"])
def test_an_empty_port_is_no_port(host: str) -> None:
    assert parse_host(f"{host}:") == host


@pytest.mark.parametrize(
    "host",
    [
        "", " ", ":", ":80", "a::", "a:-1", "a:+80", "a: 80", "a:80 ", " a", "a:b", "a:80:80", "a:65536", "a:99999",
        "a:000080", "a:8\u0660", "a/b?c#@d", "a/", "a?", "a#", "u@a", "a, b", "a b", "a\tb", "a\\b", "a%", "a%4", "a%4g", "a%u0041",
        "a\"b", "a|b", "<a>", "a^b", "a`b", "{a}", "a\x00", "a\n", "\xe9", "\u0101", "\u212a", "\u3002", "\ud800",
        "[", "]", "[]", "[::1", "::1", "[::1]80", "[::1]::", "[::1]a", "[a]", "[1.2.3.4]", "[:]", "[:::]", "[1:2]", "[...]",
        "[::1%eth0]", "[::g]", "[v1.a]", "[[::1]]", "a[::1]", "[1:2:3:4:5:6:7:8:9]", "[12345::]",
    ],
)  # fmt: skip
def test_a_bad_host_is_refused(host: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_host(host)

    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("query", "pairs"),
    [
        ("", []),
        ("a", [("a", "")]),
        ("a=", [("a", "")]),
        ("=b", [("", "b")]),
        ("a=b", [("a", "b")]),
        ("a=b&c=d&a=e", [("a", "b"), ("c", "d"), ("a", "e")]),
        ("a=b=c", [("a", "b=c")]),
        ("a=b;c=d", [("a", "b;c=d")]),
        ("&a=b&", [("a", "b")]),
        ("a=b+c%2Bd%20e", [("a", "b c+d e")]),
        ("a+b=c", [("a b", "c")]),
        ("a%26b=%3d", [("a&b", "=")]),
        ("a=%c3%a9", [("a", "é")]),
        ("a=%", [("a", "%")]),
        ("a=%zz", [("a", "%zz")]),
        ("a=%ff", [("a", "\ufffd")]),
        ("a=?", [("a", "?")]),
    ],
)
def test_a_query_is_read_as_a_form_is(query: str, pairs: list[tuple[str, str]]) -> None:
    assert parse_query(query) == pairs


def test_a_query_may_have_1000_fields_and_no_more() -> None:
    assert len(parse_query("&".join(["a=b"] * MAX_QUERY_FIELDS))) == MAX_QUERY_FIELDS == 1000

    with pytest.raises(HTTPError, match=r"^400 .*1000") as caught:
        parse_query("&".join(["a=b"] * (MAX_QUERY_FIELDS + 1)))
    assert not isinstance(caught.value, ProtocolError)  # the connection can be kept


@pytest.mark.parametrize(
    ("raw_path", "segments"),
    [
        ("/", [""]),
        ("/a", ["a"]),
        ("/a/", ["a", ""]),
        ("//a", ["", "a"]),
        ("/a/b%20c", ["a", "b c"]),
        ("/a%2Fb/c", ["a/b", "c"]),
        ("/%c3%a9", ["é"]),
        ("/%252F", ["%2F"]),
    ],
)
def test_an_encoded_slash_separates_nothing(raw_path: str, segments: list[str]) -> None:
    assert decode_segments(raw_path) == segments


# Random input


@SETTINGS
@given(
    target=VISIBLE | VISIBLE.map("/".__add__) | VISIBLE.map("http://".__add__),
    method=st.sampled_from(["GET", "OPTIONS", "CONNECT"]),
)
@example(target="http://[", method="GET")
@example(target="//[", method="GET")
def test_any_target_gets_a_400_or_its_parts(target: str, method: str) -> None:
    try:
        raw_path, path, query, authority = parse_target(target, method)
    except ProtocolError as error:
        status = error.status
    else:
        status = 400
        assert raw_path.startswith("/") or (raw_path, path, query) in {("", "", ""), ("*", "*", "")}
        assert authority is None or parse_host(authority) == authority
        assert "/".join(["", *decode_segments(raw_path)]) == path or not raw_path.startswith("/")
    assert status == 400


@SETTINGS
@given(host=st.text() | st.text("0123456789abcdefABCDEF:.[]%"))
def test_any_host_gets_a_400_or_is_ascii(host: str) -> None:
    try:
        given_back = parse_host(host)
    except ProtocolError as error:
        status = error.status
    else:
        status = 400
        assert given_back == host.lower().removesuffix(":")
        assert given_back.isascii()
        assert not set(given_back) & set('/?#@\\"<> \t\r\n')
    assert status == 400


@SETTINGS
@given(query=VISIBLE)
def test_any_short_query_can_be_read(query: str) -> None:
    assert len(parse_query(query)) <= query.count("&") + 1


# Hostile input


@pytest.mark.parametrize(
    ("work", "part"),
    [
        pytest.param(partial(parse_target, method="GET"), "/", id="slashes"),
        pytest.param(partial(parse_target, method="GET"), "/%41", id="percent-encodings"),
        pytest.param(partial(parse_target, method="GET"), "/?", id="question marks"),
        pytest.param(decode_segments, "/%41", id="segments"),
        pytest.param(parse_host, "a.", id="dots"),
        pytest.param(parse_host, "%41", id="encoded host"),
        pytest.param(parse_query, "%41", id="encoded name"),
        pytest.param(parse_query, "=", id="equals signs"),
        pytest.param(parse_query, "+%", id="bad percent signs"),
    ],
)
def test_hostile_text_is_read_in_linear_time(work: Callable[[str], object], part: str) -> None:
    assert growth(lambda size: partial(work, part * size), 4_000) < LINEAR


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("a.example", "a.example"),
        ("a.example:80", "a.example"),
        ("[::1]", "[::1]"),
        ("[::1]:80", "[::1]"),
        ("a:", "a"),
        ("", ""),
    ],
)
def test_a_port_is_cut_off(host: str, name: str) -> None:
    assert without_port(host) == name


@pytest.mark.parametrize(
    ("host", "scheme", "full"),
    [
        ("a", "http", "a:80"),
        ("a", "https", "a:443"),
        ("a", "gopher", "a:"),
        ("a:", "http", "a:80"),
        ("a:8080", "https", "a:8080"),
        ("a:0443", "https", "a:443"),
        ("a.", "http", "a:80"),
        ("a.:", "https", "a:443"),
        ("a.example.:081", "http", "a.example:81"),
        ("a..", "http", "a.:80"),
        ("a:0", "http", "a:0"),
        ("a:00", "http", "a:0"),
        ("[::1]", "http", "[::1]:80"),
        ("[::1]:80", "http", "[::1]:80"),
        ("", "http", ":80"),
    ],
)
def test_the_default_port_is_a_port_like_any_other(host: str, scheme: str, full: str) -> None:
    assert with_port(host, scheme) == full
