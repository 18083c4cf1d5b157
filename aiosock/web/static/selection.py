"""Selection: the entries of a directory that a query asks for, in its order; and the same in little memory."""

import marshal
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Final
from unicodedata import normalize

from aiosock.web.request import Request
from aiosock.web.static.tree import Entry

BATCH: Final = 1000
"""Entries that are shown on a page, or written at a time: some 20 ms of work, and 100 KiB of JSON."""

COLUMNS: Final = ("name", "size", "modified")

_NUMBER = re.compile(r"[0-9]+")


class Selection:
    """The entries whose names contain `q` of the query, sorted by its `sort` and `order`; directories first."""

    def __init__(self, request: Request, entries: Iterable[Entry]) -> None:
        self.text: str = request.query.get("q", "")
        sort = request.query.get("sort", "name")
        self.sort: str = sort if sort in COLUMNS else "name"
        self.is_descending: bool = request.query.get("order") == "desc"
        wanted = _fold_case(self.text)
        self.entries: list[Entry] = [entry for entry in entries if not wanted or wanted in _fold_case(entry.name)]
        self.entries.sort(key=natural_key)
        # Sorting is stable: entries of equal size stay in the order of names, also when sizes are descending.
        if self.sort != "name":
            self.entries.sort(key=attrgetter(self.sort), reverse=self.is_descending)
        elif self.is_descending:
            self.entries.reverse()
        self.entries.sort(key=lambda entry: not entry.is_directory)

    @property
    def is_small(self) -> bool:
        """Return whether all entries fit on one page."""
        return len(self.entries) <= BATCH


def packed(entries: Sequence[Entry]) -> list[bytes]:
    """Return entries in batches for `unpacked`. They take a tenth of their memory, while a client reads slowly."""
    batches = (entries[start : start + BATCH] for start in range(0, len(entries), BATCH))
    return [zlib.compress(marshal.dumps([tuple(entry) for entry in batch]), 1) for batch in batches]


def unpacked(batches: Iterable[bytes]) -> Iterator[Sequence[Entry]]:
    """Yield the entries of each batch."""
    for batch in batches:
        yield [Entry(*fields) for fields in marshal.loads(zlib.decompress(batch))]


def natural_key(entry: Entry) -> tuple[str, str]:
    """Return a sort key that puts `file 9` before `file 10`: each number is preceded by its number of digits.

    The key is made of strings, because Python compares them much faster than lists of numbers and strings, and no other
    thread runs during a comparison.
    """
    return _NUMBER.sub(_with_digit_count, _fold_case(entry.name)), entry.name


def _with_digit_count(number: re.Match[str]) -> str:
    digits = number[0].lstrip("0")
    return f"0{chr(len(digits))}{digits}"


def _fold_case(name: str) -> str:
    """Return a name for comparison: without case, and with accents composed; macOS decomposes them."""
    return normalize("NFC", name).casefold()
