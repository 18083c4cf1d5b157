"""Logging: the names of the loggers, and the lines of the access log.

`aiosock.server` tells what the server does, `aiosock.app` what went wrong in handlers, `aiosock.access` has one line for
each answer. Nothing here configures logging: programs do, and `runner` for those that leave it to us.
"""

import json
import logging
import string
import sys
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import IO, Final, Protocol

from aiosock.errors import ConfigError

server_logger = logging.getLogger("aiosock.server")
access_logger = logging.getLogger("aiosock.access")

request_ids: ContextVar[tuple[str, str]] = ContextVar("aiosock.request_ids", default=("-", "-"))
"""The id of the request that is being handled and that of its trace; set by the middleware `request_id`."""

OF_THE_REQUEST: Final = ("client", "method", "target", "version", "referer", "user_agent")
OF_THE_ANSWER: Final = ("time", "status", "bytes", "seconds", "request_id")
"""The names that a template may use. `time` is ISO 8601 in UTC, to the second; `bytes` counts what was handed to the kernel, or kept for
it, for the answer, `seconds` runs from its head's arrival, and `request_id` is what the middleware of that name gave it."""

COMBINED: Final = '{client} - - [{time}] "{method} {target} {version}" {status} {bytes} "{referer}" "{user_agent}"'
"""Apache's and nginx's combined format, but for the time, which is ISO 8601."""

_JSON: Final = (
    '{{"client": {client}, "time": "{time}", "method": {method}, "target": {target}, "version": {version}, '
    '"status": {status}, "bytes": {bytes}, "seconds": {seconds}, "referer": {referer}, "user_agent": {user_agent}, '
    '"request_id": "{request_id}"}}'
)

LINES: Final = 256
"""Lines that are written at once, at the most; some 40 KiB."""

# What could forge a line or play with a terminal (CWE-117), and the quote that delimits fields. C1 controls too.
_ESCAPES: Final = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0), ord('"'), ord("\\"))}
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


class AccessFormat:
    """The form of a line: `combined`, `json`, or a template of `str.format`."""

    def __init__(self, log_format: str) -> None:
        """Raise ConfigError for a template with an unknown name or a malformed field."""
        template = {"combined": COMBINED, "json": _JSON}.get(log_format, log_format)
        self._is_json = log_format == "json"
        try:
            self._parts = [_part(*parsed) for parsed in string.Formatter().parse(template)]
            self.has_seconds = any(name == "seconds" for _, name, _ in self._parts)
            self.begin(dict.fromkeys(OF_THE_REQUEST, "")).format("", 200, 0, 0.0, "")
        except (ValueError, LookupError) as error:
            if isinstance(error, ConfigError):
                raise
            raise ConfigError(f"log_format {template!r} is malformed: {error}") from None

    def begin(self, request: Mapping[str, str]) -> str:
        """Give the line of a request, given by OF_THE_REQUEST; `.format` fills in OF_THE_ANSWER, in that order.

        In two steps, because clients repeat themselves: only the second is taken for each answer to equal heads.
        """
        pieces: list[str] = []
        for literal, name, spec in self._parts:
            pieces.append(literal)
            if name in OF_THE_REQUEST:
                value = json.dumps(request[name]) if self._is_json else request[name].translate(_ESCAPES)
                pieces.append(format(value, spec).translate(_BRACES))
            elif name:
                pieces.append(f"{{{OF_THE_ANSWER.index(name)}{spec and ':'}{spec}}}")
        return "".join(pieces)


def _part(literal: str, name: str | None, spec: str | None, conversion: str | None) -> tuple[str, str, str]:
    known = sorted((*OF_THE_REQUEST, *OF_THE_ANSWER))
    if name is not None and name not in known:
        raise ConfigError(f"log_format has no {name!r}; it knows {', '.join(known)}")
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
