"""Program: one run of the program as a child process, seen from the parent."""

import asyncio
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from aiosock.dev.reload.failure import Failure, failure_of
from aiosock.dev.reload.link import ENVIRONMENT, STANDARD_ERROR, Inheritance, Link, Message

KEPT_BYTES: Final = 64 * 1024
"""The end of what a program prints while it is imported: enough for a traceback."""

_READ_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Launch:
    """How each child is started: the command, its environment, and the listening sockets that it inherits."""

    command: Sequence[str]
    environment: Mapping[str, str]
    listeners: Sequence[socket.socket]


class Program:
    """A child process with its link. Its two callbacks are called in the loop in which it was made."""

    def __init__(
        self,
        launch: Launch,
        *,
        is_first: bool,
        on_message: Callable[["Program", Message], None],
        on_end: Callable[["Program"], None],
    ) -> None:
        """Start it. Raises OSError where no process can be started."""
        self._loop = asyncio.get_running_loop()
        self._on_message = on_message
        self._on_end = on_end
        self.has_begun: bool = False
        self.is_ready: bool = False
        self.ended: asyncio.Event = asyncio.Event()
        self._said = b""
        self._reason = ""
        ours, theirs = socket.socketpair()
        reading, writing = os.pipe()
        inherited = Inheritance(
            theirs.fileno(), _standard_error(), tuple(sock.fileno() for sock in launch.listeners), is_first
        )
        self.link: Link = Link(ours)
        self._said_by = os.fdopen(reading, "rb", buffering=0)
        with theirs:
            try:
                self._process = subprocess.Popen(
                    launch.command,
                    env={**launch.environment, ENVIRONMENT: inherited.encode()},
                    pass_fds=inherited.descriptors,
                    stderr=writing,
                )
            except OSError:
                self.link.close()
                self._said_by.close()
                raise
            finally:
                os.close(writing)
                os.close(inherited.standard_error)
        self._threads = [
            threading.Thread(target=work, name="child", daemon=True) for work in (self._relay, self._listen)
        ]
        for thread in self._threads:
            thread.start()
        threading.Thread(target=self._wait, name="child", daemon=True).start()

    @property
    def failure(self) -> Failure:
        """Why it has ended, although nobody told it to."""
        status = self._process.returncode
        how = f"with status {status}" if status >= 0 else f"by {signal.Signals(-status).name}"
        when = "after" if self.is_ready else "before"
        ending = f"the program ended {how} {when} it served requests"
        said = self._reason or ("" if self.is_ready else self._said.decode("utf-8", "replace"))
        return failure_of(said, ending)

    @property
    def status(self) -> int:
        """Its exit status as a shell would tell it."""
        status = self._process.returncode
        return status if status >= 0 else 128 - status

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def ends_within(self, seconds: float) -> bool:
        """Wait for its end, for so long at most; return whether it has ended."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.ended.wait(), seconds)
        return self.ended.is_set()

    # In threads.

    def _relay(self) -> None:
        """Pass on what it prints on standard error while it is imported, and keep the end of it."""
        with self._said_by as stream:
            while piece := stream.read(_READ_BYTES):
                self._said = (self._said + piece)[-KEPT_BYTES:]
                with suppress(OSError):
                    os.write(STANDARD_ERROR, piece)

    def _listen(self) -> None:
        for message in self.link.messages():
            self._call(self._told, message)

    def _wait(self) -> None:
        self._process.wait()
        for thread in self._threads:
            thread.join(1.0)  # a process that it has left behind may have its standard error
        self._call(self._end)

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop has been closed
            self._loop.call_soon_threadsafe(function, *arguments)

    # In the loop.

    def _told(self, message: Message) -> None:
        if message.word == "failed":
            self._reason = str(message.about)
        self.has_begun = self.has_begun or message.word == "begun"
        self.is_ready = self.is_ready or message.word == "ready"
        self._on_message(self, message)

    def _end(self) -> None:
        self.link.close()
        self.ended.set()
        self._on_end(self)


def _standard_error() -> int:
    """Return a copy of our standard error for the child; the null device if it is closed."""
    try:
        return os.dup(STANDARD_ERROR)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)
