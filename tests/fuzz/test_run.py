"""Tests of the longer run: it ends, it is repeatable, and it reduces a failing stream."""

import asyncio
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fuzz.readers import by_aiosock
from tests.fuzz.run import Fuzzer, mutated, pieces_of, reduced, run_random
from tests.fuzz.strategies import SEEDS, Pieces

ROOT = Path(__file__).parents[2]


def fuzz(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fuzz", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def needs_an_x(pieces: Pieces) -> None:
    if b"x" in b"".join(pieces):
        raise ValueError("there is an x")


def needs_two_pieces(pieces: Pieces) -> None:
    assert len(pieces) < 2


def test_a_failure_is_reduced_to_the_bytes_that_cause_it() -> None:
    assert reduced((b"abc" * 50, b"abxc", b"abc" * 30), needs_an_x) == (b"x",)


def test_a_failure_keeps_the_cuts_that_cause_it() -> None:
    assert [len(piece) for piece in reduced((b"abc" * 50, b"abc", b"c" * 9), needs_two_pieces)] == [1, 1]


def test_a_run_checks_parsers_and_connections() -> None:
    with asyncio.Runner() as runner:
        fuzzer = Fuzzer(runner)
        assert run_random(fuzzer, 0.5, seed=1)
    assert fuzzer.streams > fuzzer.connections > 0
    assert "400 The host is not a name" in fuzzer.summary()


def test_a_run_reports_a_failure_with_the_input_to_repeat_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.run.WIRE", {"has no x": needs_an_x})
    with asyncio.Runner() as runner:
        fuzzer = Fuzzer(runner)
        assert not fuzzer.check((b"abc", b"xyz"))
    assert fuzzer.failure == (
        "does not hold: has no x\nValueError: there is an x\npieces: [b'x']\nagain:  python -m tests.fuzz --replay '78'"
    )


def test_what_an_engine_of_bytes_makes_is_the_same_for_the_same_bytes() -> None:
    assert {pieces_of(SEEDS[0]) for _ in range(5)} == {pieces_of(SEEDS[0])}
    assert {mutated(SEEDS[0], 7) for _ in range(5)} == {mutated(SEEDS[0], 7)}
    assert by_aiosock([mutated(SEEDS[0], 8)]).heads


@pytest.mark.skipif(find_spec("atheris") is not None, reason="atheris is installed")
def test_a_missing_engine_is_named_in_one_line() -> None:
    done = fuzz("--engine", "atheris")

    assert (done.returncode, done.stderr) == (2, "the engine atheris is not installed: pip install atheris\n")


def test_an_input_can_be_replayed() -> None:
    done = fuzz("--replay", "47 45")

    assert (done.returncode, done.stderr) == (0, "")
    assert "1 streams" in done.stdout
