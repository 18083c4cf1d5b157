"""A list of the hosts that are served, against DNS rebinding and forged Host fields (RFC 9110 section 7.2)."""

from collections.abc import Collection

from aiosock.errors import HTTPError, ProtocolError
from aiosock.web.handler import Middleware, Next
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.wire.target import parse_host, with_port, without_port


def hosts(names: Collection[str]) -> Middleware:
    """Serve requests for these hosts only; answer others with 421.

    ```python
    app.middleware(hosts(["example.org", "*.example.org", "127.0.0.1"]))
    ```

    A name without a port matches every port, a name with a port only that one; a Host field without a port has the
    default port of the scheme, 80 or 443. `*.example.org` matches all hosts below example.org, but not example.org
    itself. An address is a name like any other: `127.0.0.1`, `[::1]`. Case and a dot at the end of a name are ignored.
    Routes with `health=True` are served for every host, since load balancers and Kubernetes ask by address.

    Raises ValueError for an invalid host, and for an empty list.
    """
    if isinstance(names, str) or not names:
        raise ValueError("hosts needs a list of names, at least one")
    known = [_checked(name) for name in names]
    literal = frozenset(known)
    below = tuple(name[1:] for name in known if name.startswith("*."))

    async def listed(request: Request, next: Next) -> Response:
        host, name = with_port(request.host, request.scheme), without_port(request.host)
        if not (host in literal or name in literal or host.endswith(below) or name.endswith(below)):
            if request.is_health is not None and request.is_health(request):
                return await next(request)
            # RFC 9110 section 15.5.20: for "a target URI that does not match an origin for which the server has been
            # configured". Not 400: the request is well-formed, but meant for another server.
            raise HTTPError(421, "This server does not serve that host.")
        return await next(request)

    return listed


def _checked(name: str) -> str:
    star = "*." if name.startswith("*.") else ""
    try:
        host = parse_host(name.removeprefix(star))
    except ProtocolError:
        host = ""
    if not host or "*" in host:  # valid in a host, but here a mistake: one asterisk stands at the start
        raise ValueError(f"a host is a name such as example.org or *.example.org:8080, not {name!r}")
    return star + with_port(host, "").removesuffix(":")
