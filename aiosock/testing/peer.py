"""The client's end of a connection in memory. It can also misbehave."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from aiosock.errors import Disconnected
from aiosock.net.server import Server
from aiosock.testing.response import ClientResponse
from aiosock.testing.transport import MemoryTransport
from aiosock.wire.chunked import BodyDecoder, ChunkedDecoder, LengthDecoder
from aiosock.wire.client_head import UNTIL_CLOSE, ResponseHead, parse_response_head, response_framing
from aiosock.wire.head import CHUNKED


class Patient(Protocol):
    """What a peer needs of its client."""

    patience: float
    server: Server

    async def settle(self) -> None:
        """Let every task run until it has to wait."""


class Peer:
    """The client's end of one connection in memory. It can send any bytes, stop reading, half-close and reset."""

    def __init__(
        self,
        client: Patient,
        transport: MemoryTransport,
        task: asyncio.Task[None],
        failures: Sequence[Exception] = (),
    ) -> None:
        self.failures: Sequence[Exception] = failures
        """What handlers have raised on this connection and nobody has handled."""
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
        response, pieces = await self.begin_response(method)
        response.body = b"".join([piece async for piece in pieces])
        return response

    async def begin_response(self, method: str = "GET", url: str = "") -> tuple[ClientResponse, AsyncIterator[bytes]]:
        """Return the next response without its body, and an iterator over the pieces of the body; raise as `response`.

        The trailers are there when the iterator has ended.
        """
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
        response = ClientResponse(head, interim, method, url)
        limits = self._client.server.config.limits
        decoder: BodyDecoder | None = None
        if framing != UNTIL_CLOSE:
            decoder = ChunkedDecoder(limits) if framing == CHUNKED else LengthDecoder(framing)
        return response, self._body(response, decoder, buffer)

    async def _body(self, response: ClientResponse, decoder: BodyDecoder | None, data: bytes) -> AsyncIterator[bytes]:
        while True:
            piece = data if decoder is None else decoder.feed(data)
            if decoder is not None and decoder.complete:
                self._taken -= len(decoder.rest)  # the start of the next response
            if piece:
                yield piece
            if decoder is not None and decoder.complete:
                if isinstance(decoder, ChunkedDecoder):
                    response.trailers = decoder.trailers
                return
            data = await self.receive()
            if not data:
                if decoder is None and not self.was_reset:
                    return
                raise Disconnected("the connection ended within the body")

    async def _change(self) -> None:
        self._transport.changed.clear()
        await asyncio.wait_for(self._transport.changed.wait(), self._client.patience)
