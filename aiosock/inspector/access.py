"""Access: who may look into a server. A program on this machine, by a name of this machine, and no page of another site."""

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import Final

from aiosock.errors import ConfigError
from aiosock.net.binding import local_url
from aiosock.web.middleware.csrf import is_same_origin
from aiosock.web.request import Request
from aiosock.wire.target import without_port

HOME: Final = "/_aiosock/"
"""Where the page is."""

BELOW: Final = "/_aiosock/inspector/"
"""Where all else is that belongs to the page. Other tools have other paths below HOME."""

_PROXIED: Final = ("forwarded:", "via:", "x-forwarded-", "x-real-ip:")
"""Fields of a proxy. It may run on this machine while its clients do not."""


def is_for_inspector(path: str) -> bool:
    """Return whether a path is one of the inspector."""
    return path == HOME or path == HOME[:-1] or path.startswith(BELOW)


def may_look(request: Request, *, by_unix_socket: bool) -> bool:
    """Return whether a request may be answered by the inspector.

    It comes from a loopback address, not through a proxy, and its host is a name of this machine: a name that an
    attacker has in the DNS could lead here too (DNS rebinding). A page of another site may only link to the page.
    """
    client = request.exchange.connection.client  # the peer, whatever a proxy says
    if client is None:
        return by_unix_socket and is_local_name(request.host)
    if not is_loopback(client.host) or not is_local_name(request.host) or request.head.has_any(_PROXIED):
        return False
    is_page = request.method in ("GET", "HEAD") and not request.subpath.startswith(BELOW)
    return is_page or is_same_origin(request)


def is_local_name(host: str) -> bool:
    """Return whether a Host field names this machine whatever the DNS says (RFC 6761 section 6.3)."""
    name = without_port(host)
    return name == "localhost" or is_loopback(name.removeprefix("[").removesuffix("]"))


def is_loopback(address: str) -> bool:
    """Return whether this is an address of the loopback interface; `::ffff:127.0.0.1` is one as well."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return ip.is_loopback


def page_url(urls: Iterable[str]) -> str:
    """Return the URL of the page on a server with these addresses; "" if none of them leads there from this machine."""
    for url in urls:
        scheme, _, authority = local_url(url).partition("://")
        host, _, port = authority.rpartition(":")
        if scheme == "http" and is_local_name(host):
            return f"http://{host}:{port}{HOME}"
    return ""


def check_address(address: str) -> str:
    """Return the address of `--inspect`; raise ConfigError unless only this machine can reach it."""
    if address.startswith("unix:"):
        return address
    host = address.rpartition(":")[0]
    if host == "localhost" or is_loopback(host.removeprefix("[").removesuffix("]")):
        return address
    raise ConfigError(f"cannot inspect at {address!r}: not a loopback address such as 127.0.0.1:9000, nor unix:PATH")
