"""The app that the cases are sent to: it takes any body on any path, and has an endpoint for every kind of answer."""

from collections.abc import AsyncIterator

from aiosock.errors import HTTPError
from aiosock.headers import Headers
from aiosock.web.app import App
from aiosock.web.request import Request
from aiosock.web.response import Response

app = App()


@app.route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def anything(request: Request, path: str) -> str:
    return f"{request.method} {request.url} {len(await request.read())}\n"


@app.route("/special/unread", methods=["POST"])
async def unread(request: Request) -> str:
    return "not read\n"


@app.route("/special/late", methods=["POST"])
async def late(request: Request) -> AsyncIterator[str]:
    yield "head first\n"
    yield f"{len(await request.read())}\n"


@app.get("/special/nothing")
async def nothing(request: Request) -> None:
    return None


@app.get("/special/unchanged")
async def unchanged(request: Request) -> Response:
    return Response(status=304, headers={"etag": '"a"'})


@app.get("/special/bodiless")
async def bodiless(request: Request) -> Response:
    return Response("a body where there is none", status=204)


@app.get("/special/stream")
async def stream(request: Request) -> AsyncIterator[str]:
    yield "one\n"
    yield ""
    yield "two\n"


@app.get("/special/announced")
async def announced(request: Request) -> Response:
    return Response(stream_of(b"hel", b"lo"), headers={"content-length": "5"})


@app.get("/special/short")
async def short(request: Request) -> Response:
    return Response(stream_of(b"hell"), headers={"content-length": "5"})


@app.get("/special/long")
async def long(request: Request) -> Response:
    return Response(stream_of(b"hello", b"!"), headers={"content-length": "5"})


@app.get("/special/early-hints")
async def early_hints(request: Request) -> str:
    await request.exchange.informational(103, Headers({"link": "</style.css>; rel=preload"}))
    return "hinted\n"


@app.get("/special/trailers")
async def trailers(request: Request) -> Response:
    response = Response(stream_of(b"hello"))
    response.trailers = {"x-checksum": lambda: "1"}
    return response


@app.get("/special/farewell")
async def farewell(request: Request) -> Response:
    return Response("goodbye\n", headers={"connection": "close"})


@app.get("/special/refusal")
async def refusal(request: Request) -> str:
    raise HTTPError(418, "no coffee")


@app.get("/special/failure")
async def failure(request: Request) -> str:
    raise RuntimeError("a handler's own mistake")


@app.get("/special/failure-within")
async def failure_within(request: Request) -> AsyncIterator[str]:
    yield "so far so good\n"
    raise RuntimeError("a handler's own mistake")


@app.get("/special/split")
async def split(request: Request) -> Response:
    return Response("", headers={"x-from-the-client": request.query.get("value") or ""})


async def stream_of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
