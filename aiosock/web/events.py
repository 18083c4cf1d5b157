"""Server-sent events (the HTML standard, section 9.2): a response that goes on, event by event."""

import asyncio
import re
from collections.abc import AsyncIterable, AsyncIterator
from typing import Final

from aiosock.errors import ResponseError
from aiosock.web.request import Request
from aiosock.web.response import Fields, Response

HEARTBEAT: Final = b":\n\n"
"""A comment, which clients ignore. It shows proxies that the connection is in use, and us that the client is there."""

HEARTBEAT_SECONDS: Final = 15.0
"""The advice of the HTML standard (section 9.2.7); nginx closes a connection that is silent for 60 seconds."""

_FIELDS: Final = {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",  # nginx would hold events back until its buffer is full
}

_LINE_END = re.compile(r"\r\n|\r|\n")


class Event:
    r"""One event: its `data`, one or more lines; its `id`, which the client sends when it reconnects; its `event` type.

    ```python
    event = Event("two\nlines", id="7", event="note")
    print(event.encode())  # b'event: note\nid: 7\ndata: two\ndata: lines\n\n'
    ```

    `retry` sets how long the client waits before it reconnects, from now on, in milliseconds.

    Raises ResponseError for an id or type with a line break or NUL, and for a negative retry.
    """

    __slots__ = ("data", "event", "id", "retry")

    def __init__(self, data: str, *, id: str | None = None, event: str | None = None, retry: int | None = None) -> None:
        for name, value in (("id", id), ("event", event)):
            if value is not None and any(character in value for character in "\r\n\0"):
                raise ResponseError(f"the {name} of an event must have no line break and no NUL: {value!r}")
        if retry is not None and retry < 0:
            raise ResponseError(f"the retry of an event must not be negative: {retry}")
        self.data: str = data
        self.id: str | None = id
        self.event: str | None = event
        self.retry: int | None = retry

    def encode(self) -> bytes:
        """Return the event as it is sent."""
        fields = (("event", self.event), ("id", self.id), ("retry", self.retry))
        lines = [f"{name}: {value}\n" for name, value in fields if value is not None]
        lines += [f"data: {line}\n" for line in _LINE_END.split(self.data)]
        return "".join([*lines, "\n"]).encode()

    def __repr__(self) -> str:
        """Show what is sent."""
        return f"Event({self.encode().decode()!r})"


class EventStream(Response):
    """A response of events, for an EventSource in a browser or `curl -N`. A str in `events` is an event's data.

    ```python
    @app.get("/ticks")
    async def ticks(request: Request) -> EventStream:
        async def events() -> AsyncIterator[Event]:
            for number in range(3):
                yield Event(f"tick {number}", id=str(number))

        return EventStream(request, events())
    ```

    It ends when `events` ends; when the server is told to stop, with `goodbye` as the last event; or when the client
    has gone. In each case, `events` is closed. If a client has only ended its input, the next heartbeat shows whether
    it has gone. A route with `on_disconnect="eager"` does not wait for that.

    A heartbeat is a comment, sent when nothing else was sent for `heartbeat_seconds`. Raises ResponseError unless that
    is positive, and TypeError if `events` is of another type, such as a generator function that was not called.
    """

    __slots__ = ()

    def __init__(
        self,
        request: Request,
        events: AsyncIterable[Event | str],
        *,
        goodbye: Event | None = None,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        headers: Fields = (),
    ) -> None:
        if not isinstance(events, AsyncIterable):  # raised here, where the mistake is, not after the head has been sent
            raise TypeError(f"events must be an async iterable, not {type(events).__name__}")
        if not heartbeat_seconds > 0:  # with 0, only comments would be sent
            raise ResponseError(f"heartbeat_seconds must be positive, not {heartbeat_seconds}")
        super().__init__(_Events(events, request.shutdown, goodbye, heartbeat_seconds), headers=headers)
        for name, value in _FIELDS.items():
            self.headers.setdefault(name, value)


class _Events:
    """The body. One task runs `events`, at most two events ahead of the client; another waits for the shutdown."""

    def __init__(
        self,
        events: AsyncIterable[Event | str],
        shutdown: asyncio.Event,
        goodbye: Event | None,
        heartbeat_seconds: float,
    ) -> None:
        self._events = events
        self._shutdown = shutdown
        self._goodbye = goodbye
        self._heartbeat_seconds = heartbeat_seconds
        # The pieces to send. None is the end. An exception comes from `events`.
        self._queue: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue(maxsize=1)
        self._tasks: list[asyncio.Task[None]] = []
        self._has_ended = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._has_ended:
            raise StopAsyncIteration
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._produce()), asyncio.create_task(self._await_shutdown())]
        try:
            async with asyncio.timeout(self._heartbeat_seconds):
                piece = await self._queue.get()
        except TimeoutError:
            return HEARTBEAT
        if isinstance(piece, bytes):
            return piece
        self._has_ended = True
        raise piece or StopAsyncIteration

    async def aclose(self) -> None:
        """End both tasks and close `events`; called whether or not the body was read."""
        self._has_ended = True
        tasks = [task for task in self._tasks if task.cancel()]
        if tasks:
            await asyncio.wait(tasks)
        await self._close()
        for task in tasks:
            if not task.cancelled():
                task.result()

    async def _produce(self) -> None:
        """Run `events` to its end in this one task: it may use something bound to a task, such as a timeout."""
        try:
            async for event in self._events:
                await self._queue.put((Event(event) if isinstance(event, str) else event).encode())
            await self._queue.put(None)
        except BaseException as error:  # sys.exit() in `events` must not end the server
            if _is_cancelled():
                raise
            await self._queue.put(error)
        finally:
            await self._close()

    async def _close(self) -> None:
        close = getattr(self._events, "aclose", None)
        if close is not None:
            await close()

    async def _await_shutdown(self) -> None:
        await self._shutdown.wait()
        if self._goodbye is not None:
            await self._queue.put(self._goodbye.encode())
        await self._queue.put(None)


def _is_cancelled() -> bool:
    """Return whether this task was cancelled. If not, a CancelledError comes from another task that it awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
