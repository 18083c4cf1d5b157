"""A client that talks to an app in memory, through the real connection code. It can also misbehave."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, Self

from aiosock.config import Config
from aiosock.errors import Disconnected
from aiosock.headers import Headers
from aiosock.net.server import Server
from aiosock.testing.transport import MemoryTransport, open_memory_streams
from aiosock.web.app import lifespan_of
from aiosock.web.handler import Handler
from aiosock.wire.chunked import BodyDecoder, ChunkedDecoder, LengthDecoder
from aiosock.wire.client_head import (
    UNTIL_CLOSE,
    ResponseHead,
    encode_request_head,
    parse_response_head,
    response_framing,
)
from aiosock.wire.head import CHUNKED

Fields = Mapping[str, str] | Iterable[tuple[str, str]]


class ClientResponse:
    """A response as a client receives it. `interim` has the informational responses before it, in order."""

    def __init__(self, head: ResponseHead, interim: list[ResponseHead]) -> None:
        self.status: int = head.status
        self.reason: str = head.reason
        self.version: tuple[int, int] = head.version
        self.headers: Headers = head.headers
        self.interim: list[ResponseHead] = interim
        self.trailers: Headers = Headers()
        self.body: bytes = b""

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()

    def json(self) -> Any:
        """Return the body decoded from JSON."""
        return json.loads(self.body)

    def __repr__(self) -> str:
        """Show the status and the length of the body."""
        return f"<ClientResponse {self.status}, {len(self.body)} bytes>"


class Peer:
    """The client's end of one connection in memory. It can send any bytes, stop reading, half-close and reset."""

    def __init__(self, client: "Client", transport: MemoryTransport, task: asyncio.Task[None]) -> None:
        self._client = client
        self._transport = transport
        self._task = task
        self._taken = 0

    # Sending.

    def send(self, data: bytes) -> None:
        """Send bytes, all at once. Raises Disconnected if the connection is closed."""
        self._transport.peer_sends(data)

    async def drip(self, data: bytes, size: int = 1) -> None:
        """Send bytes, `size` at a time; each piece is sent after the server has handled the one before."""
        for start in range(0, len(data), size):
            self.send(data[start : start + size])
            await self._client.settle()

    def end(self) -> None:
        """Half-close: send nothing more, but continue to read."""
        self._transport.peer_ends()

    def reset(self) -> None:
        """Reset the connection."""
        self._transport.peer_resets()

    def stall(self) -> None:
        """Stop reading, so that the bytes that the server writes fill its buffer."""
        self._transport.peer_reads(False)

    def take(self, count: int) -> None:
        """Read up to `count` bytes after `stall`, as a slow reader does."""
        self._transport.peer_takes(count)

    def resume(self) -> None:
        """Read again, after `stall`."""
        self._transport.peer_reads(True)

    # Receiving.

    @property
    def received(self) -> bytes:
        """All bytes that the server has sent."""
        return bytes(self._transport.received)

    @property
    def is_closed(self) -> bool:
        """Whether the server has ended its side of the connection, or closed it."""
        return self._transport.ended or self._transport.is_closing()

    @property
    def was_reset(self) -> bool:
        """Whether the server closed the connection without sending the rest of its bytes."""
        return self._transport.was_reset

    async def closed(self) -> None:
        """Wait until the server has ended its side of the connection, or closed it."""
        while not self.is_closed:
            await self._change()

    async def done(self) -> None:
        """Wait until the server's task for the connection has ended or was cancelled.

        Raises TimeoutError after `Client.patience` seconds, and the exception of the task if it failed.
        """
        done, _ = await asyncio.wait([self._task], timeout=self._client.patience)
        if not done:
            raise TimeoutError("the server has not ended the connection")
        if not self._task.cancelled():
            self._task.result()

    async def receive(self) -> bytes:
        """Wait for bytes that were not returned before, and return them; b"" at the end of the connection."""
        while not (data := bytes(self._transport.received[self._taken :])):
            if self.is_closed:
                return b""
            await self._change()
        self._taken += len(data)
        return data

    async def response(self, method: str = "GET") -> ClientResponse:
        """Return the next response, read as one to a request with this method.

        Informational responses before it go into its `interim`. Raises Disconnected if the connection ends within the
        response, ProtocolError if the response is malformed.
        """
        response, decoder, rest = await self._head(method)
        pieces = [piece async for piece in self._body(decoder, rest)]
        response.body = b"".join(pieces)
        if isinstance(decoder, ChunkedDecoder):
            response.trailers = decoder.trailers
        return response

    async def _head(self, method: str) -> tuple[ClientResponse, BodyDecoder | None, bytes]:
        interim: list[ResponseHead] = []
        buffer = b""
        while True:
            while b"\r\n\r\n" not in buffer:
                data = await self.receive()
                if not data:
                    raise Disconnected(f"the connection ended after {buffer!r}")
                buffer += data
            block, _, buffer = buffer.partition(b"\r\n\r\n")
            head = parse_response_head(block + b"\r\n\r\n")
            if head.status >= 200 or head.status == 101:
                break
            interim.append(head)
        framing = response_framing(head, method)
        if framing == UNTIL_CLOSE:
            return ClientResponse(head, interim), None, buffer
        limits = self._client.server.config.limits
        decoder = ChunkedDecoder(limits) if framing == CHUNKED else LengthDecoder(framing)
        return ClientResponse(head, interim), decoder, buffer

    async def _body(self, decoder: BodyDecoder | None, rest: bytes) -> AsyncIterator[bytes]:
        data = rest
        while True:
            piece = data if decoder is None else decoder.feed(data)
            if decoder is not None and decoder.complete:
                self._taken -= len(decoder.rest)  # the start of the next response
            if piece:
                yield piece
            if decoder is not None and decoder.complete:
                return
            data = await self.receive()
            if not data:
                if decoder is None and not self.was_reset:
                    return
                raise Disconnected("the connection ended within the body")

    async def _change(self) -> None:
        self._transport.changed.clear()
        await asyncio.wait_for(self._transport.changed.wait(), self._client.patience)


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

    The server's clock stands still, except in `advance`: a deadline passes only when the test moves the clock past it.
    `patience` is in real seconds and limits every wait, so that the test fails if the server does not answer.
    `options` are those of `run`; the access log is off by default.
    """

    def __init__(self, app: Handler, config: Config | None = None, *, patience: float = 10.0, **options: Any) -> None:
        self.now: float = 0.0
        self.patience: float = patience
        config = replace(config or Config(access_log=False), **options)
        self.server: Server = Server(app, config, clock=lambda: self.now)
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
        reader, writer, transport = open_memory_streams(self.server.config.limits.read_buffer_bytes)
        task = asyncio.create_task(self.server.connected(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await self.settle()
        return Peer(self, transport, task)

    # Requests, each on its own connection.

    async def request(
        self, method: str, target: str, *, body: bytes | str = b"", headers: Fields = (), json: Any = None
    ) -> ClientResponse:
        """Send a request and return the response, when all of `request.after` is done; `json` is sent as a JSON body."""
        peer = await self._send(method, target, body, headers, json)
        response = await peer.response(method)
        peer.end()
        await peer.done()
        await self.server.service.after.idle(self.patience)
        return response

    @asynccontextmanager
    async def stream(
        self, method: str, target: str, *, body: bytes | str = b"", headers: Fields = ()
    ) -> AsyncIterator[tuple[ClientResponse, AsyncIterator[bytes]]]:
        """Send a request; yield the response without its body, and an iterator over the pieces of the body.

        The connection is reset at the end of the block.
        """
        peer = await self._send(method, target, body, headers, None)
        response, decoder, rest = await peer._head(method)
        try:
            yield response, peer._body(decoder, rest)
        finally:
            peer.reset()
            await self.settle()

    async def get(self, target: str, *, headers: Fields = ()) -> ClientResponse:
        """Send a GET request."""
        return await self.request("GET", target, headers=headers)

    async def head(self, target: str, *, headers: Fields = ()) -> ClientResponse:
        """Send a HEAD request."""
        return await self.request("HEAD", target, headers=headers)

    async def post(
        self, target: str, *, body: bytes | str = b"", headers: Fields = (), json: Any = None
    ) -> ClientResponse:
        """Send a POST request."""
        return await self.request("POST", target, body=body, headers=headers, json=json)

    async def put(
        self, target: str, *, body: bytes | str = b"", headers: Fields = (), json: Any = None
    ) -> ClientResponse:
        """Send a PUT request."""
        return await self.request("PUT", target, body=body, headers=headers, json=json)

    async def patch(
        self, target: str, *, body: bytes | str = b"", headers: Fields = (), json: Any = None
    ) -> ClientResponse:
        """Send a PATCH request."""
        return await self.request("PATCH", target, body=body, headers=headers, json=json)

    async def delete(self, target: str, *, headers: Fields = ()) -> ClientResponse:
        """Send a DELETE request."""
        return await self.request("DELETE", target, headers=headers)

    async def _send(self, method: str, target: str, body: bytes | str, headers: Fields, value: Any) -> Peer:
        fields = Headers(headers)
        fields.setdefault("host", "testserver")
        if value is not None:
            body = json.dumps(value)
            fields.setdefault("content-type", "application/json")
        data = body.encode() if isinstance(body, str) else body
        if data or method in ("POST", "PUT", "PATCH"):
            fields.setdefault("content-length", str(len(data)))
        peer = await self.connect()
        peer.send(encode_request_head(method, target, fields.items()) + data)
        return peer
