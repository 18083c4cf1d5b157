"""Few threads for work that takes long: packing, compressing, hashing, listing. Files are read in those of asyncio.

In one queue, a small file would wait until each of a hundred archives has had its turn.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache, partial
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def in_few_threads(function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Call a function in one of few threads and return its result, as `asyncio.to_thread` does. Further calls wait.

    The function sees the context variables of the caller. Cancellation takes a call out of the queue, but does not stop
    one that has begun.
    """
    call = partial(copy_context().run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_threads(), call)


def number_of_threads() -> int:
    """Return how many such calls run at once in the process: one for every second processor, but at least two.

    The other processors are left to the event loop and to the kernel. With one thread, a slow disk would stop them all.
    """
    return max(2, (os.cpu_count() or 1) // 2)


@cache
def _threads() -> ThreadPoolExecutor:
    """Return the threads. The process ends when they have finished, or when `stopping.LastResort` ends it."""
    return ThreadPoolExecutor(number_of_threads(), "aiosock-few")
