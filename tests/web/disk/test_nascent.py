"""Tests of aiosock.web.disk.nascent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aiosock.web.disk.nascent import NascentFile, needs_names, remove_abandoned

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")

WRITER = """
import os, signal, sys
from aiosock.web.disk.nascent import NascentFile
if sys.argv[2] == "named" and hasattr(os, "O_TMPFILE"):
    del os.O_TMPFILE
os.write(NascentFile(sys.argv[1]).descriptor, b"half of a file")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(params=["unnamed", "named"])
def mode(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    elif needs_names(tmp_path):
        pytest.skip("this file system has no files without a name")
    return str(request.param)


def killed_while_writing(root: Path, mode: str) -> None:
    done = subprocess.run([sys.executable, "-c", WRITER, str(root), mode], check=False)
    assert done.returncode == -signal.SIGKILL


def test_a_file_gets_its_name_when_it_is_complete(tmp_path: Path, mode: str) -> None:
    (tmp_path / "taken").write_text("theirs")
    file = NascentFile(tmp_path)
    os.write(file.descriptor, b"mine")
    assert not (tmp_path / "new").exists()

    with pytest.raises(FileExistsError):
        file.take_name("taken")
    file.take_name("new")
    file.close()

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"taken": "theirs", "new": "mine"}


def test_a_file_replaces_another_one(tmp_path: Path, mode: str) -> None:
    (tmp_path / "old").write_text("old")
    file = NascentFile(tmp_path)
    os.write(file.descriptor, b"new")
    file.replace("old")
    file.close()

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"old": "new"}


def test_a_file_that_gets_no_name_leaves_nothing(tmp_path: Path, mode: str) -> None:
    file = NascentFile(tmp_path)
    file.forget_name()
    file.close()

    assert list(tmp_path.iterdir()) == []


def test_a_process_that_is_killed_leaves_nothing_for_ever(tmp_path: Path, mode: str) -> None:
    (tmp_path / "sub").mkdir()
    killed_while_writing(tmp_path / "sub", mode)
    assert len(list((tmp_path / "sub").iterdir())) == (mode == "named")

    remove_abandoned(tmp_path)

    assert list((tmp_path / "sub").iterdir()) == []


def test_only_abandoned_files_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    for name in (".0123456789abcdef.part.txt", "0123456789abcdef.part", ".part", ".0123.part"):
        (tmp_path / name).write_text("theirs")
    (tmp_path / ("." + "1" * 16 + ".part")).symlink_to(".part")
    before = set(tmp_path.iterdir())
    file = NascentFile(tmp_path)

    remove_abandoned(tmp_path)

    assert len(set(tmp_path.iterdir()) - before) == 1  # it is being written
    file.take_name("new")
    file.close()
    assert set(tmp_path.iterdir()) == {*before, tmp_path / "new"}
