"""The contract between a request and its connection, the same for every protocol: `web` knows none of them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Literal, NamedTuple, Protocol

from aiosock.config import Limits
from aiosock.errors import HTTPError
from aiosock.headers import Headers
from aiosock.web.after import AfterAnswers

OnDisconnect = Literal["cancel", "eager", "finish"]
"""When a handler is cancelled because its client leaves.

`cancel`: at a reset, and some time after the end of its input (`timeouts.half_close_seconds`). `eager`: at the end of
its input at once, too. `finish`: never.
"""


class Address(NamedTuple):
    """One end of a TCP connection."""

    host: str
    port: int


def host_of(address: Address | None) -> str:
    """Return the host of an address for logs: `-` for a UNIX socket."""
    return address[0] if address else "-"  # by index: half the cost


class Load:
    """The number of handlers that are at work, and its limit."""

    __slots__ = ("active", "limit")

    def __init__(self, limit: int) -> None:
        self.limit: int = limit
        self.active: int = 0

    @property
    def is_exceeded(self) -> bool:
        """Return whether there are more than the limit."""
        return self.active > self.limit


class Work:
    """One handler: it counts as at work between `begin` and `end`, except while it waits for its client."""

    __slots__ = ("_is_begun", "_is_waiting", "_load")

    def __init__(self, load: Load) -> None:
        self._load = load
        self._is_begun = False
        self._is_waiting = False

    def begin(self) -> None:
        """Count it."""
        self._is_begun = True
        self._load.active += 1

    def end(self) -> None:
        """Count it no more."""
        if self._is_begun and not self._is_waiting:
            self._load.active -= 1
        self._is_begun = False

    def wait(self) -> None:
        """Do not count it until `go_on`."""
        if self._is_begun and not self._is_waiting:
            self._load.active -= 1
        self._is_waiting = True

    def go_on(self) -> None:
        """Count it again, if it has not ended."""
        if self._is_begun and self._is_waiting:
            self._load.active += 1
        self._is_waiting = False


UNCOUNTED_BYTES: Final = 16 * 1024
"""The part of each body that no budget counts: as much as a connection holds anyway."""


class Bodies:
    """The bytes of request bodies that a server holds in memory, and their limit."""

    __slots__ = ("held", "limit")

    def __init__(self, limit: int) -> None:
        self.limit: int = limit
        self.held: int = 0


class Held:
    """The bytes that one request holds of them, until it is over."""

    __slots__ = ("_bodies", "_counted", "_exchange", "_is_registered", "_size")

    def __init__(self, exchange: "Exchange") -> None:
        self._exchange = exchange
        self._bodies = exchange.connection.bodies
        self._size = 0
        self._counted = 0
        self._is_registered = False

    def add(self, size: int) -> None:
        """Hold more bytes; raise HTTPError (503) if the server would hold too many."""
        self._size += size
        more = self._size - UNCOUNTED_BYTES - self._counted
        if more <= 0:
            return
        if self._bodies.held + more > self._bodies.limit:
            detail = f"The server holds request bodies of {self._bodies.held} bytes already. Try again later."
            raise HTTPError(503, detail, {"retry-after": "1"})
        if not self._is_registered:
            self._is_registered = True
            self._exchange.when_over(self._release)
        self._bodies.held += more
        self._counted += more

    def drop(self, size: int) -> None:
        """Hold fewer bytes: these are on disk now."""
        self._size -= size
        fewer = self._counted - max(self._size - UNCOUNTED_BYTES, 0)
        if fewer > 0:
            self._bodies.held -= fewer
            self._counted -= fewer

    def _release(self) -> None:
        self._bodies.held -= self._counted
        self._counted = 0


NO_SERVER: Final = AfterAnswers(0, 0, time.monotonic)
"""The work after answers of a connection without a server: none is taken."""


class Connection:
    """A connection as its requests see it.

    `client` is None for a UNIX socket. `server` is called when somebody asks for the address of our end. `shutdown` is
    set when the server is told to stop: a handler that could go on for ever checks it or waits for it. `load` is None
    where concurrency has no limit. `after` is the work that requests leave, set by the server. `head_seconds` is the time
    that the last head took which came in several pieces. `requests` counts them, while there are observers.
    """

    __slots__ = (
        "_server",
        "after",
        "bodies",
        "client",
        "debug",
        "head_seconds",
        "limits",
        "load",
        "requests",
        "scheme",
        "shutdown",
    )

    def __init__(
        self,
        *,
        client: Address | None = None,
        server: Callable[[], Address | None] = lambda: None,
        scheme: str = "http",
        limits: Limits | None = None,
        shutdown: asyncio.Event | None = None,
        debug: bool = False,
        load: Load | None = None,
        bodies: Bodies | None = None,
    ) -> None:
        self.client: Address | None = client
        self._server = server
        self.scheme: str = scheme
        self.limits: Limits = limits or Limits()
        self.shutdown: asyncio.Event = shutdown or asyncio.Event()
        self.debug: bool = debug
        self.load: Load | None = load
        self.bodies: Bodies = bodies or Bodies(self.limits.bodies_bytes)
        self.head_seconds: float = 0.0
        self.requests: int = 0
        self.after: AfterAnswers = NO_SERVER

    @property
    def server(self) -> Address | None:
        """The address that the client has reached; None for a UNIX socket."""
        return self._server()


class Incoming(Protocol):
    """A request body as it arrives. Middleware may put another in its place: `request.incoming`."""

    @property
    def length(self) -> int | None:
        """The length in bytes, None where the client has not announced it."""

    @property
    def trailers(self) -> Headers | None:
        """The fields that followed the body, None until it has been read to its end."""

    async def receive(self) -> bytes:
        """Return the next piece of the body, b"" at its end.

        The first call answers an `Expect: 100-continue`. Raises ProtocolError: 400 for a body that is malformed or
        ends early, 408 for one that arrives too slowly; Disconnected for a reset.
        """


class Received:
    """A body that has arrived already."""

    __slots__ = ("_content", "length")

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.length: int | None = len(content)

    @property
    def trailers(self) -> Headers:
        """No fields."""
        return Headers()

    async def receive(self) -> bytes:
        """Return the content once, then b""."""
        content, self._content = self._content, b""
        return content


NO_BODY: Incoming = Received(b"")
"""The body of a request that has none."""


class Exchange(Protocol):
    """One request and its response, as the connection sees them: the same for every protocol."""

    connection: Connection
    on_disconnect: OnDisconnect

    @property
    def incoming(self) -> Incoming:
        """The body of the request."""

    async def informational(self, status: int, headers: Headers) -> None:
        """Send an interim response, 100 to 199 but not 101 (RFC 9110 section 15.2); to HTTP/1.0, nothing."""

    def when_sent(self, function: Callable[[BaseException | None], Awaitable[None]]) -> None:
        """Await `function` once the response has been sent, or cannot be: before `when_over`, in the request's context.

        It gets the exception that has ended the request: what a bare handler or a streamed body has raised,
        Disconnected if the client left while the response was sent, CancelledError if the request was cancelled; None
        if the response was sent. The next request of the connection waits for it. The client cannot cancel it, the end
        of the drain does. Its exceptions are logged.
        """

    def when_over(self, close: Callable[[], None]) -> None:
        """Call `close` once the request is over: answered, failed, cancelled or left by its client."""

    async def disconnected(self) -> None:
        """Wait until the client has closed or reset the connection, or the request is over."""
