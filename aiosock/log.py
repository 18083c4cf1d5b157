"""Logging: the names of the loggers, and the lines of the access log.

`aiosock.server` tells what the server does, `aiosock.app` what went wrong in handlers, `aiosock.access` has one line for
each answer. Nothing here configures logging: programs do, and `runner` for those that leave it to us.
"""

import json
import logging
import string
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Final

from aiosock.errors import ConfigError

server_logger = logging.getLogger("aiosock.server")
access_logger = logging.getLogger("aiosock.access")


@dataclass(slots=True)
class Access:
    """One answer, for the access log: the names that a template may use.

    `time` is ISO 8601 in UTC; `bytes` counts what was handed to the kernel, or kept for it,
    for the answer, `seconds` runs from its head's arrival.
    """

    client: str
    time: str
    method: str
    target: str
    version: str
    status: int
    bytes: int
    seconds: float
    referer: str
    user_agent: str


COMBINED: Final = '{client} - - [{time}] "{method} {target} {version}" {status} {bytes} "{referer}" "{user_agent}"'
"""Apache's and nginx's combined format, but for the time, which is ISO 8601."""

# What could forge a line or play with a terminal (CWE-117), and the quote that delimits fields. C1 controls too.
_ESCAPES: Final = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0), ord('"'), ord("\\"))}


def timestamp(seconds: float) -> str:
    """Give seconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def access_formatter(log_format: str) -> Callable[[Access], str]:
    """Give the function that makes a line: `combined`, `json`, or a template of `str.format` with Access's names.

    Raises ConfigError for a template with an unknown name or a malformed field.
    """
    if log_format == "json":
        return lambda access: json.dumps(asdict(access))
    template = COMBINED if log_format == "combined" else log_format
    known = {field.name for field in fields(Access)}
    try:
        used = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
        if unknown := used - known:
            raise ConfigError(f"log_format has no {', '.join(sorted(unknown))!r}; it knows {', '.join(sorted(known))}")
        template.format_map(asdict(Access("", "", "", "", "", 200, 0, 0.0, "", "")))
    except (ValueError, LookupError, AttributeError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"log_format {template!r} is malformed: {error}") from None
    return lambda access: template.format_map(
        {name: value.translate(_ESCAPES) if isinstance(value, str) else value for name, value in asdict(access).items()}
    )
