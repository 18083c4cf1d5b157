"""Who the client is behind proxies: X-Forwarded-For, -Proto and -Host, or Forwarded (RFC 7239).

Anybody can send these fields, so they are read from the right, where the nearest proxy adds its own, and no further than
through proxies that are trusted.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from ipaddress import ip_address, ip_network
from itertools import zip_longest
from typing import Final, Literal

from aiosock.errors import ProtocolError
from aiosock.headers import TCHAR, Headers
from aiosock.web.exchange import Address
from aiosock.web.handler import Middleware, Next
from aiosock.web.request import Forwarded, Request
from aiosock.web.response import Response
from aiosock.wire.target import parse_host

Hop = Mapping[str, str]
"""What one proxy says of who has asked it: `for`, `proto` and `host`, each if it says it."""

_NODE = re.compile(r"(?:\[([0-9A-Fa-f:.]++)\]|([0-9.]++))(?::([0-9]{1,5}+))?+|([0-9A-Fa-f:.]++)")
"""An address, with a port or without: RFC 7239 section 6, and IPv6 without brackets, as X-Forwarded-For has it."""

_PAIR = re.compile(rf'([{TCHAR}]++)=(?:([{TCHAR}]++)|"([^"\\]*+)")')
"""RFC 7239 section 4, but for quoted pairs, which no address and no host needs."""

_SCHEMES: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
"""Some proxies, such as Traefik, name a WebSocket's scheme; a request that becomes one is HTTP like any other."""


def proxy_headers(
    trusted: Collection[str],
    *,
    fields: Literal["x-forwarded", "forwarded"] = "x-forwarded",
    unix: bool = False,
) -> Middleware:
    """Believe what proxies at the `trusted` addresses or networks (CIDR) say of their clients.

    ```python
    app.middleware(proxy_headers(["127.0.0.1", "10.0.0.0/8"]))
    ```

    `request.client`, `.scheme`, `.host` and `.url` are then what the client saw, and the access log has its address; a
    port that nobody tells is 0. With `unix`, peers on a UNIX socket are trusted too. Say which `fields` the proxies set:
    the others, which they pass on as clients send them, are not looked at. What is malformed is passed over. Register it
    before what asks for the client, the scheme or the host.

    Raises ValueError for what is no address or network, one with bits beyond its prefix included.
    """
    if isinstance(trusted, str):
        raise ValueError("trusted is a list of addresses and networks")
    if fields not in ("x-forwarded", "forwarded"):
        raise ValueError(f"fields is x-forwarded or forwarded, not {fields!r}")
    networks = [ip_network(network) for network in trusted]
    hops_of = _x_forwarded if fields == "x-forwarded" else _forwarded

    def is_trusted(client: Address | None) -> bool:
        if client is None:
            return unix
        address = ip_address(client.host)
        address = getattr(address, "ipv4_mapped", None) or address  # a socket for IPv6 that takes IPv4 too
        return any(address in network for network in networks)

    async def forwarded(request: Request, next: Next) -> Response:
        connection = request.exchange.connection
        client, scheme, host = connection.client, connection.scheme, request.head.host or ""
        if not is_trusted(client):
            return await next(request)
        for hop in hops_of(request.headers):
            scheme = _scheme(hop.get("proto", "")) or scheme
            host = _host(hop.get("host", "")) or host
            address = _address(hop.get("for", ""))
            client = address or client
            if address is None or not is_trusted(address):  # what is further to the left, that one could have made up
                break
        request.forwarded = Forwarded(client, scheme, host)
        return await next(request)

    return forwarded


def _x_forwarded(headers: Headers) -> Iterator[Hop]:
    """Give what each proxy says, the nearest first."""
    names = ("for", "proto", "host")
    columns = [reversed(_members(headers, f"x-forwarded-{name}")) for name in names]
    return (dict(zip(names, row, strict=True)) for row in zip_longest(*columns, fillvalue=""))


def _forwarded(headers: Headers) -> Iterator[Hop]:
    """Give what each proxy says, the nearest first; nothing for a malformed element."""
    # Split at every comma, in quotes too: a quote that a client opens cannot swallow what the proxy adds behind it.
    return map(_element, reversed(_members(headers, "forwarded")))


def _members(headers: Headers, name: str) -> list[str]:
    return [stripped for member in headers.get(name, "").split(",") if (stripped := member.strip(" \t"))]


def _element(text: str) -> Hop:
    hop: dict[str, str] = {}
    for part in filter(None, text.split(";")):
        pair = _PAIR.fullmatch(part.strip(" \t"))
        if pair is None or pair[1].lower() in hop:
            return {}
        hop[pair[1].lower()] = pair[2] or pair[3] or ""
    return hop


def _address(node: str) -> Address | None:
    match = _NODE.fullmatch(node)
    if match is None or int(match[3] or 0) > 65535:
        return None
    try:
        return Address(str(ip_address(match[1] or match[2] or match[4])), int(match[3] or 0))
    except ValueError:
        return None


def _scheme(proto: str) -> str:
    return _SCHEMES.get(proto.lower(), "")


def _host(host: str) -> str:
    try:
        return parse_host(host)
    except ProtocolError:
        return ""
