"""The seam between `net` and `web`: a Handler takes a Request and returns a Response."""

from collections.abc import Awaitable, Callable

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
