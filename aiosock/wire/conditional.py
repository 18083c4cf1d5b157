"""Validators and conditional requests (RFC 9110 sections 8.8 and 13), and the dates they use (section 5.6.7)."""

import re
from datetime import UTC, datetime

from aiosock.headers import Headers

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# section 5.6.7: the one form that is sent, then the two obsolete forms a recipient must read.
_IMF_FIXDATE = re.compile(r"[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT", re.ASCII)
_RFC_850 = re.compile(r"[A-Z][a-z]{5,8}, (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT", re.ASCII)
_ASCTIME = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})", re.ASCII)

_ENTITY_TAG = re.compile(r'(?:W/)?+"[\x21\x23-\x7e\x80-\xff]*+"')


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


def is_not_modified(request: Headers, etag: str, modified: float) -> bool:
    """Say whether a GET or HEAD is answered 304, for a representation with this strong tag and modification time.

    If-None-Match decides alone where it is there; If-Modified-Since only without it (RFC 9110 section 13.2.2).
    """
    tags = request.get("if-none-match")
    if tags is not None:
        return matches_weakly(tags, etag)
    since = request.get("if-modified-since")
    moment = parse_date(since) if since is not None else None
    return moment is not None and int(modified) <= moment


def matches_weakly(tags: str, etag: str) -> bool:
    """Say whether a list of entity-tags, or `*`, has `etag` by weak comparison (RFC 9110 section 8.8.3.2)."""
    if tags == "*":
        return True
    wanted = etag.removeprefix("W/")
    return any(tag.removeprefix("W/") == wanted for tag in _ENTITY_TAG.findall(tags))
