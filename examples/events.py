"""Server-sent events: a stream that continues after a reconnection, and sends a last event when the server stops."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from aiosock import App, Event, EventStream, Header, Request, run

app = App()


@app.get("/ticks")
async def ticks(request: Request, last_event_id: Annotated[int, Header] = -1) -> EventStream:
    """Count from the tick after the last one that the client has received; a browser that reconnects sends its id."""

    async def events() -> AsyncIterator[Event]:
        number = last_event_id
        while True:
            number += 1
            yield Event(f"tick {number}", id=str(number))
            await asyncio.sleep(1)

    return EventStream(request, events(), goodbye=Event("come back later", event="shutdown"))


if __name__ == "__main__":
    run(app, port=8080)
