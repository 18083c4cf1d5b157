"""The access log: a line for each response, the formats of lines, and the places where they go."""

import json
import os
import re
import stat
import string
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from time import time as wall_clock
from typing import Final, Protocol

from aiosock.config import Limits
from aiosock.errors import ConfigError
from aiosock.log import CONTROL_ESCAPES, DescriptorOutlet, Outlet, access_logger, is_ready, outlet_of, server_logger
from aiosock.observe import ObservedHead
from aiosock.terminal import is_terminal

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

LINES_AT_ONCE: Final = 128
"""Lines that are written together, or fewer in a quiet second. A pipe holds four times as many."""

MAX_WIDTH: Final = 1000
"""Columns of a value, and digits of the seconds: more would be memory, not a table."""

KEPT_LINES: Final = 256
"""Lines of which the parts are kept, with the heads of their requests: some 200 KiB, and 8 MiB if all heads are as long
as they may be."""

KEPT_SECONDS: Final = 1024
"""Durations, in microseconds, whose digits are kept: most responses take less than a millisecond."""

# The quote around fields, too, and the backslash that the escapes begin with.
_ESCAPES: Final = CONTROL_ESCAPES | {ord(character): f"\\x{ord(character):02x}" for character in '"\\'}
_PLAIN: Final = bytes(code for code in range(0x20, 0x7F) if chr(code) not in '"\\')
_BRACES: Final = str.maketrans({"{": "{{", "}": "}}"})

Answered = tuple[ObservedHead | None, int, int, str, str]
"""What a line says of a request: its head, or None where the client did not send a valid one; the status, 0 where the
client left without one; the bytes that were sent; the client's address, `-` for a UNIX socket; the request's id."""


def timestamp(seconds: int) -> str:
    """Return seconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


class AccessFormat:
    """The form of a line: `combined`, `json`, or a template of `str.format` with the names in NAMES.

    `auto` is `combined` here: `runner` knows where the lines go, and has chosen before.
    Raises ConfigError for a template with an unknown name or a malformed field.
    """

    def __init__(self, log_format: str) -> None:
        template = {"auto": COMBINED, "combined": COMBINED, "json": _JSON}.get(log_format, log_format)
        self._escaped = _escaped_for_json if log_format == "json" else _escaped
        self._seconds: list[str] = []
        parts = [""]  # each ends where `seconds` stand, which differ in all lines
        try:
            for literal, name, spec, conversion in string.Formatter().parse(template):
                parts[-1] += literal.translate(_BRACES)
                if name == "seconds":
                    self._seconds.append(_checked(name, spec or "", conversion))
                    parts.append("")
                elif name is not None:
                    parts[-1] += f"{{{name}:{_checked(name, spec or '', conversion)}}}"
            # An f-string takes half the time of `str.format`. There is no name in it but those that were checked.
            literals = ", ".join(f"f{part!r}" for part in parts)
            self._fill: Callable[..., tuple[str, ...]] = eval(f"lambda {', '.join(NAMES[:-1])}: ({literals},)")
            self.parts((None, 0, 0, "-", "-"), "")
            self.digits(0)
        except ConfigError:
            raise
        except (ValueError, SyntaxError) as error:
            raise ConfigError(f"log_format {template!r} is malformed: {error}") from None

    @property
    def has_seconds(self) -> bool:
        """Return whether lines say how long their requests took."""
        return bool(self._seconds)

    def parts(self, answered: Answered, time: str) -> tuple[str, ...]:
        """Return a line in parts: the seconds belong between them. `time` is written as it is."""
        head, status, sent, client, request_id = answered
        method = target = version = referer = user_agent = "-"
        if head is not None:
            method, target, version = head.method, head.target, head.version
            referer, user_agent = head.field("referer", "-"), head.field("user-agent", "-")
        # One look at all of them takes half the time of one at each.
        if not _is_plain(f"{client}{method}{target}{version}{referer}{user_agent}"):
            said = (client, method, target, version, referer, user_agent)
            client, method, target, version, referer, user_agent = map(self._escaped, said)
        return self._fill(client, method, target, version, referer, user_agent, time, status, sent, request_id)

    def digits(self, microseconds: int) -> list[str]:
        """Return the seconds as they stand between the parts."""
        return [format(microseconds / 1e6, spec) for spec in self._seconds]


def _checked(name: str, spec: str, conversion: str | None) -> str:
    """Return the format of a value; raise ConfigError or ValueError for a name or a format that is none."""
    if name not in NAMES:
        raise ConfigError(f"log_format has no {name!r}; it knows {', '.join(sorted(NAMES))}")
    if conversion or "{" in spec:
        raise ValueError(f"{name} takes no conversion, and no field in its format")
    if any(int(digits) > MAX_WIDTH for digits in re.findall("[0-9]{1,20}", spec)):
        raise ValueError(f"{name} takes a width of {MAX_WIDTH} at most")
    if spec.endswith("c"):  # it makes a character of a number, such as a line break of 10
        raise ValueError(f"{name} takes no format {spec!r}")
    return spec


def _is_plain(value: str) -> bool:
    """Return whether a text needs no escapes. To find that out takes a tenth of the time of translating it."""
    return value.isascii() and not value.encode().translate(None, delete=_PLAIN)


def _escaped(value: str) -> str:
    return value if _is_plain(value) else value.translate(_ESCAPES)


def _escaped_for_json(value: str) -> str:
    return value if _is_plain(value) else json.dumps(value)[1:-1]


class AccessLog(Protocol):
    """The place where the lines of the access log go.

    `lines_at_once` is the number of lines that may be written together; 1: each when its request ends.
    """

    lines_at_once: int

    def write(self, lines: Sequence[str]) -> None:
        """Write lines."""

    def reopen(self) -> None:
        """Open a file anew: it has been moved away."""

    def close(self) -> None:
        """Release the place."""


class AccessWriter:
    """Makes a line for each response, and writes them together: when there are many, and when the server sweeps.

    It is told of requests by values, not by a record, which would cost more than the line (docs/decisions/0019).
    Raises ConfigError for a malformed `log_format`.
    """

    def __init__(self, log_format: str, log: AccessLog) -> None:
        self._format = AccessFormat(log_format)
        self._log = log
        self._lines: list[str] = []
        self._lock = threading.RLock()
        self._second = 0.0
        self._time = ""
        self._kept: dict[Answered, tuple[str, ...]] = {}
        self._digits = lru_cache(KEPT_SECONDS)(self._format.digits) if self._format.has_seconds else None

    def take(self, answered: Answered, seconds: float) -> None:
        """Make the line of a request that has finished.

        Clients repeat their requests, and get the same response: within one second, the parts of a line are kept. A
        head stands for all that it says, since a connection has the same one for equal requests.
        """
        if not self._second <= wall_clock() < self._second + 1.0:  # a clock can be set back too
            self._begin_second()
        parts = self._kept.get(answered) or self._keep(answered)
        line = parts[0]
        if self._digits is not None:
            digits = self._digits(int(seconds * 1e6 + 0.5))
            line += digits[0] + parts[1]
            if len(parts) > 2:  # a template may name them more than once
                line += "".join(chain.from_iterable(zip(digits[1:], parts[2:], strict=True)))
        self._lines.append(line)
        if len(self._lines) >= self._log.lines_at_once:
            self.flush()

    def _begin_second(self) -> None:
        self._second = wall_clock() // 1.0
        self._time = timestamp(int(self._second))
        self._kept.clear()

    def _keep(self, answered: Answered) -> tuple[str, ...]:
        if len(self._kept) >= KEPT_LINES:
            self._kept.clear()
        parts = self._kept[answered] = self._format.parts(answered, self._time)
        return parts

    def flush(self, *, wait: bool = True) -> None:
        """Write the lines that were made. Any thread may call this; without `wait`, not while another one does."""
        if not self._lines or not self._lock.acquire(blocking=wait):
            return
        try:
            count = len(self._lines)  # the loop may add lines meanwhile
            lines = self._lines[:count]
            del self._lines[:count]
            self._log.write(lines)
        except Exception:  # of a log that a program has brought
            server_logger.exception("the access log failed")
        finally:
            self._lock.release()


class LoggedAccess:
    """Lines for the logger `aiosock.access`: for programs that configure logging themselves."""

    lines_at_once: int = 1

    def write(self, lines: Sequence[str]) -> None:
        """Log lines, each by itself."""
        for line in lines:
            access_logger.info("%s", line)

    def reopen(self) -> None:
        """Do nothing: the program rotates its files."""

    def close(self) -> None:
        """Do nothing: the program closes its handlers."""


class WrittenAccess:
    """Lines for standard output or a file. For a terminal, each line is written at once.

    A closed stream, a full disk or a reader that stands still loses lines; it never delays a response. Lines that wait
    for a slow reader take `limit` bytes at most.
    """

    def __init__(self, path: str = "", limit: int = Limits().log_buffer_bytes, *, shared: Outlet | None = None) -> None:
        """Write to standard output, or append to a file; raise ConfigError if the file cannot be opened.

        `shared` is an outlet for standard output that others write to and close.
        """
        self.lines_at_once: int = 1 if not path and is_terminal(sys.stdout) else LINES_AT_ONCE
        self._path = path
        self._limit = limit
        self._is_lossy = False
        self._is_shared = shared is not None
        self._outlet = shared or self._opened()

    def write(self, lines: Sequence[str]) -> None:
        """Write lines."""
        data = "\n".join([*lines, ""]).encode("utf-8", "backslashreplace")
        try:
            if not self._path and sys.stdout is not None and is_ready(sys.stdout):
                sys.stdout.flush()  # what handlers have printed comes first
            self._outlet.write(data)
            self._is_lossy = False
        except (OSError, ValueError, AttributeError) as error:
            if not self._is_lossy:
                server_logger.warning("the lines of the access log are lost: %s", error)
            self._is_lossy = True

    def reopen(self) -> None:
        """Open the file anew: the old one has been moved away. If that fails, go on with the old one."""
        if self._path:
            try:
                outlet = self._opened()
            except ConfigError as error:
                server_logger.error("%s", error)
                return
            self._outlet.close(seconds=0)
            self._outlet = outlet

    def close(self) -> None:
        """Close the file, when a slow reader has had some time for the lines that are left."""
        if not self._is_shared:
            with suppress(OSError):
                self._outlet.close()

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
