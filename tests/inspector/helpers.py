"""A client in memory whose server has an inspector."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self

from aiosock.config import Config
from aiosock.inspector import Inspector
from aiosock.net.server import Server
from aiosock.observe import RequestRecord
from aiosock.testing import Client, ClientResponse
from aiosock.web.handler import Handler
from tests.patience import PATIENCE
from tests.records import Head

LOCAL = {"host": "localhost"}
BELOW = "/_aiosock/inspector/"


class Inspected(Client):
    """A client of an app in development."""

    def __init__(self, app: Handler, *, address: str = "") -> None:
        super().__init__(app)
        config = Config(port=0, access_log=False, debug=True, inspect=address)
        self.inspector = Inspector(config, clock=lambda: self.now)
        handler, observers = self.inspector.around(app), self.inspector.observers
        self.server = Server(handler, config, clock=lambda: self.now, observers=observers)
        self._more = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        await self._more.enter_async_context(self.inspector.watching(self.server))
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._more.aclose()
        await super().__aexit__(*exception)

    async def look(self, path: str = "", method: str = "GET", **fields: str) -> ClientResponse:
        """Ask the inspector, as its page does."""
        headers = {
            **LOCAL,
            "accept": "application/json",
            **{name.replace("_", "-"): each for name, each in fields.items()},
        }
        return await self.request(method, BELOW + path, headers=headers)

    async def snapshot(self) -> dict[str, Any]:
        """Return the first event of the stream."""
        async with self.stream_of_events() as events:
            return await anext(events)

    @asynccontextmanager
    async def stream_of_events(self) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """Yield the events of the stream as they come."""
        async with self.stream("GET", BELOW + "events", headers=LOCAL) as (response, pieces):
            assert response.status == 200
            yield _events(pieces)

    async def ended(self) -> list[dict[str, Any]]:
        """Return the last requests, the oldest first."""
        found: list[dict[str, Any]] = (await self.snapshot())["ended"]
        return found


async def _events(pieces: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    text = b""
    async for piece in pieces:
        text += piece
        while b"\n\n" in text:
            event, _, text = text.partition(b"\n\n")
            if event.startswith(b"data: "):
                yield json.loads(event.removeprefix(b"data: "))


def record_of(method: str = "GET", target: str = "/") -> RequestRecord:
    """Return a record of a request that never travelled."""
    record = RequestRecord()
    record.head = Head(method, target, "HTTP/1.1", {})
    return record


async def eventually(condition: Callable[[], object]) -> None:
    """Wait until a condition is met, for as long as a busy machine may take."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what a server does inside sets no event
            await asyncio.sleep(0)
