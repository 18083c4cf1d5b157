"""Describing entries of a directory: times, and the characters of names that a reader does not see or misreads."""

from datetime import UTC, datetime

from aiosock.log import CONTROL_ESCAPES
from aiosock.web.static.tree import Entry

CONTROLS = tuple(CONTROL_ESCAPES)
# Line and paragraph separators, and characters that reverse the direction of text: they can make `gpj.exe` look like
# `exe.jpg`.
MISLEADING = (0x2028, 0x2029, 0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))


def modified_at(entry: Entry) -> datetime:
    """Return when an entry was modified, or the nearest time that a calendar has."""
    return datetime.fromtimestamp(int(max(0.0, min(entry.modified, 253402300799.0))), UTC)
