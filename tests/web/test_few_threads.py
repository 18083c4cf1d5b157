"""Tests of aiosock.web.few_threads: what takes long keeps nobody from reading a file."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from aiosock import App, Request, Response, StaticFiles
from aiosock.testing import Client
from aiosock.web.few_threads import in_few_threads, number_of_threads
from aiosock.web.middleware import compression, etag
from aiosock.web.static.archive import Archive
from aiosock.web.static.tree import Tree
from aiosock.wire import codings
from tests.patience import PATIENCE
from tests.web.static.serving import UNCACHED, write

THREADS = number_of_threads()
ASYNCIO_THREADS = 32
"""As many as asyncio has at most."""


class Hog:
    """A function that takes all threads it can get, until it is told to go on."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._lock = threading.Lock()
        self._goes_on = threading.Event()
        self._has_them = threading.Event()
        self.running = 0

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        with self._lock:
            self.running += 1
            if self.running == THREADS:
                self._has_them.set()
        assert self._goes_on.wait(PATIENCE)
        return self._function(*arguments, **options)

    async def has_the_threads(self) -> None:
        """Wait until as many calls run as may do so at once."""
        assert await asyncio.to_thread(self._has_them.wait, PATIENCE)

    def go_on(self) -> None:
        self._goes_on.set()


@pytest.fixture
def hog() -> Iterator[Callable[[Callable[..., Any]], Hog]]:
    """Yield a function that makes a hog of another function; at the end they all go on."""
    hogs: list[Hog] = []

    def make(function: Callable[..., Any]) -> Hog:
        hogs.append(Hog(function))
        return hogs[-1]

    yield make
    for each in hogs:
        each.go_on()


async def test_the_result_and_the_error_of_a_call_come_back() -> None:
    assert await in_few_threads(max, [1, 3, 2], key=lambda number: -number) == 1
    with pytest.raises(ValueError, match="empty"):
        await in_few_threads(max, [])


async def test_a_call_sees_the_context_of_its_caller_and_does_not_change_it() -> None:
    variable: ContextVar[str] = ContextVar("variable")
    variable.set("caller's")

    def look() -> str:
        seen = variable.get()
        variable.set("changed")
        return seen

    assert await in_few_threads(look) == "caller's"
    assert variable.get() == "caller's"


async def test_few_calls_run_at_once_and_those_of_asyncio_beside_them(
    hog: Callable[[Callable[..., Any]], Hog],
) -> None:
    long = hog(lambda number: number)
    calls = [asyncio.create_task(in_few_threads(long, number)) for number in range(ASYNCIO_THREADS + THREADS)]
    await long.has_the_threads()

    assert await asyncio.to_thread(lambda: "read") == "read"
    assert long.running == THREADS
    long.go_on()
    assert await asyncio.gather(*calls) == list(range(ASYNCIO_THREADS + THREADS))


async def test_a_call_that_is_cancelled_in_the_queue_never_runs(hog: Callable[[Callable[..., Any]], Hog]) -> None:
    long = hog(lambda: None)
    calls = [asyncio.create_task(in_few_threads(long)) for _ in range(THREADS)]
    await long.has_the_threads()
    waiting = asyncio.create_task(in_few_threads(long))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    long.go_on()
    await asyncio.gather(*calls)
    await in_few_threads(lambda: None)
    assert long.running == THREADS


@pytest.mark.parametrize(
    ("target", "holder", "name"),
    [
        ("/files/?archive=zip", Archive, "_next"),
        ("/files/", Tree, "scan"),
        ("/large", codings._GzipEncoder, "finish"),
        ("/larger", import_module("aiosock.web.middleware.etag"), "_tag"),
    ],
)
async def test_a_file_is_read_while_something_else_takes_long(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    hog: Callable[[Callable[..., Any]], Hog],
    target: str,
    holder: Any,
    name: str,
) -> None:
    app = App()
    app.mount("/files", StaticFiles(write(tmp_path, {"file": "text"}), listing=True))

    @app.get("/large")
    async def large(request: Request) -> Response:
        return await compression(codings=["gzip"])(request, lambda request: text(request, 100_000))

    @app.get("/larger")
    async def larger(request: Request) -> Response:
        return await etag()(request, lambda request: text(request, 1_000_000))

    async def text(request: Request, size: int) -> Response:
        return Response.text("x" * size)

    long = hog(getattr(holder, name))
    # A plain function: a Hog in a class would get no `self`.
    monkeypatch.setattr(holder, name, lambda *arguments, **options: long(*arguments, **options))
    async with Client(app, limits=UNCACHED) as client:
        peers = [await client.connect() for _ in range(ASYNCIO_THREADS + THREADS)]
        for peer in peers:
            peer.send(f"GET {target} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n".encode())
        await long.has_the_threads()

        assert (await client.get("/files/file")).text == "text"
        assert long.running == THREADS
        long.go_on()
        assert {(await peer.response("GET")).status for peer in peers} == {200}
