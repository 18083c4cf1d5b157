"""Validators and conditional requests (RFC 9110 sections 8.8 and 13), and the dates they use (section 5.6.7)."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import Enum

from aiosock.headers import Headers

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# section 5.6.7: the one form that is sent, then the two obsolete forms a recipient must read.
_IMF_FIXDATE = re.compile(r"[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT", re.ASCII)
_RFC_850 = re.compile(r"[A-Z][a-z]{5,8}, (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT", re.ASCII)
_ASCTIME = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})", re.ASCII)

# What stands before it is the start of the list or of a member: `w/"a"` is none.
_ENTITY_TAG = re.compile(r'(?<![^ \t,])(?:W/)?+"[\x21\x23-\x7e\x80-\xff]*+"')


def format_date(timestamp: float) -> str:
    """Give seconds since the epoch as an IMF-fixdate."""
    moment = datetime.fromtimestamp(int(timestamp), UTC)
    return f"{_DAYS[moment.weekday()]}, {moment:%d} {_MONTHS[moment.month - 1]} {moment:%Y %H:%M:%S} GMT"


def parse_date(value: str) -> int | None:
    """Give an HTTP date in seconds since the epoch, or None where it is none: a recipient ignores such a date."""
    try:
        if match := _IMF_FIXDATE.fullmatch(value):
            day, month, year, *clock = match.groups()
        elif match := _RFC_850.fullmatch(value):
            day, month, short_year, *clock = match.groups()
            # Two digits: RFC 9110 reads what seems over 50 years ahead as past; POSIX puts the break at 69.
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
    """What the preconditions of a request make of it (RFC 9110 section 13.2.2)."""

    PROCEED = "they hold, or there are none"
    NOT_MODIFIED = "304: the client has what it asks for"
    FAILED = "412: the representation is not the one that the client means to act on"


def evaluate(request: Headers, method: str, etag: str, modified: float) -> Verdict:
    """Weigh the preconditions of a request against the representation it would act on.

    `etag` is its current tag, `modified` its modification time in seconds since the epoch. The order is that of RFC 9110
    section 13.2.2: tags decide before dates, and a date that is none is ignored.
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


def allows_range(request: Headers, etag: str, modified: float) -> bool:
    """Say whether If-Range lets a Range be honoured: the client's part is of the same representation (section 13.1.5).

    Only a strong tag says so, or exactly the date of Last-Modified: clients compare neither, they join bytes.
    """
    condition = request.get("if-range")
    if condition is None:
        return True
    if condition.endswith('"'):
        return condition == etag and not etag.startswith("W/")
    return parse_date(condition) == int(modified)


def without_content(fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Give the fields of a 304: those of the 200, but none that describes a content which is not there (section 15.4.5)."""
    return [field for field in fields if field[0] not in _OF_THE_CONTENT]


def matches_weakly(tags: str, etag: str) -> bool:
    """Say whether a list of entity-tags, or `*`, has `etag` by weak comparison (RFC 9110 section 8.8.3.2)."""
    if tags == "*":
        return True
    wanted = etag.removeprefix("W/")
    return any(tag.removeprefix("W/") == wanted for tag in _ENTITY_TAG.findall(tags))


def matches_strongly(tags: str, etag: str) -> bool:
    """Say whether a list of entity-tags, or `*`, has `etag` by strong comparison: weak ones equal nothing."""
    return tags == "*" or (not etag.startswith("W/") and etag in _ENTITY_TAG.findall(tags))


def _date_in(request: Headers, name: str) -> int | None:
    value = request.get(name)
    return None if value is None else parse_date(value)
