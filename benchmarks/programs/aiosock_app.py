"""aiosock with its defaults, but without the access log: `aiosock_app PORT [LOOP [LOG_FORMAT]]`."""

import asyncio
import sys
from collections.abc import AsyncIterator
from itertools import count
from typing import Any, Literal, cast

from aiosock import App, Request, Response, StaticFiles, Upload, run
from benchmarks.content import EVENT, EVENT_SECONDS, FILES, TEXT, page, receipt, record

app = App()
numbers = count(1)


@app.get("/")
async def text(request: Request) -> str:
    return TEXT


@app.get("/json")
async def json(request: Request) -> dict[str, Any]:
    return record(next(numbers))


@app.get("/page")
async def html(request: Request) -> Response:
    return Response.html(page(next(numbers)))


@app.post("/users/{user:int}/orders/{order:int}")
async def api(request: Request, user: int, order: int) -> dict[str, Any]:
    return receipt(user, order, request.query.get("dry") == "true", await request.json())


@app.post("/echo")
async def echo(request: Request) -> bytes:
    return await request.read()


@app.post("/upload")
async def upload(request: Request) -> dict[str, Any]:
    form = await request.form()
    file = form["file"]
    assert isinstance(file, Upload)
    return {"title": form["title"], "bytes": len(await file.read())}


@app.get("/events")
async def events(request: Request) -> Response:
    async def ticks() -> AsyncIterator[str]:
        while not request.shutdown.is_set():
            yield EVENT
            await asyncio.sleep(EVENT_SECONDS)

    return Response(ticks(), headers={"content-type": "text/event-stream", "cache-control": "no-store"})


if __name__ == "__main__":
    app.mount("/static", StaticFiles(FILES / "static"))
    loop = cast(Literal["uvloop", "asyncio"], sys.argv[2] if len(sys.argv) > 2 else "uvloop")
    log_format = sys.argv[3] if len(sys.argv) > 3 else ""
    run(app, port=int(sys.argv[1]), loop=loop, access_log=bool(log_format), log_format=log_format or "combined")
