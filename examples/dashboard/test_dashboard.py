"""The tests of dashboard.py, with pytest and pytest-asyncio: `python -m pytest`, in this directory."""

from collections.abc import AsyncIterator
from pathlib import Path

import dashboard
import pytest
import pytest_asyncio

from aiosock.testing import Client

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    """A visitor of the dashboard, which has a directory of its own."""
    monkeypatch.setenv("UPLOADS", str(tmp_path / "uploads"))
    monkeypatch.setattr(dashboard, "PAUSE_SECONDS", 0)
    async with Client(dashboard.app) as client:
        yield client


async def test_the_page_watches_events(client: Client) -> None:
    assert "dashboard.js" in (await client.get("/")).text
    assert "/events" in (await client.get("/dashboard.js")).text


async def test_an_upload_is_shown_at_once_to_those_who_watch(client: Client) -> None:
    async with client.events("/events") as events:
        assert (await anext(events)).json() == {"files": {}, "requests": 1, "viewers": 1}

        answer = await client.post("/files", files={"file": ("cat.txt", b"meow")})

        assert (answer.status, answer.headers["location"]) == (303, "/")
        async for event in events:
            if event.json()["files"] == {"cat.txt": 4}:
                break


async def test_a_file_comes_back_as_it_was_and_is_kept_not_shown(client: Client) -> None:
    await client.post("/files", files=[("file", ("a b.html", b"<script>")), ("file", ("c", b"d"))])

    got = await client.get("/files/a%20b.html")

    assert (got.status, got.text) == (200, "<script>")
    assert got.headers["content-disposition"].startswith("attachment")
    assert (await client.get("/files/c")).text == "d"
    assert (await client.get("/files/..%2Fdashboard.py")).status == 404


async def test_a_file_is_not_replaced_and_one_is_needed(client: Client) -> None:
    await client.post("/files", files={"file": ("cat.txt", b"meow")})

    assert (await client.post("/files", files={"file": ("cat.txt", b"moo")})).status == 409
    assert (await client.post("/files", files={"file": ("", b"")})).status == 422
    assert (await client.get("/files/cat.txt")).text == "meow"


async def test_the_oldest_file_goes(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "FILES", 2)
    for name in ("one", "two", "three"):
        await client.post("/files", files={"file": (name, b"x")})

    assert [(await client.get(f"/files/{name}")).status for name in ("one", "two", "three")] == [404, 200, 200]


async def test_who_leaves_makes_room(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "VIEWERS", 1)
    async with client.events("/events") as events:
        await anext(events)
        assert (await client.get("/events")).status == 503

    async with client.events("/events") as events:
        assert (await anext(events)).json()["viewers"] == 1
