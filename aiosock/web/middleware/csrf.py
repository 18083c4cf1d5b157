"""Protection against cross-site request forgery, by fields that browsers send (W3C Fetch Metadata; Origin, RFC 6454).

No tokens are needed: every browser since 2023 sends Sec-Fetch-Site with each request, and no page can forge it. The
rules are those of `http.CrossOriginProtection` in Go 1.25.
"""

from collections.abc import Collection
from typing import Final

from aiosock.errors import HTTPError
from aiosock.web.handler import Middleware, Next
from aiosock.web.middleware.cors import ORIGIN, normal_origin
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.wire.target import with_port

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110 section 9.2.1). A handler that changes something on GET is not protected."""


def csrf(*, trusted: Collection[str] = (), exempt: Collection[str] = ()) -> Middleware:
    """Refuse, with 403, requests that another site makes a visitor's browser send, with the visitor's cookies.

    ```python
    app.middleware(csrf(exempt=["/hooks/"]))
    ```

    `trusted` are origins, such as https://login.example.org, that may send any request. `exempt` are paths, as sent,
    that accept requests of all sites, such as a payment provider's. A path that ends in a slash stands for all paths
    below it.

    Requests that no browser has sent are let through: they have no cookies to misuse. WebSockets begin with GET, so
    check their Origin yourself.

    Raises ValueError for an invalid origin or path.
    """
    for origin in trusted:
        if origin == "null" or not ORIGIN.fullmatch(origin):  # null: every sandboxed frame sends it
            raise ValueError(f"an origin is a scheme and a host, such as https://example.org, not {origin!r}")
    for path in exempt:
        if not path.startswith("/"):
            raise ValueError(f"a path must start with a slash: {path!r}")
    origins = frozenset(map(normal_origin, trusted))
    literal = frozenset(exempt)
    below = tuple(path for path in exempt if path.endswith("/"))

    def is_exempt(request: Request) -> bool:
        # The path as sent, not decoded: /hooks%2Fx belongs to another route. Unusual spellings are refused.
        return request.raw_path in literal or request.raw_path.startswith(below)

    async def protected(request: Request, next: Next) -> Response:
        request.is_csrf_protected = True
        if request.method in SAFE or is_same_origin(request) or is_exempt(request):
            return await next(request)
        if normal_origin(request.headers.get("origin", "")) in origins:
            return await next(request)
        raise HTTPError(403, "This request comes from another site.")

    return protected


def is_same_origin(request: Request) -> bool:
    """Return whether a request comes from a page of the same origin, from the user, or from another program."""
    site = request.headers.get("sec-fetch-site", "")
    if site:  # none: the address bar or a bookmark. same-site is refused: a sibling host is another origin.
        return site in ("same-origin", "none")
    origin = request.headers.get("origin", "")
    if not origin:
        return True
    # A browser from before 2023. Host has no scheme, so http://host passes for https://host: use HSTS against that.
    scheme, _, host = origin.partition("://")
    return bool(scheme and host) and with_port(host, scheme) == with_port(request.host, scheme)
