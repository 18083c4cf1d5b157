"""Tests of aiosock.inspector.app: what the page is served and told."""

import asyncio
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from aiosock import App, Request, Response
from aiosock.inspector.app import MOST_READERS
from aiosock.inspector.snapshot import MOST_CONNECTIONS, MOST_IN_FLIGHT
from aiosock.observe import KEPT_BYTES
from tests.inspector.helpers import BELOW, LOCAL, Inspected, eventually
from tests.net.helpers import Gate, echo, hello, request_bytes

MARKUP = "<script>alert(1)</script>"


# The page.


class Sources(HTMLParser):
    """Collects what a page loads, and what it has inline."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.loaded += [
            given[name] or "" for name in ("src", "href") if name in given and tag in ("script", "link", "img")
        ]
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)


async def test_the_page_loads_its_own_files_and_nothing_else() -> None:
    async with Inspected(hello) as client:
        page = Sources()
        page.feed((await client.get("/_aiosock/", headers=LOCAL)).text)
        assert page.inline == []
        assert [each for each in page.loaded if not each.startswith("data:")] == [
            BELOW + "inspector.css",
            BELOW + "inspector.js",
        ]
        for name, kind in (("inspector.css", "text/css"), ("inspector.js", "text/javascript")):
            response = await client.look(name)
            assert response.status == 200
            assert response.headers["content-type"] == f"{kind}; charset=utf-8"
            assert not re.search(r"https?://(?!www\.w3\.org)", response.text)
        assert (await client.look("inspector.html")).status == 404
        assert (await client.look("other.css")).status == 404


async def test_every_response_is_kept_apart() -> None:
    async with Inspected(hello) as client:
        for path in (
            "",
            "inspector/requests.har",
            "inspector/inspector.js",
            "inspector/nothing",
            "inspector/requests/1",
        ):
            headers = (await client.get("/_aiosock/" + path, headers=LOCAL)).headers
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert headers["cache-control"] == "no-store"
            assert headers["x-content-type-options"] == "nosniff"


async def test_the_script_writes_no_markup() -> None:
    async with Inspected(hello) as client:
        script = (await client.look("inspector.js")).text
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", script)


# What it is told.


async def test_markup_of_a_client_stays_text() -> None:
    async with Inspected(hello) as client:
        await client.get(f"/{MARKUP}", headers={"x-a": MARKUP, "user-agent": MARKUP})
        (ended,) = await client.ended()
        assert ended["target"] == f"/{MARKUP}"
        response = await client.look(f"requests/{ended['number']}")
        assert response.headers["content-type"] == "application/json"
        assert ["x-a", MARKUP] in response.json()["fields"]


async def test_details_hide_secrets_unless_asked_for() -> None:
    async def handler(request: Request) -> Response:
        response = Response.text("x")
        response.set_cookie("session", "s3cret")
        return response

    async with Inspected(handler) as client:
        await client.get("/", headers={"cookie": "a=s3cret", "authorization": "Bearer s3cret"})
        (ended,) = await client.ended()
        hidden = await client.look(f"requests/{ended['number']}")
        assert "s3cret" not in hidden.text
        assert ["cookie", "(hidden)"] in hidden.json()["fields"]
        shown = (await client.look(f"requests/{ended['number']}?secrets=1")).text
        assert shown.count("s3cret") == 5  # two in the fields, two in the command, one in the response


async def test_connections_are_told_with_their_deadlines() -> None:
    async with Inspected(hello) as client:
        peer = await client.connect()
        peer.send(request_bytes())
        await peer.response()
        await client.advance(5)
        found = (await client.snapshot())["connections"]
        (idle,) = [each for each in found["shown"] if not each["own"]]
        assert (idle["doing"], idle["waits_for"], idle["left"]) == ("idle", "its next request", 70)
        assert (idle["requests"], idle["peer"], idle["protocol"]) == (1, "127.0.0.1:50000", "HTTP/1.1")


async def test_of_many_connections_and_requests_some_are_shown() -> None:
    gate = Gate()
    async with Inspected(gate) as client:
        peers = [await client.connect() for _ in range(MOST_IN_FLIGHT + 20)]
        for number, peer in enumerate(peers):
            client.now += 1
            peer.send(request_bytes(target=f"/{number}"))
            await client.settle()
        snapshot = await client.snapshot()
        flights = snapshot["in_flight"]
        assert flights["count"] == MOST_IN_FLIGHT + 20
        assert [each["target"] for each in flights["shown"]] == [f"/{number}" for number in range(MOST_IN_FLIGHT)]
        assert len(snapshot["connections"]["shown"]) == MOST_CONNECTIONS
        assert snapshot["connections"]["count"] == MOST_IN_FLIGHT + 21
        gate.open.set()


async def test_the_stream_is_open_a_few_times_at_most() -> None:
    async with Inspected(hello) as client:
        peers = [await client.connect() for _ in range(MOST_READERS + 1)]
        for peer in peers:
            peer.send(request_bytes(target=BELOW + "events").replace(b"Host: a", b"Host: localhost"))
            await client.settle()
        assert [peer.received[9:12] for peer in peers] == [b"200"] * MOST_READERS + [b"503"]
        peers[0].reset()
        await client.advance(1)
        await eventually(lambda: client.inspector._look._readers == MOST_READERS - 1)


async def test_a_reader_that_does_not_read_costs_nothing_more() -> None:
    async with Inspected(hello) as client:
        peer = await client.connect()
        peer.stall()
        peer.send(request_bytes(target=BELOW + "events").replace(b"Host: a", b"Host: localhost"))
        await client.settle()
        (served,) = client.server.served
        held = []
        for _ in range(20):
            await client.get("/" + "x" * 2000)
            held.append(served.state().sent)
        await asyncio.sleep(0)
        # One event may be under way, and two may wait behind it.
        assert held[-1] <= client.server.config.limits.write_buffer_bytes + 3 * 1024 * 1024
        await client.advance(31)  # `write_idle_seconds`, if the buffer is full; else it is let be


async def test_the_stream_ends_when_the_server_stops() -> None:
    async with Inspected(hello) as client, client.stream_of_events() as events:
        await anext(events)
        client.server.service.shutdown.set()
        assert [event async for event in events] == []


async def test_what_is_measured_while_somebody_looks_stops_with_the_last_one() -> None:
    async with Inspected(hello) as client:
        look = client.inspector._look
        async with client.stream_of_events() as events:
            await anext(events)
            assert look._watchdog is not None
            assert look._lag._timer is not None
        await client.advance(1)
        await eventually(lambda: look._readers == 0)
        assert look._watchdog is None
        assert look._lag._timer is None


async def test_the_process_is_told() -> None:
    async with Inspected(hello) as client:
        process = (await client.snapshot())["process"]
        assert process["python"].startswith("3.")
        assert {"descriptors", "memory", "threads", "pid"} <= process.keys()


# Replaying: through a real socket, as the client has sent it.


@pytest.fixture
def app() -> App:
    app = App()
    app.post("/echo")(echo)

    @app.get("/who")
    async def who(request: Request) -> dict[str, Any]:
        return {"cookie": request.headers.get("cookie", ""), "host": request.host}

    @app.get("/endless")
    async def endless(request: Request) -> Response:
        async def pieces() -> Any:
            while True:
                yield b"x" * 10_000

        return Response(pieces())

    return app


async def replayed(app: App, data: bytes) -> dict[str, Any]:
    """Send a request, replay it, and return what came back."""
    async with Inspected(app) as client:
        await client.server.start()
        peer = await client.connect()
        peer.send(data)
        await client.settle()
        peer.reset()
        await client.advance(0)
        (ended,) = await client.ended()
        response = await client.look(f"requests/{ended['number']}/replay", "POST")
        assert response.status == 200, response.text
        found: dict[str, Any] = response.json()
        found["ended"] = [each["target"] for each in await client.ended()]
        return found


async def test_a_request_can_be_sent_again(app: App) -> None:
    found = await replayed(app, request_bytes("Content-Length: 4", method="POST", target="/echo?a=b", body=b"body"))
    assert (found["status"], found["text"], found["size"], found["is_whole"]) == (200, "body", 4, True)
    assert found["ended"] == ["/echo?a=b", "/echo?a=b"]
    assert found["seconds"] > 0


async def test_it_is_sent_with_its_cookies(app: App) -> None:
    found = await replayed(app, request_bytes("Cookie: a=b", target="/who"))
    assert json.loads(found["text"]) == {"cookie": "a=b", "host": "a"}


async def test_of_a_response_without_end_the_beginning_is_shown(app: App) -> None:
    found = await replayed(app, request_bytes(target="/endless"))
    assert not found["is_whole"]
    assert set(found["text"]) == {"x"}


async def test_a_request_that_is_not_kept_cannot_be_sent_again() -> None:
    async with Inspected(hello) as client:
        await client.post("/", body=b"x" * (KEPT_BYTES + 1))
        (ended,) = await client.ended()
        response = await client.look(f"requests/{ended['number']}/replay", "POST")
        assert (response.status, response.json()["detail"][:21]) == (409, "Its body is not kept:")
        assert (await client.look("requests/999/replay", "POST")).status == 404
