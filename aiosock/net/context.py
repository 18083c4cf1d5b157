"""A context for each request (PEP 567): what one request sets in a ContextVar, the next one on its connection never sees.

A connection serves its requests in one task, because a task for each would cost as much as the rest of a plain request.
So `asyncio.current_task()` is the connection's task, in every handler; cancellation and `asyncio.timeout` work in it as
usual. Tasks that a handler starts inherit the context of its request.
"""

import sys
from collections.abc import Coroutine, Generator
from contextvars import copy_context
from types import coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import decimal

_T = TypeVar("_T")


@coroutine
def in_own_context(
    work: Coroutine[Any, Any, _T], precision: "decimal.Context | None" = None
) -> Generator[Any, Any, _T]:
    """Await `work` in a copy of the current context, without a task of its own.

    `precision` is what `inherited_precision` has returned for the current context.
    """
    context = copy_context()
    if precision is not None:
        context.run(sys.modules["decimal"].setcontext, precision.copy())
    step, value, awaited = work.send, None, None
    try:
        while True:
            try:
                awaited = context.run(step, value)
            except StopIteration as ended:
                result: _T = ended.value
                return result
            try:
                value = yield awaited
                step = work.send
            # A cancellation, or what the awaited future raises; GeneratorExit closes `work`.
            except BaseException as error:
                step, value = work.throw, error
    finally:
        # An error refers to this frame by its traceback. Kept here it would keep all that the handler held, such as a
        # body, until the garbage collector runs.
        del step, value, awaited


def inherited_precision() -> "decimal.Context | None":
    """Return the decimal context that the program has set before it serves, if any.

    It is mutable, so all copies of the current context share it: each request needs a copy of it too.
    """
    if "decimal" not in sys.modules:
        return None
    import decimal

    for variable, value in copy_context().items():
        if variable.name == "decimal_context" and isinstance(value, decimal.Context):
            return value
    return None
