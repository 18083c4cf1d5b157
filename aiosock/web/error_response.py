"""Error responses that fit the client: a page for a browser, problem+json (RFC 9457) for a program, a line for curl."""

import json
from collections.abc import Mapping, Sequence

from aiosock.errors import HTTPError, ValidationError, reason_phrase
from aiosock.log import CONTROL_ESCAPES
from aiosock.web.response import Redirect, Response
from aiosock.wire.negotiation import PROBLEM, choose_media_type, vary_by

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<h1>{title}</h1>
<p>{detail}</p>
{errors}"""


def error_response(error: HTTPError, accept: str = "", trace: str = "") -> Response:
    """Return the response to an error for a client with this Accept field; `trace` is a traceback, for debug mode."""
    if isinstance(error, Redirect):
        return Response.redirect(error.location, error.status, error.headers)
    title = f"{error.status} {reason_phrase(error.status)}".rstrip()
    errors = error.errors if isinstance(error, ValidationError) else ()
    # Several problems do not fit into one line.
    offers = ("text/html", PROBLEM) if errors else ("text/html", PROBLEM, "text/plain")
    wanted = choose_media_type(accept, offers)
    if wanted == "text/html":
        response = Response.html(_page(title, error.detail, errors, trace), error.status)
    elif wanted == PROBLEM:
        problem: dict[str, object] = {"title": reason_phrase(error.status), "status": error.status}
        problem["detail"] = error.detail
        if errors:
            problem["errors"] = errors
        body = json.dumps({**problem, "trace": trace} if trace else problem)
        response = Response(body, error.status, {"content-type": PROBLEM})
    else:
        line = title
        if error.detail != reason_phrase(error.status):
            line = f"{title}: {error.detail}".translate(CONTROL_ESCAPES)  # a detail may quote the client
        response = Response.text(f"{line}\n{trace}", error.status)
    for name, value in error.headers.items():
        response.headers[name] = value
    vary_by(response.headers, "Accept")
    return response


def _page(title: str, detail: str, errors: Sequence[Mapping[str, str]], trace: str) -> str:
    from html import escape  # here: `import aiosock` is faster without it

    items = (
        f"<li><code>{escape(error.get('parameter') or error.get('pointer', ''))}</code>: {escape(error['detail'])}\n"
        for error in errors
    )
    shown = f"<ul>\n{''.join(items)}</ul>\n" if errors else ""
    page = _PAGE.format(title=escape(title), detail=escape(detail), errors=shown)
    return page + (f"<pre>{escape(trace)}</pre>\n" if trace else "")
