"""Tests of the table itself, on which all other tests rely."""

import re

import pytest

from aiosock.check import CASES, Case
from aiosock.check.case import ACCEPTED, Following

SECTION = re.compile(r"RFC [0-9]{4} section [0-9.]+|WHATWG URL section [0-9.]+|docs/explanation/supported-http\.md")

CATEGORIES = {
    "methods", "targets", "versions", "lines", "fields", "hosts", "lengths", "codings", "chunks", "trailers",
    "connections", "expectations", "limits", "answers",
}  # fmt: skip


def named(case: Case) -> str:
    return f"{case.category}: {case.name}"


def test_the_table_has_at_least_300_cases_in_every_category() -> None:
    assert len(CASES) >= 300
    assert {case.category for case in CASES} == CATEGORIES


def test_every_id_is_unique() -> None:
    names = [named(case) for case in CASES]

    assert [name for name in names if names.count(name) > 1] == []


def test_no_case_repeats_another() -> None:
    contents = [(case.data, case.then, case.ends, case.demands) for case in CASES]

    assert [named(case) for case, content in zip(CASES, contents, strict=True) if contents.count(content) > 1] == []


@pytest.mark.parametrize("category", sorted(CATEGORIES))
def test_every_demand_names_a_section_or_a_decision(category: str) -> None:
    demands = [(named(case), demand.section) for case in CASES if case.category == category for demand in case.demands]

    assert [(name, section) for name, section in demands if not SECTION.fullmatch(section)] == []


def test_every_case_demands_something() -> None:
    assert [named(case) for case in CASES if not case.demands] == []


def test_our_own_status_is_one_that_every_demand_of_its_case_allows() -> None:
    assert [named(case) for case in CASES for demand in case.demands if case.ours not in demand.statuses] == []


def test_our_own_status_is_never_a_failure_of_the_server() -> None:
    assert {case.ours for case in CASES if case.ours >= 500} == {501, 505}


def test_what_closes_is_never_followed() -> None:
    demands = [demand for case in CASES for demand in case.demands if demand.closes]

    assert all(demand.following is Following.REFUSED for demand in demands)


def test_strictness_is_not_the_whole_story() -> None:
    valid = [case for case in CASES if case.ours in ACCEPTED]

    assert len(valid) > len(CASES) / 4
