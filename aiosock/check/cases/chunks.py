"""Chunks (RFC 9112 section 7.1): a size in hexadecimal, extensions, and data of that size; the last chunk has size 0."""

from typing import Final

from aiosock.check.case import (
    ANY_OR_NONE,
    DECISION,
    FOLLOWING,
    NOT_SERVED,
    SILENCE,
    Case,
    Demand,
    Following,
    Level,
    chunked,
    in_category,
    unframed,
    valid,
)

_RULE: Final = "RFC 9112 section 7.1"
_EXTENSION: Final = "RFC 9112 section 7.1.1"
_LAST: Final = b"0\r\n\r\n"


def _good(name: str, body: bytes, section: str = _RULE) -> Case:
    return valid(name, chunked(body), section)


def _extended(name: str, extension: str, level: Level = Level.MUST) -> Case:
    """Return a chunk with a valid extension: a recipient must ignore one that it does not know."""
    line = f"5{extension}\r\n".encode("latin-1")
    return valid(name, chunked(line + b"hello\r\n" + _LAST), _EXTENSION, level=level)


def _bad(name: str, body: bytes, *, ends: bool = False) -> Case:
    return unframed(name, chunked(body), _RULE, ends=ends)


def _size(name: str, size: str) -> Case:
    """Return a chunk of five bytes whose size is written as `size`."""
    return _bad(name, size.encode("latin-1") + b"\r\nhello\r\n" + _LAST)


def _overflow(name: str, size: str, *, ends: bool = False) -> Case:
    """Return a chunk whose size may overflow to five: the server must not read a request after the first five bytes."""
    demands = (
        Demand(Level.MUST, _RULE, ANY_OR_NONE, following=Following.REFUSED),
        Demand(Level.STRICT, DECISION, NOT_SERVED | {SILENCE}, closes=True, following=Following.REFUSED),
    )
    data = chunked(size.encode() + b"\r\nhello\r\n" + _LAST + (FOLLOWING if ends else b""))
    return Case(name, data, demands, 400, ("POST",), ends=ends)


def _malformed(name: str, extension: str, level: Level = Level.SHOULD, ours: int = 400) -> Case:
    line = f"5{extension}\r\n".encode("latin-1")
    section = DECISION if level is Level.STRICT else _EXTENSION
    return unframed(name, chunked(line + b"hello\r\n" + _LAST), section, level, ours=ours)


CASES = in_category(
    "chunks",
    [
        _good("one chunk", b"5\r\nhello\r\n" + _LAST),
        _good("two chunks", b"5\r\nhello\r\n6\r\n world\r\n" + _LAST),
        _good("no chunk but the last", _LAST),
        _good("forty chunks of one byte", b"1\r\nx\r\n" * 40 + _LAST),
        _good("a size in lower case", b"a\r\nhellohello\r\n" + _LAST),
        _good("a size in upper case", b"A\r\nhellohello\r\n" + _LAST),
        _good("a size of two digits in mixed case", b"1aB\r\n" + b"x" * 0x1AB + b"\r\n" + _LAST),
        _good("leading zeros", b"00005\r\nhello\r\n" + _LAST),
        _good("sixteen digits", b"0000000000000005\r\nhello\r\n" + _LAST),
        _good("a last chunk of several zeros", b"5\r\nhello\r\n000\r\n\r\n"),
        _good("line ends in the data", b"6\r\n\r\n\r\n\r\n\r\n" + _LAST),
        _good("data that looks like the last chunk", b"5\r\n0\r\n\r\n\r\n" + _LAST),
        _good("data that looks like a request", b"12\r\nGET / HTTP/1.1\r\n\r\n\r\n" + _LAST),
        _good("data of every byte", b"100\r\n" + bytes(range(256)) + b"\r\n" + _LAST),
        _good("a chunk of 3000 bytes", b"bb8\r\n" + b"x" * 3000 + b"\r\n" + _LAST),
        # Extensions.
        _extended("an extension", ";a"),
        _extended("an extension with a value", ";a=b"),
        _extended("an extension with an empty quoted value", ';a=""'),
        _extended("an extension with a quoted value", ';a="b c"'),
        _extended("a semicolon in quotes", ';a="b;c=d"'),
        _extended("an escaped quote in quotes", ';a="b\\"c"'),
        _extended("an escaped backslash in quotes", ';a="b\\\\"'),
        _extended("a tab in quotes", ';a="b\tc"'),
        _extended("obs-text in quotes", ';a="\xe4\xf6\xfc"'),
        _extended("several extensions", ';a;b=c;d="e"'),
        _extended("every token character in an extension", ";!#$%&'*+-.^_`|~09azAZ=!#$%&'*+-.^_`|~09azAZ"),
        _extended("an extension of 1000 bytes", ";a=" + "b" * 1000, Level.SHOULD),
        _good("an extension on the last chunk", b"5\r\nhello\r\n0;a=b\r\n\r\n", _EXTENSION),
        # Malformed sizes.
        _size("an empty size", ""),
        _size("a size of one space", " "),
        _size("0x", "0x5"),
        _size("0X", "0X5"),
        _size("x", "x5"),
        _size("h after the size", "5h"),
        _size("a plus sign", "+5"),
        _size("a minus sign", "-5"),
        _size("an underscore within the size", "0_5"),
        _size("an underscore after the size", "5_"),
        _size("a space before the size", " 5"),
        _size("a space after the size", "5 "),
        _size("a tab before the size", "\t5"),
        _size("a tab after the size", "5\t"),
        _size("VT after the size", "5\x0b"),
        _size("FF after the size", "5\x0c"),
        _size("NUL after the size", "5\x00"),
        _size("a no-break space after the size", "5\xa0"),
        _size("a comma", "5,5"),
        _size("a decimal point", "5.0"),
        _size("g", "g"),
        _size("quotes", '"5"'),
        _size("a superscript digit", "\xb2"),
        _size("a fullwidth digit", "\xef\xbc\x95"),
        # Sizes that are too large: an overflow must not make them small.
        _overflow("2 ** 64 + 5", "10000000000000005"),
        _overflow("2 ** 128 + 5", "100000000000000000000000000000005"),
        _overflow("500 digits", "f" * 500),
        _overflow("2 ** 63 + 5 is not negative", "8000000000000005", ends=True),
        _overflow("2 ** 64 - 1 is not minus one", "ffffffffffffffff", ends=True),
        _overflow("2 ** 32 + 5 is not five", "100000005", ends=True),
        unframed(
            "seventeen digits that are a small number",
            chunked(b"00000000000000005\r\nhello\r\n" + _LAST),
            DECISION,
            Level.STRICT,
        ),
        # Line ends.
        _bad("LF after the size", b"5\nhello\r\n" + _LAST),
        _bad("CR after the size", b"5\rhello\r\n" + _LAST),
        _bad("CR CR LF after the size", b"5\r\r\nhello\r\n" + _LAST),
        _bad("LF after the data", b"5\r\nhello\n" + _LAST),
        _bad("CR after the data", b"5\r\nhello\r" + _LAST),
        _bad("nothing after the data", b"5\r\nhello" + _LAST),
        _bad("LF CR after the data", b"5\r\nhello\n\r" + _LAST),
        _bad("two bytes that are not CRLF after the data", b"5\r\nhelloXX" + _LAST),
        _bad("a space after the data", b"5\r\nhello \r\n" + _LAST),
        _bad("an empty line between chunks", b"5\r\nhello\r\n\r\n" + _LAST),
        _bad("LF ends every line", b"5\nhello\n0\n\n"),
        _bad("LF after the last size", b"5\r\nhello\r\n0\n\r\n"),
        _bad("LF at the very end", b"5\r\nhello\r\n0\r\n\n"),
        _bad("CR at the very end", b"5\r\nhello\r\n0\r\n\rX"),
        _bad("an empty line before the first size", b"\r\n5\r\nhello\r\n" + _LAST),
        # Data that is longer or shorter than the size.
        _bad("more data than the size says", b"5\r\nhello world\r\n" + _LAST),
        _bad("less data than the size says", b"5\r\nhell\r\n" + _LAST),
        _bad("one byte more", b"4\r\nhello\r\n" + _LAST),
        _bad("a plain body", b"hello"),
        # Malformed extensions.
        _malformed("an empty extension", ";"),
        _malformed("an empty name", ";=b"),
        _malformed("an empty value", ";a="),
        _malformed("an empty extension before another", ";;a"),
        _malformed("two equals signs", ";a=b=c"),
        _malformed("an unclosed quote", ';a="b'),
        _malformed("something after the quotes", ';a="b"c'),
        _malformed("an escape at the end of the quotes", ';a="b\\"'),
        _malformed("brackets in a name", ";a[]=b"),
        _malformed("a comma in place of a semicolon", ",a=b"),
        _malformed("LF in an extension", ";a\nb"),
        _malformed("CR in an extension", ";a\rb"),
        _malformed("NUL in an extension", ";a\x00b"),
        _malformed("ESC in an extension", ";a\x1bb"),
        _malformed("LF in quotes", ';a="b\nc"'),
        _malformed("CR in quotes", ';a="b\rc"'),
        _malformed("CRLF in quotes", ';a="b\r\nc"'),
        _malformed("NUL in quotes", ';a="b\x00c"'),
        _malformed("DEL in quotes", ';a="b\x7fc"'),
        _malformed("an escaped control in quotes", ';a="b\\\x01c"'),
        _malformed("a raw byte above ASCII in a name", ";\xe4=b"),
        # Whitespace that the RFC calls bad. Recipients are known to read it in different ways.
        _malformed("a space before the semicolon", " ;a", Level.STRICT),
        _malformed("a space after the semicolon", "; a", Level.STRICT),
        _malformed("a space before the equals sign", ";a =b", Level.STRICT),
        _malformed("a space after the equals sign", ";a= b", Level.STRICT),
        _malformed("a space at the end", ";a=b ", Level.STRICT),
        _malformed("extensions without end", ";a=" + "b" * 33_500, Level.STRICT, ours=431),
        unframed(
            "short extensions on very many chunks",
            chunked(b"1;abcdefghijklmnop=abcdefghijklmnopqrstuvwxyz\r\nx\r\n" * 760 + _LAST),
            DECISION,
            Level.STRICT,
            ours=431,
        ),
        # The end of the input.
        _bad("the input ends before the first size", b"", ends=True),
        _bad("the input ends within a size", b"5", ends=True),
        _bad("the input ends after a size", b"5\r\n", ends=True),
        _bad("the input ends within the data", b"5\r\nhel", ends=True),
        _bad("the input ends after the data", b"5\r\nhello", ends=True),
        _bad("the input ends between chunks", b"5\r\nhello\r\n", ends=True),
        _bad("the input ends after the last size", b"5\r\nhello\r\n0\r\n", ends=True),
        _bad("the input ends within the last CRLF", b"5\r\nhello\r\n0\r\n\r", ends=True),
    ],
)
