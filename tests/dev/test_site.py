"""Tests of aiosock.dev.livereload.site, as `aiosock serve DIR --reload` uses it."""

import json
from pathlib import Path

import pytest

from aiosock.dev.livereload.site import reload_site
from aiosock.errors import ConfigError
from aiosock.share.app import directory_app
from aiosock.testing import Client
from tests.dev.test_livereload import BROWSER, PAGE, without_tag


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text(PAGE)
    return tmp_path.resolve()


async def test_the_pages_of_a_directory_listen_and_are_told(root: Path) -> None:
    app = directory_app(root)
    reload_site(app, root)
    async with Client(app) as client:
        assert without_tag((await client.get("/", headers=BROWSER)).body).decode() == PAGE
        async with client.stream("GET", "/_aiosock/reload") as (_, body):
            assert (await anext(body)).startswith(b"event: token\n")
            (root / "site.css").write_text("a {}")
            told = (await anext(body)).decode().splitlines()
            client.server.service.shutdown.set()

    assert told[0] == "event: style"
    assert json.loads(told[1].removeprefix("data: "))["name"] == "site.css"


async def test_who_does_not_know_the_password_is_told_nothing(root: Path) -> None:
    app = directory_app(root, users={"ada": "secret"})
    reload_site(app, root)
    async with Client(app) as client:
        assert (await client.get("/_aiosock/reload")).status == 401


def test_a_missing_library_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "watchfiles", None)
    with pytest.raises(ConfigError, match="extra 'reload'"):
        reload_site(directory_app(root), root)
