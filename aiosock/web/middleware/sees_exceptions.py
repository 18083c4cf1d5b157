"""A middleware that gets exceptions instead of the responses that are made of them."""

from functools import wraps
from typing import Any

from aiosock.web.handler import Middleware, Next
from aiosock.web.request import Request
from aiosock.web.response import Response


def sees_exceptions(middleware: Middleware) -> Middleware:
    """Let `await next(request)` raise what the handler has raised, where a middleware otherwise gets a response.

    ```python
    @app.middleware
    @sees_exceptions
    async def counted(request: Request, next: Handler) -> Response:
        try:
            return await next(request)
        except LookupError:
            app.state.missed = getattr(app.state, "missed", 0) + 1
            raise
    ```

    The response has been made already: exception handlers have been called, the failure is logged, and the middleware
    further in has seen the response. If the exception is raised on, that response is sent, through the middleware
    further out. A response that is returned instead takes its place, and an exception that is raised instead gets a
    response of its own. An HTTPError is raised too, such as the 404 for a path without a route.
    """

    @wraps(middleware)
    async def seeing(request: Request, next: Next, **resources: Any) -> Response:
        async def raising(request: Request) -> Response:
            response = await next(request)
            if request.error is not None:
                raise request.error
            return response

        response = await middleware(request, raising, **resources)
        request.error = None  # it was dealt with here, if there was one
        return response

    return seeing
