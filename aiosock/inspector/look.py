"""Look: what a page is shown of a server, and what is measured only while somebody looks."""

import asyncio
import secrets
import time
from collections.abc import Sequence
from typing import Any, Final
from weakref import WeakSet

from aiosock.inspector import snapshot
from aiosock.inspector.flights import Flights
from aiosock.inspector.lag import BLOCKER_SECONDS, Lag
from aiosock.inspector.process import process
from aiosock.inspector.tasks import TaskPlaces
from aiosock.net.server import Server
from aiosock.net.watchdog import LONGEST, Blocker, Watchdog
from aiosock.version import __version__

SLOW_SECONDS: Final = 2.0
"""How often tasks, descriptors and threads are looked at: that takes milliseconds where there are thousands."""


class Look:
    """What there is to see of a server. `begin` and `end` count those who look."""

    def __init__(self, flights: Flights, tasks: TaskPlaces) -> None:
        self.flights = flights
        self.own_tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        self.server: Server | None = None
        self._tasks = tasks
        self._run = secrets.token_hex(4)
        self._began = time.time()
        self._lag = Lag()
        self._watchdog: Watchdog | None = None
        self._noted: list[Blocker] = []
        self._readers = 0
        self._slow: dict[str, Any] = {}
        self._slow_until = 0.0

    @property
    def urls(self) -> Sequence[str]:
        """The addresses of the server."""
        return self.server.urls if self.server is not None else ()

    def begin(self) -> None:
        """Measure the lag of the loop, and what blocks it for shorter than the log tells."""
        self._readers += 1
        if self._readers == 1:
            self._lag.start()
            self._watchdog = Watchdog(BLOCKER_SECONDS, logs=False)
            self._watchdog.start()

    def end(self) -> None:
        """Measure no more when nobody looks."""
        self._readers -= 1
        if self._readers == 0:
            self._lag.stop()
            if self._watchdog is not None:
                self._watchdog.stop()
                self._noted = self._blockers()
                self._watchdog = None

    def stop(self, number: int) -> bool:
        """Cancel a request; return whether it is under way."""
        return self.server is not None and self.flights.stop(tuple(self.server.served), number)

    def now(self) -> dict[str, Any]:
        """Return all that is true at this moment, as plain values."""
        server, flights = self.server, self.flights
        if server is None:
            return {}
        if time.monotonic() >= self._slow_until:
            self._slow = self._look_slowly()
            self._slow_until = time.monotonic() + SLOW_SECONDS
        return {
            "run": self._run,
            "version": __version__,
            "now": time.time(),
            "began": self._began,
            "urls": server.urls,
            "total": flights.ended,
            "connections": snapshot.connections(server.served, flights.clock(), self.own_tasks),
            "in_flight": snapshot.in_flight(flights, server.served),
            "lag": list(self._lag.worst),
            **self._slow,
        }

    def _look_slowly(self) -> dict[str, Any]:
        return {
            "routes": snapshot.routes(self.flights.routes),
            "blockers": snapshot.blockers(self._blockers()),
            "tasks": snapshot.tasks(self._tasks.groups()),
            "process": process(),
        }

    def _blockers(self) -> list[Blocker]:
        """Return the longest blockers: those of the server's own watchdog, and those that were noted while somebody looked."""
        found = [*self._noted, *(self._watchdog.longest if self._watchdog is not None else ())]
        if self.server is not None:
            found += [each for each in self.server.blockers if not any(_is_same(each, other) for other in found)]
        return sorted(found, key=lambda each: -each.seconds)[:LONGEST]


def _is_same(one: Blocker, other: Blocker) -> bool:
    return one.at < other.at + other.seconds and other.at < one.at + one.seconds
