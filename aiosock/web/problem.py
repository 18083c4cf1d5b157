"""Error answers in the client's language: a page for a browser, problem+json (RFC 9457) for a program, a line for curl."""

import json

from aiosock.errors import HTTPError, reason_phrase
from aiosock.web.response import Response
from aiosock.web.vary import vary_by
from aiosock.wire.negotiation import choose_media_type

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<h1>{title}</h1>
<p>{detail}</p>
"""


# A detail may quote the client: what could add lines, or play with a terminal (CWE-150).
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}


def error_response(error: HTTPError, accept: str = "", trace: str = "") -> Response:
    """Answer an error for a client with this Accept field; `trace` is a traceback, shown only in debug mode."""
    title = f"{error.status} {reason_phrase(error.status)}".rstrip()
    wanted = choose_media_type(accept, ("text/html", "application/json", "text/plain"))
    if wanted == "text/html":
        from html import escape  # here: 1.4 ms that `import aiosock` does without

        page = _PAGE.format(title=escape(title), detail=escape(error.detail))
        response = Response.html(page + (f"<pre>{escape(trace)}</pre>\n" if trace else ""), error.status)
    elif wanted == "application/json":
        problem = {"title": reason_phrase(error.status), "status": error.status, "detail": error.detail}
        body = json.dumps({**problem, "trace": trace} if trace else problem)
        response = Response(body, error.status, {"content-type": "application/problem+json"})
    else:
        line = title if error.detail == reason_phrase(error.status) else f"{title}: {error.detail}".translate(_ESCAPES)
        response = Response.text(f"{line}\n{trace}", error.status)
    for name, value in error.headers.items():
        response.headers[name] = value
    vary_by(response.headers, "Accept")
    return response
