"""docs/reference matches the code: options, names, logs. test_answers.py tests the answers."""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import aiosock
from aiosock import Config, Limits, Timeouts, testing
from aiosock.access_log import NAMES, AccessFormat
from aiosock.web import middleware
from docs.options import PAGE, options, page
from tests.records import Head

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"

DOCUMENTED = re.findall(r"^::: (\S+)$", (REFERENCE / "api.md").read_text(), re.MULTILINE)
LOG = (REFERENCE / "log.md").read_text()


def named(path: str) -> Any:
    """Return the object that a dotted path names."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


# Options.


def test_the_page_of_options_is_the_one_that_the_code_makes() -> None:
    assert PAGE.read_text() == page(), "run python -m docs.options"


def test_every_option_has_a_unit_a_help_and_its_default() -> None:
    there = {f"limits.{each.name}" for each in fields(Limits)} | {f"timeouts.{each.name}" for each in fields(Timeouts)}
    there |= {each.name for each in fields(Config)} - {"limits", "timeouts"}
    described = [option for group in (Config, Limits, Timeouts) for option in options(group)]

    assert {option.name for option in described} == there
    assert all(option.unit and option.help for option in described)


@pytest.mark.parametrize("group", [Limits, Timeouts])
def test_a_bound_that_is_on_has_a_precedent(group: type) -> None:
    assert [option.name for option in options(group) if option.default and not option.precedent] == []


# Names.


@pytest.mark.parametrize("module", [aiosock, testing, middleware])
def test_every_public_name_is_documented(module: Any) -> None:
    assert {f"{module.__name__}.{name}" for name in module.__all__} <= set(DOCUMENTED)


@pytest.mark.parametrize("path", DOCUMENTED)
def test_every_documented_name_is_there_and_says_what_it_is(path: str) -> None:
    thing = named(path)
    # An alias of a kind of function has no docstring, but a string below it in its module.
    assert inspect.getdoc(thing) or getattr(thing, "__module__", "") == "collections.abc"


def test_no_name_is_documented_twice() -> None:
    assert len(DOCUMENTED) == len(set(DOCUMENTED))


def test_every_name_that_pages_import_is_documented() -> None:
    imported = set()
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for module, names in re.findall(r"^from (aiosock[\w.]*) import ([\w, ]+)$", path.read_text(), re.MULTILINE):
            imported |= {f"{module}.{name.strip()}" for name in names.split(",")}

    assert {path for path in imported if not inspect.ismodule(named(path))} <= set(DOCUMENTED)


# Logs.


def messages() -> Iterator[str]:
    """Yield the messages that are logged anywhere in aiosock, as the page shows them."""
    for path in Path(aiosock.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and re.search(r"\b(server_)?logger\.\w+$", ast.unparse(node.func)):
                for message in node.args[:2]:
                    if isinstance(message, ast.Constant) and isinstance(message.value, str) and message.value != "%s":
                        yield re.sub(r"%[\d.]*\w", "…", message.value.partition("\n")[0])


def rows(first: str) -> list[list[str]]:
    """Return the rows of the table whose first heading is this word."""
    table = LOG.partition(f"\n| {first} |")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()[2:]]


def test_every_name_of_a_template_is_explained() -> None:
    assert sorted(row[0].strip("`") for row in rows("name")) == sorted(NAMES)


@pytest.mark.parametrize("form", ["combined", "json"])
def test_the_line_of_the_examples_is_the_one_shown(form: str) -> None:
    example = {row[0].strip("`"): row[2].strip("`") for row in rows("name")}
    fields = {"referer": example["referer"], "user-agent": example["user_agent"]}
    head = Head(example["method"], example["target"], example["version"], fields)
    answered = (head, int(example["status"]), int(example["bytes"]), example["client"], example["request_id"])
    log_format = AccessFormat(form)
    parts, digits = log_format.parts(answered, example["time"]), log_format.digits(int(float(example["seconds"]) * 1e6))

    assert f"`{parts[0]}{''.join(map(''.join, zip(digits, parts[1:], strict=True)))}`" in LOG


def test_every_message_is_explained_and_no_other() -> None:
    explained = {row[1].strip("`") for row in rows("level")}
    of_the_file = "cannot write the access log to …: …"  # logged with the text of the exception

    assert explained == {*messages(), of_the_file}


def test_every_logger_is_named() -> None:
    source = "".join(path.read_text() for path in Path(aiosock.__file__).parent.rglob("*.py"))

    assert {row[0].strip("`") for row in rows("logger")} == set(re.findall(r'getLogger\("(aiosock\.\w+)"\)', source))
