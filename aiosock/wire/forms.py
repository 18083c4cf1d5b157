"""Forms (RFC 7578, and the URL standard for urlencoded ones): bytes of a body in, fields and files out. No I/O.

`multipart.PushMultipartParser` finds the parts. This module adds checks whose result does not depend on how the input
is split, and turns the limits and errors of the parser into HTTPErrors.
"""

import re
from binascii import a2b_qp
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
_LATIN1: Final = frozenset({"iso-8859-1", "iso8859-1", "iso_8859-1", "latin-1", "latin1"})
"""The default of Apache HttpClient, for urlencoded forms and for the text of a part."""

_NOT_ENCODED: Final = frozenset({"7bit", "8bit", "binary"})
"""The values of Content-Transfer-Encoding that mean: as it is (RFC 2045 section 6.2)."""

_MEDIA_TYPE = re.compile(rf"([{TCHAR}]++/[{TCHAR}]++)[ \t]*+")
_PARAMETER = re.compile(
    rf';[ \t]*+(?:([{TCHAR}]++)=(?:([!#-:<-~]++)|"((?:[\t !#-\[\]-~\x80-\xff]|\\[{FIELD_CHAR}])*+)"))?+[ \t]*+'
)
"""RFC 9110 section 5.6.6; an empty parameter is allowed. A value without quotes may have any visible characters but `"`
and `;`, not only those of a token: many clients send a boundary such as `----=_Part_1` or `a/b` without quotes."""

_BOUNDARY = re.compile(r"[ -~]{0,69}[!-~]")
"""RFC 2046 section 5.1.1 allows fewer characters. Clients send `*****` and `{0}` too, and every reader compares bytes."""

_DISPOSITION_PARAMETER = re.compile(
    rf';[ \t]*+([{TCHAR}]++)[ \t]*+=[ \t]*+(?:"((?:[^"\\]|\\.)*+)"|([^;"]*+))', re.DOTALL
)

_EXTENDED = re.compile(r"(?i:(utf-8|iso-8859-1))'[^']*+'((?:[!-$&-~]|%[0-9A-Fa-f]{2})*+)")
"""RFC 8187 section 3.2.1: charset, language, and a value in percent-encodings; its other characters are not checked."""

_SWAPPED: Final = bytes.maketrans(b"%=", b"=%")


class FormType(NamedTuple):
    """The Content-Type of a form: the media type, in lower case, the boundary of a multipart form, and the charset."""

    media_type: str
    boundary: str
    charset: str = "utf-8"


class Segment(Protocol):
    """The head of a part as the library returns it; the library has no type hints."""

    name: str | None
    filename: str | None
    content_type: str | None
    charset: str | None
    headerlist: Sequence[tuple[str, str]]


class PartHead:
    """The head of a part. `filename` is as sent, and None for a plain field; `content_type` has no parameters.

    `charset` is that of the text of a plain field: utf-8 or iso-8859-1.
    """

    __slots__ = ("charset", "content_type", "filename", "headers", "name")

    def __init__(self, segment: Segment) -> None:
        """Read the fields of a part.

        Raises HTTPError: 400 for an invalid header field or a part without a name, 415 for text in another charset and
        for content in base64 or another transfer encoding.
        """
        try:
            # The fields of a part are UTF-8 (RFC 7578 section 5.1). Headers keeps bytes as ISO-8859-1.
            self.headers: Headers = Headers(
                [(name, value.encode().decode("latin-1")) for name, value in segment.headerlist]
            )
        except ResponseError:
            raise HTTPError(400, "A part of the form has a header field with a control character.") from None
        encoding = self.headers.get("content-transfer-encoding", "binary").lower()
        if encoding not in _NOT_ENCODED:
            # RFC 7578 section 4.7: no sender should use one. Go decodes quoted-printable, Django base64, and aiohttp
            # both.
            raise HTTPError(415, "A part of the form has a transfer encoding. Send it as it is.")
        # RFC 7578 section 4.2 asks for no name* and filename*, but programs send them, and the library does not know
        # them.
        extended = _extended_parameters(self.headers.get("content-disposition", ""))
        self.name: str = extended.get("name*") or segment.name or ""
        self.filename: str | None = extended.get("filename*") or segment.filename
        if self.filename is None and "filename*" in extended:
            self.filename = ""
        if not self.name:
            raise HTTPError(400, "A part of the form has no name.")
        self.content_type: str = segment.content_type or ("text/plain" if self.filename is None else OCTETS)
        self.charset: str = "utf-8" if self.filename is not None else _charset(segment.charset or "", _LATIN1)


OCTETS: Final = "application/octet-stream"
"""The media type of a file whose part has none. RFC 7578 section 4.4 says text/plain, but browsers never mean that."""


def _charset(label: str, others: frozenset[str] = frozenset()) -> str:
    """Return the charset of a label, for `bytes.decode`; raise HTTPError (415) unless it is UTF-8 or one of `others`."""
    if label.lower() in _UTF8:
        return "utf-8"
    if label.lower() in others:
        return "iso-8859-1"
    raise HTTPError(415, "The text of a form must be UTF-8.")


def _extended_parameters(disposition: str) -> dict[str, str]:
    """Return the parameters `name*` and `filename*` of a Content-Disposition, decoded; "" for a malformed one (RFC 8187)."""
    if "*" not in disposition:
        return {}
    found: dict[str, str] = {}
    for name, quoted, plain in _DISPOSITION_PARAMETER.findall(disposition):
        if name.lower() in ("name*", "filename*"):
            found.setdefault(name.lower(), _extended(quoted or plain.rstrip(" \t")))
    return found


def _extended(value: str) -> str:
    match = _EXTENDED.fullmatch(value)
    try:
        return unquote_to_bytes(match[2]).decode(match[1]) if match else ""
    except UnicodeDecodeError:
        return ""


def parse_form_type(value: str) -> FormType:
    """Parse the Content-Type of a form.

    Raises HTTPError: 415 for another media type or charset, 400 for malformed parameters or an invalid boundary.
    """
    media_type = value.partition(";")[0].strip(" \t").lower()
    if media_type not in (MULTIPART, URLENCODED):
        raise HTTPError(415, f"The body must have the content type {MULTIPART} or {URLENCODED}.")
    parameters = _parameters(value)
    charset = _charset(parameters.get("charset", ""), _LATIN1 if media_type == URLENCODED else frozenset())
    boundary = parameters.get("boundary", "")
    if media_type == MULTIPART and not _BOUNDARY.fullmatch(boundary):
        raise HTTPError(400, "The content type of the form has no valid boundary.")
    return FormType(media_type, boundary, charset)


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


def iterate_urlencoded(body: bytes, limits: Limits, charset: str = "utf-8") -> Iterator[tuple[str, str]]:
    """Yield the pairs of an urlencoded form: only `&` separates, `+` is a space, and a stray percent sign stays.

    Raises HTTPError: 413 for more pairs than `form_parts` or a pair longer than `form_field_bytes`, 400 for text that
    is not in `charset`.
    """
    if body.count(b"&") >= limits.form_parts:
        raise _too_many_parts(limits)
    for part in body.split(b"&"):
        if not part:
            continue
        if len(part) > limits.form_field_bytes:
            raise _too_long_field(limits)
        name, _, value = part.partition(b"=")
        yield decode_text(_unquoted(name), charset), decode_text(_unquoted(value), charset)


def _unquoted(data: bytes) -> bytes:
    """Decode percent-encodings as `unquote_to_bytes` does, in a small part of its time: that takes seconds for 16 MiB.

    The decoder of quoted-printable does the work: it decodes `=41`, and keeps the sign where it encodes nothing.
    """
    data = data.replace(b"+", b" ")
    if b"%" not in data:
        return data
    # The decoder would lose a sign at the end, before another sign and before a line end: these are encoded first.
    if data.endswith(b"%"):
        data += b"25"
    for follower in (b"%", b"%", b"\r", b"\n"):  # twice: in %%%, replace sees only one of the two pairs at a time
        data = data.replace(b"%" + follower, b"%25" + follower)
    # % and = change places for the decoder, and so do their encodings.
    data = data.replace(b"%3D", b"%3d").replace(b"%25", b"%3D").replace(b"%3d", b"%25")
    return a2b_qp(data.translate(_SWAPPED)).translate(_SWAPPED)


def decode_text(data: bytes, charset: str = "utf-8") -> str:
    """Decode the text of a form; raise HTTPError (400) if the bytes are not in the charset, which is nearly always UTF-8."""
    try:
        return data.decode(charset)
    except UnicodeDecodeError:
        raise HTTPError(400, "The form has text that is not UTF-8.") from None


class MultipartDecoder:
    """The decoder of a multipart/form-data body, which is fed the bytes as they arrive."""

    def __init__(self, boundary: str, limits: Limits, limit: int) -> None:
        """Make a decoder for a body with a valid boundary and at most `limit` bytes."""
        self._parser = PushMultipartParser(
            boundary, max_header_size=limits.form_header_bytes, max_header_count=limits.form_headers
        )
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        # The end of the preamble, which may be the start of the first delimiter; None once that has come.
        self._start: bytes | None = b"\r\n"
        self._preamble_left = limits.form_headers * limits.form_header_bytes  # no longer than the head of a part
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

        The iterator must be used up before the next call. Bytes before the first and after the last boundary are
        dropped (RFC 2046 section 5.1.1).

        Raises HTTPError: 413 above a limit, 400 for a malformed form, 415 for a field in a charset other than UTF-8 and
        ISO-8859-1, and for a part in a transfer encoding.
        """
        self._left -= len(data)
        if self._left < 0:
            raise too_long_form(self._limit)
        if self._start is not None:
            data = self._without_preamble(data)
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
        if self._start is not None and not self._delimiter.startswith(self._start):
            raise _no_boundary()
        try:
            self._parser.close()
        except MultipartError:
            raise HTTPError(400, "The form ends before its last boundary.") from None

    def _without_preamble(self, data: bytes) -> bytes:
        """Return the bytes from the first boundary on, and b"" before it has come.

        Raises HTTPError (400) for a preamble that is longer than the head of a part may be: the boundary is another
        one.
        """
        if self._start == b"\r\n" and data.startswith(self._delimiter[2:]):  # no preamble, as browsers send it
            self._start = None
            return data
        data = (self._start or b"") + data
        found = data.find(self._delimiter)
        dropped = found if found >= 0 else max(len(data) - len(self._delimiter) + 1, 0)
        self._preamble_left -= dropped
        if self._preamble_left < 0:
            raise _no_boundary()
        if found < 0:
            self._start = data[dropped:]
            return b""
        self._start = None
        return data[found + 2 :]

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


def _no_boundary() -> HTTPError:
    return HTTPError(400, "The form does not begin with its boundary.")


def _too_many_parts(limits: Limits) -> HTTPError:
    return HTTPError(413, f"The form has more than {limits.form_parts} parts.")


def _too_long_field(limits: Limits) -> HTTPError:
    return HTTPError(413, f"A field of the form is larger than the limit of {limits.form_field_bytes} bytes.")
