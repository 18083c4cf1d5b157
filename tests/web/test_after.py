"""Tests of request.after: what is left to be done when a request is over."""

import asyncio
import contextvars
import logging
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest

from aiosock import App, Limits, Redirect, Request, Response, Timeouts
from aiosock.log import RequestIdFilter
from aiosock.testing import Client, Peer
from aiosock.web.after import FUNCTIONS, AfterAnswers
from aiosock.web.exchange import Connection
from aiosock.web.middleware import request_id
from aiosock.web.registering import is_async
from tests.net.helpers import until
from tests.web.ask import GET, app_of, ask


class Gate:
    """An async function that notes its argument, and then waits until it is opened."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.opened = asyncio.Event()
        self.notes: list[str] = []

    async def __call__(self, note: str) -> None:
        self.notes.append(note)
        self.entered.set()
        await self.opened.wait()
        self.notes.append(f"{note} done")


def leaving(*calls: Callable[..., Any], result: object = "answer") -> App:
    """Return an app whose handler leaves these functions."""

    async def handler(request: Request) -> object:
        for call in calls:
            request.after(call)
        if isinstance(result, BaseException):
            raise result
        return result

    return app_of(handler)


async def asked(client: Client, data: bytes = GET) -> Peer:
    """Send a request and return the peer that has sent it."""
    peer = await client.connect()
    peer.send(data)
    await client.settle()
    return peer


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "aiosock.app"]


async def test_what_is_left_is_done_after_the_answer_and_in_order() -> None:
    gate = Gate()
    app = leaving(partial(gate, "first"), partial(gate, "second"))
    async with Client(app) as client:
        peer = await asked(client)

        assert (await peer.response()).text == "answer"
        assert gate.notes == ["first"]
        gate.opened.set()
        await client.server.service.after.idle(10)

    assert gate.notes == ["first", "first done", "second", "second done"]


async def test_the_next_request_of_the_connection_does_not_wait_for_it() -> None:
    gate = Gate()
    async with Client(leaving(partial(gate, "a"))) as client:
        peer = await asked(client)
        await peer.response()
        peer.send(GET)

        assert (await peer.response()).text == "answer"
        await until(lambda: gate.notes == ["a", "a"])


async def test_the_test_client_waits_for_it() -> None:
    notes: list[str] = []

    async def slow() -> None:
        await asyncio.to_thread(notes.append, "done")

    assert (await ask(leaving(slow), "GET", "/")).text == "answer"
    assert notes == ["done"]


async def test_a_test_does_not_wait_for_ever() -> None:
    async with Client(leaving(partial(Gate(), "a")), patience=0.05) as client:
        with pytest.raises(TimeoutError, match="has not ended: Gate"):
            await client.get("/")


@pytest.mark.parametrize(
    "made", [lambda gate: gate, lambda gate: partial(gate, "a"), lambda gate: partial(gate.__call__, "a")]
)
def test_a_partial_of_an_instance_is_async_as_the_instance_is(made: Callable[[Gate], object]) -> None:
    assert is_async(made(Gate()))


async def test_a_function_that_is_not_async_runs_in_a_thread() -> None:
    threads = []

    def note(first: str, *, second: str) -> None:
        threads.append((threading.current_thread().name.partition("_")[0], first, second))

    async def handler(request: Request) -> None:
        request.after(note, "a", second="b")

    await ask(app_of(handler), "GET", "/")
    assert threads == [("aiosock-after", "a", "b")]


async def test_what_a_function_returns_is_awaited_if_it_can_be() -> None:
    notes: list[str] = []

    async def note() -> None:
        notes.append("done")

    await ask(leaving(lambda: note()), "GET", "/")
    assert notes == ["done"]


async def test_it_sees_the_context_of_its_request_and_the_next_request_does_not() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    seen = []

    async def look() -> None:
        seen.append(variable.get())
        variable.set("changed")

    async def handler(request: Request) -> str:
        before = variable.get()
        variable.set(request.query["a"])
        request.after(look)
        request.after(lambda: seen.append(variable.get()))
        return before

    async with Client(app_of(handler)) as client:
        assert [(await client.get(f"/?a={name}")).text for name in "xy"] == ["none", "none"]

    assert seen == ["x", "changed", "y", "changed"]


@pytest.mark.parametrize("result", [ValueError("broken"), Redirect("/login"), "answer", Response(status=204)])
async def test_it_is_done_whatever_the_answer_is(result: object) -> None:
    notes: list[str] = []

    await ask(leaving(lambda: notes.append("done"), result=result), "GET", "/")

    assert notes == ["done"]


async def test_it_is_done_after_the_last_piece_of_a_streamed_body() -> None:
    notes: list[str] = []

    async def handler(request: Request) -> AsyncIterator[str]:
        request.after(notes.append, "after")
        yield "a"
        notes.append("streamed")
        yield "b"

    assert (await ask(app_of(handler), "GET", "/")).text == "ab"
    assert notes == ["streamed", "after"]


async def test_it_is_done_if_the_client_leaves_before_the_answer() -> None:
    gate = Gate()
    notes: list[str] = []

    async def handler(request: Request) -> None:
        request.after(lambda: notes.append("done"))
        await gate("handler")

    async with Client(app_of(handler)) as client:
        peer = await asked(client)
        peer.reset()
        await client.advance(1)
        await peer.done()
        await client.server.service.after.idle(10)

    assert (gate.notes, notes) == (["handler"], ["done"])


async def test_a_bare_handler_may_leave_something() -> None:
    notes: list[str] = []

    async def handler(request: Request) -> Response:
        request.after(notes.append, "done")
        return Response()

    await ask(handler, "GET", "/")
    assert notes == ["done"]


# What fails.


async def failing() -> None:
    raise ValueError("broken")


async def exiting() -> None:
    raise SystemExit(3)


async def cancelled() -> None:
    task = asyncio.ensure_future(asyncio.sleep(100))
    task.cancel()
    await task


def failing_in_a_thread() -> None:
    raise ValueError("broken")


@pytest.mark.parametrize("function", [failing, exiting, cancelled, failing_in_a_thread, lambda missing: None])
async def test_what_fails_is_logged_and_the_next_is_done(
    function: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    notes: list[str] = []

    await ask(leaving(function, lambda: notes.append("done")), "GET", "/?b")

    assert notes == ["done"]
    (line,) = lines(caplog)
    assert line == f"GET /?b: {function.__qualname__} failed afterwards"
    assert caplog.records[-1].exc_info is not None


@pytest.mark.parametrize("function", [failing, failing_in_a_thread])
async def test_the_test_client_raises_what_fails(function: Callable[..., Any]) -> None:
    async with Client(leaving(function)) as client:
        with pytest.raises(ValueError, match="broken"):
            await client.get("/")


async def test_a_failure_is_logged_with_the_id_of_the_request(caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(RequestIdFilter())
    app = leaving(failing, failing_in_a_thread)
    app.middleware(request_id(incoming=True))

    await ask(app, "GET", "/", headers={"x-request-id": "the-id"})

    assert [record.request_id for record in caplog.records if record.name == "aiosock.app"] == ["the-id", "the-id"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("wrong", [None, "text", 3])
async def test_what_is_no_function_is_refused(wrong: Any) -> None:
    async def handler(request: Request) -> str:
        with pytest.raises(TypeError, match=r"write request\.after\(function, argument\)"):
            request.after(wrong)
        return "refused"

    assert (await ask(app_of(handler), "GET", "/")).text == "refused"


async def test_a_coroutine_is_refused_and_does_not_warn() -> None:
    async def handler(request: Request) -> str:
        coroutine: Any = failing()
        with pytest.raises(TypeError, match=r"not request\.after\(function\(argument\)\)"):
            request.after(coroutine)
        return "refused"

    assert (await ask(app_of(handler), "GET", "/")).text == "refused"


# What is left by what is left.


async def test_a_function_may_leave_another_one() -> None:
    notes: list[str] = []

    async def handler(request: Request) -> None:
        async def first() -> None:
            notes.append("first")
            request.after(notes.append, "third")

        request.after(first)
        request.after(notes.append, "second")

    await ask(app_of(handler), "GET", "/")
    assert notes == ["first", "second", "third"]


async def test_once_all_is_done_nothing_more_is_taken() -> None:
    requests: list[Request] = []

    async def handler(request: Request) -> None:
        request.after(requests.append, request)

    await ask(app_of(handler), "GET", "/")

    with pytest.raises(RuntimeError, match="has ended"):
        requests[0].after(print)


async def test_a_chain_without_end_ends_at_the_deadline(caplog: pytest.LogCaptureFixture) -> None:
    notes: list[str] = []

    async def handler(request: Request) -> None:
        async def again() -> None:
            notes.append("again")
            await asyncio.sleep(0)
            request.after(again)

        request.after(again)

    async with Client(app_of(handler)) as client:
        await asked(client)
        await client.advance(29)
        count = len(notes)
        await client.advance(1)
        await client.server.service.after.idle(10)

    assert 1 < count < len(notes)
    assert "cancelled afterwards" in caplog.text


async def test_one_request_leaves_so_many_functions_at_most() -> None:
    async def handler(request: Request) -> str:
        for _ in range(FUNCTIONS):
            request.after(lambda: None)
        with pytest.raises(RuntimeError, match="give it one that has a loop"):
            request.after(lambda: None)
        return "refused"

    assert (await ask(app_of(handler), "GET", "/")).text == "refused"


# What takes too long, and what is too much.


async def test_what_hangs_is_cancelled_at_its_deadline(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    notes: list[str] = []
    app = leaving(partial(gate, "a"), lambda: notes.append("next"))
    async with Client(app, timeouts=Timeouts(after_seconds=5)) as client:
        await asked(client)
        await client.advance(4.9)
        assert len(client.server.service.after.tasks) == 1
        await client.advance(0.1)
        assert client.server.service.after.tasks == set()

    assert lines(caplog)[-1].startswith("GET /: cancelled afterwards, at its deadline or the end of the server: Gate, ")
    assert notes == []


async def test_what_swallows_its_cancellation_is_not_followed_by_more(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    notes: list[str] = []

    async def stubborn() -> None:
        try:
            await gate("a")
        except asyncio.CancelledError:
            notes.append("swallowed")

    async with Client(leaving(stubborn, lambda: notes.append("next"))) as client:
        await asked(client)
        await client.advance(31)
        await client.server.service.after.idle(10)

    assert notes == ["swallowed"]


async def test_without_a_deadline_it_may_take_for_ever() -> None:
    gate = Gate()
    async with Client(leaving(partial(gate, "a")), timeouts=Timeouts(after_seconds=0)) as client:
        await asked(client)
        await client.advance(1e9)
        assert len(client.server.service.after.tasks) == 1


async def test_a_standstill_of_the_server_does_not_count() -> None:
    async with Client(leaving(partial(Gate(), "a")), timeouts=Timeouts(after_seconds=5)) as client:
        await asked(client)
        client.now = 7
        client.server.sweep(late=7)
        await client.settle()
        assert len(client.server.service.after.tasks) == 1


async def test_beyond_the_limit_the_answer_is_503() -> None:
    gate = Gate()
    async with Client(leaving(partial(gate, "a")), limits=Limits(after_tasks=2)) as client:
        for _ in range(2):
            await (await asked(client)).response()
        answer = await (await asked(client)).response()
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert "the work of 2 requests" in answer.text
        gate.opened.set()
        await client.server.service.after.idle(10)
        assert (await client.get("/")).status == 200


async def test_a_request_that_is_being_answered_takes_a_place_too() -> None:
    gate = Gate()

    async def handler(request: Request) -> None:
        request.after(lambda: None)
        await gate("handler")

    async with Client(app_of(handler), limits=Limits(after_tasks=1)) as client:
        await asked(client)
        assert (await (await asked(client)).response()).status == 503
        gate.opened.set()


async def test_without_a_server_nothing_is_taken() -> None:
    assert Connection().after.tasks == set()


# The end of the server.


async def test_the_drain_waits_for_it_and_the_lifespan_ends_after_it() -> None:
    gate = Gate()
    notes: list[str] = []
    app = leaving(partial(gate, "a"), lambda: notes.append("after"))

    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        yield
        notes.append("lifespan")

    async with Client(app) as client:
        peer = await asked(client)
        await peer.response()
        peer.end()
        await peer.done()
        draining = asyncio.create_task(client.server.drain())
        await client.settle()
        assert not draining.done()
        gate.opened.set()
        assert await draining

    assert notes == ["after", "lifespan"]


async def test_the_end_of_the_drain_cancels_it(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    timeouts = Timeouts(drain_seconds=3)
    async with Client(leaving(partial(gate, "a")), timeouts=timeouts) as client:
        await (await asked(client)).response()
        draining = asyncio.create_task(client.server.drain())
        await client.settle()
        client.now += 3
        assert await draining

    assert gate.notes == ["a"]
    assert lines(caplog) == ["GET /: cancelled afterwards, at its deadline or the end of the server: Gate"]


async def test_what_a_cancelled_request_leaves_is_named(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()

    async def handler(request: Request) -> None:
        request.after(failing)
        await gate("handler")

    async with Client(app_of(handler)) as client:
        await asked(client)
        await client.server.abort()

    assert lines(caplog) == ["GET /: the server has stopped before what was to be done afterwards: failing"]


async def test_the_places_are_given_back_whatever_happens() -> None:
    after = AfterAnswers(1, 0, lambda: 0.0)
    after.begin("a").start()
    await after.idle(10)
    place = after.begin("b")
    after.close()
    place.start()

    after.begin("c")
    assert after.tasks == set()


def test_a_record_of_the_log_has_a_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    after = AfterAnswers(1, 0, lambda: 0.0)
    after.close()
    after.begin("GET /").start()

    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_what_is_cancelled_before_it_begins_is_named(caplog: pytest.LogCaptureFixture) -> None:
    after = AfterAnswers(1, 0, lambda: 0.0)
    place = after.begin("GET /")
    place.add(failing, (), {})
    place.start()

    await asyncio.wait(after.close())

    assert lines(caplog) == ["GET /: the server has stopped before what was to be done afterwards: failing"]


async def test_a_thread_goes_on_after_its_deadline(caplog: pytest.LogCaptureFixture) -> None:
    opened, entered, ended = threading.Event(), threading.Event(), threading.Event()

    def wait() -> None:
        entered.set()
        opened.wait()
        ended.set()

    async with Client(leaving(wait)) as client:
        await (await asked(client)).response()
        await asyncio.to_thread(entered.wait)
        await client.advance(31)
        assert client.server.service.after.tasks == set()
        opened.set()
        await asyncio.to_thread(ended.wait)

    assert "at its deadline" in lines(caplog)[-1]
