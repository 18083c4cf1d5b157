"""Each example does what it says; those that stream end at shutdown."""

import asyncio
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
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {
        "background",
        "events",
        "file_upload",
        "hello",
        "login",
        "notes",
        "timing",
    }


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


@pytest.mark.parametrize(("seen", "first"), [("7", b"id: 8\ndata: tick 8\n\n"), ("-1", b"id: 0\ndata: tick 0\n\n")])
async def test_ticks_go_on_where_they_broke_off(seen: str, first: bytes) -> None:
    fields = {"last-event-id": seen}
    async with Client(load("events").app) as client, client.stream("GET", "/ticks", headers=fields) as (_, body):
        assert await anext(body) == first


async def test_an_id_that_is_none_of_ours_is_400() -> None:
    async with Client(load("events").app) as client:
        assert (await client.get("/ticks", headers={"last-event-id": "seven"})).status == 400


async def test_timing_measures_and_an_upload_is_counted() -> None:
    async with Client(load("timing").app) as client:
        response = await client.put("/size", body=b"x" * 300_000)
        assert response.json() == {"bytes": 300_000}
        assert response.headers["server-timing"].startswith("app;dur=")


async def test_who_knows_the_password_is_logged_in_until_the_logout() -> None:
    async with Client(load("login").app) as client:

        async def submit(target: str, body: str, **fields: str) -> tuple[int, str]:
            """Send a form as a browser does; give the status and the cookie."""
            headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
            answer = await client.post(target, body=body, headers={**headers, **fields})
            return answer.status, answer.headers.get("set-cookie", "").partition(";")[0]

        status, cookie = await submit("/login", "name=ada&password=lovelace")
        assert status == 303
        assert "Hello, ada!" in (await client.get("/", headers={"cookie": cookie})).text
        assert await submit("/logout", "", cookie=cookie) == (303, "session=")
        assert "Log in" in (await client.get("/")).text


@pytest.mark.parametrize(
    ("body", "site"),
    [
        pytest.param("name=ada&password=", "same-origin", id="no password"),
        pytest.param("name=ada&password=Lovelace", "same-origin", id="another password"),
        pytest.param("name=eve&password=lovelace", "same-origin", id="another name"),
        pytest.param("", "same-origin", id="nothing"),
        pytest.param("name=ada&password=lovelace", "cross-site", id="the form of another site"),
    ],
)
async def test_anybody_else_is_not_logged_in(body: str, site: str) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": site}
    async with Client(load("login").app) as client:
        answer = await client.post("/login", body=body, headers=headers)

    assert answer.status == 403
    assert "set-cookie" not in answer.headers


async def test_the_login_is_out_of_reach_of_scripts_and_of_other_sites() -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    async with Client(load("login").app) as client:
        answer = await client.post("/login", body="name=ada&password=lovelace", headers=headers)

    assert answer.headers["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Lax")


async def test_files_are_uploaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    part = b'--b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
    body = part % (b"title", b"", b"Notes") + part % (b"file", b'; filename="../n.txt"', b"text") + b"--b--"
    headers = {"content-type": "multipart/form-data; boundary=b"}
    async with Client(load("file_upload").app) as client:
        assert b'enctype="multipart/form-data"' in (await client.get("/")).body
        created = await client.post("/", body=body, headers=headers)
        assert (created.status, created.json()) == (201, {"title": "Notes", "saved": ["_.._n.txt"]})
        assert (await client.post("/", body=body, headers=headers)).status == 409
        nothing = part % (b"file", b'; filename=""', b"") + b"--b--"
        assert (await client.post("/", body=nothing, headers=headers)).status == 400
    assert (tmp_path / "uploads" / "_.._n.txt").read_text() == "text"


async def test_a_job_goes_on_after_its_answer_and_is_waited_for_at_the_end() -> None:
    example = load("background")
    async with Client(example.app) as client:
        started = await client.post("/jobs", body=b"data")
        assert (started.status, started.headers["location"]) == (202, "/jobs/1")
        shown = {"digest": None}
        async with asyncio.timeout(client.patience):
            while shown["digest"] is None:
                shown = (await client.get("/jobs/1")).json()
        assert shown == {"id": 1, "digest": example.digest(b"data")}
        assert (await client.get("/jobs/2")).status == 404
        await client.post("/jobs", body=b"other")
    assert example.app.state.jobs[2].result() == example.digest(b"other")
