"""Failure: why a program does not run, from what Python has printed, and the response that tells it to each client."""

import re
from dataclasses import dataclass
from typing import Final

from aiosock.traces import is_own
from aiosock.web.debug.exceptions import ExceptionRecord, FrameRecord
from aiosock.web.debug.report import Report
from aiosock.web.debug.response import report_response
from aiosock.web.debug.source import Place, Span, lines_around
from aiosock.web.response import Response

CONTEXT: Final = 3
"""Lines to show before and after the one that failed."""

_FRAME = re.compile(r'^  File "(?P<file>[^"\n]+)", line (?P<line>\d+).*\n(?:    .*\n|  \[Previous .*\n)*', re.MULTILINE)
_HELD = re.compile(r"OSError|BlockingIOError|\bin use\b|\bbusy\b|lock|unavailable", re.IGNORECASE)
_PLACE = re.compile(r"(?P<file>/[^:\n]+\.\w+):(?P<line>\d+)")


@dataclass(frozen=True, slots=True)
class Failure:
    """What is told of it: a `summary` in one line, the `place` and its source, and all that the program has said."""

    summary: str
    place: str = ""
    source: str = ""
    text: str = ""

    @property
    def may_be_of_a_predecessor(self) -> bool:
        """Whether the program may have lacked what an earlier run of it still held, such as a port or a lock."""
        return _HELD.search(self.summary) is not None

    @property
    def told(self) -> str:
        """All of it but the summary."""
        shown = f"{self.place}\n{self.source}" if self.place else ""
        return "\n".join(filter(None, [shown, self.text]))


def failure_of(text: str, ending: str) -> Failure:
    """Return the failure of a program that has printed `text` and then ended: `ending` says how.

    The place is the last line of its own in a traceback, or that of a SyntaxError.
    """
    text = _without_foreign_frames(text.strip("\n") + "\n") if text.strip() else ""
    summary = _summary(text) or ending
    found = [match for match in _FRAME.finditer(text) if is_own(match["file"])] or list(_PLACE.finditer(text))
    if not found:
        return Failure(summary, text=text)
    file, line = found[-1]["file"], int(found[-1]["line"])
    return Failure(summary, f"{file}, line {line}", _excerpt(file, line), text)


def failure_response(failure: Failure, accept: str = "") -> Response:
    """Return the response for a client with this Accept field: a page, a problem in JSON, or lines of text."""
    where = f" ({failure.place})" if failure.place else ""
    detail = f"The program does not run: {failure.summary}{where}. It starts again when a file is saved."
    kind, _, message = failure.summary.partition(": ")
    exception = ExceptionRecord(kind, message)
    if failure.place:
        file, _, line = failure.place.rpartition(", line ")
        span = Span(int(line), int(line))
        exception.frames = [FrameRecord(Place(file, span.line), "", lines_around(file, span), missing="")]
    return report_response(Report(500, detail, exception, text=failure.told), accept)


def _summary(text: str) -> str:
    """Return the line that names the exception: the first one below the frames. Its message may have more lines."""
    frames = list(_FRAME.finditer(text))
    below = text[frames[-1].end() :].splitlines() if frames else text.splitlines()[-1:]
    return next((line.removeprefix("aiosock: error: ") for line in below if line[:1].strip()), "")


def _without_foreign_frames(text: str) -> str:
    """Leave out the frames of Python, of libraries and of aiosock, if others are left."""
    if not any(is_own(match["file"]) for match in _FRAME.finditer(text)):
        return text
    return _FRAME.sub(lambda match: match[0] if is_own(match["file"]) else "", text)


def _excerpt(file: str, line: int) -> str:
    """Return the lines around a line, with a mark at it; "" if the file cannot be read."""
    try:
        with open(file, encoding="utf-8", errors="replace") as source:
            lines = source.read().splitlines()
    except OSError:
        return ""
    first = max(line - CONTEXT, 1)
    shown = lines[first - 1 : line + CONTEXT]
    return "".join(
        f"{'>' if number == line else ' '} {number:4} {text}".rstrip() + "\n"
        for number, text in enumerate(shown, first)
    )
