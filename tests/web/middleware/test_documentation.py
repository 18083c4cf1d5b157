"""Tests of docs/how-to/middleware.md: it names every middleware, and its code runs."""

import re
from pathlib import Path

import pytest

from aiosock.testing import Client
from aiosock.web import middleware
from tests.docs.blocks import run_python

TEXT = (Path(__file__).parents[3] / "docs" / "how-to" / "middleware.md").read_text()


@pytest.mark.parametrize("name", middleware.__all__)
def test_every_middleware_is_there(name: str) -> None:
    assert re.search(rf"\b{name}\b", TEXT)


async def test_what_it_shows_runs() -> None:
    pytest.importorskip("redis", reason="redis is not installed")
    shown = run_python("docs/how-to/middleware.md")

    async with Client(shown["app"]) as client:
        assert (await client.get("/order", headers={"host": "www.example.org"})).json()["traceparent"].startswith("00-")
        assert (await client.get("/order")).status == 421
    async with Client(shown["api"]) as client:
        token = {"authorization": f"Bearer {shown['TOKENS']['ada']}"}
        assert (await client.delete("/notes/1", headers=token)).status == 204
        assert (await client.delete("/notes/1")).status == 401
    await shown["redis"].aclose()
