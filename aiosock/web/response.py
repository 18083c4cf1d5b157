"""Response: a status, fields, and a body that is bytes or arrives piece by piece."""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Never, Protocol, Self, Unpack
from urllib.parse import quote

from aiosock.errors import AiosockError, HTTPError, ResponseError
from aiosock.headers import Headers
from aiosock.web.json import encode
from aiosock.web.spelling import unknown_option
from aiosock.wire.cookies import CookieAttributes, CookieScope, encode_cookie, encode_deletion
from aiosock.wire.message import check_trailers

Trailers = Mapping[str, Callable[[], str]]
"""Fields after a body: by name, a function that returns the value once the body has been sent."""

Fields = Mapping[str, str] | Iterable[tuple[str, str]] | Headers
_Constant = tuple[tuple[str, str], ...]

_TEXT = (("content-type", "text/plain; charset=utf-8"),)
_HTML = (("content-type", "text/html; charset=utf-8"),)
_JSON = (("content-type", "application/json"),)
_BYTES = (("content-type", "application/octet-stream"),)

_REDIRECTING = (301, 302, 303, 307, 308)
"""RFC 9110 section 15.4: those with a Location that a client follows by itself."""


class Response:
    """A response: `status`, `headers`, and a `body` of bytes or an async iterable of bytes or str.

    ```python
    @app.get("/")
    async def page(request: Request) -> Response:
        response = Response.html("<h1>Hello</h1>", headers={"cache-control": "no-store"})
        response.set_cookie("theme", "dark", max_age=3600)
        return response
    ```

    A str is sent as UTF-8 text. The connection sets Content-Length, Date and the fields that frame the message. A
    streamed body whose length is known may set Content-Length itself, and must then have that length.

    Raises ResponseError for a field that cannot be sent or a status that is not final, TypeError for a body of another
    type and for an option that there is not.
    """

    __slots__ = ("_headers", "_implied", "_trailers", "body", "status")

    def __init__(
        self,
        body: bytes | str | AsyncIterable[bytes | str] = b"",
        status: int = 200,
        headers: Fields = (),
        **wrong: Never,
    ) -> None:
        if wrong:
            raise unknown_option("Response", wrong)
        implied: _Constant = ()
        if isinstance(body, str):
            body, implied = body.encode(), _TEXT
        elif isinstance(body, bytes):
            implied = _BYTES if body else ()
        elif not isinstance(body, AsyncIterable):  # raised here, where the mistake is, not after the head has been sent
            raise TypeError(f"a body is bytes, str or an async iterable of them, not {type(body).__name__}")
        self.status: int = status if status == 200 else _final(status)
        self.body: bytes | AsyncIterable[bytes | str] = body
        self._implied = implied
        self._headers = _completed(headers, implied) if headers else None

    @classmethod
    def _of(cls, body: bytes, implied: _Constant, status: int, headers: Fields) -> Self:
        response = cls.__new__(cls)
        response.status = status if status == 200 else _final(status)
        response.body = body
        response._implied = implied
        response._headers = _completed(headers, implied) if headers else None
        return response

    @property
    def headers(self) -> Headers:
        """The fields. They may be changed until the response is sent."""
        if self._headers is None:
            self._headers = Headers.from_valid(self._implied)
        return self._headers

    @headers.setter
    def headers(self, headers: Headers) -> None:
        self._headers = headers

    def pairs(self) -> Sequence[tuple[str, str]]:
        """Return every field as (lower-case name, value), not a copy: a tuple where nobody has set or read any.

        Most responses have no fields but those that their body implies, and need no Headers.
        """
        return self._implied if self._headers is None else self._headers.pairs()

    @property
    def trailers(self) -> Trailers:
        """Fields sent after a streamed body (RFC 9110 section 6.5), and announced before it.

        Each function is called when the body has been sent. Clients may drop trailers; HTTP/1.0 and bodies of known
        length have none. Setting a field that must not follow the body, such as Content-Length, raises ResponseError.
        """
        # Set only where somebody sets it: most responses have none.
        trailers: Trailers = getattr(self, "_trailers", {})
        return trailers

    @trailers.setter
    def trailers(self, trailers: Trailers) -> None:
        self._trailers = {name.lower(): value for name, value in trailers.items()}
        check_trailers(Headers(dict.fromkeys(self._trailers, "")))

    @classmethod
    def prepared(cls, body: bytes, fields: _Constant, status: int = 200) -> Self:
        """Return a response whose fields are known to be valid and shared by many: names in lower case."""
        return cls._of(body, fields, status, ())

    @classmethod
    def text(cls, text: str, status: int = 200, headers: Fields = (), **wrong: Never) -> Self:
        """Return a response of plain text."""
        if wrong:
            raise unknown_option("Response", wrong)
        return cls(text, status, headers)

    @classmethod
    def html(cls, html: str, status: int = 200, headers: Fields = (), **wrong: Never) -> Self:
        """Return an HTML page."""
        if wrong:
            raise unknown_option("Response", wrong)
        return cls._of(html.encode(), _HTML, status, headers)

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Fields = (), **wrong: Never) -> Self:
        """Return a response of JSON (RFC 8259): dict, list, str, numbers, None, dataclasses, dates, UUID, Enum, Decimal, bytes.

        Raises TypeError or ValueError for values that JSON does not have, such as NaN.
        """
        if wrong:
            raise unknown_option("Response", wrong)
        return cls._of(encode(value), _JSON, status, headers)

    @classmethod
    def redirect(cls, location: str, status: int = 303, headers: Fields = (), **wrong: Never) -> Self:
        """Return a redirect to another URL: 303 by default, which a client follows with GET (RFC 9110 section 15.4.4).

        Characters that a URL cannot have are percent-encoded. Raises ResponseError for a line break or control.
        """
        if wrong:
            raise unknown_option("Response", wrong)
        return cls._of(b"", (("location", _location(location)),), status, headers)

    def set_cookie(self, name: str, value: str, **attributes: Unpack[CookieAttributes]) -> None:
        """Set a cookie: by default for the whole host, hidden from scripts, with SameSite=Lax.

        Raises ResponseError for a malformed cookie, and for one that browsers would refuse.
        """
        if unknown := attributes.keys() - CookieAttributes.__optional_keys__:
            raise unknown_option("set_cookie", unknown)
        self.headers.append("set-cookie", encode_cookie(name, value, **attributes))

    def delete_cookie(self, name: str, **scope: Unpack[CookieScope]) -> None:
        """Delete a cookie that was set with this path, domain and partition; raises what `set_cookie` raises."""
        if unknown := scope.keys() - CookieScope.__optional_keys__:
            raise unknown_option("set_cookie", unknown)
        self.headers.append("set-cookie", encode_deletion(name, **scope))

    def __repr__(self) -> str:
        """Show the status and what kind of body it is."""
        body = f"{len(self.body)} bytes" if isinstance(self.body, bytes) else "streamed"
        return f"<{type(self).__name__} {self.status}, {body}>"


class Redirect(HTTPError):
    """An answer that leads to another URL, to be raised: in a handler, or in what it calls.

    ```python
    @app.get("/account")
    async def account(request: Request) -> str:
        if "user" not in request.cookies:
            raise Redirect("/login")
        return f"Hello, {request.cookies['user']}!"
    ```

    Middleware sees the response of `Response.redirect`, which takes the same arguments. An exception handler for
    HTTPError is not called for it, only one for Redirect. Raises ResponseError for a line break or control in the
    location, and ValueError for a status that leads nowhere.
    """

    def __init__(
        self, location: str, status: int = 303, headers: Mapping[str, str] | None = None, **wrong: Never
    ) -> None:
        if wrong:
            raise unknown_option("Redirect", wrong)
        if status not in _REDIRECTING:
            raise ValueError(f"a redirect has the status {', '.join(map(str, _REDIRECTING))}, not {status}")
        AiosockError.__init__(self, location, status, headers)  # HTTPError's own is for the status of an error
        self.location: str = _location(location)
        self.status: int = status
        self.detail: str = self.location
        self.headers: Mapping[str, str] = headers or {}


class Duplex(Protocol):
    """The bytes of a connection that has left HTTP (RFC 9110 section 7.8), both ways. One task may receive, several may send."""

    async def receive(self, seconds: float | None = None) -> bytes:
        """Return the next bytes, or b"" when the peer will send no more.

        Raises TimeoutError after `seconds` without any, Disconnected for a reset.
        """

    async def send(self, data: bytes) -> None:
        """Send bytes; wait while the peer is slower than we are. Raises Disconnected when it is gone."""


class Upgrade(Response):
    """A response after which `run` has the bytes of the connection to itself (RFC 9110 section 7.8).

    ```python
    from aiosock.web.response import Duplex


    async def shout(duplex: Duplex) -> None:
        while data := await duplex.receive():
            await duplex.send(data.upper())


    @app.get("/shout")
    async def switch(request: Request) -> Response:
        return Upgrade("shout", shout)
    ```

    `protocol` is a token that the client offered in its Upgrade field. The connection chooses the status on the wire:
    101 in HTTP/1. A client that has not offered the protocol gets 426.
    """

    __slots__ = ("protocol", "run")

    def __init__(self, protocol: str, run: Callable[[Duplex], Awaitable[None]], headers: Fields = ()) -> None:
        super().__init__(_nothing(), headers=headers)
        Headers({"upgrade": protocol})  # raises ResponseError for what cannot be sent
        self.protocol: str = protocol
        self.run: Callable[[Duplex], Awaitable[None]] = run

    def __repr__(self) -> str:
        """Show the protocol."""
        return f"<Upgrade to {self.protocol}>"


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


async def close_body(body: AsyncIterable[bytes | str] | bytes) -> None:
    """Close a streamed body, if it can be closed, whether or not it was read: a generator then runs its `finally`."""
    close = getattr(body, "aclose", None)
    if close is not None:
        await close()


def _completed(headers: Fields, implied: _Constant) -> Headers:
    """Return the fields of a response, with those that its body implies and nobody has set."""
    completed = Headers(headers)
    for name, value in implied:
        completed.setdefault(name, value)
    return completed


def _location(location: str) -> str:
    """Return a location as it is sent; raise ResponseError for a line break or control, TypeError for no str."""
    if not isinstance(location, str):
        raise TypeError(f"a location is a str, such as '/login', not {location!r}")
    if any(ord(character) < 32 or ord(character) == 127 for character in location):
        raise ResponseError(f"not a location: {location!r}")
    return quote(location, safe="!#$%&'()*+,/:;=?@[]^`{|}~\\")


def _final(status: int) -> int:
    if not isinstance(status, int):
        raise TypeError(f"a status is an int, not {status!r}")
    if not 200 <= status <= 599:
        raise ResponseError(f"a response has a status from 200 to 599, not {status}")
    return status
