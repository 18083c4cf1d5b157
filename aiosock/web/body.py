"""Body: a request body as it arrives, and the errors of one that is too large or no text."""

from collections.abc import AsyncIterator
from typing import Protocol

from aiosock.errors import HTTPError
from aiosock.web.exchange import Incoming


class Reader(Protocol):
    """A request, as far as it must know whether its body is being read."""

    _is_being_read: bool


class Body:
    """A request body as it arrives: an async iterable of bytes that can be read once.

    It is read from the socket no faster than a handler iterates, except for one bounded buffer.
    """

    __slots__ = ("_incoming", "_request")

    def __init__(self, request: Reader, incoming: Incoming) -> None:
        self._incoming = incoming
        self._request = request

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the pieces as they arrive, none of them empty; raises what `Incoming.receive` raises."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece."""
        self._request._is_being_read = True
        data = await self._incoming.receive()
        if not data:
            raise StopAsyncIteration
        return data


def body_too_large(limit: int) -> HTTPError:
    """Return the error for a body of more than `limit` bytes (RFC 9110 section 15.5.14)."""
    return HTTPError(413, f"The body is larger than the limit of {limit} bytes.")


def decoded(body: bytes) -> str:
    """Return a body as text; raise HTTPError (400) unless it is UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise not_utf8(error) from None


def not_utf8(error: UnicodeDecodeError) -> HTTPError:
    """Return the error for a body that is not UTF-8."""
    return HTTPError(400, f"The body is not UTF-8 at byte {error.start}.")
