"""Tests of aiosock.inspector.flights: what is known of requests, while they are answered and afterwards."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest

from aiosock import App, HTTPError, Request, Response
from aiosock.inspector.flights import HEAD_BYTES, LAST, Flights
from aiosock.inspector.short_head import TARGET_CHARACTERS
from aiosock.observe import KEPT_BYTES
from tests.inspector.helpers import Inspected, record_of
from tests.net.helpers import Gate, channels, echo, hello, post_bytes, request_bytes


async def only(client: Inspected) -> dict[str, Any]:
    """Return the one request that has ended."""
    (ended,) = await client.ended()
    return ended


async def test_a_request_under_way_is_shown_with_its_age_and_route() -> None:
    gate, app = Gate(), App()

    @app.get("/users/{id:int}")
    async def user(request: Request, id: int) -> Response:
        return await gate(request)

    async with Inspected(app) as client:
        peer = await client.connect()
        peer.send(request_bytes(target="/users/7?x=1"))
        await gate.entered.wait()
        await client.advance(2.5)
        found = (await client.snapshot())["in_flight"]
        assert found["count"] == 1
        shown = found["shown"][0]
        assert (shown["method"], shown["target"], shown["route"]) == ("GET", "/users/7?x=1", "/users/{id:int}")
        assert (shown["age"], shown["client"]) == (2.5, "127.0.0.1:50000")
        gate.open.set()
        await peer.response()
        assert (await client.snapshot())["in_flight"] == {"count": 0, "shown": []}


async def test_a_request_that_has_ended_is_shown_with_its_sizes_and_route() -> None:
    app = App()
    app.post("/echo")(echo)
    async with Inspected(app) as client:
        received = await client.post("/echo", body=b"x" * 100)
        ended = await only(client)
        assert (ended["method"], ended["target"], ended["route"], ended["status"]) == ("POST", "/echo", "/echo", 200)
        assert (ended["received"], ended["ending"], ended["why"]) == (100, "COMPLETE", "the response was sent")
        assert ended["sent"] > len(received.body)


async def test_each_stage_has_its_time() -> None:
    async def handler(request: Request) -> Response:
        content = await request.read()
        client.now += 3  # handles
        return Response(pieces(content))

    async def pieces(content: bytes) -> AsyncIterator[bytes]:
        client.now += 4  # writes
        yield content

    async with Inspected(handler) as client:
        peer = await client.connect()
        whole = post_bytes(b"body", target="/slow")
        peer.send(whole[:10])
        await client.advance(1)  # the head arrives
        peer.send(whole[10:-1])
        await client.settle()
        client.now += 2  # the client is waited for
        peer.send(whole[-1:])
        await peer.response()
        ended = await only(client)
        assert ended["stages"] == {"head": 1, "wait": 2, "handler": 3, "write": 4}
        assert ended["seconds"] == 10


async def test_a_head_that_came_in_pieces_does_not_count_for_the_next_request() -> None:
    async with Inspected(hello) as client:
        peer = await client.connect()
        for first in (True, False):
            peer.send(request_bytes()[: 5 if first else 100])
            await client.advance(1 if first else 0)
            if first:
                peer.send(request_bytes()[5:])
            await peer.response()
        assert [each["stages"]["head"] for each in await client.ended()] == [1, 0]


async def fails(request: Request) -> Response:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("data", "status", "ending"),
    [
        (b"nonsense\r\n\r\n", 400, "REFUSED"),
        (request_bytes("Expect: miracle"), 417, "COMPLETE"),
        (request_bytes(), 500, "COMPLETE"),
    ],
)
async def test_requests_that_go_wrong_are_there_too(data: bytes, status: int, ending: str) -> None:
    async with Inspected(fails) as client:
        peer = await client.connect()
        peer.send(data)
        await peer.response()
        ended = await only(client)
        assert (ended["status"], ended["ending"]) == (status, ending)


async def test_what_was_no_request_has_a_time_too() -> None:
    async with Inspected(hello) as client:
        await client.advance(5)
        peer = await client.connect()
        peer.send(b"nonsense\r\n\r\n")
        await peer.response()
        snapshot = await client.snapshot()
        assert snapshot["now"] - snapshot["ended"][0]["ended_at"] == pytest.approx(0, abs=2)


async def test_a_client_that_left_is_told_as_the_reason() -> None:
    gate = Gate()
    async with Inspected(gate) as client:
        peer = await client.connect()
        peer.send(request_bytes())
        await gate.entered.wait()
        peer.reset()
        await client.advance(1)
        ended = await only(client)
        assert (ended["status"], ended["why"]) == (0, "the client left before it had the whole response")


async def test_the_requests_for_the_page_are_not_shown() -> None:
    async with Inspected(hello) as client:
        await client.get("/_aiosock/", headers={"host": "localhost"})
        await client.look("requests.har")
        snapshot = await client.snapshot()
        assert (snapshot["ended"], snapshot["in_flight"]["count"], snapshot["total"]) == ([], 0, 0)
        assert snapshot["routes"] == []
        assert [each["own"] for each in snapshot["connections"]["shown"]] == [True]


async def test_a_path_of_the_app_that_looks_like_it_is_shown() -> None:
    app = App()

    @app.get("/my/_aiosock/x")
    async def mine(request: Request) -> str:
        return "mine"

    async with Inspected(app) as client:
        assert (await client.get("/my/_aiosock/x")).text == "mine"
        assert [each["route"] for each in await client.ended()] == ["/my/_aiosock/x"]


async def test_an_event_has_only_what_is_new() -> None:
    async with Inspected(hello) as client:
        await client.get("/1")
        async with client.stream_of_events() as events:
            assert [each["target"] for each in (await anext(events))["ended"]] == ["/1"]
            await client.get("/2")
            assert [each["target"] for each in (await anext(events))["ended"]] == ["/2"]
            assert (await anext(events))["ended"] == []


# Cancelling.


async def test_a_request_that_is_cancelled_is_answered_503() -> None:
    gate = Gate()
    async with Inspected(gate) as client:
        peer = await client.connect()
        peer.send(request_bytes("Accept: application/problem+json"))
        await gate.entered.wait()
        (flight,) = (await client.snapshot())["in_flight"]["shown"]
        assert (await client.look(f"requests/{flight['number']}/cancel", "POST")).json() == {"cancelled": True}
        response = await peer.response()
        assert (response.status, response.json()["detail"]) == (
            503,
            "Somebody cancelled this request in the inspector.",
        )
        assert gate.cancelled
        ended = await only(client)
        assert (ended["number"], ended["ending"], ended["status"]) == (flight["number"], "CANCELLED", 503)
        assert ended["why"] == "somebody cancelled it in the inspector"

        gate.open.set()  # the connection goes on
        peer.send(request_bytes())
        assert (await peer.response()).status == 200


async def test_a_response_that_has_begun_is_cut_off() -> None:
    async def handler(request: Request) -> Response:
        return Response(pieces())

    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.Event().wait()

    async with Inspected(handler) as client:
        peer = await client.connect()
        peer.send(request_bytes())
        await client.settle()
        (flight,) = (await client.snapshot())["in_flight"]["shown"]
        await client.look(f"requests/{flight['number']}/cancel", "POST")
        await peer.done()
        assert peer.was_reset


async def test_only_a_request_under_way_can_be_cancelled() -> None:
    async with Inspected(hello) as client:
        await client.get("/")
        number = (await only(client))["number"]
        for other in (number, 12345):
            response = await client.look(f"requests/{other}/cancel", "POST")
            assert (response.status, response.json()["detail"]) == (404, "This request is not under way.")
        assert (await client.look(f"requests/{number}/cancel")).status == 405


# Limits.


async def test_the_last_ones_are_kept_and_no_more() -> None:
    flights = Flights()
    for number in range(LAST + 10):
        flights.finished(record_of(target=f"/{number}"))
        flights.settle()
    assert (len(flights.last), flights.ended) == (LAST, LAST + 10)
    kept = flights.ended_since(0)
    assert kept[0].record.head is not None
    assert kept[0].record.head.target == "/10"
    assert len(flights.ended_since(LAST)) == 10


def test_all_are_counted_though_few_wait_for_it() -> None:
    flights = Flights()
    flights.told = lambda: 3 * LAST
    for number in range(3 * LAST):
        record = record_of()
        record.route = "/x" if number % 10 else "/_aiosock/inspector/events"
        flights.finished(record)
    flights.settle()
    assert flights.ended == 3 * LAST - LAST // 10
    assert flights.routes.figures["GET", "/x"].count == pytest.approx(flights.ended)
    flights.told = lambda: 3 * LAST + 1
    flights.finished(record_of())
    flights.settle()
    assert flights.ended == 3 * LAST - LAST // 10 + 1


async def test_of_a_long_head_only_the_beginning_is_kept() -> None:
    async with Inspected(hello) as client:
        await client.get("/" + "x" * HEAD_BYTES)
        ended = await only(client)
        assert ended["target"] == "/" + "x" * (TARGET_CHARACTERS - 1)
        details = (await client.look(f"requests/{ended['number']}")).json()
        assert (details["fields"], details["curl"]) == ([], "")
        assert details["why_not_replayed"] == "Its head is not kept: it was too long, or no valid one."


async def test_other_observers_see_the_whole_head() -> None:
    record = record_of(target="/" + "x" * HEAD_BYTES)
    head: Any = record.head
    head.size = 2 * HEAD_BYTES
    flights = Flights()
    flights.finished(record)
    flights.settle()
    assert record.head is head
    assert flights.last[0].head is not head


async def test_very_long_fields_of_a_response_are_not_kept() -> None:
    async def handler(request: Request) -> Response:
        return Response("x", headers={"x-long": "y" * HEAD_BYTES})

    async with Inspected(handler) as client:
        await client.get("/")
        ended = await only(client)
        assert (await client.look(f"requests/{ended['number']}")).json()["answer_fields"] == []


@pytest.mark.parametrize(("size", "is_kept"), [(KEPT_BYTES, True), (KEPT_BYTES + 1, False)])
async def test_a_short_body_is_kept(size: int, is_kept: bool) -> None:
    async with Inspected(echo) as client:
        await client.post("/", body=b"x" * size)
        ended = await only(client)
        details = (await client.look(f"requests/{ended['number']}")).json()
        assert details["body"] == ("x" * size if is_kept else None)


async def test_what_is_kept_does_not_hold_the_connection() -> None:
    async with Inspected(echo) as client:
        peer = await client.connect()
        peer.send(post_bytes(b"body"))
        await peer.response()
        (channel,) = channels(client.server)
        gone = weakref.ref(channel._transport)
        peer.end()
        await peer.done()
        await client.ended()
        del channel, peer
        client._tasks.clear()
        await client.settle()
        gc.collect()
        assert gone() is None


async def test_a_body_that_was_not_read_whole_is_not_kept() -> None:
    async def first(request: Request) -> Response:
        return Response(await anext(request.body))

    async with Inspected(first) as client:
        peer = await client.connect()
        peer.send(post_bytes(b"body")[:-1])
        await client.settle()
        peer.reset()
        await client.advance(3)
        ended = await only(client)
        details = (await client.look(f"requests/{ended['number']}")).json()
        assert details["body"] is None
        assert details["why_not_replayed"] == "Its body is not kept: it was too long, or was not read to its end."


async def test_what_has_left_the_last_ones_is_not_found() -> None:
    async with Inspected(hello) as client:
        response = await client.look("requests/1")
        assert (response.status, response.json()["detail"]) == (404, "This request is none of the last ones any more.")


async def test_an_error_of_the_app_keeps_its_status() -> None:
    async def handler(request: Request) -> Response:
        raise HTTPError(418, "teapot")

    async with Inspected(handler) as client:
        assert (await client.get("/")).status == 418
        assert (await only(client))["status"] == 418
