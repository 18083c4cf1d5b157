"""Work after the answer: the functions that requests leave, those of each request in one task of the server."""

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache, partial
from math import inf
from typing import Any, Final

from aiosock.errors import HTTPError
from aiosock.log import note_failure
from aiosock.web.registering import is_async

logger: logging.Logger = logging.getLogger("aiosock.app")

FUNCTIONS: Final = 1000
"""Functions that one request may leave behind; more belong into one function with a loop."""

THREADS: Final = 8
"""Functions that are not async run in these. They are not those that read files: a mail server that hangs must not keep
files from being read."""


class AfterAnswers:
    """The work that the requests of a server have left: at most `limit` requests' at a time, for `seconds` each.

    `clock` returns seconds from any start; with 0 `seconds` there is no deadline. `check` enforces it.
    """

    def __init__(self, limit: int, seconds: float, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._seconds = seconds or inf
        self._clock = clock
        self._count = 0
        self._running: dict[asyncio.Task[None], After] = {}
        self._is_closed = False

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """The tasks that are at work."""
        return set(self._running)

    def begin(self, what: str) -> "After":
        """Return a place for the work of a request, `what` in the log; raise HTTPError (503) if none is left."""
        if self._count >= self._limit:
            detail = f"The server still has the work of {self._count} requests to do. Try again later."
            raise HTTPError(503, detail, {"retry-after": "1"})
        self._count += 1
        return After(self, what)

    def start(self, after: "After") -> None:
        """Start a task for the work of a request, in the current context; if this is closed, log what is not done."""
        if self._is_closed:
            self._count -= 1
            after.drop()
            return
        after.deadline = self._clock() + self._seconds
        task = asyncio.get_running_loop().create_task(after.run())
        self._running[task] = after
        task.add_done_callback(self._ended)

    def check(self, now: float) -> None:
        """Cancel the work whose time is over."""
        for task, after in tuple(self._running.items()):
            if now >= after.deadline:
                after.deadline = inf
                task.cancel()

    def excuse(self, seconds: float) -> None:
        """Move all deadlines: the server was held up for so long."""
        for after in self._running.values():
            after.deadline += seconds

    def close(self) -> set[asyncio.Task[None]]:
        """Cancel all work, and take no more; return the tasks that were cancelled."""
        self._is_closed = True
        for task in self._running:
            task.cancel()
        return self.tasks

    async def idle(self, patience: float) -> None:
        """Wait until no work is left; raise TimeoutError, with its names, after `patience` real seconds."""
        deadline = asyncio.get_running_loop().time() + patience
        while self._running:
            left = deadline - asyncio.get_running_loop().time()
            done, _ = await asyncio.wait(self._running, timeout=max(left, 0), return_when=asyncio.FIRST_COMPLETED)
            if not done:
                names = ", ".join(after.current for after in self._running.values())
                raise TimeoutError(f"what request.after has been given has not ended: {names}")

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._count -= 1
        after = self._running.pop(task)
        if not after.is_over:  # a task that is cancelled before its first step never runs
            after.drop()


class After:
    """The functions that one request has left, in order."""

    def __init__(self, others: AfterAnswers, what: str) -> None:
        self._others = others
        self._what = what
        self._calls: deque[tuple[Callable[..., object], Sequence[Any], Mapping[str, Any]]] = deque()
        self.is_over: bool = False
        self.current: str = ""
        self.deadline: float = inf

    def add(self, function: Callable[..., object], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Add a function. Raises TypeError for what is none, RuntimeError for too many, and once the work has ended."""
        if not callable(function):
            if inspect.iscoroutine(function):
                function.close()  # else Python would warn that nobody has awaited it
            raise TypeError("write request.after(function, argument), not request.after(function(argument))")
        if self.is_over:
            raise RuntimeError("the work after this request has ended")
        if len(self._calls) >= FUNCTIONS:
            raise RuntimeError(f"a request may leave {FUNCTIONS} functions; give it one that has a loop")
        self._calls.append((function, args, kwargs))

    def start(self) -> None:
        """Begin: the request is over."""
        self._others.start(self)

    def drop(self) -> None:
        """End without having begun."""
        self.is_over = True
        names = ", ".join(_name(function) for function, _, _ in self._calls)
        logger.error("%s: the server has stopped before what was to be done afterwards: %s", self._what, names)

    async def run(self) -> None:
        """Call the functions, also those that they add. One that fails is logged, and the next one is called."""
        task = asyncio.current_task()
        assert task is not None
        try:
            while self._calls and not task.cancelling():
                function, args, kwargs = self._calls.popleft()
                self.current = _name(function)
                await self._call(task, function, args, kwargs)
        finally:
            self.is_over = True
            if task.cancelling():
                names = ", ".join([self.current, *(_name(function) for function, _, _ in self._calls)])
                logger.error(
                    "%s: cancelled afterwards, at its deadline or the end of the server: %s", self._what, names
                )

    async def _call(
        self,
        task: asyncio.Task[None],
        function: Callable[..., object],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> None:
        try:
            await _called(function, args, kwargs)
        # As in a handler: `sys.exit()`, and the cancellation of a task that it awaits, end it alone.
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and task.cancelling():
                raise
            logger.error("%s: %s failed afterwards", self._what, self.current, exc_info=error)
            note_failure(error)


async def _called(function: Callable[..., object], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Call a function, one that is not async in a thread, and await what it returns if that can be awaited."""
    if is_async(function):
        result = function(*args, **kwargs)
    else:
        call = partial(copy_context().run, function, *args, **kwargs)
        result = await asyncio.get_running_loop().run_in_executor(_threads(), call)
    if inspect.isawaitable(result):
        await result


def _name(function: Callable[..., object]) -> str:
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__qualname__", type(function).__qualname__))


@cache
def _threads() -> ThreadPoolExecutor:
    """Return the threads. The process ends when they have finished, or when `stopping.LastResort` ends it."""
    return ThreadPoolExecutor(THREADS, "aiosock-after")
