"""A context for each request (PEP 567): what one request sets in a ContextVar, the next one on its connection never sees.

A connection serves its requests in one task, because a task for each would cost as much as the rest of a plain request. So
`asyncio.current_task()` is the connection's task, in every handler; cancellation and `asyncio.timeout` work in it as usual.
Tasks that a handler starts inherit the context of its request.
"""

import sys
from collections.abc import Coroutine, Generator
from contextvars import Context, copy_context
from types import coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


@coroutine
def in_own_context(work: Coroutine[Any, Any, _T]) -> Generator[Any, Any, _T]:
    """Await `work` in a copy of the current context, without a task of its own."""
    context = copy_context()
    if context and "decimal" in sys.modules:  # in most programs it is empty
        _copy_precision(context)
    step, value = work.send, None
    while True:
        try:
            awaited = context.run(step, value)
        except StopIteration as ended:
            result: _T = ended.value
            return result
        try:
            value = yield awaited
            step = work.send
        except BaseException as error:  # a cancellation, or what the awaited future raises; GeneratorExit closes `work`
            step, value = work.throw, error


def _copy_precision(context: Context) -> None:
    """Copy a decimal context that a program has set before: it is mutable, so a copy of `context` would share it."""
    import decimal

    if any(isinstance(value, decimal.Context) for value in context.values()):
        context.run(lambda: decimal.setcontext(decimal.getcontext().copy()))
