"""Service: what all connections of a server share, whatever their protocol."""

import asyncio
import time
from collections.abc import Callable, Sequence

from aiosock.access_log import AccessWriter
from aiosock.config import Config, Limits, Timeouts
from aiosock.log import server_logger
from aiosock.observe import Observer, RequestRecord
from aiosock.web.after import AfterAnswers
from aiosock.web.exchange import Bodies, Load
from aiosock.web.handler import Handler, with_target_checked
from aiosock.wire.conditional import format_date


class Service:
    """A handler and the conditions under which it is served.

    `clock` returns seconds, and all deadlines are times of it. `shutdown` is set when the server is told to stop: every
    response then closes its connection. `observers` are told of every request, and so is `access`, for the access log.
    `ended` counts those whose end observers were told of.
    """

    def __init__(
        self,
        handler: Handler,
        config: Config,
        clock: Callable[[], float],
        observers: Sequence[Observer] = (),
        access: AccessWriter | None = None,
    ) -> None:
        self.handler: Handler = with_target_checked(handler)
        self.config = config
        self.limits: Limits = config.limits
        self.timeouts: Timeouts = config.timeouts
        self.clock = clock
        self.access: AccessWriter | None = access
        self.ended: int = 0
        self.observers: Sequence[Observer] = ()
        self.observe(observers)
        self.shutdown: asyncio.Event = asyncio.Event()
        self.load: Load | None = Load(config.limits.concurrency) if config.limits.concurrency else None
        self.bodies: Bodies = Bodies(config.limits.bodies_bytes)
        self.after: AfterAnswers = AfterAnswers(config.limits.after_tasks, config.timeouts.after_seconds, clock)
        self._date_line = b""
        self._date_expires = 0.0

    def observe(self, observers: Sequence[Observer]) -> None:
        """Tell these observers of every request from now on, in place of those so far."""
        self.observers = observers
        self.is_observed: bool = bool(observers) or self.access is not None
        # Most need to know of the end only.
        self.tells_beginnings: bool = any(type(each).began is not Observer.began for each in observers)
        self.wants_details: bool = any(getattr(each, "wants_details", False) for each in observers)
        self._when_begun = [each.began for each in observers]
        self._when_finished = [each.finished for each in observers]

    def began(self, record: RequestRecord) -> None:
        """Tell the observers of a request. Their exceptions are logged: they must not end a connection."""
        _tell(self._when_begun, record)

    def finished(self, record: RequestRecord) -> None:
        """Tell the observers of the end of a request."""
        self.ended += 1
        for function in self._when_finished:  # as `_tell` does, without a call for each request
            try:
                function(record)
            except Exception:
                server_logger.exception("an observer failed")

    def date_line(self) -> bytes:
        """Return the Date field of this second (RFC 9110 section 6.6.1). It is made once a second, when it is needed."""
        now = time.time()
        if not self._date_expires - 1.0 <= now < self._date_expires:  # a clock can be set back too
            self._date_line = b"Date: %b\r\n" % format_date(now).encode("ascii")
            self._date_expires = int(now) + 1.0
        return self._date_line


def _tell(functions: Sequence[Callable[[RequestRecord], None]], record: RequestRecord) -> None:
    for function in functions:
        try:
            function(record)
        except Exception:
            server_logger.exception("an observer failed")
