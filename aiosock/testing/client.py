"""A client that talks to an app in memory, through the real connection code. It keeps cookies and follows redirects."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Final, Self, Unpack
from urllib.parse import SplitResult, urlsplit

from aiosock.config import Config
from aiosock.errors import AiosockError, Disconnected, ProtocolError
from aiosock.headers import Headers
from aiosock.log import failures
from aiosock.net.channel import Channel
from aiosock.net.opening import speak_http
from aiosock.net.protocol import ServedConnection
from aiosock.net.server import Server
from aiosock.net.service import Service
from aiosock.testing.cookies import Cookies
from aiosock.testing.encoding import Fields, Outgoing, RequestParts, outgoing
from aiosock.testing.events import EventReader
from aiosock.testing.peer import Peer
from aiosock.testing.response import ClientResponse
from aiosock.testing.transport import open_memory_streams
from aiosock.web.app import App, lifespan_of
from aiosock.web.exchange import Connection
from aiosock.web.handler import Handler
from aiosock.wire.client_head import encode_request_head

__all__ = ["Client", "ClientResponse", "Peer"]

MAX_REDIRECTS: Final = 20
"""Redirects that are followed one after the other: those of browsers (the Fetch standard, HTTP-redirect fetch)."""

_scheme: ContextVar[str] = ContextVar("aiosock.testing.scheme", default="http")


class Client:
    """A client for an app in memory: `async with Client(app) as client: response = await client.get("/")`.

    ```python
    async def test_a_slow_head_is_answered_408() -> None:
        async with Client(app) as client:
            peer = await client.connect()
            peer.send(b"GET / HT")
            await client.advance(11)
            assert (await peer.response()).status == 408
    ```

    The server's clock stands still, except in `advance`: a deadline passes only when the test moves the clock past it,
    and cookies expire on it too. `patience` is in real seconds and limits every wait, so that the test fails if the
    server does not answer. What a handler raises and nothing handles is raised by the request, unless
    `raise_exceptions` is False: then the response has the status 500, as in production.

    `base_url` says where requests go; with https, handlers see that scheme, and cookies may be `Secure`. `headers` go
    with every request. `options` are those of `run`; the access log is off by default. Raises ValueError for a
    `base_url` that is not http://HOST or https://HOST.
    """

    def __init__(
        self,
        app: Handler,
        config: Config | None = None,
        *,
        patience: float = 10.0,
        base_url: str = "http://testserver",
        headers: Fields = (),
        follow_redirects: bool = False,
        raise_exceptions: bool = True,
        **options: Any,
    ) -> None:
        self.now: float = 0.0
        self.patience: float = patience
        self.headers: Headers = Headers(headers)
        self.follow_redirects: bool = follow_redirects
        self.raise_exceptions: bool = raise_exceptions
        self._base = _checked(base_url)
        began = time.time()
        self.cookies: Cookies = Cookies(self._base.hostname or "", lambda: began + self.now)
        config = replace(config or Config(access_log=False), **options)
        self.server: Server = Server(app, config, clock=lambda: self.now, speak=_speak)
        self._app = app
        self._stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Run the app's lifespan."""
        await self._stack.enter_async_context(lifespan_of(self._app))
        return self

    async def __aexit__(self, *_: object) -> None:
        """End every connection, then the lifespan."""
        await self.server.abort()
        await self._stack.aclose()

    def override(self, kind: Any, fake: object) -> None:
        """Put `fake` in the place of what the app provides for a type, until the client is closed.

        Call it before `async with client` for a resource of the app. Raises TypeError for a bare handler, and what
        `App.overriding` raises.
        """
        if not isinstance(self._app, App):
            raise TypeError("only an App has providers that can be overridden")
        self._stack.enter_context(self._app.overriding(kind, fake))

    # Time.

    async def advance(self, seconds: float) -> None:
        """Move the server's clock forward, and let the server check its deadlines."""
        await self.settle()
        self.now += seconds
        self.server.sweep()
        await self.settle()

    async def settle(self) -> None:
        """Let every task run until it has to wait. A task that waits for a thread is not waited for."""
        for _ in range(10):
            await asyncio.sleep(0)

    # Raw connections.

    async def connect(self) -> Peer:
        """Open a connection and return its client end."""
        return await self._connected(self._base.scheme)

    async def _connected(self, scheme: str) -> Peer:
        reader, writer, transport = open_memory_streams(self.server.config.limits.read_buffer_bytes)
        raised: list[Exception] = []
        # The task copies the context, and so do the requests in it.
        tokens = failures.set(raised), _scheme.set(scheme)
        task = asyncio.create_task(self.server.connected(reader, writer))
        failures.reset(tokens[0])
        _scheme.reset(tokens[1])
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await self.settle()
        return Peer(self, transport, task, raised)

    # Requests, each on its own connection.

    async def request(self, method: str, target: str, **parts: Unpack[RequestParts]) -> ClientResponse:
        """Send a request and return the response; see RequestParts for what it may have.

        It is returned when all of `request.after` is done.

        Raises what the handler raises, or a function of `request.after`, Disconnected if the connection ends within the
        response, TypeError for more than one kind of body, and AiosockError for more than 20 redirects.
        """
        peer, response, pieces = await self._opened(method, target, parts)
        await self._read(peer, response, pieces)
        return response

    @asynccontextmanager
    async def stream(
        self, method: str, target: str, **parts: Unpack[RequestParts]
    ) -> AsyncIterator[tuple[ClientResponse, AsyncIterator[bytes]]]:
        """Send a request; yield the response without its body, and an iterator over the pieces of the body.

        The connection is reset at the end of the block, and the handler is told of it.
        """
        peer, response, pieces = await self._opened(method, target, parts)
        try:
            yield response, self._raising(peer, pieces)
        finally:
            peer.reset()
            await self.advance(0)  # the sweep finds out who has left

    @asynccontextmanager
    async def events(
        self, target: str, *, method: str = "GET", last_event_id: str = "", **parts: Unpack[RequestParts]
    ) -> AsyncIterator[EventReader]:
        """Send a request for server-sent events; yield a reader of them. The connection is reset at the end.

        Raises HTTPError for an error status, and ProtocolError for a response that is no event stream.
        """
        headers = Headers(parts.get("headers", ()))
        headers.setdefault("accept", "text/event-stream")
        if last_event_id:
            headers["last-event-id"] = last_event_id
        parts["headers"] = headers.items()
        async with self.stream(method, target, **parts) as (response, pieces):
            content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if response.status != 200 or content_type != "text/event-stream":
                response.body = b"".join([piece async for piece in pieces]) if response.status >= 400 else b""
                response.raise_for_status()
                raise ProtocolError(502, f"{target} is no event stream, but {response.status} {content_type}")
            yield EventReader(response, pieces)

    async def get(self, target: str, **parts: Unpack[RequestParts]) -> ClientResponse:
        """Send a GET request."""
        return await self.request("GET", target, **parts)

    async def head(self, target: str, **parts: Unpack[RequestParts]) -> ClientResponse:
        """Send a HEAD request."""
        return await self.request("HEAD", target, **parts)

    async def options(self, target: str, **parts: Unpack[RequestParts]) -> ClientResponse:
        """Send an OPTIONS request."""
        return await self.request("OPTIONS", target, **parts)

    async def post(self, target: str, **parts: Unpack[RequestParts]) -> ClientResponse:
        """Send a POST request."""
        return await self.request("POST", target, **parts)

    async def put(self, target: str, **parts: Unpack[RequestParts]) -> ClientResponse:
        """Send a PUT request."""
        return await self.request("PUT", target, **parts)

    async def patch(self, target: str, **parts: Unpack[RequestParts]) -> ClientResponse:
        """Send a PATCH request."""
        return await self.request("PATCH", target, **parts)

    async def delete(self, target: str, **parts: Unpack[RequestParts]) -> ClientResponse:
        """Send a DELETE request."""
        return await self.request("DELETE", target, **parts)

    # From a request to its response.

    async def _opened(
        self, method: str, target: str, parts: RequestParts
    ) -> tuple[Peer, ClientResponse, AsyncIterator[bytes]]:
        """Send a request, and those of redirects; return the last connection, its response and the body to read."""
        sent = outgoing(method, target, self._base, self.headers, parts)
        follow = parts.get("follow_redirects", self.follow_redirects)
        history: list[ClientResponse] = []
        while True:
            peer = await self._send(sent)
            try:
                response, pieces = await peer.begin_response(sent.method, sent.url.geturl())
            except Disconnected:
                self._raise_failure(peer)
                raise
            self.cookies.learn(response.headers.get_all("set-cookie"), sent.url)
            response.history = history.copy()
            following = sent.redirected(response) if follow and response.is_redirect else None
            if following is None:
                return peer, response, pieces
            await self._read(peer, response, pieces)
            history.append(response)
            if len(history) > MAX_REDIRECTS:
                raise AiosockError(f"{method} {target} is redirected more than {MAX_REDIRECTS} times")
            sent = following

    async def _send(self, sent: Outgoing) -> Peer:
        fields = Headers(sent.fields.items())
        fields.setdefault("host", sent.url.netloc.rpartition("@")[2])
        if cookies := self.cookies.field_for(sent.url):
            fields.setdefault("cookie", cookies)
        if sent.data or sent.method in ("POST", "PUT", "PATCH"):
            fields.setdefault("content-length", str(len(sent.data)))
        peer = await self._connected(sent.url.scheme)
        peer.send(encode_request_head(sent.method, sent.target, fields.items()) + sent.data)
        return peer

    async def _read(self, peer: Peer, response: ClientResponse, pieces: AsyncIterator[bytes]) -> None:
        """Read the body of a response, and wait for the end of its connection and of `request.after`."""
        response.body = b"".join([piece async for piece in self._raising(peer, pieces)])
        peer.end()
        await peer.done()
        await self.server.service.after.idle(self.patience)
        self._raise_failure(peer)

    async def _raising(self, peer: Peer, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the pieces of a body; where it is cut because a handler failed, raise what the handler has raised."""
        try:
            async for piece in pieces:
                yield piece
        except Disconnected:
            self._raise_failure(peer)
            raise

    def _raise_failure(self, peer: Peer) -> None:
        if self.raise_exceptions and peer.failures:
            raise peer.failures[0]


def _checked(base_url: str) -> SplitResult:
    url = urlsplit(base_url)
    if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
        raise ValueError(f"a base_url is http://HOST or https://HOST, perhaps with a port and a path, not {base_url!r}")
    return url


def _speak(
    channel: Channel, service: Service, connection: Connection, task: asyncio.Task[Any] | None
) -> ServedConnection:
    """Return the connection of a server, with the scheme that the client has chosen: there is no TLS in memory."""
    connection.scheme = _scheme.get()
    return speak_http(channel, service, connection, task)
