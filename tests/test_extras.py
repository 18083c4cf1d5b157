"""Tests of the extras: the page about them, and the messages that ask for one."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiosock.errors import not_installed
from aiosock.wire import codings
from tests.docs.blocks import PAGES

ROOT = Path(__file__).parents[1]

EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
FOR_CONTRIBUTORS = {"test", "dev", "docs", "bench"}


def requirements(extra: str) -> set[str]:
    """Return what an extra requires, without conditions."""
    return {line.partition(";")[0] for line in EXTRAS[extra]}


def asked_for() -> Iterator[tuple[str, str]]:
    """Yield requirement and extra of each call of `not_installed` that names them."""
    for path in (ROOT / "aiosock").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "not_installed":
                _, requirement, extra = call.args
                if isinstance(requirement, ast.Constant) and isinstance(requirement.value, str):
                    yield requirement.value, ast.literal_eval(extra)


def test_the_page_lists_the_extras_with_their_libraries() -> None:
    page = (ROOT / "docs" / "how-to" / "install.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, re.MULTILINE))

    assert rows.keys() == EXTRAS.keys() - FOR_CONTRIBUTORS
    for extra, libraries in rows.items():
        for requirement in requirements(extra):
            assert requirement.partition(">")[0] in libraries


def test_a_message_names_a_requirement_of_the_extra_that_it_names() -> None:
    found = list(asked_for())
    assert {extra for _, extra in found} == {"uvloop", "typed", "sessions", "templates", "qr", "reload"}
    for requirement, extra in found:
        assert requirement in requirements(extra)
    assert set(codings._REQUIREMENTS.values()) == requirements("compress")


def test_the_message_names_the_extra_and_the_library() -> None:
    assert not_installed("--qr", "segno>=1.6", "qr") == (
        "--qr needs segno>=1.6: install aiosock-server with its extra 'qr', or run: pip install 'segno>=1.6'"
    )


@pytest.mark.parametrize("path", [*PAGES, *(str(path.relative_to(ROOT)) for path in (ROOT / "aiosock").rglob("*.py"))])
def test_nobody_is_told_to_install_the_package_of_another_project(path: str) -> None:
    told = re.findall(r"pip install [^\n`]*\baiosock\b(?!-server)[^\n`]*", (ROOT / path).read_text(encoding="utf-8"))
    assert told == []
