"""Validators and conditional requests (RFC 9110 sections 8.8 and 13), and the dates they use (section 5.6.7)."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import Enum

from aiosock.headers import Headers

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Section 5.6.7: the one form that is sent, then the two obsolete forms that a recipient must read.
_IMF_FIXDATE = re.compile(r"[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT", re.ASCII)
_RFC_850 = re.compile(r"[A-Z][a-z]{5,8}, (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT", re.ASCII)
_ASCTIME = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})", re.ASCII)

# A tag must be at the start of the list, or after a comma or whitespace: `w/"a"` is not a tag.
_ENTITY_TAG = re.compile(r'(?<![^ \t,])(?:W/)?+"[\x21\x23-\x7e\x80-\xff]*+"')


def format_date(timestamp: float) -> str:
    """Return seconds since the epoch as an IMF-fixdate."""
    moment = datetime.fromtimestamp(int(timestamp), UTC)
    return f"{_DAYS[moment.weekday()]}, {moment:%d} {_MONTHS[moment.month - 1]} {moment:%Y %H:%M:%S} GMT"


def parse_date(value: str) -> int | None:
    """Return an HTTP date in seconds since the epoch, or None if it is not one: a recipient ignores an invalid date."""
    try:
        if match := _IMF_FIXDATE.fullmatch(value):
            day, month, year, *clock = match.groups()
        elif match := _RFC_850.fullmatch(value):
            day, month, short_year, *clock = match.groups()
            # A year of two digits. RFC 9110 reads one that seems over 50 years ahead as in the past, which takes a
            # clock; POSIX reads 69 and above as 19xx.
            year = f"{'19' if int(short_year) >= 69 else '20'}{short_year}"
        elif match := _ASCTIME.fullmatch(value):
            month, day, *clock, year = match.groups()
        else:
            return None
        hour, minute, second = (int(part) for part in clock)
        moment = datetime(int(year), _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp())


_OF_THE_CONTENT = frozenset({"content-type", "content-length", "content-encoding", "content-language", "content-range"})


class Verdict(Enum):
    """The result of the preconditions of a request (RFC 9110 section 13.2.2)."""

    PROCEED = "they are true, or there are none"
    NOT_MODIFIED = "304: the client already has the current representation"
    FAILED = "412: the current representation is not the one that the request is for"


def evaluate(request: Headers, method: str, etag: str, modified: float) -> Verdict:
    """Compare the preconditions of a request with the current representation.

    `etag` is its entity-tag, `modified` its modification time in seconds since the epoch. The order is that of RFC 9110
    section 13.2.2: a tag is used before a date, and an invalid date is ignored.
    """
    if (tags := request.get("if-match")) is not None:
        if not matches_strongly(tags, etag):
            return Verdict.FAILED
    elif (moment := _date_in(request, "if-unmodified-since")) is not None and int(modified) > moment:
        return Verdict.FAILED
    is_read = method in ("GET", "HEAD")
    if (tags := request.get("if-none-match")) is not None:
        if matches_weakly(tags, etag):
            return Verdict.NOT_MODIFIED if is_read else Verdict.FAILED
    elif is_read and (moment := _date_in(request, "if-modified-since")) is not None and int(modified) <= moment:
        return Verdict.NOT_MODIFIED
    return Verdict.PROCEED


def allows_range(request: Headers, etag: str, modified: float, now: float) -> bool:
    """Return whether If-Range allows a 206: the client's part is of the current representation (section 13.1.5).

    It takes a strong tag, or exactly the date of Last-Modified: the client joins the parts without comparing them.
    `now` and `modified` are in seconds since the epoch. A file that was modified in the second of `now` may have had
    two versions with that date, so the date is weak (section 8.8.2.2).
    """
    condition = request.get("if-range")
    if condition is None:
        return True
    if condition.endswith('"'):
        return condition == etag and not etag.startswith("W/")
    # Only the client knows whether it got its part in that second: it has the Date that came with the part.
    return int(modified) < int(now) and parse_date(condition) == int(modified)


def without_content(fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the fields of a 304: those of the 200, without those that describe its content (section 15.4.5)."""
    return [field for field in fields if field[0] not in _OF_THE_CONTENT]


def matches_weakly(tags: str, etag: str) -> bool:
    """Return whether a list of entity-tags, or `*`, has `etag` by weak comparison (RFC 9110 section 8.8.3.2)."""
    if tags == "*":
        return True
    wanted = etag.removeprefix("W/")
    return any(tag.removeprefix("W/") == wanted for tag in _ENTITY_TAG.findall(tags))


def matches_strongly(tags: str, etag: str) -> bool:
    """Return whether a list of entity-tags, or `*`, has `etag` by strong comparison: a weak tag equals no tag."""
    return tags == "*" or (not etag.startswith("W/") and etag in _ENTITY_TAG.findall(tags))


def _date_in(request: Headers, name: str) -> int | None:
    value = request.get(name)
    return None if value is None else parse_date(value)
