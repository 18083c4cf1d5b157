"""Service: what all connections of a server share."""

import asyncio
import time
from collections.abc import Callable

from aiosock.config import Config, Limits, Timeouts
from aiosock.log import AccessFormat, AccessLog, LoggedAccess, timestamp
from aiosock.web.exchange import Load
from aiosock.web.handler import Handler
from aiosock.wire.conditional import format_date


class Service:
    """A handler and the conditions it is served under.

    `shutdown` is set when the server is told to stop: every answer then closes its connection. `is_logging` says whether
    answers are logged, `is_timing` whether how long they took is.

    Raises ConfigError for a malformed `log_format`.
    """

    def __init__(
        self, handler: Handler, config: Config, clock: Callable[[], float], access_log: AccessLog | None = None
    ) -> None:
        self.handler = handler
        self.config = config
        self.limits: Limits = config.limits
        self.timeouts: Timeouts = config.timeouts
        self.clock = clock
        self.shutdown: asyncio.Event = asyncio.Event()
        self.load: Load | None = Load(config.limits.concurrency) if config.limits.concurrency else None
        self.is_logging: bool = config.access_log
        self.access_format: AccessFormat = AccessFormat(config.log_format if config.access_log else "combined")
        self.is_timing: bool = config.access_log and self.access_format.has_seconds
        self.access_log: AccessLog = access_log or LoggedAccess()
        self.date_text: str = ""
        self._date_line = b""
        self._date_expires = 0.0

    def date_line(self) -> bytes:
        """Give the Date field of this second (RFC 9110 section 6.6.1), made once a second and only when asked for.

        `date_text` is then this second as the access log has it.
        """
        now = time.time()
        if not self._date_expires - 1.0 <= now < self._date_expires:  # a clock can be set back too
            self._date_line = b"Date: %b\r\n" % format_date(now).encode("ascii")
            self.date_text = timestamp(int(now))
            self._date_expires = int(now) + 1.0
        return self._date_line
