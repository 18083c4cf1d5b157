"""Range requests (RFC 9110 sections 14 and 15.3.7): the bytes that a Range asks for, and the heads of several parts."""

import re
from typing import Final, NamedTuple

RANGES: Final = 100
"""Most ranges in one request. A field with more is ignored, like a malformed one. Apache: MaxRanges 200."""

GAP: Final = 80
"""Ranges with a gap of up to this many bytes are joined: the head of another part would be longer (section 15.3.7.2)."""

_FIELD = re.compile(r"bytes=[0-9, \t-]++", re.IGNORECASE)
_SPEC = re.compile(r"([0-9]*+)-([0-9]*+)")

_DIGITS: Final = 19
"""A number with more digits is beyond the end of any file. `int` takes quadratic time for thousands of digits."""


class Span(NamedTuple):
    """The bytes from `start` up to, but not including, `stop`."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """The number of bytes."""
        return self.stop - self.start


def parse_range(field: str, size: int) -> list[Span] | None:
    """Return the spans that a Range field asks for, of a representation with `size` bytes, in the order of the field.

    Spans that overlap or nearly touch are joined, so that never more than the whole is sent. An empty list means 416:
    no range can be satisfied. None means that the field is ignored: it is malformed, in another unit, or has too many
    ranges.
    """
    if not _FIELD.fullmatch(field):
        return None
    spans: list[Span] = []
    specs = [spec for part in field[len("bytes=") :].split(",") if (spec := part.strip(" \t"))]
    if not specs or len(specs) > RANGES:
        return None
    for spec in specs:
        match = _SPEC.fullmatch(spec)
        if match is None:
            return None
        first, last = match.groups()
        if first:
            start, stop = _number(first), _number(last) + 1 if last else size
            if last and stop <= start:
                return None
        elif last:
            start, stop = max(size - _number(last), 0), size
        else:
            return None
        if start < min(stop, size):
            spans.append(Span(start, min(stop, size)))
    return _joined(spans)


def _number(digits: str) -> int:
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= _DIGITS else 10**_DIGITS


def _joined(spans: list[Span]) -> list[Span]:
    """Join spans that overlap or nearly touch, in the place of the first of them in the field (section 15.3.7.2)."""
    joined: list[tuple[int, Span]] = []
    for place, span in sorted(enumerate(spans), key=lambda item: item[1]):
        if joined and span.start <= joined[-1][1].stop + GAP:
            before, last = joined[-1]
            joined[-1] = min(before, place), Span(last.start, max(last.stop, span.stop))
        else:
            joined.append((place, span))
    return [span for _, span in sorted(joined)]


def content_range(span: Span | None, size: int) -> str:
    """Return the value of Content-Range (section 14.4): of a part, or of a 416 if `span` is None."""
    return f"bytes */{size}" if span is None else f"bytes {span.start}-{span.stop - 1}/{size}"


def multipart_heads(spans: list[Span], size: int, content_type: str, boundary: str) -> list[bytes]:
    """Return the head of each of several parts, and the delimiter after the last one (section 14.6).

    `boundary` must not occur in the representation; a random one will not.
    """
    heads = [
        f"\r\n--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: {content_range(span, size)}\r\n\r\n"
        for span in spans
    ]
    heads.append(f"\r\n--{boundary}--\r\n")
    heads[0] = heads[0].removeprefix("\r\n")
    return [head.encode("latin-1") for head in heads]
