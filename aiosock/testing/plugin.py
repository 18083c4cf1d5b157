"""The pytest plugin: fixtures that test an app. They work with any plugin for async tests.

`aiosock_client(app)` is a Client in memory. `aiosock_server(app)` serves the app on a real port from a thread and
returns its URL, for tests that use a browser or a blocking HTTP library.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from aiosock.config import Config
from aiosock.net.server import Server
from aiosock.testing.client import Client
from aiosock.web.app import lifespan_of
from aiosock.web.handler import Handler


@pytest.fixture
def aiosock_client() -> Callable[..., Client]:
    """Return the class `Client`, for `async with aiosock_client(app) as client`."""
    return Client


@pytest.fixture
def aiosock_server() -> Iterator[Callable[..., str]]:
    """Yield a function that serves an app on a free port of 127.0.0.1 until the test ends, and returns its URL."""
    stops: list[Callable[[], None]] = []

    def start(app: Handler, **options: Any) -> str:
        url, stop = _serve_in_thread(app, {"port": 0, "access_log": False, **options})
        stops.append(stop)
        return url

    yield start
    for stop in stops:
        stop()


def _serve_in_thread(app: Handler, options: dict[str, Any]) -> tuple[str, Callable[[], None]]:
    started: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def main() -> None:
        try:
            async with lifespan_of(app), Server(app, Config(**options)) as server:
                stop = asyncio.Event()
                started.set_result((server.urls[0], asyncio.get_running_loop(), stop))
                await stop.wait()
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)  # the test raises it; an exception of the thread would be lost

    thread = threading.Thread(target=asyncio.run, args=(main(),), name="aiosock-server", daemon=True)
    thread.start()
    try:
        url, loop, stop = started.result()
    except BaseException:
        thread.join()
        raise

    def end() -> None:
        loop.call_soon_threadsafe(stop.set)
        thread.join()

    return url, end
