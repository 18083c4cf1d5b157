"""Sessions: `request.session`, a dict that is kept from one request of a visitor to the next."""

import time
from collections.abc import Callable, Sequence
from secrets import token_urlsafe
from typing import Final

from aiosock.errors import ResponseError
from aiosock.headers import Headers
from aiosock.web.handler import Middleware, Next
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.sessions.session import EMPTY, Session
from aiosock.web.sessions.signer import Signer
from aiosock.web.sessions.stores import SessionStore
from aiosock.wire.cookies import COOKIE_BYTES, encode_cookie
from aiosock.wire.negotiation import vary_by

LIFETIME_SECONDS: Final = 14 * 24 * 3600
"""Two weeks, as in Django and Starlette."""

STORED_BYTES: Final = 64 * 1024
"""The largest session that is kept in a store, as JSON."""


def sessions(
    secret: str | Sequence[str],
    *,
    store: SessionStore | None = None,
    cookie: str = "session",
    lifetime_seconds: int = LIFETIME_SECONDS,
    secure: bool | None = None,
    clock: Callable[[], float] = time.time,
) -> Middleware:
    """Set `request.session`: empty for a new visitor, else what the visitor's last request left in it.

    ```python
    app.middleware(sessions(os.environ["SECRET"]))


    @app.get("/visits")
    async def visits(request: Request) -> str:
        request.session["visits"] = request.session.get("visits", 0) + 1
        return f"{request.session['visits']}"
    ```

    Without a `store`, the cookie holds the whole session. It is signed, so that nobody can change it, but the visitor
    can read it. A copy of the cookie can be used until its lifetime ends, even after a logout. With a store, the cookie
    holds a random id.

    `secret` is one secret or several, as for `Signer`. A session ends `lifetime_seconds` after its last change. If the
    request came over https, the cookie is `secure` and its name begins with `__Host-`. Behind a proxy that ends TLS,
    pass `secure=True` or register `proxy_headers` first. `clock` returns seconds since the epoch.

    Each of several requests at the same time has its own copy of the session. The copy of the last response is kept.

    Raises what `Signer` raises, and ResponseError for a name that no cookie can have or that has a prefix already, and
    for an invalid lifetime.
    """
    keeper = _InCookie() if store is None else _InStore(store, lifetime_seconds)
    tickets = _Tickets(cookie, keeper.purpose, Signer(secret, clock=clock), lifetime_seconds, secure)

    async def with_session(request: Request, next: Next) -> Response:
        ticket = tickets.read(request)
        text = await keeper.load(ticket) if ticket else None
        session = request.session = Session(text or EMPTY)
        response = await next(request)
        if session.is_used:
            vary_by(response.headers, "Cookie")
            response.headers.setdefault("cache-control", "no-store")
            if session.has_changed:
                _keep_from_caches(response.headers)
                tickets.write(request, response, await keeper.keep(session, ticket if text else ""))
        return response

    return with_session


class _Tickets:
    """The cookie that holds a ticket, which is signed: the session itself, or its id."""

    def __init__(self, cookie: str, purpose: str, signer: Signer, lifetime_seconds: int, secure: bool | None) -> None:
        encode_cookie(
            cookie, "", max_age=lifetime_seconds, secure=False
        )  # raise now what it would raise for each response
        self._cookie = cookie
        self._purpose = purpose
        self._signer = signer
        self._lifetime_seconds = lifetime_seconds
        self._secure = secure

    def _name(self, request: Request) -> tuple[str, bool]:
        """Return the name of the cookie, and whether it is for TLS only."""
        is_secure = request.scheme == "https" if self._secure is None else self._secure
        return f"__Host-{self._cookie}" if is_secure else self._cookie, is_secure

    def read(self, request: Request) -> str:
        """Return the ticket of a request; empty if there is none, or it is not valid."""
        name, _ = self._name(request)
        signed = request.cookies.get(name, "")
        return self._signer.verify(f"{self._purpose} {name}", signed, self._lifetime_seconds) or ""

    def write(self, request: Request, response: Response, ticket: str | None) -> None:
        """Set the cookie, delete it for an empty ticket, leave it for None; raise ResponseError if it does not fit."""
        name, is_secure = self._name(request)
        if ticket:
            value = self._signer.sign(f"{self._purpose} {name}", ticket)
            if len(name) + len(value) > COOKIE_BYTES:
                raise ResponseError(
                    f"the session is larger than a cookie of {COOKIE_BYTES} bytes: pass a store to sessions()"
                )
            response.set_cookie(name, value, max_age=self._lifetime_seconds, secure=is_secure)
        elif ticket is not None and name in request.cookies:
            response.delete_cookie(name, secure=is_secure)


class _InCookie:
    """The cookie holds the session itself."""

    purpose: Final = "session data"  # no cookie's name has a space: a text signed for a cookie is not a session

    async def load(self, ticket: str) -> str | None:
        return ticket

    async def keep(self, session: Session, ticket: str) -> str | None:
        return session.encoded() if session else ""


class _InStore:
    """The cookie holds the id under which a store keeps the session."""

    purpose: Final = "session id"

    def __init__(self, store: SessionStore, lifetime_seconds: int) -> None:
        self._store = store
        self._lifetime_seconds = lifetime_seconds

    async def load(self, ticket: str) -> str | None:
        return await self._store.load(ticket)

    async def keep(self, session: Session, ticket: str) -> str | None:
        """Save the session; return what the cookie must hold, "" to delete the cookie, None to leave it as it is."""
        text = session.encoded()
        if len(text) > STORED_BYTES:
            raise ResponseError(f"the session of {len(text)} bytes is larger than the limit of {STORED_BYTES} bytes")
        if ticket and (session.is_renewed or not session):
            await self._store.delete(ticket)
            ticket = ""
        if not session:
            return ""
        id = ticket or token_urlsafe(32)
        is_kept = await self._store.save(id, text, self._lifetime_seconds, new=not ticket)
        # If not kept, another request has ended or renewed the session meanwhile, and the client has its cookie.
        return id if is_kept else None


def _keep_from_caches(fields: Headers) -> None:
    """Override a Cache-Control that would let a cache send the cookie to others (RFC 9111 section 7.3)."""
    directives = {directive.strip(" \t").lower() for directive in fields.get("cache-control", "").split(",")}
    if directives.isdisjoint({"no-store", "private"}):
        fields["cache-control"] = "no-store"
