"""The access log: a line for each response, the formats of lines, and the places where they go."""

import json
import os
import stat
import string
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, Protocol

from aiosock.config import KIB, Limits
from aiosock.errors import ConfigError
from aiosock.log import CONTROL_ESCAPES, DescriptorOutlet, Outlet, access_logger, is_ready, outlet_of, server_logger
from aiosock.observe import Observer, RequestRecord
from aiosock.terminal import TerminalFormat, is_terminal

NAMES: Final = (
    "client",
    "method",
    "target",
    "version",
    "referer",
    "user_agent",
    "time",
    "status",
    "bytes",
    "request_id",
    "seconds",
)
"""The names that a template may use.

`time` is ISO 8601 in UTC, to the second. `bytes` counts the response as it was given to the kernel, or kept for it.
`request_id` is set by the middleware of that name, `seconds` run from the arrival of the head.
"""

COMBINED: Final = '{client} - - [{time}] "{method} {target} {version}" {status} {bytes} "{referer}" "{user_agent}"'
"""The combined format of Apache and nginx, except for the time, which is ISO 8601."""

_JSON: Final = (
    '{{"client": "{client}", "time": "{time}", "method": "{method}", "target": "{target}", "version": "{version}", '
    '"status": {status}, "bytes": {bytes}, "seconds": {seconds:.6f}, "referer": "{referer}", '
    '"user_agent": "{user_agent}", "request_id": "{request_id}"}}'
)

KEPT_LINES: Final = 256
"""Lines of which the parts are kept, with the heads of their requests: some 200 KiB, and 8 MiB if all heads are as long
as they may be."""

BLOCK_CHARACTERS: Final = 16 * KIB
"""Lines are written when they have so many characters together, some 100 lines: a quarter of what a pipe holds."""

# The quote around fields, too, and the backslash that the escapes begin with.
_ESCAPES: Final = CONTROL_ESCAPES | {ord(character): f"\\x{ord(character):02x}" for character in '"\\'}
_BRACES: Final = str.maketrans({"{": "{{", "}": "}}"})


def timestamp(seconds: int) -> str:
    """Return seconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


class AccessFormat:
    """The form of a line: `combined`, `json`, or a template of `str.format` with the names in NAMES.

    Raises ConfigError for a template with an unknown name or a malformed field.
    """

    def __init__(self, log_format: str) -> None:
        template = {"combined": COMBINED, "json": _JSON}.get(log_format, log_format)
        self._escaped = _escaped_for_json if log_format == "json" else _escaped
        self._kept: dict[object, list[str]] = {}
        self._time = ""
        try:
            # Each part ends where `seconds` stand, which differ in all lines. By number, which `str.format` fills in
            # faster than by name.
            self._parts = [""]
            self._seconds: list[str] = []
            for literal, name, spec, conversion in string.Formatter().parse(template):
                if name == "seconds":
                    self._seconds.append(_seconds_format(spec, conversion))
                    self._parts[-1] += _part(literal, None, None, None)
                    self._parts.append("")
                else:
                    self._parts[-1] += _part(literal, name, spec, conversion)
            self.line(RequestRecord(None, "-"), "")
        except (ValueError, LookupError) as error:
            if isinstance(error, ConfigError):
                raise
            raise ConfigError(f"log_format {template!r} is malformed: {error}") from None

    def line(self, record: RequestRecord, time: str) -> str:
        """Return the line of a request that has finished; `time` is written as it is.

        Clients repeat their requests, and get the same response: within one `time`, the parts of a line are kept.
        """
        if time != self._time or len(self._kept) >= KEPT_LINES:
            self._time = time
            self._kept.clear()
        # A head stands for all that it says: a connection has the same one for equal requests.
        key = (record.head, record.status, record.sent, record.client, record.request_id)
        parts = self._kept.get(key)
        if parts is None:
            parts = self._kept[key] = self._filled(record, time)
        if not self._seconds:
            return parts[0]
        line = parts[0]
        for number, spec in enumerate(self._seconds, 1):
            line += format(record.seconds, spec) + parts[number]
        return line

    def _filled(self, record: RequestRecord, time: str) -> list[str]:
        head = record.head
        said: tuple[str, ...] = (record.client, *("-",) * 5)
        if head is not None:
            referer, user_agent = head.field("referer", "-"), head.field("user-agent", "-")
            said = (record.client, head.method, head.target, head.version, referer, user_agent)
        if not _is_plain("".join(said)):  # one look at all of them takes half the time of one at each
            said = tuple(map(self._escaped, said))
        values = (*said, time, record.status, record.sent, record.request_id)
        return [part.format(*values) for part in self._parts]


def _is_plain(value: str) -> bool:
    """Return whether a text needs no escapes. To find that out takes a tenth of the time of translating it."""
    return value.isascii() and value.isprintable() and '"' not in value and "\\" not in value


def _escaped(value: str) -> str:
    return value if _is_plain(value) else value.translate(_ESCAPES)


def _escaped_for_json(value: str) -> str:
    return value if _is_plain(value) else json.dumps(value)[1:-1]


def _seconds_format(spec: str | None, conversion: str | None) -> str:
    """Return the format of the seconds, checked; raise ValueError for one that is none."""
    if conversion or "{" in (spec or ""):
        raise ValueError("seconds takes no conversion, and no field in its format")
    format(0.0, spec or "")
    return spec or ""


def _part(literal: str, name: str | None, spec: str | None, conversion: str | None) -> str:
    """Return a part of a template, as the formatter has parsed it, with a number for its name."""
    literal = literal.translate(_BRACES)
    if name is None:
        return literal
    if name not in NAMES:
        raise ConfigError(f"log_format has no {name!r}; it knows {', '.join(sorted(NAMES))}")
    if conversion or "{" in (spec or ""):
        raise ValueError(f"{name} takes no conversion, and no field in its format")
    return f"{literal}{{{NAMES.index(name)}{spec and ':'}{spec}}}"


class AccessLog(Protocol):
    """The place where the lines of the access log go."""

    def write(self, line: str) -> None:
        """Take a line."""

    def flush(self) -> None:
        """Write the lines that were taken."""

    def reopen(self) -> None:
        """Open a file anew: it has been moved away."""

    def close(self) -> None:
        """Write the lines that were taken, and release the place."""


class AccessObserver(Observer):
    """An observer that writes a line for each response; raises ConfigError for a malformed `log_format`.

    `terminal` is the form for people. `auto` is `combined`: `runner` knows where the lines go, and chooses before.
    """

    def __init__(self, log_format: str, log: AccessLog) -> None:
        self._format = _format_of(log_format)
        self._log = log
        self._second = 0
        self._time = ""

    def finished(self, record: RequestRecord) -> None:
        """Write the line."""
        second = int(time.time())
        if second != self._second:
            self._second, self._time = second, timestamp(second)
        self._log.write(self._format.line(record, self._time))


def _format_of(log_format: str) -> AccessFormat | TerminalFormat:
    if log_format == "terminal":
        return TerminalFormat(sys.stdout)
    return AccessFormat("combined" if log_format == "auto" else log_format)


class LoggedAccess:
    """Lines for the logger `aiosock.access`: for programs that configure logging themselves."""

    def write(self, line: str) -> None:
        """Log a line."""
        access_logger.info("%s", line)

    def flush(self) -> None:
        """Do nothing: the handlers of the logger flush."""

    def reopen(self) -> None:
        """Do nothing: the program rotates its files."""

    def close(self) -> None:
        """Do nothing: the program closes its handlers."""


class BufferedAccess:
    """Lines for standard output or a file, written together: when there are many, and when the server sweeps.

    For a terminal, each line is written at once. Any thread may call `flush`.

    A closed stream, a full disk or a reader that stands still loses lines; it never delays a response. Lines that wait
    for a slow reader take `limit` bytes at most.
    """

    def __init__(self, path: str = "", limit: int = Limits().log_buffer_bytes, *, shared: Outlet | None = None) -> None:
        """Write to standard output, or append to a file; raise ConfigError if the file cannot be opened.

        `shared` is an outlet for standard output that others write to and close.
        """
        self._path = path
        self._limit = limit
        self._block = 0 if not path and is_terminal(sys.stdout) else BLOCK_CHARACTERS
        self._lines: list[str] = []
        self._size = 0
        self._lock = threading.RLock()
        self._is_lossy = False
        self._is_shared = shared is not None
        self._outlet = shared or self._opened()

    def write(self, line: str) -> None:
        """Keep a line, and write all of them when they have BLOCK_CHARACTERS; at once for a terminal."""
        self._lines.append(line)
        self._size += len(line) + 1
        if self._size >= self._block:
            self.flush()

    def flush(self) -> None:
        """Write the lines."""
        if not self._lines:
            return
        try:
            with self._lock:
                self._write_lines()
            self._is_lossy = False
        except (OSError, ValueError, AttributeError) as error:
            if not self._is_lossy:  # outside the lock: a logging handler has one of its own, and flushes us
                self._is_lossy = True
                server_logger.warning("the lines of the access log are lost: %s", error)

    def reopen(self) -> None:
        """Open the file anew: the old one has been moved away. If that fails, go on with the old one."""
        self.flush()
        if self._path:
            try:
                outlet = self._opened()
            except ConfigError as error:
                server_logger.error("%s", error)
                return
            self._outlet.close(seconds=0)
            self._outlet = outlet

    def close(self) -> None:
        """Write the lines that are left, and close a file."""
        self.flush()
        if not self._is_shared:
            with suppress(OSError):
                self._outlet.close()

    def _write_lines(self) -> None:
        count = len(self._lines)  # another thread may add lines
        data = "\n".join([*self._lines[:count], ""]).encode("utf-8", "backslashreplace")
        del self._lines[:count]
        self._size = 0
        if not self._path and sys.stdout is not None and is_ready(sys.stdout):
            sys.stdout.flush()  # what handlers have printed comes first
        self._outlet.write(data)

    def _opened(self) -> Outlet:
        if not self._path:
            return outlet_of(sys.stdout, self._limit, _report)
        try:
            return DescriptorOutlet(_open(self._path), self._limit, _report)
        except OSError as error:
            raise ConfigError(f"cannot write the access log to {self._path}: {error.strerror}") from None


def _open(path: str) -> int:
    """Open a file for lines. A FIFO needs no reader to be opened, and its reader may come and go."""
    with suppress(FileNotFoundError):
        if stat.S_ISFIFO(os.stat(path).st_mode):
            return os.open(path, os.O_RDWR | os.O_NONBLOCK)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOCTTY", 0), 0o666)


def _report(dropped: int) -> None:
    if dropped:
        server_logger.warning("%d lines of the access log were dropped", dropped)
    else:
        server_logger.warning("nobody reads the access log; its lines are dropped")
