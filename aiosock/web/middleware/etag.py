"""Entity-tags for answers that a handler makes anew each time (RFC 9110 section 8.8.3): what has not changed is not sent."""

import asyncio
from hashlib import blake2b
from typing import Final

from aiosock.errors import HTTPError
from aiosock.headers import Headers
from aiosock.web.handler import Middleware, Next
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.wire.conditional import Verdict, evaluate, without_content

DIGEST_BYTES: Final = 16
"""Of blake2b: two bodies of one URL with the same tag are not to be found, by mistake or on purpose."""

THREAD_BYTES: Final = 256 * 1024
"""From here on hashing holds others up for longer, 0.3 ms and more, than the hop to a thread takes."""


def etag() -> Middleware:
    """Give whole answers to GET and HEAD a strong tag, a hash of their body; answer 304 to who has that body already.

    ```python
    app.middleware(etag())
    ```

    It saves the way, not the work: the handler runs each time. Left alone are answers with a tag of their own, streamed
    or empty ones, statuses other than 200, and what is `no-store`. Register `compression` before it, which makes the tag
    weak, and what else changes bodies after it.
    """

    async def tagged(request: Request, next: Next) -> Response:
        response = await next(request)
        if request.method not in ("GET", "HEAD") or not _is_taggable(response):
            return response
        body = response.body
        assert isinstance(body, bytes)
        tag = await asyncio.to_thread(_tag, body) if len(body) >= THREAD_BYTES else _tag(body)
        response.headers["etag"] = tag
        # Dates say nothing here: when the answer last changed is not known (RFC 9110 section 13.1.3).
        tags = Headers(
            [(name, value) for name, value in request.headers.items() if name in ("if-match", "if-none-match")]
        )
        verdict = evaluate(tags, request.method, tag, 0)
        if verdict is Verdict.FAILED:
            raise HTTPError(412, "The answer is not the one that If-Match names.")
        if verdict is Verdict.NOT_MODIFIED:
            return Response(status=304, headers=without_content(response.headers.items()))
        return response

    return tagged


def _tag(body: bytes) -> str:
    return f'"{blake2b(body, digest_size=DIGEST_BYTES).hexdigest()}"'


def _is_taggable(response: Response) -> bool:
    return (
        response.status == 200
        and isinstance(response.body, bytes)
        and response.body != b""
        and "etag" not in response.headers
        and "no-store" not in response.headers.get("cache-control", "").lower()
    )
