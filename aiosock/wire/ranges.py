"""Parts of a representation (RFC 9110 sections 14 and 15.3.7): which bytes a Range asks for, and how several are sent."""

import re
from typing import Final, NamedTuple

RANGES: Final = 100
"""Ranges in one request; a field with more is ignored, as one that is malformed. Apache: MaxRanges 200."""

GAP: Final = 80
"""Bytes between two ranges that are sent rather than left out: the head of another part is longer (section 15.3.7.2)."""

_FIELD = re.compile(r"bytes=[0-9, \t-]++", re.IGNORECASE)
_SPEC = re.compile(r"([0-9]*+)-([0-9]*+)")

_DIGITS: Final = 19
"""A number of more digits is beyond the end of every file; int() takes quadratic time for thousands."""


class Span(NamedTuple):
    """Bytes `start` to `stop`, without `stop`."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """How many."""
        return self.stop - self.start


def parse_range(field: str, size: int) -> list[Span] | None:
    """Give the spans that a Range field asks for of `size` bytes, in the order asked for.

    An empty list where none can be satisfied, which is a 416; None for a field that is to be ignored: malformed, in
    another unit, or with too many ranges. Spans that overlap or nearly touch are joined, so that what is sent is never
    more than the whole.
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
    """Join what overlaps, in the place of the first that was asked for (section 15.3.7.2): by sorting, n log n."""
    joined: list[tuple[int, Span]] = []
    for place, span in sorted(enumerate(spans), key=lambda item: item[1]):
        if joined and span.start <= joined[-1][1].stop + GAP:
            before, last = joined[-1]
            joined[-1] = min(before, place), Span(last.start, max(last.stop, span.stop))
        else:
            joined.append((place, span))
    return [span for _, span in sorted(joined)]


def content_range(span: Span | None, size: int) -> str:
    """Give a Content-Range value (section 14.4): of a part, or, without one, of an answer of 416."""
    return f"bytes */{size}" if span is None else f"bytes {span.start}-{span.stop - 1}/{size}"


def multipart_heads(spans: list[Span], size: int, content_type: str, boundary: str) -> list[bytes]:
    """Give what goes before each of several parts, and after the last (section 14.6).

    `boundary` must not occur in the representation: a random one does not.
    """
    heads = [
        f"\r\n--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: {content_range(span, size)}\r\n\r\n"
        for span in spans
    ]
    heads.append(f"\r\n--{boundary}--\r\n")
    heads[0] = heads[0].removeprefix("\r\n")
    return [head.encode("latin-1") for head in heads]
