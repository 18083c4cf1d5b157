"""Logging: the names of the loggers, and the lines of the access log.

`aiosock.server` tells what the server does, `aiosock.app` what went wrong in handlers, `aiosock.access` has one line for
each answer. Nothing here configures logging: programs do, and `runner` for those that leave it to us.
"""

import json
import logging
import string
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import IO, Final, Protocol

from aiosock.errors import ConfigError

server_logger: logging.Logger = logging.getLogger("aiosock.server")
access_logger: logging.Logger = logging.getLogger("aiosock.access")

request_ids: ContextVar[tuple[str, str]] = ContextVar("aiosock.request_ids", default=("-", "-"))
"""The id of the request that is being handled and that of its trace; set by the middleware `request_id`."""

OF_THE_REQUEST: Final = ("client", "method", "target", "version", "referer", "user_agent")
OF_THE_ANSWER: Final = ("time", "status", "bytes", "request_id", "seconds")
"""The names that a template may use. `time` is ISO 8601 in UTC, to the second; `bytes` counts what was handed to the kernel, or kept for
it, for the answer, `request_id` is what the middleware of that name gave it, and `seconds` runs from its head's arrival."""

COMBINED: Final = '{client} - - [{time}] "{method} {target} {version}" {status} {bytes} "{referer}" "{user_agent}"'
"""Apache's and nginx's combined format, but for the time, which is ISO 8601."""

_JSON: Final = (
    '{{"client": {client}, "time": "{time}", "method": {method}, "target": {target}, "version": {version}, '
    '"status": {status}, "bytes": {bytes}, "seconds": {seconds:.6f}, "referer": {referer}, "user_agent": {user_agent}, '
    '"request_id": "{request_id}"}}'
)

LINES: Final = 256
"""Lines that are written at once, at the most; some 40 KiB."""

# What could forge a line or play with a terminal (CWE-117), and the quote that delimits fields. C1 controls too.
_ESCAPES: Final = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0), ord('"'), ord("\\"))}
_NAMES: Final = (*OF_THE_REQUEST, *OF_THE_ANSWER)
_BRACES: Final = str.maketrans({"{": "{{", "}": "}}"})


def timestamp(seconds: int) -> str:
    """Give seconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


class RequestIdFilter(logging.Filter):
    """Gives records the attributes `request_id` and `trace_id` for a format: `-` outside a request.

    Add it to handlers, not to loggers: those do not filter what their children log. `in_request` is the id in brackets
    and a space, or nothing.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record."""
        request_id, trace_id = request_ids.get()
        in_request = "" if request_id == "-" else f"[{request_id}] "
        record.__dict__.update(request_id=request_id, trace_id=trace_id, in_request=in_request)
        return True


Begun = tuple[str, Sequence[tuple[str, str]]]
"""A line as far as the first `seconds` in it; then for each of them its format, and what stands behind it."""


class AccessFormat:
    """The form of a line: `combined`, `json`, or a template of `str.format`.

    A line is made in three steps, because clients repeat themselves: `quote` is called for each head that differs from the
    one before it, `begin` for each answer that does, or once a second, and `complete` for every answer.
    """

    def __init__(self, log_format: str) -> None:
        """Raise ConfigError for a template with an unknown name or a malformed field."""
        template = {"combined": COMBINED, "json": _JSON}.get(log_format, log_format)
        self._is_json = log_format == "json"
        # Templates with numbers for names, and between two of them the format of a `seconds`.
        self._opening = ""
        self._rest: list[tuple[str, str]] = []
        try:
            for parsed in string.Formatter().parse(template):
                self._add(*_part(*parsed))
            complete(self.begin(("",) * len(OF_THE_REQUEST), "", 200, 0, ""), 0.0)
        except (ValueError, LookupError) as error:
            if isinstance(error, ConfigError):
                raise
            raise ConfigError(f"log_format {template!r} is malformed: {error}") from None

    @property
    def has_seconds(self) -> bool:
        """Say whether it says how long an answer took."""
        return bool(self._rest)

    def _add(self, literal: str, name: str, spec: str) -> None:
        field = f"{{{_NAMES.index(name)}{spec and ':'}{spec}}}" if name not in ("", "seconds") else ""
        if self._rest:
            last, behind = self._rest[-1]
            self._rest[-1] = (last, behind + literal + field)
        else:
            self._opening += literal + field
        if name == "seconds":
            self._rest.append((spec, ""))

    def quote(self, request: Iterable[str]) -> tuple[str, ...]:
        """Give the values of OF_THE_REQUEST, in that order, such that they can stand in a line."""
        return tuple([_quoted(value) if self._is_json else _escaped(value) for value in request])

    def begin(self, request: tuple[str, ...], time: str, status: int, sent: int, request_id: str) -> Begun:
        """Give the line of an answer but for its `seconds`; `request` is what `quote` gave."""
        values = (*request, time, status, sent, request_id)
        return self._opening.format(*values), [(spec, behind.format(*values)) for spec, behind in self._rest]


def complete(begun: Begun, seconds: float) -> str:
    """Give a line whole."""
    line, rest = begun
    for spec, behind in rest:
        line += format(seconds, spec) + behind
    return line


def _escaped(value: str) -> str:
    # To translate a browser's User-Agent takes ten times as long as to see that it needs none.
    if value.isprintable() and '"' not in value and "\\" not in value:
        return value
    return value.translate(_ESCAPES)


def _quoted(value: str) -> str:
    return f'"{value}"' if value.isascii() and value is _escaped(value) else json.dumps(value)


def _part(literal: str, name: str | None, spec: str | None, conversion: str | None) -> tuple[str, str, str]:
    if name is not None and name not in _NAMES:
        raise ConfigError(f"log_format has no {name!r}; it knows {', '.join(sorted(_NAMES))}")
    if conversion or "{" in (spec or ""):
        raise ValueError(f"{name} takes no conversion, and no field in its format")
    return literal.translate(_BRACES), name or "", spec or ""


class AccessLog(Protocol):
    """Where the lines of the access log go."""

    def write(self, line: str) -> None:
        """Take a line."""

    def flush(self) -> None:
        """Write what has been taken."""

    def close(self) -> None:
        """Write what has been taken, and let go of where it goes."""


class LoggedAccess:
    """Lines for the logger `aiosock.access`: for programs that configure logging themselves."""

    def write(self, line: str) -> None:
        """Log a line."""
        access_logger.info("%s", line)

    def flush(self) -> None:
        """Leave that to the handlers."""

    def close(self) -> None:
        """Leave that to the program."""


class BufferedAccess:
    """Lines for standard output or a file, written together: when there are many, and when the server sweeps.

    A stream that is closed, or a disk that is full, costs lines rather than answers.
    """

    def __init__(self, path: str = "") -> None:
        """Write to standard output, or append to a file; raise ConfigError where it cannot be opened."""
        self._path = path
        self._lines: list[str] = []
        self._stream = self._opened()

    def write(self, line: str) -> None:
        """Keep a line, and write all when there are LINES."""
        self._lines.append(line)
        if len(self._lines) >= LINES:
            self.flush()

    def flush(self) -> None:
        """Write the lines."""
        if not self._lines:
            return
        self._lines.append("")
        data = "\n".join(self._lines).encode("utf-8", "backslashreplace")
        self._lines.clear()
        if self._stream is not None:
            with suppress(OSError, ValueError):
                self._stream.write(data)
                self._stream.flush()

    def reopen(self) -> None:
        """Go on in a new file of the same name: the old one has been moved away. One that cannot be had keeps the old."""
        self.flush()
        if self._path:
            try:
                stream = self._opened()
            except ConfigError as error:
                server_logger.error("%s", error)
                return
            self.close()
            self._stream = stream

    def close(self) -> None:
        """Write what is left; a file is closed."""
        self.flush()
        if self._path and self._stream is not None:
            with suppress(OSError):
                self._stream.close()

    def _opened(self) -> IO[bytes] | None:
        if not self._path:
            return getattr(sys.stdout, "buffer", None)
        try:
            return open(self._path, "ab", buffering=0)
        except OSError as error:
            raise ConfigError(f"cannot write the access log to {self._path}: {error.strerror}") from None
