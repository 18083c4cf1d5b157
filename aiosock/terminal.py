"""The terminal: one line for each request, aligned and coloured, and messages whose tracebacks begin with your code."""

import logging
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import localtime, strftime
from types import TracebackType
from typing import Final, TextIO

from aiosock.log import CONTROL_ESCAPES, descriptor_of
from aiosock.observe import Ending, Observer, RequestRecord
from aiosock.traces import trace_of

SLOW_SECONDS: Final = 1.0
"""From this on, a response is marked as slow: people who wait so long feel it (Nielsen, Response Times, 1993)."""

FALLBACK_WIDTH: Final = 80
"""Columns of a terminal that does not say how many it has: those of the VT100."""

UNBOUNDED: Final = 1_000_000
"""Columns of a file or pipe, whose lines nothing wraps."""

LEAST_TARGET: Final = 16
"""Columns for the target in a terminal that is too narrow for a line. Then the line wraps."""

_METHOD_WIDTH: Final = 7  # OPTIONS

# Select Graphic Rendition, ECMA-48 section 8.3.117.
_BOLD, _DIM, _RED, _GREEN, _YELLOW, _CYAN = "1", "2", "31", "32", "33", "36"

_STATUS_STYLES: Final = {0: _DIM, 1: _DIM, 2: _GREEN, 3: _CYAN, 4: _YELLOW, 5: f"{_BOLD};{_RED}"}
_LEVEL_STYLES: Final = {"DEBUG": _DIM, "INFO": _CYAN, "WARNING": _YELLOW, "ERROR": f"{_BOLD};{_RED}"}

_ENDINGS: Final = {
    Ending.LEFT: "the client left",
    Ending.BROKEN: "cut off",
    Ending.REFUSED: "not valid HTTP",
    Ending.CANCELLED: "cancelled",
}
# A frame in one line, perhaps behind the margin of an exception group.
_FOLDED: Final = re.compile(r"(?:[ +]*\| )?    \S[^\n]*:\d+ in [^\n]+\n")

_LINE_ESCAPES: Final = {code: text for code, text in CONTROL_ESCAPES.items() if chr(code) not in "\n\t"}


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal."""
    descriptor = descriptor_of(stream)
    return descriptor is not None and os.isatty(descriptor)


def has_colours(stream: TextIO | None) -> bool:
    """Return whether to colour what goes to a stream: a terminal, unless TERM is dumb or it is an old one of Windows.

    NO_COLOR and FORCE_COLOR, if they are not empty, have precedence (https://no-color.org, https://force-color.org).
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    knows_colours = os.environ.get("TERM") != "dumb" if os.name == "posix" else "WT_SESSION" in os.environ
    return knows_colours and is_terminal(stream)


class Paint:
    """Colours for a stream, or none."""

    def __init__(self, stream: TextIO | None) -> None:
        self._is_on = has_colours(stream)

    def __call__(self, text: str, style: str) -> str:
        """Return a text in a style: the parameters of Select Graphic Rendition."""
        return f"\x1b[{style}m{text}\x1b[m" if self._is_on and text else text


OWN_ROUTES: Final = "/_aiosock/"
"""Where routes begin that no app has defined."""


class TerminalObserver(Observer):
    """The access log for people: an observer that gives the line of each request to `write`, in a list."""

    def __init__(self, write: Callable[[Sequence[str]], None]) -> None:
        self._write = write
        self._format = TerminalFormat(sys.stdout)

    def finished(self, record: RequestRecord) -> None:
        """Write the line, unless it was a page of ours that has asked, such as the script of `--reload`."""
        if not record.route.startswith(OWN_ROUTES):
            self._write([self._format.line(record)])


class TerminalFormat:
    """The form of a line for people: the time of day, status, method, duration, size, target, and what is unusual."""

    def __init__(self, stream: TextIO | None) -> None:
        self._paint = Paint(stream)
        self._descriptor = descriptor_of(stream)
        encoding = getattr(stream, "encoding", None) or ""
        self._cut = "…" if encoding.lower().replace("-", "") == "utf8" else "..."

    def line(self, record: RequestRecord) -> str:
        """Return the line of a request that has finished."""
        paint, head = self._paint, record.head
        method = "-" if head is None else self._fitted(head.method, _METHOD_WIDTH)
        status = f"{record.status or '---':>3}"
        slow = record.seconds >= SLOW_SECONDS and record.ending is Ending.COMPLETE
        notes = _notes(record, slow=slow)
        now = strftime("%H:%M:%S")
        duration, size = _aligned(duration_of(record.seconds), 3), _aligned(size_of(record.sent), 2)
        room = self._width() - len(f"{now} {status} {method:<{_METHOD_WIDTH}} {duration} {size}  ") - len(notes)
        target = "-" if head is None else self._fitted(head.target, max(room, LEAST_TARGET))
        return (
            f"{paint(now, _DIM)} {paint(status, _STATUS_STYLES.get(record.status // 100, _DIM))} "
            f"{method:<{_METHOD_WIDTH}} {paint(duration, _YELLOW if slow else _DIM)} {paint(size, _DIM)}  "
            f"{target}{paint(notes, _YELLOW)}"
        )

    def _fitted(self, text: str, width: int) -> str:
        """Return a text in ASCII, where each character takes one column, cut to a width."""
        text = text[: width + 1].translate(CONTROL_ESCAPES).encode("ascii", "backslashreplace").decode("ascii")
        return text if len(text) <= width else text[: width - len(self._cut)] + self._cut

    def _width(self) -> int:
        if self._descriptor is not None:
            with suppress(OSError):  # not a terminal
                return os.get_terminal_size(self._descriptor).columns or FALLBACK_WIDTH
        return UNBOUNDED


class TerminalFormatter(logging.Formatter):
    """The form of messages for people. Of a traceback, the frames before the program's own are left out."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._paint = Paint(stream)

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a message and of its exception."""
        paint = self._paint
        start = strftime("%H:%M:%S", localtime(record.created))
        level = paint(record.levelname.lower(), _LEVEL_STYLES.get(record.levelname, _BOLD))
        in_request = getattr(record, "in_request", "")
        lines = [f"{paint(start, _DIM)} {level} {escaped(in_request + record.getMessage())}"]
        error = record.exc_info[1] if record.exc_info else None
        return "\n".join([*lines, *([trace_text(error, paint)] if error is not None else [])])


def trace_text(error: BaseException, paint: Paint) -> str:
    """Return the traceback of an exception for people, without the last line break."""
    *chunks, last = trace_of(error, fold=True).format()
    lines = [
        paint(escaped(chunk[:-1]), _DIM) + "\n" if _FOLDED.fullmatch(chunk) else escaped(chunk) for chunk in chunks
    ]
    return "".join([*lines, paint(escaped(last.rstrip("\n")), _RED)])


def show_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show an exception that ends the program, without the frames before the program's own; for `sys.excepthook`."""
    if not isinstance(error, Exception) or sys.stderr is None:
        sys.__excepthook__(kind, error, trace)
        return
    if is_terminal(sys.stderr):
        text = trace_text(error, Paint(sys.stderr))
    else:
        text = "".join(trace_of(error, fold=False).format()).rstrip("\n")
    sys.stderr.write(f"{text}\n")


def _notes(record: RequestRecord, *, slow: bool) -> str:
    """Return what is unusual: a slow response, a request that did not end well, a client on another machine."""
    client = record.client
    is_here = client in ("::1", "-") or client.startswith(("127.", "::ffff:127."))  # `-`: a UNIX socket
    notes = (slow and "slow", _ENDINGS.get(record.ending), not is_here and f"from {client.translate(CONTROL_ESCAPES)}")
    return "".join(f"  {note}" for note in notes if note)


def _aligned(quantity: str, unit_width: int) -> str:
    """Return a quantity in columns: the number to the right, its unit to the left."""
    number, unit = quantity.split(" ")
    return f"{number:>5} {unit:<{unit_width}}"


def escaped(text: str) -> str:
    """Return a text whose control characters, except for line breaks and tabs, cannot control a terminal (CWE-150)."""
    return text.translate(_LINE_ESCAPES)


def duration_of(seconds: float) -> str:
    """Return a duration as people read it: 0.4 ms, 12 ms, 1.2 s, 3.4 min, 5.6 h."""
    if seconds < 0.00995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5997 else f"{seconds / 3600:.1f} h"


def size_of(count: int) -> str:
    """Return a number of bytes as people read it, in powers of 1000: 812 B, 1.2 kB, 34 MB."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 9.95 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
