"""A limit on requests, with a token bucket for each client (draft-ietf-httpapi-ratelimit-headers-10, RFC 6585)."""

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
    """Return the client's address; for IPv6 its first 64 bits only, because a client can use all addresses in a /64."""
    if request.client is None:  # a UNIX socket: all its peers are one client, unless `proxy_headers` knows them
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
    """Allow `quota` requests in `seconds` for each `key`; answer further ones with 429 and when to try again.

    ```python
    app.middleware(rate_limit(100, 60))  # 100 requests in 60 seconds
    ```

    A client that has been silent may send `quota` requests at once, and then one for each token that is added. Behind a
    proxy, register `proxy_headers` first: otherwise all clients count as one. By default, each process has its own
    `buckets` in memory; RedisBuckets are shared. Use a different `name`, which clients see, for each policy.

    Raises ValueError for a quota or a time below 1, and for a name that cannot be quoted.
    """
    if quota < 1 or seconds < 1:
        raise ValueError(f"a rate must be at least 1 request in 1 second, not {quota} in {seconds}")
    buckets = buckets or MemoryBuckets()
    interval = seconds / quota
    policy = f'"{quotable(name, "a name")}";q={quota};w={seconds}'

    async def limited(request: Request, next: Next) -> Response:
        until_full = await buckets.take(f"{name}:{key(request)}", interval, quota)
        tokens = (seconds - until_full) / interval + MARGIN  # below 0: the bucket was empty
        left = max(int(tokens), 0)
        wait = max(ceil(((0 if tokens < 0 else left + 1) - tokens) * interval), 1)
        fields = {"ratelimit-policy": policy, "ratelimit": f'"{name}";r={left};t={wait}'}
        if tokens < 0:
            detail = f"The limit is {quota} requests in {seconds} seconds. Try again in {wait} seconds."
            raise HTTPError(429, detail, {**fields, "retry-after": str(wait)})
        response = await next(request)
        for field in Headers(fields).items():  # appended: another policy may have added its own
            response.headers.append(*field)
        return response

    return limited
