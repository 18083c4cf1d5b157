"""The drawing of the house matches the code, and so do the names of functions in docs/explanation."""

import ast
import re
from pathlib import Path

import pytest

from docs.house import DRAWING, PACKAGE, SAYS, drawing, floors, imports, is_built

ROOT = Path(__file__).parents[2]

TRAVELS = (ROOT / "docs" / "explanation" / "how-a-request-travels.md").read_text()
STEPS = re.findall(r"^\| (\d+) \| `([^`]+)`: `([^`]+)` \|", TRAVELS, re.MULTILINE)
IN_PASSING = re.findall(r"`([\w.]+)`\s+in\s+`(\w[\w/]+\.py)`", TRAVELS)


def source(path: str) -> Path:
    """Return the path of a file of the project; the package may be installed in another place."""
    return PACKAGE.parent / path if path.startswith("aiosock/") else ROOT / path


def functions(path: str) -> set[str]:
    """Return the functions of a file; a method has the name of its class before it."""
    found: set[str] = set()
    for node in ast.parse(source(path).read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}.{each.name}"
                for each in node.body
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
            }
    return found


def test_the_drawing_is_the_one_that_the_contract_makes() -> None:
    assert DRAWING.read_text() == drawing(), "run python -m docs.house"


def test_every_room_is_drawn() -> None:
    there = {path.stem for path in (PACKAGE).iterdir() if not path.name.startswith("_") and is_built(path.stem)}

    assert {room for rooms in floors() for room in rooms} == there == set(SAYS)


def test_every_room_imports_only_what_is_below_it() -> None:
    seen: set[str] = set()
    for rooms in reversed(floors()):
        for room in rooms:
            assert imports(room) <= seen, room
        seen |= set(rooms)


def test_the_table_of_rooms_has_every_room() -> None:
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text()

    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(SAYS)


@pytest.mark.parametrize(("number", "path", "function"), STEPS)
def test_a_step_of_the_request_is_where_the_page_says(number: str, path: str, function: str) -> None:
    assert function in functions(path), f"step {number}"


@pytest.mark.parametrize(("function", "path"), IN_PASSING)
def test_what_the_page_names_in_passing_is_there_too(function: str, path: str) -> None:
    assert function in functions(path)


def test_the_steps_are_counted_without_a_gap() -> None:
    assert [int(number) for number, _, _ in STEPS] == list(range(1, len(STEPS) + 1))
    assert len(IN_PASSING) >= 5


def test_the_index_of_decisions_names_every_decision() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text()

    for path in folder.glob("0*.md"):
        number, title = path.read_text().splitlines()[0].removeprefix("# ").split(". ", 1)
        assert f"{number}. [{title}]({path.name})" in index
