"""Tests of aiosock.inspector.standing: the line of user code at which a task stands."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import aiosock
from aiosock.inspector.standing import Standing, is_user_code, shown, standing, stands_at
from aiosock.net.context import in_own_context
from aiosock.web.events import EventStream
from aiosock.web.request import Request
from tests.inspector.helpers import Inspected, eventually

HERE = "tests/inspector/test_standing.py"


class Stop:
    """Something to wait for."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    async def wait(self) -> None:
        await self.event.wait()  # stands here


async def where(work: Coroutine[Any, Any, Any]) -> Standing:
    """Return where a task stands that cannot go on."""
    task = asyncio.create_task(work)
    for _ in range(5):
        await asyncio.sleep(0)
    found = standing(task)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return found


def code(found: Standing) -> tuple[str, list[str]]:
    """Return the code at which somebody stands, and that of the tasks waited for."""
    assert found.place is not None
    return found.place.code, [each.code for each in found.inner]


STANDS = "await self.event.wait()  # stands here"


async def test_it_is_the_innermost_line_that_is_the_users() -> None:
    found = await where(Stop().wait())
    assert found.place is not None
    assert found.place._replace(line=0) == (HERE, 0, "Stop.wait", STANDS)


async def test_a_context_of_its_own_hides_nothing() -> None:
    async def outer() -> None:
        await in_own_context(Stop().wait())

    assert code(await where(outer())) == (STANDS, [])


async def test_an_async_generator_is_looked_into() -> None:
    async def numbers() -> AsyncIterator[int]:
        await Stop().wait()
        yield 1

    async def outer() -> None:
        generator = numbers()
        async for _ in generator:
            pass

    assert code(await where(outer())) == (STANDS, [])


async def _gather() -> None:
    await asyncio.gather(Stop().wait(), Stop().wait())


async def _group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(Stop().wait())


async def _wait() -> None:
    await asyncio.wait([asyncio.create_task(Stop().wait())])


async def _task() -> None:
    await asyncio.create_task(Stop().wait())


async def _wait_for() -> None:
    await asyncio.gather(asyncio.wait_for(Stop().wait(), 100))


@pytest.mark.parametrize(
    ("work", "line"),
    [
        (_gather, "await asyncio.gather(Stop().wait(), Stop().wait())"),
        (_group, "async with asyncio.TaskGroup() as group:"),
        (_wait, "await asyncio.wait([asyncio.create_task(Stop().wait())])"),
        (_task, "await asyncio.create_task(Stop().wait())"),
        (_wait_for, "await asyncio.gather(asyncio.wait_for(Stop().wait(), 100))"),
    ],
)
async def test_the_tasks_that_it_waits_for_are_named_too(
    work: Callable[[], Coroutine[Any, Any, None]], line: str
) -> None:
    found, inner = code(await where(work()))
    assert inner == [STANDS]
    assert found in (line, "group.create_task(Stop().wait())")  # 3.11 names the last line of the block


async def test_a_task_without_code_of_the_user_stands_in_that_of_the_one_it_waits_for() -> None:
    assert code(await where(asyncio.wait_for(Stop().wait(), 100))) == (STANDS, [])


async def test_a_chain_without_end_is_cut() -> None:
    async def deep(levels: int) -> None:
        await (deep(levels - 1) if levels else Stop().wait())

    found = await where(deep(300))
    assert found.place is not None
    assert found.place.function.endswith("deep")


async def test_nothing_stands_nowhere() -> None:
    assert standing(None) == (None, [])


async def _body_of_user(request: Request) -> AsyncIterator[str]:
    yield "first"
    await Stop().wait()


@pytest.mark.parametrize("answer", [lambda request: _streamed(request), lambda request: _told(request)])
async def test_the_body_of_a_response_is_looked_into(answer: Callable[[Request], Awaitable[Any]]) -> None:
    async with Inspected(answer) as client:
        peer = await client.connect()
        peer.send(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
        await eventually(lambda: b"first" in peer.received)
        (flight,) = (await client.snapshot())["in_flight"]["shown"]
        assert flight["place"]["code"] == STANDS


async def _streamed(request: Request) -> Any:
    return aiosock.Response(_body_of_user(request))


async def _told(request: Request) -> Any:
    return EventStream(request, _body_of_user(request))


async def test_a_context_manager_of_the_user_is_looked_into() -> None:
    @asynccontextmanager
    async def slow() -> AsyncIterator[None]:
        await Stop().wait()
        yield

    async def outer() -> None:
        async with slow():
            pass

    assert code(await where(outer())) == (STANDS, [])


def test_a_thread_stands_somewhere_too() -> None:
    entered, leave = threading.Event(), threading.Event()

    def work() -> None:
        entered.set()
        leave.wait()

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait()
    assert thread.ident is not None
    place = stands_at(thread.ident)
    leave.set()
    thread.join()
    assert place is not None
    assert place.function.endswith("work")
    assert stands_at(0) is None


def test_what_is_installed_is_not_the_users() -> None:
    assert is_user_code(__file__)
    assert is_user_code("<string>")
    for file in (aiosock.__file__, asyncio.__file__, pytest.__file__, "<frozen runpy>"):
        assert not is_user_code(file)


def test_files_are_shown_by_the_name_that_people_use() -> None:
    assert shown(str(Path(HERE).resolve())) == HERE
    assert shown(aiosock.__file__) == "aiosock/__init__.py"
    assert shown(asyncio.__file__) == "asyncio/__init__.py"
    assert shown(pytest.__file__) == "pytest/__init__.py"
    assert shown("/elsewhere/x.py") == "/elsewhere/x.py"
