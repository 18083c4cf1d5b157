"""Trailer sections (RFC 9112 section 7.1.2, RFC 9110 section 6.5): no fields for framing, routing or authentication."""

from typing import Final

from aiosock.check.case import DECISION, Case, Level, chunked, in_category, unframed, valid

_RULE: Final = "RFC 9112 section 7.1.2"
_LIMITS: Final = "RFC 9110 section 6.5.1"

_REFUSED: Final = (
    # Framing.
    "Content-Length: 5",
    "Transfer-Encoding: chunked",
    "Connection: close",
    # Routing.
    "Host: other.example",
    # Authentication.
    "Authorization: Basic YTpi",
    "Proxy-Authorization: Basic YTpi",
    "Cookie: a=b",
    "Set-Cookie: a=b",
)

_UNWANTED: Final = (
    # About the connection.
    "Keep-Alive: timeout=5",
    "Upgrade: websocket",
    "TE: trailers",
    "Trailer: X",
    # Modifiers of the request.
    "Max-Forwards: 0",
    "Expect: 100-continue",
    "Range: bytes=0-0",
    "Cache-Control: no-cache",
    "Pragma: no-cache",
    'If-Match: "a"',
    'If-None-Match: "a"',
    "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
    "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
    'If-Range: "a"',
    # The kind of content.
    "Content-Encoding: gzip",
    "Content-Type: text/html",
    "Content-Range: bytes 0-4/5",
    # What a server might have said.
    "Vary: Accept",
    "Date: Sun, 06 Nov 1994 08:49:37 GMT",
    "Content-MD5: XUFAKrxLKna5cZ2REBfFkg==",
    'ETag: "a"',
)


def _section(*lines: str) -> bytes:
    return b"5\r\nhello\r\n0\r\n" + "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n"


def _good(name: str, *lines: str, fields: tuple[str, ...] = ()) -> Case:
    return valid(name, chunked(_section(*lines), *fields), _RULE)


def _bad(name: str, *lines: str, ours: int = 400, level: Level = Level.SHOULD) -> Case:
    return unframed(name, chunked(_section(*lines)), _RULE if level is Level.SHOULD else DECISION, level, ours=ours)


CASES = in_category(
    "trailers",
    [
        _good("a trailer", "X-Checksum: 5d41402a"),
        _good("three trailers", "X-A: 1", "X-B: 2", "X-A: 3"),
        _good("an announced trailer", "X-Checksum: 1", fields=("Trailer: X-Checksum", "TE: trailers")),
        _good("an empty value", "X:"),
        _good("spaces and tabs around a value", "X: \t1\t "),
        _good("obs-text in a value", "X: \xe4\xf6\xfc"),
        _good("every token character in a name", "!#$%&'*+-.^_`|~09azAZ: 1"),
        valid("a trailer of 2000 bytes", chunked(_section("X: " + "1" * 2000)), _RULE, level=Level.SHOULD),
        _good("a value that looks like a request", "X: GET /?hidden HTTP/1.1"),
        valid("fifty trailers", chunked(_section(*[f"X-{n}: {n}" for n in range(50)])), _RULE, level=Level.SHOULD),
        *[
            unframed(f"{line.partition(':')[0]} in a trailer section", chunked(_section(line)), _LIMITS, Level.STRICT)
            for line in _REFUSED
        ],
        *[
            valid(
                f"{line.partition(':')[0]} in a trailer section, to be dropped",
                chunked(_section(line, "X: 1")),
                _RULE,
                level=Level.SHOULD,
            )
            for line in _UNWANTED
        ],
        unframed(
            "a forbidden field in capitals in a trailer section",
            chunked(_section("X: 1", "CONTENT-LENGTH: 5")),
            _LIMITS,
            Level.STRICT,
        ),
        _bad("space before the colon", "X : 1"),
        _bad("an empty name", ": 1"),
        _bad("a line without a colon", "X"),
        _bad("a request line", "GET /?hidden HTTP/1.1"),
        _bad("a request line and its Host", "GET /?hidden HTTP/1.1", "Host: localhost"),
        _bad("brackets in a name", "X[]: 1"),
        _bad("a raw byte above ASCII in a name", "\xe4: 1"),
        _bad("a folded line", "X: 1", " 2", level=Level.STRICT),
        _bad("a space before the first line", " X: 1"),
        _bad("NUL in a value", "X: a\x00b", level=Level.STRICT),
        _bad("ESC in a value", "X: a\x1bb", level=Level.STRICT),
        _bad("DEL in a value", "X: a\x7fb", level=Level.STRICT),
        _bad("LF ends a line", "X: 1\nY: 2", level=Level.STRICT),
        _bad("CR ends a line", "X: 1\rY: 2", level=Level.STRICT),
        _bad("LF is the blank line", "X: 1\r\n\nY: 2", level=Level.STRICT),
        _bad("a trailer of 33,500 bytes", "X: " + "1" * 33_500, ours=431, level=Level.STRICT),
        _bad("500 trailers", *["X: 1"] * 500, ours=431, level=Level.STRICT),
        unframed(
            "the input ends within a trailer",
            chunked(b"5\r\nhello\r\n0\r\nX: 1"),
            "RFC 9112 section 8",
            ends=True,
        ),
        unframed(
            "the input ends after a trailer",
            chunked(b"5\r\nhello\r\n0\r\nX: 1\r\n"),
            "RFC 9112 section 8",
            ends=True,
        ),
    ],
)
