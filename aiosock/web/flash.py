"""Flashes: messages for the next page that a visitor sees, kept in the session and shown once."""

from typing import Final, NamedTuple

from aiosock.web.request import Request

FLASHES: Final = 16
"""Messages that wait in a session; of more, the last ones stay. A session in a cookie has some 3 KiB."""

_KEY: Final = "_flashes"


class Flash(NamedTuple):
    """A message, and a word for its kind, such as `error`, for the style of the page."""

    message: str
    category: str


def flash(request: Request, message: str, category: str = "") -> None:
    """Leave a message for the next page whose template calls `flashed()`: of this request, or of a later one.

    ```python
    @app.post("/notes")
    async def add(request: Request) -> Response:
        flash(request, "The note is saved.")
        return Response.redirect("/notes")
    ```

    It is kept in the session, so it needs the middleware `sessions`; raises RuntimeError without it. Of more than 16
    messages, the last ones stay.
    """
    kept = request.session.get(_KEY, [])
    request.session[_KEY] = [*kept, [message, category]][-FLASHES:]


def take_flashes(request: Request) -> list[Flash]:
    """Return the messages that wait, in order, and forget them; raise RuntimeError without `sessions`."""
    return [Flash(message, category) for message, category in request.session.pop(_KEY, [])]


def has_flashes(request: Request) -> bool:
    """Return whether messages wait, without using the session: a page that has none of it may be kept by caches."""
    return request._session is not None and _KEY in request._session
