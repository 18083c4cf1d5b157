"""Server-sent events that end when the server is told to stop, so that a drain does not wait for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from aiosock import App, Request, Response, run

app = App()


@app.get("/ticks")
async def ticks(request: Request) -> Response:
    async def events() -> AsyncIterator[str]:
        number = 0
        while not request.shutdown.is_set():
            yield f"id: {number}\ndata: tick {number}\n\n"
            number += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(request.shutdown.wait(), timeout=1)
        yield "event: shutdown\ndata: come back later\n\n"

    return Response(events(), headers={"content-type": "text/event-stream", "cache-control": "no-store"})


if __name__ == "__main__":
    run(app, port=8080)
