"""The demo site: a page, and a handler for each kind of work that a server does. Copy it and change it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiosock import App, Event, EventStream, Request, Response, StaticFiles
from aiosock.cli import main
from aiosock.web.middleware import csrf

app = App()
files = StaticFiles(Path(__file__).parent / "static")
app.mount("/static", files)
app.middleware(csrf())  # refuse requests that another site makes a browser send


@app.get("/")
async def home(request: Request) -> Response:
    """Answer a browser with a page, and curl with a line of text."""
    if request.accepts("text/html", "text/plain") == "text/plain":
        return Response.text(
            "Hello from aiosock! Try /hello/you, /echo, /time and /upload.\n", headers={"vary": "Accept"}
        )
    page = await files.serve(request, "/index.html")
    page.headers["vary"] = "Accept"
    return page


@app.get("/hello/{name}")
async def hello(request: Request, name: str) -> str:
    """Greet by name: a path parameter arrives decoded."""
    return f"Hello, {name}!\n"


@app.route("/echo", methods="*")
async def echo(request: Request) -> dict[str, Any]:
    """Return the request as JSON."""
    return {
        "method": request.method,
        "target": request.target,
        "version": request.version,
        "client": request.client and request.client.host,
        "headers": request.headers.items(),
        "body": (await request.read()).decode(errors="replace"),
    }


@app.get("/time")
async def time(request: Request) -> EventStream:
    """Send the time every second as server-sent events, until the client leaves or the server stops."""

    async def events() -> AsyncIterator[str]:
        while True:
            yield datetime.now(UTC).isoformat()
            await asyncio.sleep(1)

    return EventStream(request, events(), goodbye=Event("goodbye", event="shutdown"))


@app.route("/upload", methods=["POST", "PUT"])
async def upload(request: Request) -> dict[str, int | str]:
    """Read a body of any size without keeping it in memory."""
    size, digest = 0, hashlib.sha256()
    async for piece in request.body:
        size += len(piece)
        digest.update(piece)
    return {"bytes": size, "sha256": digest.hexdigest()}


if __name__ == "__main__":
    main(app)
