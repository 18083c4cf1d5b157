"""Routes: how long the requests of each route took, as percentiles, in a fixed amount of memory.

Requests are counted many at once. Of very many, a random sample stands for all, so that the work has a limit, too.
"""

import random
from bisect import bisect
from collections.abc import Sequence
from typing import Final

from aiosock.observe import RequestRecord

MOST: Final = 200
"""The routes that are told apart; those that come later share a row."""

OTHERS: Final = ("", "all others")

STEPS: Final = 8
"""Buckets for each power of two: a percentile is wrong by 6 % at most."""

SAMPLE: Final = 50
"""Of more requests that have ended at once, so many are looked at, and each counts for several."""

BOUNDS: Final = [2.0**power * (STEPS + step) / STEPS * 1e-6 for power in range(34) for step in range(STEPS)]
"""Where one bucket ends and the next begins: from a microsecond to some hours, in seconds."""


class RouteFigures:
    """How many requests took how long: a count for each bucket; and how many got a status of 500 or above."""

    __slots__ = ("buckets", "failed")

    def __init__(self) -> None:
        self.buckets: dict[int, float] = {}
        self.failed: float = 0

    @property
    def count(self) -> float:
        """The number of requests."""
        return sum(self.buckets.values())

    def percentile(self, share: float) -> float:
        """Return the seconds within which this share of the requests was answered, such as 0.95; 0 for none."""
        wanted, seen = share * self.count, 0.0
        for bucket, count in sorted(self.buckets.items()):
            seen += count
            if seen >= wanted:
                return _middle(bucket)
        return 0.0


class Routes:
    """The routes of a server by method and pattern, MOST at most."""

    def __init__(self) -> None:
        self.figures: dict[tuple[str, str], RouteFigures] = {}

    def add(self, records: Sequence[RequestRecord], count: int = 0) -> None:
        """Count requests that have ended, `count` of which there are the last ones. Those without a route share a row."""
        count = max(count, len(records))
        if len(records) > SAMPLE:
            records = random.sample(records, SAMPLE)
        weight = count / len(records) if records else 0.0
        known = self.figures
        for record in records:
            # Without a route, the client chooses the method.
            key = (record.head.method, record.route) if record.route and record.head is not None else ("", "")
            figures = known.get(key) or self._new(key)
            bucket = bisect(BOUNDS, record.seconds)
            figures.buckets[bucket] = figures.buckets.get(bucket, 0) + weight
            if record.status >= 500:
                figures.failed += weight

    def _new(self, key: tuple[str, str]) -> RouteFigures:
        return self.figures.setdefault(key if len(self.figures) < MOST - 1 else OTHERS, RouteFigures())


def _middle(bucket: int) -> float:
    if bucket == 0:
        return BOUNDS[0] / 2
    return (BOUNDS[bucket - 1] + BOUNDS[min(bucket, len(BOUNDS) - 1)]) / 2
