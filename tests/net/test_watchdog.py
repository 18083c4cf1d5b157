"""Tests of aiosock.net.watchdog: it reports code that blocks the loop, once, and does not report a running loop."""

import asyncio
import logging
import threading
from collections.abc import Iterable, Iterator

import pytest

from aiosock import Config, Timeouts
from aiosock.log import server_logger
from aiosock.net import watchdog as module
from aiosock.net.server import Server
from aiosock.net.watchdog import LOOKS, Watchdog
from aiosock.web.request import Request
from aiosock.web.response import Response
from tests.patience import PATIENCE

pytestmark = [pytest.mark.costly, pytest.mark.usefixtures("with_watchdog")]


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


def block(watchdog: Watchdog, reports: Reports) -> None:
    """Block the loop's thread until the watchdog reports it, as a handler does that calls what is not async."""
    watchdog.start()
    assert reports.arrived.wait(PATIENCE)


class Looks:
    """The event that the watching thread waits on, and its clock. Each wait ends at once; time passes with it."""

    def __init__(self, watchdog: Watchdog, signs: Iterable[bool]) -> None:
        self._watchdog = watchdog
        self._signs = iter(signs)
        self._now = 0.0

    def wait(self, timeout: float) -> bool:
        sign = next(self._signs, None)
        if sign is None:
            return True
        self._watchdog._beats += sign
        self._now += timeout
        return False

    def monotonic(self) -> float:
        return self._now


def watch(monkeypatch: pytest.MonkeyPatch, signs: Iterable[bool]) -> None:
    """Let a watchdog look once for each of `signs`, which say whether the loop has given a sign of life before it."""
    watchdog = Watchdog(5)
    looks = Looks(watchdog, signs)
    monkeypatch.setattr(watchdog, "_stopped", looks)
    monkeypatch.setattr(module, "time", looks)
    watchdog._watch(threading.get_ident())


async def test_what_blocks_the_loop_is_named_with_its_stack(reports: Reports) -> None:
    watchdog = Watchdog(0.05)
    block(watchdog, reports)
    watchdog.stop()
    assert "the event loop has been blocked" in reports.messages[0]
    assert ", in block\n" in reports.messages[0]


def test_a_block_is_reported_once(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    watch(monkeypatch, [False] * 3 * LOOKS)
    assert len(reports.messages) == 1
    assert reports.messages[0].startswith("the event loop has been blocked for 5.0 seconds by:\n")


def test_the_next_block_is_reported_too(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    watch(monkeypatch, [*[False] * 2 * LOOKS, True] * 2)
    assert len(reports.messages) == 2


def test_a_loop_that_gives_signs_of_life_now_and_then_is_not_blocked(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(monkeypatch, [*[False] * (LOOKS - 1), True] * 3)
    assert reports.messages == []


async def test_a_loop_that_waits_gives_signs_of_life() -> None:
    watchdog = Watchdog(PATIENCE)
    watchdog._period = 0.001
    watchdog.start()
    seen = watchdog._beats
    async with asyncio.timeout(PATIENCE):
        while watchdog._beats < seen + 2:  # noqa: ASYNC110 - a sign of life sets no event
            await asyncio.sleep(0.001)
    watchdog.stop()


async def test_a_watchdog_that_has_stopped_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    watchdog = Watchdog(PATIENCE)
    watchdog.start()
    started = set(threading.enumerate()) - before
    watchdog.stop()
    assert len(started) == 1
    for thread in started:
        await asyncio.to_thread(thread.join, PATIENCE)
        assert not thread.is_alive()


async def never(request: Request) -> Response:
    raise NotImplementedError


@pytest.mark.parametrize(("seconds", "threads"), [(PATIENCE, 1), (0.0, 0)])
async def test_a_server_watches_unless_told_not_to(seconds: float, threads: int) -> None:
    config = Config(port=0, access_log=False, timeouts=Timeouts(blocked_seconds=seconds))
    before = set(threading.enumerate())  # the thread of a watchdog stopped just now may be among them
    async with Server(never, config):
        started = set(threading.enumerate()) - before
    assert len(started) == threads
    for thread in started:
        await asyncio.to_thread(thread.join, PATIENCE)
        assert not thread.is_alive()
