"""Host (RFC 9110 section 7.2, RFC 9112 section 3.2): one field, with only a host and a port."""

from typing import Final

from aiosock.check.case import ACCEPTED, DECISION, Case, Demand, Level, bare, in_category, refused, spelled, valid

_RULE: Final = "RFC 9112 section 3.2"


def _with(*lines: str, version: str = "HTTP/1.1") -> bytes:
    return bare(f"GET / {version}", *lines)


def _good(name: str, host: str) -> Case:
    return valid(name, _with(f"Host: {host}"), "RFC 9110 section 7.2")


def _bad(name: str, host: str) -> Case:
    return refused(name, _with(f"Host: {host}"), _RULE, Level.MUST, closing=Level.STRICT)


def _unusual(name: str, host: str) -> Case:
    """Return a Host that the grammar of URIs allows but no real host has: a server need not serve it, but it is valid."""
    taken = Demand(Level.SHOULD, "RFC 3986 section 3.2.2", ACCEPTED | {421})
    return Case(name, _with(f"Host: {host}"), (taken,), 200)


def _doubtful(name: str, host: str) -> Case:
    """Return a Host that no real host has, or none at all; servers treat it in different ways."""
    return refused(name, _with(f"Host: {host}"), DECISION, Level.STRICT)


CASES = in_category(
    "hosts",
    [
        _good("a name", "example.com"),
        _good("a name and a port", "example.com:8080"),
        _good("a port with leading zeros", "localhost:00080"),
        _good("the highest port", "localhost:65535"),
        _good("a name in upper case", "EXAMPLE.COM"),
        _good("a trailing dot", "example.com."),
        _good("an underscore", "my_host"),
        _good("a tilde and a hyphen", "a-b~c"),
        _good("an IPv4 address", "127.0.0.1"),
        _good("an IPv6 address", "[::1]"),
        _good("an IPv6 address and a port", "[2001:db8::1]:8080"),
        _good("an IPv6 address with an IPv4 tail", "[::ffff:127.0.0.1]"),
        _good("punycode", "xn--9ca.example"),
        _good("a name of 253 characters", ".".join(["a" * 49] * 5 + ["bcd"])),
        valid("tabs and spaces around the host", _with("Host:\t localhost \t"), "RFC 9112 section 5"),
        # The number of Host fields.
        refused("no Host", _with(), _RULE, Level.MUST, closing=Level.STRICT),
        refused("no Host, but other fields", _with("X-Host: localhost"), _RULE, Level.MUST, closing=Level.STRICT),
        refused(
            "two equal Hosts", _with("Host: localhost", "Host: localhost"), _RULE, Level.MUST, closing=Level.STRICT
        ),
        refused("two Hosts", _with("Host: localhost", "Host: other"), _RULE, Level.MUST, closing=Level.STRICT),
        refused(
            "two Hosts in different case",
            _with("Host: localhost", "hOST: other"),
            _RULE,
            Level.MUST,
            closing=Level.STRICT,
        ),
        refused(
            "two Hosts with fields between",
            _with("Host: a", "X: 1", "Y: 2", "Host: a"),
            _RULE,
            Level.MUST,
            closing=Level.STRICT,
        ),
        refused(
            "two Hosts, the second empty", _with("Host: localhost", "Host:"), _RULE, Level.MUST, closing=Level.STRICT
        ),
        refused(
            "two Hosts in HTTP/1.0",
            _with("Host: a", "Host: b", version="HTTP/1.0"),
            _RULE,
            Level.MUST,
            closing=Level.STRICT,
        ),
        # The value of Host.
        _bad("path, query and userinfo", "a/b?c#@d"),
        _bad("a path", "localhost/"),
        _bad("a query", "localhost?a"),
        _bad("a fragment", "localhost#a"),
        _bad("userinfo", "user@localhost"),
        _bad("userinfo with a password", "user:pass@localhost"),
        _bad("a URL", "http://localhost/"),
        _bad("a space within", "local host"),
        _bad("a tab within", "local\thost"),
        _bad("a comma and a second host", "localhost, other"),
        _bad("a port that is a name", "localhost:http"),
        _bad("a port with a sign", "localhost:+80"),
        _bad("a negative port", "localhost:-1"),
        _bad("a port with a letter", "localhost:80a"),
        _bad("two ports", "localhost:80:80"),
        _bad("a port with a space", "localhost: 80"),
        _bad("a fullwidth port", "localhost:\xef\xbc\x98\xef\xbc\x90"),
        _bad("a superscript port", "localhost:\xb2"),
        _bad("an IPv6 address without brackets", "::1"),
        _bad("an open bracket", "[::1"),
        _bad("a closing bracket", "::1]"),
        _bad("empty brackets", "[]"),
        _bad("brackets around a name", "[localhost]"),
        _bad("brackets around an IPv4 address", "[127.0.0.1]"),
        _bad("an IPv6 address of nine groups", "[1:2:3:4:5:6:7:8:9]"),
        _bad("an IPv6 address with two gaps", "[1::2::3]"),
        _bad("an IPv6 address with a group of five digits", "[::12345]"),
        _bad("something after the brackets", "[::1]a"),
        _bad("something before the brackets", "a[::1]"),
        _bad("a percent sign that encodes nothing", "local%host"),
        *[_bad(f"{spelled(ord(mark))} in a host", f"local{mark}host") for mark in '"<>\\^`{|}[]'],
        *[_bad(f"{spelled(byte)} in a host", f"local{chr(byte)}host") for byte in (0x00, 0x01, 0x0B, 0x7F, 0x80, 0xE9)],
        _bad("UTF-8 in a host", "b\xc3\xbccher.example"),
        _doubtful("an empty Host", ""),
        _doubtful("a Host of spaces", "  "),
        _doubtful("a port alone", ":80"),
        _doubtful("a port above 65535", "localhost:65536"),
        _doubtful("a port of 20 digits", "localhost:00000000000000000080"),
        _doubtful("an address of a future version", "[v1.a]"),
        _doubtful("a zone", "[fe80::1%25eth0]"),
        # Hosts that are valid and rare.
        valid("an empty port", _with("Host: localhost:"), "RFC 3986 section 3.2.3"),
        _unusual("a percent-encoding", "local%68ost"),
        _unusual("percent-encoded UTF-8", "b%C3%BCcher.example"),
        *[_unusual(f"{mark} in a host", f"local{mark}host") for mark in "!$&'()*+,;="],
    ],
)
