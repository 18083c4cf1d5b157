"""Tests of aiosock.web.routing.splitting: the same splits as one regular expression finds, but in limited time."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock.web.routing.pattern import CONVERTORS, MAX_SPLIT_SEGMENT, compile_segment
from aiosock.web.routing.splitting import Splitter
from tests.web.costs import times_as_costly

SETTINGS = settings(max_examples=500, derandomize=True, deadline=None)
SLOWER = 300.0
"""Most times that a hostile segment may take of an ordinary one of 255 characters; before, it was 100,000."""

HOSTILE = [
    ("{a}-{b}-{c}.json", "-" * 255),
    ("{a}-{b}-{c}.json", "-" * 250 + ".json"),
    ("{a}-{b}-{c:int}", "-" * 255),
    ("{a}-{b}-{c:int}", "-" * 254 + "1"),
    ("{a:float}{b:float}{c:float}x", "1" * 255),
    ("{a:float}{b:float}{c:float}x", "1" * 253 + "-x"),
    ("{a:int}{b:int}{c:uuid}", "1" * 255),
    ("{a}{b:int}{c}", "x" * 255),
    ("{a}{b:uuid}{c:int}", "0" * 255),
    ("{a}{b:float}.{c}", "1x." * 85),
    ("{a:float}.{b:float}.{c:float}", "1." * 127),
    ("{a}{b}{c:int}", "1" * 254 + "x"),
    ("{a}--{b}--{c}--", "-" * 255),
    ("{a}-{b:int}", "-" * 255),
]


def combined(pattern: str, text: str) -> list[str] | None:
    """Return the split that one regular expression finds."""
    match = compile_segment(pattern, pattern, CONVERTORS).regex.fullmatch(text)
    return None if match is None else list(match.groups())


def split(pattern: str, text: str) -> list[str] | None:
    splitter = compile_segment(pattern, pattern, CONVERTORS).splitter
    assert splitter is not None
    return splitter.split(text)


PATTERNS = st.sampled_from(sorted({pattern for pattern, _ in HOSTILE} | {"v{a:int}.{b}", "{a}{b}", "{a}aa{b}aa{c}"}))


@given(PATTERNS, st.text("-1.xa\n", max_size=14))
@SETTINGS
def test_a_split_is_that_of_one_regular_expression(pattern: str, text: str) -> None:
    assert split(pattern, text) == combined(pattern, text)


@given(PATTERNS, st.lists(st.sampled_from(["-1", "1.5", "a", "x-", "aa", "--"]), min_size=3, max_size=3))
@SETTINGS
def test_a_path_that_fits_is_split_alike(pattern: str, values: list[str]) -> None:
    text = re.sub(r"\{[^}]*\}", lambda _: values.pop(), pattern)
    assert split(pattern, text) == combined(pattern, text)


@pytest.mark.parametrize("length", [50, 80])
def test_a_long_name_is_split_wherever_its_literals_are(length: int) -> None:
    parts = ["a" * length, "b" * length, "c" * length]
    assert split("{a}-{b}-{c}.json", "-".join(parts) + ".json") == parts


@pytest.mark.parametrize(("pattern", "text"), HOSTILE)
def test_hostile_text_takes_limited_time(pattern: str, text: str) -> None:
    assert len(text) <= MAX_SPLIT_SEGMENT
    parts = ["a" * 80, "b" * 80, "c" * 80]
    ordinary = "-".join(parts) + ".json"

    ratio = times_as_costly(lambda: split(pattern, text), lambda: split("{a}-{b}-{c}.json", ordinary), SLOWER)
    assert ratio < SLOWER


def test_the_number_of_places_that_are_tried_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    splitter = Splitter(["", "", "", ""], ["x+", "y", "x+"])
    text = "x" * 12 + "y" + "x"
    assert splitter.split(text) == ["x" * 12, "y", "x"]

    monkeypatch.setattr("aiosock.web.routing.splitting.MAX_TRIES", 2)
    assert splitter.split(text) is None
