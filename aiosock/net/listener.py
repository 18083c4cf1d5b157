"""Listeners: bound sockets that are held while accepting on them is paused and resumed.

Closing an `asyncio.Server` closes its sockets, and the kernel then resets the clients that wait in their backlog. So the
listener keeps the socket itself and lets asyncio accept on a `dup`: closing that one only pauses.
"""

import array
import asyncio
import errno
import os
import re
import select
import socket
import stat
import struct
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from aiosock.config import Config
from aiosock.errors import ConfigError

SETTLING_TURNS: Final = 8
"""Turns of the loop from accepting a connection to serving it, four in asyncio, and some to spare."""

NOT_SENT_BYTES: Final = 128 * 1024
"""What the kernel takes for a peer beyond what it has sent: enough for a fast one."""

TCP_NOTSENT_LOWAT: Final = 25  # Linux; named by Python from 3.12 on
SO_ATTACH_FILTER: Final = 26  # Linux; Python's socket module does not name it

Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_TCP = re.compile(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^:\[\]]*)):([0-9]{1,5})", re.ASCII)


class Listener:
    """One listening socket, TCP or UNIX."""

    def __init__(self, sock: socket.socket, backlog: int, *, is_ours: bool = True, unlink: str | None = None) -> None:
        """Take over a listening socket. One that `is_ours` nobody else holds: what is done to it reaches no other."""
        self.sock = sock
        self._is_ours = is_ours
        self._backlog = backlog
        self._unlink = unlink
        self._inode = os.stat(unlink).st_ino if unlink else 0
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """What a person types to reach it."""
        if self.sock.family == socket.AF_UNIX:
            return f"unix:{self.sock.getsockname()}"
        host, port = self.sock.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def resume(self, connected: Connected, *, at_once: int, read_buffer_bytes: int) -> None:
        """Start accepting, `at_once` in a turn of the loop: each connection is served by a task that awaits `connected`.

        Raises OSError where there is no descriptor for the dup.
        """
        if self._server is not None:
            return
        options: dict[str, Any] = {"sock": self.sock.dup(), "backlog": at_once, "limit": read_buffer_bytes}
        if self.sock.family == socket.AF_UNIX:
            if sys.version_info >= (3, 13):
                options["cleanup_socket"] = False  # the path is ours to remove, and not at a pause
            self._server = await asyncio.start_unix_server(connected, **options)
        else:
            self._server = await asyncio.start_server(connected, **options)
        # asyncio accepts as many at once as the backlog it is given, and listens with that: give the kernel its own back.
        self.sock.listen(self._backlog)
        if sys.platform == "linux" and self.sock.family != socket.AF_UNIX:
            # Inherited by what is accepted. Without it megabytes wait in the kernel for a slow peer, which the transport
            # hears nothing of before a third of them is gone: it would look as if the peer took nothing.
            self.sock.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOT_SENT_BYTES)

    def pause(self) -> None:
        """Stop accepting; clients wait in the kernel's backlog. What has been accepted is served."""
        server, self._server = self._server, None
        if server is None:
            return
        loop = asyncio.get_running_loop()
        if isinstance(loop, asyncio.SelectorEventLoop):
            # asyncio attaches a connection to its server a turn after accepting it, and drops it where the server has
            # been closed in between. So stop accepting now, and close when those under way have arrived.
            for sock in server.sockets:
                loop.remove_reader(sock)
            _call_after(SETTLING_TURNS, server.close)
        else:
            server.close()

    @property
    def is_awaited(self) -> bool:
        """Say whether a client waits in the backlog."""
        if self.sock.fileno() < 0 or sys.platform == "win32":
            return False
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(0))

    def accept_rest(self) -> list[socket.socket]:
        """Give the connections that wait in the backlog, and close: what the kernel has accepted for us is not lost."""
        self.pause()
        if self._is_ours:
            _drop_new_connections(self.sock)
        accepted: list[socket.socket] = []
        with suppress(OSError):  # BlockingIOError: no more; anything else must not keep the others from being served
            while True:
                sock, _ = self.sock.accept()
                sock.setblocking(False)
                accepted.append(sock)
        self.close()
        return accepted

    def close(self) -> None:
        """Stop listening, and remove the path of a UNIX socket unless another server has taken it over."""
        self.pause()
        self.sock.close()
        # Once: after that another server may have a socket there, and even the same inode.
        path, self._unlink = self._unlink, None
        if path is not None:
            try:
                if os.stat(path).st_ino == self._inode:
                    os.unlink(path)
            except FileNotFoundError:
                pass


def _drop_new_connections(sock: socket.socket) -> None:
    """Let the kernel ignore SYNs to a listening TCP socket, on Linux; connections already under way come through.

    Between the last `accept` and `close` there are microseconds in which the kernel would complete another handshake,
    and then reset it. A client whose SYN is ignored sends it again after a second, and is refused.
    """
    if sys.platform != "linux" or sock.family == socket.AF_UNIX:
        return
    # Classic BPF: load the byte with the TCP flags (offset 13); is SYN (2) set? then take 0 bytes, else all of them.
    program = [(0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF)]
    code = array.array("B", b"".join(struct.pack("HBBI", *instruction) for instruction in program))
    with suppress(OSError):  # a sandbox may forbid it
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program), code.buffer_info()[0]))


def _call_after(turns: int, function: Callable[[], None]) -> None:
    if turns:
        asyncio.get_running_loop().call_soon(_call_after, turns - 1, function)
    else:
        function()


def open_listeners(config: Config) -> list[Listener]:
    """Bind what the config names; all or none.

    Raises ConfigError, naming the address and the reason, for one that is malformed or cannot be had.
    """
    listeners: list[Listener] = []
    try:
        for address in config.bind or [_join(config.host, config.port)]:
            listeners += _open(address, config.backlog)
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _open(address: str, backlog: int) -> list[Listener]:
    kind, _, rest = address.partition(":")
    try:
        if kind == "unix":
            return [_open_unix(rest, backlog)]
        if kind == "fd":
            return [_open_fd(rest, backlog)]
        return _open_tcp(address, backlog)
    except ConfigError:
        raise
    # Not only OSError: a host of 64 letters is a UnicodeError, a path with a NUL a ValueError, fd:2**64 an OverflowError.
    except (OSError, ValueError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot listen on {address}: {reason}") from error


def _open_tcp(address: str, backlog: int) -> list[Listener]:
    match = _TCP.fullmatch(address)
    if match is None or int(match[3]) > 65535:
        raise ConfigError(f"cannot listen on {address!r}: not HOST:PORT, [IPV6]:PORT, unix:PATH or fd:N")
    host, port = match[1] or match[2], int(match[3])
    flags = socket.AI_PASSIVE
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=flags)
    listeners: list[Listener] = []
    # A name such as localhost stands for several addresses; with port 0 they all take the first one's.
    for family, _, _, _, place in dict.fromkeys(found):
        if family not in (socket.AF_INET, socket.AF_INET6):
            continue
        if listeners:
            place = (place[0], listeners[0].sock.getsockname()[1], *place[2:])
        try:
            listeners.append(Listener(_bound(family, place), backlog))
        except OSError as error:
            # A machine without IPv6 still has ::1 in its hosts file.
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) or len(found) == 1:
                for listener in listeners:
                    listener.close()
                raise
    if not listeners:
        raise OSError(errno.EADDRNOTAVAIL, "the address is not available")
    return listeners


def _bound(family: int, place: tuple[Any, ...]) -> socket.socket:
    # With its protocol, which accepted sockets inherit: asyncio sets TCP_NODELAY only where a socket says that it is TCP.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # A restart must not wait for the old connections' TIME_WAIT; on Windows the option means something else.
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(place)
        sock.setblocking(False)
        sock.listen()  # now: a port that another program listens on is found here, not when serving starts
    except BaseException:
        sock.close()
        raise
    return sock


def _open_unix(path: str, backlog: int) -> Listener:
    if not path:
        raise ConfigError("cannot listen on unix: without a path")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        sock.bind(path)
        sock.setblocking(False)
        sock.listen()
        return Listener(sock, backlog, unlink=path)
    except BaseException:
        sock.close()
        raise


def _remove_stale(path: str) -> None:
    """Remove the socket of a server that is gone; leave a living one, and anything that is no socket."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            raise OSError(errno.EEXIST, "there is a file that is not a socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a living one whose backlog is full would let us wait
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:
            pass
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _open_fd(number: str, backlog: int) -> Listener:
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
    return Listener(sock, backlog, is_ours=False)
