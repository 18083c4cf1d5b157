"""Tests of aiosock.web.debug.source: whose code it is, its lines, and the link to the editor."""

import linecache
import os
import sys
import traceback
import types
from pathlib import Path

import msgspec
import pytest

import aiosock
from aiosock.web.debug import source
from aiosock.web.debug.source import EDITORS, Place, Span, lines_around, span_of


@pytest.mark.parametrize(
    ("file", "is_own"),
    [
        (__file__, True),
        ("/srv/app/main.py", True),
        ("<string>", True),
        (os.__file__, False),
        (str(msgspec.__file__), False),
        (aiosock.__file__, False),
        (source.__file__, False),
        ("<frozen importlib._bootstrap>", False),
    ],
)
def test_the_programs_own_code_is_what_nobody_has_installed(file: str, is_own: bool) -> None:
    assert Place(file, 1).is_own == is_own


def test_a_place_is_shown_as_people_write_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    assert Place(str(tmp_path / "app.py"), 7).shown == "app.py:7"
    assert Place(aiosock.__file__, 7).shown == "aiosock/__init__.py:7"
    assert Place(os.__file__, 7).shown == "os.py:7"
    assert Place("/elsewhere/app.py", 7).shown == "/elsewhere/app.py:7"


def test_a_working_directory_that_is_gone_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(os, "getcwd", gone)

    assert Place("/elsewhere/app.py", 7).shown == "/elsewhere/app.py:7"


# The editor.


@pytest.mark.parametrize(
    ("editor", "link"),
    [
        (None, "vscode://file{path}:3:5"),
        ("vscode", "vscode://file{path}:3:5"),
        ("PyCharm", "pycharm://open?file={path}&line=3&column=5"),
        ("zed", "zed://file{path}:3:5"),
        ("mine://edit?f={path}&l={line}", "mine://edit?f={path}&l=3"),
        ("vscode://vscode-remote/ssh-remote+box{path}:{line}", "vscode://vscode-remote/ssh-remote+box{path}:3"),
        ("", ""),
        ("none", ""),
        ("javascript://x/%0aalert(1)", ""),
        ("JavaScript://{path}", ""),
        ("data://{path}", ""),
        ("https://evil.example{path}", ""),
    ],
)
def test_a_link_opens_the_editor(
    editor: str | None, link: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / 'a "b"&<c>#?%.py'
    file.touch()
    monkeypatch.delenv("AIOSOCK_EDITOR", raising=False)
    if editor is not None:
        monkeypatch.setenv("AIOSOCK_EDITOR", editor)

    quoted = f"{tmp_path}/a%20%22b%22%26%3Cc%3E%23%3F%25.py"

    assert Place(str(file), 3, 5).link == link.replace("{path}", quoted)


@pytest.mark.parametrize("file", ["<string>", "", "/nowhere/a.py", "a\0b"])
def test_there_is_no_link_to_a_file_that_is_not_there(file: str) -> None:
    assert Place(file, 3).link == ""


def test_every_editor_is_told_file_and_line() -> None:
    assert all("{path}" in link and "{line}" in link for link in EDITORS.values())


# Lines.


def write(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_the_lines_around_a_place_are_shown(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "".join(f"line {number}\n" for number in range(1, 21)))

    lines = lines_around(file, Span(8, 8, 0, 4))

    assert [line.number for line in lines] == list(range(3, 14))
    assert [(line.text, line.mark) for line in lines if line.is_failing] == [("line 8", (0, 4))]


@pytest.mark.parametrize(("line", "numbers"), [(1, range(1, 7)), (20, range(15, 21)), (99, ())])
def test_at_the_ends_of_a_file_there_are_fewer(line: int, numbers: range, tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "x\n" * 20)

    assert [each.number for each in lines_around(file, Span(line, line))] == list(numbers)


def test_an_expression_of_several_lines_is_marked_on_each(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "x = f(\n    1,\n  2) + 3\n")

    assert [line.mark for line in lines_around(file, Span(1, 3, 4, 4))] == [(4, 6), None, (2, 4)]


def test_a_line_that_failed_whole_needs_no_mark(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "    fail()\n")

    assert [line.mark for line in lines_around(file, Span(1, 1, 4, 10))] == [None]


@pytest.mark.parametrize("content", [b"x = '\xff'\n", b"# coding: nonsense\nx\n", b"", b"\0\n"])
def test_a_file_that_is_not_text_is_survived(content: bytes, tmp_path: Path) -> None:
    assert lines_around(write(tmp_path / "a.py", content), Span(1, 1))[1:] == []


def test_a_file_in_another_coding_is_read_in_it(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "# coding: latin-1\nx = 'é'\n".encode("latin-1"))

    assert lines_around(file, Span(2, 2))[1].text == "x = 'é'"


@pytest.mark.parametrize("file", ["<string>", "", "/nowhere/a.py", "a\0b", "a\ud800b"])
def test_a_file_that_cannot_be_read_has_no_lines(file: str) -> None:
    assert lines_around(file, Span(1, 1)) == []


def test_a_very_large_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "a.py", "x = 1\n")
    monkeypatch.setattr(source, "MAX_FILE_BYTES", 3)

    assert lines_around(file, Span(1, 1)) == []


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "old\n")
    lines_around(file, Span(1, 1))
    write(tmp_path / "a.py", "newer\n")

    assert lines_around(file, Span(1, 1))[0].text == "newer"


def test_a_deleted_file_has_no_lines(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "old\n")
    lines_around(file, Span(1, 1))
    os.unlink(file)

    assert lines_around(file, Span(1, 1)) == []


class Loader:
    def __init__(self, text: str | None) -> None:
        self.text = text

    def get_source(self, name: str) -> str:
        if self.text is None:
            raise ValueError(name)
        return self.text


@pytest.mark.parametrize(("text", "shown"), [("loaded\n", ["loaded"]), (None, [])])
def test_source_may_come_from_a_loader(text: str | None, shown: list[str]) -> None:
    file = "packed.zip/packed.py"
    names = {"__name__": "packed", "__file__": file, "__loader__": Loader(text)}
    linecache.cache.pop(file, None)

    assert [line.text for line in lines_around(file, Span(1, 1), names)] == shown


def test_code_with_the_name_of_no_file_is_not_shown_as_the_module_that_made_it() -> None:
    try:
        exec(compile("1 / 0", "/nowhere/made.py", "exec"), globals())
    except ZeroDivisionError as error:
        traceback.format_exception(error)  # offers linecache the source of this module

    assert lines_around("/nowhere/made.py", Span(1, 1), globals()) == []


def test_a_long_line_is_cut(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "x = [" + "1," * 10**6 + "]\n")

    assert len(lines_around(file, Span(1, 1, 4, 10**6))[0].text) == source.MAX_COLUMNS


def test_a_secret_in_the_source_is_hidden(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "SECRET = 'hunter2'\n")

    assert "hunter2" not in lines_around(file, Span(1, 1))[0].text


# Columns.


def raised_by(text: str, file: str) -> types.TracebackType:
    names: dict[str, object] = {}
    try:
        exec(compile(text, file, "exec"), names)
    except Exception as error:
        trace = error.__traceback__
        assert trace is not None
        assert trace.tb_next is not None
        return trace.tb_next
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("x = {'a': 1}; y = x['b'] + 1\n", "x['b']"),
        ("x = {'é': 1}; y = 'ü' + x['世界'] + 'é'\n", "x['世界']"),
        ("x = ('a' +\n     1)\n", "'a' +"),
    ],
)
def test_the_expression_that_failed_is_marked_in_characters(text: str, marked: str, tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", text)
    trace = raised_by(text, file)

    span = span_of(trace.tb_frame.f_code, trace.tb_lasti, trace.tb_lineno)
    (line,) = [line for line in lines_around(file, span) if line.number == span.line]

    assert line.mark is not None
    assert line.text[slice(*line.mark)] == marked


def test_code_without_columns_has_no_mark() -> None:
    code = compile("1 / 0", "<string>", "eval")
    stripped = code.replace(co_linetable=b"") if sys.version_info >= (3, 11) else code

    assert span_of(stripped, 4, 1) == Span(1, 1)
