"""What is kept of a request for the inspector, so that it can be shown and sent again: no more than has a limit."""

from collections.abc import Callable
from typing import Final

from aiosock.headers import Headers
from aiosock.observe import ObservedHead
from aiosock.web.exchange import NO_BODY, Incoming

BODY_BYTES: Final = 2 * 1024
"""The longest body that is kept. Of a longer one, nothing is."""

TARGET_CHARACTERS: Final = 512
"""What is kept of the target in a head that is too long."""


class KeptBody:
    """The body of a request as it arrives: an `Incoming` that keeps a short one, and the time that was spent waiting for it.

    `waited` is in seconds. `size` counts the bytes that the handler has read.
    """

    __slots__ = ("_clock", "_incoming", "_pieces", "is_whole", "size", "waited")

    def __init__(self, incoming: Incoming, clock: Callable[[], float]) -> None:
        self._incoming = incoming
        self._clock = clock
        self._pieces: list[bytes] = []
        self.size: int = 0
        self.waited: float = 0.0
        self.is_whole: bool = False

    @property
    def length(self) -> int | None:
        """The length in bytes, None where the client has not announced it."""
        return self._incoming.length

    @property
    def trailers(self) -> Headers | None:
        """The fields that followed the body, None until it has been read to its end."""
        return self._incoming.trailers

    async def receive(self) -> bytes:
        """Return the next piece, b"" at the end; raise what the incoming body raises."""
        began = self._clock()
        try:
            piece = await self._incoming.receive()
        finally:
            self.waited += self._clock() - began
        self.size += len(piece)
        self.is_whole = not piece or self.size == self.length
        if self.size <= BODY_BYTES:
            self._pieces.append(piece)
        elif self._pieces:
            self._pieces.clear()
        return piece

    def release(self) -> None:
        """Let go of the connection: the request is over."""
        self._incoming = NO_BODY

    @property
    def content(self) -> bytes | None:
        """The body; None if it is too long, or the handler has not read all of it."""
        return b"".join(self._pieces) if self.is_whole and self.size <= BODY_BYTES else None


class ShortHead:
    """What is kept of a head that is too long."""

    def __init__(self, method: str, target: str, version: str) -> None:
        self.method: str = method
        self.target: str = target
        self.version: str = version

    def field(self, name: str, default: str = "") -> str:
        """Return the default: no field is kept."""
        return default


def shortened(head: ObservedHead) -> ShortHead:
    """Return the beginning of a head."""
    target = head.target if len(head.target) <= TARGET_CHARACTERS else head.target[:TARGET_CHARACTERS] + "…"
    return ShortHead(head.method[:TARGET_CHARACTERS], target, head.version)
