"""Server: the connections it serves, the sweep that bounds every wait of theirs, and the drain that ends them all."""

import asyncio
import socket
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from contextvars import copy_context
from typing import Any, Final, Self

from aiosock.access_log import AccessLog, AccessWriter, LoggedAccess
from aiosock.config import Config, Timeouts
from aiosock.log import server_logger
from aiosock.net.acceptor import Acceptor, Clients
from aiosock.net.binding import bind
from aiosock.net.channel import Channel
from aiosock.net.listener import Listener
from aiosock.net.opening import describe, open_streams, speak_http
from aiosock.net.protocol import ServedConnection, Speak
from aiosock.net.reader import Reader
from aiosock.net.service import Service
from aiosock.net.watchdog import Blocker, Watchdog
from aiosock.observe import Observer
from aiosock.terminal import TerminalObserver
from aiosock.web.handler import Handler

SWEEP_SECONDS: Final = 0.5
"""The longest time between two looks at the deadlines: none is missed by more."""

STANDSTILL_SECONDS: Final = 0.5
"""A sweep that is later than this was held up by the server itself, or by its machine."""

DRAIN_SWEEP_SECONDS: Final = 0.05
"""The same while draining, when the deadlines of idle connections are short."""


class Server:
    """Serves a handler on bound sockets; an async context manager that starts on entry and drains on exit.

    ```python
    async def main() -> None:
        async with Server(app, Config(port=0)) as server:
            print(server.urls)  # ['http://127.0.0.1:40000']
    ```

    It binds and accepts when it is started. Lines of the access log go to `access_log`, by default to the logger
    `aiosock.access`. `observers` are told of every request; `speak` is the protocol of the connections.
    Raises ConfigError for a malformed `log_format`.
    """

    def __init__(
        self,
        handler: Handler,
        config: Config | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        access_log: AccessLog | None = None,
        observers: Sequence[Observer] = (),
        speak: Speak = speak_http,
    ) -> None:
        self.config: Config = config or Config()
        log, access = access_log or LoggedAccess(), None
        if self.config.log_format == "terminal" and self.config.access_log:
            observers = [TerminalObserver(log.write), *observers]
        else:
            access = AccessWriter(self.config.log_format, log)
        self.service: Service = Service(
            handler, self.config, clock, observers, access if self.config.access_log else None
        )
        self._speak = speak
        self._acceptor = Acceptor([], self.connected, self.config.limits)
        self._clients = Clients(self.config.limits.connections_per_client)
        self._connections: set[ServedConnection] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()
        self._context = copy_context()
        self._watchdog = Watchdog(self.config.timeouts.blocked_seconds)

    @property
    def listeners(self) -> Sequence[Listener]:
        """The listeners, once it is started."""
        return self._acceptor.listeners

    @property
    def urls(self) -> list[str]:
        """The addresses where it listens; with port 0, the port it was given."""
        return [listener.url for listener in self.listeners]

    @property
    def connections(self) -> int:
        """The number of open connections."""
        return len(self._connections)

    @property
    def served(self) -> Collection[ServedConnection]:
        """The open connections, for tools that look into a server. Connections come and go with each turn of the loop."""
        return self._connections

    @property
    def blockers(self) -> Sequence[Blocker]:
        """The code that has blocked the event loop for longest; none if `timeouts.blocked_seconds` is 0."""
        return self._watchdog.longest

    # Life.

    async def start(self) -> None:
        """Bind, accept, sweep. Raises ConfigError for an address that is not available."""
        self._context = copy_context()
        self._acceptor.listeners = [Listener(bound, self.config.backlog) for bound in bind(self.config)]
        try:
            await self._acceptor.resume()
        except BaseException:
            self._acceptor.close()
            raise
        accepting = self._acceptor.keep_accepting(self.service.shutdown)
        self._background = {asyncio.create_task(accepting), asyncio.create_task(self._keep_sweeping())}
        if self.config.timeouts.blocked_seconds:
            self._watchdog.start()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Drain."""
        await self.drain()

    async def drain(self) -> bool:
        """Stop without losing a request; return whether every handler has ended.

        Clients in the backlog are accepted, then the listeners close. Requests in flight are answered, with
        `Connection: close`; idle connections may send one more; `request.shutdown` is set. What requests have left to
        be done is done. At `timeouts.drain_seconds` the rest of all this is cancelled, and all of it if the drain
        itself is cancelled.
        """
        self.service.shutdown.set()
        try:
            await self._serve_rest()
            await self._let_end()
        finally:
            ended = await self.abort()
        return ended

    async def _serve_rest(self) -> None:
        """Stop listening, and serve the connections that the kernel has accepted for us."""
        for sock in await self._acceptor.accept_rest():
            await self.adopt(sock)

    async def _let_end(self) -> None:
        """Wait until every connection has ended, and all work after answers, for `timeouts.drain_seconds` at most."""
        deadline = self.service.clock() + self.config.timeouts.drain_seconds
        for connection in self._connections:
            connection.go_away()
        while (self._connections or self._tasks or self.service.after.tasks) and self.service.clock() < deadline:
            self.sweep()
            self._empty.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), DRAIN_SWEEP_SECONDS)

    async def abort(self) -> bool:
        """End every connection now; return whether every handler has ended. A handler may refuse to be cancelled."""
        self._watchdog.stop()
        self._acceptor.close()
        if self._connections:
            server_logger.warning("cancelling %d connections that did not end in time", len(self._connections))
        for connection in self._connections:
            connection.abort()
        left = set(self._tasks) | set(self._background) | self.service.after.close()
        for task in left:
            task.cancel()
        if left:
            _, left = await asyncio.wait(left, timeout=1.0)
        self.flush_log()
        return not left

    # Another server takes over, perhaps in another process.

    async def leave(self) -> None:
        """Stop accepting, and set `request.shutdown`, without a client being refused: a server with these sockets goes on.

        Then take the idle connections by `release`, again and again until there are none, and drain.
        """
        self.service.shutdown.set()
        await self._acceptor.leave()

    def release(self) -> list[socket.socket]:
        """Return the sockets of the connections that wait for a request, for another server to `adopt`; forget them."""
        released = [connection.release() for connection in tuple(self._connections)]
        return [sock for sock in released if sock is not None]

    async def adopt(self, sock: socket.socket) -> None:
        """Serve a connection that somebody else has accepted."""
        sock.setblocking(False)
        try:
            reader, writer = await open_streams(sock, self.config.limits)
        except OSError:  # this client has left, others have not
            sock.close()
            return
        # In the context in which the server was started: `drain` may be called by a handler, in that of its request.
        task = asyncio.create_task(self.connected(reader, writer), context=self._context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Connections.

    async def connected(self, reader: Reader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; the body of the task that asyncio makes for it."""
        service, task = self.service, asyncio.current_task()
        description = describe(writer, service)
        client = description.client.host if description.client else ""
        if not self._clients.admit(client):
            writer.transport.abort()
            return
        channel = Channel(reader, writer, service)
        connection = self._speak(channel, service, description, task)
        self._connections.add(connection)
        if task is not None:
            self._tasks.add(task)
        self._acceptor.opened(len(self._connections))
        try:
            await connection.serve()
        except asyncio.CancelledError:
            # The end of a task that nobody awaits: asyncio's streams would report it as an unhandled exception.
            server_logger.debug("a connection was cancelled")
        finally:
            if task is not None:
                self._tasks.discard(task)
            self._connections.discard(connection)
            self._clients.leave(client)
            self._acceptor.closed(len(self._connections))
            if not self._connections:
                self._empty.set()

    def _make_place(self) -> None:
        """Ask some of the idle connections to go away, the longest idle first, for clients that wait in the kernel."""
        idle = [(since, connection) for connection in self._connections if (since := connection.idle_since) is not None]
        idle.sort(key=lambda each: each[0])
        for _, connection in idle[: max(1, self._acceptor.limit // 16)]:
            connection.go_away()

    async def _keep_sweeping(self) -> None:
        """Look at every connection's deadlines from time to time: one task, whatever the number of connections."""
        period, time = sweep_seconds(self.config.timeouts), asyncio.get_running_loop().time
        while True:
            expected = time() + period
            await asyncio.sleep(period)
            self.sweep(late=time() - expected)

    def sweep(self, late: float = 0.0) -> None:
        """Enforce the deadlines that have passed. A sweep that is `late`, in seconds, has been held up by the server itself.

        The process was stopped, say, or a handler blocked the loop. What has arrived meanwhile has not been read yet,
        so that time does not count for anybody's deadline.
        """
        if late > STANDSTILL_SECONDS:
            for connection in self._connections:
                connection.excuse(late)
            self.service.after.excuse(late)
        self._acceptor.adjust(len(self._connections))
        if self._acceptor.has_clients_waiting(len(self._connections)):
            self._make_place()
        now = self.service.clock()
        self.service.after.check(now)
        for connection in tuple(self._connections):
            try:
                connection.check(now)
            except Exception:  # one connection must not cost all others their deadlines
                server_logger.exception("The sweep failed; this is a bug in aiosock.")
                connection.abort()
        self.flush_log()

    def flush_log(self, *, wait: bool = True) -> None:
        """Write the lines of the access log that were kept; see `AccessWriter.flush`."""
        if self.service.access is not None:
            self.service.access.flush(wait=wait)


def sweep_seconds(timeouts: Timeouts) -> float:
    """Return how often to sweep: often enough to keep the shortest timeout within a quarter of itself."""
    shortest = min(
        timeouts.head_seconds,
        timeouts.keep_alive_seconds,
        timeouts.body_idle_seconds,
        timeouts.write_idle_seconds,
        timeouts.rate_grace_seconds,
        timeouts.linger_seconds,
        timeouts.after_seconds or SWEEP_SECONDS,
    )
    return min(SWEEP_SECONDS, max(shortest / 4, 0.01))
