"""Stopping: the signals, the deadlines of the lifespan, and the end of a process that something keeps from ending."""

import asyncio
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from types import FrameType, TracebackType
from typing import Final, Self

from aiosock.config import Timeouts
from aiosock.log import server_logger

GRACE_SECONDS: Final = 1.0
"""Time for something that was cancelled, or for a last line, before the process ends without it."""

STOPPING: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM"))
REOPENING: Final = tuple(getattr(signal, name) for name in ("SIGUSR1", "SIGHUP") if hasattr(signal, name))
"""Signals that log rotation sends. Windows has none of them."""


class Signals:
    """The signals of a server: the first one of STOPPING asks it to stop, the second one ends the process at once.

    The loop receives the first one, and a function of the main thread the second one, which may come while a handler or
    the lifespan blocks the loop. Only code in C that does not return holds it up.

    Those of REOPENING call `reopen`. They never end the process, except when its terminal has been closed: then SIGHUP
    asks it to stop. A handler that the program has set for them stays.
    """

    def __init__(self, *, on_stop: Callable[[], None], flush: Callable[[], None], reopen: Callable[[], None]) -> None:
        self.told: asyncio.Event = asyncio.Event()
        self._on_stop = on_stop
        self._flush = flush
        self._reopen = reopen
        self._had_terminal = has_terminal()
        self._is_asked = False

    def listen(self) -> None:
        """Receive the signals in the running loop. Outside the main thread and on Windows there are none."""
        loop = asyncio.get_running_loop()
        # NotImplementedError: Windows, where KeyboardInterrupt ends the run without a drain. The others: not in the
        # main thread.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            for number in STOPPING:
                loop.add_signal_handler(number, self.stop)
                signal.signal(number, self._count)  # beside the loop, which learns of signals by a file descriptor
            for number in REOPENING:
                if is_ours(number):
                    loop.add_signal_handler(number, self._rotate, number)

    def _count(self, number: int, frame: FrameType | None) -> None:
        if self._is_asked:
            # In a thread: the signal may have interrupted a write of the log, whose lock is then taken.
            _do_in_time(self._flush)
            exit_now(128 + number)
        self._is_asked = True

    def stop(self) -> None:
        """Ask to stop, as the first signal does. It does not count as one: whoever asks may also have sent a signal."""
        if not self.told.is_set():
            self.told.set()
            self._on_stop()

    def _rotate(self, number: int) -> None:
        is_closed = self._had_terminal and not has_terminal()
        if number != getattr(signal, "SIGHUP", None) or not is_closed:
            self._reopen()
        else:
            self._is_asked = True
            self.stop()


def outlive_log_rotation() -> None:
    """Keep the signals of REOPENING from ending the process before the loop receives them, while the app is imported."""
    for number in REOPENING:
        with suppress(ValueError):  # not in the main thread
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _disregard)


def is_ours(number: int) -> bool:
    """Return whether the program has left a signal to us. `nohup` ignores SIGHUP, and that stays so."""
    return signal.getsignal(number) in (signal.SIG_DFL, _disregard)


def _disregard(number: int, frame: FrameType | None) -> None:
    """Do nothing. Unlike SIG_IGN, a function is not inherited by the programs that this one starts."""


def has_terminal() -> bool:
    """Return whether standard input is a terminal that has not been closed."""
    with suppress(OSError, ValueError):
        return os.isatty(0)
    return False


class BoundedLifespan:
    """A lifespan with the deadlines `timeouts.start_seconds` and `timeouts.stop_seconds`.

    Its start is cancelled at the deadline or by `cancel_start`. Its own cleanup then runs, for `stop_seconds` at most.
    """

    def __init__(self, lifespan: AbstractAsyncContextManager[object], timeouts: Timeouts) -> None:
        self._lifespan = lifespan
        self._timeouts = timeouts
        self._starting: asyncio.Timeout | None = None
        self._cleaning: asyncio.Timeout | None = None
        self._is_cancelled = False

    async def __aenter__(self) -> Self:
        """Start. Raises TimeoutError at the deadline, and StartCancelled after `cancel_start`."""
        start, stop = self._timeouts.start_seconds, self._timeouts.stop_seconds
        try:
            async with (
                asyncio.timeout(start + stop if start and stop else None) as self._cleaning,
                asyncio.timeout(start or None) as starting,
            ):
                self._starting = starting
                await self._lifespan.__aenter__()
        except TimeoutError as error:
            if not starting.expired():
                raise
            if self._is_cancelled:
                raise StartCancelled from None
            raise TimeoutError(
                f"the lifespan did not start within {start:g} seconds (timeouts.start_seconds)"
            ) from error
        finally:
            self._starting = self._cleaning = None
        return self

    def cancel_start(self) -> bool:
        """Cancel the start; return whether it was under way."""
        if self._starting is None or self._cleaning is None or self._starting.expired():
            return False
        self._is_cancelled = True
        now = asyncio.get_running_loop().time()
        self._starting.reschedule(now)
        self._cleaning.reschedule(now + self._timeouts.stop_seconds if self._timeouts.stop_seconds else None)
        return True

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Stop. Raises TimeoutError at the deadline."""
        seconds = self._timeouts.stop_seconds
        try:
            async with asyncio.timeout(seconds or None) as stopping:
                return await self._lifespan.__aexit__(kind, error, trace)
        except TimeoutError as late:
            if not stopping.expired():
                raise
            raise TimeoutError(
                f"the lifespan did not stop within {seconds:g} seconds (timeouts.stop_seconds)"
            ) from late


class StartCancelled(Exception):
    """The start of the lifespan was cancelled, because the server was told to stop."""


class LastResort:
    """Ends the process, with status 1, if it is still there at a deadline.

    A lifespan can refuse its cancellation, and a thread cannot be cancelled: without this, they would keep the process
    for ever. It runs in a thread, because the loop may be blocked.
    """

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None

    def arm(self, seconds: float, error: BaseException | None = None) -> None:
        """End the process in this time. `error`, which would be lost then, is logged."""
        self.disarm()
        self._timer = threading.Timer(seconds, _give_up, (error,))
        self._timer.daemon = True
        self._timer.start()

    def disarm(self) -> None:
        """Do not end the process: it goes on by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def leave(self, seconds: float) -> None:
        """End the process in this time, if the program is over by then and only its threads are left."""
        self.disarm()
        timer = threading.Timer(seconds, _give_up_if_over)
        timer.daemon = True
        timer.start()


def _give_up_if_over() -> None:
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    # The interpreter joins the threads in `threading._shutdown`, after the last line of the program.
    if frame is not None and (frame.f_globals.get("__name__"), frame.f_code.co_name) == ("threading", "_shutdown"):
        _give_up(None)


def _give_up(error: BaseException | None) -> None:
    # In a thread: the main thread may hold the lock of a logging handler.
    _do_in_time(_report, threading.get_ident(), error)
    exit_now(1)


def _report(timer: int, error: BaseException | None) -> None:
    frames = sys._current_frames()
    left = [
        f"\n{thread.name}:\n{''.join(traceback.format_stack(frames[thread.ident]))}"
        for thread in threading.enumerate()
        if not thread.daemon and thread.ident in frames and thread.ident != timer
    ]
    server_logger.error("the process ends now, although these threads go on:%s", "".join(left).rstrip(), exc_info=error)


def exit_now(status: int) -> None:
    """End the process without waiting for anything, once what has been printed is out."""
    # In a thread: a stream that nobody reads would keep us.
    _do_in_time(_flush_standard_streams)
    os._exit(status)


def _do_in_time(function: Callable[..., None], *arguments: object) -> None:
    """Call a function in a thread, and wait for it for GRACE_SECONDS."""
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    with suppress(RuntimeError):  # there is no other thread to be had
        thread.start()
        thread.join(GRACE_SECONDS)


def _flush_standard_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
