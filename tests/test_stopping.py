"""Tests of aiosock.stopping: the deadlines of a lifespan. tests/e2e/test_stopping.py tests signals and exit statuses."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from aiosock import App, Timeouts, serve
from aiosock.stopping import BoundedLifespan, StartCancelled

A_MOMENT = 0.01
"""A deadline for something that never happens."""


class Steps:
    """A lifespan that waits for ever at one step, and what it did."""

    def __init__(self, hangs_in: str = "", error: type[Exception] | None = None) -> None:
        self.done: list[str] = []
        self._hangs_in = hangs_in
        self._error = error

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        try:
            await self._step("start")
            yield
            await self._step("stop")
        finally:
            await self._step("cleanup")

    async def _step(self, name: str) -> None:
        if name == self._hangs_in:
            if self._error is not None:
                raise self._error
            await asyncio.Event().wait()
        self.done.append(name)


def bounded(lifespan: AbstractAsyncContextManager[None], *, start: float = 60, stop: float = 60) -> BoundedLifespan:
    return BoundedLifespan(lifespan, Timeouts(start_seconds=start, stop_seconds=stop))


async def test_a_lifespan_in_time_is_entered_and_left() -> None:
    steps = Steps()
    async with bounded(steps.lifespan()):
        assert steps.done == ["start"]
    assert steps.done == ["start", "stop", "cleanup"]


async def test_a_start_that_takes_too_long_is_cancelled_and_cleaned_up() -> None:
    steps = Steps(hangs_in="start")
    with pytest.raises(TimeoutError, match=r"^the lifespan did not start within 0\.01 seconds \(timeouts\.start_sec"):
        await bounded(steps.lifespan(), start=A_MOMENT).__aenter__()
    assert steps.done == ["cleanup"]


async def test_a_stop_that_takes_too_long_is_cancelled_and_cleaned_up() -> None:
    steps = Steps(hangs_in="stop")
    with pytest.raises(TimeoutError, match=r"^the lifespan did not stop within 0\.01 seconds \(timeouts\.stop_sec"):
        async with bounded(steps.lifespan(), stop=A_MOMENT):
            pass
    assert steps.done == ["start", "cleanup"]


@pytest.mark.parametrize("step", ["start", "stop"])
async def test_a_timeout_of_the_lifespan_itself_comes_out_as_it_is(step: str) -> None:
    class Mine(TimeoutError):
        pass

    with pytest.raises(Mine):
        async with bounded(Steps(hangs_in=step, error=Mine).lifespan()):
            pass


async def test_without_deadlines_it_is_entered_and_left() -> None:
    steps = Steps()
    async with bounded(steps.lifespan(), start=0, stop=0):
        pass
    assert steps.done == ["start", "stop", "cleanup"]


@pytest.mark.parametrize(("start", "stop"), [(60, 60), (0, 60), (60, 0), (0, 0)])
async def test_a_start_can_be_cancelled(start: float, stop: float) -> None:
    steps = Steps(hangs_in="start")
    lifespan = bounded(steps.lifespan(), start=start, stop=stop)
    told: list[bool] = []
    asyncio.get_running_loop().call_soon(lambda: told.extend([lifespan.cancel_start(), lifespan.cancel_start()]))
    with pytest.raises(StartCancelled):
        await lifespan.__aenter__()
    assert steps.done == ["cleanup"]
    assert told[0]


async def test_the_cleanup_of_a_cancelled_start_has_a_deadline() -> None:
    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        try:
            await asyncio.Event().wait()
            yield
        finally:
            await asyncio.Event().wait()

    starting = bounded(lifespan(), stop=A_MOMENT)
    asyncio.get_running_loop().call_soon(starting.cancel_start)
    with pytest.raises(StartCancelled):
        await starting.__aenter__()


async def test_there_is_nothing_to_cancel_before_and_after_the_start() -> None:
    lifespan = bounded(Steps().lifespan())
    assert not lifespan.cancel_start()
    async with lifespan:
        assert not lifespan.cancel_start()


@pytest.mark.parametrize(
    ("hangs_in", "timeouts"),
    [("start", Timeouts(start_seconds=A_MOMENT)), ("stop", Timeouts(stop_seconds=A_MOMENT))],
)
async def test_serve_has_the_same_deadlines(hangs_in: str, timeouts: Timeouts) -> None:
    steps, app = Steps(hangs_in), App()
    lifespan: Callable[[App], AbstractAsyncContextManager[None]] = lambda app: steps.lifespan()  # noqa: E731
    app.lifespan(lifespan)
    with pytest.raises(TimeoutError, match=rf"^the lifespan did not {hangs_in} within"):
        async with serve(app, port=0, access_log=False, timeouts=timeouts):
            pass
    assert steps.done[-1] == "cleanup"
