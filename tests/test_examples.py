"""Each example does what it says; those that stream end at shutdown."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from aiosock.testing import Client

EXAMPLES = Path(__file__).parent.parent / "examples"


def load(name: str) -> ModuleType:
    spec = spec_from_file_location(f"examples.{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_has_a_test() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {"events", "hello", "notes", "timing"}


async def test_hello_says_hello() -> None:
    async with Client(load("hello").app) as client:
        assert (await client.get("/")).text == "Hello, world!\n"


async def test_a_note_can_be_written_read_and_deleted() -> None:
    async with Client(load("notes").app) as client:
        created = await client.post("/notes", json={"text": "milk"})
        assert (created.status, created.headers["location"]) == (201, "/notes/1")
        assert (await client.get("/notes/1")).json() == {"id": 1, "text": "milk"}
        assert (await client.delete("/notes/1")).status == 204
        assert (await client.get("/notes")).json() == []


@pytest.mark.parametrize(
    ("target", "body", "status"),
    [("/notes", '{"text": 3}', 422), ("/notes", "{", 400), ("/notes", "x" * 10_001, 413)],
)
async def test_a_note_that_is_none_is_refused(target: str, body: str, status: int) -> None:
    async with Client(load("notes").app) as client:
        response = await client.post(target, body=body, headers={"content-type": "application/json"})
        assert response.status == status


async def test_a_note_that_is_not_there_is_404() -> None:
    async with Client(load("notes").app) as client:
        assert (await client.get("/notes/9")).json() == {"error": "there is no note 9"}


async def test_ticks_end_when_the_server_is_told_to_stop() -> None:
    async with Client(load("events").app) as client, client.stream("GET", "/ticks") as (response, body):
        assert response.headers["content-type"] == "text/event-stream"
        assert await anext(body) == b"id: 0\ndata: tick 0\n\n"
        client.server.service.shutdown.set()
        assert b"".join([piece async for piece in body]).endswith(b"event: shutdown\ndata: come back later\n\n")


async def test_timing_measures_and_an_upload_is_counted() -> None:
    async with Client(load("timing").app) as client:
        response = await client.put("/size", body=b"x" * 300_000)
        assert response.json() == {"bytes": 300_000}
        assert response.headers["server-timing"].startswith("app;dur=")
