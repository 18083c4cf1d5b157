"""Tests of the names that `import aiosock` provides, and of the modules that it does not load."""

import subprocess
import sys

import pytest

import aiosock

NAMES = [
    "AiosockError",
    "App",
    "Config",
    "ConfigError",
    "Convertor",
    "Cookie",
    "Disconnected",
    "Event",
    "EventStream",
    "FileResponse",
    "Form",
    "HTTPError",
    "Handler",
    "Header",
    "Headers",
    "Limits",
    "Middleware",
    "ProtocolError",
    "Query",
    "Redirect",
    "Request",
    "Response",
    "ResponseError",
    "RouteError",
    "Router",
    "Server",
    "StaticFiles",
    "Timeouts",
    "Upgrade",
    "Upload",
    "ValidationError",
    "run",
    "serve",
]


def test_the_public_names_are_these() -> None:
    assert aiosock.__all__ == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there(name: str) -> None:
    assert hasattr(aiosock, name)


def test_completion_offers_the_public_names_alone() -> None:
    assert dir(aiosock) == sorted([*NAMES, "__version__"])


def test_importing_does_not_load_what_only_some_need() -> None:
    code = "import aiosock, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    # -I: the settings of this test run must not have an effect there.
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "aiosock" in loaded
    assert {
        "cyclopts",
        "uvloop",
        "pytest",
        "hypothesis",
        "html",
        "uuid",
        "itsdangerous",
        "jinja2",
        "redis",
        "msgspec",
    }.isdisjoint(loaded)
