"""Forms (RFC 7578, and the URL standard for urlencoded ones): bytes of a body in, fields and files out. No I/O.

`multipart.PushMultipartParser` finds the parts. This module adds checks whose result does not depend on how the input is
split, and turns the limits and errors of the parser into HTTPErrors.
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
    """The Content-Type of a form: the media type, in lower case, and the boundary of a multipart form."""

    media_type: str
    boundary: str


class Segment(Protocol):
    """The head of a part as the library returns it; the library has no type hints."""

    name: str | None
    filename: str | None
    content_type: str | None
    charset: str | None
    headerlist: Sequence[tuple[str, str]]


class PartHead:
    """The head of a part. `filename` is as sent, and None for a plain field; `content_type` has no parameters."""

    __slots__ = ("charset", "content_type", "filename", "headers", "name")

    def __init__(self, segment: Segment) -> None:
        """Raise HTTPError: 400 for an invalid header field or a part without a name, 415 for text that is not UTF-8."""
        try:
            # The fields of a part are UTF-8 (RFC 7578 section 5.1). Headers keeps bytes as ISO-8859-1.
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
"""The media type of a file whose part has none. RFC 7578 section 4.4 says text/plain, but browsers never mean that."""


def parse_form_type(value: str) -> FormType:
    """Parse the Content-Type of a form.

    Raises HTTPError: 415 for another media type or charset, 400 for malformed parameters or an invalid boundary.
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
        # A repeated parameter is refused: another program may take the other value.
        if found is None or (found[1] or "").lower() in parameters:
            break
        if found[1]:
            parameters[found[1].lower()] = found[2] or re.sub(r"\\(.)", r"\1", found[3] or "")
        end = found.end()
    if end < len(value) or not found:
        raise HTTPError(400, "The content type of the form is malformed.")
    return parameters


def parse_urlencoded(body: bytes, limits: Limits) -> list[tuple[str, str]]:
    """Return the pairs of an urlencoded form: only `&` separates, `+` is a space, and a stray percent sign stays.

    Raises HTTPError: 413 for more pairs than `form_parts` or a pair longer than `form_field_bytes`, 400 for text that is
    not UTF-8.
    """
    if body.count(b"&") >= limits.form_parts:
        raise _too_many_parts(limits)
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
    """Decode UTF-8; raise HTTPError (400) if the bytes are not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise HTTPError(400, "The form has text that is not UTF-8.") from None


class MultipartDecoder:
    """The decoder of a multipart/form-data body, which is fed the bytes as they arrive."""

    def __init__(self, boundary: str, limits: Limits, limit: int) -> None:
        """Make a decoder for a body with a valid boundary and at most `limit` bytes."""
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
        self._boundary_bytes = len(boundary) + 6  # CR LF - - boundary, and the two bytes after it
        self._in_file = False
        # Whether the next bytes are content of a file if they have no CR. They then need no parser, which would search
        # them for a boundary.
        self._is_plain = False

    def feed(self, data: bytes) -> Iterator[PartHead | bytes | None]:
        """Yield the parts in the next bytes: the head of a part, the pieces of its content, and None at its end.

        The iterator must be used up before the next call. Bytes after the last boundary are dropped (RFC 2046 section
        5.1.1).

        Raises HTTPError: 413 above a limit, 400 for a malformed form, 415 for a field in a charset other than UTF-8.
        """
        self._left -= len(data)
        if self._left < 0:
            raise too_long_form(self._limit)
        if self._start is not None:
            data = self._checked_start(data)
        if self._is_plain and b"\r" not in data:
            yield data
            return
        try:
            for event in self._parser.parse(data) if data else ():
                if isinstance(event, MultipartSegment):
                    yield self._part_head(event)
                    continue
                if event is None:
                    self._in_file = False
                elif self._field_left is not None:
                    self._field_left -= len(event)
                    if self._field_left < 0:
                        raise _too_long_field(self._limits)
                yield event
            # If no CR at the end could begin a boundary, the parser holds no bytes back.
            end = data[-self._boundary_bytes :]
            self._is_plain = self._in_file and len(data) > self._boundary_bytes and b"\r" not in end
        except MultipartError as error:
            raise self._http_error(error) from None

    def finish(self) -> None:
        """End the body; raise HTTPError (400) if the last boundary has not come."""
        try:
            self._parser.close()
        except MultipartError:
            raise HTTPError(400, "The form ends before its last boundary.") from None

    def _checked_start(self, data: bytes) -> bytes:
        """Return the first bytes of the body when they hold a whole boundary, and b"" before that.

        Raises HTTPError (400) if the body begins with anything else. RFC 2046 allows a preamble, but no client sends one,
        and to skip it the parser would have to search the body for a boundary that may never come.
        """
        self._start = start = (self._start or b"") + data
        opening = b"\r\n" + self._opening if start.startswith(b"\r") else self._opening
        if not opening.startswith(start[: len(opening)]):
            raise HTTPError(400, "The form does not begin with its boundary.")
        if len(start) < len(opening):
            return b""
        self._start = None
        return start

    def _part_head(self, segment: MultipartSegment) -> PartHead:
        self._parts += 1
        if self._parts > self._limits.form_parts:
            raise _too_many_parts(self._limits)
        head = PartHead(segment)
        self._field_left = self._limits.form_field_bytes if head.filename is None else None
        # A part may have a Content-Length; the parser must then see all of its content to compare the two.
        self._in_file = head.filename is not None and "content-length" not in head.headers
        return head

    def _http_error(self, error: MultipartError) -> HTTPError:
        if isinstance(error, ParserLimitReached):
            most, longest = self._limits.form_headers, self._limits.form_header_bytes
            return HTTPError(
                413, f"A part of the form has more than {most} header fields, or one longer than {longest} bytes."
            )
        return HTTPError(400, f"The form is malformed: {error.args[0]}.")


def too_long_form(limit: int) -> HTTPError:
    """Return the error for a form of more than `limit` bytes."""
    return HTTPError(413, f"The form is larger than the limit of {limit} bytes.")


def _too_many_parts(limits: Limits) -> HTTPError:
    return HTTPError(413, f"The form has more than {limits.form_parts} parts.")


def _too_long_field(limits: Limits) -> HTTPError:
    return HTTPError(413, f"A field of the form is larger than the limit of {limits.form_field_bytes} bytes.")
