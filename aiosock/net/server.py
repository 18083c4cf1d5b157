"""Server: listeners, the connections they accept, the sweep that bounds every wait, and the drain that ends it all."""

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Self

from aiosock.config import Config, Limits, Timeouts
from aiosock.log import AccessLog, server_logger
from aiosock.net.channel import IDLE, Channel
from aiosock.net.http1 import Http1Connection
from aiosock.net.listener import SETTLING_TURNS, Listener, open_listeners
from aiosock.net.service import Service
from aiosock.net.watchdog import Watchdog
from aiosock.web.exchange import Address, Connection
from aiosock.web.handler import Handler

SWEEP_SECONDS: Final = 0.5
"""How often deadlines are looked at, at the least: none is missed by more."""

DRAIN_SWEEP_SECONDS: Final = 0.05
"""The same while draining, when the deadlines of idle connections are short."""

ACCEPT_AT_ONCE: Final = 16
"""Connections accepted in one turn of the loop. asyncio takes four turns from accepting one to serving it, so the limit
can be overrun by four times as many; RESERVED_DESCRIPTORS has room for them."""

ACCEPT_RETRY_SECONDS: Final = 1.0
"""How long to wait when the process has no descriptor left to accept with."""

RESERVED_DESCRIPTORS: Final = 64
"""Descriptors left to listeners, files that handlers open, and connections accepted in the turn that meets the limit."""


class Server:
    """Serves a handler on bound sockets; an async context manager that starts on entry and drains on exit.

    ```python
    async def main() -> None:
        async with Server(app, Config(port=0)) as server:
            print(server.urls)  # ['http://127.0.0.1:40000']
    ```

    It binds and accepts when it is started. Lines of the access log go to the logger `aiosock.access`, or to `access_log`.
    Raises ConfigError for a log format that cannot work.
    """

    def __init__(
        self,
        handler: Handler,
        config: Config | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        access_log: AccessLog | None = None,
    ) -> None:
        self.config: Config = config or Config()
        self.service: Service = Service(handler, self.config, clock, access_log)
        self.listeners: list[Listener] = []
        self._channels: set[Channel] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._limit = min(self.config.limits.connections or connection_limit(), connection_limit())
        self._has_been_full = False
        self._room = asyncio.Event()
        self._empty = asyncio.Event()
        self._background: set[asyncio.Task[None]] = set()
        self._watchdog = Watchdog(self.config.timeouts.blocked_seconds)

    @property
    def urls(self) -> list[str]:
        """Where it listens; with port 0, the port it was given."""
        return [listener.url for listener in self.listeners]

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._channels)

    # Life.

    async def start(self) -> None:
        """Bind, accept, sweep. Raises ConfigError for an address that cannot be had."""
        self.listeners = open_listeners(self.config)
        try:
            await self._resume()
        except BaseException:
            for listener in self.listeners:
                listener.close()
            raise
        self._background = {asyncio.create_task(self._keep_accepting()), asyncio.create_task(self._keep_sweeping())}
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
        """Stop without losing a request; say whether every handler has ended.

        What waits in the backlog is accepted, then the listeners close. Requests in flight are answered, with
        `Connection: close`; idle connections may send one more; `request.shutdown` is set. What is left at
        `timeouts.drain_seconds` is cancelled, and all of it where the drain itself is cancelled.
        """
        self.service.shutdown.set()
        try:
            await self._accept_rest()
            await self._let_end()
        finally:
            ended = await self.abort()
        return ended

    async def _let_end(self) -> None:
        """Wait until every connection has ended, for `timeouts.drain_seconds` at most."""
        timeouts = self.config.timeouts
        now = self.service.clock()
        for channel in self._channels:
            if channel.waiting is IDLE:
                channel.deadline = min(channel.deadline, now + timeouts.drain_idle_seconds)
        while (self._channels or self._tasks) and self.service.clock() < now + timeouts.drain_seconds:
            self.sweep()
            self._empty.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), DRAIN_SWEEP_SECONDS)

    async def abort(self) -> bool:
        """End every connection now; say whether every handler has ended. A handler may refuse to be cancelled."""
        self._watchdog.stop()
        for listener in self.listeners:
            listener.close()
        if self._channels:
            server_logger.warning("cancelling %d connections that did not end in time", len(self._channels))
        for channel in self._channels:
            channel.abort()
        left = set(self._tasks) | set(self._background)
        for task in left:
            task.cancel()
        if left:
            _, left = await asyncio.wait(left, timeout=1.0)
        self.service.access_log.flush()
        return not left

    # Connections.

    async def _resume(self) -> None:
        for listener in self.listeners:
            await listener.resume(
                self.connected,
                at_once=max(1, min(ACCEPT_AT_ONCE, self._limit // 8)),
                read_buffer_bytes=self.config.limits.read_buffer_bytes,
            )

    def _pause(self) -> None:
        for listener in self.listeners:
            listener.pause()

    async def _keep_accepting(self) -> None:
        """Accept again when there is room: at the limit, `connected` leaves further clients to the kernel."""
        while True:
            await self._room.wait()
            self._room.clear()
            if self.service.shutdown.is_set():
                return
            try:
                await self._resume()
            except OSError as error:  # no descriptor for the dup: whoever has them all may give some back
                server_logger.warning("cannot accept: %s", error)
                await asyncio.sleep(ACCEPT_RETRY_SECONDS)
                self._room.set()

    async def _accept_rest(self) -> None:
        """Stop listening, without losing a client that the kernel has accepted for us."""
        self._pause()
        for _ in range(SETTLING_TURNS):
            await asyncio.sleep(0)
        # All at once: a client answered in between could come back and keep the backlog from ever being empty.
        accepted = [sock for listener in self.listeners for sock in listener.accept_rest()]
        for sock in accepted:
            try:
                reader, writer = await open_streams(sock, self.config.limits)
            except OSError:  # the client has left, and the others have not
                sock.close()
                continue
            task = asyncio.create_task(self.connected(reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; the body of the task that asyncio makes for it."""
        config = self.config
        channel = Channel(reader, writer, config.limits, config.timeouts, self.service.clock)
        task = asyncio.current_task()
        self._channels.add(channel)
        if task is not None:
            self._tasks.add(task)
        if len(self._channels) >= self._limit:
            if not self._has_been_full:  # said once: a server at its limit is there thousands of times
                server_logger.warning("%d connections are open; further ones wait", self._limit)
            self._has_been_full = True
            self._pause()
        try:
            await Http1Connection(channel, self.service, self._describe(writer), task).serve()
        except asyncio.CancelledError:
            # The end of a task that nobody awaits: asyncio's streams would report it as an unhandled exception.
            server_logger.debug("a connection was cancelled")
        finally:
            if task is not None:
                self._tasks.discard(task)
            self._channels.discard(channel)
            if len(self._channels) == self._limit - 1:
                self._room.set()
            if not self._channels:
                self._empty.set()

    def _make_room(self) -> None:
        """End some of the connections that have been answered and are idle, the longest first, for those who wait."""
        idle = [channel for channel in self._channels if channel.waiting is IDLE and channel.sent]
        for channel in sorted(idle, key=lambda channel: channel.deadline)[: max(1, self._limit // 16)]:
            channel.deadline = self.service.clock()

    def _describe(self, writer: asyncio.StreamWriter) -> Connection:
        return Connection(
            client=_address(writer.get_extra_info("peername")),
            server=_address(writer.get_extra_info("sockname")),
            limits=self.config.limits,
            shutdown=self.service.shutdown,
            debug=self.config.debug,
            load=self.service.load,
        )

    async def _keep_sweeping(self) -> None:
        """Look at every connection's deadline from time to time: one task, whatever the number of connections."""
        period = sweep_seconds(self.config.timeouts)
        while True:
            await asyncio.sleep(period)
            self.sweep()

    def sweep(self) -> None:
        """Enforce the deadlines that have passed."""
        if len(self._channels) >= self._limit and any(listener.is_awaited for listener in self.listeners):
            self._make_room()
        now = self.service.clock()
        for channel in tuple(self._channels):
            channel.check(now)
        self.service.access_log.flush()


async def open_streams(sock: socket.socket, limits: Limits) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Wrap an accepted socket in streams, as `asyncio.start_server` does."""
    if sock.family == socket.AF_UNIX:
        return await asyncio.open_unix_connection(sock=sock, limit=limits.read_buffer_bytes)
    return await asyncio.open_connection(sock=sock, limit=limits.read_buffer_bytes)


def sweep_seconds(timeouts: Timeouts) -> float:
    """Give how often to sweep: often enough to keep the shortest timeout within a quarter of itself."""
    shortest = min(
        timeouts.head_seconds,
        timeouts.keep_alive_seconds,
        timeouts.body_idle_seconds,
        timeouts.write_idle_seconds,
        timeouts.rate_grace_seconds,
        timeouts.linger_seconds,
    )
    return min(SWEEP_SECONDS, max(shortest / 4, 0.01))


def connection_limit() -> int:
    """Give how many connections the process has descriptors for; a million where it may have any number.

    Two for each, less a reserve: a handler may open one more, such as the file it sends.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return 1_000_000
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 1_000_000
    return max((soft - RESERVED_DESCRIPTORS) // 2, soft // 4, 1)


def _address(name: object) -> Address | None:
    return Address(name[0], name[1]) if isinstance(name, tuple) else None
