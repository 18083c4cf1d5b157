"""Guessing passwords, made slow: each client network may be wrong a few times, and then once a second."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from math import ceil
from typing import Final

from aiosock.errors import HTTPError
from aiosock.web.handler import Middleware, Next
from aiosock.web.middleware import basic_auth
from aiosock.web.middleware.buckets import MAX_KEYS
from aiosock.web.middleware.rate_limit import client_network
from aiosock.web.request import Request
from aiosock.web.response import Response

FREE_GUESSES: Final = 10
"""Wrong passwords that are answered at once: somebody who mistypes, and the tabs of a browser with an old password."""

GUESS_SECONDS: Final = 1.0
"""Seconds for each further one. sshd and PAM wait about two seconds after each wrong password."""

WAIT_SECONDS: Final = 5.0
"""Longest time that a request waits for its turn. Further ones get 429, so that waiting requests are few."""


class Guesses:
    """The passwords that each network has tried, as one number: the time at which its free guesses will be complete again.

    A try is counted before the password is checked, and taken back if it was right. Otherwise many requests at the same
    time could all be checked before the first wrong one counts. Beyond `MAX_KEYS` networks, the least recent one is
    forgotten.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def count(self, network: str) -> float:
        """Count a try; return the seconds to wait before the check. Raises HTTPError (429) if they are too many."""
        now = self._clock()
        full_at = max(self._full_at.get(network, now), now) + GUESS_SECONDS
        wait = full_at - now - FREE_GUESSES * GUESS_SECONDS
        if wait > WAIT_SECONDS:
            retry = {"retry-after": str(ceil(GUESS_SECONDS))}
            raise HTTPError(429, "Too many passwords were tried from this address. Try again later.", retry)
        self._full_at[network] = full_at
        self._full_at.move_to_end(network)
        if len(self._full_at) > MAX_KEYS:
            self._full_at.popitem(last=False)
        return max(wait, 0.0)

    def take_back(self, network: str) -> None:
        """Do not count a try: the password was right."""
        if network in self._full_at:
            self._full_at[network] -= GUESS_SECONDS


def guarded_by_password(
    users: Mapping[str, str],
    *,
    guesses: Guesses | None = None,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> Middleware:
    """Let a request through as `basic_auth` does, but check few wrong passwords of one client network.

    Whoever knows the password waits only while somebody in the same network guesses. Other networks notice nothing.
    Behind a proxy, all clients are in its network.
    """
    authenticated = basic_auth(users)
    guesses = guesses or Guesses()

    async def guarded(request: Request, next: Next) -> Response:
        # The first request of a browser: it asks whether a password is needed.
        if "authorization" not in request.headers:
            return await authenticated(request, next)
        network = client_network(request)
        if wait := guesses.count(network):
            await sleep(wait)

        async def admitted(request: Request) -> Response:
            guesses.take_back(network)
            return await next(request)

        return await authenticated(request, admitted)

    return guarded
