"""Limits (RFC 9110 sections 4.1 and 5.4, RFC 9112 section 3): sizes that must be accepted, and the status above them."""

from typing import Final

from aiosock.check.case import (
    ACCEPTED,
    CLIENT_ERRORS,
    DECISION,
    Case,
    Demand,
    Following,
    Level,
    in_category,
    request,
    valid,
)

_LINE: Final = "RFC 9112 section 3"
_FIELDS: Final = "RFC 9110 section 5.4"


def _sized(length: int) -> bytes:
    """Return a request whose request line has `length` octets, without its CRLF."""
    return request(target="/?" + "a" * (length - len("GET /? HTTP/1.1")))


def _too_large(name: str, data: bytes, level: Level, refusals: frozenset[int], section: str, ours: int) -> Case:
    """Return a large request: a server may accept it, or refuse it with one of `refusals`."""
    demands = (
        Demand(level, section, refusals | ACCEPTED),
        Demand(Level.STRICT, DECISION, frozenset({ours}), closes=True, following=Following.REFUSED),
    )
    return Case(name, data, demands, ours)


def _long_line(name: str, data: bytes) -> Case:
    return _too_large(name, data, Level.MUST, frozenset({414}), _LINE, 414)


def _long_fields(name: str, data: bytes) -> Case:
    return _too_large(name, data, Level.MUST, CLIENT_ERRORS, _FIELDS, 431)


CASES = in_category(
    "limits",
    [
        valid("a request line of 4000 octets", _sized(4000), _LINE, level=Level.SHOULD),
        valid("a request line of 8000 octets", _sized(8000), _LINE, level=Level.SHOULD),
        valid("a path of 2000 octets", request(target="/" + "a" * 2000), _LINE, level=Level.SHOULD),
        valid("a path of 500 segments", request(target="/a" * 500), _LINE, level=Level.SHOULD),
        valid("twenty fields", request(*[f"X-{number}: 1" for number in range(20)]), _FIELDS, level=Level.SHOULD),
        valid("a hundred fields", request(*[f"X-{number}: 1" for number in range(99)]), DECISION, level=Level.STRICT),
        valid("a hundred fields of one name", request(*["X: 1"] * 99), DECISION, level=Level.STRICT),
        valid("a cookie of 4096 bytes", request("Cookie: a=" + "b" * 4096), "RFC 6265 section 6.1", level=Level.SHOULD),
        valid(
            "fields of 8000 bytes in all",
            request(*[f"X-{n}: {'1' * 392}" for n in range(20)]),
            _FIELDS,
            level=Level.SHOULD,
        ),
        valid(
            "fields of 16,000 bytes in all",
            request(*[f"X-{n}: {'1' * 992}" for n in range(16)]),
            DECISION,
            level=Level.STRICT,
        ),
        _long_line("a request line of 8200 octets", _sized(8200)),
        _long_line("a request line of 33,500 octets", _sized(33_500)),
        _long_line("a path of 9000 octets", request(target="/" + "a" * 9000)),
        _long_line("a URL of 9000 octets", request(target="http://localhost/" + "a" * 9000)),
        _too_large("a request line without end", b"GET /" + b"a" * 9000, Level.MUST, frozenset({400, 414}), _LINE, 414),
        _too_large(
            "a method of 9000 letters",
            request(method="A" * 9000),
            Level.SHOULD,
            frozenset({414, 501, 400, 405}),
            _LINE,
            414,
        ),
        _too_large("empty lines without end", b"\r\n" * 4200, Level.STRICT, CLIENT_ERRORS, DECISION, 414),
        _long_fields("a field of 33,500 bytes", request("X: " + "1" * 33_500)),
        _long_fields("a name without end", request("X: 1")[:-2] + b"Y" * 33_500),
        _long_fields("fields of 33,500 bytes in all", request(*[f"X-{n}: {'1' * 992}" for n in range(34)])),
        _long_fields("a hundred and one fields", request(*[f"X-{number}: 1" for number in range(100)])),
        _long_fields("a thousand fields", request(*["X: 1"] * 1000)),
        _long_fields("fields without end", request(*["X: 1"] * 1000)[:-2]),
    ],
)
