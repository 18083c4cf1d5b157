"""A limit on the time that a handler may take."""

import asyncio
from collections.abc import Mapping
from typing import Final

from aiosock.errors import HTTPError
from aiosock.web.handler import Middleware, Next
from aiosock.web.request import Request
from aiosock.web.response import Response

RETRY_AFTER: Final = {"retry-after": "1"}


def timeout(seconds: float | None, paths: Mapping[str, float | None] | None = None) -> Middleware:
    """Cancel a handler that has not returned after `seconds`, and answer 503; None means no limit.

    ```python
    app.middleware(timeout(5, {"/reports/": 60, "/events": None}))
    ```

    `paths` has other limits for some paths, as sent. A path that ends in a slash stands for all paths below it; the
    longest match counts. The limit includes the time to read the request's body. It does not include the time to send a
    streamed body, because that begins after the handler has returned.

    Raises ValueError for a limit that is not positive, and for an invalid path.
    """
    limits = dict(sorted((paths or {}).items(), key=lambda item: len(item[0]), reverse=True))
    for path, limit in [("/", seconds), *limits.items()]:
        if not path.startswith("/"):
            raise ValueError(f"a path must start with a slash: {path!r}")
        if limit is not None and not limit > 0:  # refuses a NaN too
            raise ValueError(f"a timeout must be positive, not {limit}")

    def limit_of(path: str) -> float | None:
        for known, limit in limits.items():
            if path == known or (known.endswith("/") and path.startswith(known)):
                return limit
        return seconds

    async def limited(request: Request, next: Next) -> Response:
        limit = limit_of(request.raw_path)
        deadline = asyncio.timeout(limit)
        try:
            async with deadline:
                return await next(request)
        except TimeoutError:
            if not deadline.expired():  # one that the handler raised itself
                raise
            # Not 504, which a gateway sends for the server behind it (RFC 9110 section 15.6.5).
            raise HTTPError(503, f"The request took longer than the limit of {limit} seconds.", RETRY_AFTER) from None

    return limited
