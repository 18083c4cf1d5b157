"""The life of an HTTP/1 connection (RFC 9112 section 9): a coroutine whose line number is its state.

It waits for a head, awaits the handler, sends the response, and starts again.
"""

import asyncio
import socket
from collections.abc import Sequence
from math import inf
from typing import Any, Final

from aiosock.errors import Disconnected, ProtocolError
from aiosock.log import server_logger
from aiosock.net.channel import Channel
from aiosock.net.context import in_own_context, inherited_precision
from aiosock.net.http1.exchange import Http1Exchange
from aiosock.net.kernel import received_bytes
from aiosock.net.protocol import ConnectionState
from aiosock.net.service import Service
from aiosock.observe import Ending, RequestRecord
from aiosock.web.error_response import error_response
from aiosock.web.exchange import Connection, host_of
from aiosock.web.request import Request
from aiosock.wire.head import Http1Head, encode_head, is_head_request
from aiosock.wire.scan import take_head

YIELD_AFTER: Final = 32
"""Requests taken from one buffer before other connections get a turn: a pipeline must not hold the loop."""

REMEMBERED_BYTES: Final = 4 * 1024
"""The longest head that a connection remembers, to recognise it when it comes again: a browser's has 0.5 to 2 KiB."""


class Http1Connection:
    """One HTTP/1 connection: `serve`, awaited in `task`, answers its requests, in order, until it ends."""

    __slots__ = (
        "_channel",
        "_connection",
        "_exchange",
        "_has_answered",
        "_head_deadline",
        "_in_a_row",
        "_is_between_requests",
        "_patience",
        "_previous",
        "_service",
        "_task",
        "idle_since",
    )

    def __init__(
        self, channel: Channel, service: Service, connection: Connection, task: asyncio.Task[Any] | None
    ) -> None:
        self._channel = channel
        self._service = service
        self._connection = connection
        self._task = task
        self._exchange: Http1Exchange | None = None
        self._previous: Http1Head | None = None
        self._has_answered = False
        self._head_deadline = inf
        self._is_between_requests = False
        self._in_a_row = 0
        self.idle_since: float | None = None
        self._set_patience()

    async def serve(self) -> None:
        """Serve until either side ends the connection. Whatever the peer does, only cancellation comes out."""
        linger, precision = False, inherited_precision()
        try:
            # Waiting for a head...
            while (head := await self._read_head()) is not None:
                # ...for the handler, and for the peer to take the response...
                self._exchange = exchange = Http1Exchange(
                    head, self._channel, self._service, self._connection, self._task
                )
                handler = self._service.handler if head.fields.expect is None else exchange.handler_for_expectation()
                in_order = await in_own_context(exchange.answer(Request(head, exchange), handler), precision)
                self._exchange = None
                if not in_order:
                    return
                if not self._has_answered:
                    self._has_answered = True
                    self._set_patience()
                if not exchange.finish():
                    # A peer that asked for the end sends no more. Any other may be sending, and must see the response.
                    linger = head.keeps_alive or exchange.has_unread
                    break
        except ProtocolError as error:
            linger = await self._refuse(error)
        except Disconnected:
            self._channel.abort()
        except asyncio.CancelledError:  # the drain's hard deadline
            self._channel.abort()
            raise
        except Exception:
            server_logger.exception("The connection failed; this is a bug in aiosock.")
            self._channel.abort()
        finally:
            await self._channel.close(linger=linger)

    # What the server asks; see ServedConnection.

    def go_away(self) -> None:
        """Shorten the wait for a request, or for the rest of its head.

        Responses say `Connection: close` once `service.shutdown` is set.
        """
        channel, timeouts = self._channel, self._service.timeouts
        self.idle_since = None  # so that the server asks others when it sweeps again
        self._set_patience()
        if self._exchange is None:
            patience = timeouts.drain_idle_seconds if self._is_between_requests else timeouts.drain_head_seconds
            self._head_deadline = min(self._head_deadline, self._service.clock() + patience)
            channel.deadline = min(channel.deadline, self._service.clock() + patience)

    def release(self) -> socket.socket | None:
        """Leave the connection to another server, between two requests."""
        return self._channel.release() if self._is_between_requests else None

    def check(self, now: float) -> None:
        """Enforce the deadlines, and tell the exchange under way of a peer that has left."""
        if not self._channel.check(now) or self._exchange is None:
            return
        if self._channel.is_reset():
            self._exchange.client_left(now, reset=True)
        elif self._channel.is_at_end():
            self._exchange.client_left(now, reset=False)

    def excuse(self, seconds: float) -> None:
        """Move all deadlines."""
        self._head_deadline += seconds
        self._channel.excuse(seconds)

    def abort(self) -> None:
        """End the connection at once."""
        self._channel.abort()

    @property
    def under_way(self) -> Sequence[Http1Exchange]:
        """The request that is being answered, if any."""
        return () if self._exchange is None else (self._exchange,)

    def state(self) -> ConnectionState:
        """Return what the connection does at this moment."""
        channel = self._channel
        doing, waits_for, deadline = self._activity()
        return ConnectionState(
            client=self._connection.client,
            protocol="HTTP/1.1" if self._exchange is None else self._exchange.version,
            doing=doing,
            waits_for=waits_for,
            deadline=deadline,
            requests=self._connection.requests,
            received=received_bytes(channel.socket),
            sent=channel.sent,
            task=self._task,
        )

    def _activity(self) -> tuple[str, str, float]:
        """Return what it does, in words; what of its peer it waits for; and until when."""
        channel, exchange = self._channel, self._exchange
        taking = channel.taking_deadline()
        if channel.is_closing():
            return "closing", "", inf
        if exchange is None:
            if self._is_between_requests:
                waits_for = "its next request" if self._has_answered else "its first request"
                return "idle", waits_for, channel.deadline
            if channel.has_reader and self._head_deadline < inf and channel.deadline == self._head_deadline:
                return "reading a head", "the rest of the head", channel.deadline
            return "ending", "the client to close" if channel.has_reader else "", channel.deadline
        if taking is not None:
            return exchange.activity, "the client to take bytes", taking
        if channel.has_reader:
            return exchange.activity, "the body of the request", channel.deadline
        return exchange.activity, "", inf

    # Heads.

    async def _read_head(self) -> Http1Head | None:
        """Return the next request's head, or None when there is no next request.

        Raises ProtocolError for a head that is malformed, too long or too slow; Disconnected for a reset.
        """
        channel = self._channel
        buffer = channel.take()
        if buffer:
            await self._take_turns()
        else:
            now = self._service.clock()
            channel.deadline = now + self._patience
            self._is_between_requests = True
            self.idle_since = now if self._has_answered else None
            try:
                buffer = await channel.receive(self._task)
            except TimeoutError:
                return None
            finally:
                self._is_between_requests = False
                self.idle_since = None
            if not buffer:
                return None
        # From here on the head has a deadline, which is set only if it has not arrived whole.
        scanned = 0
        while (head := self._take_head(buffer, scanned)) is None:
            if not scanned:
                began = self._service.clock()
                self._head_deadline = began + self._head_seconds()
            scanned = len(buffer)
            more = await self._wait_for_more(buffer)
            if not more:
                return None
            buffer += more
        if scanned:
            self._connection.head_seconds = self._service.clock() - began
        return head

    def _head_seconds(self) -> float:
        """Return how many seconds to wait for the rest of a head."""
        timeouts = self._service.timeouts
        return timeouts.drain_head_seconds if self._service.shutdown.is_set() else timeouts.head_seconds

    def _set_patience(self) -> None:
        """Decide how many seconds to wait for the first byte of a request."""
        timeouts = self._service.timeouts
        self._patience = timeouts.keep_alive_seconds if self._has_answered else timeouts.head_seconds
        if self._service.shutdown.is_set():
            self._patience = timeouts.drain_idle_seconds

    async def _wait_for_more(self, buffer: bytes) -> bytes:
        """Wait for more of a head; return b"" where nothing but empty lines has arrived, and no more does.

        Raises ProtocolError: 408 at the deadline, 400 at the end of the input.
        """
        self._channel.deadline = self._head_deadline
        try:
            data = await self._channel.receive(self._task)
            error = ProtocolError(400, "The request ended within its head.")
        except TimeoutError:
            data = b""
            error = ProtocolError(408, f"The head took longer than {self._head_seconds():g} seconds.")
        if data or not buffer.strip(b"\r\n"):
            return data
        raise error

    def _take_head(self, buffer: bytes, scanned: int) -> Http1Head | None:
        """Return the head at the start of the buffer and leave the rest to the channel; None while it is not whole.

        Then, and if it is refused, all bytes are left there.
        """
        previous, limits = self._previous, self._service.limits
        # Clients repeat themselves byte for byte (docs/decisions/0007).
        if previous is not None and buffer.startswith(previous.octets):
            self._channel.buffer = buffer[len(previous.octets) :]
            return previous
        self._channel.buffer = buffer
        head = take_head(buffer, scanned, limits, previous)
        if head is not None:
            size = len(head.octets)
            self._channel.buffer = buffer[size:]
            self._previous = head if size <= REMEMBERED_BYTES else None  # an idle connection must not hold a long one
        return head

    async def _take_turns(self) -> None:
        """Let other connections go on, now and then, while a pipeline is worked off."""
        self._in_a_row += 1
        if self._in_a_row % YIELD_AFTER == 0:
            await asyncio.sleep(0)

    async def _refuse(self, error: ProtocolError) -> bool:
        """Answer bytes that are no request; return whether to linger. No request after them is looked at."""
        response = error_response(error)
        assert isinstance(response.body, bytes)
        own = b"%bContent-Length: %d\r\nConnection: close\r\n" % (self._service.date_line(), len(response.body))
        data = encode_head(response.status, response.pairs(), own)
        if not is_head_request(self._channel.buffer, self._service.limits):  # RFC 9110 section 9.3.2
            data += response.body
        try:
            await self._channel.send(data)
        except Disconnected:
            return False
        self._observe_refusal(response.status, len(data))
        return True

    def _observe_refusal(self, status: int, sent: int) -> None:
        client = host_of(self._connection.client)
        if self._service.access is not None:
            self._service.access.take((None, status, sent, client, "-"), 0.0)
        if self._service.observers:
            record = RequestRecord()
            record.began = self._service.clock()
            record.client, record.status, record.sent, record.ending = client, status, sent, Ending.REFUSED
            self._service.finished(record)
