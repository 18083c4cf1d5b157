"""Watchdog: a thread that notices when the event loop is blocked, and logs by which code."""

import asyncio
import sys
import threading
import time
import traceback
from contextlib import suppress
from typing import Final

from aiosock.log import server_logger

LOOKS: Final = 8
"""How often the loop gives a sign of life in the time that it may be blocked, and how often the thread looks for one."""


class Watchdog:
    """Logs the stack of an event loop that has been blocked for `seconds`, once each time.

    The sign of life is a timer of the loop, so requests cost nothing more. Start and stop it in the thread of the loop.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._period = seconds / LOOKS
        self._beats = 0
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        """Watch the running loop."""
        self._beat()
        arguments = (threading.get_ident(),)
        threading.Thread(target=self._watch, args=arguments, name="aiosock-watchdog", daemon=True).start()

    def stop(self) -> None:
        """Stop watching, without waiting for the thread."""
        self._stopped.set()
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        self._beats += 1
        self._timer = asyncio.get_running_loop().call_later(self._period, self._beat)

    def _watch(self, loop_thread: int) -> None:
        beats, since, is_reported = 0, time.monotonic(), False
        while not self._stopped.wait(self._period):
            now = time.monotonic()
            if beats != self._beats:
                beats, since, is_reported = self._beats, now, False
            elif now - since >= self._seconds and not is_reported:
                is_reported = True
                _report(now - since, loop_thread)


def _report(blocked: float, thread: int) -> None:
    frame = sys._current_frames().get(thread)
    stack = "".join(traceback.format_stack(frame)) if frame is not None else ""
    with suppress(Exception):  # whatever a logging handler does, the watch goes on
        server_logger.error("the event loop has been blocked for %.1f seconds by:\n%s", blocked, stack.rstrip())
