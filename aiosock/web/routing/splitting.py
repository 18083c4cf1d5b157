"""Splitting: one segment of a path between several parameters, such as `1-2.json` for `{a}-{b}.json`.

One regular expression for all of them would try every split: with three parameters, the time to fail grows with the
cube of the length. Here each parameter has its own, and no place is tried twice.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

MAX_TRIES: Final = 1000
"""Places that are tried for one segment, in about a millisecond. Only hostile text needs more; it is not found."""


class Splitter:
    """Splits texts: the `literals` stand before the parameters, the last one behind them all."""

    def __init__(self, literals: Sequence[str], regexes: Sequence[str]) -> None:
        first, *self._between, self._last = literals
        self._first: str = first
        self._regexes = [re.compile(regex, re.DOTALL) for regex in regexes]

    def split(self, text: str) -> list[str] | None:
        """Return the text of each parameter, the first ones as long as possible; None if the text does not fit."""
        start, end = len(self._first), len(text) - len(self._last)
        if start > end or not (text.startswith(self._first) and text.endswith(self._last)):
            return None
        search = _Search(text, end, self._regexes, self._between)
        return search.from_parameter(0, start)


class _Search:
    """The search for one text. `_tries` counts the places that it may still try."""

    __slots__ = ("_before_last", "_between", "_end", "_regexes", "_text", "_tries")

    def __init__(self, text: str, end: int, regexes: Sequence[re.Pattern[str]], between: Sequence[str]) -> None:
        self._text = text
        self._end = end
        self._regexes = regexes
        self._between = between
        self._tries = MAX_TRIES
        # Found once, for all places where the parameter before the last one may start.
        literal, last = between[-1], regexes[-1]
        self._before_last = [
            place for place in self._places(literal, 0) if last.fullmatch(text, place + len(literal), end)
        ]

    def from_parameter(self, index: int, start: int) -> list[str] | None:
        """Return the texts of the parameters from `index` on, which begin at `start`."""
        regex, literal = self._regexes[index], self._between[index]
        if not regex.match(self._text, start, self._end):
            return None
        is_before_last = index == len(self._between) - 1
        for place in self._before_last if is_before_last else self._places(literal, start):
            if place < start or self._tries == 0:
                return None
            self._tries -= 1
            if not regex.fullmatch(self._text, start, place):
                continue
            rest = place + len(literal)
            if is_before_last:
                return [self._text[start:place], self._text[rest : self._end]]
            if (others := self.from_parameter(index + 1, rest)) is not None:
                return [self._text[start:place], *others]
        return None

    def _places(self, literal: str, start: int) -> Iterator[int]:
        """Yield the places of a literal, the last one first."""
        place = self._text.rfind(literal, start, self._end)
        while place >= 0:
            yield place
            place = self._text.rfind(literal, start, place + len(literal) - 1) if place + len(literal) > start else -1


def splitter(literals: Iterable[str], regexes: Sequence[str]) -> Splitter | None:
    """Return a splitter for several parameters, None for one."""
    return Splitter(list(literals), regexes) if len(regexes) > 1 else None
