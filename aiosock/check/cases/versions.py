"""Versions (RFC 9112 section 2.3, RFC 9110 section 2.5): `HTTP/` DIGIT `.` DIGIT, in capitals."""

from typing import Final

from aiosock.check.case import GRAMMAR, Case, Level, bare, in_category, last, refused, request, valid

_SYNTAX: Final = "RFC 9112 section 2.3"
_MEANING: Final = "RFC 9110 section 2.5"


def _other(version: str) -> Case:
    """Return a request with another major version, in the syntax of HTTP/1.1."""
    return refused(
        f"{version} is not supported", request(version=version), "RFC 9110 section 15.6.6", statuses={400, 505},
        closing=Level.STRICT, ours=505,
    )  # fmt: skip


def _malformed(name: str, version: str) -> Case:
    return refused(name, request(version=version), _SYNTAX)


CASES = in_category(
    "versions",
    [
        last("HTTP/1.0", request(version="HTTP/1.0"), "RFC 9112 section 9.3"),
        last("HTTP/1.0 without a Host", bare("GET / HTTP/1.0"), "RFC 9112 section 3.2"),
        valid("HTTP/1.2 is served as HTTP/1.1", request(version="HTTP/1.2"), _MEANING, level=Level.SHOULD),
        valid("HTTP/1.9 is served as HTTP/1.1", request(version="HTTP/1.9"), _MEANING, level=Level.SHOULD),
        *[_other(f"HTTP/{version}") for version in ("0.0", "0.9", "2.0", "2.1", "3.0", "9.9")],
        _malformed("lower case", "http/1.1"),
        _malformed("mixed case", "Http/1.1"),
        _malformed("two digits in the minor version", "HTTP/1.10"),
        _malformed("two digits in the major version", "HTTP/11.1"),
        _malformed("a leading zero", "HTTP/01.1"),
        _malformed("three numbers", "HTTP/1.1.1"),
        _malformed("no minor version", "HTTP/1"),
        _malformed("an empty minor version", "HTTP/1."),
        _malformed("an empty major version", "HTTP/.1"),
        _malformed("nothing after the slash", "HTTP/"),
        _malformed("no slash", "HTTP1.1"),
        _malformed("two slashes", "HTTP//1.1"),
        _malformed("a comma in place of the dot", "HTTP/1,1"),
        _malformed("a letter in place of the minor version", "HTTP/1.x"),
        _malformed("a letter after the version", "HTTP/1.1x"),
        _malformed("a plus sign", "HTTP/+1.1"),
        _malformed("a minus sign", "HTTP/-1.1"),
        _malformed("a hexadecimal digit", "HTTP/1.A"),
        _malformed("a superscript digit", "HTTP/1.\xb9"),
        _malformed("a fullwidth digit", "HTTP/1.\xef\xbc\x91"),
        _malformed("HTTPS", "HTTPS/1.1"),
        _malformed("another protocol", "RTSP/1.0"),
        _malformed("a version before the version", "HTTP/1.0 HTTP/1.1"),
        _malformed("an empty version", ""),
        refused("HTTP/0.9: no version at all", b"GET /\r\n\r\n", GRAMMAR),
    ],
)
