"""Cross-origin resource sharing (the Fetch standard, "CORS protocol"): which other sites' scripts may read answers."""

import re
from collections.abc import Collection, Mapping
from typing import Final

from aiosock.headers import TCHAR, Headers
from aiosock.web.handler import Middleware, Next
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.wire.negotiation import vary_by

ANY: Final = "*"

MAX_AGE_SECONDS: Final = 7200
"""How long a browser may keep the answer to a preflight; Chromium takes no more."""

ORIGIN = re.compile(r"null|[a-z][a-z0-9+.-]*://[^/?#@\sA-Z]+")
"""What browsers send as Origin (RFC 6454 section 6.2): scheme, host and port, no path, in lower case."""


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
    """Let the scripts of `origins`, one or several, read answers; `"*"` are all of them.

    ```python
    app.middleware(cors(["https://example.org"], methods=["GET", "PUT"], headers=["content-type"]))
    ```

    `methods` and `headers` are what their requests may have beyond what any form could send, `expose` the fields of
    answers that they may see beyond the usual ones. With `credentials`, requests come with cookies. Register it before
    what may refuse a request: a preflight comes without credentials, and scripts may read errors too.

    Raises ValueError for what is no origin; for a text where a list of names belongs, and for what is no name; and for
    credentials to all origins, which would hand every visitor's data to every site.
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
        """Add the fields that let the request's origin read the answer, if it may."""
        origin = request.headers.get("origin", "")
        if not is_open:
            vary_by(fields, "Origin")
        if is_open or origin in allowed:
            # To all, without an Origin too: a cache may give the answer to somebody who sends one.
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


def _checked(origins: str | Collection[str], *, credentials: bool) -> frozenset[str]:
    """Give origins as a set; raise ValueError as `cors` says."""
    allowed = frozenset({origins} if isinstance(origins, str) else origins)
    if ANY in allowed and credentials:
        raise ValueError("credentials need a list of origins: with all of them, every site could read everybody's data")
    for origin in allowed - {ANY}:
        if not ORIGIN.fullmatch(origin):
            raise ValueError(f"not an origin, such as https://example.org: {origin!r}")
    return allowed


def _names(names: Collection[str], *, credentials: bool) -> str:
    """Give names of methods or fields as a list; raise ValueError as `cors` says."""
    if isinstance(names, str):
        raise ValueError(f"a list of names, not {names!r}")
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"not the name of a method or a field: {name!r}")
    # A name like any other then: the Fetch standard, "CORS protocol and credentials".
    if ANY in names and credentials:
        raise ValueError("with credentials, browsers do not take * for all names: list them")
    return ", ".join(names)


def _is_preflight(request: Request) -> bool:
    return (
        request.method == "OPTIONS"
        and "origin" in request.headers
        and "access-control-request-method" in request.headers
    )
