"""Server-sent events: a stream that is taken up where it broke off, and says goodbye when the server is told to stop."""

import asyncio
from collections.abc import AsyncIterator

from aiosock import App, Event, EventStream, HTTPError, Request, run

app = App()


@app.get("/ticks")
async def ticks(request: Request) -> EventStream:
    """Count, from behind the last tick that the client has seen: a browser that comes back says which."""
    try:
        first = int(request.last_event_id or -1) + 1
    except ValueError:
        raise HTTPError(400, "The Last-Event-ID is none of ours.") from None

    async def events(number: int) -> AsyncIterator[Event]:
        while True:
            yield Event(f"tick {number}", id=str(number))
            number += 1
            await asyncio.sleep(1)

    return EventStream(request, events(first), goodbye=Event("come back later", event="shutdown"))


if __name__ == "__main__":
    run(app, port=8080)
