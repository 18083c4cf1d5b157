"""The app behind the page: an ordinary one, with an event stream. Who may ask is decided before it; see `access`."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import cache
from importlib.resources import files
from typing import Any, Final

from aiosock.errors import HTTPError
from aiosock.inspector.access import BELOW, HOME
from aiosock.inspector.flights import Flight
from aiosock.inspector.har import har, url_of
from aiosock.inspector.look import Look
from aiosock.inspector.replay import replay
from aiosock.inspector.secret import shown
from aiosock.inspector.short_head import ShortHead
from aiosock.inspector.snapshot import brief, why_not_replayed
from aiosock.web.app import App
from aiosock.web.debug.curl import curl
from aiosock.web.events import Event, EventStream
from aiosock.web.handler import Next
from aiosock.web.json import encode
from aiosock.web.request import Request
from aiosock.web.response import Response

PERIOD_SECONDS: Final = 0.5
"""How often the page is told what is new."""

MOST_READERS: Final = 8
"""The pages that may be open at the same time."""

_FIELDS: Final = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}


def inspector_app(look: Look) -> App:
    """Return the app that shows what `look` sees."""
    app = App()
    pages = _Pages(look)
    app.middleware(_guarded)
    app.get("/")(_to_page)
    app.get(HOME)(_page)
    app.get(BELOW + "inspector.{kind}")(_asset)
    app.get(BELOW + "events", on_disconnect="eager")(pages.events)
    app.get(BELOW + "requests.har")(pages.har)
    app.get(BELOW + "requests/{number:int}")(pages.details)
    app.post(BELOW + "requests/{number:int}/cancel")(pages.cancel)
    app.post(BELOW + "requests/{number:int}/replay")(pages.replay)
    return app


async def _guarded(request: Request, next: Next) -> Response:
    """Add the fields that keep the page apart from all others."""
    response = await next(request)
    for name, value in _FIELDS.items():
        response.headers[name] = value
    return response


async def _to_page(request: Request) -> Response:
    return Response.redirect(HOME)


async def _page(request: Request) -> Response:
    return _file("html")


async def _asset(request: Request, kind: str) -> Response:
    if kind not in ("css", "js"):
        raise HTTPError(404)
    return _file(kind)


def _file(kind: str) -> Response:
    return Response(_read(kind), headers={"content-type": _TYPES[kind]})


@cache
def _read(kind: str) -> bytes:
    return files("aiosock.inspector").joinpath("page", f"inspector.{kind}").read_bytes()


class _Pages:
    """The handlers that need something to look at."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._readers = 0

    async def events(self, request: Request) -> Response:
        """Answer with an event for each half second: what is under way now, and what has ended since the last event."""
        if self._readers >= MOST_READERS:
            raise HTTPError(503, f"The page is open {MOST_READERS} times already.", {"retry-after": "1"})
        return EventStream(request, self._events(), headers=_FIELDS)

    async def _events(self) -> AsyncIterator[Event]:
        look, last = self._look, 0
        self._readers += 1
        look.begin()
        try:
            while True:
                # Built when the client has taken the event before: one that does not read costs nothing more.
                ended = look.flights.ended_since(last)
                last, offset = look.flights.ended, time.time() - look.flights.clock()
                yield Event(encode({**look.now(), "ended": [brief(flight, offset) for flight in ended]}).decode())
                await asyncio.sleep(PERIOD_SECONDS)
        finally:
            look.end()
            self._readers -= 1

    async def har(self, request: Request) -> Response:
        """Answer with a file of the last requests."""
        flights = self._look.flights
        body = encode(har(flights.ended_since(0), flights.clock(), secrets=_wants_secrets(request)))
        name = 'attachment; filename="requests.har"'
        return Response(body, headers={"content-type": "application/json", "content-disposition": name})

    async def details(self, request: Request, number: int) -> dict[str, Any]:
        """Answer with all that is known of a request."""
        flight, secrets = self._find(number), _wants_secrets(request)
        head, record = flight.head, flight.record
        fields = () if head is None or isinstance(head, ShortHead) else head.headers().items()
        content = flight.record.body
        return {
            "number": number,
            "request_id": record.request_id,
            "fields": list(shown(fields, secrets=secrets)),
            "body": None if content is None else content.decode(errors="replace"),
            "answer_fields": list(shown(record.fields, secrets=secrets)),
            "why_not_replayed": why_not_replayed(flight),
            "curl": _curl(flight, secrets=secrets),
        }

    async def cancel(self, request: Request, number: int) -> dict[str, bool]:
        """Cancel a request that is under way."""
        if not self._look.stop(number):
            raise HTTPError(404, "This request is not under way.")
        return {"cancelled": True}

    async def replay(self, request: Request, number: int) -> dict[str, Any]:
        """Send a request again; answer with what came back."""
        flight = self._find(number)
        if reason := why_not_replayed(flight):
            raise HTTPError(409, reason)
        head = flight.head
        assert head is not None
        assert not isinstance(head, ShortHead)
        answer = await replay(self._look.urls, head, flight.record.body)
        answer["fields"] = list(shown(answer["fields"], secrets=_wants_secrets(request)))
        return answer

    def _find(self, number: int) -> Flight:
        flight = self._look.flights.find(number)
        if flight is None:
            raise HTTPError(404, "This request is none of the last ones any more.")
        return flight


def _wants_secrets(request: Request) -> bool:
    return request.query.get("secrets", "") == "1"


def _curl(flight: Flight, *, secrets: bool) -> str:
    head = flight.head
    if head is None or isinstance(head, ShortHead):
        return ""
    content = flight.record.body
    target = "" if head.target[:1] == "/" or "://" in head.target else head.target
    return curl(head.method, url_of(head), head.headers().items(), content or b"", target=target, secrets=secrets)
