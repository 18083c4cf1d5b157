"""Answering: from a request to its response, once for every protocol. Handlers, errors, clients that leave, observers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import inf
from typing import Any, Final

from aiosock.errors import Disconnected, HTTPError, ProtocolError, ResponseError, ungrouped
from aiosock.log import note_failure, server_logger
from aiosock.net.leaving import AtTheEnd
from aiosock.net.service import Service
from aiosock.observe import Ending, RequestRecord
from aiosock.web.error_response import FAILED, error_response, exception_response
from aiosock.web.exchange import Connection, Incoming, OnDisconnect, Work, host_of
from aiosock.web.handler import Handler, Pending
from aiosock.web.request import Request
from aiosock.web.response import Response

_Beginning = tuple[float, int, RequestRecord | None]
"""When a request began, how many bytes had been sent before, and its record, if anybody wants one."""

STOPPED: Final = "Somebody cancelled this request in the inspector."
"""The message of a cancellation by `stop`, and what the client is told."""


class Answering:
    """One request while it is answered. The exchange of a protocol derives from it, and sends the bytes.

    `status` is that of the response, 0 before it has begun. The handler runs in `task`, which is the connection's.
    `work` counts it while it is at work. While there are observers and the request is not over, `request` is there, and
    `record` is what they will be told.
    """

    __slots__ = (
        "_at_the_end",
        "_cancelling",
        "_ended_at",
        "_task",
        "connection",
        "on_disconnect",
        "record",
        "request",
        "service",
        "status",
        "work",
    )

    record: RequestRecord

    def __init__(self, service: Service, connection: Connection, task: asyncio.Task[Any] | None) -> None:
        self.service: Service = service
        self.connection: Connection = connection
        self.on_disconnect: OnDisconnect = "cancel"
        self.status: int = 0
        self.work: Work | None = None if connection.load is None else Work(connection.load)
        self._task = task
        self.request: Request | None = None
        self._cancelling = False
        self._ended_at = inf
        self._at_the_end: AtTheEnd | None = None

    # What a protocol adds.

    @property
    def incoming(self) -> Incoming:
        """The body of the request."""
        raise NotImplementedError

    @property
    def has_ended(self) -> bool:
        """Return whether the response has been sent, or cannot be sent any more."""
        raise NotImplementedError

    def respond_at_once(self, response: Response) -> bool:
        """Send a response that is whole and small; return whether `respond` has nothing left to do."""
        raise NotImplementedError

    async def respond(self, response: Response) -> None:
        """Send a response whole.

        Raises Disconnected; ResponseError for a response that must not be sent; what a streamed body raises.
        """
        raise NotImplementedError

    def abort(self) -> None:
        """End the request at once: the client must notice that it does not have the whole response."""
        raise NotImplementedError

    def bytes_received(self) -> int:
        """Return how many bytes of the body have been read."""
        raise NotImplementedError

    def body_details(self) -> tuple[bytes | None, float]:
        """Return the body, if it is short and was read to its end, and the seconds that were spent waiting for it."""
        raise NotImplementedError

    def bytes_sent(self) -> int:
        """Return a count that grows by the bytes that are sent for this request."""
        raise NotImplementedError

    # From the request to the response.

    async def answer(self, request: Request, handler: Handler) -> bool:
        """Await the handler and send its response; return whether the connection is still in order.

        Only cancellation by somebody else comes out, and KeyboardInterrupt.
        """
        beginning = self._observe_beginning(request) if self.service.is_observed else None
        ending = Ending.LEFT
        try:
            try:
                response = await (handler(request) if self.work is None else self._at_work(handler, request))
                if not self.respond_at_once(response):
                    await self._respond_to(request, response)
                ending = Ending.COMPLETE
            except BaseException as error:  # a handler that calls sys.exit() ends itself, not everybody else's requests
                ending = Ending.COMPLETE if await self._answer_error(request, error) else Ending.BROKEN
            finally:
                if self._at_the_end is not None and self._at_the_end.when_sent:
                    await self._tell_sent(self._at_the_end)
        except (asyncio.CancelledError, Disconnected) as error:
            if isinstance(error, asyncio.CancelledError) and not self._is_own_cancellation():
                ending = Ending.CANCELLED
                raise
            server_logger.debug("%s %s: %s", request.method, request.target, str(error) or "the peer has left")
        finally:
            if self._at_the_end is not None:
                self._at_the_end.release()
            if beginning is not None:
                self._observe_end(beginning, request, ending)
        if ending is not Ending.COMPLETE:
            self.abort()
        elif self._task is not None and self._task.cancelling():
            await self._forget_cancellations(self._task)
        return ending is Ending.COMPLETE

    async def _respond_to(self, request: Request, response: Response) -> None:
        """Send a response that is large, streamed, or not made yet; raise what `respond` and `Pending.made` raise."""
        await self.respond(await response.made(request) if isinstance(response, Pending) else response)

    async def _at_work(self, handler: Handler, request: Request) -> Response:
        """Await a handler, and count it until it returns."""
        assert self.work is not None
        self.work.begin()
        try:
            return await handler(request)
        finally:
            self.work.end()

    async def _answer_error(self, request: Request, error: BaseException) -> bool:
        """Answer an exception that a bare handler raised; an App would have answered it. Return whether that was possible.

        Raises an error again that has no response, since it ends the request or us.
        """
        if self._at_the_end is not None and self._at_the_end.when_sent:
            self._at_the_end.failure = error
        error = ungrouped(error)
        if error.args == (STOPPED,) and self._is_cancelled_by(error):
            error = self._stopped()
        if isinstance(error, Disconnected | KeyboardInterrupt) or self._is_cancelled_by(error):
            raise error
        if not isinstance(error, HTTPError):
            server_logger.error("%s %s failed", request.method, request.target, exc_info=error)
            note_failure(error)
        told = error if isinstance(error, HTTPError) else HTTPError(500, FAILED)
        if self.status:
            # The status is out and cannot change any more: the client must at least see that the body is not whole.
            level = logging.DEBUG if isinstance(error, ProtocolError) else logging.ERROR  # the client's fault, or ours
            server_logger.log(level, "%s %s failed after its head was sent: %s", request.method, request.target, told)
            return False
        try:
            await self.respond(exception_response(error, request))
        except ResponseError:
            server_logger.exception("%s %s raised an error that cannot be sent", request.method, request.target)
            await self.respond(error_response(HTTPError(500, FAILED)))
        return True

    def _is_cancelled_by(self, error: BaseException) -> bool:
        """Return whether somebody has cancelled us. Otherwise the handler awaited a task that somebody had cancelled."""
        return isinstance(error, asyncio.CancelledError) and (self._task is None or self._task.cancelling() > 0)

    # What tools do that look into a server.

    @property
    def task(self) -> asyncio.Task[Any] | None:
        """The task in which the handler runs."""
        return self._task

    def stop(self) -> bool:
        """Cancel the handler, and answer 503; or reset the connection, if the response has begun. Return whether that is possible."""
        return self._task is not None and not self.has_ended and self._task.cancel(STOPPED)

    def _stopped(self) -> HTTPError:
        """Take the cancellation back, and return what is answered."""
        if self._task is not None:
            self._task.uncancel()
        return HTTPError(503, STOPPED)

    # What observers are told.

    def _observe_beginning(self, request: Request) -> _Beginning:
        service, began = self.service, self.service.clock()
        if not service.observers:
            return began, self.bytes_sent(), None
        self.connection.requests += 1
        self.request = request
        self.record = record = RequestRecord()
        record.head = request.head
        record.began = began
        if self.connection.head_seconds and service.wants_details:
            record.head_seconds, self.connection.head_seconds = self.connection.head_seconds, 0.0
        if service.tells_beginnings:
            record.client = host_of(self.connection.client)
            service.began(record)
        return began, self.bytes_sent(), record

    def _observe_end(self, beginning: _Beginning, request: Request, ending: Ending) -> None:
        service = self.service
        began, sent_before, record = beginning
        seconds, sent = service.clock() - began, self.bytes_sent() - sent_before
        status = self.status if sent else 0  # a client that left got no status
        # By now a middleware may know the client from a proxy.
        host = host_of((self.connection if request.forwarded is None else request.forwarded).client)
        if service.access is not None:
            service.access.take((request.head, status, sent, host, request.id), seconds)
        if record is not None:
            self.request = None  # which refers to us
            record.client, record.route, record.request_id, record.ending = host, request.route, request.id, ending
            record.status, record.received, record.sent, record.seconds = status, self.bytes_received(), sent, seconds
            if service.wants_details and request.method != "GET":
                record.body, record.waited = self.body_details()
            service.finished(record)

    async def _forget_cancellations(self, task: asyncio.Task[Any]) -> None:
        """Take back cancellations that the handler has survived: the next request in this task must not see them.

        Before 3.13 a TaskGroup leaves one behind when a task of it fails.
        """
        while task.cancelling():
            task.uncancel()
        with suppress(asyncio.CancelledError):  # before 3.13 one that has not been raised yet stays all the same
            await asyncio.sleep(0)

    # The client that leaves.

    def client_left(self, now: float, *, reset: bool) -> None:
        """Tell a handler that waits for it. Cancel the handler, unless its route says otherwise.

        `reset` is False where the client has only ended its input. That may be a half-close, or a goodbye: TCP does not
        tell. So the handler has `timeouts.half_close_seconds` to begin its response, unless its route is "eager". From
        then on, writing finds out whether anybody reads.
        """
        if self._at_the_end is not None:
            self._at_the_end.left.set()
        self._ended_at = min(self._ended_at, now)
        if self._cancelling or self.on_disconnect == "finish" or self._task is None:
            return
        is_patient = not reset and self.on_disconnect != "eager"
        if is_patient and (self.status or now < self._ended_at + self.service.timeouts.half_close_seconds):
            return
        self._cancelling = True
        self._task.cancel()

    async def disconnected(self) -> None:
        """Wait until the client has closed or reset the connection, or the request is over."""
        if not self.has_ended:
            await self._leaving().left.wait()

    def _is_own_cancellation(self) -> bool:
        """Return whether `client_left` has cancelled the handler, and take that back; False for anybody else's."""
        if self._cancelling and self._task is not None:
            self._task.uncancel()
        return self._cancelling

    # The end.

    def when_sent(self, function: Callable[[BaseException | None], Awaitable[None]]) -> None:
        """Await `function` once the response has been sent, or cannot be; see `web.exchange.Exchange`."""
        self._leaving().when_sent.append(function)

    async def _tell_sent(self, at_the_end: AtTheEnd) -> None:
        self.on_disconnect = "finish"  # from now on the client cannot cancel
        await at_the_end.tell_sent(self._is_cancelled_by)

    def when_over(self, close: Callable[[], None]) -> None:
        """Call `close` once the request is over."""
        self._leaving().when_over.append(close)

    def _leaving(self) -> AtTheEnd:
        if self._at_the_end is None:
            self._at_the_end = AtTheEnd()
        return self._at_the_end
