"""The handle a connection gives to a request: the same for every protocol, so that `web` knows none of them."""

import asyncio
from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

from aiosock.config import Limits
from aiosock.headers import Headers
from aiosock.web.response import Response

OnDisconnect = Literal["cancel", "eager", "finish"]
"""What happens to a handler whose peer leaves: cancelled by a reset, by a mere end of input too, or by nothing."""


class Address(NamedTuple):
    """One end of a TCP connection."""

    host: str
    port: int


class Load:
    """How many requests a server is answering, and how many it may."""

    __slots__ = ("active", "limit")

    def __init__(self, limit: int) -> None:
        self.limit: int = limit
        self.active: int = 0

    @property
    def is_exceeded(self) -> bool:
        """Say whether there are more than there may be."""
        return self.active > self.limit


class Connection:
    """What all requests of one connection have in common.

    `client` and `server` are None for a UNIX socket. `shutdown` is set when the server is told to stop: a handler
    that could go on for ever looks at it, or waits for it. `load` is None where concurrency has no limit.
    """

    __slots__ = ("client", "debug", "limits", "load", "scheme", "server", "shutdown")

    def __init__(
        self,
        *,
        client: Address | None = None,
        server: Address | None = None,
        scheme: str = "http",
        limits: Limits | None = None,
        shutdown: asyncio.Event | None = None,
        debug: bool = False,
        load: Load | None = None,
    ) -> None:
        self.client: Address | None = client
        self.server: Address | None = server
        self.scheme: str = scheme
        self.limits: Limits = limits or Limits()
        self.shutdown: asyncio.Event = shutdown or asyncio.Event()
        self.debug: bool = debug
        self.load: Load | None = load


class BodyWriter(Protocol):
    """Where a streamed answer goes, piece by piece; each `write` waits while the peer is slower than we are."""

    async def write(self, data: bytes) -> None:
        """Send a piece. Raises Disconnected when the peer is gone, ResponseError beyond the Content-Length."""

    async def end(self, trailers: Headers | None = None) -> None:
        """Say that this was all. Raises ResponseError where the Content-Length promised more."""


class Exchange(Protocol):
    """One request and its answer, as the connection sees them."""

    connection: Connection
    on_disconnect: OnDisconnect

    async def receive(self) -> bytes:
        """Give the next piece of the request body, b"" at its end.

        The first call answers an `Expect: 100-continue`. Raises ProtocolError: 400 for a body that is malformed or
        ends early, 408 for one that comes too slowly; Disconnected for a reset.
        """

    @property
    def trailers(self) -> Headers | None:
        """The fields behind the request body, None until it has been read."""

    async def informational(self, status: int, headers: Headers) -> None:
        """Send an interim answer, 100 to 199 but not 101 (RFC 9110 section 15.2); to HTTP/1.0, nothing."""

    async def begin(self, head: Response) -> BodyWriter:
        """Send a head and give the writer for its body; what the handler returns afterwards is ignored."""

    def when_over(self, close: Callable[[], None]) -> None:
        """Have `close` called once the request is over: answered, failed, cancelled or left by its peer."""

    async def disconnected(self) -> None:
        """Wait until the peer has closed or reset the connection."""
