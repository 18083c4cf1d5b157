"""What threads do for a coroutine."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

_T = TypeVar("_T")


async def ended(work: Awaitable[_T]) -> _T:
    """Await what a thread does, to its end even when cancelled: what it works on is about to be closed."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
