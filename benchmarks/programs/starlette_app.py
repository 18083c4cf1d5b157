"""Starlette, for uvicorn."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from benchmarks.content import EVENT, EVENT_SECONDS, FILES, TEXT, page, receipt, record

numbers = count(1)


async def text(request: Request) -> Response:
    return PlainTextResponse(TEXT)


async def json(request: Request) -> Response:
    return JSONResponse(record(next(numbers)))


async def html(request: Request) -> Response:
    return HTMLResponse(page(next(numbers)))


async def api(request: Request) -> Response:
    user, order = request.path_params["user"], request.path_params["order"]
    return JSONResponse(receipt(user, order, request.query_params.get("dry") == "true", await request.json()))


async def echo(request: Request) -> Response:
    return Response(await request.body(), media_type="application/octet-stream")


async def upload(request: Request) -> Response:
    async with request.form() as form:
        content = await form["file"].read()
        return JSONResponse({"title": form["title"], "bytes": len(content)})


async def events(request: Request) -> Response:
    async def ticks() -> AsyncIterator[str]:
        while True:
            yield EVENT
            await asyncio.sleep(EVENT_SECONDS)

    return StreamingResponse(ticks(), media_type="text/event-stream", headers={"cache-control": "no-store"})


app = Starlette(
    routes=[
        Route("/", text),
        Route("/json", json),
        Route("/page", html),
        Route("/users/{user:int}/orders/{order:int}", api, methods=["POST"]),
        Route("/echo", echo, methods=["POST"]),
        Route("/upload", upload, methods=["POST"]),
        Route("/events", events),
        Mount("/static", StaticFiles(directory=FILES / "static")),
    ]
)
