"""docs/tutorial is right about its programs and about the source of aiosock."""

import ast
import importlib
import inspect
import re
import runpy
import textwrap
from html import escape
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "tutorial" / "from-socket-to-server.md").read_text(encoding="utf-8")
SOCKETS = ROOT / "examples" / "sockets"
PICTURES = ROOT / "docs" / "tutorial" / "sockets"

QUOTES = re.findall(
    r"^From \[`(\S+)`\]\(../../examples/sockets/\1\):\n\n```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
)
ROWS = re.findall(
    r"^\| `(\w+)` \| (\S+) \| (\S+)(?: (\S+))? \| [^|]+ \|$", PAGE.partition("## Where aiosock")[2], re.MULTILINE
)
CALLS = {
    *("socket", "getfqdn", "gethostbyname", "fromfd", "bind", "listen", "accept", "connect", "recv", "recvfrom"),
    *("send", "sendto", "close", "getsockopt", "setsockopt"),
}


def lines(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


def calls(node: ast.AST) -> set[str]:
    """Return the last names of the functions that a piece of source calls."""
    called = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
    return {found.attr if isinstance(found, ast.Attribute) else getattr(found, "id", "") for found in called}


def function(place: str, name: str) -> ast.AST:
    """Return a function, or Class.method, in a file of ours or in a module of Python."""
    if not place.endswith(".py"):
        found = importlib.import_module(place)
        for part in name.split("."):
            found = getattr(found, part)
        return ast.parse(textwrap.dedent(inspect.getsource(found)))
    scope: ast.AST = ast.parse((ROOT / place).read_text(encoding="utf-8"))
    for part in name.split("."):
        scope = next(node for node in ast.iter_child_nodes(scope) if getattr(node, "name", None) == part)
    return scope


def test_each_step_is_quoted() -> None:
    assert len(QUOTES) == PAGE.count("```python")
    assert {file.partition("/")[0] for file, _ in QUOTES} == {path.parent.name for path in SOCKETS.glob("*/main.py")}


@pytest.mark.parametrize(("file", "quoted"), QUOTES, ids=[file for file, _ in QUOTES])
def test_what_is_quoted_is_in_the_program(file: str, quoted: str) -> None:
    assert lines(quoted) in lines((SOCKETS / file).read_text(encoding="utf-8"))


def test_every_call_has_a_place() -> None:
    assert {call for call, *_ in ROWS} == CALLS
    assert len(ROWS) == PAGE.partition("## Where aiosock")[2].count("\n| `")


@pytest.mark.parametrize(("call", "made", "place", "name"), ROWS, ids=["-".join(row[::3]) for row in ROWS])
def test_the_call_is_where_the_table_says(call: str, made: str, place: str, name: str) -> None:
    if made == "-":
        ours = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "aiosock").glob("**/*.py")]
        assert not any(call in calls(module) for module in ours)
        return
    assert made.strip("`") in calls(function(place.strip("`"), name.strip("`")))


def test_every_diagram_is_shown_and_described() -> None:
    drawn = {
        path: re.findall("<title>(.*?)</title>", path.read_text(encoding="utf-8")) for path in PICTURES.glob("*.svg")
    }
    shown = {
        ROOT / "docs" / "tutorial" / path: [escape(text)] for text, path in re.findall(r"!\[(.*)\]\((\S+)\)", PAGE)
    }
    assert shown == drawn


def test_the_diagrams_are_those_that_the_program_draws() -> None:
    program = runpy.run_path(str(SOCKETS / "draw.py"))
    drawn = {f"{name}.svg": program["draw"](*diagram) for name, diagram in program["DIAGRAMS"].items()}
    assert {path.name: path.read_text(encoding="utf-8") for path in PICTURES.glob("*.svg")} == drawn


def test_every_link_leads_to_a_file() -> None:
    targets = re.findall(r"\]\((?!#)([^)#]+)", PAGE)
    assert [target for target in targets if not (ROOT / "docs" / "tutorial" / target).exists()] == []
