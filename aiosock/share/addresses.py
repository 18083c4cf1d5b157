"""Where this machine and others reach a server."""

import socket
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from aiosock.config import Config

_DOCUMENTATION_ADDRESSES: Final = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses for documentation (RFC 5737, RFC 3849): nobody has them, and nothing is sent."""


def local_url(url: str) -> str:
    """Give the URL that a browser on this machine opens: nobody can connect to the address that stands for all."""
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def local_names(config: Config) -> list[str]:
    """Give the hosts that a browser on this machine asks for; none where others may reach the server too.

    A page of any site can be at 127.0.0.1 a moment after it was loaded (DNS rebinding): the Host field still has the name
    of the site. Where others reach the server, nobody can tell by which names.
    """
    hosts = [address.rpartition(":")[0].strip("[]") for address in config.bind] or [config.host]
    if not all(map(_is_loopback, hosts)):
        return []
    return ["localhost", "127.0.0.1", "[::1]", *(f"[{host}]" if ":" in host else host for host in hosts)]


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name of which only the system knows the address, or what is no TCP
        return False


def lan_urls(urls: Sequence[str]) -> list[str]:
    """Give the URLs that others can type, for those of a server: none where it listens on this machine only."""
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
    """Give the address that this machine would send from; "" where it reaches nobody."""
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect((_DOCUMENTATION_ADDRESSES[family], 9))  # of a datagram socket: it only looks up the way
        return str(sock.getsockname()[0])
    return ""
