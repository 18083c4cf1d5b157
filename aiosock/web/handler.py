"""The seam between `net` and `web`: a Handler takes a Request and returns a Response."""

from collections.abc import Awaitable, Callable

from aiosock.errors import HTTPError
from aiosock.web.request import Request
from aiosock.web.response import Response

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

Middleware = Callable[[Request, Next], Awaitable[Response]]
"""`async def m(request, next) -> Response`, awaited in the request's own task.

```python
@app.middleware
async def named(request: Request, next: Handler) -> Response:
    response = await next(request)
    response.headers["server"] = "aiosock"
    return response
```
"""


def with_scheme_checked(handler: Handler) -> Handler:
    """Return a handler that refuses https URLs like `refuse_other_scheme`; an App, which does so itself, as it is."""
    if getattr(handler, "checks_scheme", False):
        return handler

    def check(request: Request) -> Awaitable[Response]:
        if request.head.target[:1] != "/":
            refuse_other_scheme(request)
        return handler(request)

    return check


def refuse_other_scheme(request: Request) -> None:
    """Raise HTTPError (421) for an https URL in the target where neither we nor a trusted proxy had TLS (RFC 9110 section 7.4)."""
    if request.head.target[:8].lower() == "https://" and request.scheme != "https":
        raise HTTPError(421, "This URL is https, but the connection has no TLS.")
