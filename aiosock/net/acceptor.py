"""Accepting: as many connections as the process has descriptors for. Further clients wait in the kernel, and lose nothing."""

import asyncio
import socket
from collections import Counter
from typing import Final

from aiosock.config import Limits
from aiosock.log import server_logger
from aiosock.net.listener import SETTLING_TURNS, Connected, Listener

ACCEPT_AT_ONCE: Final = 16
"""Connections accepted in one turn of the loop.

asyncio takes four turns from accepting a connection to serving it, so the limit can be exceeded by four times as many.
RESERVED_DESCRIPTORS has enough for them.
"""

ACCEPT_RETRY_SECONDS: Final = 1.0
"""How long to wait when the process has no descriptor left to accept with."""

RESERVED_DESCRIPTORS: Final = 64
"""Descriptors for listeners, for what threads have open meanwhile, and for connections accepted beyond the limit."""


class Acceptor:
    """The listeners of a server, and the limit of its connections.

    `limit` is `limits.connections`, and at most what the process has descriptors for. The server tells how many
    connections are open by `opened` and `closed`.
    """

    def __init__(self, listeners: list[Listener], connected: Connected, limits: Limits) -> None:
        self.listeners: list[Listener] = listeners
        self._configured = limits.connections
        self.limit: int = 0
        self.look_at_limit()
        self._connected = connected
        self._read_buffer_bytes = limits.read_buffer_bytes
        self._has_been_full = False
        self._is_full = False
        self._has_place = asyncio.Event()

    def look_at_limit(self) -> None:
        """Find out how many connections there may be: the process' own limit may be changed while it runs."""
        available = connection_limit()
        self.limit = min(self._configured or available, available)

    async def resume(self) -> None:
        """Accept on all listeners; raise OSError where there is no descriptor for that."""
        for listener in self.listeners:
            await listener.resume(
                self._connected,
                at_once=max(1, min(ACCEPT_AT_ONCE, self.limit // 8)),
                read_buffer_bytes=self._read_buffer_bytes,
            )

    def pause(self) -> None:
        """Leave further clients to the kernel."""
        for listener in self.listeners:
            listener.pause()

    def close(self) -> None:
        """Close all listeners."""
        for listener in self.listeners:
            listener.close()

    def opened(self, connections: int) -> None:
        """Pause at the limit."""
        if connections >= self.limit:
            if not self._has_been_full:  # once: a server at its limit meets it thousands of times
                server_logger.warning("%d connections are open; further ones wait", self.limit)
            self._has_been_full = self._is_full = True
            self.pause()

    def closed(self, connections: int) -> None:
        """Resume below the limit."""
        if self._is_full and connections < self.limit:
            self._is_full = False
            self._has_place.set()

    def has_clients_waiting(self, connections: int) -> bool:
        """Return whether clients wait in the kernel for one of the open connections to end."""
        return connections >= self.limit and any(listener.is_awaited for listener in self.listeners)

    async def keep_accepting(self, shutdown: asyncio.Event) -> None:
        """Resume each time that there is a place again, until the server is told to stop."""
        while True:
            await self._has_place.wait()
            self._has_place.clear()
            if shutdown.is_set():
                return
            try:
                await self.resume()
            except OSError as error:  # no descriptor for the dup: some may be closed soon
                server_logger.warning("cannot accept: %s", error)
                await asyncio.sleep(ACCEPT_RETRY_SECONDS)
                self._has_place.set()

    async def accept_rest(self) -> list[socket.socket]:
        """Stop listening; return the connections that the kernel has accepted for us, so that no client is lost."""
        self.pause()
        for _ in range(SETTLING_TURNS):
            await asyncio.sleep(0)
        # All at once: a client that is answered in between could come back and keep the backlog from ever being empty.
        return [sock for listener in self.listeners for sock in listener.accept_rest()]


class Clients:
    """How many connections each client address has, and may have; 0: any number, and nobody counts."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: Counter[str] = Counter()

    def admit(self, client: str) -> bool:
        """Count a connection; return whether it is within the limit. Without an address, on a UNIX socket, all are."""
        if not self._limit or not client:
            return True
        if self._open[client] >= self._limit:
            return False
        self._open[client] += 1
        return True

    def leave(self, client: str) -> None:
        """Count it no more."""
        if self._limit and client:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]


def connection_limit() -> int:
    """Return how many connections the process has descriptors for; a million where it may have any number.

    Two for each, less a reserve. While it waits for its client, a connection holds two at most: its socket, and one
    file, such as the one that is sent or uploaded. More are open only while a thread works on it. Threads are few, so
    the reserve has enough for them. If none is left all the same, the client gets 503.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return 1_000_000
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 1_000_000
    return max((soft - RESERVED_DESCRIPTORS) // 2, soft // 4, 1)
