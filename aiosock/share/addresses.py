"""Addresses: the URLs at which this machine and others can reach a server."""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

from aiosock.config import Config
from aiosock.errors import ProtocolError
from aiosock.wire.target import parse_host

_DOCUMENTATION_ADDRESSES: Final = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses reserved for documentation (RFC 5737, RFC 3849): no machine has them. Nothing is sent to them."""


def local_names(config: Config) -> list[str]:
    """Return the hosts that a browser on this machine may ask for; none if other machines can reach the server.

    The addresses that will be bound count, not how they are spelled: `127.1` and an inherited socket may be local too.

    A hostile site can make its own name point to 127.0.0.1 after its page was loaded (DNS rebinding). Its requests then
    still have the name of the site in their Host field. If other machines can reach the server, its names are not
    known.
    """
    names = ["localhost", "127.0.0.1", "::1"]
    for address in config.bind or [f"[{config.host}]:0"]:
        host = address.rpartition(":")[0].strip("[]")
        places = list(_places(address, host))
        if not places or not all(place.is_loopback for place in places):
            return []
        names += [*map(str, places), *([] if address.startswith("fd:") else [host])]
    bracketed = (f"[{name}]" if ":" in name else name for name in names)
    return [name for name in dict.fromkeys(bracketed) if _can_be_asked_for(name)]


def _places(address: str, host: str) -> Iterator[IPv4Address | IPv6Address]:
    """Yield the addresses that binding `address` leads to; none for a UNIX socket, and for what cannot be bound."""
    # ValueError and OverflowError: a host or a number that is too long. The server refuses it when it binds.
    with suppress(OSError, ValueError, OverflowError):
        if address.startswith("unix:"):
            return
        if address.startswith("fd:"):
            with socket.socket(fileno=os.dup(int(address[3:]))) as sock:
                found = [sock.getsockname()] if sock.family in (socket.AF_INET, socket.AF_INET6) else []
        else:
            resolved = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            found = [place for _, _, _, _, place in resolved]
        yield from (ip_address(str(place[0]).partition("%")[0]) for place in found)


def _can_be_asked_for(name: str) -> bool:
    try:
        parse_host(name)
    except ProtocolError:
        return False
    return True


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
