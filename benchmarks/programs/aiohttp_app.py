"""aiohttp's server on uvloop."""

import asyncio
import sys
from itertools import count

import uvloop
from aiohttp import web

from benchmarks.content import EVENT, EVENT_SECONDS, FILES, TEXT, page, receipt, record

routes = web.RouteTableDef()
numbers = count(1)


@routes.get("/")
async def text(request: web.Request) -> web.Response:
    return web.Response(text=TEXT)


@routes.get("/json")
async def json(request: web.Request) -> web.Response:
    return web.json_response(record(next(numbers)))


@routes.get("/page")
async def html(request: web.Request) -> web.Response:
    return web.Response(text=page(next(numbers)), content_type="text/html")


@routes.post(r"/users/{user:\d+}/orders/{order:\d+}")
async def api(request: web.Request) -> web.Response:
    user, order = int(request.match_info["user"]), int(request.match_info["order"])
    return web.json_response(receipt(user, order, request.query.get("dry") == "true", await request.json()))


@routes.post("/echo")
async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


@routes.post("/upload")
async def upload(request: web.Request) -> web.Response:
    form = await request.post()
    file = form["file"]
    if not isinstance(file, web.FileField):
        raise web.HTTPBadRequest
    return web.json_response({"title": form["title"], "bytes": len(file.file.read())})


@routes.get("/events")
async def events(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream", "cache-control": "no-store"})
    await response.prepare(request)
    while True:
        await response.write(EVENT.encode())
        await asyncio.sleep(EVENT_SECONDS)


routes.static("/static", FILES / "static")

if __name__ == "__main__":
    app = web.Application()
    app.add_routes(routes)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, loop=uvloop.new_event_loop())
