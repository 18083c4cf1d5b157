"""Watching: which files matter, and which of them have changed. Needs watchfiles, the extra `reload`."""

import os
import re
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, cast

from aiosock.errors import ConfigError, not_installed
from aiosock.log import server_logger

if TYPE_CHECKING:
    from watchfiles import Change

    _Found = set[tuple[Change, str]]

STEP_MILLISECONDS: Final = 20
"""How long nothing may change before the changes so far are told: an editor that saves writes more than once."""

DEBOUNCE_MILLISECONDS: Final = 400
"""The longest time to wait for that."""

ROUND_MILLISECONDS: Final = 50
"""How soon a watch that has begun is known to have begun."""

MOST_DIRECTORIES: Final = 10_000
"""Directories to watch, those near the top first: the program may have been started in /."""

# Code, templates, and what is read at the start.
_RESTARTING = re.compile(r".+\.(?:py|toml|html?|jinja2?|j2)|\.env(?:\..+)?|.+\.env", re.IGNORECASE)
_ENVIRONMENT = re.compile(r"\.env(?:\..+)?|.+\.env", re.IGNORECASE)
_STYLE = re.compile(r".+\.css", re.IGNORECASE)
# What a page shows or runs, and no program writes while it runs.
_SHOWN = re.compile(
    r".+\.(?:m?js|map|wasm|svg|png|jpe?g|gif|webp|avif|ico|woff2?|ttf|otf|md|vtt|webmanifest)", re.IGNORECASE
)

# Emacs locks a file by a link `.#name.py`, and flycheck writes copies.
_TEMPORARY = re.compile(r"\.#.*|flycheck_.*|.*~")

_REPOSITORIES = {".bzr", ".git", ".hg", ".jj", ".svn"}
_INSTALLED = {".direnv", ".eggs", ".nox", ".tox", ".venv", "bower_components", "node_modules", "site-packages", "venv"}
_CACHES = {"__pycache__", ".cache", ".hypothesis", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
_EDITORS = {".idea", ".vscode"}

IGNORED: Final = frozenset(_REPOSITORIES | _INSTALLED | _CACHES | _EDITORS)
"""Directories that nobody edits by hand, also where there is no version control that says so."""


@dataclass
class Changes:
    """Files that have changed, by what has to happen: a restart, a new style, a new page."""

    restarting: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def for_browsers(self) -> list[tuple[str, str]]:
        """Return each file that no restart is needed for, with what a browser does: `style` or `page`."""
        return [("style", path) for path in self.styles] + [("page", path) for path in self.shown]

    def __bool__(self) -> bool:
        return bool(self.restarting or self.styles or self.shown)


class ProgramFiles:
    """The files of a program: below these directories, without what version control ignores, but with `.env` files."""

    def __init__(self, *roots: str) -> None:
        self.roots: list[str] = []
        self.add(roots)

    def add(self, roots: Iterable[str]) -> None:
        """Watch these directories too, unless they are below those that are watched."""
        for root in sorted({os.path.realpath(root) for root in roots if os.path.isdir(root)}):
            if not any(_is_below(root, other) for other in self.roots):
                self.roots = [*self.roots, root]

    def directories(self) -> list[str]:
        """Return the directories to watch."""
        return [each for root in self.roots for each in _walk(root, _ignored_directories(root))][:MOST_DIRECTORIES]

    def sift(self, paths: Iterable[str]) -> Changes:
        """Return what is to be done about these paths."""
        changes = Changes()
        wanted = [path for path in sorted(paths) if _kind(path) is not None and not self._is_hidden(path)]
        ignored = _ignored_files([path for path in wanted if not _ENVIRONMENT.fullmatch(os.path.basename(path))])
        for path in wanted:
            if path not in ignored:
                {"restarting": changes.restarting, "styles": changes.styles, "shown": changes.shown}[
                    _kind(path) or "shown"
                ].append(path)
        return changes

    def _is_hidden(self, path: str) -> bool:
        root = next((root for root in self.roots if _is_below(path, root)), "")
        return not IGNORED.isdisjoint(os.path.relpath(path, root or "/").split(os.sep)[:-1])


class SiteFiles:
    """The files of a directory that is served as it is: all that are not hidden, whatever version control says."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root: str = os.path.realpath(root)
        self.roots: list[str] = [self.root]

    def directories(self) -> list[str]:
        """Return the directories to watch."""
        return list(_walk(self.root, set(), hidden=False))[:MOST_DIRECTORIES]

    def sift(self, paths: Iterable[str]) -> Changes:
        """Return what is to be done about these paths."""
        seen = [path for path in sorted(paths) if not self._is_hidden(path)]
        styles = [path for path in seen if _STYLE.fullmatch(os.path.basename(path))]
        return Changes(styles=styles, shown=[path for path in seen if path not in styles])

    def _is_hidden(self, path: str) -> bool:
        parts = os.path.relpath(path, self.root).split(os.sep)
        return any(part.startswith(".") or part in IGNORED for part in parts) or parts[-1].endswith("~")


def _kind(path: str) -> str | None:
    name = os.path.basename(path)
    if _TEMPORARY.fullmatch(name):
        return None
    kinds = (("restarting", _RESTARTING), ("styles", _STYLE), ("shown", _SHOWN))
    return next((kind for kind, pattern in kinds if pattern.fullmatch(name)), None)


def _is_below(path: str, root: str) -> bool:
    return Path(path).is_relative_to(root)


def _walk(root: str, ignored: set[str], *, hidden: bool = True) -> Iterator[str]:
    """Yield a directory and those below it, level by level, without ignored ones and virtual environments."""
    waiting = deque([root])
    while waiting:
        directory = waiting.popleft()
        try:
            entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
        except OSError:
            continue
        if directory != root and any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        yield directory
        for entry in entries:
            is_ignored = entry.name in IGNORED or entry.path in ignored or (not hidden and entry.name.startswith("."))
            if not is_ignored and entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)


def _ignored_directories(root: str) -> set[str]:
    command = ["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"]
    found = _git(root, command)
    return {os.path.join(root, path.rstrip("/")) for path in found.split("\0") if path.endswith("/")}


def _ignored_files(paths: list[str]) -> set[str]:
    """Return those that git ignores. Files that it tracks are never ignored, whatever the patterns say (gitignore(5))."""
    ignored: set[str] = set()
    places = {path: _existing(os.path.dirname(path)) for path in paths}
    for place in set(places.values()):
        here = "\0".join(path for path in paths if places[path] == place)
        ignored |= set(_git(place, ["check-ignore", "-z", "--stdin"], here).split("\0"))
    return ignored


def _existing(directory: str) -> str:
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    return directory


def _git(directory: str, command: list[str], given: str = "") -> str:
    """Return what git prints; "" outside a repository, and where there is no git."""
    try:
        done = subprocess.run(
            ["git", "-C", directory, *command], input=os.fsencode(given), capture_output=True, check=False
        )
    except OSError:
        return ""
    return os.fsdecode(done.stdout)


def require_watchfiles() -> None:
    """Raise ConfigError, which names what to install, if watchfiles is missing."""
    try:
        import watchfiles  # noqa: F401
    except ImportError:
        raise ConfigError(not_installed("--reload", "watchfiles>=1.0", "reload")) from None


class Watch:
    """A thread that watches files; a context manager. It calls `tell` in that thread, with `Changes` that are not empty."""

    def __init__(self, files: ProgramFiles | SiteFiles, tell: Callable[[Changes], object]) -> None:
        self._files = files
        self._tell = tell
        self._stop = threading.Event()
        self._begun = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="watching", daemon=True)

    def begin(self) -> None:
        """Begin, and wait until no change can be missed any more. Raises ConfigError where the system refuses."""
        self._thread.start()
        self._begun.wait()
        if self._failure is not None:
            raise ConfigError(f"cannot watch files: {self._failure}")

    def end(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    def __enter__(self) -> Self:
        """Begin."""
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self.end()

    def _run(self) -> None:
        watched, rounds = set[str](), cast("Iterator[_Found]", iter(()))
        try:
            while not self._stop.is_set():
                roots, directories = self._files.roots, set(self._files.directories())
                following = self._watch(directories)
                try:
                    found = next(following, set())
                except FileNotFoundError:  # a directory went away just now
                    continue
                # What the watch before this one has seen, and what was in a directory before it was watched.
                found |= next(rounds, set())
                if self._begun.is_set():
                    self._tell_of({path for each in directories - watched for path in _files_in(each)})
                self._begun.set()
                watched, rounds = self._follow(directories, roots, chain([found], following)), following
        except Exception as error:
            self._failure = error
            if self._begun.is_set():
                server_logger.error("files are not watched any more: %s", error)
        finally:
            self._begun.set()

    def _watch(self, directories: Iterable[str]) -> "Iterator[_Found]":
        """Yield what has changed, or nothing, every moment. From the first of these on, no change is missed."""
        from watchfiles import watch

        # Each directory for itself: below those that are ignored there may be ten thousands.
        return watch(
            *directories,
            watch_filter=None,
            debounce=DEBOUNCE_MILLISECONDS,
            step=STEP_MILLISECONDS,
            stop_event=self._stop,
            rust_timeout=ROUND_MILLISECONDS,
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=False,
            ignore_permission_denied=True,
        )

    def _follow(self, directories: set[str], roots: Sequence[str], rounds: "Iterator[_Found]") -> set[str]:
        """Tell what changes until there are other directories; return those that are still watched."""
        for each in rounds:
            self._tell_of({path for _, path in each})
            moved = {path for change, path in each if change.name != "modified"}
            # A directory that was replaced has the same name and is not watched any more.
            if (gone := moved & directories) or self._has_new(moved) or roots != self._files.roots:
                return directories - gone
        return directories

    def _tell_of(self, paths: set[str]) -> None:
        if paths and (changes := self._files.sift(paths)):
            self._tell(changes)

    def _has_new(self, paths: set[str]) -> bool:
        """Return whether one of these paths is a directory to be watched."""
        new = {path for path in paths if os.path.basename(path) not in IGNORED and os.path.isdir(path)}
        return bool(new) and not new.isdisjoint(self._files.directories())


def _files_in(directory: str) -> Iterator[str]:
    try:
        for entry in os.scandir(directory):
            if entry.is_file():
                yield entry.path
    except OSError:
        return
