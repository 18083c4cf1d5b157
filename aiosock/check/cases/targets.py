"""Request-targets (RFC 9112 section 3.2): the four forms, and targets that have none of them."""

from typing import Final
from urllib.parse import urlsplit

from aiosock.check.answers import Outcome
from aiosock.check.case import (
    ACCEPTED,
    DECISION,
    NOT_SERVED,
    Case,
    Demand,
    Level,
    Trait,
    bare,
    in_category,
    refused,
    request,
    spelled,
    valid,
)

_LINE: Final = "RFC 9112 section 3"
_FORMS: Final = "RFC 9112 section 3.2"
_ORIGIN: Final = "RFC 9112 section 3.2.1"
_ABSOLUTE: Final = "RFC 9112 section 3.2.2"
_AUTHORITY: Final = "RFC 9112 section 3.2.3"
_ASTERISK: Final = "RFC 9112 section 3.2.4"


def _get(target: str) -> bytes:
    return request(target=target)


def _invalid(name: str, target: str, section: str = _LINE) -> Case:
    """Return an invalid request line: 400, or a redirect to the corrected target (RFC 9112 section 3)."""
    return refused(name, _get(target), section, Level.SHOULD, {400, 301}, closing=Level.STRICT)


def _hostless(name: str, target: str) -> Case:
    """Return a request for a URL with an empty host, which a server must reject as invalid."""
    return refused(name, _get(target), "RFC 9110 section 4.2.1", Level.MUST, {400, 421}, closing=Level.STRICT)


def _elsewhere(name: str, data: bytes) -> Case:
    """Return a URL that overrides the Host field: the server must ignore the field, but need not serve the URL's host."""
    taken = Demand(Level.MUST, _ABSOLUTE, ACCEPTED | {421})
    return Case(name, data, (taken,), 200)


def _misdirected(name: str, target: str) -> Case:
    """Return a URL of https, which a server without TLS rejects. It may trust a gateway, but it does not know us."""
    rejected = Demand(Level.SHOULD, "RFC 9110 section 7.4", NOT_SERVED)
    ours = Demand(Level.STRICT, DECISION, frozenset({421}))
    return Case(name, _get(target), (rejected, ours), 421)


def _no_text(name: str, target: str) -> Case:
    """Return a path whose bytes are not UTF-8: a file may have such a name, but a handler expects text."""
    return Case(name, _get(target), (Demand(Level.STRICT, DECISION, frozenset({400, 404})),), 400)


def _stays_here(outcome: Outcome) -> bool:
    """Return whether no redirect leads to another host. Browsers read `/\\host` as `//host`."""
    locations = [head.headers.get("location", "").replace("\\", "/") for head in outcome.answers]
    return not any("evil" in urlsplit(location).netloc for location in locations)


def _redirecting(name: str, target: str) -> Case:
    """Return a request for a path that a careless redirect would turn into another host."""
    here = Demand(Level.STRICT, "RFC 9110 section 17.1", ACCEPTED | {400}, trait=Trait("no other host", _stays_here))
    return Case(name, _get(target), (here,), 200)


def _tunnel(name: str, target: str, level: Level, section: str, ours: int = 400) -> Case:
    """Return a CONNECT request: a server that is not a proxy refuses it."""
    refusal = Demand(level, section, NOT_SERVED)
    return Case(name, request(method="CONNECT", target=target), (refusal,), ours, ("CONNECT",))


CASES = in_category(
    "targets",
    [
        # Origin-form.
        valid("a path", _get("/a/b.c"), _ORIGIN),
        valid("a query", _get("/?a=b&c=d"), _ORIGIN),
        valid("an empty query", _get("/?"), _ORIGIN),
        valid("slash and question mark in a query", _get("/?a/b?c"), _ORIGIN),
        valid("every character that a path may have", _get("/-._~!$&'()*+,;=:@"), "RFC 3986 section 3.3"),
        valid("percent-encodings in both cases", _get("/%c3%A9%20"), "RFC 3986 section 2.1"),
        valid("an encoded slash", _get("/a%2Fb"), "RFC 3986 section 2.2"),
        valid("a percent sign encoded twice", _get("/%252e%252e"), "RFC 3986 section 2.4"),
        valid("a path that looks like a URL", _get("/http://evil.example/"), _ORIGIN),
        valid("empty segments", _get("//a///b"), _ORIGIN),
        valid("a stray percent sign in a query", _get("/?100%"), "WHATWG URL section 4.1", level=Level.STRICT),
        valid(
            "characters that browsers do not encode in a query",
            _get("/?a=|^`{}[]\\"),
            "WHATWG URL section 1.3",
            level=Level.STRICT,
        ),
        _redirecting("two slashes and a host", "//evil.example"),
        _redirecting("two slashes, a host and a path", "//evil.example/.."),
        _redirecting("slash, backslash and a host", "/\\evil.example/"),
        _redirecting("an encoded slash and a host", "/%2fevil.example/"),
        # Absolute-form.
        valid("a URL", _get("http://localhost/"), _ABSOLUTE),
        valid("a URL without a path", _get("http://localhost"), _ABSOLUTE),
        valid("a URL with a query and no path", _get("http://localhost?a=b"), _ABSOLUTE),
        valid("a URL with path and query", _get("http://localhost/a?b"), _ABSOLUTE),
        valid("a scheme and host in upper case", _get("HTTP://LOCALHOST/"), "RFC 3986 section 3.1"),
        valid(
            "a URL with a port",
            bare("GET http://localhost:8080/ HTTP/1.1", "Host: localhost:8080"),
            _ABSOLUTE,
        ),
        refused(
            "a URL and no Host field",
            bare("GET http://localhost/ HTTP/1.1"),
            _FORMS,
            Level.MUST,
            closing=Level.STRICT,
        ),
        _elsewhere("a URL of another host than the Host field", _get("http://other.example/")),
        _elsewhere("a URL of another port than the Host field", _get("http://localhost:8080/")),
        valid("a URL with the default port", _get("http://localhost:80/"), "RFC 3986 section 6.2.3"),
        valid("a URL with an empty port", _get("http://localhost:/"), "RFC 3986 section 6.2.3"),
        valid(
            "a URL, and the default port in the Host field",
            bare("GET http://localhost/ HTTP/1.1", "Host: localhost:80"),
            "RFC 3986 section 6.2.3",
        ),
        refused(
            "a URL and an invalid Host field",
            bare("GET http://localhost/ HTTP/1.1", "Host: local/host"),
            _FORMS,
            Level.MUST,
            closing=Level.STRICT,
        ),
        _misdirected("a URL of https without TLS", "https://localhost/"),
        _misdirected("a URL of HTTPS with a port", "HTTPS://LOCALHOST:443/a"),
        _hostless("a URL without a host", "http:///a"),
        _hostless("a URL with a port alone", "http://:80/"),
        refused("a URL with userinfo", _get("http://user@localhost/"), "RFC 9110 section 4.2.4", closing=Level.STRICT),
        refused("a URL with a password", _get("http://u:p@localhost/"), "RFC 9110 section 4.2.4", closing=Level.STRICT),
        _invalid("a URL with a backslash in its host", "http://localhost\\@evil.example/", "RFC 3986 section 3.2.2"),
        _invalid("a URL whose port is not a number", "http://localhost:x/", "RFC 3986 section 3.2.3"),
        refused("a URL whose port is above 65535", _get("http://localhost:65536/"), DECISION, Level.STRICT),
        _invalid("a URL with one slash", "http:/localhost/"),
        _invalid("a URL with no slash", "http:localhost"),
        refused("a URL of another scheme", _get("ftp://localhost/"), DECISION, Level.STRICT),
        refused("a URL of a file", _get("file:///etc/passwd"), DECISION, Level.STRICT),
        # Authority-form.
        _tunnel("CONNECT to a host and port", "localhost:80", Level.STRICT, "RFC 9110 section 9.3.6", ours=501),
        _tunnel("CONNECT without a port", "localhost", Level.MUST, "RFC 9110 section 9.3.6"),
        _tunnel("CONNECT with an empty port", "localhost:", Level.MUST, "RFC 9110 section 9.3.6"),
        _tunnel("CONNECT to a port above 65535", "localhost:65536", Level.MUST, "RFC 9110 section 9.3.6"),
        _tunnel("CONNECT with a path", "/", Level.SHOULD, _AUTHORITY),
        _tunnel("CONNECT with a URL", "http://localhost:80/", Level.SHOULD, _AUTHORITY),
        _tunnel("CONNECT with userinfo", "user@localhost:80", Level.SHOULD, _AUTHORITY),
        _invalid("GET with host and port", "localhost:80", _AUTHORITY),
        # Asterisk-form.
        valid("OPTIONS of the whole server", request(method="OPTIONS", target="*"), _ASTERISK, ours=204),
        _invalid("GET with an asterisk", "*", _ASTERISK),
        refused(
            "POST with an asterisk",
            request(method="POST", target="*"),
            _ASTERISK,
            Level.SHOULD,
            {400, 301},
            closing=Level.STRICT,
        ),
        refused(
            "OPTIONS with an asterisk and more",
            request(method="OPTIONS", target="*?a"),
            _ASTERISK,
            Level.SHOULD,
            {400, 301},
            closing=Level.STRICT,
        ),
        # Targets in none of the four forms.
        _invalid("no leading slash", "index.html"),
        _invalid("a query alone", "?a=b"),
        _invalid("a leading backslash", "\\index.html"),
        _invalid("a fragment", "/#top"),
        _invalid("a fragment after a query", "/?a#top"),
        _invalid("a fragment in a URL", "http://localhost/#top"),
        _invalid("a percent sign at the end of a path", "/%", "RFC 3986 section 2.1"),
        _invalid("a percent sign with one digit", "/%4", "RFC 3986 section 2.1"),
        _invalid("a percent sign with no digits", "/%zz", "RFC 3986 section 2.1"),
        _invalid("a percent sign and a letter u", "/%u0041", "RFC 3986 section 2.1"),
        _no_text("an encoded path that is not UTF-8", "/%ff"),
        _no_text("an encoded slash in overlong UTF-8", "/%c0%af"),
        _invalid("a raw space in a path", "/a b"),
        _invalid("a raw space in a query", "/?a b"),
        _invalid("a word that looks like a version in a path", "/ HTTP/1.1"),
        *[
            _invalid(f"{spelled(byte)} in a path", f"/a{chr(byte)}b")
            for byte in [*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F]
        ],
        *[_invalid(f"raw {spelled(byte)} in a path", f"/a{chr(byte)}b") for byte in (0x80, 0xA0, 0xC3, 0xFF)],
        _invalid("raw UTF-8 in a query", "/?\xc3\xa9"),
    ],
)
