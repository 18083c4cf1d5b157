"""The life of an HTTP/1 connection (RFC 9112 section 9): a coroutine whose line number is its state.

It waits for a head, awaits the handler, sends the answer, and goes round again.
"""

import asyncio
import logging
from typing import Any

from aiosock.errors import Disconnected, HTTPError, ProtocolError, ResponseError
from aiosock.log import Begun, complete, server_logger
from aiosock.net.channel import BYTES, IDLE, Channel, Waiting
from aiosock.net.http1.exchange import Http1Exchange
from aiosock.net.service import Service
from aiosock.web.error_response import error_response
from aiosock.web.exchange import Connection
from aiosock.web.request import Request
from aiosock.wire.head import RequestHead, encode_head, find_field, find_head, keeps_alive, parse_head

YIELD_AFTER = 32
"""Requests taken from one buffer before other connections get a turn: a pipeline must not hold the loop."""


SORRY = "The server failed to answer."
"""What a client is told of an exception that has no answer."""


class Http1Connection:
    """One HTTP/1 connection: `serve`, awaited in `task`, answers its requests, in order, until it ends."""

    __slots__ = (
        "_asked",
        "_channel",
        "_connection",
        "_in_a_row",
        "_line",
        "_logged",
        "_opening",
        "_previous",
        "_service",
        "_task",
    )

    def __init__(
        self, channel: Channel, service: Service, connection: Connection, task: asyncio.Task[Any] | None
    ) -> None:
        self._channel = channel
        self._service = service
        self._connection = connection
        self._previous: RequestHead | None = None
        self._in_a_row = 0
        self._opening = b""  # of a head that is refused: HEAD has no body in its answer
        self._task = task
        # Of the access log: the last answer, what its request had in it, and its line.
        self._logged: tuple[RequestHead | None, str, int, int, str] | None = None
        self._asked: tuple[str, ...] = ()
        self._line: Begun = ("", ())

    async def serve(self) -> None:
        """Serve until either side ends the connection. Whatever the peer does, only cancellation comes out."""
        linger = False
        try:
            # Waiting for a head...
            while (head := await self._read_head()) is not None:
                # ...for the handler, and for the peer to take the answer...
                exchange = Http1Exchange(head, self._channel, self._service, self._connection, self._task)
                if not await self._answer(exchange, Request(head, exchange)):
                    return
                # ...and for what is left of the body; then round again.
                if not (exchange.is_finished() or await exchange.finish()):
                    # The peer that asked for the end sends no more; any other may be sending, and must see the answer.
                    linger = keeps_alive(head) or exchange.has_unread
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

    async def _read_head(self) -> RequestHead | None:
        """Give the next request's head, or None when there is no next request.

        Raises ProtocolError for a head that is malformed, too long or too slow; Disconnected for a reset.
        """
        channel = self._channel
        buffer = channel.take()
        if buffer:
            await self._take_turns()
        waiting = BYTES if buffer else IDLE
        deadline = 0.0
        scanned = 0
        while not (buffer and (head := self._take_head(buffer, scanned))):
            scanned = len(buffer)
            deadline = deadline or channel.clock() + self._patience(waiting)
            channel.deadline = deadline
            try:
                data = await channel.receive(waiting, self._task)
            except TimeoutError:
                if not buffer.strip(b"\r\n"):
                    return None
                self._opening = buffer[:16]
                raise ProtocolError(408, f"The head took longer than {self._patience(waiting):g} seconds.") from None
            if not data:
                if buffer.strip(b"\r\n"):
                    self._opening = buffer[:16]
                    raise ProtocolError(400, "The request ended within its head.")
                return None
            if waiting is IDLE:
                waiting, deadline = BYTES, 0.0
            buffer += data
        return head

    def _take_head(self, buffer: bytes, scanned: int) -> RequestHead | None:
        """Give the head at the start of the buffer, leaving what follows to the channel; None while it is not whole."""
        previous, limits = self._previous, self._service.limits
        # Clients repeat themselves byte for byte: a fifth of the cost of the shortest request.
        if previous is not None and buffer.startswith(previous.octets):
            self._channel.buffer = buffer[len(previous.octets) :]
            return previous
        try:
            end = find_head(buffer, scanned, limits)
            if not end:
                return None
            self._channel.buffer = buffer[end:]
            self._previous = head = parse_head(buffer[:end], limits, previous)
        except ProtocolError:
            self._opening = buffer[:16]
            raise
        return head

    def _patience(self, waiting: Waiting) -> float:
        """Give how many seconds to wait for the first byte of a head, or from there to its end."""
        timeouts = self._service.timeouts
        if waiting is IDLE and self._service.shutdown.is_set():
            return timeouts.drain_idle_seconds
        if waiting is IDLE and self._previous is not None:
            return timeouts.keep_alive_seconds
        return timeouts.head_seconds

    async def _take_turns(self) -> None:
        """Let other connections go on, now and then, while a pipeline is worked off."""
        self._in_a_row += 1
        if self._in_a_row % YIELD_AFTER == 0:
            await asyncio.sleep(0)

    async def _answer(self, exchange: Http1Exchange, request: Request) -> bool:
        """Await the handler and send what it gives; say whether the connection is still in order."""
        sent_before = self._channel.sent
        began = self._channel.clock() if self._service.is_timing else 0.0
        try:
            try:
                if request.head.fields.expect is not None:
                    exchange.check_expectation()
                response = await self._service.handler(request)
                if not exchange.answer_at_once(response):
                    await exchange.answer(response)
                return True
            except BaseException as error:  # a handler that calls sys.exit() ends itself, not everybody else's requests
                return await self._answer_error(exchange, request, error)
        except asyncio.CancelledError:
            if not exchange.stop_cancelling():
                raise
            server_logger.debug("%s %s: the peer has left", request.method, request.target)
        except Disconnected as error:
            server_logger.debug("%s %s: %s", request.method, request.target, error)
        finally:
            exchange.over()
            if self._service.is_logging:
                seconds = self._channel.clock() - began if self._service.is_timing else 0.0
                self._log(exchange.status, request, self._channel.sent - sent_before, seconds)
        self._channel.abort()
        return False

    async def _answer_error(self, exchange: Http1Exchange, request: Request, error: BaseException) -> bool:
        """Answer what a bare handler raised, and an App would have answered; say whether that could still be done.

        Raises again what ends the request, or us, and has no answer.
        """
        if isinstance(error, Disconnected | KeyboardInterrupt) or self._is_cancelled_by(error):
            raise error
        if not isinstance(error, HTTPError):
            server_logger.error("%s %s failed", request.method, request.target, exc_info=error)
            error = HTTPError(500, SORRY)
        if exchange.has_begun:
            # The status is out and cannot change any more: the peer must at least see that the body is not whole.
            level = logging.DEBUG if isinstance(error, ProtocolError) else logging.ERROR  # the peer's fault, or ours
            server_logger.log(level, "%s %s failed after its head was sent: %s", request.method, request.target, error)
            self._channel.abort()
            return False
        try:
            await exchange.answer(error_response(error, request.headers.get("accept", "")))
        except ResponseError:
            server_logger.exception("%s %s raised an error that cannot be sent", request.method, request.target)
            await exchange.answer(error_response(HTTPError(500, SORRY)))
        return True

    def _is_cancelled_by(self, error: BaseException) -> bool:
        """Say whether somebody has cancelled us; where nobody has, the handler has awaited a task that somebody had."""
        return isinstance(error, asyncio.CancelledError) and (self._task is None or self._task.cancelling() > 0)

    async def _refuse(self, error: ProtocolError) -> bool:
        """Answer what is not a request; say whether to linger. No request after it is looked at."""
        response = error_response(error)
        assert isinstance(response.body, bytes)
        own = b"%bContent-Length: %d\r\nConnection: close\r\n" % (self._service.date_line(), len(response.body))
        data = encode_head(response.status, response.pairs(), own)
        if not self._opening.lstrip(b"\r\n").startswith(b"HEAD "):  # RFC 9110 section 9.3.2
            data += response.body
        try:
            await self._channel.send(data)
        except Disconnected:
            return False
        if self._service.is_logging:
            self._log(response.status, None, len(data), 0.0)
        return True

    def _log(self, status: int, request: Request | None, sent: int, seconds: float) -> None:
        """Write the line of an answer; a client that repeats itself gets, within a second, the line that is there."""
        service = self._service
        service.date_line()  # which keeps the text of this second up to date too
        head, request_id = (request.head, request.id) if request else (None, "-")
        answer = (head, service.date_text, status, sent, request_id)
        if answer != self._logged:
            if self._logged is None or head is not self._logged[0]:
                self._asked = service.access_format.quote(self._what_was_asked(request))
            self._logged = answer
            self._line = service.access_format.begin(self._asked, *answer[1:])
        service.access_log.write(complete(self._line, seconds))

    def _what_was_asked(self, request: Request | None) -> tuple[str, ...]:
        """Give the values of OF_THE_REQUEST."""
        client = request.client if request else self._connection.client
        host = client.host if client else "-"
        if request is None:
            return (host, "-", "-", "-", "-", "-")
        head = request.head
        # Not request.headers, which split the others too: a sixth of the work for a browser's request.
        referer, user_agent = find_field(head, b"referer", "-"), find_field(head, b"user-agent", "-")
        return (host, request.method, head.target, request.version, referer, user_agent)
