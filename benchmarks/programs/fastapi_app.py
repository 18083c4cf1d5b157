"""FastAPI, for uvicorn."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Annotated, Any

from fastapi import FastAPI, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel

from benchmarks.content import EVENT, EVENT_SECONDS, FILES, TEXT, page, receipt, record

app = FastAPI()
numbers = count(1)


class Record(BaseModel):
    id: int
    name: str
    languages: list[str]
    active: bool


class Item(BaseModel):
    sku: str
    quantity: int
    price: int


class Order(BaseModel):
    items: list[Item]
    note: str


class Receipt(BaseModel):
    user: int
    order: int
    dry: bool
    items: int
    total: int


@app.get("/", response_class=PlainTextResponse)
async def text() -> str:
    return TEXT


@app.get("/json")
async def json() -> Record:
    return Record(**record(next(numbers)))


@app.get("/page", response_class=HTMLResponse)
async def html() -> str:
    return page(next(numbers))


@app.post("/users/{user}/orders/{order}")
async def api(user: int, order: int, body: Order, dry: bool = False) -> Receipt:
    return Receipt(**receipt(user, order, dry, body.model_dump()))


@app.post("/echo")
async def echo(request: Request) -> Response:
    return Response(await request.body(), media_type="application/octet-stream")


@app.post("/upload")
async def upload(title: Annotated[str, Form()], file: UploadFile) -> dict[str, Any]:
    return {"title": title, "bytes": len(await file.read())}


@app.get("/events")
async def events() -> StreamingResponse:
    async def ticks() -> AsyncIterator[str]:
        while True:
            yield EVENT
            await asyncio.sleep(EVENT_SECONDS)

    return StreamingResponse(ticks(), media_type="text/event-stream", headers={"cache-control": "no-store"})


app.mount("/static", StaticFiles(directory=FILES / "static"))
