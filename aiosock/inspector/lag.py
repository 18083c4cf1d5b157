"""Lag: how much later than asked the event loop calls. It is measured only while somebody looks."""

import asyncio
from collections import deque
from typing import Final

PERIOD_SECONDS: Final = 0.05
SECONDS: Final = 60
"""How far back the figures go."""

BLOCKER_SECONDS: Final = 0.1
"""While somebody looks, code that blocks the loop for so long is noted; the log names it later, see `blocked_seconds`."""

_BEATS = round(1 / PERIOD_SECONDS)


class Lag:
    """The longest delay of each of the last seconds, in seconds, the present one last."""

    def __init__(self) -> None:
        self.worst: deque[float] = deque(maxlen=SECONDS)
        self._timer: asyncio.TimerHandle | None = None
        self._expected = 0.0
        self._beats = 0

    def start(self) -> None:
        """Measure in the running loop."""
        loop = asyncio.get_running_loop()
        self._expected = loop.time() + PERIOD_SECONDS
        self._timer = loop.call_at(self._expected, self._beat, loop)

    def stop(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        late = max(0.0, now - self._expected)
        if self._beats % _BEATS == 0 or not self.worst:
            self.worst.append(late)
        else:
            self.worst[-1] = max(self.worst[-1], late)
        self._beats += 1
        self._expected = now + PERIOD_SECONDS
        self._timer = loop.call_at(self._expected, self._beat, loop)
