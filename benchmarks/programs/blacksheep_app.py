"""BlackSheep, for uvicorn."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

from blacksheep import Application, Content, FromJSON, Request, Response, StreamedContent, get, html, json, post, text

from benchmarks.content import EVENT, EVENT_SECONDS, FILES, TEXT, page, receipt, record

app = Application()
app.serve_files(FILES / "static", root_path="static", extensions={".css", ".js", ".bin"})
numbers = count(1)


@get("/")
async def plain() -> Response:
    return text(TEXT)


@get("/json")
async def small() -> Response:
    return json(record(next(numbers)))


@get("/page")
async def visitor() -> Response:
    return html(page(next(numbers)))


@post("/users/{user}/orders/{order}")
async def api(user: int, order: int, dry: bool, body: FromJSON[dict[str, Any]]) -> Response:
    return json(receipt(user, order, dry, body.value))


@post("/echo")
async def echo(request: Request) -> Response:
    return Response(200, content=Content(b"application/octet-stream", await request.read()))


@post("/upload")
async def upload(request: Request) -> Response:
    form = await request.form()
    return json({"title": form["title"], "bytes": len(form["file"][0].data)})


@get("/events")
async def events() -> Response:
    async def ticks() -> AsyncIterator[bytes]:
        while True:
            yield EVENT.encode()
            await asyncio.sleep(EVENT_SECONDS)

    return Response(200, [(b"cache-control", b"no-store")], StreamedContent(b"text/event-stream", ticks))
