"""Tests of aiosock.loading: the app that a command names, and what may have been meant."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aiosock import App, ConfigError
from aiosock.loading import load

DEFINE = "def make(name):\n    async def handler(request): ...\n    handler.__name__ = name\n    return handler\n"

MANY = """
import asyncio
from aiosock import App
from asyncio import sleep

api = App()
site = App()
number = 1

def create_app(): ...
def of_two(environ, start_response): ...
def lenient(request=None): ...
async def of_three(scope, receive, send): ...
class Made: ...
"""


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Change to an empty current directory; modules that are imported from it are removed afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    return tmp_path


def refused(target: str) -> str:
    with pytest.raises(ConfigError) as raised:
        load(target)
    return str(raised.value)


# What is found.


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("two:app", "app"),
        ("two", "app"),
        ("two:other", "other"),
        ("two:Holder.held", "held"),
        ("package.inner:app", "inner"),
        ("two.py", "app"),
        ("./two.py:other", "other"),
        ("package/inner.py", "inner"),
        ("package/__init__.py", "outer"),
        ("scripts/with-dash.py", "dashed"),
    ],
)
def test_an_app_is_found_by_module_or_file_and_attribute(here: Path, target: str, expected: str) -> None:
    (here / "two.py").write_text(
        f"{DEFINE}app = make('app')\nother = make('other')\nclass Holder:\n    held = staticmethod(make('held'))\n"
    )
    for folder in ("package", "scripts"):
        (here / folder).mkdir()
    (here / "package" / "__init__.py").write_text(f"{DEFINE}app = make('outer')\n")
    (here / "package" / "inner.py").write_text(f"{DEFINE}app = make('inner')\n")
    (here / "scripts" / "with-dash.py").write_text(f"{DEFINE}app = make('dashed')\n")

    assert getattr(load(target), "__name__", None) == expected


def test_a_file_elsewhere_finds_its_neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("project", "other"):
        (tmp_path / folder).mkdir()
    (tmp_path / "project" / "elsewhere.py").write_text("from neighbour import app\n")
    (tmp_path / "project" / "neighbour.py").write_text("from aiosock import App\napp = App()\n")
    monkeypatch.chdir(tmp_path / "other")

    assert isinstance(load("../project/elsewhere.py"), App)


def test_a_file_in_a_package_is_imported_as_a_part_of_it(here: Path) -> None:
    for folder in ("outside", "outside/inside"):
        (here / folder).mkdir()
        (here / folder / "__init__.py").touch()
    (here / "outside" / "inside" / "seven.py").write_text(f"from . import __name__ as name\n{DEFINE}app = make(name)\n")

    assert getattr(load("outside/inside/seven.py"), "__name__", None) == "outside.inside"


@pytest.mark.parametrize("name", ["lenient", "api"])
def test_what_may_be_a_handler_is_taken(here: Path, name: str) -> None:
    (here / "many.py").write_text(MANY)

    assert load(f"many:{name}") is getattr(sys.modules["many"], name)


# What is not.


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nowhere", "cannot serve 'nowhere': there is no module 'nowhere', neither in "),
        ("nowhere:app", "cannot serve 'nowhere:app': there is no module 'nowhere', neither in "),
        ("three.inner:app", "cannot serve 'three.inner:app': there is no module 'three.inner'"),
        ("thre", "; did you mean aiosock three:app?"),
        ("servve", "; did you mean aiosock serve?"),
        ("three", "module 'three' has no attribute 'app'"),
        ("three:nothing", "cannot serve 'three:nothing': module 'three' has no attribute 'nothing'"),
        ("three:number.real.nothing", "'int' object has no attribute 'nothing'"),
        ("three:number", "cannot serve 'three:number': it is not an app or handler, but of the type int"),
        (":app", "':app' is not of the form module:app"),
        ("", "'' is not of the form module:app"),
        ("..three:app", "'..three:app' is not of the form module:app"),
        ("./three:number", "'./three:number' is not of the form module:app; did you mean aiosock ./three.py:number?"),
        ("nothing.py", "cannot serve 'nothing.py': there is no file nothing.py"),
        ("there.py:app", "cannot serve 'there.py:app': there is no file there.py; did you mean three.py?"),
        ("missing/three.py", "there is no file missing/three.py"),
        (".", "'.' is not of the form module:app; did you mean aiosock serve .?"),
        ("./folder", "; did you mean aiosock serve ./folder?"),
        ("folder", "; did you mean aiosock serve folder?"),
    ],
)
def test_an_app_that_is_not_there_is_named(here: Path, target: str, words: str) -> None:
    (here / "three.py").write_text("number = 1\n")
    (here / "folder").mkdir()

    assert words in refused(target)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("many", "module 'many' has no attribute 'app'; did you mean aiosock many:api or aiosock many:site?"),
        ("many:sit", "did you mean aiosock many:site or aiosock many:api?"),
        ("many.py:app", "did you mean aiosock many.py:api or aiosock many.py:site?"),
        ("many:create_app", "it takes no request; if it makes the app, call it in the module: app = create_app()"),
        ("many:of_two", "it is a WSGI app, which aiosock does not serve: gunicorn and waitress do"),
        ("many:of_three", "it is an ASGI app, which aiosock does not serve: uvicorn and Hypercorn do"),
        ("many:Made", "it is the class Made, not an app made of it"),
    ],
)
def test_what_is_there_is_named(here: Path, target: str, words: str) -> None:
    (here / "many.py").write_text(MANY)

    assert refused(target).endswith(words)


def test_handlers_are_named_where_there_is_no_app(here: Path) -> None:
    (here / "bare.py").write_text("from asyncio import sleep\nasync def hello(request): ...\nasync def no(a, b): ...\n")

    assert refused("bare").endswith("; did you mean aiosock bare:hello?")


def test_a_file_with_the_name_of_another_module_is_refused(here: Path) -> None:
    (here / "folder").mkdir()
    (here / "folder" / "select.py").write_text("app = 1\n")

    assert refused("folder/select.py").endswith("another module has the name select; rename the file")


def test_a_handler_that_does_not_fit_is_named_with_its_line(here: Path) -> None:
    (here / "misfit.py").write_text(
        'from aiosock import App\n\napp = App()\n\n\n@app.get("/")\ndef home(request): ...\n'
    )

    with pytest.raises(ConfigError, match=r"misfit\.py:6: handler home for '/' must be defined with async def"):
        load("misfit:app")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import a_module_that_is_not_there", ModuleNotFoundError),
        ("from os import a_name_that_is_not_there", ImportError),
        ("raise ValueError('mine')", ValueError),
        ("raise AttributeError('mine')", AttributeError),
        ("raise TypeError('mine')", TypeError),
        ("def", SyntaxError),
    ],
)
@pytest.mark.parametrize("target", ["four:app", "four.py"])
def test_what_the_module_raises_goes_through(here: Path, target: str, source: str, error: type[Exception]) -> None:
    (here / "four.py").write_text(source)

    with pytest.raises(error) as raised:
        load(target)
    assert not isinstance(raised.value, ConfigError)


def test_a_callable_without_a_signature_is_taken(here: Path) -> None:
    (here / "eight.py").write_text(
        "from itertools import starmap\nfrom functools import partial\napp = dict.fromkeys\n"
    )

    loaded: Callable[..., object] = load("eight")
    assert callable(loaded)
