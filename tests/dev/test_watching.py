"""Tests of aiosock.dev.watching, with real files and the git of this machine."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from aiosock.dev import watching
from aiosock.dev.watching import Changes, ProgramFiles, SiteFiles, Watch, require_watchfiles
from aiosock.errors import ConfigError
from tests.patience import PATIENCE

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path.resolve()


def repository(root: Path, ignored: str) -> None:
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / ".gitignore").write_text(ignored)


def sifted(files: ProgramFiles | SiteFiles, root: Path, *names: str) -> Changes:
    """Return what is to be done about files below a directory, by their names."""
    changes = files.sift(str(root / name) for name in names)

    def names_of(paths: Iterable[str]) -> list[str]:
        return [str(Path(path).relative_to(root)) for path in paths]

    return Changes(names_of(changes.restarting), names_of(changes.styles), names_of(changes.shown))


def directories(files: ProgramFiles | SiteFiles, root: Path) -> set[str]:
    return {str(Path(path).relative_to(root)) for path in files.directories()}


# Which files matter.


@pytest.mark.parametrize(
    "name",
    [
        "app.py",
        "APP.PY",
        "a.toml",
        "templates/a.html",
        "a.htm",
        "a.jinja",
        "a.html.jinja2",
        "a.j2",
        ".env",
        ".env.local",
        "prod.env",
    ],
)
def test_code_templates_options_and_environments_restart_the_program(root: Path, name: str) -> None:
    assert sifted(ProgramFiles(str(root)), root, name) == Changes(restarting=[name])


def test_a_style_sheet_and_what_a_page_shows_do_not(root: Path) -> None:
    assert sifted(ProgramFiles(str(root)), root, "a.css", "b.js", "c.svg") == Changes(
        styles=["a.css"], shown=["b.js", "c.svg"]
    )


@pytest.mark.parametrize(
    "name",
    ["data.sqlite", "app.log", "app.pyc", "a.json", "app.py~", ".app.py.swp", ".#app.py", "flycheck_app.py", "env"],
)
def test_what_programs_write_and_copies_of_editors_do_not_matter(root: Path, name: str) -> None:
    assert not sifted(ProgramFiles(str(root)), root, name)


@pytest.mark.parametrize("name", ["__pycache__/a.py", ".venv/lib/a.py", "node_modules/b/a.js", ".git/a.py"])
def test_what_nobody_edits_does_not_matter(root: Path, name: str) -> None:
    assert not sifted(ProgramFiles(str(root)), root, name)


def test_a_root_below_an_ignored_name_is_watched_all_the_same(root: Path) -> None:
    (root / "venv" / "mine").mkdir(parents=True)
    assert sifted(ProgramFiles(str(root / "venv" / "mine")), root / "venv" / "mine", "app.py")


@needs_git
def test_what_git_ignores_does_not_matter_but_an_environment_does(root: Path) -> None:
    repository(root, "build/\n*.generated.py\n.env\n")
    (root / "build").mkdir()
    (root / "src").mkdir()
    names = ["build/a.py", "src/a.generated.py", "src/a.py", ".env", "gone/b.py"]

    assert sifted(ProgramFiles(str(root)), root, *names) == Changes(restarting=[".env", "gone/b.py", "src/a.py"])


@needs_git
def test_a_file_that_git_tracks_matters_whatever_the_patterns_say(root: Path) -> None:
    repository(root, "*.generated.py\n")
    (root / "a.generated.py").touch()
    subprocess.run(["git", "-C", str(root), "add", "-f", "a.generated.py"], check=True)

    assert sifted(ProgramFiles(str(root)), root, "a.generated.py").restarting == ["a.generated.py"]


def test_without_git_the_usual_names_are_ignored(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    (root / "node_modules").mkdir()
    (root / "src").mkdir()

    assert directories(ProgramFiles(str(root)), root) == {".", "src"}
    assert sifted(ProgramFiles(str(root)), root, "src/a.py").restarting == ["src/a.py"]


# Which directories are watched.


def test_the_directories_of_a_virtual_environment_are_not_watched_whatever_its_name(root: Path) -> None:
    (root / "mine" / "lib").mkdir(parents=True)
    (root / "mine" / "pyvenv.cfg").touch()
    (root / "src" / "deep").mkdir(parents=True)

    assert directories(ProgramFiles(str(root)), root) == {".", "src", "src/deep"}


@needs_git
def test_what_git_ignores_is_not_watched(root: Path) -> None:
    repository(root, "build/\n")
    (root / "build" / "lib").mkdir(parents=True)
    (root / "build" / "lib" / "a.py").touch()

    assert directories(ProgramFiles(str(root)), root) == {"."}


def test_a_directory_below_another_one_is_watched_once(root: Path) -> None:
    (root / "src").mkdir()
    assert ProgramFiles(str(root / "src"), str(root)).roots == [str(root)]


def test_there_is_a_limit(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        (root / f"d{number}" / "deep").mkdir(parents=True)
    monkeypatch.setattr(watching, "MOST_DIRECTORIES", 4)

    assert directories(ProgramFiles(str(root)), root) == {".", "d0", "d1", "d2"}


# A site.


@needs_git
def test_every_file_of_a_site_matters_but_hidden_ones(root: Path) -> None:
    repository(root, "*\n")  # as for the output of a generator
    names = ["a.html", "b.css", "c.sqlite", ".secret", ".git/x.html", "d~"]

    assert sifted(SiteFiles(root), root, *names) == Changes(styles=["b.css"], shown=["a.html", "c.sqlite"])


def test_hidden_directories_of_a_site_are_not_watched(root: Path) -> None:
    for name in (".hidden", "shown"):
        (root / name).mkdir()

    assert directories(SiteFiles(root), root) == {".", "shown"}


# Watching.


class Told:
    """The changes that a watch has told."""

    def __init__(self) -> None:
        self._paths: set[str] = set()
        self._changed = threading.Condition()

    def __call__(self, changes: Changes) -> None:
        with self._changed:
            self._paths |= {*changes.restarting, *changes.styles, *changes.shown}
            self._changed.notify_all()

    def wait_for(self, path: Path) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: str(path) in self._paths, PATIENCE)


def test_a_saved_file_is_told(root: Path) -> None:
    told = Told()
    with Watch(ProgramFiles(str(root)), told):
        (root / "app.py").write_text("a = 1")
        assert told.wait_for(root / "app.py")


def test_a_file_that_is_replaced_or_removed_is_told(root: Path) -> None:
    told = Told()
    (root / "app.py").write_text("a = 1")
    (root / "other.py").write_text("a = 1")
    with Watch(ProgramFiles(str(root)), told):
        (root / "new").write_text("a = 2")
        os.replace(root / "new", root / "app.py")
        (root / "other.py").unlink()
        assert told.wait_for(root / "app.py")
        assert told.wait_for(root / "other.py")


def test_a_file_in_a_new_directory_is_told_whenever_it_is_written(root: Path) -> None:
    told = Told()
    with Watch(ProgramFiles(str(root)), told):
        (root / "new" / "deep").mkdir(parents=True)
        (root / "new" / "deep" / "at_once.py").write_text("a = 1")
        assert told.wait_for(root / "new" / "deep" / "at_once.py")
        (root / "new" / "deep" / "later.py").write_text("a = 1")
        assert told.wait_for(root / "new" / "deep" / "later.py")


def test_a_directory_that_is_removed_and_made_again_is_watched_again(root: Path) -> None:
    told = Told()
    (root / "src").mkdir()
    with Watch(ProgramFiles(str(root)), told):
        (root / "src").rmdir()
        (root / "src").mkdir()
        (root / "src" / "a.py").write_text("a = 1")
        assert told.wait_for(root / "src" / "a.py")


def test_a_system_that_refuses_is_a_configuration_that_cannot_work(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("OS file watch limit reached.")

    monkeypatch.setattr("watchfiles.watch", refuse)
    with (
        pytest.raises(ConfigError, match=r"^cannot watch files: OS file watch limit reached\.$"),
        Watch(SiteFiles(root), Told()),
    ):
        raise AssertionError


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "watchfiles", None)
    with pytest.raises(
        ConfigError, match=r"^--reload needs watchfiles>=1\.0: install aiosock-server with its extra 'reload'"
    ):
        require_watchfiles()
