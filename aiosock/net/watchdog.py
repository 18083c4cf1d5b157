"""Watchdog: a thread that notices when the event loop is blocked, and logs by which code."""

import asyncio
import sys
import threading
import time
import traceback
from contextlib import suppress
from typing import Final

from aiosock.log import server_logger
from aiosock.net.kernel import ThreadTimes, thread_times

LOOKS: Final = 8
"""How often the loop gives a sign of life in the time that it may be blocked, and how often the thread looks for one."""


LONGEST: Final = 10
"""The blockers that a watchdog remembers."""


class Blocker:
    """Code that has blocked the loop since `at`, a time of `time.monotonic`, for so many `seconds` so far, with its stack."""

    __slots__ = ("at", "seconds", "stack")

    def __init__(self, at: float, seconds: float, stack: traceback.StackSummary) -> None:
        self.at: float = at
        self.seconds: float = seconds
        self.stack: traceback.StackSummary = stack


class Watchdog:
    """Logs the stack of an event loop that has been blocked for `seconds`, once each time; with `logs` False, only notes it.

    `longest` has the blockers of which it knows, LONGEST at most.

    The sign of life is a timer of the loop, so requests cost nothing more. Start and stop it in the thread of the loop.

    Code blocks the loop while it computes and while it sleeps, in `time.sleep` or in a read. Time in which the loop's
    thread got no processor does not count, see `held_up`: the machine was too busy, or the process was stopped. Only
    Linux tells that; elsewhere all time counts.
    """

    def __init__(self, seconds: float, *, logs: bool = True) -> None:
        self.longest: list[Blocker] = []
        self._seconds = seconds
        self._logs = logs
        self._period = seconds / LOOKS
        self._beat_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        """Watch the running loop."""
        self._beat()
        arguments = (threading.get_ident(), threading.get_native_id())
        threading.Thread(target=self._watch, args=arguments, name="aiosock-watchdog", daemon=True).start()

    def stop(self) -> None:
        """Stop watching, without waiting for the thread."""
        self._stopped.set()
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        self._beat_at = time.monotonic()
        self._timer = asyncio.get_running_loop().call_later(self._period, self._beat)

    def _watch(self, loop_thread: int, native_id: int) -> None:
        beat, blocked = 0.0, 0.0
        blocker: Blocker | None = None
        looked, times = time.monotonic(), thread_times(native_id)
        while not self._stopped.wait(self._period):
            last_look, before = looked, times
            looked, times = time.monotonic(), thread_times(native_id)
            if beat != self._beat_at:
                beat, blocked, blocker = self._beat_at, 0.0, None
            elapsed = looked - max(last_look, beat)
            blocked += elapsed - held_up(elapsed, self._period, before, times)
            if blocker is not None:
                blocker.seconds = blocked
            elif blocked >= self._seconds:
                blocker = self._found(looked, blocked, loop_thread)

    def _found(self, looked: float, blocked: float, thread: int) -> Blocker:
        """Remember what blocks the loop, in place of the shortest if there are many, and log it."""
        frame = sys._current_frames().get(thread)
        stack = traceback.extract_stack(frame) if frame is not None else traceback.StackSummary()
        blocker = Blocker(looked - blocked, blocked, stack)
        # It may become the longest, so it always stays for now.
        others = sorted(self.longest, key=lambda each: -each.seconds)[: LONGEST - 1]
        self.longest = [*others, blocker]
        if self._logs:
            _report(blocker)
        return blocker


def held_up(elapsed: float, period: float, before: ThreadTimes | None, now: ThreadTimes | None) -> float:
    """Return how many of the `elapsed` seconds between two looks the loop's thread lost through no fault of its code.

    That is the longest of three times. The first is the time that the thread waited for a processor. The second is all
    of `elapsed`, if it still waits: it is runnable and has not run. The third is the time by which the look itself was
    later than `period`, less the time that the loop's thread ran. A process that is stopped stops the thread that looks
    too. Code in C that keeps the GIL also delays the look, but it runs.
    """
    if before is None or now is None:
        return 0.0
    running = now.running - before.running
    waiting = elapsed if now.is_runnable and not running else now.waiting - before.waiting
    return min(elapsed, max(waiting, elapsed - period - running, 0.0))


def _report(blocker: Blocker) -> None:
    stack = "".join(blocker.stack.format())
    with suppress(Exception):  # whatever a logging handler does, the watch goes on
        server_logger.error("the event loop has been blocked for %.1f seconds by:\n%s", blocker.seconds, stack.rstrip())
