"""Messages, whatever version of HTTP carries them (RFC 9110 section 6): what a request head has, and what may follow one."""

from collections.abc import Iterable
from typing import Final, Protocol

from aiosock.errors import ResponseError
from aiosock.headers import Headers

BODILESS: Final = frozenset({*range(100, 200), 204, 304})
"""Statuses whose responses have no body, whatever their fields say (RFC 9110 section 6.4.1)."""

FORBIDDEN_TRAILERS: Final = frozenset(
    [
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "max-forwards",
        "pragma",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "www-authenticate",
        "age",
        "date",
        "expires",
        "location",
        "retry-after",
        "vary",
        "warning",
        "if-match",
        "if-none-match",
        "if-modified-since",
        "if-unmodified-since",
        "if-range",
    ]
)
"""Framing, routing, authentication, request modifiers and response control: a sender must not put them among the
trailers (RFC 9110 section 6.5.1)."""

REFUSED_TRAILERS: Final = frozenset(
    [
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "host",
        "proxy-authenticate",
        "proxy-authorization",
        "set-cookie",
        "transfer-encoding",
        "www-authenticate",
    ]
)
"""Framing, routing and authentication. Another program could act on them, so a message that has them is refused. The
other forbidden trailers are dropped, as any recipient may do (RFC 9112 section 7.1.2)."""


class RequestHead(Protocol):
    """What a request says before its body. Not to be changed: requests that are equal may share one.

    `target` and `raw_path` are as sent; `path` is percent-decoded (see `wire.target.is_text`), `query` is not. `host`
    is in lower case, with its port; None where the client did not name one.
    """

    method: str
    target: str
    raw_path: str
    path: str
    query: str
    host: str | None

    @property
    def version(self) -> str:
        """The protocol, such as HTTP/1.1."""

    @property
    def size(self) -> int:
        """The length in bytes, as it was sent."""

    def headers(self) -> Headers:
        """Return all fields, decoded anew at each call."""

    def field(self, name: str, default: str = "") -> str:
        """Return what `headers().get` would for a name in lower case, without decoding the other fields."""

    def has_any(self, prefixes: tuple[str, ...]) -> bool:
        """Return whether there is a field whose name, in lower case, starts with one of `prefixes`."""


def check_trailers(trailers: Iterable[str]) -> None:
    """Raise ResponseError for names, in lower case, of fields that may not follow the body."""
    if forbidden := FORBIDDEN_TRAILERS.intersection(trailers):
        raise ResponseError(f"a trailer section may not have {', '.join(sorted(forbidden))}")
