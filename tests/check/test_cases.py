"""Tests of the server: in whatever pieces a case arrives, its outcome is that of the table, and nothing is logged."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from aiosock.check import CASES, Case
from tests.check.app import app
from tests.check.driver import SHORT_BYTES, dripped_complaints, split_complaints, whole_complaints
from tests.check.special import SPECIAL
from tests.patience import PATIENCE

ALL = (*CASES, *SPECIAL)

categories = pytest.mark.parametrize("category", dict.fromkeys(case.category for case in ALL))

pytestmark = pytest.mark.usefixtures("quiet")


def cases_of(category: str) -> list[Case]:
    return [case for case in ALL if case.category == category]


def lines(complaints: Iterable[str]) -> str:
    return "\n".join(complaints)


@categories
async def test_a_case_sent_whole_comes_out_as_the_table_says(category: str) -> None:
    assert lines(await whole_complaints(app, cases_of(category))) == ""


@pytest.mark.costly
@categories
async def test_a_case_comes_out_the_same_byte_by_byte(category: str) -> None:
    assert lines(await dripped_complaints(app, cases_of(category))) == ""


@pytest.mark.costly
@categories
async def test_a_case_with_a_request_behind_it_comes_out_the_same_at_every_split_point(category: str) -> None:
    assert lines(await split_complaints(app, cases_of(category))) == ""


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in ALL if len(case.data) > SHORT_BYTES], ids=lambda case: case.name)
async def test_a_long_case_comes_out_the_same_at_every_split_point(case: Case) -> None:
    assert lines(await split_complaints(app, [case], every=True)) == ""


def test_the_cases_come_out_the_same_without_assertions() -> None:
    command = [sys.executable, "-O", "-m", "tests.check.driver"]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=PATIENCE, check=False
    )

    assert done.stdout == f"{len(CASES)} cases, 0 complaints\n"
    assert done.stderr == ""
    assert done.returncode == 0
