"""Tests of aiosock.dev.reload.failure."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from aiosock.dev.reload.failure import Failure, failure_of, failure_response


def printed_by(path: Path, source: str) -> str:
    """Return what Python prints about a program that fails."""
    path.write_text(source)
    return subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False).stderr


def test_a_syntax_error_has_its_place_and_source(tmp_path: Path) -> None:
    program = tmp_path / "app.py"
    failure = failure_of(printed_by(program, "a = 1\n\ndef b(:\n    pass\n"), "")

    assert failure.summary == "SyntaxError: invalid syntax"
    assert failure.place == f"{program}, line 3"
    assert "\n>    3 def b(:\n" in failure.source
    assert "     1 a = 1\n" in failure.source


def test_the_place_is_the_last_line_of_the_program_not_that_of_a_library(tmp_path: Path) -> None:
    program = tmp_path / "app.py"
    failure = failure_of(printed_by(program, "import json\n\ndef read():\n    return json.loads('{')\n\nread()\n"), "")

    assert failure.summary.startswith("json.decoder.JSONDecodeError: ")
    assert failure.place == f"{program}, line 4"
    assert sysconfig.get_path("stdlib") not in failure.text
    assert "line 6, in <module>" in failure.text


def test_a_failure_only_in_libraries_is_shown_whole() -> None:
    text = f'Traceback (most recent call last):\n  File "{json.__file__}", line 1, in x\n    y\nKeyError: 1\n'

    assert failure_of(text, "").text == text


def test_a_message_of_several_lines_is_told_by_its_first(tmp_path: Path) -> None:
    failure = failure_of(printed_by(tmp_path / "app.py", "raise ValueError('one\\ntwo')"), "")

    assert failure.summary == "ValueError: one"
    assert failure.text.endswith("ValueError: one\ntwo\n")


def test_a_line_that_names_a_place_is_enough(tmp_path: Path) -> None:
    program = tmp_path / "app.py"
    program.write_text("a\nb\n")
    failure = failure_of(f"aiosock: error: {program}:2: no parameter of b is named id\n", "")

    assert failure.summary == f"{program}:2: no parameter of b is named id"
    assert failure.source == "     1 a\n>    2 b\n"


def test_a_program_that_says_nothing_ended_somehow() -> None:
    assert failure_of("", "the program ended with status 0 before it served requests") == Failure(
        "the program ended with status 0 before it served requests"
    )


@pytest.mark.parametrize(
    ("summary", "may_be"),
    [
        ("OSError: [Errno 98] Address already in use", True),
        ("sqlite3.OperationalError: database is locked", True),
        ("SyntaxError: invalid syntax", False),
        ("ModuleNotFoundError: No module named 'a'", False),
    ],
)
def test_a_predecessor_may_have_held_a_port_or_a_lock(summary: str, may_be: bool) -> None:
    assert failure_of(summary, "").may_be_of_a_predecessor is may_be


def test_a_file_that_is_gone_has_no_source() -> None:
    failure = failure_of('  File "/nowhere/app.py", line 3\nSyntaxError: x\n', "")

    assert (failure.place, failure.source) == ("/nowhere/app.py, line 3", "")


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("text/html,*/*;q=0.8", "text/html; charset=utf-8"),
        ("application/json", "application/problem+json"),
        ("*/*", "text/plain; charset=utf-8"),
    ],
)
def test_each_client_is_told_in_its_language(accept: str, content_type: str) -> None:
    failure = Failure("SyntaxError: x", "/a/app.py, line 3", ">    3 def b(\n", "SyntaxError: x")
    response = failure_response(failure, accept)

    assert response.status == 500
    assert response.headers["content-type"] == content_type
    assert response.headers["cache-control"] == "no-store"
    assert isinstance(response.body, bytes)
    for told in (b"SyntaxError: x", b"/a/app.py, line 3", b"3 def b("):
        assert told in response.body
