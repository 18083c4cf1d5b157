"""A list of the hosts that are served, against DNS rebinding and forged Host fields (RFC 9110 section 7.2)."""

from collections.abc import Collection

from aiosock.errors import HTTPError, ProtocolError
from aiosock.web.handler import Middleware, Next
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.wire.target import parse_host, without_port


def hosts(names: Collection[str]) -> Middleware:
    """Answer requests for these hosts, and any other with 421.

    ```python
    app.middleware(hosts(["example.org", "*.example.org", "127.0.0.1"]))
    ```

    A name stands for itself on every port, with a port for that port only, and `*.example.org` for all hosts below that
    one. An address is a name like any other: `127.0.0.1`, `[::1]`. Case apart, they match letter by letter.

    Raises ValueError for what is no host, and where there are none.
    """
    if isinstance(names, str) or not names:
        raise ValueError("hosts takes a list of names, one at least")
    known = [_checked(name) for name in names]
    literal = frozenset(known)
    below = tuple(name[1:] for name in known if name.startswith("*."))

    async def listed(request: Request, next: Next) -> Response:
        host, name = request.host, without_port(request.host)
        if not (host in literal or name in literal or host.endswith(below) or name.endswith(below)):
            # RFC 9110 section 15.5.20: for "a target URI that does not match an origin for which the server has been
            # configured". Not 400: the request is well-formed, and meant for somebody else.
            raise HTTPError(421, "This server does not answer for that host.")
        return await next(request)

    return listed


def _checked(name: str) -> str:
    star = "*." if name.startswith("*.") else ""
    try:
        return star + parse_host(name.removeprefix(star))
    except ProtocolError:
        raise ValueError(f"not a host, such as example.org or *.example.org:8080: {name!r}") from None
