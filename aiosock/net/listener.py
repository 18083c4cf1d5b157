"""Listeners: listening sockets that are held while accepting on them is paused and resumed.

Closing an `asyncio.Server` closes its sockets, and the kernel then resets the clients that wait in their backlog. So
the listener keeps the socket itself and lets asyncio accept on a `dup`: closing that one only pauses.
"""

import asyncio
import errno
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from aiosock.net.binding import Bound
from aiosock.net.kernel import backlog_of, drop_new_connections, is_readable, limit_unsent
from aiosock.net.reader import Reader

SETTLING_TURNS: Final = 8
"""Turns of the loop from accepting a connection to serving it: four in asyncio, and some to spare."""

_SHORTAGE: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""Errors of accept(2) that say nothing of the client: it can be accepted later."""

Connected = Callable[[Reader, asyncio.StreamWriter], Awaitable[None]]


class _Accepting(socket.socket):
    """The socket on which a selector loop of asyncio calls `accept`; uvloop and Windows use its descriptor only.

    asyncio reports a shortage of descriptors with a traceback for each attempt of a turn, and schedules as many
    retries, which multiply. It takes BlockingIOError for the end of the backlog.
    """

    exhausted: Callable[[], None]

    def accept(self) -> tuple[socket.socket, Any]:
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in _SHORTAGE:
                raise
            self.exhausted()
            raise BlockingIOError from error


def _copy(sock: socket.socket, exhausted: Callable[[], None]) -> _Accepting:
    copy = _Accepting(sock.family, sock.type, sock.proto, fileno=sock.dup().detach())
    copy.exhausted = exhausted
    return copy


class Listener:
    """Accepts on one listening socket, and pauses without losing a client."""

    def __init__(self, bound: Bound, backlog: int) -> None:
        self._bound = bound
        # The owner of a shared socket has chosen its backlog.
        self._backlog = (backlog_of(bound.sock) if bound.is_shared else None) or backlog
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The address as a person types it to reach the server."""
        return self._bound.url

    @property
    def sock(self) -> socket.socket:
        """The listening socket."""
        return self._bound.sock

    async def resume(
        self, connected: Connected, exhausted: Callable[[], None], *, at_once: int, read_buffer_bytes: int
    ) -> None:
        """Start to accept, `at_once` in a turn of the loop. A task for each connection awaits `connected`.

        Under asyncio, `exhausted` is called if no descriptor is left for a client. It has to pause, or the loop tries
        again in each turn. uvloop does not tell: it resets the client. Raises OSError where there is no descriptor for
        the dup.
        """
        if self._server is not None:
            return
        options: dict[str, Any] = {
            "sock": _copy(self.sock, exhausted),
            "backlog": at_once,
            "limit": read_buffer_bytes,
        }

        # asyncio calls this before anything can arrive, and makes a task of the coroutine.
        def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Awaitable[None]:
            return connected(Reader(reader, writer), writer)

        if self.sock.family == socket.AF_UNIX:
            if sys.version_info >= (3, 13):
                options["cleanup_socket"] = False  # the path must stay at a pause
            self._server = await asyncio.start_unix_server(accepted, **options)
        else:
            self._server = await asyncio.start_server(accepted, **options)
        # asyncio accepts as many at once as its backlog, and listens with that. Give the kernel the right one again.
        self.sock.listen(self._backlog)
        limit_unsent(self.sock)

    def pause(self) -> None:
        """Stop accepting; clients wait in the kernel's backlog. Accepted ones are served."""
        server, self._server = self._server, None
        if server is None:
            return
        loop = asyncio.get_running_loop()
        if isinstance(loop, asyncio.SelectorEventLoop):
            # asyncio attaches a connection to its server a turn after accepting it, and drops it where the server has
            # been closed in between. So stop accepting now, and close when those under way have arrived.
            for sock in server.sockets:
                loop.remove_reader(sock)
            _call_after(SETTLING_TURNS, server.close)
        else:
            server.close()

    @property
    def is_awaited(self) -> bool:
        """Return whether a client waits in the backlog."""
        return is_readable(self.sock)

    def accept_rest(self) -> list[socket.socket]:
        """Return the connections that wait in the backlog, and close. The kernel has accepted them, so they must be served."""
        self.pause()
        if not self._bound.is_shared:
            drop_new_connections(self.sock)
        accepted: list[socket.socket] = []
        with suppress(OSError):  # BlockingIOError: no more; any other error must not keep the others from being served
            while True:
                sock, _ = self.sock.accept()
                sock.setblocking(False)
                accepted.append(sock)
        self.close()
        return accepted

    def close(self) -> None:
        """Stop listening."""
        self.pause()
        self._bound.close()


def _call_after(turns: int, function: Callable[[], None]) -> None:
    if turns:
        asyncio.get_running_loop().call_soon(_call_after, turns - 1, function)
    else:
        function()
