"""Routes: how long the requests of each route took, as percentiles, in a fixed amount of memory.

Requests are counted many at once, by functions that are written in C: one by one would take three times as long.
"""

from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from operator import attrgetter
from typing import Final

from aiosock.observe import RequestRecord

MOST: Final = 200
"""The routes that are told apart; those that come later share a row."""

OTHERS: Final = ("", "all others")

STEPS: Final = 8
"""Buckets for each power of two: a percentile is wrong by 6 % at most."""

BOUNDS: Final = [2.0**power * (STEPS + step) / STEPS * 1e-6 for power in range(34) for step in range(STEPS)]
"""Where one bucket ends and the next begins: from a microsecond to some hours, in seconds."""

_Key = tuple[str, str, int, int]
"""Method, route, status, bucket."""

_method, _route, _status, _seconds = map(attrgetter, ("head.method", "route", "status", "seconds"))
_bucket = partial(bisect, BOUNDS)


class RouteFigures:
    """How many requests took how long: a count for each bucket; and how many got a status of 500 or above."""

    __slots__ = ("buckets", "failed")

    def __init__(self) -> None:
        self.buckets: Counter[int] = Counter()
        self.failed: int = 0

    @property
    def count(self) -> int:
        """The number of requests."""
        return self.buckets.total()

    def percentile(self, share: float) -> float:
        """Return the seconds within which this share of the requests was answered, such as 0.95; 0 for none."""
        wanted, seen = share * self.count, 0
        for bucket, count in sorted(self.buckets.items()):
            seen += count
            if seen >= wanted:
                return _middle(bucket)
        return 0.0


class Routes:
    """The routes of a server by method and pattern, MOST at most."""

    def __init__(self) -> None:
        self.figures: dict[tuple[str, str], RouteFigures] = {}

    def add(self, records: Sequence[RequestRecord]) -> None:
        """Count requests that have ended. Those without a route, such as a 404, share a row."""
        for (method, route, status, bucket), count in Counter(_keys(records)).items():
            # Without a route, the client chooses the method.
            figures = self._figures((method, route) if route else ("", ""))
            figures.buckets[bucket] += count
            if status >= 500:
                figures.failed += count

    def _figures(self, key: tuple[str, str]) -> RouteFigures:
        if key not in self.figures and len(self.figures) >= MOST - 1:
            key = OTHERS
        return self.figures.setdefault(key, RouteFigures())


def _keys(records: Iterable[RequestRecord]) -> Iterable[_Key]:
    """Return what is counted of each record."""
    valid = [record for record in records if record.head is not None]
    refused: list[_Key] = [("", "", record.status, 0) for record in records if record.head is None]
    # Four columns, each made by a loop in C.
    columns = zip(
        map(_method, valid), map(_route, valid), map(_status, valid), map(_bucket, map(_seconds, valid)), strict=True
    )
    return [*columns, *refused]


def _middle(bucket: int) -> float:
    if bucket == 0:
        return BOUNDS[0] / 2
    return (BOUNDS[bucket - 1] + BOUNDS[min(bucket, len(BOUNDS) - 1)]) / 2
