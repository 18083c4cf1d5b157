"""Addresses: the URLs at which this machine and others can reach a server."""

import socket
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from aiosock.config import Config

_DOCUMENTATION_ADDRESSES: Final = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses reserved for documentation (RFC 5737, RFC 3849): no machine has them. Nothing is sent to them."""


def local_url(url: str) -> str:
    """Return the URL for a browser on this machine: it cannot connect to an address that means "all interfaces"."""
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def local_names(config: Config) -> list[str]:
    """Return the hosts that a browser on this machine may ask for; none if other machines can reach the server.

    A hostile site can make its own name point to 127.0.0.1 after its page was loaded (DNS rebinding). Its requests then still
    have the name of the site in their Host field. If other machines can reach the server, its names are not known.
    """
    hosts = [address.rpartition(":")[0].strip("[]") for address in config.bind] or [config.host]
    if not all(map(_is_loopback, hosts)):
        return []
    return ["localhost", "127.0.0.1", "[::1]", *(f"[{host}]" if ":" in host else host for host in hosts)]


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a host name, which only the system can resolve, or a UNIX socket
        return False


def lan_urls(urls: Sequence[str]) -> list[str]:
    """Return the URLs at which other machines reach a server with these `urls`; none if it listens on this machine only."""
    found: list[str] = []
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname is None:  # a UNIX socket
            continue
        address = ip_address(parts.hostname)
        if address.is_unspecified:
            own = _own_address(socket.AF_INET6 if address.version == 6 else socket.AF_INET)
            found += [f"http://[{own}]:{parts.port}" if ":" in own else f"http://{own}:{parts.port}"] if own else []
        elif not address.is_loopback:
            found.append(url)
    return found


def _own_address(family: socket.AddressFamily) -> str:
    """Return the address from which this machine would send, "" if it has no network."""
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect(
            (_DOCUMENTATION_ADDRESSES[family], 9)
        )  # sends nothing on a datagram socket: the kernel only chooses the route
        return str(sock.getsockname()[0])
    return ""
