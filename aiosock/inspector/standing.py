"""Standing: the line of user code at which a coroutine stands, and the tasks that it waits for there."""

import asyncio
import linecache
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType
from typing import Any, Final, NamedTuple

from aiosock.net.context import in_own_context
from aiosock.traces import is_own, shown_path

DEPTH: Final = 100
"""The longest chain of coroutines that is followed."""

INNER: Final = 5
"""The most tasks that are named which one coroutine waits for."""

LEVELS: Final = 3
"""How many tasks deep the line of user code is looked for, where a task has none: `wait_for` in a `gather` in ..."""

_CONTEXT_CODE: Final = in_own_context.__code__


class Place(NamedTuple):
    """A line of code: `file` relative to the current directory, `function` with its class, `code` as written."""

    file: str
    line: int
    function: str
    code: str


class Standing(NamedTuple):
    """Where a coroutine stands: `place`, None if nothing of it is Python; `inner` are places of tasks that it waits for."""

    place: Place | None
    inner: list[Place]


is_user_code: Callable[[str], bool] = lru_cache(maxsize=4096)(is_own)
shown: Callable[[str], str] = lru_cache(maxsize=4096)(shown_path)


def standing(task: asyncio.Task[Any] | None) -> Standing:
    """Return where a task stands. Of a connection, that is where the handler stands, or the body of its response."""
    if task is None:
        return Standing(None, [])
    frames = list(frames_of(task.get_coro()))
    innermost = _innermost(frames)
    others = _tasks_waited_for(frames, task)[:INNER]
    inner = list(dict.fromkeys(found for other in others if (found := _in_task(other, LEVELS)) is not None))
    if innermost is not None and (not inner or is_user_code(innermost.f_code.co_filename)):
        return Standing(_place_of(innermost), inner)
    return Standing(inner[0], inner[1:]) if inner else Standing(None, [])


def _in_task(task: asyncio.Task[Any], levels: int) -> Place | None:
    """Return the line of user code at which a task stands, or one of the tasks that it waits for; None for library code."""
    frames = list(frames_of(task.get_coro()))
    innermost = _innermost(frames)
    if innermost is not None and is_user_code(innermost.f_code.co_filename):
        return _place_of(innermost)
    others = _tasks_waited_for(frames, task)[:INNER] if levels else ()
    return next((found for other in others if (found := _in_task(other, levels - 1)) is not None), None)


def frames_of(awaited: object) -> Iterator[FrameType]:
    """Yield the frames of a chain of coroutines and generators, from the outermost to the one that waits."""
    for _ in range(DEPTH):
        frame, inner = _step(awaited)
        if frame is None:
            return
        yield frame
        awaited = _behind(frame, inner)


def _step(awaited: object) -> tuple[FrameType | None, object]:
    """Return the frame of a coroutine or generator, and what it awaits."""
    if isinstance(awaited, CoroutineType):
        return awaited.cr_frame, awaited.cr_await
    if isinstance(awaited, AsyncGeneratorType):
        return awaited.ag_frame, awaited.ag_await
    if isinstance(awaited, GeneratorType):
        return awaited.gi_frame, awaited.gi_yieldfrom
    return None, None


def _behind(frame: FrameType, awaited: object) -> object:
    """Return what a frame waits for where Python does not tell."""
    if frame.f_code is _CONTEXT_CODE:
        return frame.f_locals.get("work")
    if type(awaited).__name__.startswith(
        "async_generator_"
    ):  # a step of `async for`, which does not name its generator
        local = frame.f_locals
        for value in (*local.values(), *getattr(local.get("self"), "__dict__", {}).values()):
            if isinstance(value, AsyncGeneratorType) and value.ag_running:
                return value
    return awaited


def place_in(frames: Iterable[FrameType]) -> Place | None:
    """Return the innermost line of user code; where there is none, the innermost line."""
    innermost = _innermost(frames)
    return None if innermost is None else _place_of(innermost)


def _innermost(frames: Iterable[FrameType]) -> FrameType | None:
    innermost, has_user_code = None, False
    for frame in frames:
        if is_user_code(frame.f_code.co_filename):
            innermost, has_user_code = frame, True
        elif not has_user_code:
            innermost = frame
    return innermost


def _place_of(frame: FrameType) -> Place:
    return place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_qualname)


def place(file: str, line: int, function: str) -> Place:
    """Return a place, with the code that stands there."""
    code = linecache.getline(file, line).strip()
    return Place(shown(file), line, function, code[:200])


def _tasks_waited_for(frames: list[FrameType], task: asyncio.Task[Any] | None) -> list[asyncio.Task[Any]]:
    """Return the tasks that a coroutine waits for: what `gather`, `wait`, `wait_for` and a TaskGroup have in hand.

    asyncio does not tell before 3.14. So this looks at the future that the task waits for, and at the variables of
    asyncio's own frames behind the last line of user code.
    """
    found: dict[asyncio.Task[Any], None] = {}
    waiter = getattr(task, "_fut_waiter", None)
    if isinstance(waiter, asyncio.Task):
        found[waiter] = None
    found.update(dict.fromkeys(_tasks_in(getattr(waiter, "_children", ()))))
    for frame in reversed(frames):
        if is_user_code(frame.f_code.co_filename):
            break
        local = frame.f_locals
        owner = local.get("self")
        if f"{os.sep}asyncio{os.sep}" in frame.f_code.co_filename:
            for value in local.values():
                found.update(dict.fromkeys(_tasks_in(value)))
        elif frame.f_code.co_name != "__anext__":  # of the body of an EventStream, which has tasks of its own
            continue
        found.update(dict.fromkeys(_tasks_in(getattr(owner, "_tasks", ()))))
    return [each for each in found if each is not task and not each.done()]


def _tasks_in(value: object) -> list[asyncio.Task[Any]]:
    if isinstance(value, asyncio.Task):
        return [value]
    if isinstance(value, list | tuple | set | frozenset):
        return [each for each in value if isinstance(each, asyncio.Task)]
    return []


def stands_at(thread: int) -> Place | None:
    """Return where a thread stands: its innermost line of user code."""
    frame, frames = sys._current_frames().get(thread), []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return place_in(reversed(frames))
