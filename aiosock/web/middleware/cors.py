"""Cross-origin resource sharing (the Fetch standard, "CORS protocol"): other sites' scripts that may read responses."""

import re
from collections.abc import Collection, Mapping
from typing import Final

from aiosock.headers import TCHAR, Headers
from aiosock.web.handler import Middleware, Next
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.wire.negotiation import vary_by
from aiosock.wire.target import with_port

ANY: Final = "*"

MAX_AGE_SECONDS: Final = 7200
"""How long a browser may keep the response to a preflight; Chromium's maximum."""

ORIGIN = re.compile(r"null|[a-z][a-z0-9+.-]*://[^/?#@\sA-Z]+")
"""An Origin as browsers send it (RFC 6454 section 6.2): scheme, host and port, no path, in lower case."""

_NAME = re.compile(rf"[{TCHAR}]++")


def cors(
    origins: str | Collection[str] = ANY,
    *,
    methods: Collection[str] = ("GET", "HEAD"),
    headers: Collection[str] = (),
    expose: Collection[str] = (),
    credentials: bool = False,
    max_age_seconds: int = MAX_AGE_SECONDS,
) -> Middleware:
    """Let scripts of `origins`, one or several, read responses; `"*"` means all origins.

    ```python
    app.middleware(cors(["https://example.org"], methods=["GET", "PUT"], headers=["content-type"]))
    ```

    `methods` and `headers` are those that requests may have beyond what an HTML form can send. `expose` lists response
    fields that scripts may read beyond the usual ones. With `credentials`, requests come with cookies. Register it
    before middleware that may refuse a request: a preflight has no credentials, and scripts should be able to read
    errors.

    Raises ValueError for an invalid origin; for a str instead of a list of names; for an invalid name; and for
    credentials with all origins, because then every site could read every visitor's data.
    """
    allowed = _checked(origins, credentials=credentials)
    is_open = ANY in allowed
    usual = {
        "access-control-allow-credentials": "true" if credentials else "",
        "access-control-expose-headers": _names(expose, credentials=credentials),
    }
    preflight = {
        **usual,
        "access-control-allow-methods": _names(methods, credentials=credentials),
        "access-control-allow-headers": _names(headers, credentials=credentials),
        "access-control-max-age": str(max_age_seconds),
    }

    def grant(request: Request, fields: Headers, granted: Mapping[str, str]) -> None:
        """Add the fields that let the request's origin read the response, if it is allowed to."""
        origin = request.headers.get("origin", "")
        if not is_open:
            vary_by(fields, "Origin")
        if is_open or normal_origin(origin) in allowed:
            # Also for a request without an Origin: a cache may reuse the response for one with an Origin.
            fields["access-control-allow-origin"] = ANY if is_open else origin
            for name, value in granted.items():
                if value:
                    fields[name] = value

    async def shared(request: Request, next: Next) -> Response:
        if _is_preflight(request):
            response = Response(status=204)
            grant(request, response.headers, preflight)
            return response
        response = await next(request)
        grant(request, response.headers, usual)
        return response

    return shared


def normal_origin(origin: str) -> str:
    """Return an Origin with its port, the default one too: `https://a` and `https://a:443` are equal (RFC 6454 section 4)."""
    scheme, separator, host = origin.partition("://")
    return f"{scheme}://{with_port(host, scheme)}" if separator else origin


def _checked(origins: str | Collection[str], *, credentials: bool) -> frozenset[str]:
    """Return origins as a set; raise ValueError as `cors` says."""
    allowed = frozenset({origins} if isinstance(origins, str) else origins)
    if ANY in allowed and credentials:
        raise ValueError("credentials need a list of origins: with *, every site could read every visitor's data")
    for origin in allowed - {ANY}:
        if not ORIGIN.fullmatch(origin):
            raise ValueError(f"an origin is a scheme and a host, such as https://example.org, not {origin!r}")
    return frozenset(map(normal_origin, allowed))


def _names(names: Collection[str], *, credentials: bool) -> str:
    """Return names of methods or fields, separated by commas; raise ValueError as `cors` says."""
    if isinstance(names, str):
        raise ValueError(f"the names must be a list, not the str {names!r}")
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a method or a field")
    # With credentials, browsers take * for a literal name: the Fetch standard, "CORS protocol and credentials".
    if ANY in names and credentials:
        raise ValueError("with credentials, * does not stand for all names: list them")
    return ", ".join(names)


def _is_preflight(request: Request) -> bool:
    return (
        request.method == "OPTIONS"
        and "origin" in request.headers
        and "access-control-request-method" in request.headers
    )
