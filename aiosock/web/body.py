"""Body: a request body as it arrives."""

from collections.abc import AsyncIterator
from typing import Protocol

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
