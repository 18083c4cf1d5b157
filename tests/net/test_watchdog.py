"""Tests of aiosock.net.watchdog: it reports code that blocks the loop, once, and does not report a running loop."""

import asyncio
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator

import pytest

from aiosock import Config, Timeouts
from aiosock.log import server_logger
from aiosock.net import watchdog as module
from aiosock.net.kernel import ThreadTimes
from aiosock.net.server import Server
from aiosock.net.watchdog import LONGEST, LOOKS, Watchdog, held_up
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

    def __init__(self, watchdog: Watchdog, signs: Iterable[bool | float]) -> None:
        self._watchdog = watchdog
        self._signs = iter(signs)
        self._now = 0.0

    def wait(self, timeout: float) -> bool:
        sign = next(self._signs, None)
        if sign is None:
            return True
        began, self._now = self._now, self._now + timeout
        if sign is True:
            self._watchdog._beat_at = self._now
        elif sign:
            self._watchdog._beat_at = began
            self._now += sign
        return False

    def monotonic(self) -> float:
        return self._now


def watch(monkeypatch: pytest.MonkeyPatch, signs: Iterable[bool | float], **options: bool) -> Watchdog:
    """Let a watchdog look once for each of `signs`, which say whether the loop has given a sign of life before it.

    A number of seconds: it has given one, and the look is late by as much.
    """
    watchdog = Watchdog(5, **options)
    looks = Looks(watchdog, signs)
    monkeypatch.setattr(watchdog, "_stopped", looks)
    monkeypatch.setattr(module, "time", looks)
    monkeypatch.setattr(module, "thread_times", lambda _: None)
    watchdog._watch(threading.get_ident(), threading.get_native_id())
    return watchdog


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


def test_a_block_is_remembered_for_as_long_as_it_took(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    watchdog = watch(monkeypatch, [False] * 2 * LOOKS, logs=False)
    (blocker,) = watchdog.longest
    assert blocker.at == 0.0
    assert blocker.seconds == pytest.approx(10.0)
    assert blocker.stack[-1].name == "_found"
    assert reports.messages == []


def test_the_longest_blocks_are_remembered_and_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    signs = [sign for turns in range(LONGEST + 3) for sign in [True] + [False] * (LOOKS + turns % LONGEST)]
    watchdog = watch(monkeypatch, signs, logs=False)
    seconds = [round(blocker.seconds / 5 * LOOKS) for blocker in watchdog.longest]
    assert len(seconds) == LONGEST
    assert seconds[-1] == LOOKS + 2
    assert LOOKS not in seconds


def test_code_that_delays_even_the_look_is_reported(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    watch(monkeypatch, [True, 5.0])
    assert len(reports.messages) == 1


def test_the_next_block_is_reported_too(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    watch(monkeypatch, [*[False] * 2 * LOOKS, True] * 2)
    assert len(reports.messages) == 2


def test_a_loop_that_gives_signs_of_life_now_and_then_is_not_blocked(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(monkeypatch, [*[False] * (LOOKS - 1), True] * 3)
    assert reports.messages == []


# Whose fault it is.


def after(running: float, waiting: float, *, is_runnable: bool) -> tuple[ThreadTimes, ThreadTimes]:
    """Return two readings between which a thread ran and waited for so many seconds."""
    return ThreadTimes(100.0, 10.0, False), ThreadTimes(100.0 + running, 10.0 + waiting, is_runnable)


LOSSES: dict[str, tuple[float, tuple[ThreadTimes, ThreadTimes], float]] = {
    # what happened: seconds between two looks that should be one apart, the readings, seconds lost
    "the loop sleeps in a blocking call": (1.0, after(0.0, 0.0, is_runnable=False), 0.0),
    "it computes": (1.0, after(1.0, 0.0, is_runnable=True), 0.0),
    "it computes in C, so that nobody else gets the GIL": (5.0, after(5.0, 0.0, is_runnable=True), 0.0),
    "it computes and gets half of a processor": (1.0, after(0.5, 0.5, is_runnable=True), 0.5),
    "it computes in C and gets half of a processor": (6.0, after(3.0, 3.0, is_runnable=True), 3.0),
    "it waits for a processor, and has got it again": (1.0, after(0.0, 0.75, is_runnable=False), 0.75),
    "it still waits for a processor": (1.0, after(0.0, 0.0, is_runnable=True), 1.0),
    "it has waited for longer than since the last look": (1.0, after(0.25, 3.0, is_runnable=True), 1.0),
    "the process was stopped": (9.0, after(0.0, 0.0, is_runnable=False), 8.0),
    "it was stopped while the loop computed": (9.0, after(1.0, 0.0, is_runnable=True), 7.0),
    "it was stopped, and waits for a processor": (9.0, after(0.0, 0.0, is_runnable=True), 9.0),
    "the look is early, as clocks have it": (0.5, after(0.0, 0.0, is_runnable=False), 0.0),
}


@pytest.mark.parametrize(("elapsed", "readings", "lost"), LOSSES.values(), ids=LOSSES)
def test_the_time_that_a_thread_got_no_processor_is_not_its_fault(
    elapsed: float, readings: tuple[ThreadTimes, ThreadTimes], lost: float
) -> None:
    assert held_up(elapsed, 1.0, *readings) == pytest.approx(lost)


def test_where_the_kernel_tells_nothing_all_time_counts() -> None:
    _, times = after(0.0, 0.0, is_runnable=False)
    assert held_up(9.0, 1.0, None, times) == held_up(9.0, 1.0, times, None) == 0.0


def test_a_machine_that_is_too_busy_is_not_reported_as_a_handler(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = LOOKS * [0.5] + LOOKS * [0.0]
    monkeypatch.setattr(module, "held_up", lambda elapsed, *_: elapsed * lost.pop(0))
    watch(monkeypatch, [False] * (LOOKS + LOOKS // 2 - 1))
    assert reports.messages == []
    lost[:] = LOOKS * [0.5] + LOOKS * [0.0]
    watch(monkeypatch, [False] * (LOOKS + LOOKS // 2))
    assert len(reports.messages) == 1


STOPPED = """
import asyncio, sys
from aiosock.net.watchdog import LONGEST, Watchdog

async def main():
    watchdog = Watchdog(0.5)
    watchdog.start()
    print("started", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    beats = set()
    while len(beats) < 16:
        await asyncio.sleep(0.01)
        beats.add(watchdog._beat_at)
    watchdog.stop()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a thread waited for")
def test_a_process_that_was_stopped_blames_nobody() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "started\n"
            process.send_signal(signal.SIGSTOP)
            threading.Event().wait(2.0)  # four times what the watchdog allows
            process.send_signal(signal.SIGCONT)
            _, errors = process.communicate("go on\n", PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 0
    assert errors == ""


async def test_a_loop_that_waits_gives_signs_of_life() -> None:
    watchdog = Watchdog(PATIENCE)
    watchdog._period = 0.001
    watchdog.start()
    seen = {watchdog._beat_at}
    async with asyncio.timeout(PATIENCE):
        while len(seen) < 3:
            await asyncio.sleep(0.001)
            seen.add(watchdog._beat_at)
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
