"""What only the kernel knows of sockets, files and threads, and what only it can do: mostly Linux, with a plain answer elsewhere."""

import array
import errno
import os
import select
import socket
import struct
import sys
from contextlib import suppress
from typing import Final, NamedTuple

if sys.platform != "win32":
    import fcntl
if sys.platform == "linux":
    import termios

NOT_SENT_BYTES: Final = 128 * 1024
"""What the kernel takes for a peer beyond what it has sent: enough for a fast one."""

_MOST_DESCRIPTORS: Final = 1_048_576
"""The default of fs.nr_open on Linux, for a process that may have any number."""

_NOWAIT: Final[int] = getattr(os, "RWF_NOWAIT", 0)
"""Only on Linux, and not with a musl before 1.2.5 (Alpine 3.19)."""

_NONE_LEFT: Final = frozenset({errno.EMFILE, errno.EINVAL})
"""Errors of F_DUPFD: no number is free, or the smallest that was asked for is at the limit of the process."""

_UNUSED: Final = [bytearray(1)]
"""Where bytes are read to that nobody needs."""

# Constants of Linux. Python names the first from 3.12 on, and never the second.
_TCP_NOTSENT_LOWAT: Final = 25
_SO_ATTACH_FILTER: Final = 26


def unacknowledged(sock: socket.socket | None) -> int:
    """Return how many bytes the kernel holds that the peer has not acknowledged; 0 where it does not tell (tcp(7), SIOCOUTQ)."""
    if sock is None or sys.platform != "linux":
        return 0
    with suppress(OSError, ValueError):  # ValueError: it has been closed
        (queued,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))
        return int(queued)
    return 0


def received_bytes(sock: socket.socket | None) -> int | None:
    """Return how many bytes of a TCP peer have arrived; None where the kernel does not tell (tcp(7), TCP_INFO of Linux 4.1).

    The kernel counts them anyway. So we need not.
    """
    if sock is None or sys.platform != "linux" or sock.family == socket.AF_UNIX:
        return None
    with suppress(OSError):  # it has been closed
        # struct tcp_info: 8 bytes, 24 words of 32 bits, then words of 64 bits: the fourth is tcpi_bytes_received.
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 136)
        return int.from_bytes(info[128:136], sys.byteorder) if len(info) == 136 else None
    return None


def is_in_memory(descriptor: int, start: int, stop: int) -> bool:
    """Return whether a piece of a file seems to be in the page cache, so that to read it does not wait for a disk.

    The first and the last page are asked for: reading all would cost half as much as copying. False where the kernel
    does not tell: for tmpfs, overlayfs, FUSE and NFS, and on other systems than Linux (preadv2(2), RWF_NOWAIT).
    """
    if not _NOWAIT:
        return False
    try:
        os.preadv(descriptor, _UNUSED, start, _NOWAIT)
        os.preadv(descriptor, _UNUSED, stop - 1, _NOWAIT)
    except OSError:
        return False
    return True


class ThreadTimes(NamedTuple):
    """What the scheduler has done with a thread, in seconds; `is_runnable` if it runs now, or waits for a processor."""

    running: float
    waiting: float
    is_runnable: bool


def thread_times(native_id: int) -> ThreadTimes | None:
    """Return the times of a thread of this process; None where the kernel does not tell (proc(5), Linux only).

    `waiting` is the time in which the thread was runnable and other threads had the processors. A wait counts when it
    ends.
    """
    try:
        with open(f"/proc/self/task/{native_id}/schedstat", "rb") as file:
            running, waiting = map(int, file.read().split()[:2])
        with open(f"/proc/self/task/{native_id}/stat", "rb") as file:
            state = file.read().rpartition(b") ")[2][:1]
    except (OSError, ValueError):
        return None
    return ThreadTimes(running / 1e9, waiting / 1e9, state == b"R")


def has_hung_up(sock: socket.socket | None) -> bool:
    """Return whether the peer has reset the connection. A transport that does not read does not notice."""
    if sock is None or sys.platform == "win32":
        return False
    poll = select.poll()
    poll.register(sock.fileno(), 0)
    return any(events & (select.POLLHUP | select.POLLERR) for _, events in poll.poll(0))


def is_readable(sock: socket.socket) -> bool:
    """Return whether something has arrived: for a listening socket, whether a client waits in its backlog."""
    if sock.fileno() < 0 or sys.platform == "win32":
        return False
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def free_descriptors(sock: socket.socket, most: int) -> int:
    """Return how many descriptors the process has left, up to `most`; `most` where the kernel does not tell.

    Linux tells how many are open since 6.2 (proc(5), /proc/PID/fd): nearly always few enough. Otherwise each that is
    left is taken as a copy of the open `sock`, and given back before the next, so no thread lacks one meanwhile
    (fcntl(2), F_DUPFD). That takes 1 us for each.
    """
    limit = descriptor_limit()
    if sys.platform == "win32" or limit is None or sock.fileno() < 0:
        return most
    if 0 < _open_descriptors() <= limit - most:
        return most
    number = -1
    for found in range(most):
        try:
            number = fcntl.fcntl(sock, fcntl.F_DUPFD_CLOEXEC, number + 1)
        except OSError as error:
            return found if error.errno in _NONE_LEFT else most
        os.close(number)
    return most


def _open_descriptors() -> int:
    """Return how many descriptors the process has open; 0 where the kernel does not tell."""
    try:
        return os.stat("/proc/self/fd").st_size
    except OSError:
        return 0


def descriptor_limit() -> int | None:
    """Return how many descriptors the process may have open (getrlimit(2), RLIMIT_NOFILE); None for any number."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def reset_when_closed(sock: socket.socket | None) -> None:
    """Have the kernel send a reset when the socket is closed, and drop what it has not sent (socket(7), SO_LINGER)."""
    if sock is not None:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def limit_unsent(sock: socket.socket) -> None:
    """Bound what the kernel keeps unsent for each connection that a listening TCP socket will accept, on Linux.

    Without the bound, megabytes wait in the kernel for a slow peer. The transport hears nothing before a third of them
    is gone, so the peer would seem to take nothing.
    """
    if sys.platform == "linux" and sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, NOT_SENT_BYTES)


def backlog_of(sock: socket.socket) -> int | None:
    """Return the backlog that a listening TCP socket was given, on Linux; None where the kernel does not tell (tcp(7), TCP_INFO)."""
    if sys.platform != "linux" or sock.family == socket.AF_UNIX:
        return None
    # struct tcp_info: 8 bytes, then 32-bit words; of a listening socket the sixth word, tcpi_sacked, is its backlog.
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
    return int.from_bytes(info[28:32], sys.byteorder)


def raise_descriptor_limit() -> None:
    """Raise the soft limit of open files (RLIMIT_NOFILE) to the hard one, as Go programs do at their start.

    The soft limit is 1024 by custom, for programs that use `select`. It would limit the connections without any need.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # some systems have a limit below the one that they tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def drop_new_connections(sock: socket.socket) -> None:
    """Have the kernel ignore SYNs to a listening TCP socket, on Linux; connections already under way arrive.

    Between the last `accept` and `close` there are microseconds in which the kernel would complete another handshake
    and then reset it. A client whose SYN is ignored sends it again after a second, and is refused.
    """
    if sys.platform != "linux" or sock.family == socket.AF_UNIX:
        return
    # Classic BPF: load the byte with the TCP flags (offset 13); is SYN (2) set? then take 0 bytes, else all of them.
    program = [(0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF)]
    code = array.array("B", b"".join(struct.pack("HBBI", *instruction) for instruction in program))
    with suppress(OSError):  # a sandbox may forbid it
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(program), code.buffer_info()[0]))
