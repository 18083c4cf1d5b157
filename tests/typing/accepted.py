"""Code that users write: it needs no other annotations, no cast, and no comment for a type checker."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, assert_type
from uuid import UUID

from aiosock import (
    AiosockError,
    App,
    Config,
    ConfigError,
    Convertor,
    Cookie,
    Disconnected,
    Event,
    EventStream,
    FileResponse,
    Form,
    Handler,
    Header,
    Headers,
    HTTPError,
    Limits,
    Middleware,
    ProtocolError,
    Query,
    Redirect,
    Request,
    Response,
    ResponseError,
    RouteError,
    Router,
    Server,
    StaticFiles,
    Timeouts,
    Upgrade,
    Upload,
    run,
    serve,
)
from aiosock.testing import Client, ClientResponse, EventReader, Peer, ReceivedEvent, RequestParts
from aiosock.web import middleware
from aiosock.web.exchange import Address
from aiosock.web.flash import flash
from aiosock.web.response import Duplex
from aiosock.web.sessions.session import Session
from aiosock.web.sessions.signer import Signer
from aiosock.web.sessions.stores import MemoryStore
from aiosock.web.templates import Templates

app = App()
SECRET = "s" * 32

# Routes: a handler keeps its own type, whatever its parameters and its return type are.


@app.get("/")
async def home(request: Request) -> str:
    return "Hello, world!\n"


@app.get("/users/{id:int}", name="user", on_disconnect="finish", health=True)
async def user(request: Request, id: int) -> dict[str, int]:
    return {"id": id}


@app.get("/files/{id:uuid}/{rest:path}")
async def file(request: Request, id: UUID, rest: str) -> bytes:
    return id.bytes + rest.encode()


@app.post("/things", body_limit=1024)
async def create(request: Request) -> None: ...


@app.put("/things/{name}")
@app.patch("/things/{name}")
@app.delete("/things/{name}")
async def change(request: Request, name: str) -> list[str]:
    return [name]


@app.route("/any", methods="*")
@app.route("/some", methods=["GET", "POST"])
async def count(request: Request) -> AsyncIterator[str]:
    for number in range(3):
        yield f"{number}\n"


assert_type(app.url_for("user", id=7), str)

users = Router("/users")
app.include(users, prefix="/v1")
app.convertors["even"] = Convertor("[0-9]*[02468]", int)

# A request.


@app.post("/inspect")
async def inspect(request: Request) -> Response:
    assert_type(request.method, str)
    assert_type(request.path, str)
    assert_type(request.url, str)
    assert_type(request.client, Address | None)
    assert_type(request.headers, Headers)
    assert_type(request.headers.get("accept"), str | None)
    assert_type(request.headers.get("accept", "*/*"), str)
    assert_type(request.headers["host"], str)
    assert_type(request.query.get("page"), str | None)
    assert_type(request.query.get("page", "1"), str)
    assert_type(request.query.get_all("tag"), list[str])
    assert_type(request.cookies, dict[str, str])
    assert_type(request.params, dict[str, Any])
    assert_type(request.shutdown, asyncio.Event)
    assert_type(request.session, Session)
    assert_type(request.trailers, Headers)
    assert_type(await request.read(limit=1024), bytes)
    assert_type(await request.text(), str)
    assert_type(await request.json(), Any)
    async for piece in request.body:
        assert_type(piece, bytes)
    await request.early_hints("</site.css>; rel=preload; as=style")
    return Response()


# Forms.


@app.post("/upload")
async def upload(request: Request) -> str:
    form = await request.form(limit=1024)
    assert_type(form, Form)
    assert_type(form.get("name"), str | Upload | None)
    photo = form["photo"]
    if isinstance(photo, str):
        raise HTTPError(400, "Choose a photo.", {"x-why": "no file"})
    assert_type(photo, Upload)
    assert_type(photo.filename, str)
    assert_type(photo.size, int)
    assert_type(await photo.read(), bytes)
    assert_type(await photo.save(Path("photos")), Path)
    async for piece in photo:
        assert_type(piece, bytes)
    async for part in request.parts():
        assert_type(part.name, str)
        assert_type(part.filename, str | None)
        assert_type(await part.text(), str)
    return photo.content_type


# Parameters that are read from the request.


@dataclass
class Profile:
    name: str
    age: int | None = None


@app.post("/profile", status=201, tags=["people"], responses={409: "It is there."}, security=["bearer"])
async def typed(
    request: Request,
    profile: Annotated[Profile, Form],
    agent: Annotated[str, Header("user-agent")],
    photo: Upload,
    theme: Annotated[str, Cookie] = "light",
    search: Annotated[Profile | None, Query] = None,
) -> Profile:
    assert_type(profile, Profile)
    assert_type(agent, str)
    assert_type(search, Profile | None)
    return profile


# Resources.


class Database:
    async def count(self) -> int:
        return 1


class Unit:
    def __init__(self, database: Database) -> None:
        self.database = database


@app.provide(scope="app")
async def database(app: App) -> AsyncIterator[Database]:
    yield Database()


@app.provide
async def unit(request: Request, database: Database) -> Unit:
    return Unit(database)


async def keep_its_type(request: Request) -> None:
    assert_type(await unit(request, Database()), Unit)


@app.get("/count")
async def count_them(request: Request, unit: Unit) -> str:
    assert_type(request.app.url_for("user", id=3), str)
    return f"{await unit.database.count()} {request.route} {request.app.state.name}"


@app.middleware
async def measured(request: Request, next: Handler, database: Database) -> Response:
    return await next(request)


@dataclass
class State:
    visits: int = 0


assert_type(app, App)
assert_type(app.state.anything, Any)
stateful = App(State())
assert_type(stateful, App[State])
assert_type(stateful.state.visits, int)
declared: App[State] = App()


@stateful.lifespan
async def begin(app: App[State]) -> AsyncIterator[None]:
    app.state.visits += 1
    yield


app.mount("/stateful", stateful)


async def replace_it() -> None:
    with app.overriding(Database, Database()):
        client = Client(app)
        client.override(Unit, unit)


# Responses.


@dataclass
class Point:
    x: int
    y: int


async def pieces() -> AsyncIterator[bytes | str]:
    yield b"one"
    yield "two"


def respond() -> None:
    assert_type(Response(), Response)
    assert_type(Response(b"bytes", 201, {"x-name": "value"}), Response)
    assert_type(Response(pieces(), headers=[("set-cookie", "a=b"), ("set-cookie", "c=d")]), Response)
    assert_type(Response.text("text"), Response)
    assert_type(Response.html("<p>page", status=404), Response)
    assert_type(Response.json(Point(1, 2)), Response)
    assert_type(Response.redirect("/elsewhere", 308), Response)
    assert_type(FileResponse(Path("a.pdf"), "A.pdf", headers={"cache-control": "no-store"}), FileResponse)
    assert_type(FileResponse("a.pdf", directory=Path("files"), inline=True), FileResponse)
    response = Response.text("text", headers=Headers({"x-name": "value"}))
    assert_type(response.status, int)
    assert_type(response.headers.items(), list[tuple[str, str]])
    response.headers["x-name"] = "another"
    response.set_cookie("theme", "dark", max_age=3600, same_site="strict")
    response.delete_cookie("theme", path="/")
    response.trailers = {"x-sha256": lambda: "abc"}


@app.get("/events", on_disconnect="eager")
async def events(request: Request) -> EventStream:
    async def ticks() -> AsyncIterator[Event | str]:
        yield "data"
        yield Event("data", id="7", event="tick", retry=1000)

    return EventStream(request, ticks(), goodbye=Event("bye"), heartbeat_seconds=30)


@app.get("/echo")
async def switch(request: Request) -> Upgrade:
    async def echo(duplex: Duplex) -> None:
        while data := await duplex.receive():
            await duplex.send(data)

    return Upgrade("echo", echo)


# Middleware, exception handlers, lifespan, mounts.


@app.middleware
async def named(request: Request, next: Handler) -> Response:
    response = await next(request)
    response.headers.setdefault("server", "aiosock")
    return response


async def verify(token: str) -> Point | None:
    return Point(1, 2) if token == "secret" else None


CHOSEN: list[Middleware] = [
    named,
    middleware.basic_auth({"ada": "secret"}, realm="site"),
    middleware.bearer_auth(verify),
    middleware.compression(minimum_bytes=512, codings=["gzip"]),
    middleware.cors("https://example.org", methods=["PUT"], credentials=True),
    middleware.csrf(trusted=["https://example.org"]),
    middleware.decompression(max_ratio=50),
    middleware.etag(),
    middleware.hosts(["example.org"]),
    middleware.proxy_headers(["10.0.0.0/8"], fields="forwarded"),
    middleware.rate_limit(100, 60, key=lambda request: request.headers.get("x-key", "")),
    middleware.request_id(incoming=True),
    middleware.security_headers(frames="self"),
    middleware.sessions([SECRET], store=MemoryStore(), secure=True),
    middleware.timeout(5, {"/reports/": None}),
]
for chosen in CHOSEN:
    app.middleware(chosen)


@app.exception(KeyError)
async def missing(request: Request, error: KeyError) -> str:
    return f"There is no {error}."


@app.exception(HTTPError)
async def failed(request: Request, error: HTTPError) -> Response:
    assert_type(error.status, int)
    assert_type(error.detail, str)
    return Response.json({"error": error.detail}, error.status, error.headers)


@app.lifespan
async def connect(app: App) -> AsyncIterator[None]:
    app.state.database = "a connection"
    yield


@asynccontextmanager
async def connect_otherwise(app: App) -> AsyncGenerator[None, None]:
    yield


async def send(address: str, *, urgent: bool = False) -> int:
    return len(address)


@app.get("/leaving")
async def leaving(request: Request) -> None:
    request.after(send, "ada@example.org", urgent=True)
    request.after(print, "left")
    assert_type(dict(request.query), dict[str, str])
    assert_type(dict(request.headers), dict[str, str])
    assert_type(request.url_for("user", id=3), str)
    flash(request, "Good bye.")
    raise Redirect("/", 307, {"cache-control": "no-store"})


templates = Templates(Path("templates"))


async def rendered(request: Request) -> Response:
    assert_type(await templates.render(request, "a.html", {"a": 1}), Response)
    return await templates.stream(request, "a.html", status=404, headers={"x-a": "b"})


inside = Router("/inside", middleware=[named])
inside.lifespan(connect)

other = App()
other.lifespan(connect_otherwise)
app.mount("/other", other, name="other")
app.mount("/static", StaticFiles(Path("static"), listing=True, cache_control={"*.css": "max-age=60"}))
app.host("*.example.org", other)
handlers: list[Handler] = [app, other, StaticFiles("static")]

KINDS: list[type[AiosockError]] = [
    *(ConfigError, Disconnected, HTTPError, ProtocolError, ResponseError, RouteError),
]

# Running and testing it.

config = Config(port=0, limits=Limits(head_bytes=1024), timeouts=Timeouts(drain_seconds=1), bind=("unix:/run/a",))
assert_type(config.limits.head_bytes, int)
assert_type(config.timeouts.drain_seconds, float)


async def embed() -> None:
    async with serve(app, config, debug=True) as server:
        assert_type(server, Server)
        assert_type(server.urls, list[str])
    async with Server(app, config) as server:
        assert_type(await server.drain(), bool)


async def test() -> None:
    async with Client(app, port=0) as client:
        response = await client.post("/things", json={"a": 1}, headers={"accept": "*/*"})
        assert_type(response, ClientResponse)
        assert_type(response.status, int)
        assert_type(response.text, str)
        assert_type(response.headers["content-type"], str)
        async with client.stream("GET", "/events") as (answer, body):
            assert_type(answer, ClientResponse)
            assert_type(await anext(body), bytes)
        peer = await client.connect()
        assert_type(peer, Peer)
        assert_type(await peer.receive(), bytes)


async def test_forms(path: Path) -> None:
    parts: RequestParts = {"params": {"q": "tea", "page": [1, 2]}, "follow_redirects": True}
    async with Client(app, base_url="https://testserver", headers={"x": "1"}, raise_exceptions=False) as client:
        with path.open("rb") as photo:
            await client.post("/form", data={"name": "Ada", "tags": ["a", 1]}, files={"photo": photo})
            await client.post("/form", files={"photo": ("cat.png", photo, "image/png"), "notes": ("notes.txt", "text")})
        response = await client.get("/form", **parts)
        await client.put("/form", data=[("a", 1), ("a", 2.5)], auth=("ada", "secret"))
        await client.put("/form", files=[("a", b"bytes"), ("a", "text"), ("a", ("name", b"bytes"))])
        assert_type(response.raise_for_status(), ClientResponse)
        assert_type(response.cookies, dict[str, str])
        assert_type(response.history, list[ClientResponse])
        client.cookies["theme"] = "dark"
        assert_type(client.cookies["theme"], str)
        async with client.events("/events", last_event_id="7", params={"a": "b"}) as events:
            assert_type(events, EventReader)
            async for event in events:
                assert_type(event, ReceivedEvent)
                assert_type(event.data, str)


def sign() -> None:
    signer = Signer(SECRET)
    assert_type(signer.sign("purpose", "text"), str)
    assert_type(signer.verify("purpose", "signed", 60), str | None)


def announce(server: Server) -> None:
    assert_type(server.connections, int)


if __name__ == "__main__":
    run(app, config, port=8080, when_started=announce)
