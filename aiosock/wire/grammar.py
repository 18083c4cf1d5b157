r"""The grammar of RFC 9110 and RFC 9112 as compiled patterns, each with its section.

Every repetition is possessive (`*+`, `++`), and two repetitions in a row never match the same byte. So each pattern
takes linear time on any input. The RFC's `OWS field-value OWS`, copied literally, would take quadratic time; here
whitespace is part of the value and is stripped afterwards.
"""

import re
from typing import Final

from aiosock.headers import FIELD_CHAR, TCHAR

_TCHAR: Final = TCHAR.encode()
_FIELD_CHAR: Final = FIELD_CHAR.encode()
_FIELD_LINE: Final = rb"[%b]++:[%b]*+\r\n" % (_TCHAR, _FIELD_CHAR)

TOKEN = re.compile(rb"[%b]++" % _TCHAR)
"""RFC 9110 section 5.6.2."""

EMPTY_LINES = re.compile(rb"(?:\r\n)*+")
"""RFC 9112 section 2.2: the empty lines that a server ignores before a request line."""

REQUEST_LINE = re.compile(rb"(?:\r\n)*+([%b]++) ([\x21-\x7e]++) HTTP/([0-9])\.([0-9])\r\n" % _TCHAR)
"""RFC 9112 section 3, with exactly one space between the parts. `HTTP` is case-sensitive (section 2.3)."""

STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2}) ([%b]*+)\r\n" % _FIELD_CHAR)
"""RFC 9112 section 4: the first line of a response."""

FIELD_LINE = re.compile(_FIELD_LINE)
"""RFC 9112 section 5: no space before the colon (5.1), no obs-fold (5.2)."""

FIELD_BLOCK = re.compile(rb"(?:%b)*+" % _FIELD_LINE)
"""Any number of field lines: one match validates a whole block."""

FRAMING_FIELDS = re.compile(
    rb"\n(host|content-length|transfer-encoding|connection|expect|upgrade):([^\r]*+)",
)
"""The fields that the server itself uses. It is for a valid block in lower case, with the line end before it."""

LINE = re.compile(rb"[^\n]*+\n|[^\n]++")
"""A line with its LF, or a last line without one. `bytes.splitlines` would also split at a bare CR."""

FORBIDDEN_IN_HEAD = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?=[^\n])")
"""Controls, a bare LF and a bare CR: bytes that are invalid whatever comes after them (RFC 9112 section 2.2)."""

CONTENT_LENGTH = re.compile(rb"[0-9]{1,19}+")
"""RFC 9110 section 8.6: 1*DIGIT. Any nineteen digits are below 2**64; more digits could overflow an integer elsewhere."""

HOST = re.compile(rb"(?:(?:[0-9A-Za-z\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})++|\[([0-9A-Fa-f:.]++)\])(?::([0-9]{0,5}+))?+")
"""RFC 9110 section 7.2: a name or address, and a port, which may be empty (RFC 3986 sections 3.2.2 and 3.2.3)."""

ABSOLUTE_FORM = re.compile(rb"(?i:https?)://([^/?#]++)([^#]*+)")
"""RFC 9112 section 3.2.2: authority, then path and query."""

BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
"""RFC 3986 section 2.1: a percent sign that encodes nothing."""

CHUNK_LINE = re.compile(
    rb'([0-9A-Fa-f]{1,16}+)((?:;[%b]++(?:=(?:[%b]++|"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[%b])*+"))?+)*+)\r\n'
    % (_TCHAR, _TCHAR, _FIELD_CHAR),
)
"""RFC 9112 section 7.1: size and extensions, without the whitespace that section 7.1.1 calls bad."""

CHUNK_LINE_START = re.compile(rb"[0-9A-Fa-f]{1,16}+[\r;]|[0-9A-Fa-f]{0,16}+\Z")
"""The start of a chunk line that is not complete: a malformed one is refused before its end arrives."""

_SMALL_SIZES: Final = range(1, 16)

SMALL_CHUNKS = re.compile(
    rb"(?s:0{0,15}+(?:%b)\r\n){1,1000}+" % b"|".join(b"[%x%X]\r\n.{%d}" % (size, size, size) for size in _SMALL_SIZES)
)
"""Whole chunks of 1 to 15 bytes, without extensions. At most a thousand: `bytes.join` takes 80 bytes for each."""

SMALL_CHUNK_DATA = re.compile(
    rb"(?s)0{0,15}+.\r\n(%b)\r\n" % b"|".join(b"(?<=[%x%X]\r\n).{%d}" % (size, size, size) for size in _SMALL_SIZES)
)
"""A chunk of such a run. The only group is its data, so `findall` returns the data of all chunks of a run."""
