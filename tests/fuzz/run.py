"""The longer run: the same properties for as long as you want, and a short input if one of them does not hold."""

import asyncio
import time
import zlib
from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final

from tests.fuzz.conversation import HANDLERS, check
from tests.fuzz.differences import differences
from tests.fuzz.properties import WIRE, Property
from tests.fuzz.strategies import Pieces, Rolled, cut, damaged, stream

STREAMS_PER_CONNECTION: Final = 8
"""Checking a connection takes a dozen runs, and as long as some dozen streams that only the parsers read."""

LONGEST: Final = 4096
"""Bytes of a stream: longer ones would reach limits, which the independent reader does not have."""

REDUCING_SECONDS: Final = 30.0


class Fuzzer:
    """Checks stream after stream. `failure` has the report on the first stream that broke a property."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._properties = dict(WIRE)
        for name in HANDLERS:
            self._properties[name] = partial(_converse, runner, name)
        self._began = time.monotonic()
        self._differences: Counter[str] = Counter()
        self.streams = 0
        self.connections = 0
        self.failure = ""

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def check(self, pieces: Pieces) -> bool:
        """Check the parsers with a stream, and sometimes a connection too; return whether all properties hold."""
        names = list(WIRE)
        if self.streams % STREAMS_PER_CONNECTION == 0:
            names.append(list(HANDLERS)[self.connections % len(HANDLERS)])
            self.connections += 1
        self.streams += 1
        return self._holds(names, pieces)

    def replay(self, pieces: Pieces) -> bool:
        """Check all properties with one stream."""
        self.streams = self.connections = 1
        return self._holds(list(self._properties), pieces)

    def _holds(self, names: list[str], pieces: Pieces) -> bool:
        for name in names:
            holds = self._properties[name]
            if broken(holds, pieces):
                pieces = reduced(pieces, holds)
                self.failure = _report(name, broken(holds, pieces), pieces)
                return False
        self._differences.update(f"{found.reader}: {found.said}" for found in differences(b"".join(pieces)))
        return True

    def summary(self) -> str:
        """Return a text: how much was checked, how fast, and how often we differed from other readers."""
        rate = self.streams / max(self.seconds, 1e-9)
        counts = [f"{count:8} {said}" for said, count in self._differences.most_common()]
        done = (
            f"{self.streams} streams in {self.seconds:.0f} s, {rate:.0f}/s; {self.connections} of them as connections"
        )
        return "\n".join(["listed differences:", *counts, done])


def run_random(fuzzer: Fuzzer, seconds: float, seed: int) -> bool:
    """Check random streams until the time is over; return whether all properties hold."""
    source = Rolled(Random(seed))
    while fuzzer.seconds < seconds:
        if not fuzzer.check(cut(source, stream(source)[:LONGEST])):
            return False
    return True


def pieces_of(data: bytes) -> Pieces:
    """Split a stream at places that depend on its bytes alone, for an engine that knows nothing but bytes."""
    return cut(Rolled(Random(zlib.crc32(data))), data)


def mutated(data: bytes, seed: int) -> bytes:
    """Damage a stream as the strategies do, for an engine that also has mutations of its own."""
    source = Rolled(Random(seed))
    return damaged(source, data or stream(source)) if seed % 8 else data + stream(source)


def _converse(runner: asyncio.Runner, name: str, pieces: Pieces) -> None:
    runner.run(check(name, pieces))


# Failures


def broken(holds: Property, pieces: Pieces) -> str:
    """Return a message if a property does not hold, else ""."""
    try:
        holds(pieces)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def reduced(pieces: Pieces, holds: Property, seconds: float = REDUCING_SECONDS) -> Pieces:
    """Remove bytes and split points from a stream as long as the property stays broken."""
    until = time.monotonic() + seconds
    size = sum(map(len, pieces))
    while size:
        shorter = _shorter(pieces, holds, size, until)
        size = min(size // 2, sum(map(len, shorter))) if shorter == pieces else min(size, sum(map(len, shorter)))
        pieces = shorter
    return pieces


def _shorter(pieces: Pieces, holds: Property, size: int, until: float) -> Pieces:
    """Try to remove each run of `size` bytes, and each split point."""
    stride = size if size > 16 else 1
    candidates: list[Callable[[Pieces, int], Pieces]] = [lambda pieces, at: _without(pieces, at, at + size), _joined]
    for candidate in candidates:
        at = sum(map(len, pieces))
        while at > 0 and time.monotonic() < until:
            at = max(0, at - stride)
            fewer = candidate(pieces, at)
            if fewer != pieces and broken(holds, fewer):
                pieces = fewer
    return pieces


def _without(pieces: Pieces, start: int, end: int) -> Pieces:
    kept, at = [], 0
    for piece in pieces:
        kept.append(piece[: max(0, start - at)] + piece[max(0, end - at) :])
        at += len(piece)
    return tuple(piece for piece in kept if piece)


def _joined(pieces: Pieces, at: int) -> Pieces:
    """Join the piece that ends at or after a place with the next one."""
    end = 0
    for index, piece in enumerate(pieces[:-1]):
        end += len(piece)
        if end > at:
            return (*pieces[:index], piece + pieces[index + 1], *pieces[index + 2 :])
    return pieces


def _report(name: str, how: str, pieces: Pieces) -> str:
    return "\n".join(
        [
            f"does not hold: {name}",
            how,
            f"pieces: {list(pieces)!r}",
            f"again:  python -m tests.fuzz --replay '{' '.join(piece.hex() for piece in pieces)}'",
        ]
    )
