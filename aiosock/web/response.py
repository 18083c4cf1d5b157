"""Response: status, fields and a body that is bytes or comes piece by piece."""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, Self, Unpack
from urllib.parse import quote

from aiosock.errors import ResponseError
from aiosock.headers import Headers
from aiosock.web.json import encode
from aiosock.wire.chunked import check_trailers
from aiosock.wire.cookies import CookieAttributes, CookieScope, encode_cookie, encode_deletion

Trailers = Mapping[str, Callable[[], str]]
"""Fields behind a body: by name, what gives the value when the body has been sent."""

Fields = Mapping[str, str] | Iterable[tuple[str, str]] | Headers
_Constant = tuple[tuple[str, str], ...]

_TEXT = (("content-type", "text/plain; charset=utf-8"),)
_HTML = (("content-type", "text/html; charset=utf-8"),)
_JSON = (("content-type", "application/json"),)
_BYTES = (("content-type", "application/octet-stream"),)


class Response:
    """An answer: `status`, `headers`, and a `body` of bytes or an async iterable of bytes or str.

    ```python
    @app.get("/")
    async def page(request: Request) -> Response:
        response = Response.html("<h1>Hello</h1>", headers={"cache-control": "no-store"})
        response.set_cookie("theme", "dark", max_age=3600)
        return response
    ```

    A str is sent as UTF-8 text. Content-Length, Date and what frames the message are the connection's business; a
    streamed body whose length is known may set Content-Length itself, and is held to it.

    Raises ResponseError for a field that cannot be sent, or a status that does not end an exchange, and TypeError for a
    body of another type.
    """

    __slots__ = ("_headers", "_implied", "_trailers", "body", "status")

    def __init__(
        self, body: bytes | str | AsyncIterable[bytes | str] = b"", status: int = 200, headers: Fields = ()
    ) -> None:
        implied: _Constant = ()
        if isinstance(body, str):
            body, implied = body.encode(), _TEXT
        elif isinstance(body, bytes):
            implied = _BYTES if body else ()
        elif not isinstance(body, AsyncIterable):  # said here, where the mistake is, not after the head has been sent
            raise TypeError(f"a body is bytes, str or an async iterable of them, not {type(body).__name__}")
        self.status: int = _final(status)
        self.body: bytes | AsyncIterable[bytes | str] = body
        self._implied = implied
        self._headers = _completed(headers, implied) if headers else None

    @classmethod
    def _of(cls, body: bytes, implied: _Constant, status: int, headers: Fields) -> Self:
        response = cls.__new__(cls)
        response.status = _final(status)
        response.body = body
        response._implied = implied
        response._headers = _completed(headers, implied) if headers else None
        return response

    @property
    def headers(self) -> Headers:
        """The fields, to be changed until the answer is sent."""
        if self._headers is None:
            self._headers = Headers.from_valid(self._implied)
        return self._headers

    @headers.setter
    def headers(self, headers: Headers) -> None:
        self._headers = headers

    def pairs(self) -> Sequence[tuple[str, str]]:
        """Every field as (lower-case name, value), not a copy: a tuple where nobody has set or asked for any.

        Most answers have no fields but those that their body implies: making no Headers saves them 4 % of their cost.
        """
        return self._implied if self._headers is None else self._headers.pairs()

    @property
    def trailers(self) -> Trailers:
        """Fields sent behind a streamed body (RFC 9110 section 6.5), and announced before it.

        Each is asked for its value when the body has been sent. Clients may drop them, and HTTP/1.0 and bodies of known
        length have none. Setting one that may not come so late, such as Content-Length, raises ResponseError.
        """
        # Set only where somebody sets it: most answers have none.
        trailers: Trailers = getattr(self, "_trailers", {})
        return trailers

    @trailers.setter
    def trailers(self, trailers: Trailers) -> None:
        self._trailers = {name.lower(): value for name, value in trailers.items()}
        check_trailers(Headers(dict.fromkeys(self._trailers, "")))

    @classmethod
    def prepared(cls, body: bytes, fields: _Constant, status: int = 200) -> Self:
        """Answer with fields that were made, and known to be valid, once for many answers: names in lower case."""
        return cls._of(body, fields, status, ())

    @classmethod
    def text(cls, text: str, status: int = 200, headers: Fields = ()) -> Self:
        """Answer with plain text."""
        return cls._of(text.encode(), _TEXT, status, headers)

    @classmethod
    def html(cls, html: str, status: int = 200, headers: Fields = ()) -> Self:
        """Answer with a page."""
        return cls._of(html.encode(), _HTML, status, headers)

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Fields = ()) -> Self:
        """Answer with JSON (RFC 8259): dict, list, str, numbers, None, dataclasses, dates, UUID, Enum, Decimal and bytes.

        Raises TypeError or ValueError for what JSON cannot say, NaN included.
        """
        return cls._of(encode(value), _JSON, status, headers)

    @classmethod
    def redirect(cls, location: str, status: int = 303, headers: Fields = ()) -> Self:
        """Send the client elsewhere: 303 by default, after which it asks with GET (RFC 9110 section 15.4.4).

        Characters that a URL cannot hold are percent-encoded; raises ResponseError for a line break or control.
        """
        if any(ord(character) < 32 or ord(character) == 127 for character in location):
            raise ResponseError(f"not a location: {location!r}")
        fields = [("location", quote(location, safe="!#$%&'()*+,/:;=?@[]^`{|}~\\"))]
        return cls._of(b"", tuple(fields), status, headers)

    def set_cookie(self, name: str, value: str, **attributes: Unpack[CookieAttributes]) -> None:
        """Give the client a cookie: for the whole host, out of reach of scripts, with SameSite=Lax, unless told otherwise.

        Raises ResponseError for what is no cookie, or one that browsers would not take.
        """
        self.headers.append("set-cookie", encode_cookie(name, value, **attributes))

    def delete_cookie(self, name: str, **scope: Unpack[CookieScope]) -> None:
        """Have the client delete a cookie that was set with this path, domain and partition; raise as `set_cookie`."""
        self.headers.append("set-cookie", encode_deletion(name, **scope))

    def __repr__(self) -> str:
        """Show the status and what kind of body it is."""
        body = f"{len(self.body)} bytes" if isinstance(self.body, bytes) else "streamed"
        return f"<{type(self).__name__} {self.status}, {body}>"


class Duplex(Protocol):
    """A connection that has left HTTP behind (RFC 9110 section 7.8): bytes both ways."""

    async def receive(self) -> bytes:
        """Give the next bytes, or b"" when the peer will send no more."""

    async def send(self, data: bytes) -> None:
        """Send bytes; waits while the peer is slower than we are. Raises Disconnected when it is gone."""


class Upgrade(Response):
    """An answer of 101 after which `run` has the connection to itself (RFC 9110 section 7.8).

    ```python
    from aiosock.web.response import Duplex


    async def shout(duplex: Duplex) -> None:
        while data := await duplex.receive():
            await duplex.send(data.upper())


    @app.get("/shout")
    async def switch(request: Request) -> Response:
        return Upgrade("shout", shout)
    ```

    `protocol` is a token that the client offered in its Upgrade field.
    """

    __slots__ = ("protocol", "run")

    def __init__(self, protocol: str, run: Callable[[Duplex], Awaitable[None]], headers: Fields = ()) -> None:
        super().__init__(headers=headers)
        self.status = 101
        self.headers["upgrade"] = protocol
        self.protocol: str = protocol
        self.run: Callable[[Duplex], Awaitable[None]] = run


async def close_body(body: AsyncIterable[bytes | str] | bytes) -> None:
    """Close a streamed body, whether or not it was read, if it can be closed: a generator then runs its `finally`."""
    close = getattr(body, "aclose", None)
    if close is not None:
        await close()


def _completed(headers: Fields, implied: _Constant) -> Headers:
    """Give the fields of a response, with those that its body implies and nobody has set."""
    completed = Headers(headers)
    for name, value in implied:
        completed.setdefault(name, value)
    return completed


def _final(status: int) -> int:
    if not 200 <= status <= 599:
        raise ResponseError(f"a response has a status from 200 to 599, not {status}")
    return status
