"""Fields that make browsers stricter than their defaults, on every response."""

from typing import Final, Literal

from aiosock.headers import Headers
from aiosock.web.handler import Middleware, Next
from aiosock.web.request import Request
from aiosock.web.response import Response

HSTS_SECONDS: Final = 31_536_000
"""A year: the preload list of browsers requires it."""

_FRAMES: Final = {"none": ("DENY", "'none'"), "self": ("SAMEORIGIN", "'self'")}


def security_headers(
    *,
    content_security_policy: str = "",
    frames: Literal["none", "self", "any"] = "none",
    referrer_policy: str = "same-origin",
    opener_policy: str = "same-origin",
    hsts_seconds: int = HSTS_SECONDS,
    hsts_subdomains: bool = False,
) -> Middleware:
    """Add security fields to responses; a field that the handler has set is not changed.

    ```python
    app.middleware(security_headers(content_security_policy="default-src 'self'"))
    ```

    X-Content-Type-Options (the Fetch standard) is always added. Pass "" to leave out the policy for the Referer, for
    openers (the HTML standard, "Cross-origin opener policies") or for content (CSP Level 3). `frames` says which pages
    may show this site in a frame. Responses over https tell browsers to use only https for `hsts_seconds` (RFC 6797
    section 7.2), unless that is 0. With `hsts_subdomains`, this includes all hosts below this one.

    Raises ValueError for another value of `frames`, and for a policy that is not a valid field value.
    """
    if frames not in (*_FRAMES, "any"):
        raise ValueError(f"frames must be none, self or any, not {frames!r}")
    option, ancestors = _FRAMES.get(frames, ("", ""))
    policies = [content_security_policy.strip("; ")]
    if ancestors and "frame-ancestors" not in content_security_policy:
        policies.append(f"frame-ancestors {ancestors}")
    fields = {
        "x-content-type-options": "nosniff",
        "referrer-policy": referrer_policy,
        "cross-origin-opener-policy": opener_policy,
        "x-frame-options": option,  # for browsers that do not know frame-ancestors
        "content-security-policy": "; ".join(filter(None, policies)),
    }
    plain = Headers({name: value for name, value in fields.items() if value}).items()
    subdomains = "; includeSubDomains" if hsts_subdomains else ""
    hsts = [("strict-transport-security", f"max-age={hsts_seconds}{subdomains}")] if hsts_seconds else []

    async def strict(request: Request, next: Next) -> Response:
        response = await next(request)
        for name, value in [*plain, *hsts] if request.scheme == "https" else plain:
            response.headers.setdefault(name, value)
        return response

    return strict
