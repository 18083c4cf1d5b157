"""socketify, which brings its own event loop."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from socketify import App, AppListenOptions, sendfile

from benchmarks.content import EVENT, EVENT_SECONDS, FILES, TEXT, page, receipt, record

app = App()
numbers = count(1)
waiting: set[Any] = set()


def text(res: Any, req: Any) -> None:
    res.write_header("Content-Type", "text/plain")
    res.end(TEXT)


def json(res: Any, req: Any) -> None:
    res.send(record(next(numbers)))


def html(res: Any, req: Any) -> None:
    res.write_header("Content-Type", "text/html; charset=utf-8")
    res.end(page(next(numbers)))


async def api(res: Any, req: Any) -> None:
    user, order = int(req.get_parameter(0)), int(req.get_parameter(1))
    dry = req.get_query("dry") == "true"
    with held(res):
        body = await res.get_json()
    res.cork_send(receipt(user, order, dry, body))


async def echo(res: Any, req: Any) -> None:
    with held(res):
        body = await res.get_data()
    res.cork_send(body.getvalue(), b"application/octet-stream")


async def static(res: Any, req: Any) -> None:
    with held(res):
        await sendfile(res, req, str(FILES / "static" / req.get_parameter(0)))


@contextmanager
def held(res: Any) -> Iterator[None]:
    """Hold a reference to a response while only C code uses it."""
    waiting.add(res)
    try:
        yield
    finally:
        waiting.discard(res)


async def events(res: Any, req: Any) -> None:
    res.write_header("Content-Type", "text/event-stream")
    res.write_header("Cache-Control", "no-store")
    while not res.aborted:
        res.write(EVENT)
        await asyncio.sleep(EVENT_SECONDS)


app.get("/", text)
app.get("/json", json)
app.get("/page", html)
app.post("/users/:user/orders/:order", api)
app.post("/echo", echo)
app.get("/events", events)
app.get("/static/:name", static)

if __name__ == "__main__":
    app.listen(AppListenOptions(port=int(sys.argv[1]), host="127.0.0.1"))
    app.run()
