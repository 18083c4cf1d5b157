"""The tests of bookmarks.py, with pytest and pytest-asyncio: `python -m pytest test_bookmarks.py`, in this directory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from bookmarks import app

from aiosock.testing import Client

pytestmark = pytest.mark.asyncio

BOOKMARK = {"url": "https://example.org/", "title": "An example"}


@pytest_asyncio.fixture
async def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    """The app with a database of its own."""
    monkeypatch.setenv("BOOKMARKS", str(tmp_path / "bookmarks.db"))
    async with Client(app) as client:
        yield client


async def test_a_bookmark_is_kept(client: Client) -> None:
    answer = await client.post("/bookmarks", json=BOOKMARK)

    assert (answer.status, answer.headers["location"]) == (201, "/bookmarks/1")
    assert (await client.get("/bookmarks")).json() == [{"id": 1, **BOOKMARK}]


async def test_a_url_is_kept_once(client: Client) -> None:
    await client.post("/bookmarks", json=BOOKMARK)

    assert (await client.post("/bookmarks", json={**BOOKMARK, "title": "Again"})).status == 409


@pytest.mark.parametrize("wrong", [{"url": "javascript:alert(1)"}, {"url": 3}, {"title": " "}, {"title": "x" * 101}])
async def test_an_invalid_bookmark_is_refused(client: Client, wrong: dict[str, object]) -> None:
    assert (await client.post("/bookmarks", json={**BOOKMARK, **wrong})).status == 422


async def test_a_bookmark_can_be_deleted_once(client: Client) -> None:
    await client.post("/bookmarks", json=BOOKMARK)

    assert (await client.delete("/bookmarks/1")).status == 204
    assert (await client.delete("/bookmarks/1")).status == 404


async def test_the_form_keeps_a_bookmark_and_the_page_shows_it_as_text(client: Client) -> None:
    fields = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
    answer = await client.post("/", body="url=https://example.org/&title=<b>", headers=fields)

    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert '<a href="https://example.org/">&lt;b&gt;</a>' in (await client.get("/")).text


async def test_the_form_of_another_site_keeps_nothing(client: Client) -> None:
    fields = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "cross-site"}

    assert (await client.post("/", body="url=https://example.org/&title=x", headers=fields)).status == 403
    assert (await client.get("/bookmarks")).json() == []
