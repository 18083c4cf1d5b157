"""The inspector of one server: what observes it, the handler before its app, and a server of its own for `--inspect`."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from aiosock.config import Config, Limits, Timeouts
from aiosock.errors import HTTPError
from aiosock.inspector.access import HOME, check_address, is_for_inspector, may_look, page_url
from aiosock.inspector.app import inspector_app
from aiosock.inspector.flights import SETTLE_SECONDS, Flights
from aiosock.inspector.look import Look
from aiosock.inspector.tasks import TaskPlaces
from aiosock.net.server import Server
from aiosock.observe import Observer
from aiosock.web.handler import Handler, with_target_checked
from aiosock.web.request import Request
from aiosock.web.response import Response


class Inspector:
    """What looks into a server: `around` its app, and `watching` it while it runs. Raises ConfigError for a bad address.

    With `config.inspect` the page is at that address only. Without, which is in development, the app's own server has
    it, for clients on this machine.
    """

    def __init__(self, config: Config, clock: Callable[[], float] = time.monotonic) -> None:
        self._address = check_address(config.inspect) if config.inspect else ""
        self._flights = flights = Flights(clock)
        self.observers: Sequence[Observer] = (flights,)
        self._tasks = TaskPlaces()
        self._look = Look(flights, self._tasks)
        self._app = inspector_app(self._look)

    def around(self, app: Handler) -> Handler:
        """Return a handler that serves the app, and the page beside it."""
        return app if self._address else _beside(app, self._answer)

    @asynccontextmanager
    async def running(self, lifespan: AbstractAsyncContextManager[None]) -> AsyncIterator[None]:
        """Run a lifespan, and note from its beginning where tasks are made."""
        loop = asyncio.get_running_loop()
        self._tasks.install(loop)
        try:
            async with lifespan:
                yield
        finally:
            self._tasks.remove(loop)

    @asynccontextmanager
    async def watching(self, server: Server) -> AsyncIterator[str]:
        """Watch a server that has started; yield the URL of the page."""
        self._look.server = server
        self._flights.told = lambda: server.service.ended
        settling = asyncio.create_task(self._keep_settling())
        try:
            if not self._address:
                yield page_url(server.urls)
                return
            async with _listening(self._address, self._alone) as own:
                yield page_url(own.urls) or own.urls[0]
        finally:
            settling.cancel()
            self._look.server = None

    async def _keep_settling(self) -> None:
        while True:
            await asyncio.sleep(SETTLE_SECONDS)
            self._flights.settle()

    async def _alone(self, request: Request) -> Response:
        """Answer at an address of its own."""
        if not may_look(request, by_unix_socket=True):
            raise HTTPError(404)
        return await self._app(request)

    def _answer(self, request: Request) -> Awaitable[Response] | None:
        """Return the answer to a request for the page, None for one that the app must answer."""
        if not f"{request.subpath}/".startswith(HOME):
            return None
        # Until the app finds another. What other tools have below it is not for the app either.
        request.route = HOME
        if not is_for_inspector(request.subpath) or not may_look(request, by_unix_socket=False):
            return None
        task = asyncio.current_task()
        if task is not None:
            self._look.own_tasks.add(task)
        return self._app(request)


def _beside(app: Handler, answer: Callable[[Request], Awaitable[Response] | None]) -> Handler:
    """Return a handler that answers with the page, or else as the app does. A coroutine would cost as much as all the rest."""
    app = with_target_checked(app)

    def either(request: Request) -> Awaitable[Response]:
        # `in` takes a quarter of the time of `startswith`, and nearly no path of an app has this.
        if "/_aiosock" in request.subpath and (page := answer(request)) is not None:
            return page
        return app(request)

    vars(either)["checks_target"] = True  # the app does; see `with_target_checked`
    return either


@asynccontextmanager
async def _listening(address: str, handler: Handler) -> AsyncIterator[Server]:
    """Serve at an address of this machine, in this loop. A UNIX socket is for its owner only."""
    config = Config(
        bind=(address,),
        access_log=False,
        limits=Limits(connections=64, body_bytes=1024),
        timeouts=Timeouts(drain_seconds=0.5, drain_idle_seconds=0.0, blocked_seconds=0.0),
    )
    server = Server(handler, config)
    mask = os.umask(0o077)
    try:
        await server.start()
    finally:
        os.umask(mask)
    try:
        yield server
    finally:
        await server.drain()
