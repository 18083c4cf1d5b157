"""Tornado on uvloop."""

import asyncio
import json
import sys
from itertools import count

import uvloop
from tornado.iostream import StreamClosedError
from tornado.web import Application, RequestHandler, StaticFileHandler

from benchmarks.content import EVENT, EVENT_SECONDS, FILES, TEXT, page, receipt, record

numbers = count(1)


class Text(RequestHandler):
    async def get(self) -> None:
        self.set_header("Content-Type", "text/plain")
        self.write(TEXT)


class Json(RequestHandler):
    async def get(self) -> None:
        self.write(record(next(numbers)))


class Page(RequestHandler):
    async def get(self) -> None:
        self.write(page(next(numbers)))


class Api(RequestHandler):
    async def post(self, user: str, order: str) -> None:
        dry = self.get_query_argument("dry") == "true"
        self.write(receipt(int(user), int(order), dry, json.loads(self.request.body)))


class Echo(RequestHandler):
    async def post(self) -> None:
        self.set_header("Content-Type", "application/octet-stream")
        self.write(self.request.body)


class Upload(RequestHandler):
    async def post(self) -> None:
        size = len(self.request.files["file"][0].body)
        self.write({"title": self.get_body_argument("title"), "bytes": size})


class Events(RequestHandler):
    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        try:
            while True:
                self.write(EVENT)
                await self.flush()
                await asyncio.sleep(EVENT_SECONDS)
        except StreamClosedError:
            return


async def main(port: int) -> None:
    app = Application(
        [
            (r"/", Text),
            (r"/json", Json),
            (r"/page", Page),
            (r"/users/(\d+)/orders/(\d+)", Api),
            (r"/echo", Echo),
            (r"/upload", Upload),
            (r"/events", Events),
            (r"/static/(.*)", StaticFileHandler, {"path": FILES / "static"}),
        ],
        log_function=lambda handler: None,
    )
    app.listen(port, "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
