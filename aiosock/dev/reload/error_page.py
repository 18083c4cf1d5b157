"""ErrorPage: the server that answers in place of a program that does not run."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace

from aiosock.config import Config, Timeouts
from aiosock.dev.livereload import Hub, with_live_reload
from aiosock.dev.reload.child import DRAIN_SECONDS, hand_over
from aiosock.dev.reload.failure import Failure, failure_response
from aiosock.net.server import Server
from aiosock.web.request import Request
from aiosock.web.response import Response


class ErrorPage:
    """Answers every request on the listening sockets with a failure. A browser loads the page again when it is closed."""

    def __init__(self, failure: Failure, config: Config, listeners: Sequence[socket.socket]) -> None:
        async def answer(request: Request) -> Response:
            return failure_response(failure, request.headers.get("accept", ""))

        config = replace(
            config,
            reload=False,
            bind=tuple(f"fd:{sock.fileno()}" for sock in listeners),
            access_log=False,
            timeouts=Timeouts(drain_seconds=DRAIN_SECONDS, blocked_seconds=0),
        )
        self._server = Server(with_live_reload(answer, Hub()), config)
        self._ending: list[asyncio.Task[object]] = []

    async def start(self) -> None:
        """Begin to answer."""
        await self._server.start()

    async def adopt(self, sock: socket.socket) -> None:
        """Serve a connection that somebody else has accepted."""
        await self._server.adopt(sock)

    async def close(self, keep: Callable[[socket.socket], None]) -> None:
        """Accept no more, and pass idle connections to `keep`, now and as requests end."""
        left = asyncio.Event()

        def stop() -> None:
            self._ending.append(asyncio.create_task(self._server.drain()))
            left.set()

        self._ending.append(asyncio.create_task(hand_over(self._server, keep, stop)))
        await left.wait()

    async def ended(self) -> None:
        """Wait, once it has been closed, until all requests have ended."""
        await asyncio.wait(self._ending)
