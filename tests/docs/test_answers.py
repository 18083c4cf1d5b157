"""Each row of docs/reference/answers.md is compared with the server: a request gets that status, detail and end."""

import gzip
import re
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from aiosock import App, Limits, Request, Response, StaticFiles, Upgrade
from aiosock.errors import reason_phrase
from aiosock.testing import Client
from aiosock.web.middleware import basic_auth, bearer_auth, csrf, decompression, etag, hosts, rate_limit, timeout

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "answers.md").read_text()

ROW = re.compile(r"^\| (\d+) \| (?:`+ ?(.*?) ?`+)? ?\| .* \| (\w+) \|$", re.MULTILINE)


class Row(NamedTuple):
    """A row of a table: what the page says of a response."""

    status: int
    detail: str
    connection: str


ROWS = [Row(int(status), detail, connection) for status, detail, connection in ROW.findall(PAGE)]


def head(line: str, *fields: str, body: bytes = b"") -> bytes:
    """Return a request with a Host and these fields; a body gets its length."""
    lines = [f"{line} HTTP/1.1", "Host: test", *fields, *([f"Content-Length: {len(body)}"] if body else [])]
    return "\r\n".join([*lines, "", ""]).encode() + body


CHUNKED = "Transfer-Encoding: chunked"
JSON = "Content-Type: application/json"
GZIP = "Content-Encoding: gzip"
BOMB = gzip.compress(bytes(8 << 20))

REQUESTS = [
    # Before the app is called
    (400, b"GET  / HTTP/1.1\r\nHost: test\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHo"),
    (408, b"GET / HTTP/1.1\r\nHo"),
    (414, head("GET /" + "a" * 8192)),
    (431, head("GET /", *(f"A{n}: 1" for n in range(100)))),
    (501, head("POST /", "Transfer-Encoding: gzip, chunked")),
    (505, b"GET / HTTP/2.0\r\nHost: test\r\n\r\n"),
    # While a body is read
    (400, head("POST /read", "Content-Length: 9") + b"half"),
    (400, head("POST /read", CHUNKED) + b"g\r\n"),
    (400, head("POST /text", body=b"\xff")),
    (400, head("POST /json", JSON, body=b"{")),
    (408, head("POST /read", "Content-Length: 9") + b"half"),
    (413, head("POST /read", "Content-Length: 16777217")),
    (415, head("POST /json", body=b"{}")),
    (415, head("POST /form", body=b"a=1")),
    (417, head("POST /read", "Expect: cakes", body=b"1")),
    (431, head("POST /read", CHUNKED) + b"0\r\n" + b"A: 1\r\n" * 101 + b"\r\n"),
    # By an app
    (204, head("POST /nothing")),
    (204, head("OPTIONS /read")),
    (308, head("POST /read/")),
    (400, head("GET /%ff")),
    (400, head("GET /paged")),
    (404, head("GET /nowhere")),
    (404, head("GET /on/today")),
    (405, head("PUT /hello")),
    (421, head("GET https://test/hello")),
    (422, head("GET /typed?number=many")),
    (426, head("GET /chat")),
    (500, head("GET /broken")),
    (501, head("BREW /")),
    (503, head("GET /hello")),
    # By StaticFiles
    (204, head("OPTIONS /files/a.txt")),
    (206, head("GET /files/a.txt", "Range: bytes=1-2")),
    (304, head("GET /files/a.txt", "If-None-Match: *")),
    (308, head("GET /files/folder")),
    (404, head("GET /files/nowhere")),
    (405, head("PUT /files/a.txt")),
    (406, head("GET /files/a.txt", "Accept-Encoding: *;q=0")),
    (412, head("GET /files/a.txt", 'If-Match: "other"')),
    (416, head("GET /files/a.txt", "Range: bytes=9-")),
    (501, head("BREW /files/a.txt")),
    # By middleware
    (304, head("GET /etag/hello", "If-None-Match: *")),
    (400, head("POST /decompression/read", GZIP, body=b"plain")),
    (401, head("GET /basic_auth/hello")),
    (401, head("GET /bearer_auth/hello")),
    (403, head("POST /csrf/read", "Sec-Fetch-Site: cross-site")),
    (412, head("GET /etag/hello", 'If-Match: "other"')),
    (413, head("POST /decompression/read", GZIP, body=BOMB)),
    (413, head("POST /decompression/read", GZIP, body=gzip.compress(b"") * 2000)),
    (415, head("POST /decompression/read", "Content-Encoding: zip", body=b"plain")),
    (421, head("GET /hosts/hello")),
    (429, head("GET /rate_limit/hello")),
    (503, head("GET /timeout/slow")),
]
"""The request that causes each row, in the order of the page."""

PAUSE = {408: 25}
"""Seconds that the client waits for these statuses; for other incomplete requests it ends the connection instead."""


def routed(app: App) -> App:
    """Add the routes that the requests above ask for to an app; return the app."""

    @app.get("/hello")
    async def hello(request: Request) -> str:
        return "Hello"

    @app.post("/nothing")
    async def nothing(request: Request) -> None:
        return None

    @app.post("/read")
    async def read(request: Request) -> bytes:
        return await request.read()

    @app.post("/text")
    async def text(request: Request) -> str:
        return await request.text()

    @app.post("/json")
    async def parsed(request: Request) -> dict[str, Any]:
        return {"got": await request.json()}

    @app.post("/form")
    async def form(request: Request) -> str:
        return str(await request.form())

    app.get("/typed")(typed)
    app.get("/paged")(paged)
    app.get("/on/{day}")(on)

    @app.get("/chat")
    async def chat(request: Request) -> Response:
        return Upgrade("chat", talk)

    @app.get("/broken")
    async def broken(request: Request) -> str:
        raise KeyError("a bug")

    @app.get("/slow")
    async def slow(request: Request) -> None:
        await request.disconnected()

    return app


async def typed(request: Request, *, number: int) -> str:
    return str(number)


async def paged(request: Request) -> str:
    return request.query["page"]


async def on(request: Request, day: date) -> str:
    return str(day)


async def talk(_: object) -> None:
    raise AssertionError("nobody offered it")


async def nobody(token: str) -> None:
    return None


@pytest.fixture
def app(tmp_path: Path) -> App:
    """Return an app with files, and with the same routes again behind each middleware."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.txt").write_text("text\n")
    app = routed(App())
    app.mount("/files", StaticFiles(tmp_path))
    for middleware in (
        basic_auth({"ada": "secret"}),
        bearer_auth(nobody),
        csrf(),
        decompression(),
        etag(),
        hosts(["example.org"]),
        rate_limit(1, 60),
        timeout(0.01),
    ):
        below = routed(App())
        below.middleware(middleware)
        app.mount(f"/{middleware.__qualname__.partition('.')[0]}", below)
    return app


def test_the_page_has_a_row_for_each_request_here() -> None:
    assert [row.status for row in ROWS] == [status for status, _ in REQUESTS]


@pytest.mark.parametrize(("row", "sent"), [(row, request) for row, (_, request) in zip(ROWS, REQUESTS, strict=True)])
async def test_the_server_answers_as_the_page_says(row: Row, sent: bytes, app: App) -> None:
    async with Client(app, limits=Limits(concurrency=1)) as client:
        if b"/rate_limit/" in sent:
            await client.get("/rate_limit/hello")
        if "at once" in row.detail:
            (await client.connect()).send(head("GET /slow"))
            await client.settle()
        peer = await client.connect()
        peer.send(sent)
        await client.settle()
        if row.status in PAUSE:
            await client.advance(PAUSE[row.status])
        elif row.connection == "closes":
            peer.end()
        answer = await peer.response(sent.partition(b" ")[0].decode())

    assert answer.status == row.status
    assert ("closes" if answer.headers.get("connection") == "close" else "stays") == row.connection
    if row.status == 422:
        assert answer.json()["detail"] == row.detail
    elif row.detail:
        line = f"{row.status} {reason_phrase(row.status)}: {row.detail}\n"
        assert re.fullmatch(re.escape(line).replace("…", ".*"), answer.text)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html", "text/html; charset=utf-8"),
        ("application/json", "application/problem+json"),
        ("*/*", "text/plain; charset=utf-8"),
    ],
)
async def test_an_error_is_told_in_the_three_languages_of_the_page(app: App, accept: str, kind: str) -> None:
    async with Client(app) as client:
        answer = await client.get("/nowhere", headers={"accept": accept})

    assert answer.headers["content-type"] == kind
    assert answer.headers["vary"] == "Accept"
    assert f"`{kind}`" in PAGE
    if accept != "text/html":
        assert f"`{answer.text.rstrip()}`" in PAGE
