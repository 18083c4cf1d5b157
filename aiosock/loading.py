"""Finding the app that a command names: `module:app`, or a file. What is not there is refused, with advice."""

import importlib
import inspect
import os
import re
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Final, cast

from aiosock.errors import ConfigError, RouteError
from aiosock.traces import is_own
from aiosock.web.app import App
from aiosock.web.handler import Handler
from aiosock.web.registering import problem_of

COMMANDS: Final = ("check", "serve")
"""The commands of `aiosock` besides serving an app."""

_FILE = re.compile(r"(?P<file>.+\.py)(?::(?P<app>.*))?", re.DOTALL)


def load(target: str) -> Handler:
    """Import `module:app` and return the app: `app` by default, and it may have dots. A file may name the module.

    The module may be in the current directory. The directory of a file, or that of the package it belongs to, is added
    to `sys.path`, as Python does for a script.

    Raises ConfigError if the module or the attribute does not exist, if it is no handler, or if a handler does not fit
    its route. Other exceptions of the module are not caught.
    """
    file = _FILE.fullmatch(target)
    folder, name = _module_of(target, Path(file["file"])) if file else (Path.cwd(), target.partition(":")[0])
    path = (file["app"] if file else target.partition(":")[2]) or "app"
    if not name or name.startswith(".") or os.sep in name:
        likely = [f"aiosock {name}.py:{path}"] if Path(f"{name}.py").is_file() else _directory_advice(target)
        raise ConfigError(f"{target!r} is not of the form module:app{_advice(likely)}")
    sys.path.insert(0, str(folder))
    module = _imported(target, name, path)
    if file and not _is_from(module, Path(file["file"])):
        raise ConfigError(f"cannot serve {target!r}: another module has the name {name}; rename the file")
    try:
        app = reduce(getattr, path.split("."), cast(object, module))
    except AttributeError as error:
        others = _others(module, file["file"] if file else name, path)
        raise ConfigError(f"cannot serve {target!r}: {error}{others}") from None
    if problem := problem_of(app):
        raise ConfigError(f"cannot serve {target!r}: {problem}")
    return cast(Handler, app)


def _module_of(target: str, file: Path) -> tuple[Path, str]:
    """Return the directory to import a file from, and the name of its module: packages around it are part of it."""
    if not file.is_file():
        near = get_close_matches(file.name, [each.name for each in _listed(file.parent)], n=1)
        raise ConfigError(f"cannot serve {target!r}: there is no file {file}{_advice(near)}")
    file = file.resolve()
    folder, parts = file.parent, [] if file.name == "__init__.py" else [file.stem]
    while (folder / "__init__.py").is_file():
        folder, parts = folder.parent, [folder.name, *parts]
    return folder, ".".join(parts)


def _imported(target: str, name: str, path: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the module exists, but not a module that it imports
        near = get_close_matches(name, [each.stem for each in _listed(Path()) if _is_module(each)], n=1)
        commands = get_close_matches(target, COMMANDS, n=1)
        likely = [f"aiosock {each}:{path}" for each in near] + [f"aiosock {each}" for each in commands]
        reason = f"there is no module {name!r}, neither in {Path.cwd()} nor installed"
        raise ConfigError(f"cannot serve {target!r}: {reason}{_advice(likely)}") from None
    except RouteError as error:
        raise ConfigError(f"{_place_of(error)}: {error}") from None


def _place_of(error: RouteError) -> str:
    """Return the file and line where an app registered the route: the last ones of the program's own."""
    import traceback

    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_own(frame.filename)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "a library"


def _others(module: ModuleType, name: str, path: str) -> str:
    """Return what a module has to serve, in words, where it does not have what was asked for."""
    if getattr(module, "__file__", None) is None:
        return _advice(_directory_advice(name))  # a directory can be imported too
    apps = [each for each, value in vars(module).items() if isinstance(value, App)]
    apps = apps or [each for each, value in vars(module).items() if _is_handler_of(module, value)]
    near = get_close_matches(path, apps)
    return _advice([f"aiosock {name}:{each}" for each in dict.fromkeys([*near, *apps])])


def _is_handler_of(module: ModuleType, value: object) -> bool:
    return inspect.iscoroutinefunction(value) and value.__module__ == module.__name__ and not problem_of(value)


def _directory_advice(target: str) -> list[str]:
    return [f"aiosock serve {target}"] if Path(target).is_dir() else []


def _listed(folder: Path) -> Iterable[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _is_from(module: ModuleType, file: Path) -> bool:
    return module.__file__ is not None and Path(module.__file__).resolve() == file.resolve()


def _is_module(path: Path) -> bool:
    return path.suffix == ".py" or (path / "__init__.py").is_file()


def _advice(likely: list[str]) -> str:
    """Return a question after what may be meant, "" if nothing is likely."""
    return f"; did you mean {' or '.join(likely)}?" if likely else ""
