"""Link: what parent and child tell each other, and the sockets that they pass on (unix(7), SCM_RIGHTS).

A message is a line of JSON. The link closes with the process at its other end, so each of them notices the other's death.
"""

import json
import os
import select
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from aiosock.stopping import exit_now

ENVIRONMENT: Final = "_AIOSOCK_RELOAD"
"""The variable that tells a process that it is the child. It does not look like an option."""

STANDARD_ERROR: Final = 2
"""Its descriptor, whatever the program has made of `sys.stderr`."""

Word = Literal[
    # From the parent.
    "go",  # start to serve: the predecessor has ended
    "adopt",  # a connection comes with it: serve it
    "changed",  # browsers have to know of these files
    "leave",  # stop accepting, hand on the idle connections, finish the requests under way, end
    "end",  # stop as after a signal
    # From the child.
    "begun",  # the program has been imported, and waits for "go"
    "ready",  # it accepts
    "kept",  # an idle connection comes with it
    "failed",  # it cannot serve; with the reason
]

ORPHAN_SECONDS: Final = 10.0
"""The time in which a child that has lost its parent has to end."""

_SIZE: Final = 64 * 1024
_SOCKETS: Final = 64
"""Bytes and sockets to receive at once."""


@dataclass(frozen=True, slots=True)
class Message:
    """A word, what goes with it, and perhaps a socket, which belongs to whoever has the message."""

    word: Word
    about: Any = None
    sock: socket.socket | None = None


class Link:
    """One end of the link. Its methods block, for a moment only: the other end reads in a thread of its own."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def tell(self, word: Word, about: object = None, sock: socket.socket | None = None) -> None:
        """Send a message; close `sock`, which the other end has then. If that end is gone, nothing happens."""
        line = json.dumps([word, about, sock is not None]).encode() + b"\n"
        with suppress(OSError):
            if sock is None:
                self._sock.sendall(line)
            else:
                socket.send_fds(self._sock, [line], [sock.fileno()])
        if sock is not None:
            sock.close()

    def messages(self) -> Iterator[Message]:
        """Yield what the other end tells, until it closes."""
        rest, sockets = b"", deque[socket.socket]()
        while received := self._receive(sockets):
            *lines, rest = (rest + received).split(b"\n")
            for line in lines:
                word, about, has_socket = json.loads(line)
                yield Message(word, about, sockets.popleft() if has_socket else None)

    def _receive(self, sockets: deque[socket.socket]) -> bytes:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._sock, _SIZE, _SOCKETS)
        except OSError:
            return b""
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
            sockets.append(socket.socket(fileno=descriptor))
        return data

    def close(self) -> None:
        """End it: a thread that waits in `messages` wakes."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What the child gets from its parent: descriptors of the link, of standard error and of the listening sockets.

    While the program is imported, its standard error is a pipe to the parent, which keeps what is said in case that fails.
    """

    link: int
    standard_error: int
    listeners: tuple[int, ...]
    is_first: bool

    @property
    def descriptors(self) -> tuple[int, ...]:
        """All of them."""
        return (self.link, self.standard_error, *self.listeners)

    def encode(self) -> str:
        """Return the value of the variable."""
        return json.dumps([self.link, self.standard_error, self.listeners, self.is_first])


@cache
def inheritance() -> Inheritance | None:
    """Return what this process has inherited, the same each time; None if no parent has started it.

    The programs that it starts inherit nothing of it.
    """
    value = os.environ.pop(ENVIRONMENT, None)
    if value is None:
        return None
    link, standard_error, listeners, is_first = json.loads(value)
    inherited = Inheritance(link, standard_error, tuple(listeners), is_first)
    for descriptor in inherited.descriptors:
        os.set_inheritable(descriptor, False)
    return inherited


@cache
def end_with_parent(link: int) -> None:
    """End this process when its parent is gone, from now on: also while the program is imported, which may take for ever."""
    threading.Thread(target=_end_with_parent, args=(link,), name="reload", daemon=True).start()


def _end_with_parent(link: int) -> None:
    poll = select.poll()
    poll.register(link, 0)  # only for the end of it: what is told is read by somebody else
    if poll.poll()[0][1] & select.POLLNVAL:  # the program has closed it
        return
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(ORPHAN_SECONDS)  # in a thread of our own: a handler may block the loop
    exit_now(1)
