"""Mistakes that type checkers find before the program runs; both checkers report such a comment if it is not needed."""

from aiosock import (
    App,
    Config,
    Event,
    EventStream,
    FileResponse,
    Handler,
    Headers,
    HTTPError,
    Limits,
    Redirect,
    Request,
    Response,
    StaticFiles,
    run,
)
from aiosock.testing import Client

app = App()


@app.get("/", on_disconnect="wait")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
async def option(request: Request) -> str:
    return request.headers.get("accept")  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@app.post("/", limit=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue, reportUntypedFunctionDecorator]
async def unknown_option(request: Request) -> bytes:
    return await request.text()  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@app.middleware  # type: ignore[type-var]  # pyright: ignore[reportArgumentType, reportUntypedFunctionDecorator]
async def no_middleware(request: Request) -> Response:
    return Response()


@app.provide  # type: ignore[type-var]  # pyright: ignore[reportArgumentType, reportUntypedFunctionDecorator]
def no_provider(request: Request) -> Response:
    return Response()


@app.provide(scope="session")  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportArgumentType]
async def no_scope(request: Request) -> Response:
    return Response()


@app.get("/other", status="201")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
async def no_status(request: Request) -> None: ...


@app.exception(KeyError)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
async def another_error(request: Request, error: OSError) -> Response:
    return Response()


@app.exception(SystemExit)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
async def no_exception(request: Request, error: BaseException) -> Response:
    return Response()


async def no_handler(name: str) -> str:
    return name


handler: Handler = no_handler  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
app.mount("/", no_handler)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
run(no_handler)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

Response(["one", "two"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Response({"id": 7})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Response("text", "200")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Response("text", headers={"x-count": 1})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Response().set_cookie("a", "b", same_site="loose")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Response("text", status_code=404)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Response().set_cookie("a", "b", httponly=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
FileResponse("a.pdf", media_type="text/plain")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Redirect(404)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Headers()["x-count"] = 1  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
StaticFiles("static", index=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
StaticFiles("static", list=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
HTTPError("404")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Config(limits={"head_bytes": 1})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Config(loop="trio")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Limits(1024)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Limits().head_bytes = 1  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
Event(b"data")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def events(request: Request) -> EventStream:
    return EventStream(request, ["data"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def send(address: str, *, urgent: bool = False) -> None: ...


def leave(request: Request) -> None:
    request.after(send, 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    request.after(send, "ada", soon=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    request.after(send("ada"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]


async def test() -> None:
    async with Client(app) as client:
        await client.get("/", jsn=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
        await client.post("/", auth="ada:secret")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        await client.post("/", files={"a": 1})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
