"""Entity-tags for responses that handlers make (RFC 9110 section 8.8.3): an unchanged body is not sent again."""

from hashlib import blake2b
from typing import Final

from aiosock.errors import HTTPError
from aiosock.headers import Headers
from aiosock.web.few_threads import in_few_threads
from aiosock.web.handler import Middleware, Next
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.wire.conditional import Verdict, evaluate, without_content

DIGEST_BYTES: Final = 16
"""Length of the blake2b digest: enough that nobody finds two bodies with the same tag, even on purpose."""

THREAD_BYTES: Final = 256 * 1024
"""From this size on, hashing would hold up other requests for longer (0.3 ms) than handing it to a thread takes."""


def etag() -> Middleware:
    """Add a strong tag, a hash of the body, to responses to GET and HEAD; answer 304 if the client has that body.

    ```python
    app.middleware(etag())
    ```

    It saves bandwidth, not work: the handler runs each time. It does not change responses that have a tag already, are
    streamed or empty, have another status than 200, or are `no-store`. Register `compression` before it, which makes
    the tag weak, and any other middleware that changes bodies after it.
    """

    async def tagged(request: Request, next: Next) -> Response:
        response = await next(request)
        if request.method not in ("GET", "HEAD") or not _is_taggable(response):
            return response
        body = response.body
        assert isinstance(body, bytes)
        tag = await in_few_threads(_tag, body) if len(body) >= THREAD_BYTES else _tag(body)
        response.headers["etag"] = tag
        # Only tags are compared: the time of the last change is not known (RFC 9110 section 13.1.3).
        tags = Headers(
            [(name, value) for name, value in request.headers.items() if name in ("if-match", "if-none-match")]
        )
        verdict = evaluate(tags, request.method, tag, 0)
        if verdict is Verdict.FAILED:
            raise HTTPError(412, "If-Match does not name the current version.")
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
