"""The contract between a server and the connections it serves, whatever their protocol."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Protocol

from aiosock.net.channel import Channel
from aiosock.net.service import Service
from aiosock.web.exchange import Connection


class ServedConnection(Protocol):
    """All that a server knows of a connection."""

    @property
    def idle_since(self) -> float | None:
        """The time of the service's clock at which the last request ended; None before the first, and during a request.

        At the limit of connections the server asks those to go away that have been idle longest.
        """

    async def serve(self) -> None:
        """Serve until either side ends the connection. Whatever the peer does, only cancellation comes out."""

    def go_away(self) -> None:
        """End the connection as soon as no request is under way, without losing one that the peer may have sent.

        HTTP/1 gives an idle peer a short last chance; HTTP/2 says GOAWAY.
        """

    def release(self) -> socket.socket | None:
        """Leave an idle connection to another server: return a copy of its socket, and end without a word to the peer.

        None, and nothing happens, while a request is under way or has begun to arrive.
        """

    def check(self, now: float) -> None:
        """Enforce the deadlines of the connection, and look whether its peer has left. The sweep calls this."""

    def excuse(self, seconds: float) -> None:
        """Move all deadlines: the server itself stood still for so long, and its peers must not pay for that."""

    def abort(self) -> None:
        """End the connection at once; what has not been sent is lost."""


Speak = Callable[[Channel, Service, Connection, asyncio.Task[Any] | None], ServedConnection]
"""A function that returns the connection for a channel. The last argument is the task that will await `serve`."""
