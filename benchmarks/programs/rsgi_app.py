"""A bare RSGI app, for Granian."""

import asyncio
import json
from itertools import count
from typing import Any

from benchmarks.content import EVENT, EVENT_SECONDS, TEXT, page, record

numbers = count(1)


async def app(scope: Any, protocol: Any) -> None:
    if scope.path == "/":
        protocol.response_str(200, [("content-type", "text/plain")], TEXT)
    elif scope.path == "/json":
        protocol.response_str(200, [("content-type", "application/json")], json.dumps(record(next(numbers))))
    elif scope.path == "/page":
        protocol.response_str(200, [("content-type", "text/html; charset=utf-8")], page(next(numbers)))
    elif scope.path == "/echo":
        protocol.response_bytes(200, [("content-type", "application/octet-stream")], await protocol())
    elif scope.path == "/events":
        await events(protocol)
    else:
        protocol.response_str(404, [("content-type", "text/plain")], "Not Found")


async def events(protocol: Any) -> None:
    headers = [("content-type", "text/event-stream"), ("cache-control", "no-store")]
    stream = protocol.response_stream(200, headers)
    gone = asyncio.ensure_future(protocol.client_disconnect())
    while not gone.done():
        await stream.send_str(EVENT)
        await asyncio.sleep(EVENT_SECONDS)
