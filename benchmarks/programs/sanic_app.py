"""Sanic, in one process, with its own server on uvloop."""

import asyncio
import sys
from itertools import count
from typing import Any

from sanic import HTTPResponse, Request, Sanic, html, json, raw, text

from benchmarks.content import EVENT, EVENT_SECONDS, FILES, TEXT, page, receipt, record

app = Sanic("benchmark")
numbers = count(1)


@app.get("/")
async def plain(request: Request) -> HTTPResponse:
    return text(TEXT)


@app.get("/json")
async def small(request: Request) -> HTTPResponse:
    return json(record(next(numbers)))


@app.get("/page")
async def visitor(request: Request) -> HTTPResponse:
    return html(page(next(numbers)))


@app.post("/users/<user:int>/orders/<order:int>")
async def api(request: Request, user: int, order: int) -> HTTPResponse:
    return json(receipt(user, order, request.args.get("dry") == "true", request.json))


@app.post("/echo")
async def echo(request: Request) -> HTTPResponse:
    return raw(request.body)


@app.post("/upload")
async def upload(request: Request) -> HTTPResponse:
    return json({"title": request.form.get("title"), "bytes": len(request.files.get("file").body)})


@app.get("/events")
async def events(request: Request) -> Any:
    response = await request.respond(content_type="text/event-stream", headers={"cache-control": "no-store"})
    while True:
        await response.send(EVENT)
        await asyncio.sleep(EVENT_SECONDS)


app.static("/static", FILES / "static", stream_large_files=True)

if __name__ == "__main__":
    app.run("127.0.0.1", int(sys.argv[1]), single_process=True, access_log=False, motd=False)
