"""Accepting: as many connections as the process has descriptors for. Further clients wait in the kernel, and lose nothing."""

import asyncio
import socket
from collections import Counter
from typing import Final

from aiosock.config import Limits
from aiosock.log import server_logger
from aiosock.net.kernel import descriptor_limit, free_descriptors
from aiosock.net.listener import SETTLING_TURNS, Connected, Listener

ACCEPT_AT_ONCE: Final = 16
"""Connections accepted in one turn of the loop.

A connection is counted ACCEPTING_TURNS later, so the limit can be exceeded by as many times this number.
RESERVED_DESCRIPTORS has enough for them.
"""

ACCEPTING_TURNS: Final = 4
"""Turns of the loop in asyncio from accepting a connection to serving it."""

ACCEPT_RETRY_SECONDS: Final = 1.0
"""How long to wait when the process has no descriptor left to accept with."""

RESERVED_DESCRIPTORS: Final = 64
"""Descriptors for listeners, for what threads have open meanwhile, and for connections accepted beyond the limit."""


class Acceptor:
    """The listeners of a server, and the limit of its connections.

    `limit` is `limits.connections`, and at most what the process has descriptors for. The server tells how many
    connections are open by `opened`, `closed` and `adjust`. Handlers and libraries have descriptors too, so the free
    ones are counted as well. uvloop resets a client for which none is left, so accepting must pause before that.
    """

    def __init__(self, listeners: list[Listener], connected: Connected, limits: Limits) -> None:
        self.listeners: list[Listener] = listeners
        self._configured = limits.connections
        self.limit: int = self._find_limit()
        self._at_once = self._most_at_once
        self._connected = connected
        self._read_buffer_bytes = limits.read_buffer_bytes
        self._told: set[int | None] = set()
        self._unseen = 0
        self._is_full = self._is_short = False
        self._has_place = asyncio.Event()

    def _find_limit(self) -> int:
        available = connection_limit()
        return min(self._configured or available, available)

    @property
    def _most_at_once(self) -> int:
        return max(1, min(ACCEPT_AT_ONCE, self.limit // 8))

    async def resume(self) -> None:
        """Accept on all listeners; raise OSError where there is no descriptor for that."""
        for listener in self.listeners:
            await listener.resume(
                self._connected,
                self.exhausted,
                at_once=self._at_once,
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

    # Whether there is room.

    def opened(self, connections: int) -> None:
        """Pause at the limit, or when descriptors are short."""
        self._unseen += 1
        if self._unseen >= self._at_once:
            self._look_at_descriptors()
        if not self._has_room(connections):
            self._leave_to_kernel(connections)

    def closed(self, connections: int) -> None:
        """Resume below the limit."""
        if self._is_full and self._has_room(connections):
            self._let_in()

    def adjust(self, connections: int) -> None:
        """Pause or resume: the limit of the process, and what else it has open, may have changed. The sweep calls this."""
        self.limit = self._find_limit()
        if self._is_full:  # others may keep their descriptors: serve with those that are left, and accept fewer at once
            self._at_once = max(1, min(self._most_at_once, self._free(8 * ACCEPT_AT_ONCE) // 8))
        self._look_at_descriptors()
        if not self._has_room(connections):
            self._leave_to_kernel(connections)
        elif self._is_full:
            self._let_in()

    def exhausted(self) -> None:
        """Pause until the next sweep: a listener had no descriptor for a client."""
        self._is_short = True
        self._leave_to_kernel(0)

    def _look_at_descriptors(self) -> None:
        """Find out whether there are too few for what may be accepted before the next look."""
        self._unseen = 0
        needed = ACCEPTING_TURNS * self._at_once + len(self.listeners)
        self._is_short = self._free(needed) < needed

    def _free(self, most: int) -> int:
        return free_descriptors(self.listeners[0].sock, most) if self.listeners else most

    def _has_room(self, connections: int) -> bool:
        return connections < self.limit and not self._is_short

    def _let_in(self) -> None:
        self._is_full = False
        self._has_place.set()

    def _leave_to_kernel(self, connections: int) -> None:
        self._tell_once(self.limit if connections >= self.limit else None)
        self._is_full = True
        self.pause()

    def _tell_once(self, limit: int | None) -> None:
        """Log why clients wait, once for each limit: a server at its limit meets it thousands of times."""
        if limit in self._told:
            return
        self._told.add(limit)
        if limit is None:
            server_logger.warning("few file descriptors are left; further connections wait")
        else:
            server_logger.warning("%d connections are open; further ones wait", limit)

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
            if self._is_full:  # again
                continue
            try:
                await self.resume()
            except OSError as error:  # no descriptor for the dup: some may be closed soon
                server_logger.warning("cannot accept: %s", error)
                await asyncio.sleep(ACCEPT_RETRY_SECONDS)
                self._has_place.set()

    async def leave(self) -> None:
        """Stop listening; leave the clients in the backlog to another process that has the listening sockets too."""
        await self._settle()
        self.close()

    async def _settle(self) -> None:
        """Stop accepting, and wait for the connections under way."""
        self.pause()
        for _ in range(SETTLING_TURNS):
            await asyncio.sleep(0)

    async def accept_rest(self) -> list[socket.socket]:
        """Stop listening; return the connections that the kernel has accepted for us, so that no client is lost."""
        await self._settle()
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
    available = descriptor_limit()
    if available is None:
        return 1_000_000
    return max((available - RESERVED_DESCRIPTORS) // 2, available // 4, 1)
