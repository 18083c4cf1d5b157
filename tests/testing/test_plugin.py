"""Tests of aiosock.testing.plugin: its fixtures, and that an installed aiosock brings them."""

import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from aiosock.errors import ConfigError
from aiosock.testing import Client
from aiosock.web.app import App
from tests.net.helpers import hello
from tests.patience import PATIENCE

Serve = Callable[..., str]

SUITE = """
import asyncio
import urllib.request

from aiosock import App

app = App()


@app.get("/")
async def index(request):
    return "hello"


def test_in_memory(aiosock_client):
    async def ask():
        async with aiosock_client(app) as client:
            return await client.get("/")

    assert asyncio.run(ask()).text == "hello"


def test_on_a_socket(aiosock_server):
    with urllib.request.urlopen(aiosock_server(app), timeout=120) as response:
        assert response.read() == b"hello"
"""


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE) as response:  # our own server, http
        data = response.read()
    assert isinstance(data, bytes)
    return data


async def test_the_client_fixture_gives_clients(aiosock_client: Callable[..., Client]) -> None:
    async with aiosock_client(hello) as client:
        assert (await client.get("/path")).text == "/path"


def test_the_server_fixture_serves_on_a_real_port(aiosock_server: Serve) -> None:
    assert fetch(aiosock_server(hello) + "/path") == b"/path"


def test_the_server_fixture_serves_several_apps_at_once(aiosock_server: Serve) -> None:
    first, second = aiosock_server(hello), aiosock_server(hello)
    assert first != second
    assert fetch(second + "/2") == b"/2"
    assert fetch(first + "/1") == b"/1"


def test_the_server_fixture_tells_what_it_cannot_do(aiosock_server: Serve) -> None:
    with pytest.raises(ConfigError, match="port"):
        aiosock_server(hello, port=-1)
    with pytest.raises(TypeError, match="colour"):
        aiosock_server(hello, colour="red")


events: list[str] = []


@pytest.fixture
def witness() -> list[str]:
    """Return the list of events. It is torn down after the server, so the next test can check the last ones."""
    events.clear()
    return events


def with_lifespan() -> App:
    app = App()

    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        events.append("start")
        yield
        events.append("stop")

    @app.get("/")
    async def index(request: object) -> str:
        return "hello"

    return app


class TestTheServerOfATest:
    def test_runs_the_lifespan(self, witness: list[str], aiosock_server: Serve) -> None:
        assert fetch(aiosock_server(with_lifespan())) == b"hello"
        assert witness == ["start"]

    def test_is_gone_after_it(self) -> None:
        assert events == ["start", "stop"]
        assert "aiosock-server" not in {thread.name for thread in threading.enumerate()}


def test_an_installed_aiosock_brings_the_plugin(tmp_path: Path) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
