"""Tests of aiosock.net.watchdog: it reports code that blocks the loop, once, and does not report a running loop."""

import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest

from aiosock import Config, Timeouts
from aiosock.log import server_logger
from aiosock.net.server import Server
from aiosock.net.watchdog import LOOKS, Watchdog
from aiosock.web.request import Request
from aiosock.web.response import Response

pytestmark = pytest.mark.costly


class Reports(logging.Handler):
    """Keeps the log messages, and signals each of them."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []
        self.arrived = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
        self.arrived.set()


@pytest.fixture
def reports() -> Iterator[Reports]:
    handler = Reports()
    server_logger.addHandler(handler)
    yield handler
    server_logger.removeHandler(handler)


def block_until(happened: threading.Event) -> None:
    """Block the thread, as a handler does that calls blocking code."""
    assert happened.wait(10)


def watch_looks(watchdog: Watchdog, count: int) -> threading.Event:
    """Return an event that is set after the watchdog has checked that many more times."""
    done = threading.Event()
    wait, left = watchdog._stopped.wait, iter(range(count))

    def counting(timeout: float | None = None) -> bool:
        if next(left, None) is None:
            done.set()
        return wait(timeout)

    watchdog._stopped.wait = counting  # type: ignore[method-assign]
    return done


async def lives(watchdog: Watchdog, beats: int) -> None:
    """Wait until the loop has given that many more signs of life."""
    done, beat, left = asyncio.Event(), watchdog._beat, iter(range(beats))

    def counting() -> None:
        if next(left, None) is None:
            done.set()
        beat()

    watchdog._beat = counting  # type: ignore[method-assign]
    await done.wait()


async def test_what_blocks_the_loop_is_named_with_its_stack(reports: Reports) -> None:
    watchdog = Watchdog(0.05)
    watchdog.start()
    block_until(reports.arrived)
    watchdog.stop()
    assert "the event loop has been blocked" in reports.messages[0]
    assert "block_until" in reports.messages[0]


async def test_a_block_is_reported_once(reports: Reports) -> None:
    watchdog = Watchdog(0.02)
    watchdog.start()
    block_until(reports.arrived)
    looks = watch_looks(watchdog, 2 * LOOKS)
    block_until(looks)
    watchdog.stop()
    assert len(reports.messages) == 1


async def test_the_next_block_is_reported_too(reports: Reports) -> None:
    watchdog = Watchdog(0.02)
    watchdog.start()
    for count in (1, 2):
        reports.arrived.clear()
        block_until(reports.arrived)
        assert len(reports.messages) == count
        await lives(watchdog, beats=3)
    watchdog.stop()


async def test_a_loop_that_waits_is_not_blocked(reports: Reports) -> None:
    watchdog = Watchdog(5)
    watchdog.start()
    await lives(watchdog, beats=2)
    watchdog.stop()
    assert reports.messages == []


async def test_a_watchdog_that_has_stopped_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    watchdog = Watchdog(0.02)
    watchdog.start()
    started = set(threading.enumerate()) - before
    watchdog.stop()
    assert len(started) == 1
    for thread in started:
        await asyncio.to_thread(thread.join, 10)
        assert not thread.is_alive()


async def never(request: Request) -> Response:
    raise NotImplementedError


@pytest.mark.parametrize(("seconds", "threads"), [(0.5, 1), (0.0, 0)])
async def test_a_server_watches_unless_told_not_to(seconds: float, threads: int) -> None:
    config = Config(port=0, access_log=False, timeouts=Timeouts(blocked_seconds=seconds))
    before = set(threading.enumerate())  # the thread of a watchdog stopped just now may be among them
    async with Server(never, config):
        started = set(threading.enumerate()) - before
    assert len(started) == threads
    for thread in started:
        await asyncio.to_thread(thread.join, 10)
        assert not thread.is_alive()
