"""Observers: what they are told of each request, for the access log, metrics and tools that look into a server."""

from collections.abc import Sequence
from enum import Enum
from typing import Protocol


class Ending(Enum):
    """How a request ended."""

    COMPLETE = "the response was sent"
    LEFT = "the client left before it had the whole response"
    BROKEN = "the response had begun when its handler failed"
    REFUSED = "the client did not send a valid request"
    CANCELLED = "the server ended it, when told to stop"


class ObservedHead(Protocol):
    """What an observer may ask of a request's head; see `wire.message.RequestHead`."""

    method: str
    target: str

    @property
    def version(self) -> str:
        """The protocol, such as HTTP/1.1."""

    def field(self, name: str, default: str = "") -> str:
        """Return the value of a field; its name is in lower case."""


class RequestRecord:
    """One request. All of it is known when the request has finished; `head`, `client` and `began` when it begins.

    `head` is None where the client did not send a valid one. `client` is the address of the client, `-` for a UNIX
    socket. `route` is the pattern of the route, empty where none was found. `status` is that of the response, 0 before
    it has begun. `received` and `sent` are in bytes: of the request's body, and of the response with its head. `began`
    is the time of the service's clock at which the head had arrived, or was refused, `seconds` the time from there to
    the end of the response. `request_id` is set by the middleware of that name, `-` without it.

    `handled` is the time at which the handler had returned, 0 if it has not, and `fields` are those of its response: both
    only where an observer asks for them. `kept` is for what an observer keeps beside a record.
    """

    __slots__ = (
        "began",
        "client",
        "ending",
        "fields",
        "handled",
        "head",
        "kept",
        "received",
        "request_id",
        "route",
        "seconds",
        "sent",
        "status",
    )

    def __init__(self) -> None:
        self.head: ObservedHead | None = None
        self.client: str = "-"
        self.route: str = ""
        self.status: int = 0
        self.received: int = 0
        self.sent: int = 0
        self.began: float = 0.0
        self.seconds: float = 0.0
        self.request_id: str = "-"
        self.ending: Ending = Ending.COMPLETE
        self.handled: float = 0.0
        self.fields: Sequence[tuple[str, str]] = ()
        self.kept: object = None


class Observer(Protocol):
    """Something that is told of every request. Both methods run in the event loop, so they must be quick and not raise.

    A class that derives from this one, and needs to know of the end only, need not define `began`. One with an attribute
    `times_answers` that is True gets `handled` and `fields` in its records.
    """

    def began(self, record: RequestRecord) -> None:
        """Take note of a request whose head has arrived."""
        return

    def finished(self, record: RequestRecord) -> None:
        """Take note of its end; the same `record`. A client that sent no valid request is only told of here."""
