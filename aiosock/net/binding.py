"""Binding: from the addresses of the configuration to listening sockets. Nothing is accepted here."""

import errno
import os
import re
import socket
import stat
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

from aiosock.config import Config
from aiosock.errors import ConfigError

_TCP = re.compile(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^:\[\]]*)):([0-9]{1,5})", re.ASCII)


ATTEMPTS: Final = 8
"""How often to try another free port where a name has several addresses."""

_Found = tuple[int, int, int, str, tuple[Any, ...]]


class _PortInUse(OSError):
    """The port that the first address of a name has is in use on another."""


class Bound:
    """A listening socket, TCP or UNIX, and its name.

    `is_shared` is True for an inherited socket: another process may hold it too, so its options are not ours to change.
    """

    def __init__(self, sock: socket.socket, *, is_shared: bool = False, path: str | None = None) -> None:
        self.sock: socket.socket = sock
        self.is_shared: bool = is_shared
        self._path = path
        self._inode = os.stat(path).st_ino if path else 0

    @property
    def url(self) -> str:
        """The address as a person types it to reach the server."""
        if self.sock.family == socket.AF_UNIX:
            return f"unix:{self.sock.getsockname()}"
        host, port = self.sock.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def close(self) -> None:
        """Close the socket. Remove the path of a UNIX socket, unless another server has taken it over."""
        self.sock.close()
        # Once: later another server may have a socket there, and even the same inode.
        path, self._path = self._path, None
        if path is not None:
            with suppress(FileNotFoundError):
                if os.stat(path).st_ino == self._inode:
                    os.unlink(path)


def bind(config: Config) -> list[Bound]:
    """Bind every address of the config, or none.

    Raises ConfigError, naming the address and the reason, for one that is malformed or not available.
    """
    bound: list[Bound] = []
    try:
        for address in config.bind or [_join(config.host, config.port)]:
            bound += _bind(address)
    except BaseException:
        for each in bound:
            each.close()
        raise
    return bound


def local_url(url: str) -> str:
    """Return the URL for a client on this machine: it cannot connect to an address that means "all interfaces"."""
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def _join(host: str, port: int) -> str:
    if _is_every_address(host):
        return f":{port}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_every_address(host: str) -> bool:
    """Return whether this is `::`: all addresses, of IPv4 too. As `[::]` in `bind` it means IPv6 only, as in nginx."""
    try:
        return ip_address(host) == IPv6Address(0)
    except ValueError:
        return False


def _bind(address: str) -> list[Bound]:
    kind, _, rest = address.partition(":")
    try:
        if kind == "unix":
            return [_bind_unix(rest)]
        if kind == "fd":
            return [_inherit(rest)]
        return _bind_tcp(address)
    except ConfigError:
        raise
    # Not only OSError: a host of 64 letters is a UnicodeError, a path with a NUL a ValueError, fd:2**64 an
    # OverflowError.
    except (OSError, ValueError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot listen on {address}: {reason}") from error


def _bind_tcp(address: str) -> list[Bound]:
    match = _TCP.fullmatch(address)
    if match is None or int(match[3]) > 65535:
        raise ConfigError(f"cannot listen on {address!r}: not HOST:PORT, [IPV6]:PORT, unix:PATH or fd:N")
    host, port = match[1] or match[2], int(match[3])
    flags = socket.AI_PASSIVE
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=flags)
    for _ in range(ATTEMPTS if port == 0 else 0):
        # The port that the kernel has chosen for one address may be in use on another.
        with suppress(_PortInUse):
            return _bind_all(found)
    return _bind_all(found)


def _bind_all(found: Sequence[_Found]) -> list[Bound]:
    bound: list[Bound] = []
    # A name such as localhost has several addresses. With port 0 all of them take the port of the first one.
    for family, _, _, _, place in dict.fromkeys(found):
        if family not in (socket.AF_INET, socket.AF_INET6):
            continue
        if bound:
            place = (place[0], bound[0].sock.getsockname()[1], *place[2:])
        try:
            bound.append(Bound(_tcp_socket(family, place)))
        except OSError as error:
            # A machine without IPv6 still has ::1 in its hosts file.
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) or len(found) == 1:
                for each in bound:
                    each.close()
                if bound and error.errno == errno.EADDRINUSE:
                    raise _PortInUse(error.errno, error.strerror) from error
                raise
    if not bound:
        raise OSError(errno.EADDRNOTAVAIL, "the address is not available")
    return bound


def _tcp_socket(family: int, place: tuple[Any, ...]) -> socket.socket:
    # With its protocol, which accepted sockets inherit: asyncio sets TCP_NODELAY only on sockets whose protocol is TCP.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # A restart must not wait until old connections leave TIME_WAIT. On Windows the option means something else.
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(place)
        sock.setblocking(False)
        sock.listen()  # now, so that a port on which another program listens is noticed here, not when serving starts
    except BaseException:
        sock.close()
        raise
    return sock


def _bind_unix(path: str) -> Bound:
    if not path:
        raise ConfigError("cannot listen on unix: without a path")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        sock.bind(path)
        sock.setblocking(False)
        sock.listen()
        return Bound(sock, path=path)
    except BaseException:
        sock.close()
        raise


def _remove_stale(path: str) -> None:
    """Remove the socket of a server that has ended; raise OSError for that of a running one, and for any other file."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            raise OSError(errno.EEXIST, "there is a file that is not a socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a running server whose backlog is full would make us wait
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:
            pass
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _inherit(number: str) -> Bound:
    if not number.isdecimal():
        raise ConfigError(f"cannot listen on fd:{number}: not a number")
    descriptor = os.dup(int(number))
    try:
        sock = socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        raise
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) or sock.type != socket.SOCK_STREAM:
        sock.close()
        raise OSError(errno.EINVAL, "it is not a listening stream socket")
    sock.setblocking(False)
    return Bound(sock, is_shared=True)
