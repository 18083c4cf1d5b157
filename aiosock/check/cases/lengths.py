"""Content-Length (RFC 9110 section 8.6, RFC 9112 section 6.3): one field, with digits only."""

from typing import Final

from aiosock.check.case import (
    ANY_OR_NONE,
    DECISION,
    Case,
    Demand,
    Following,
    Level,
    in_category,
    post,
    refused,
    request,
    unframed,
    valid,
)

_RULE: Final = "RFC 9112 section 6.3"
_OVERFLOW: Final = "RFC 9110 section 8.6"
_HIDDEN: Final = b"GET /?hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"


def _lengths(*values: str, body: bytes = b"hello", method: str = "POST") -> bytes:
    return request(*[f"Content-Length: {value}" for value in values], method=method, body=body)


def _bad(name: str, *values: str) -> Case:
    return refused(name, _lengths(*values), _RULE, Level.MUST)


def _list(name: str, *values: str) -> Case:
    """Return a request with the same length twice. A recipient may accept it; aiosock does not trust its sender."""
    return refused(name, _lengths(*values), DECISION, Level.STRICT)


def _huge(name: str, value: str) -> Case:
    """Return a request with a length above 64 bits: an overflow must not make it small."""
    demands = (
        Demand(Level.MUST, _OVERFLOW, ANY_OR_NONE, following=Following.REFUSED),
        Demand(Level.STRICT, DECISION, frozenset({400, 413}), closes=True, following=Following.REFUSED),
    )
    return Case(name, _lengths(value), demands, 400, ("POST",))


CASES = in_category(
    "lengths",
    [
        valid("a length of zero", post(b""), _RULE),
        valid("a length of five", post(b"hello"), _RULE),
        valid("leading zeros", _lengths("00005"), _OVERFLOW),
        valid("nineteen digits that are a small number", _lengths("0" * 18 + "5"), _OVERFLOW),
        valid("spaces and tabs around the length", _lengths(" \t5\t "), "RFC 9112 section 5"),
        valid(
            "no space before the length",
            request("Content-Length:5", method="POST", body=b"hello"),
            "RFC 9112 section 5",
        ),
        valid("a body of 3000 bytes", post(b"hello\r\n\r\n" * 333 + b"end"), _RULE),
        valid("a body of every byte", post(bytes(range(256))), _RULE),
        valid("a body that looks like a request", post(_HIDDEN), _RULE),
        valid("a body that looks like the last chunk", post(b"0\r\n\r\n"), _RULE),
        valid("a body of line ends", post(b"\r\n\r\n\r\n"), _RULE),
        valid("GET with a length of zero", _lengths("0", body=b"", method="GET"), _RULE),
        valid("GET whose body looks like a request", post(_HIDDEN, method="GET"), _RULE),
        valid("POST without any length", request(method="POST"), _RULE, level=Level.SHOULD),
        # Not 1*DIGIT.
        _bad("an empty length", ""),
        _bad("a length of spaces", "  "),
        _bad("a plus sign", "+5"),
        _bad("a minus sign", "-5"),
        _bad("minus zero", "-0"),
        _bad("an underscore", "5_0"),
        _bad("hexadecimal", "0x5"),
        _bad("a hexadecimal digit", "5a"),
        _bad("octal", "0o5"),
        _bad("a decimal point", "5.0"),
        _bad("an exponent", "5e0"),
        _bad("a word", "five"),
        _bad("quotes", '"5"'),
        _bad("a space within", "1 5"),
        _bad("a tab within", "1\t5"),
        _bad("a semicolon", "5;"),
        _bad("a parameter", "5;a=b"),
        _bad("a percent sign", "5%"),
        _bad("a full stop", "5."),
        _bad("a comment", "5 (five)"),
        _bad("VT before the length", "\x0b5"),
        _bad("VT after the length", "5\x0b"),
        _bad("FF before the length", "\x0c5"),
        _bad("FF after the length", "5\x0c"),
        _bad("a group separator after the length", "5\x1d"),
        _bad("a no-break space after the length", "5\xa0"),
        _bad("a next-line control after the length", "5\x85"),
        _bad("a superscript digit", "\xb2"),
        _bad("a fullwidth digit", "\xef\xbc\x95"),
        _bad("an Arabic digit", "\xd9\xa5"),
        _bad("a no-break space in UTF-8", "5\xc2\xa0"),
        # RFC 9110 section 5.5 lets a recipient replace NUL with a space.
        refused("NUL after the length", _lengths("5\x00"), "RFC 9110 section 5.5", Level.STRICT),
        # More than one length.
        _bad("two lengths", "5", "6"),
        _bad("two lengths, the second zero", "5", "0"),
        _bad("two lengths, the first zero", "0", "5"),
        _bad("two lengths, the second not a number", "5", "x"),
        _bad("a list of different lengths", "5, 6"),
        _bad("a list of different lengths without a space", "5,6"),
        _bad("a list of three, one different", "5, 5, 6"),
        _bad("a list with something that is not a number", "5, x"),
        refused(
            "two lengths in different case",
            request("Content-Length: 5", "content-length: 6", method="POST", body=b"hello"),
            _RULE,
            Level.MUST,
        ),
        refused(
            "two lengths with fields between",
            request("Content-Length: 5", "X: 1", "Y: 2", "Content-Length: 6", method="POST", body=b"hello"),
            _RULE,
            Level.MUST,
        ),
        _list("two equal lengths", "5", "5"),
        _list("two lengths, the second empty", "5", ""),
        _list("two equal numbers spelled differently", "5", "05"),
        _list("a list of equal lengths", "5, 5"),
        _list("a list of equal lengths without a space", "5,5"),
        _list("a comma after the length", "5,"),
        _list("a comma before the length", ",5"),
        # Too large.
        _huge("2 ** 64 + 5", "18446744073709551621"),
        _huge("2 ** 64", "18446744073709551616"),
        _huge("2 ** 128 + 5", "340282366920938463463374607431768211461"),
        _huge("46 digits", "9" * 46),
        _huge("500 digits", "9" * 500),
        # The input ends before the body does (RFC 9112 section 8).
        unframed("the input ends within the body", _lengths("10"), "RFC 9112 section 8", ends=True),
        unframed("the input ends before the body", _lengths("10", body=b""), "RFC 9112 section 8", ends=True),
        unframed(
            "2 ** 32 + 5 is not five",
            _lengths("4294967301", body=b"hello" + _HIDDEN),
            _OVERFLOW,
            Level.MUST,
            ends=True,
            ours=413,
        ),
        unframed(
            "2 ** 63 is not negative",
            _lengths("9223372036854775808", body=_HIDDEN),
            _OVERFLOW,
            Level.MUST,
            ends=True,
            ours=413,
        ),
    ],
)
