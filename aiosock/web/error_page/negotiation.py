"""What the responses to an error have in common: the form that fits the client, and their fields."""

from typing import Final

from aiosock.errors import HTTPError, ValidationError
from aiosock.web.response import Response
from aiosock.wire.negotiation import PROBLEM, choose_media_type, vary_by

FAILED: Final = "The server failed to answer."
"""What a client is told of an exception that is no HTTPError."""


def form_of(error: BaseException, accept: str) -> str:
    """Return the media type of the response to an error that a client with this Accept field prefers."""
    # Several problems do not fit into one line.
    has_problems = isinstance(error, ValidationError) and error.errors
    return choose_media_type(accept, ("text/html", PROBLEM) if has_problems else ("text/html", PROBLEM, "text/plain"))


def completed(text: str, form: str, status: int, error: BaseException, fields: dict[str, str]) -> Response:
    """Return the response to an error in a form, with these fields, those of an HTTPError, and Vary."""
    content_type = form if form == PROBLEM else f"{form}; charset=utf-8"
    # Half of a surrogate pair, in a message or in a path of the file system, has no UTF-8.
    response = Response(text.encode(errors="backslashreplace"), status, {"content-type": content_type, **fields})
    for name, value in error.headers.items() if isinstance(error, HTTPError) else ():
        response.headers[name] = value
    vary_by(response.headers, "Accept")
    return response
