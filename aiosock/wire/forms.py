"""Forms (RFC 7578, and the URL standard for urlencoded ones): bytes of a body in, fields and files out. No I/O.

`multipart.PushMultipartParser` finds the parts. It is asked here for what it does not decide in one way for every split of
the input, and every limit and error of it becomes an HTTPError that says what is wrong.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol
from urllib.parse import unquote_to_bytes

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from aiosock.config import Limits
from aiosock.errors import HTTPError, ResponseError
from aiosock.headers import FIELD_CHAR, TCHAR, Headers

MULTIPART: Final = "multipart/form-data"
URLENCODED: Final = "application/x-www-form-urlencoded"

_UTF8: Final = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})

_MEDIA_TYPE = re.compile(rf"([{TCHAR}]++/[{TCHAR}]++)[ \t]*+")
_PARAMETER = re.compile(
    rf';[ \t]*+(?:([{TCHAR}]++)=(?:([{TCHAR}]++)|"((?:[\t !#-\[\]-~\x80-\xff]|\\[{FIELD_CHAR}])*+)"))?+[ \t]*+'
)
"""RFC 9110 section 5.6.6; an empty parameter is allowed."""

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
"""RFC 2046 section 5.1.1."""


class FormType(NamedTuple):
    """What a Content-Type says of a form: its media type, in lower case, and the boundary of a multipart one."""

    media_type: str
    boundary: str


class Segment(Protocol):
    """What the library tells of a part; the library has no types."""

    name: str | None
    filename: str | None
    content_type: str | None
    charset: str | None
    headerlist: Sequence[tuple[str, str]]


class PartHead:
    """The head of a part. `filename` is as sent, None for a plain field; `content_type` has no parameters."""

    __slots__ = ("charset", "content_type", "filename", "headers", "name")

    def __init__(self, segment: Segment) -> None:
        """Raise HTTPError: 400 for a field that cannot stand in a head or has no name, 415 for text not in UTF-8."""
        try:
            # Names and values are UTF-8 here (RFC 7578 section 5.1); like all fields, they are kept as ISO-8859-1.
            self.headers: Headers = Headers(
                [(name, value.encode().decode("latin-1")) for name, value in segment.headerlist]
            )
        except ResponseError:
            raise HTTPError(400, "A part of the form has a header field with a control character.") from None
        self.name: str = segment.name or ""
        self.filename: str | None = segment.filename
        if not self.name:
            raise HTTPError(400, "A part of the form has no name.")
        self.content_type: str = segment.content_type or ("text/plain" if self.filename is None else OCTETS)
        if self.filename is None and (segment.charset or "").lower() not in _UTF8:
            raise HTTPError(415, "The text of a form must be UTF-8.")


OCTETS: Final = "application/octet-stream"
"""What a file is whose part does not say (RFC 7578 section 4.4 has text/plain, which browsers never mean)."""


def parse_form_type(value: str) -> FormType:
    """Read the Content-Type of a form.

    Raises HTTPError: 415 for another type or charset, 400 for a multipart one without one valid boundary.
    """
    media_type = value.partition(";")[0].strip(" \t").lower()
    if media_type not in (MULTIPART, URLENCODED):
        raise HTTPError(415, f"The body must have the content type {MULTIPART} or {URLENCODED}.")
    parameters = _parameters(value)
    if parameters.get("charset", "").lower() not in _UTF8:
        raise HTTPError(415, "The text of a form must be UTF-8.")
    boundary = parameters.get("boundary", "")
    if media_type == MULTIPART and not _BOUNDARY.fullmatch(boundary):
        raise HTTPError(400, "The content type of the form has no valid boundary.")
    return FormType(media_type, boundary)


def _parameters(value: str) -> dict[str, str]:
    found = _MEDIA_TYPE.match(value)
    end = found.end() if found else 0
    parameters: dict[str, str] = {}
    while found and end < len(value):
        found = _PARAMETER.match(value, end)
        if found is None or (found[1] or "").lower() in parameters:  # of two, others may take the other one
            break
        if found[1]:
            parameters[found[1].lower()] = found[2] or re.sub(r"\\(.)", r"\1", found[3] or "")
        end = found.end()
    if end < len(value) or not found:
        raise HTTPError(400, "The content type of the form is malformed.")
    return parameters


def parse_urlencoded(body: bytes, limits: Limits) -> list[tuple[str, str]]:
    """Give the pairs of an urlencoded form: `&` alone separates, `+` is a space, a stray percent sign is itself.

    Raises HTTPError: 413 for more pairs than `form_parts` or a longer one than `form_field_bytes`, 400 for bytes that are
    not UTF-8.
    """
    if body.count(b"&") >= limits.form_parts:
        raise _too_many(limits)
    pairs: list[tuple[str, str]] = []
    for part in body.split(b"&"):
        if not part:
            continue
        if len(part) > limits.form_field_bytes:
            raise _too_long_field(limits)
        name, _, value = part.partition(b"=")
        pairs.append((decode_text(_unquoted(name)), decode_text(_unquoted(value))))
    return pairs


def _unquoted(data: bytes) -> bytes:
    return unquote_to_bytes(data.replace(b"+", b" ")) if b"%" in data or b"+" in data else data


def decode_text(data: bytes) -> str:
    """Decode UTF-8; raise HTTPError (400) for what is none."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise HTTPError(400, "The form has text that is not UTF-8.") from None


class MultipartDecoder:
    """Takes a multipart/form-data body apart, as it comes."""

    def __init__(self, boundary: str, limits: Limits, limit: int) -> None:
        """Take a valid boundary; `limit` is for all bytes of the body."""
        self._parser = PushMultipartParser(
            boundary, max_header_size=limits.form_header_bytes, max_header_count=limits.form_headers
        )
        self._opening = b"--" + boundary.encode("ascii")
        self._start: bytes | None = b""
        self._limits = limits
        self._limit = limit
        self._left = limit
        self._parts = 0
        self._field_left: int | None = None
        self._longest = len(boundary) + 6  # CR LF - - boundary, and the two bytes behind it
        self._in_file = False
        # Within a file, bytes without a CR need no search for a boundary, which takes the parser half of its time.
        self._is_plain = False

    def feed(self, data: bytes) -> Iterator[PartHead | bytes | None]:
        """Give what is in the next bytes: the head of a part, its content piece by piece, None at its end, and so on.

        To be consumed before more is fed. What follows the last boundary is dropped (RFC 2046 section 5.1.1).

        Raises HTTPError: 413 beyond a limit, 400 for what is malformed, 415 for a field in another charset than UTF-8.
        """
        self._left -= len(data)
        if self._left < 0:
            raise too_long_form(self._limit)
        if self._start is not None:
            data = self._started(data)
        if self._is_plain and b"\r" not in data:
            yield data
            return
        try:
            for event in self._parser.parse(data) if data else ():
                if isinstance(event, MultipartSegment):
                    yield self._begun(event)
                    continue
                if event is None:
                    self._in_file = False
                elif self._field_left is not None:
                    self._field_left -= len(event)
                    if self._field_left < 0:
                        raise _too_long_field(self._limits)
                yield event
            # Where no CR is left that could begin a boundary, the parser holds nothing back.
            self._is_plain = self._in_file and len(data) > self._longest and b"\r" not in data[-self._longest :]
        except MultipartError as error:
            raise self._translated(error) from None

    def finish(self) -> None:
        """Hear that this was all; raise HTTPError (400) where the last boundary has not come."""
        try:
            self._parser.close()
        except MultipartError:
            raise HTTPError(400, "The form ends before its last boundary.") from None

    def _started(self, data: bytes) -> bytes:
        """Give the first bytes once they are the boundary's, b"" before that.

        RFC 2046 allows for a preamble, which no client sends. Accepting one, the parser would search for a boundary that
        never comes.
        """
        self._start = start = (self._start or b"") + data
        opening = b"\r\n" + self._opening if start.startswith(b"\r") else self._opening
        if not opening.startswith(start[: len(opening)]):
            raise HTTPError(400, "The form does not begin with its boundary.")
        if len(start) < len(opening):
            return b""
        self._start = None
        return start

    def _begun(self, segment: MultipartSegment) -> PartHead:
        self._parts += 1
        if self._parts > self._limits.form_parts:
            raise _too_many(self._limits)
        head = PartHead(segment)
        self._field_left = self._limits.form_field_bytes if head.filename is None else None
        # The parser compares a file with the length that its head may announce.
        self._in_file = head.filename is not None and "content-length" not in head.headers
        return head

    def _translated(self, error: MultipartError) -> HTTPError:
        if isinstance(error, ParserLimitReached):
            limits = self._limits
            detail = f"{limits.form_headers} header fields of {limits.form_header_bytes} bytes"
            return HTTPError(413, f"A part of a form may have {detail}.")
        return HTTPError(400, f"The form is malformed: {error.args[0]}.")


def too_long_form(limit: int) -> HTTPError:
    """Give what refuses a form of more than `limit` bytes."""
    return HTTPError(413, f"The form may have {limit} bytes.")


def _too_many(limits: Limits) -> HTTPError:
    return HTTPError(413, f"A form may have {limits.form_parts} parts.")


def _too_long_field(limits: Limits) -> HTTPError:
    return HTTPError(413, f"A field of a form may have {limits.form_field_bytes} bytes.")
