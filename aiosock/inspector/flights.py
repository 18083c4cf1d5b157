"""Flights: the requests that are being answered, and the last ones that were, with the times of their stages.

What is done for each request is little: an append to a queue when it has ended. All else is made of many records at once, or
when somebody looks.
"""

import heapq
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import Final, cast

from aiosock.inspector.access import HOME
from aiosock.inspector.routes import Routes
from aiosock.inspector.short_head import ShortHead, shortened
from aiosock.net.answering import Answering
from aiosock.net.protocol import ServedConnection
from aiosock.observe import Observer, RequestRecord
from aiosock.wire.message import RequestHead

LAST: Final = 500
"""The requests that are kept after their end."""

HEAD_BYTES: Final = 4 * 1024
"""The longest head that is kept whole, and the longest fields of a response: 500 of each take 4 MiB at most."""

SETTLE_SECONDS: Final = 0.1
"""How often the requests that have ended are counted."""


class Flight:
    """One request, for whoever looks. `number` identifies it; `was_stopped` is set when somebody cancels it on the page."""

    def __init__(self, number: int, record: RequestRecord) -> None:
        self.number: int = number
        self.record: RequestRecord = record
        self.was_stopped: bool = False

    @property
    def head(self) -> RequestHead | ShortHead | None:
        """Its head; None if its client sent no valid one."""
        return cast("RequestHead | ShortHead | None", self.record.head)

    @property
    def stages(self) -> dict[str, float]:
        """The seconds of each stage: the head arrives, the client is waited for, the request is handled, the response is written."""
        record = self.record
        handling = record.handled - record.began if record.handled else record.seconds
        return {
            "head": record.head_seconds,
            "wait": record.waited,
            "handler": max(0.0, handling - record.waited),
            "write": max(0.0, record.seconds - handling),
        }

    @property
    def why(self) -> str:
        """Why it ended, in words."""
        return "somebody cancelled it in the inspector" if self.was_stopped else self.record.ending.value

    @property
    def ending(self) -> str:
        """The name of the ending."""
        return "CANCELLED" if self.was_stopped else self.record.ending.name


class Flights(Observer):
    """Knows of every request of a server but those for the inspector itself. `settle` must be called often.

    `told` returns how many have ended, since only LAST of them wait here; without it, no more than those have.
    """

    wants_details = True

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.last: deque[RequestRecord] = deque(maxlen=LAST)
        self.routes: Routes = Routes()
        self.ended: int = 0
        self.told: Callable[[], int] | None = None
        self._told = 0
        # Short: memory that is used again at once stays in the cache of the processor.
        self._pending: deque[RequestRecord] = deque(maxlen=LAST)
        self._number = 0

    @property
    def finished(self) -> Callable[[RequestRecord], None]:
        """Take note of the end of a request: a function in C, the server's only call for most of them."""
        return self._pending.append

    def settle(self) -> None:
        """Count the requests that have ended, and keep of the last of them what has a limit."""
        pending = list(self._pending)
        self._pending.clear()
        count = len(pending)
        if self.told is not None:
            told = self.told()
            count, self._told = max(count, told - self._told), told
        ended = [_bounded(record) for record in pending if not _is_look(record.route)]
        count -= len(pending) - len(ended)
        self.routes.add(ended, count)
        self.last.extend(ended)
        self.ended += count

    def ended_since(self, ended: int) -> list[Flight]:
        """Return the last requests that have ended after the one with this count, the oldest first."""
        self.settle()
        last = self.last
        fresh = min(len(last), self.ended - ended)
        return [self.flight(last[index]) for index in range(len(last) - fresh, len(last))]

    def flight(self, record: RequestRecord) -> Flight:
        """Return a request for whoever looks, with the number that it has got at the first look."""
        flight = record.note
        if not isinstance(flight, Flight):
            self._number += 1
            record.note = flight = Flight(self._number, record)
        return flight

    def find(self, number: int) -> Flight | None:
        """Return one of the last requests by its number."""
        self.settle()
        notes = (each.note for each in self.last)
        return next((note for note in notes if isinstance(note, Flight) and note.number == number), None)

    def stop(self, served: Iterable[ServedConnection], number: int) -> bool:
        """Cancel the handler of a request; return whether it is under way. See `Answering.stop`."""
        for exchange in under_way(served):
            flight = exchange.record.note
            if isinstance(flight, Flight) and flight.number == number:
                flight.was_stopped = exchange.stop()
                return flight.was_stopped
        return False


def under_way(served: Iterable[ServedConnection]) -> list[Answering]:
    """Return the requests that are being answered, without those for the page."""
    found = (exchange for connection in served for exchange in connection.under_way)
    return [each for each in found if each.request is not None and not _is_look(each.request.route)]


def _is_look(route: str) -> bool:
    """Return whether a route is one of the page: a look is no request for the app."""
    return route.startswith(HOME)


def oldest(exchanges: Sequence[Answering], most: int) -> list[Answering]:
    """Return the oldest ones, the oldest first."""
    return heapq.nsmallest(most, exchanges, key=lambda exchange: exchange.record.began)


def _bounded(record: RequestRecord) -> RequestRecord:
    """Return a record with a head and fields that are not too long. Other observers may have the long ones."""
    head, fields = record.head, record.fields
    is_long = head is not None and getattr(head, "size", 0) > HEAD_BYTES
    # Most fields are constants, which many responses share.
    is_wide = type(fields) is not tuple and sum(len(name) + len(value) for name, value in fields) > HEAD_BYTES
    if not is_long and not is_wide:
        return record
    flight, record = record.note, copy(record)
    if isinstance(flight, Flight):
        flight.record = record
    record.head = shortened(head) if is_long and head is not None else head
    record.fields = () if is_wide else fields
    return record
