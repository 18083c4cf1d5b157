"""Error responses that fit the client: a page for a browser, problem+json (RFC 9457) for a program, a line for curl."""

import json
from typing import TYPE_CHECKING

from aiosock.errors import HTTPError, ValidationError, reason_phrase
from aiosock.log import CONTROL_ESCAPES, server_logger
from aiosock.web.error_page.negotiation import FAILED as FAILED
from aiosock.web.error_page.negotiation import completed, form_of
from aiosock.web.response import Redirect, Response
from aiosock.wire.negotiation import PROBLEM

if TYPE_CHECKING:
    from aiosock.web.request import Request
    from aiosock.web.routing.outline import Outlined


def error_response(error: HTTPError, accept: str = "") -> Response:
    """Return the response to an error for a client with this Accept field."""
    if isinstance(error, Redirect):
        return Response.redirect(error.location, error.status, error.headers)
    form = form_of(error, accept)
    if form == PROBLEM:
        return completed(json.dumps(_problem(error)), form, error.status, error, {})
    if form == "text/plain":
        return completed(f"{_line(error)}\n", form, error.status, error, {})
    from aiosock.web.error_page.plain import plain_page  # here: `import aiosock` is faster without it

    page, policy = plain_page(error)
    return completed(page, form, error.status, error, {"content-security-policy": policy})


def exception_response(error: BaseException, request: "Request", app: "Outlined | None" = None) -> Response:
    """Return the response to any exception: with `--debug` one that explains it, else that of an HTTPError, or 500.

    `app` is the one that answers; None outside of all apps.
    """
    if request.exchange.connection.debug and not isinstance(error, Redirect):
        from aiosock.web.debug.response import debug_response

        try:
            return debug_response(error, request, app)
        except Exception:
            server_logger.exception("%s %s: the error could not be shown", request.method, request.target)
    known = error if isinstance(error, HTTPError) else HTTPError(500, FAILED)
    return error_response(known, request.headers.get("accept", ""))


def _problem(error: HTTPError) -> dict[str, object]:
    """Return an error as the members of a problem (RFC 9457 section 3.1)."""
    problem: dict[str, object] = {"title": reason_phrase(error.status), "status": error.status, "detail": error.detail}
    if isinstance(error, ValidationError) and error.errors:
        problem["errors"] = error.errors
    return problem


def _line(error: HTTPError) -> str:
    title = f"{error.status} {reason_phrase(error.status)}".rstrip()
    if error.detail == reason_phrase(error.status):
        return title
    return f"{title}: {error.detail}".translate(CONTROL_ESCAPES)  # a detail may quote the client
