"""A limit on how often a client may ask: a token bucket for each (draft-ietf-httpapi-ratelimit-headers-10, RFC 6585)."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from math import ceil

from aiosock.errors import HTTPError
from aiosock.headers import Headers
from aiosock.web.handler import Middleware, Next
from aiosock.web.middleware.buckets import MARGIN, Buckets, MemoryBuckets
from aiosock.web.middleware.quoting import quotable
from aiosock.web.request import Request
from aiosock.web.response import Response


def client_network(request: Request) -> str:
    """Give the client's address; of an IPv6 address its first 64 bits, for nobody has fewer addresses than the rest."""
    if request.client is None:  # a UNIX socket: all of them are one, unless `proxy_headers` says who they are
        return "unix"
    address = ip_address(request.client.host.partition("%")[0])
    if isinstance(address, IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))


def rate_limit(
    quota: int,
    seconds: int,
    *,
    key: Callable[[Request], str] = client_network,
    buckets: Buckets | None = None,
    name: str = "default",
) -> Middleware:
    """Answer `quota` requests in so many seconds for each `key`; more of them get 429 and when to come back.

    ```python
    app.middleware(rate_limit(100, 60))  # requests, in so many seconds
    ```

    A client that has been silent may send `quota` at once, and then as many as are added in the meantime. Behind a
    proxy, register `proxy_headers` first: otherwise all clients are one. `buckets` are in memory, for each process of its
    own; RedisBuckets are shared. Give each policy its own `name`, which clients see.

    Raises ValueError for a quota or time below 1, and for a name that cannot be quoted.
    """
    if quota < 1 or seconds < 1:
        raise ValueError(f"a rate is at least 1 in 1 second, not {quota} in {seconds}")
    buckets = buckets or MemoryBuckets()
    interval = seconds / quota
    policy = f'"{quotable(name, "a name")}";q={quota};w={seconds}'

    async def limited(request: Request, next: Next) -> Response:
        until_full = await buckets.take(f"{name}:{key(request)}", interval, quota)
        tokens = (seconds - until_full) / interval + MARGIN  # below 0: there was none
        left = max(int(tokens), 0)
        wait = max(ceil(((0 if tokens < 0 else left + 1) - tokens) * interval), 1)
        fields = {"ratelimit-policy": policy, "ratelimit": f'"{name}";r={left};t={wait}'}
        if tokens < 0:
            detail = f"No more than {quota} requests in {seconds} seconds; try again in {wait}."
            raise HTTPError(429, detail, {**fields, "retry-after": str(wait)})
        response = await next(request)
        for field in Headers(fields).items():  # appended: another policy may have said its own
            response.headers.append(*field)
        return response

    return limited
