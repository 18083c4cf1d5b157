"""The response to an error with `--debug`: a page for a browser, problem+json for a program, ten lines for curl."""

import json
from typing import Final

from aiosock.errors import HTTPError
from aiosock.web.debug.page import PAGE, html
from aiosock.web.debug.problem import problem
from aiosock.web.debug.report import Report, report_of
from aiosock.web.debug.text import lines
from aiosock.web.error_page.negotiation import completed, form_of
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.routing.outline import Outlined
from aiosock.wire.negotiation import PROBLEM

_FIELDS: Final = {"cache-control": "no-store", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff"}
"""A page with source and values is neither kept, nor told to others by the links on it."""


def debug_response(
    error: BaseException,
    request: Request,
    app: Outlined | None = None,
    *,
    status: int = 500,
    seconds: float | None = None,
) -> Response:
    """Return the response that explains an error to its developer; see `report_of` for the arguments."""
    report = report_of(error, request, app, status=status, seconds=seconds)
    return _response(report, request.headers.get("accept", ""), error)


def report_response(report: Report, accept: str) -> Response:
    """Return the response that shows a report, of an error that no request has met, to a client with this Accept field."""
    return _response(report, accept, HTTPError(report.status, report.detail))


def _response(report: Report, accept: str, error: BaseException) -> Response:
    form = form_of(error, accept)
    # 'self', as a browser that loads the answer to a form again sends the form again.
    policy = {"content-security-policy": PAGE.security_policy("'self'")} if form == "text/html" else {}
    return completed(_text(report, form), form, report.status, error, {**_FIELDS, **policy})


def _text(report: Report, form: str) -> str:
    if form == "text/html":
        return html(report)
    return json.dumps(problem(report)) if form == PROBLEM else lines(report)
