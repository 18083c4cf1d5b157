"""Tests of aiosock.net.context: what one request sets in a context, no other request sees."""

import asyncio
import contextlib
import decimal
import gc
import weakref
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar

import pytest

from aiosock import App, HTTPError, Request, Response, Upgrade
from aiosock.net.context import in_own_context
from aiosock.testing import Client
from aiosock.web.handler import Handler
from aiosock.web.response import Duplex
from tests.net.helpers import connection, request_bytes

user: ContextVar[str] = ContextVar("user", default="nobody")

app = App()


@app.get("/login/{name}")
async def login(request: Request, name: str) -> str:
    user.set(name)
    decimal.getcontext().prec = 3
    return user.get()


@app.get("/who")
async def who(request: Request) -> dict[str, object]:
    return {"user": user.get(), "precision": decimal.getcontext().prec}


@app.get("/fail")
async def fail(request: Request) -> str:
    user.set("eve")
    raise HTTPError(418, user.get())


@app.get("/stream")
async def stream(request: Request) -> AsyncIterator[str]:
    user.set("mallory")
    for _ in range(3):
        yield user.get()
        await asyncio.sleep(0)


@app.get("/task")
async def task(request: Request) -> str:
    user.set("trent")

    async def inner() -> str:
        seen = user.get()
        user.set("inner")
        return seen

    return f"{await asyncio.create_task(inner())} {user.get()}"


@pytest.fixture(autouse=True)
def decimal_context() -> Iterator[None]:
    """Restore the precision that the rest of the process has."""
    with decimal.localcontext():
        yield


@pytest.mark.parametrize("first", ["/login/ada", "/fail", "/stream", "/task"])
async def test_the_next_request_of_the_connection_sees_nothing(first: str) -> None:
    async with Client(app) as client:
        peer = await client.connect()
        for target in (first, "/who"):
            peer.send(request_bytes(target=target))
            answer = await peer.response()
        assert answer.json() == {"user": "nobody", "precision": 28}


async def test_a_precision_that_the_program_has_set_is_each_requests_own() -> None:
    decimal.getcontext().prec = 50  # before the connection: its tasks inherit this very object
    async with Client(app) as client:
        peer = await client.connect()
        for target in ("/login/ada", "/who"):
            peer.send(request_bytes(target=target))
            answer = await peer.response()
        assert answer.json()["precision"] == 50
    assert decimal.getcontext().prec == 50


async def test_what_the_program_has_set_before_is_seen() -> None:
    token = user.set("the program")
    try:
        async with Client(app) as client:
            assert (await client.get("/who")).json()["user"] == "the program"
    finally:
        user.reset(token)


async def test_a_handler_sees_what_its_middleware_sets_and_the_middleware_what_the_handler_sets() -> None:
    seen: list[str] = []
    inner = App()
    inner.mount("/", app)

    @inner.middleware
    async def as_bob(request: Request, next: Handler) -> Response:
        user.set("bob")
        response = await next(request)
        seen.append(user.get())
        return response

    async with Client(inner) as client:
        assert (await client.get("/who")).json()["user"] == "bob"
        assert (await client.get("/login/ada")).text == "ada"
    assert seen == ["bob", "ada"]


async def test_a_streamed_body_is_made_in_the_context_of_its_request() -> None:
    async with Client(app) as client:
        assert (await client.get("/stream")).text == "mallory" * 3


async def test_tasks_of_a_handler_inherit_its_context_and_do_not_change_it() -> None:
    async with Client(app) as client:
        assert (await client.get("/task")).text == "trent trent"


async def test_what_runs_when_the_request_is_over_runs_in_its_context() -> None:
    seen: list[str] = []

    async def handler(request: Request) -> Response:
        user.set("ada")
        request.exchange.when_over(lambda: seen.append(user.get()))
        return Response()

    async with Client(handler) as client:
        await client.get("/")
    assert seen == ["ada"]


async def test_an_upgraded_connection_stays_in_the_context_of_its_request() -> None:
    async def talk(duplex: Duplex) -> None:
        while await duplex.receive():
            await duplex.send(user.get().encode())

    async def handler(request: Request) -> Response:
        user.set("ada")
        return Upgrade("x", talk)

    async with connection(handler) as (_, peer, _):
        peer.send(request_bytes("Connection: upgrade", "Upgrade: x"))
        await peer.receive()
        peer.send(b"who?")
        assert await peer.receive() == b"ada"


async def test_a_timeout_works_in_a_handler() -> None:
    async def handler(request: Request) -> Response:
        user.set("ada")
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            return Response(f"timeout of {user.get()}")
        return Response("no timeout")

    async with Client(handler) as client:
        assert (await client.get("/")).text == "timeout of ada"


async def test_a_task_group_that_failed_in_one_request_leaves_nothing_to_the_next() -> None:
    pending: list[int] = []

    async def handler(request: Request) -> Response:
        async def break_() -> None:
            raise ZeroDivisionError

        task = asyncio.current_task()
        assert task is not None
        pending.append(task.cancelling())
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(1000))
                group.create_task(break_())
        except* ZeroDivisionError:
            pass
        return Response("caught")

    async with connection(handler) as (_, peer, _):
        peer.send(request_bytes() * 3)
        for _ in range(3):
            assert (await peer.response()).text == "caught"
    assert pending == [0, 0, 0]


async def test_after_a_failed_task_group_a_cancelled_task_is_still_an_error_of_the_handler() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    async def handler(request: Request) -> Response:
        if request.path == "/group":
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(fail())
                    await asyncio.sleep(1000)
            except* ZeroDivisionError:
                pass
            return Response("caught")
        task = asyncio.create_task(asyncio.sleep(1000))
        await asyncio.sleep(0)
        task.cancel()
        await task
        return Response("not reached")

    async with connection(handler) as (_, peer, _):
        for target, status in (("/group", 200), ("/task", 500), ("/group", 200)):
            peer.send(request_bytes(target=target))
            assert (await peer.response()).status == status


async def test_the_requests_of_a_connection_share_a_task() -> None:
    tasks: list[object] = []

    async def handler(request: Request) -> Response:
        tasks.append(asyncio.current_task())
        await asyncio.sleep(0)
        tasks.append(asyncio.current_task())
        return Response()

    async with connection(handler) as (client, peer, _):
        peer.send(request_bytes() * 2)
        await client.settle()
    assert len(tasks) == 4
    assert len(set(map(id, tasks))) == 1


# The stepping itself.


async def test_the_result_and_the_error_of_the_work_come_out() -> None:
    async def give(value: int) -> int:
        await asyncio.sleep(0)
        return value

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    assert await in_own_context(give(5)) == 5
    with pytest.raises(ZeroDivisionError):
        await in_own_context(fail())


async def test_an_error_of_what_is_awaited_reaches_the_work() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def work() -> str:
        try:
            await future
        except ZeroDivisionError:
            return "caught"
        return "not raised"

    asyncio.get_running_loop().call_soon(future.set_exception, ZeroDivisionError())
    assert await in_own_context(work()) == "caught"


async def test_a_cancellation_reaches_the_work_which_may_go_on() -> None:
    steps: list[str] = []

    async def work() -> str:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            steps.append(user.get())
        await asyncio.sleep(0)
        return "went on"

    async def set_and_work() -> str:
        user.set("ada")
        return await in_own_context(work())

    task = asyncio.create_task(set_and_work())
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "went on"
    assert steps == ["ada"]


async def test_work_that_is_given_up_is_closed_in_its_context() -> None:
    steps: list[str] = []

    async def work() -> None:
        user.set("ada")
        try:
            await asyncio.Event().wait()
        finally:
            steps.append(user.get())

    async def awaits() -> None:
        await in_own_context(work())

    given_up = awaits()
    given_up.send(None)
    given_up.close()
    assert steps == ["ada"]


async def test_what_a_handler_held_is_gone_with_its_request_whatever_error_it_met() -> None:
    class Held:
        pass

    held: list[weakref.ref[Held]] = []

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    async def handler(request: Request) -> Response:
        kept = Held()
        held.append(weakref.ref(kept))
        with contextlib.suppress(ZeroDivisionError):
            await asyncio.create_task(fail())
        return Response(f"{kept is not None}")

    gc.collect()
    gc.disable()
    try:
        async with Client(handler) as client:
            for _ in range(3):
                await client.get("/")
            assert [each() for each in held] == [None] * 3
    finally:
        gc.enable()


async def test_a_handler_that_cancels_its_own_task_leaves_the_connection_in_order() -> None:
    async def handler(request: Request) -> Response:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return Response("answered")

    async with connection(handler) as (_, peer, _):
        for _ in range(2):
            peer.send(request_bytes())
            assert (await peer.response()).text == "answered"


async def test_another_variable_that_holds_a_decimal_context_is_not_the_precision() -> None:
    tax: ContextVar[decimal.Context] = ContextVar("tax")
    token = tax.set(decimal.Context(prec=3))
    decimal.getcontext().prec = 50
    try:
        async with Client(app) as client:
            assert (await client.get("/who")).json()["precision"] == 50
    finally:
        tax.reset(token)
