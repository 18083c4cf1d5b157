"""What becomes of an exception besides its response: a line in the log, and fields that a handler's answer keeps."""

import logging
from copy import copy
from typing import Final

from aiosock.errors import Disconnected, HTTPError, ungrouped
from aiosock.headers import Headers
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.routing.endpoint import to_response

app_logger: logging.Logger = logging.getLogger("aiosock.app")

KEPT: Final = ("allow", "www-authenticate", "retry-after", "accept-encoding", "content-range", "upgrade")
"""Fields that tell a client what it may do next, and that RFC 9110 asks for with 405, 401, 503, 415, 416 and 426."""


def answerable(error: Exception) -> Exception:
    """Return an exception, without the groups around a single HTTPError; raise it if the client has left."""
    alone = ungrouped(error)
    if isinstance(alone, Disconnected):
        raise alone
    return alone if isinstance(alone, HTTPError) else error


def log_failure(request: Request, error: BaseException) -> None:
    """Log an exception that the program did not expect, with its traceback."""
    app_logger.error("%s %s failed", request.method, request.target, exc_info=error)


def handled(request: Request, error: Exception, kind: type[Exception], result: object) -> Response:
    """Return the response that the exception handler for `kind` has made of an error.

    An HTTPError keeps its `KEPT` fields, unless the handler sets them itself, or redirects. Another exception is
    logged as a failure, if nobody expected it: if the handler is for Exception, or answers with 5xx.

    Raises TypeError for a result that is no response.
    """
    response = to_response(result)
    if isinstance(error, HTTPError):
        return _with_kept_fields(response, error, is_shared=response is result)
    if kind is Exception or response.status >= 500:
        log_failure(request, error)
    return response


def _with_kept_fields(response: Response, error: HTTPError, *, is_shared: bool) -> Response:
    if not error.headers or 300 <= response.status < 400:  # on a redirect, Retry-After would mean something else
        return response
    told = Headers(error.headers)
    missing = [name for name in KEPT if name in told and name not in response.headers]
    if missing and is_shared:
        response = own(response)
    for name in missing:
        for value in told.get_all(name):
            response.headers.append(name, value)
    return response


def own(response: Response) -> Response:
    """Return a copy with its own fields: an app may return one object for many requests."""
    copied = copy(response)
    copied.headers = Headers.from_valid(tuple(response.pairs()))
    return copied
