"""Server-sent events: a stream that continues after a reconnection, and sends a last event when the server stops."""

import asyncio
from collections.abc import AsyncIterator

from aiosock import App, Event, EventStream, HTTPError, Request, run

app = App()


@app.get("/ticks")
async def ticks(request: Request) -> EventStream:
    """Count from the tick after the last one that the client has received; a browser that reconnects sends its id."""
    try:
        first = int(request.last_event_id or -1) + 1
    except ValueError:
        raise HTTPError(400, "The Last-Event-ID is not one of ours.") from None

    async def events(number: int) -> AsyncIterator[Event]:
        while True:
            yield Event(f"tick {number}", id=str(number))
            number += 1
            await asyncio.sleep(1)

    return EventStream(request, events(first), goodbye=Event("come back later", event="shutdown"))


if __name__ == "__main__":
    run(app, port=8080)
