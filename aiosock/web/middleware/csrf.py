"""Cross-site request forgery, refused by what browsers say of a request (the W3C's Fetch Metadata; Origin, RFC 6454).

No tokens: every browser since 2023 sends Sec-Fetch-Site with each request, and no page can forge it. The decision is that
of `http.CrossOriginProtection` in Go 1.25.
"""

from collections.abc import Collection
from typing import Final

from aiosock.errors import HTTPError
from aiosock.web.handler import Middleware, Next
from aiosock.web.middleware.cors import ORIGIN
from aiosock.web.request import Request
from aiosock.web.response import Response

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110 section 9.2.1); a handler that changes something for GET has no protection."""


def csrf(*, trusted: Collection[str] = (), exempt: Collection[str] = ()) -> Middleware:
    """Refuse with 403 what another site makes a visitor's browser send, with the visitor's cookies.

    ```python
    app.middleware(csrf(exempt=["/hooks/"]))
    ```

    `trusted` are origins, such as https://login.example.org, that may send what they like. `exempt` are paths as sent
    that take requests of all sites, such as a payment provider's; one that ends in a slash stands for all below it.

    What no browser sends is let through: there are no cookies to misuse. WebSockets begin with GET, so look at their
    Origin yourself.

    Raises ValueError for what is no origin, or no path.
    """
    for origin in trusted:
        if origin == "null" or not ORIGIN.fullmatch(origin):  # null: every sandboxed frame
            raise ValueError(f"not an origin, such as https://example.org: {origin!r}")
    for path in exempt:
        if not path.startswith("/"):
            raise ValueError(f"a path starts with a slash: {path!r}")
    origins = frozenset(trusted)
    literal = frozenset(exempt)
    below = tuple(path for path in exempt if path.endswith("/"))

    def is_exempt(request: Request) -> bool:
        # As sent, not decoded: /hooks%2Fx is another route's, and what is spelled oddly is refused.
        return request.raw_path in literal or request.raw_path.startswith(below)

    async def protected(request: Request, next: Next) -> Response:
        if request.method in SAFE or _is_same_origin(request) or is_exempt(request):
            return await next(request)
        if request.headers.get("origin") in origins:
            return await next(request)
        raise HTTPError(403, "This comes from another site.")

    return protected


def _is_same_origin(request: Request) -> bool:
    """Say whether a request comes from a page of this very origin, from the user, or from no browser."""
    site = request.headers.get("sec-fetch-site", "")
    if site:  # none: the address bar or a bookmark. same-site is refused: a sibling host is another origin.
        return site in ("same-origin", "none")
    origin = request.headers.get("origin", "")
    if not origin:
        return True
    # A browser of before 2023. Host has no scheme, so http://host passes for https://host: HSTS is what keeps it away.
    scheme, _, host = origin.partition("://")
    return bool(scheme and host) and host == request.host
