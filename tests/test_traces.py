"""Tests of aiosock.traces: whose code a frame is, and what is left of a traceback."""

import json
import os
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import multipart
import pytest

import aiosock
from aiosock.headers import Headers
from aiosock.traces import is_own, shown_path, trace_of


def caught(function: Callable[[], Any]) -> BaseException:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - any exception will do
        function()
    return raised.value


def text_of(error: BaseException, *, fold: bool = True) -> str:
    return "".join(trace_of(error, fold=fold).format())


def test_the_code_of_a_program_is_its_own_and_that_of_libraries_is_not() -> None:
    assert is_own(__file__)
    assert is_own("<string>")
    command = os.path.join(sysconfig.get_path("scripts"), "aiosock")
    others = (json.__file__, multipart.__file__, aiosock.__file__, "<frozen runpy>", command)
    assert [each for each in others if is_own(each)] == []


def test_a_path_is_shown_as_imports_name_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown_path(json.__file__) == os.path.join("json", "__init__.py")
    assert shown_path(multipart.__file__) == "multipart.py"
    assert shown_path(aiosock.__file__) == os.path.join("aiosock", "__init__.py")
    assert shown_path(str(tmp_path / "app.py")) == "app.py"
    assert shown_path("/elsewhere/app.py") == "/elsewhere/app.py"


def test_a_library_takes_one_line_for_each_frame() -> None:
    lines = text_of(caught(lambda: json.loads("{"))).splitlines()

    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].startswith(f'  File "{__file__}", line ')
    folded = [line for line in lines if line.startswith("    json")]
    assert [line.partition(":")[0].strip() for line in folded] == [
        os.path.join("json", name) for name in ("__init__.py", "decoder.py", "decoder.py")
    ]
    assert lines[-1].startswith("json.decoder.JSONDecodeError: ")


def test_unfolded_the_frames_are_those_of_python() -> None:
    text = text_of(caught(lambda: json.loads("{")), fold=False)

    assert text.count("  File ") == 5
    assert f'  File "{json.__file__}"' in text


def test_the_frames_of_the_server_before_those_of_the_program_are_left_out() -> None:
    def called_by_us(name: str) -> bytes:
        raise LookupError(name)

    headers = Headers({"a": "1"})
    error = caught(lambda: sorted(headers, key=called_by_us))
    trace = error.__traceback__
    assert trace is not None
    error.__traceback__ = trace.tb_next
    text = text_of(error)
    assert "in called_by_us" in text
    assert text.splitlines()[1].startswith(f'  File "{__file__}"')


def test_an_exception_without_a_frame_of_the_program_keeps_all() -> None:
    error = caught(lambda: Headers({"a": "\n"}))
    while error.__traceback__ is not None and is_own(error.__traceback__.tb_frame.f_code.co_filename):
        error.__traceback__ = error.__traceback__.tb_next

    assert os.path.join("aiosock", "headers.py") in text_of(error)


def test_a_file_that_is_not_python_is_named_without_the_frames_that_read_it(tmp_path: Path) -> None:
    path = tmp_path / "wrong.py"
    path.write_text("def (")
    error = caught(lambda: compile(path.read_text(), str(path), "exec"))
    error.__traceback__ = None

    assert [line for line in text_of(error).splitlines() if "File" in line] == [f'  File "{path}", line 1']


def test_causes_and_groups_are_folded_too() -> None:
    def fail() -> None:
        try:
            json.loads("{")
        except ValueError as error:
            raise ExceptionGroup("two", [error, LookupError("other")]) from error

    text = text_of(caught(fail))

    assert "direct cause" in text
    assert text.count("decoder.py:") == 4  # two frames, in the cause and in the group
    assert f'File "{json.__file__}"' not in text


@pytest.mark.skipif(sys.platform == "win32", reason="the separator differs")
def test_an_installed_package_inside_the_program_is_a_library() -> None:
    assert not is_own("/project/.venv/lib/python3.11/site-packages/other/inner.py")
    assert shown_path("/project/.venv/lib/python3.11/site-packages/other/inner.py") == "other/inner.py"


def test_a_working_directory_that_is_gone_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(os, "getcwd", gone)

    assert shown_path("/elsewhere/app.py") == "/elsewhere/app.py"
