"""Stores for sessions that are not kept in their cookie."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from aiosock.config import MIB

if TYPE_CHECKING:
    from redis.asyncio import Redis


_OVERHEAD_BYTES: Final = 500
"""What a session in memory takes besides its text: the id, two objects and an entry in a dict."""


class SessionStore(Protocol):
    """A store of sessions, each a text under an id. An exception that it raises is answered with 500."""

    async def load(self, id: str) -> str | None:
        """Return the text under an id; None if there is none, or its lifetime is over."""

    async def save(self, id: str, text: str, lifetime_seconds: int, *, new: bool) -> bool:
        """Save a text for `lifetime_seconds` from now; return whether it was saved.

        Unless the session is `new`, save it only if there is a text under its id: a request that was running during a
        logout must not bring the session back.
        """

    async def delete(self, id: str) -> None:
        """Delete the text under an id, if there is one."""


class MemoryStore:
    """Sessions in the memory of this process: other processes do not see them, and they are lost when it ends.

    A store that is full forgets the session that was used longest ago. Sessions whose cookie has never come back get a
    quarter of the store: beyond that they displace each other, not those of visitors who came back.
    """

    def __init__(
        self, sessions: int = 10_000, max_bytes: int = 64 * MIB, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep at most `sessions`, of `max_bytes` in total.

        `clock` returns seconds from any start.
        """
        self._sessions = sessions
        self._max_bytes = max_bytes
        self._clock = clock
        self._new = _Shelf()
        self._known = _Shelf()

    async def load(self, id: str) -> str | None:
        """Return the text under an id."""
        kept = self._take(id)
        if kept is None:
            return None
        self._known.put(id, kept)
        return kept.text

    async def save(self, id: str, text: str, lifetime_seconds: int, *, new: bool) -> bool:
        """Save a text, unless it is not new and its session is gone; return whether it was saved.

        Raises ValueError for a text that is larger than the store.
        """
        kept = _Kept(self._clock() + lifetime_seconds, text)
        if kept.size > self._max_bytes:
            raise ValueError(f"the session of {kept.size} bytes is larger than the store of {self._max_bytes} bytes")
        is_known = id in self._known.kept
        if self._take(id) is None and not new:
            return False
        self._make_place(kept)
        (self._known if is_known else self._new).put(id, kept)
        return True

    async def delete(self, id: str) -> None:
        """Delete the text under an id."""
        self._take(id)

    def __len__(self) -> int:
        """Return the number of sessions; those that are over but not yet forgotten count too."""
        return len(self._new.kept) + len(self._known.kept)

    def _take(self, id: str) -> "_Kept | None":
        """Remove a session and return it; None if there is none, or it is over."""
        kept = self._new.take(id) or self._known.take(id)
        return kept if kept is not None and self._clock() < kept.end else None

    def _make_place(self, kept: "_Kept") -> None:
        """Forget sessions until there is place for another one: those that are over, then those used longest ago."""
        now = self._clock()
        self._new.forget_ended(now)
        self._known.forget_ended(now)
        while len(self) and (len(self) >= self._sessions or self._bytes + kept.size > self._max_bytes):
            shelf = self._new if self._is_mostly_new or not self._known.kept else self._known
            shelf.take(next(iter(shelf.kept)))

    @property
    def _bytes(self) -> int:
        return self._new.size + self._known.size

    @property
    def _is_mostly_new(self) -> bool:
        """Return whether new sessions fill a quarter of the store or more."""
        return 4 * len(self._new.kept) >= self._sessions or 4 * self._new.size >= self._max_bytes


class _Kept(NamedTuple):
    end: float
    text: str

    @property
    def size(self) -> int:
        """The bytes that a session takes. `Session` writes ASCII."""
        return len(self.text) + _OVERHEAD_BYTES


class _Shelf:
    """Sessions by id, the one used longest ago first."""

    def __init__(self) -> None:
        self.kept: OrderedDict[str, _Kept] = OrderedDict()
        self.size: int = 0

    def put(self, id: str, kept: _Kept) -> None:
        self.kept[id] = kept
        self.size += kept.size

    def take(self, id: str) -> _Kept | None:
        kept = self.kept.pop(id, None)
        if kept is not None:
            self.size -= kept.size
        return kept

    def forget_ended(self, now: float) -> None:
        """Forget the first sessions, as long as they are over."""
        while self.kept and (first := next(iter(self.kept.items())))[1].end <= now:
            self.take(first[0])


class RedisStore:
    """Sessions in Redis, shared by all processes and machines: `RedisStore(redis.asyncio.from_url(url))`.

    Close the client when the app ends, in its lifespan. Give it a short `socket_timeout` and no retries, because
    requests wait for it. With the client's defaults they would wait for half a minute, or for ever.
    """

    def __init__(self, client: "Redis", prefix: str = "aiosock:session:") -> None:
        """Save sessions under keys that begin with `prefix`."""
        self._client = client
        self._prefix = prefix

    async def load(self, id: str) -> str | None:
        """Return the text under an id; raises redis.RedisError."""
        text = await self._client.get(self._prefix + id)
        return text.decode() if isinstance(text, bytes) else text  # a client may be set to decode by itself

    async def save(self, id: str, text: str, lifetime_seconds: int, *, new: bool) -> bool:
        """Save a text, unless it is not new and its session is gone; return whether it was; raises redis.RedisError."""
        return bool(await self._client.set(self._prefix + id, text, ex=lifetime_seconds, nx=new, xx=not new))

    async def delete(self, id: str) -> None:
        """Delete the text under an id; raises redis.RedisError."""
        await self._client.delete(self._prefix + id)
