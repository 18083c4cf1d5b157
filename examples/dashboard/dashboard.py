"""A live dashboard with uploads: each page shows at once what any visitor does. `python dashboard.py --reload`."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

from aiosock import App, EventStream, FileResponse, Handler, HTTPError, Redirect, Request, Response, StaticFiles, Upload
from aiosock.cli import main
from aiosock.web.middleware import csrf, security_headers

FILES, VIEWERS = 20, 100  # when there are more files, the oldest go
PAUSE_SECONDS = 0.1  # between two events for one viewer

app = App()
app.middleware(security_headers(content_security_policy="default-src 'self'"))
app.middleware(csrf())


class Board:
    """What all pages show. There are no queues: a slow viewer misses states, but never the last one."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        found = sorted(directory.iterdir(), key=lambda path: path.stat().st_mtime)
        self.directory = directory
        self.files = {path.name: path.stat().st_size for path in found}
        self.requests = self.viewers = 0
        self.changed = asyncio.Event()

    def tell(self) -> None:
        """Wake all viewers; those who come later wait for the next change."""
        self.changed.set()
        self.changed = asyncio.Event()

    async def states(self) -> AsyncIterator[str]:
        while True:
            changed = self.changed
            yield json.dumps({"files": self.files, "requests": self.requests, "viewers": self.viewers})
            await changed.wait()
            await asyncio.sleep(PAUSE_SECONDS)

    async def add(self, file: Upload) -> None:
        self.files[(await file.save(self.directory)).name] = file.size
        for name in list(self.files)[:-FILES]:
            del self.files[name]
            await asyncio.to_thread((self.directory / name).unlink, missing_ok=True)
        self.tell()


class Seat:
    """The right to watch. It ends with the stream."""


@app.provide(scope="app")
async def board(app: App) -> Board:
    return await asyncio.to_thread(Board, Path(os.environ.get("UPLOADS", "uploads")))


@app.provide
async def seat(request: Request, board: Board) -> AsyncIterator[Seat]:
    if board.viewers >= VIEWERS:
        raise HTTPError(503, "Too many people look at this.")
    board.viewers += 1
    board.tell()
    try:
        yield Seat()
    finally:
        board.viewers -= 1
        board.tell()


@app.middleware
async def counted(request: Request, next: Handler, board: Board) -> Response:
    board.requests += 1
    board.tell()
    return await next(request)


@app.get("/events", on_disconnect="eager")
async def events(request: Request, board: Board, seat: Seat) -> EventStream:
    return EventStream(request, board.states())


@app.post("/files", body_limit=10_000_000)
async def upload(request: Request, file: list[Upload], board: Board) -> None:
    for each in file:
        try:
            await board.add(each)
        except FileExistsError:
            raise HTTPError(409, f"{each.filename} is there already.") from None
    raise Redirect("/")


@app.get("/files/{name}")
async def download(request: Request, name: str, board: Board) -> Response:
    return FileResponse(name, filename=name, directory=board.directory)


app.mount("", StaticFiles(Path(__file__).parent / "page"))

if __name__ == "__main__":
    main(app)
