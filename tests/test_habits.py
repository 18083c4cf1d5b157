"""Tests of what contributors rely on: the map of the tests, the names of the checks, what the stability page promises."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

CALLERS = [ROOT / ".github" / "CONTRIBUTING.md", ROOT / ".ci" / "run", *(ROOT / ".github" / "workflows").glob("*.yml")]
"""None of them is in an sdist."""


def sessions() -> dict[str, set[str]]:
    """Return the names of the sessions in noxfile.py, each with its tags."""
    found = {}
    for node in ast.parse((ROOT / "noxfile.py").read_text()).body:
        if isinstance(node, ast.FunctionDef):
            (decorator,) = node.decorator_list
            assert isinstance(decorator, ast.Call)
            given = {each.arg: ast.literal_eval(each.value) for each in decorator.keywords}
            found[node.name] = set(given.get("tags", []))
    return found


@pytest.mark.parametrize("caller", [path for path in CALLERS if path.exists()], ids=lambda path: path.name)
def test_who_calls_a_check_names_one_that_is_there(caller: Path) -> None:
    names, tags = sessions().keys(), set().union(*sessions().values())
    for option, name in re.findall(r"\bnox .*?(--session|-s|--tags|-t) (\w+)", caller.read_text(encoding="utf-8")):
        assert name in (tags if option in ("--tags", "-t") else names)


def test_what_only_reads_the_code_is_run_by_ci_as_well() -> None:
    assert all("ci" in tags for tags in sessions().values() if "static" in tags)


def test_the_map_of_the_tests_names_each_folder() -> None:
    rows = re.findall(r"^\| `([\w/]+)/` \|", (ROOT / "tests" / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/__init__.py")}
    folders |= {f"web/{path.parent.name}" for path in (ROOT / "tests" / "web").glob("*/__init__.py")}
    assert sorted(rows) == sorted(folders)


def test_the_stability_page_names_the_versions_of_python_that_are_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    classified = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
    page = (ROOT / "docs" / "reference" / "stability.md").read_text()
    (told,) = re.findall(r"^aiosock runs on CPython (.+?)\. ", page, re.MULTILINE)
    assert re.findall(r"3\.\d+", told) == classified
