"""Where sessions are kept that are not kept in their cookie."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from redis.asyncio import Redis


class SessionStore(Protocol):
    """Keeps sessions, each a text under an id. What it raises is answered with 500."""

    async def load(self, id: str) -> str | None:
        """Give what is kept under an id, None where nothing is, or no longer."""

    async def save(self, id: str, text: str, lifetime_seconds: int, *, new: bool) -> bool:
        """Keep a text for some seconds from now; say whether it is kept.

        Unless it is `new`, only where something is kept under that id: a request that was under way while its visitor
        logged out must not bring the session back.
        """

    async def delete(self, id: str) -> None:
        """Forget what is kept under an id, if anything is."""


class MemoryStore:
    """Sessions in this process: other processes do not see them, and they end with it."""

    def __init__(self, sessions: int = 10_000, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep `sessions` of them at the most: beyond that, the one that was saved longest ago is forgotten.

        `clock` gives seconds, from wherever.
        """
        self._sessions = sessions
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, str]] = OrderedDict()  # end and text, the last saved last

    async def load(self, id: str) -> str | None:
        """Give what is kept under an id."""
        end, text = self._kept.get(id, (0.0, ""))
        return text if text and self._clock() < end else None

    async def save(self, id: str, text: str, lifetime_seconds: int, *, new: bool) -> bool:
        """Keep a text, unless it is not new and gone; say whether it is kept."""
        if not new and await self.load(id) is None:
            return False
        self._kept.pop(id, None)
        self._make_room()
        self._kept[id] = (self._clock() + lifetime_seconds, text)
        return True

    async def delete(self, id: str) -> None:
        """Forget what is kept under an id."""
        self._kept.pop(id, None)

    def __len__(self) -> int:
        """Count them, and those that are over and not yet forgotten."""
        return len(self._kept)

    def _make_room(self) -> None:
        """Forget what is over as far as it was saved first, and one more where there are too many."""
        now = self._clock()
        while self._kept:
            end, _ = next(iter(self._kept.values()))
            if now < end and len(self._kept) < self._sessions:
                return
            self._kept.popitem(last=False)


class RedisStore:
    """Sessions in Redis, the same for every process and machine: `RedisStore(redis.asyncio.from_url(url))`.

    The client is the caller's: to be closed when the app ends, in its lifespan. Give it a short `socket_timeout` and no
    retries, for requests wait for it: by its own defaults half a minute, or for ever.
    """

    def __init__(self, client: "Redis", prefix: str = "aiosock:session:") -> None:
        """Keep them under keys that begin with `prefix`."""
        self._client = client
        self._prefix = prefix

    async def load(self, id: str) -> str | None:
        """Give what is kept under an id; raises redis.RedisError."""
        text = await self._client.get(self._prefix + id)
        return text.decode() if isinstance(text, bytes) else text  # a client can be told to decode

    async def save(self, id: str, text: str, lifetime_seconds: int, *, new: bool) -> bool:
        """Keep a text, unless it is not new and gone; say whether it is kept; raises redis.RedisError."""
        return bool(await self._client.set(self._prefix + id, text, ex=lifetime_seconds, nx=new, xx=not new))

    async def delete(self, id: str) -> None:
        """Forget what is kept under an id; raises redis.RedisError."""
        await self._client.delete(self._prefix + id)
