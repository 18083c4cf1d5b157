"""Tests of aiosock.web.disk.writing."""

import asyncio
import threading

import pytest

from aiosock.web.disk.writing import to_completion


async def test_a_thread_ends_before_who_awaits_it_however_often_that_is_cancelled() -> None:
    goes_on = threading.Event()
    steps: list[str] = []

    def work() -> None:
        goes_on.wait()
        steps.append("thread")

    async def wait() -> None:
        try:
            await to_completion(asyncio.to_thread(work))
        finally:
            steps.append("waiter")

    task = asyncio.create_task(wait())
    for _ in range(3):
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["thread", "waiter"]


async def test_what_a_thread_raises_is_raised() -> None:
    def fail() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await to_completion(asyncio.to_thread(fail))
