"""Observers: what they are told of each request, for the access log, metrics and tools that look into a server."""

from collections.abc import Sequence
from enum import Enum
from typing import Final, Protocol

KEPT_BYTES: Final = 2 * 1024
"""The longest body that a record has."""


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

    The details are there only where an observer wants them. `head_seconds` is the time that the head took, if it came in
    several pieces, and `waited` the seconds spent waiting for the body. `handled` is the time at which the handler had
    returned, 0 if it has not, or if its response was written at once. `fields` are those of the response. `body` is that
    of the request if it was read whole and has KEPT_BYTES at most; those of GET are not kept. `note` is for whoever keeps
    records.
    """

    # There is one for each request, so it has no `__init__`: whoever makes one sets what differs.
    head: ObservedHead | None = None
    client: str = "-"
    route: str = ""
    status: int = 0
    received: int = 0
    sent: int = 0
    began: float = 0.0
    seconds: float = 0.0
    request_id: str = "-"
    ending: Ending = Ending.COMPLETE

    # The details.
    head_seconds: float = 0.0
    waited: float = 0.0
    handled: float = 0.0
    fields: Sequence[tuple[str, str]] = ()
    body: bytes | None = None
    note: object = None


class Observer(Protocol):
    """Something that is told of every request. Both methods run in the event loop, so they must be quick and not raise.

    A class that derives from this one, and needs to know of the end only, need not define `began`. One with an attribute
    `wants_details` that is True gets the details in its records.
    """

    def began(self, record: RequestRecord) -> None:
        """Take note of a request whose head has arrived."""
        return

    def finished(self, record: RequestRecord) -> None:
        """Take note of its end; the same `record`. A client that sent no valid request is only told of here."""
