"""A bare ASGI app, for uvicorn, Hypercorn and Granian."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from benchmarks.content import EVENT, EVENT_SECONDS, TEXT, page, record

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

numbers = count(1)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["path"] == "/":
        await answer(send, b"text/plain", TEXT.encode())
    elif scope["path"] == "/json":
        await answer(send, b"application/json", json.dumps(record(next(numbers))).encode())
    elif scope["path"] == "/page":
        await answer(send, b"text/html; charset=utf-8", page(next(numbers)).encode())
    elif scope["path"] == "/echo":
        await answer(send, b"application/octet-stream", await read(receive))
    elif scope["path"] == "/events":
        await events(receive, send)
    else:
        await answer(send, b"text/plain", b"Not Found", 404)


async def answer(send: Send, kind: bytes, body: bytes, status: int = 200) -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def read(receive: Receive) -> bytes:
    pieces = []
    more = True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(pieces)


async def events(receive: Receive, send: Send) -> None:
    await read(receive)
    gone = asyncio.ensure_future(receive())
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    while not gone.done():
        await send({"type": "http.response.body", "body": EVENT.encode(), "more_body": True})
        await asyncio.sleep(EVENT_SECONDS)


async def lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
