"""Tests of aiosock.inspector.tasks, lag and process: what is known of the loop and of the process."""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aiosock import App, serve
from aiosock.inspector.lag import Lag
from aiosock.inspector.process import descriptors, memory, threads
from aiosock.inspector.tasks import MOST_GROUPS, Group, TaskPlaces

HERE = "tests/inspector/test_tasks.py"


async def waits() -> None:
    await asyncio.Event().wait()


async def cancelled(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def places() -> AsyncIterator[TaskPlaces]:
    places = TaskPlaces()
    places.install(asyncio.get_running_loop())
    yield places
    places.remove(asyncio.get_running_loop())


def group_of(places: TaskPlaces, coroutine: str) -> Group:
    (found,) = [group for group in places.groups() if group.coroutine == coroutine]
    return found


async def test_tasks_are_grouped_by_the_line_that_made_them(places: TaskPlaces) -> None:
    tasks = [asyncio.create_task(waits()) for _ in range(7)]
    other = asyncio.ensure_future(waits())
    await asyncio.sleep(0)
    groups = [group for group in places.groups() if group.coroutine == "waits"]
    assert [(group.tasks, group.made and group.made.code) for group in groups] == [
        (7, "tasks = [asyncio.create_task(waits()) for _ in range(7)]"),
        (1, "other = asyncio.ensure_future(waits())"),
    ]
    assert [each.code for each in groups[0].stand] == ["await asyncio.Event().wait()"]
    await cancelled([*tasks, other])


async def test_a_task_of_a_group_is_made_where_the_group_was_asked(places: TaskPlaces) -> None:
    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(waits(), name="mine")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    made = group_of(places, "waits").made
    assert made is not None
    assert made.code == 'group.create_task(waits(), name="mine")'
    assert "mine" in {each.get_name() for each in asyncio.all_tasks()}
    await cancelled([task])


async def test_the_factory_before_stays_in_use() -> None:
    loop, made = asyncio.get_running_loop(), []

    def factory(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coro)
        return asyncio.Task(coro, loop=loop, **options)

    loop.set_task_factory(factory)
    places = TaskPlaces()
    places.install(loop)
    await asyncio.create_task(asyncio.sleep(0))
    assert len(made) == 1
    places.remove(loop)
    assert loop.get_task_factory() is factory
    places.install(loop)
    loop.set_task_factory(factory)
    places.remove(loop)  # somebody else has set another one since
    assert loop.get_task_factory() is factory
    loop.set_task_factory(None)


async def test_the_number_of_groups_has_a_limit(places: TaskPlaces) -> None:
    made: dict[str, Any] = {"asyncio": asyncio, "waits": waits}
    exec(
        f"def make():\n    return [\n{'asyncio.create_task(waits()),' * 1}\n"
        + "asyncio.create_task(waits()),\n" * 100
        + "]",
        made,
    )
    tasks = made["make"]()
    assert len(places.groups()) == MOST_GROUPS
    await cancelled(tasks)


async def test_what_the_lifespan_makes_is_known() -> None:
    app = App()

    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        task = asyncio.create_task(waits())
        yield
        await cancelled([task])

    loop = asyncio.get_running_loop()
    async with serve(app, port=0, access_log=False, debug=True):
        factory: Any = loop.get_task_factory()
        made = group_of(factory.__self__, "waits").made
        assert made is not None
        assert made.code == "task = asyncio.create_task(waits())"
    assert loop.get_task_factory() is None


async def test_a_loop_that_is_late_is_measured() -> None:
    lag = Lag()
    lag.start()
    time.sleep(0.12)  # noqa: ASYNC251 - it blocks the loop, which is what is tested
    while not lag.worst:  # noqa: ASYNC110 - a timer fills it
        await asyncio.sleep(0)
    lag.stop()
    assert lag.worst[0] >= 0.06
    assert len(lag.worst) == 1


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux tells")
def test_descriptors_are_counted_by_kind(tmp_path: Path) -> None:
    before = descriptors()
    reading, writing = os.pipe()
    with (tmp_path / "open.txt").open("w"):
        found = descriptors()
    os.close(reading)
    os.close(writing)
    assert found["open"] == before["open"] + 3
    assert found["kinds"]["pipes"] == before["kinds"].get("pipes", 0) + 2
    assert any(name.endswith("open.txt") for name in found["files"])
    assert found["limit"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux tells")
def test_a_name_that_is_no_text_can_be_shown(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/\xff.txt", "w"):
        names = descriptors()["files"]
    assert any(name.endswith("\\udcff.txt") for name in names)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells")
def test_the_memory_is_told() -> None:
    found = memory()
    assert found["resident"] > 0
    assert found["peak"] > 0


def test_each_thread_stands_somewhere() -> None:
    entered, leave = threading.Event(), threading.Event()

    def work() -> None:
        entered.set()
        leave.wait()

    thread = threading.Thread(target=work, name="mine")
    thread.start()
    entered.wait()
    found = {each["name"]: each for each in threads()}
    leave.set()
    thread.join()
    assert found["mine"]["place"]["file"] == HERE
    assert "MainThread" in found
