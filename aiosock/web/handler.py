"""The seam between `net` and `web`: a Handler takes a Request and returns a Response."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Concatenate

from aiosock.errors import HTTPError
from aiosock.web.registering import check_handler
from aiosock.web.request import Request
from aiosock.web.response import Fields, Response
from aiosock.wire.target import is_text

Handler = Callable[[Request], Awaitable[Response]]
"""An application, as connections see it: a coroutine function from a request to its response.

```python
async def hello(request: Request) -> Response:
    return Response.text(f"Hello from {request.path}!")


run(hello, port=8080)
```
"""

Next = Handler
"""The rest of the way to the response: the next middleware, or the handler. A middleware awaits it."""

Middleware = Callable[Concatenate[Request, Next, ...], Awaitable[Response]]
"""`async def m(request, next) -> Response`, awaited in the request's own task. Further parameters are resources.

```python
@app.middleware
async def named(request: Request, next: Handler) -> Response:
    response = await next(request)
    response.headers["server"] = "aiosock"
    return response
```
"""


def secured(middleware: Middleware, schemes: Mapping[str, Mapping[str, Any]]) -> Middleware:
    """Return a middleware with the security schemes that it enforces, as OpenAPI has them, in `security_schemes`."""
    vars(middleware)["security_schemes"] = schemes
    return middleware


class Pending(Response):
    """A response that is made when its request is known: whoever gets one from a handler or a middleware awaits `made`.

    An App does so before a middleware sees it, and the connection for the rest.
    """

    __slots__ = ()

    def __init__(self, status: int = 200, headers: Fields = ()) -> None:
        super().__init__(_unmade(), status, headers)

    async def made(self, request: Request) -> Response:
        """Return the response to this request; raise HTTPError."""
        raise NotImplementedError


async def _unmade() -> AsyncIterator[bytes]:
    raise RuntimeError("this response must be made first: await response.made(request)")
    yield b""


def with_target_checked(handler: Handler) -> Handler:
    """Return a handler that passes only those requests to `handler` whose target it can take.

    Refused are https URLs, as by `refuse_other_scheme`, and paths that are not text. A handler whose attribute
    `checks_target` is True is returned as it is: an App, whose middleware may know a trusted proxy, and StaticFiles,
    since names of files are bytes.

    Raises RouteError for what is no handler.
    """
    check_handler(handler)
    if getattr(handler, "checks_target", False):
        return handler

    def check(request: Request) -> Awaitable[Response]:
        head = request.head
        if head.target[0] != "/":
            refuse_other_scheme(request)
        if not head.path.isascii() and not is_text(head.path):
            raise not_text()
        return handler(request)

    return check


def refuse_other_scheme(request: Request) -> None:
    """Raise HTTPError (421) for an https URL in the target where neither we nor a trusted proxy had TLS (RFC 9110 section 7.4)."""
    if request.head.target[:8].lower() == "https://" and request.scheme != "https":
        raise HTTPError(421, "This URL is https, but the connection has no TLS.")


def not_text() -> HTTPError:
    """Return the error for a path that is not text, where a handler expects text."""
    return HTTPError(400, "The percent-decoded path is not UTF-8.")
