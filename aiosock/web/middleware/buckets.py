"""Where `rate_limit` keeps its buckets: in memory, or in Redis for several processes or machines."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from redis.asyncio import Redis

logger: logging.Logger = logging.getLogger("aiosock.app")

MAX_KEYS: Final = 100_000
"""Clients that are remembered: some 20 MB."""

MARGIN: Final = 0.01
"""Of a token: what rounding may make of a sum of fractions. Nobody is refused for that."""


class Buckets(Protocol):
    """Where the buckets are. Each is one number: when it will be full again."""

    async def take(self, key: str, interval: float, capacity: int) -> float:
        """Take a token from the bucket of `key`, if it has one; give the seconds until it would be full after that.

        `interval` is in seconds for each token that is added, up to `capacity`. More than `capacity` takes to be
        added says that there was none: nothing has been taken then.
        """


class MemoryBuckets:
    """Buckets in the memory of this process; of too many, those not asked for longest are forgotten, and so full."""

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
        self._full_at.move_to_end(key)  # of one that is refused too: whoever insists is not forgotten
        if len(self._full_at) > self._max_keys:
            self._full_at.popitem(last=False)
        return full_at - now


# Redis runs a script as one step, and its clock is the one that all agree on. A bucket that is full again is forgotten.
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
    """Buckets in Redis, each a key that begins with `prefix`. The client is the program's, to make and to close.

    ```python
    from redis.asyncio import Redis

    redis = Redis.from_url("redis://127.0.0.1", socket_timeout=0.1)
    app.middleware(rate_limit(100, 60, buckets=RedisBuckets(redis)))
    ```

    Where Redis does not answer, everybody is let in, and the log says so once: a limit is no reason to stop serving. Give
    the client a short `socket_timeout` and no retries, for requests wait for it: by its own defaults, seconds.
    """

    def __init__(self, client: "Redis", prefix: str = "aiosock:rate:") -> None:
        self._prefix = prefix
        self._take = client.register_script(_TAKE)
        self._is_down = False

    async def take(self, key: str, interval: float, capacity: int) -> float:
        """Take a token; see Buckets."""
        from redis.exceptions import RedisError  # here: only who has made a client has redis

        try:
            until_full = float(await self._take(keys=[self._prefix + key], args=[interval, capacity]))
        except (RedisError, OSError) as error:
            if not self._is_down:
                logger.warning("nobody's rate is limited: Redis does not answer: %s", error)
            self._is_down = True
            return 0.0
        self._is_down = False
        return until_full
