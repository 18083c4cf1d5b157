"""What a request leaves to be done at its end. Most leave nothing, and need none of this."""

import asyncio
from collections.abc import Awaitable, Callable

from aiosock.log import server_logger


class AtTheEnd:
    """The functions to be called at the end of a request, and the event for tasks that wait until its client has left.

    `failure` is the exception that has ended it, for the functions of `when_sent`.
    """

    __slots__ = ("failure", "left", "when_over", "when_sent")

    def __init__(self) -> None:
        self.failure: BaseException | None = None
        self.left: asyncio.Event = asyncio.Event()
        self.when_over: list[Callable[[], None]] = []
        self.when_sent: list[Callable[[BaseException | None], Awaitable[None]]] = []

    async def tell_sent(self, is_cancelled_by: Callable[[BaseException], bool]) -> None:
        """Await the functions of `when_sent`, the last one first.

        A cancellation by somebody else, which `is_cancelled_by` tells, comes out once all of them have been called.
        """
        failure, self.failure = self.failure, None
        functions, self.when_sent = self.when_sent, []  # they refer to the request, which refers to us
        cancelled: BaseException | None = None
        try:
            for function in reversed(functions):
                try:
                    await function(failure)
                except BaseException as error:
                    if isinstance(error, KeyboardInterrupt) or is_cancelled_by(error):
                        failure = cancelled = error
                    else:
                        server_logger.exception("a function of when_sent failed")
            if cancelled is not None:
                raise cancelled
        finally:
            # An error refers to this frame by its traceback, and would keep all that the request held.
            del failure, cancelled

    def release(self) -> None:
        """Call the functions of `when_over`, and wake the tasks that wait for the client to leave."""
        for close in self.when_over:
            try:
                close()
            except Exception:  # the others must still be called
                server_logger.exception("a function of when_over failed")
        self.left.set()
