"""Stores for sessions that are not kept in their cookie."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from redis.asyncio import Redis


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
    """Sessions in the memory of this process: other processes do not see them, and they are lost when it ends."""

    def __init__(self, sessions: int = 10_000, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep at most `sessions`; beyond that, forget the one that was saved longest ago.

        `clock` returns seconds from any start.
        """
        self._sessions = sessions
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, str]] = OrderedDict()  # end and text by id, in the order of saving

    async def load(self, id: str) -> str | None:
        """Return the text under an id."""
        end, text = self._kept.get(id, (0.0, ""))
        return text if text and self._clock() < end else None

    async def save(self, id: str, text: str, lifetime_seconds: int, *, new: bool) -> bool:
        """Save a text, unless it is not new and its session is gone; return whether it was saved."""
        if not new and await self.load(id) is None:
            return False
        self._kept.pop(id, None)
        self._forget_old()
        self._kept[id] = (self._clock() + lifetime_seconds, text)
        return True

    async def delete(self, id: str) -> None:
        """Delete the text under an id."""
        self._kept.pop(id, None)

    def __len__(self) -> int:
        """Return the number of sessions; those that are over but not yet forgotten count too."""
        return len(self._kept)

    def _forget_old(self) -> None:
        """Forget the oldest sessions, as long as the oldest is over or there is no place for another one."""
        now = self._clock()
        while self._kept:
            end, _ = next(iter(self._kept.values()))
            if now < end and len(self._kept) < self._sessions:
                return
            self._kept.popitem(last=False)


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
