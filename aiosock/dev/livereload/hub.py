"""Hub: what has changed, for every browser that listens."""

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from typing import Final

from aiosock.web.events import Event

WAITING: Final = 64
"""Events that wait for one browser; it reloads after the first of them, unless they are all of style sheets."""


class Hub:
    """The state of a site as a token, and the events that tell of its changes.

    A page has the token of the moment when it was sent. If the state is another one when its browser connects, the page is
    old: so no change is lost on the way, not even when another process has taken over.
    """

    def __init__(self) -> None:
        self._process = secrets.token_hex(4)
        self._changes = 0
        self._queues: set[asyncio.Queue[Event]] = set()

    @property
    def token(self) -> str:
        """The state: of this process, after so many changes."""
        return f"{self._process}-{self._changes}"

    def tell(self, kind: str, path: str) -> None:
        """Tell of a changed file: `kind` is `style` or `page`. Browsers learn its name, but not where it is."""
        self._changes += 1
        event = Event(json.dumps({"token": self.token, "name": os.path.basename(path)}), event=kind)
        for queue in self._queues:
            with suppress(asyncio.QueueFull):
                queue.put_nowait(event)

    def tell_all(self, about: Iterable[Sequence[str]]) -> None:
        """Tell of several, each a kind and a path."""
        for kind, path in about:
            self.tell(kind, path)

    async def events(self) -> AsyncIterator[Event]:
        """Yield the token, then an event for each change."""
        queue: asyncio.Queue[Event] = asyncio.Queue(WAITING)
        self._queues.add(queue)
        try:
            yield Event(self.token, event="token")
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)
