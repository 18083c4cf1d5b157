"""The client behind proxies: X-Forwarded-For, -Proto and -Host, or Forwarded (RFC 7239).

Anybody can send these fields. So they are read from the right, where the nearest proxy adds its values, and only as far
as the proxies are trusted.
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
"""What one proxy says of its client: `for`, `proto` and `host`, each if it is there."""

_NODE = re.compile(r"(?:\[([0-9A-Fa-f:.]++)\]|([0-9.]++))(?::([0-9]{1,5}+))?+|([0-9A-Fa-f:.]++)")
"""An address, with or without a port: RFC 7239 section 6, and IPv6 without brackets, as in X-Forwarded-For."""

_PAIR = re.compile(rf'([{TCHAR}]++)=(?:([{TCHAR}]++)|"([^"\\]*+)")')
"""RFC 7239 section 4, without quoted pairs, which no address and no host needs."""

_SCHEMES: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
"""Some proxies, such as Traefik, send ws or wss for a WebSocket, but its request is HTTP like any other."""


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

    `request.client`, `.scheme`, `.host` and `.url` are then those that the client used, and the access log has the
    client's address. The port is 0 if no proxy sends it. With `unix`, peers on a UNIX socket are trusted too. `fields`
    says which fields the proxies set. The others are ignored: proxies pass them on as the client has sent them.
    Malformed values are ignored. Register it before middleware that needs the client, the scheme or the host.

    Raises ValueError for an invalid address or network, and for a network with bits beyond its prefix.
    """
    if isinstance(trusted, str):
        raise ValueError("trusted must be a list of addresses and networks")
    if fields not in ("x-forwarded", "forwarded"):
        raise ValueError(f"fields must be x-forwarded or forwarded, not {fields!r}")
    networks = [ip_network(network) for network in trusted]
    hops_of = _x_forwarded if fields == "x-forwarded" else _forwarded

    def is_trusted(client: Address | None) -> bool:
        if client is None:
            return unix
        address = ip_address(client.host)
        address = getattr(address, "ipv4_mapped", None) or address  # an IPv6 socket that accepts IPv4 too
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
            if address is None or not is_trusted(address):  # this peer may have invented the values further left
                break
        request.forwarded = Forwarded(client, scheme, host)
        return await next(request)

    return forwarded


def _x_forwarded(headers: Headers) -> Iterator[Hop]:
    """Return what each proxy says, the nearest first."""
    names = ("for", "proto", "host")
    columns = [reversed(_members(headers, f"x-forwarded-{name}")) for name in names]
    return (dict(zip(names, row, strict=True)) for row in zip_longest(*columns, fillvalue=""))


def _forwarded(headers: Headers) -> Iterator[Hop]:
    """Return what each proxy says, the nearest first; an empty Hop for a malformed element."""
    # Split at every comma, in quotes too: a quote that the client opens must not swallow what the proxy adds after it.
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
