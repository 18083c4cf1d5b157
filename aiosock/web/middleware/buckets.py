"""Buckets for `rate_limit`: in memory, or in Redis to share them between processes or machines."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from redis.asyncio import Redis

logger: logging.Logger = logging.getLogger("aiosock.app")

MAX_KEYS: Final = 100_000
"""Clients that are remembered at most: about 20 MB."""

MARGIN: Final = 0.01
"""Tolerance for rounding errors, in tokens. Without it, a client could be refused because of one."""


class Buckets(Protocol):
    """A collection of token buckets. Each bucket is one number: the time when it will be full again."""

    async def take(self, key: str, interval: float, capacity: int) -> float:
        """Take a token from the bucket of `key`, if it has one; return the seconds until the bucket is full again.

        One token is added every `interval` seconds, up to `capacity`. If the result is longer than it takes to add
        `capacity` tokens, the bucket was empty and nothing was taken.
        """


class MemoryBuckets:
    """Buckets in the memory of this process. Beyond `max_keys`, the least recently used is forgotten, and so full."""

    def __init__(self, max_keys: int = MAX_KEYS, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_keys = max_keys
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    async def take(self, key: str, interval: float, capacity: int) -> float:
        """Take a token; see Buckets."""
        now = self._clock()
        full_at = max(self._full_at.get(key, now), now) + interval
        if full_at - now <= interval * (capacity + MARGIN):
            self._full_at[key] = full_at
        self._full_at.move_to_end(key)  # after a refusal too: a client that keeps asking is not forgotten
        if len(self._full_at) > self._max_keys:
            self._full_at.popitem(last=False)
        return full_at - now


# Redis runs a script in one step, and its clock is the same for all clients. A bucket expires when it is full again.
_TAKE: Final = f"""
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local interval, capacity = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + interval
local until_full = full_at - now
if until_full <= interval * (capacity + {MARGIN}) then
    redis.call('SET', KEYS[1], string.format('%.17g', full_at), 'PX', math.ceil(until_full * 1000))
end
return string.format('%.6f', until_full)
"""


class RedisBuckets:
    """Buckets in Redis, each under a key that begins with `prefix`. The program makes and closes the client.

    ```python
    from redis.asyncio import Redis

    redis = Redis.from_url("redis://127.0.0.1", socket_timeout=0.1)
    app.middleware(rate_limit(100, 60, buckets=RedisBuckets(redis)))
    ```

    While Redis does not answer, every request is let through, and the log says so once: it is better to serve without a
    limit than not at all. Give the client a short `socket_timeout` and no retries, because requests wait for it. With
    the client's defaults they would wait for seconds.
    """

    def __init__(self, client: "Redis", prefix: str = "aiosock:rate:") -> None:
        self._prefix = prefix
        self._take = client.register_script(_TAKE)
        self._is_down = False

    async def take(self, key: str, interval: float, capacity: int) -> float:
        """Take a token; see Buckets."""
        from redis.exceptions import RedisError  # here: only a program that has made a client needs redis

        try:
            until_full = float(await self._take(keys=[self._prefix + key], args=[interval, capacity]))
        except (RedisError, OSError) as error:
            if not self._is_down:
                logger.warning("rates are not limited: Redis does not answer: %s", error)
            self._is_down = True
            return 0.0
        self._is_down = False
        return until_full
