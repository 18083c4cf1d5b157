"""Field lines (RFC 9110 section 5, RFC 9112 section 5): a token, a colon, and a value of visible bytes, spaces, tabs."""

from typing import Final

from aiosock.check.case import Case, Level, bare, in_category, post, refused, request, spelled, valid

_NAMES: Final = "RFC 9110 section 5.1"
_VALUES: Final = "RFC 9110 section 5.5"
_SPACE: Final = "RFC 9112 section 5.1"
_IGNORED: Final = "RFC 9110 section 5.1"

_TOKEN_MARKS: Final = "!#$%&'*+-.^_`|~"
_DELIMITERS: Final = '"(),/;<=>?@[\\]{}'

_BROWSER: Final = (
    "Connection: keep-alive",
    'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"',
    "sec-ch-ua-mobile: ?0",
    'sec-ch-ua-platform: "Linux"',
    "Upgrade-Insecure-Requests: 1",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Safari/537.36",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Sec-Fetch-Site: none",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
    'Cookie: a=1; b="two"; c=%7B%22k%22%3A1%7D; d=',
)


def _taken(name: str, *lines: str, section: str = _VALUES, level: Level = Level.MUST) -> Case:
    return valid(name, request(*lines), section, level=level)


def _spaced(name: str, *lines: str, body: bytes = b"") -> Case:
    """Return a request with whitespace between a name and its colon, which a server must refuse."""
    return refused(name, request(*lines, method="POST", body=body), _SPACE, Level.MUST, closing=Level.SHOULD)


CASES = in_category(
    "fields",
    [
        # Values.
        _taken("an empty value", "X:"),
        _taken("a value of one space", "X: "),
        _taken("a value of spaces and tabs", "X: \t \t"),
        _taken("no space after the colon", "X:1"),
        _taken("a tab after the colon", "X:\t1"),
        _taken("spaces and tabs around a value", "X: \t 1 \t "),
        _taken("spaces and tabs within a value", "X: 1 \t 2"),
        _taken("colons in a value", "X: ::a:b::"),
        _taken("every visible character in a value", "X: " + "".join(map(chr, range(0x21, 0x7F)))),
        _taken("every byte of obs-text in a value", "X: " + "".join(map(chr, range(0x80, 0x100))), level=Level.SHOULD),
        _taken("UTF-8 in a value", "X: gr\xc3\xbc\xc3\x9fe", level=Level.SHOULD),
        _taken("an unclosed quote in a value", 'X: "a'),
        _taken("an unclosed comment in a value", "X: (a"),
        _taken("a value of 7000 bytes", "X: " + "1" * 7000, level=Level.SHOULD),
        # Names.
        _taken("a name in lower case", "x-a: 1", section=_NAMES),
        _taken("a name in upper case", "X-ABC: 1", section=_NAMES),
        _taken("a name of digits", "123: 1", section=_NAMES),
        _taken("a name of 200 letters", "A" * 200 + ": 1", section=_NAMES, level=Level.SHOULD),
        _taken("a repeated field", "X: 1", "X: 2", "x: 3", section="RFC 9110 section 5.3"),
        *[_taken(f"{mark} in a name", f"X{mark}A: 1", section=_NAMES) for mark in _TOKEN_MARKS],
        valid("Host in lower case", bare("GET / HTTP/1.1", "host: localhost"), _NAMES),
        valid("Host in upper case", bare("GET / HTTP/1.1", "HOST: localhost"), _NAMES),
        valid("Host after other fields", bare("GET / HTTP/1.1", "X: 1", "Host: localhost"), "RFC 9110 section 5.3"),
        valid("Content-Length in mixed case", request("cOnTeNt-lEnGtH: 5", method="POST", body=b"hello"), _NAMES),
        # Requests as clients send them.
        _taken("a browser's fields", *_BROWSER),
        _taken("a minimal program's fields", "User-Agent: x/1.0", "Accept: */*"),
        valid(
            "a form as a browser posts it",
            post(
                b"a=1&b=%20", "Content-Type: application/x-www-form-urlencoded", "Origin: http://localhost", *_BROWSER
            ),
            _VALUES,
        ),
        _taken("two Cookie lines", "Cookie: a=1", "Cookie: b=2", section="RFC 6265 section 5.4"),
        # Fields that only look like others, and fields that a server ignores if it does not understand them.
        _taken("Content_Length is another field", "Content_Length: 50", section=_IGNORED),
        _taken("X-Content-Length is another field", "X-Content-Length: 50", section=_IGNORED),
        _taken("Content-Lengt is another field", "Content-Lengt: 50", section=_IGNORED),
        _taken("Content-Length: in a value is a value", "X: Content-Length: 50", section=_IGNORED),
        _taken("Transfer_Encoding is another field", "Transfer_Encoding: chunked", section=_IGNORED),
        _taken("X-Transfer-Encoding is another field", "X-Transfer-Encoding: chunked", section=_IGNORED),
        _taken("Content-Encoding does not frame", "Content-Encoding: chunked", section="RFC 9110 section 8.4"),
        _taken("TE does not frame", "TE: trailers, chunked", "Connection: TE", section="RFC 9110 section 10.1.4"),
        _taken("Trailer does not frame", "Trailer: X", section="RFC 9110 section 6.6.2"),
        _taken("X-Host is another field", "X-Host: other.example", section=_IGNORED),
        _taken("an invalid date", "If-Modified-Since: yesterday", section="RFC 9110 section 13.1.3"),
        _taken("an invalid range", "Range: bytes=abc", section="RFC 9110 section 14.2"),
        _taken("an unknown range unit", "Range: lines=1-2", section="RFC 9110 section 14.2"),
        _taken("an invalid Accept", "Accept: ;;,q=x", section="RFC 9110 section 12.5.1"),
        _taken("Max-Forwards for GET", "Max-Forwards: 0", section="RFC 9110 section 7.6.2"),
        _taken("an unknown upgrade", "Connection: Upgrade", "Upgrade: x/1", section="RFC 9110 section 7.8"),
        _taken("Keep-Alive", "Keep-Alive: timeout=5, max=100", section="RFC 9112 section 9.3"),
        _taken("Proxy-Connection", "Proxy-Connection: keep-alive", section="RFC 9112 section 9.3"),
        # Space before the colon: RFC 9112 section 5.1 leaves no choice.
        _spaced("space before the colon", "X : 1"),
        _spaced("tab before the colon", "X\t: 1"),
        _spaced("space before the colon of Content-Length", "Content-Length : 5", body=b"hello"),
        _spaced("tab before the colon of Content-Length", "Content-Length\t: 5", body=b"hello"),
        _spaced("space before the colon of Transfer-Encoding", "Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
        _spaced("space before the colon of Connection", "Connection : close"),
        refused(
            "space before the colon of Host",
            bare("GET / HTTP/1.1", "Host : localhost"),
            _SPACE,
            Level.MUST,
            closing=Level.SHOULD,
        ),
        # Invalid names.
        refused("an empty name", request(": 1"), _NAMES),
        refused("a colon alone", request(":"), _NAMES),
        refused("a line without a colon", request("X"), "RFC 9112 section 5"),
        refused("a request line among the fields", request("GET / HTTP/1.1"), "RFC 9112 section 5"),
        refused("space within a name", request("X A: 1"), _NAMES),
        refused("brackets after a name", request("X[]: 1"), _NAMES),
        *[refused(f"{spelled(ord(mark))} in a name", request(f"X{mark}A: 1"), _NAMES) for mark in _DELIMITERS],
        *[
            refused(f"{spelled(byte)} in a name", request(f"X{chr(byte)}A: 1"), _NAMES)
            for byte in (0x00, 0x01, 0x08, 0x0B, 0x0C, 0x1F, 0x7F, 0x80, 0xA0, 0xE9, 0xFF)
        ],
        refused("NUL before a name", request("\x00X: 1"), _NAMES),
        refused("NUL after a name", request("X\x00: 1"), _NAMES),
        refused("VT after the name of Content-Length", request("Content-Length\x0b: 5", body=b"hello"), _NAMES),
        refused("a no-break space after the name of Content-Length", request("Content-Length\xa0: 5"), _NAMES),
        # Controls in values: a recipient must refuse or replace NUL; it may keep the others (RFC 9110 section 5.5).
        *[
            refused(f"{spelled(byte)} in a value", request(f"X: a{chr(byte)}b"), _VALUES, Level.STRICT)
            for byte in [*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F]
        ],
        refused("NUL at the start of a value", request("X: \x00a"), _VALUES, Level.STRICT),
        refused("NUL at the end of a value", request("X: a\x00"), _VALUES, Level.STRICT),
    ],
)
