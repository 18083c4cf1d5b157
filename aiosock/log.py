"""Logging: the names of the loggers, the id of the request in their lines, and lines for a reader that may stand still.

`aiosock.server` is for what the server does, `aiosock.app` for errors in handlers, `aiosock.access` for the access log.
Nothing here configures logging: programs do, and `runner` for programs that do not.
"""

import logging
import os
import select
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import Final, Protocol, TextIO

server_logger: logging.Logger = logging.getLogger("aiosock.server")
access_logger: logging.Logger = logging.getLogger("aiosock.access")

CONTROL_ESCAPES: Final = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
"""For `str.translate`: characters that could add a line or control a terminal, C1 controls too (CWE-117, CWE-150)."""

request_ids: ContextVar[tuple[str, str]] = ContextVar("aiosock.request_ids", default=("-", "-"))
"""The id of the request that is being handled and that of its trace; set by the middleware `request_id`."""

failures: ContextVar[list[Exception] | None] = ContextVar("aiosock.failures", default=None)
"""A list for the exceptions of handlers that nothing has handled; the client for tests sets one for its connections."""


def note_failure(error: BaseException) -> None:
    """Add an exception to the list in `failures`, if there is one; not SystemExit and its like."""
    raised = failures.get()
    if raised is not None and isinstance(error, Exception):
        raised.append(error)


class RequestIdFilter(logging.Filter):
    """Adds the attributes `request_id` and `trace_id` to records, for formats: `-` outside a request.

    Add it to handlers, not to loggers: a logger does not filter the records of its children. `in_request` is the id in
    brackets and a space, or nothing.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record."""
        request_id, trace_id = request_ids.get()
        in_request = "" if request_id == "-" else f"[{request_id}] "
        record.__dict__.update(request_id=request_id, trace_id=trace_id, in_request=in_request)
        return True


# Lines for a reader that may stand still.

CHUNK_BYTES: Final = getattr(select, "PIPE_BUF", 512)
"""A pipe that is writable takes so much without waiting (POSIX, select and write)."""

CLOSING_SECONDS: Final = 1.0
"""Time for a slow reader to take the last lines."""


class Outlet(Protocol):
    """The place where lines go."""

    def write(self, lines: bytes) -> None:
        """Take whole lines. Raises OSError for a place that takes none: a closed pipe, a full disk."""

    def close(self, seconds: float = CLOSING_SECONDS) -> None:
        """Wait this time for a slow reader of the lines, and release the place."""


class StreamOutlet:
    """Lines for a stream without a descriptor, which is in memory and has no reader to wait for."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, lines: bytes) -> None:
        """Write them."""
        if self._stream is not None:
            self._stream.write(lines.decode("utf-8", "backslashreplace"))
            self._stream.flush()

    def close(self, seconds: float = CLOSING_SECONDS) -> None:
        """Do nothing: the stream belongs to the program."""


class DescriptorOutlet:
    """Lines for a descriptor. A pipe or a terminal whose reader stands still never makes the caller wait.

    Then lines wait, `limit` bytes of them, and a thread writes them when the reader goes on. Further lines are dropped.
    `report` is called with 0 when that begins, and later with the number of dropped lines.
    """

    def __init__(self, descriptor: int, limit: int, report: Callable[[int], None]) -> None:
        """Take over the descriptor: `close` closes it."""
        self._descriptor = descriptor
        self._limit = limit
        self._report = report
        self._lock = threading.RLock()
        self._waiting = bytearray()
        self._dropped = 0
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def write(self, lines: bytes) -> None:
        """Write what can be written now; keep or drop the rest."""
        with self._lock:
            if not self._waiting:
                lines = lines[write_ready(self._descriptor, lines) :]
            if not lines:
                return
            if is_full := len(self._waiting) + len(lines) > max(self._limit, len(lines)):
                is_first = not self._dropped
                self._dropped += lines.count(b"\n")
            else:
                self._waiting += lines
                self._start()
        if is_full and is_first:
            self._report(0)

    def close(self, seconds: float = CLOSING_SECONDS) -> None:
        """Wait this time for a slow reader of the lines, drop the others, and close."""
        if thread := self._thread:
            thread.join(seconds)
        with self._lock:
            self._is_closed = True
            self._drop_waiting()
            if self._thread is None:  # otherwise it waits for this descriptor, whose number must not be given away
                os.close(self._descriptor)
        self._report_dropped()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_waiting, name="aiosock-log", daemon=True)
            self._thread.start()

    def _write_waiting(self) -> None:
        while self._thread is not None:
            wait_until_writable(self._descriptor)
            with self._lock:
                try:
                    written = write_ready(self._descriptor, self._waiting)
                    del self._waiting[:written]
                except OSError:  # the reader has gone
                    self._drop_waiting()
                if not self._waiting:
                    self._thread = None
                    if self._is_closed:
                        os.close(self._descriptor)
        self._report_dropped()

    def _drop_waiting(self) -> None:
        self._dropped += self._waiting.count(b"\n")
        self._waiting.clear()

    def _report_dropped(self) -> None:
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        if dropped:
            self._report(dropped)


def outlet_of(stream: TextIO | None, limit: int, report: Callable[[int], None]) -> Outlet:
    """Return the outlet for a standard stream, whose flags stay as they are."""
    descriptor = descriptor_of(stream)
    return StreamOutlet(stream) if descriptor is None else DescriptorOutlet(_own(descriptor), limit, report)


def descriptor_of(stream: TextIO | None) -> int | None:
    """Return the descriptor of a stream, None if it has none."""
    with suppress(AttributeError, OSError, ValueError):  # a program may have put anything in the place of a stream
        return stream.fileno() if stream is not None else None
    return None


def is_same_file(one: TextIO | None, other: TextIO | None) -> bool:
    """Return whether two streams write to the same terminal, pipe or file."""
    first, second = descriptor_of(one), descriptor_of(other)
    if first is None or second is None:
        return False
    with suppress(OSError):
        return os.path.samestat(os.fstat(first), os.fstat(second))
    return False


def is_ready(stream: TextIO | None, milliseconds: int = 0) -> bool:
    """Return whether a stream takes a few lines now, or within this time, without waiting for its reader."""
    descriptor = descriptor_of(stream)
    return descriptor is None or wait_until_writable(descriptor, milliseconds)


def _own(descriptor: int) -> int:
    """Return a descriptor of the same pipe or terminal that does not block, or a copy of this one.

    O_NONBLOCK belongs to the open file, which other processes have too, and a copy. So the file is opened anew.
    """
    with suppress(OSError, AttributeError):  # AttributeError: Windows has no such flags
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY
            return os.open(f"/proc/self/fd/{descriptor}", flags)
    return os.dup(descriptor)


def write_ready(descriptor: int, lines: bytes | bytearray) -> int:
    """Write as much as possible without waiting; return how much. Raises OSError if nothing can be written at all."""
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.write(descriptor, lines)  # at once: other processes may append to the same file
    written = 0
    while written < len(lines) and wait_until_writable(descriptor, 0):
        # Whole lines, if they are not longer: other processes may write to the same pipe.
        end = lines.rfind(b"\n", written, written + CHUNK_BYTES) + 1 or written + CHUNK_BYTES
        try:
            written += os.write(descriptor, lines[written:end])
        except BlockingIOError:
            break
    return written


def wait_until_writable(descriptor: int, milliseconds: int | None = None) -> bool:
    """Wait until the descriptor takes bytes, or will never; return whether that is so. Windows cannot tell."""
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(milliseconds))
