"""Tasks: the tasks of the event loop, by the line of code that made them."""

import asyncio
import os
import sys
from collections.abc import Generator
from types import CoroutineType, FrameType
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from aiosock.inspector.standing import Place, is_user_code, place, standing

DEPTH: Final = 30
"""The frames that are looked at to find the line of user code that makes a task."""

MOST_TASKS: Final = 20_000
"""The tasks that one look counts: some 20 ms."""

MOST_GROUPS: Final = 50
EXAMPLES: Final = 3

_LOOP = frozenset({"_run", "_run_once", "run", "run_forever", "run_until_complete"})
"""Functions of asyncio below which a turn of the loop begins: what called them has not made the task."""

_Made = tuple[str, int, str]


class Group(NamedTuple):
    """Tasks that one line has made: how many, of which coroutine, and where some of them stand."""

    made: Place | None
    coroutine: str
    tasks: int
    stand: list[Place]


class TaskPlaces:
    """Remembers where each task was made: asyncio does not, unless it runs in its debug mode.

    It is a task factory of the loop, between the loop and the factory that was there before.
    """

    def __init__(self) -> None:
        self._made: WeakKeyDictionary[asyncio.Task[Any], _Made] = WeakKeyDictionary()
        self._former: Any = None

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Note each task from now on."""
        self._former = loop.get_task_factory()
        make: Any = self._make
        loop.set_task_factory(make)

    def remove(self, loop: asyncio.AbstractEventLoop) -> None:
        """Note no more, unless somebody has put another factory before this one."""
        if loop.get_task_factory() == self._make:
            loop.set_task_factory(self._former)

    def _make(
        self, loop: asyncio.AbstractEventLoop, coro: Generator[Any, None, Any], **options: Any
    ) -> "asyncio.Task[Any]":
        make = self._former
        task: asyncio.Task[Any] = (
            asyncio.Task(coro, loop=loop, **options) if make is None else make(loop, coro, **options)
        )
        made = _maker(sys._getframe(1))
        if made is not None:
            self._made[task] = made
        return task

    def groups(self) -> list[Group]:
        """Return the tasks that have not ended: those that the program has made first, the largest groups first."""
        found: dict[tuple[_Made | None, str], list[asyncio.Task[Any]]] = {}
        for task in list(asyncio.all_tasks())[:MOST_TASKS]:
            found.setdefault((self._made.get(task), _name_of(task)), []).append(task)
        # Those of the program come first, then the largest.
        largest = sorted(found.items(), key=lambda item: (item[0][0] is None, -len(item[1])))[:MOST_GROUPS]
        return [
            Group(made and place(*made), coroutine, len(tasks), _examples(tasks))
            for (made, coroutine), tasks in largest
        ]


def _maker(frame: FrameType | None) -> _Made | None:
    """Return the line of user code in this turn of the loop that is making a task; None if aiosock or a library does."""
    for _ in range(DEPTH):
        if frame is None:
            return None
        code = frame.f_code
        if is_user_code(code.co_filename):
            return code.co_filename, frame.f_lineno, code.co_qualname
        if code.co_name in _LOOP and f"{os.sep}asyncio{os.sep}" in code.co_filename:
            return None
        frame = frame.f_back
    return None


def _name_of(task: asyncio.Task[Any]) -> str:
    coroutine = task.get_coro()
    return coroutine.cr_code.co_qualname if isinstance(coroutine, CoroutineType) else type(coroutine).__qualname__


def _examples(tasks: list[asyncio.Task[Any]]) -> list[Place]:
    stand = (standing(task).place for task in tasks[:EXAMPLES])
    return list(dict.fromkeys(each for each in stand if each is not None))
