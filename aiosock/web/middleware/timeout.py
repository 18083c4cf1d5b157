"""A limit on how long a handler may take to answer."""

import asyncio
from collections.abc import Mapping
from typing import Final

from aiosock.errors import HTTPError
from aiosock.web.handler import Middleware, Next
from aiosock.web.request import Request
from aiosock.web.response import Response

RETRY_AFTER: Final = {"retry-after": "1"}


def timeout(seconds: float | None, paths: Mapping[str, float | None] | None = None) -> Middleware:
    """Cancel handlers that have given no answer after so many seconds, and answer 503; None is no limit.

    ```python
    app.middleware(timeout(5, {"/reports/": 60, "/events": None}))
    ```

    `paths` has other limits for some paths, as sent; one that ends in a slash stands for all below it, and the longest
    that fits counts. A body that is streamed may take as long as it likes, for it comes after the answer; reading the
    request's body is part of the handler's time.

    Raises ValueError for a limit that is not positive, or no path.
    """
    limits = dict(sorted((paths or {}).items(), key=lambda item: len(item[0]), reverse=True))
    for path, limit in [("/", seconds), *limits.items()]:
        if not path.startswith("/"):
            raise ValueError(f"a path starts with a slash: {path!r}")
        if limit is not None and not limit > 0:  # a NaN too
            raise ValueError(f"a timeout is positive, not {limit}")

    def limit_of(path: str) -> float | None:
        for known, limit in limits.items():
            if path == known or (known.endswith("/") and path.startswith(known)):
                return limit
        return seconds

    async def limited(request: Request, next: Next) -> Response:
        deadline = asyncio.timeout(limit_of(request.raw_path))
        try:
            async with deadline:
                return await next(request)
        except TimeoutError:
            if not deadline.expired():  # somebody else's
                raise
            # Not 504, which is a gateway's word for the server behind it (RFC 9110 section 15.6.5).
            raise HTTPError(503, "This took too long.", RETRY_AFTER) from None

    return limited
