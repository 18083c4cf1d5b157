"""Each example works as it says; examples that stream end at shutdown."""

import asyncio
import gzip
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from aiosock import Config, Handler, Request, Response, Server
from aiosock.testing import Client
from tests.patience import PATIENCE

EXAMPLES = Path(__file__).parent.parent / "examples"

WITH_TESTS = [("api.py", 14), ("dashboard", 6), ("poll.py", 7), ("shortener", 12)]
"""Programs with tests beside them, and how many these are."""


def load(name: str) -> ModuleType:
    spec = spec_from_file_location(f"examples.{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_has_a_test() -> None:
    tested = set(re.findall(r'load\("(\w+)"\)', Path(__file__).read_text(encoding="utf-8")))
    with_tests = {path.stem for path in EXAMPLES.rglob("*.py") if path.with_name(f"test_{path.name}").exists()}
    programs = [*EXAMPLES.glob("*.py"), *EXAMPLES.glob("shortener/*.py"), *EXAMPLES.glob("dashboard/*.py")]

    assert {path.stem for path in programs if not path.stem.startswith("test_")} == tested | with_tests
    assert with_tests == {Path(program).stem for program, _ in WITH_TESTS}


def test_the_list_of_examples_names_them_all() -> None:
    linked = set(re.findall(r"\]\(([\w/.]+)\)", (EXAMPLES / "README.md").read_text(encoding="utf-8")))
    there = {path.name for path in EXAMPLES.iterdir() if path.suffix == ".py" or (path / f"{path.name}.py").exists()}

    assert there <= linked
    assert [target for target in linked if not (EXAMPLES / target).exists()] == []


async def test_hello_says_hello() -> None:
    async with Client(load("hello").app) as client:
        assert (await client.get("/")).text == "Hello, world!\n"


async def test_ticks_end_when_the_server_is_told_to_stop() -> None:
    async with Client(load("events").app) as client, client.stream("GET", "/ticks") as (response, body):
        assert response.headers["content-type"] == "text/event-stream"
        assert await anext(body) == b"id: 0\ndata: tick 0\n\n"
        client.server.service.shutdown.set()
        assert b"".join([piece async for piece in body]).endswith(b"event: shutdown\ndata: come back later\n\n")


@pytest.mark.parametrize(("seen", "first"), [("7", b"id: 8\ndata: tick 8\n\n"), ("-1", b"id: 0\ndata: tick 0\n\n")])
async def test_ticks_go_on_where_they_broke_off(seen: str, first: bytes) -> None:
    fields = {"last-event-id": seen}
    async with Client(load("events").app) as client, client.stream("GET", "/ticks", headers=fields) as (_, body):
        assert await anext(body) == first


async def test_an_id_that_is_none_of_ours_is_422() -> None:
    async with Client(load("events").app) as client:
        assert (await client.get("/ticks", headers={"last-event-id": "seven"})).status == 422


async def test_timing_measures_and_an_upload_is_counted() -> None:
    async with Client(load("timing").app) as client:
        response = await client.put("/size", body=b"x" * 300_000)
        assert response.json() == {"bytes": 300_000}
        assert response.headers["server-timing"].startswith("app;dur=")


async def test_a_job_goes_on_after_its_answer_and_is_waited_for_at_the_end() -> None:
    example = load("background")
    async with Client(example.app) as client:
        started = await client.post("/jobs", body=b"data")
        assert (started.status, started.headers["location"]) == (202, "/jobs/1")
        shown = {"digest": None}
        async with asyncio.timeout(client.patience):
            while shown["digest"] is None:
                shown = (await client.get("/jobs/1")).json()
        assert shown == {"id": 1, "digest": example.digest(b"data")}
        assert (await client.get("/jobs/2")).status == 404
        await client.post("/jobs", body=b"other")
    assert example.app.state.jobs[2].result() == example.digest(b"other")


@pytest.mark.parametrize(("program", "count"), WITH_TESTS)
def test_the_tests_of_an_example_pass_wherever_they_are_copied_to(program: str, count: int, tmp_path: Path) -> None:
    place = EXAMPLES / program
    if program.endswith(".py"):
        for file in (place, place.with_name(f"test_{place.name}")):
            shutil.copy(file, tmp_path)
    else:
        shutil.copytree(place, tmp_path, dirs_exist_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"test_{place.stem}.py"]
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}

    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.stdout.splitlines()[-1].startswith(f"{count} passed"), done.stdout


# The proxy, in front of a server on a real port.


@asynccontextmanager
async def proxied(upstream: Handler, patience: float = PATIENCE) -> AsyncIterator[Client]:
    example: Any = load("proxy")
    async with Server(upstream, Config(port=0, access_log=False)) as server, Client(example.app) as client:
        example.UPSTREAM = httpx.URL(server.urls[0])
        example.TIMEOUT = httpx.Timeout(patience)
        yield client


async def arrived(request: Request) -> Response:
    """Respond with the request that has arrived."""
    fields = [*request.headers.items(), ("target", request.target), ("method", request.method)]
    return Response.json([list(field) for field in fields])


async def test_the_proxy_says_who_asks_and_keeps_what_is_for_one_connection() -> None:
    fields = {
        "host": "shop.example:8080",
        "connection": "X-Secret, close",
        "x-secret": "for the proxy",
        "te": "trailers",
        "via": "1.0 other",
        "x-forwarded-for": "forged",
        "forwarded": "for=forged",
        "x-kept": "caf\xe9",
    }
    async with proxied(arrived) as client:
        answer = await client.get("/a/../b%2F%7e?q=%20|&q", headers=fields)

    assert sorted(answer.json()) == [
        ["host", "shop.example:8080"],
        ["method", "GET"],
        ["target", "/a/../b%2F%7e?q=%20|&q"],
        ["via", "1.0 other"],
        ["via", "1.1 aiosock"],
        ["x-forwarded-for", "127.0.0.1"],
        ["x-forwarded-host", "shop.example:8080"],
        ["x-forwarded-proto", "http"],
        ["x-kept", "caf\xe9"],
    ]
    assert answer.headers["via"] == "1.1 aiosock"


async def test_an_answer_comes_through_the_proxy_as_it_is() -> None:
    async def answer(request: Request) -> Response:
        headers = {"content-encoding": "gzip", "etag": '"1"'}
        response = Response(gzip.compress(b"text"), 203, headers)
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        return response

    async with proxied(answer) as client:
        whole, head = await client.get("/"), await client.head("/")

    for got in (whole, head):
        assert (got.status, got.headers["etag"]) == (203, '"1"')
        assert [cookie.partition(";")[0] for cookie in got.headers.get_all("set-cookie")] == ["a=1", "b=2"]
        assert got.headers["content-length"] == str(len(whole.body))
    assert gzip.decompress(whole.body) == b"text"
    assert head.body == b""


@pytest.mark.parametrize("status", [204, 304, 404, 500])
async def test_every_status_comes_through_the_proxy(status: int) -> None:
    async def answer(request: Request) -> Response:
        return Response(b"" if status in (204, 304) else b"text", status, {"x-kept": "yes"})

    async with proxied(answer) as client:
        peer = await client.connect()
        for _ in range(3):
            peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            got = await peer.response()
            assert (got.status, got.headers["x-kept"]) == (status, "yes")


async def test_what_an_answer_says_of_its_own_connection_ends_at_the_proxy() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nConnection: X-Secret, close\r\nX-Secret: s\r\nKeep-Alive: max=1\r\nX-Kept: yes\r\n"
            b"Content-Length: 0\r\n\r\n"
        )
        writer.close()
        await writer.wait_closed()

    example: Any = load("proxy")
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, Client(example.app) as client:
        example.UPSTREAM = httpx.URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        got = await client.get("/")

    assert sorted(got.headers) == ["content-length", "date", "via", "x-kept"]


@pytest.mark.parametrize("chunked", [False, True])
async def test_bodies_stream_through_the_proxy_both_ways(chunked: bool) -> None:
    began, may_end = asyncio.Event(), asyncio.Event()
    body = os.urandom(5_000_000)

    async def digest(request: Request) -> Response:
        digest = sha256()
        async for piece in request.body:
            digest.update(piece)
            began.set()

        async def pieces() -> AsyncIterator[bytes]:
            yield digest.digest()
            await may_end.wait()
            yield body

        return Response(pieces(), headers={"content-length": str(32 + len(body))} if not chunked else {})

    def sent(piece: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece

    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    async with proxied(digest) as client, asyncio.timeout(client.patience):
        peer = await client.connect()
        peer.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n" + sent(body[:100_000]))
        await began.wait()
        peer.send(sent(body[100_000:]) + b"0\r\n\r\n" * chunked)
        while sha256(body).digest() not in peer.received:
            await peer.receive()
        may_end.set()
        while body[-1000:] not in peer.received:
            await peer.receive()


async def test_a_client_that_does_not_read_holds_up_the_server_behind_the_proxy() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield bytes(65_536)

    async def answer(request: Request) -> Response:
        request.exchange.on_disconnect = "eager"
        return Response(endless())

    async with proxied(answer) as client, asyncio.timeout(client.patience):
        peer = await client.connect()
        peer.stall()
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        before = -1
        while before != sent or not sent:
            before = sent
            for _ in range(100):
                await client.settle()
        assert sent < 1000  # bytes that the buffers on the way can hold, above all those of the kernel
        peer.reset()
        await client.advance(1)
        await peer.done()


async def test_what_is_refused_while_the_body_is_read_is_the_clients_fault() -> None:
    async def read(request: Request) -> Response:
        return Response(await request.read())

    async with proxied(read) as client:
        peer = await client.connect()
        peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnone\r\n")
        assert (await peer.response("POST")).status == 400


async def test_where_nobody_listens_it_is_502() -> None:
    example: Any = load("proxy")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        example.UPSTREAM = httpx.URL(f"http://127.0.0.1:{taken.getsockname()[1]}")
        async with Client(example.app) as client:
            assert (await client.get("/")).status == 502


async def test_where_nobody_answers_it_is_504() -> None:
    async def never(request: Request) -> Response:
        request.exchange.on_disconnect = "eager"
        await asyncio.Event().wait()
        raise AssertionError

    async with proxied(never, patience=0.1) as client:
        assert (await client.get("/")).status == 504


@pytest.mark.parametrize("leave", ["reset", "end"])
@pytest.mark.parametrize("answered", [False, True])
async def test_whoever_leaves_the_proxy_leaves_the_server_behind_it(leave: str, answered: bool) -> None:
    began, left = asyncio.Event(), asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                began.set()
                yield b"piece"
                await asyncio.sleep(0)
        finally:
            left.set()

    async def wait(request: Request) -> Response:
        request.exchange.on_disconnect = "eager"
        if answered:
            return Response(endless())
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            left.set()
        raise AssertionError

    async with proxied(wait) as client, asyncio.timeout(client.patience):
        peer = await client.connect()
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await began.wait()
        getattr(peer, leave)()
        await client.advance(1)
        await peer.done()
        await left.wait()
