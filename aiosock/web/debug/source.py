"""Source: whose code a file is, its lines around a place, and the link that opens the place in an editor."""

import linecache
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any, Final
from urllib.parse import quote

from aiosock.traces import is_own, shown_path
from aiosock.web.debug.secrets import masked_source

CONTEXT: Final = 5
"""Lines before and after the one that failed."""

MAX_COLUMNS: Final = 400
"""Characters of a line; the source of a program that another program wrote may be one line."""

MAX_FILE_BYTES: Final = 5_000_000
"""A larger file is not read."""

MAX_PATH: Final = 300
"""Characters of a path, counted from its end."""

EDITORS: Final[Mapping[str, str]] = {
    "cursor": "cursor://file{path}:{line}:{column}",
    "emacs": "emacs://open?url=file://{path}&line={line}&column={column}",
    "idea": "idea://open?file={path}&line={line}&column={column}",
    "macvim": "mvim://open?url=file://{path}&line={line}&column={column}",
    "pycharm": "pycharm://open?file={path}&line={line}&column={column}",
    "sublime": "subl://open?url=file://{path}&line={line}&column={column}",
    "textmate": "txmt://open?url=file://{path}&line={line}&column={column}",
    "vscode": "vscode://file{path}:{line}:{column}",
    "vscode-insiders": "vscode-insiders://file{path}:{line}:{column}",
    "vscodium": "vscodium://file{path}:{line}:{column}",
    "windsurf": "windsurf://file{path}:{line}:{column}",
    "zed": "zed://file{path}:{line}:{column}",
}
"""URLs that editors register for; `AIOSOCK_EDITOR` names one of these, or has such a URL itself."""

# Not what a browser would run, or load as a page.
_TEMPLATE = re.compile(r"(?!javascript:|data:|vbscript:|blob:|https?:)[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


@dataclass(slots=True)
class Place:
    """A line of a file: where a frame stands, or where a function begins."""

    file: str
    line: int
    column: int = 1

    @property
    def shown(self) -> str:
        """Return the file as people write it, with the line: relative to the working directory, or to its library."""
        try:
            path = shown_path(self.file)
        except OSError:  # the working directory has been removed
            path = self.file
        return f"{path[-MAX_PATH:]}:{self.line}"

    @property
    def is_own(self) -> bool:
        """Return whether the file belongs to the program: not to Python, to a library or to aiosock."""
        return is_own(self.file)

    @property
    def link(self) -> str:
        """Return the URL that opens the place in the editor; "" if there is no such file, or no editor is wanted."""
        template = os.environ.get("AIOSOCK_EDITOR", "vscode")
        template = EDITORS.get(template.lower(), template)
        if not _TEMPLATE.fullmatch(template) or not os.path.isfile(self.file):
            return ""
        path = quote(Path(self.file).absolute().as_posix().encode(errors="surrogateescape"), safe="/:")
        places = {"{path}": path if path.startswith("/") else f"/{path}", "{line}": self.line, "{column}": self.column}
        for name, value in places.items():
            template = template.replace(name, str(value))
        return template


@dataclass(slots=True)
class Line:
    """A line of source. `mark` has the columns of the expression that failed; None on other lines."""

    number: int
    text: str
    is_failing: bool = False
    mark: tuple[int, int] | None = None


@dataclass(slots=True)
class Span:
    """The part of a file that failed: lines from 1; columns from 0, in characters, None if they are not known."""

    line: int
    end_line: int
    start: int | None = None
    end: int | None = None


def lines_around(file: str, span: Span, names: dict[str, Any] | None = None) -> list[Line]:
    """Return the lines of a file around a span; none if the file cannot be read.

    `names` are the global names of the code there: a loader among them may know source that is not in a file.
    """
    source = _read(file, names)
    return [
        _line(number, source[number - 1].rstrip("\r\n"), span)
        for number in range(max(span.line - CONTEXT, 1), min(span.line + CONTEXT, len(source)) + 1)
    ]


def _read(file: str, names: dict[str, Any] | None = None) -> list[str]:
    try:
        if os.path.getsize(file) > MAX_FILE_BYTES:
            return []
    except (OSError, ValueError):
        # It may be in an archive, or have been entered by hand. But code that was made with the name of a file that
        # does not exist must not be shown with the source of the module that made it, which linecache would offer.
        known = (names or {}).get("__file__")
        if not (type(known) is str and known == file) and not file.startswith("<"):
            return []
    try:
        linecache.checkcache(file)
        return linecache.getlines(file, names)
    except Exception:  # a name that no file can have, what a loader raises
        return []


def _line(number: int, text: str, span: Span) -> Line:
    is_failing = span.line <= number <= max(span.end_line, span.line)
    line = Line(number, masked_source(text[:MAX_COLUMNS]), is_failing)
    if is_failing and span.start is not None and span.end is not None:
        indent = len(text) - len(text.lstrip())
        start = span.start if number == span.line else indent
        end = min(span.end if number == span.end_line else len(text), MAX_COLUMNS)
        if start < end and (start > indent or end < len(text.rstrip())):  # a whole line needs no mark
            line.mark = start, end
    return line


def span_of(code: CodeType, instruction: int, line: int) -> Span:
    """Return the span of an instruction. Code has columns in bytes, and none with `-X no_debug_ranges`."""
    for index, position in enumerate(code.co_positions()):
        if index == instruction // 2:
            first, last, start, end = position
            if first is None or last is None or not first <= line <= last:
                break
            return Span(first, last, _character(code, first, start), _character(code, last, end))
    return Span(line, line)


def _character(code: CodeType, line: int, column: int | None) -> int | None:
    if column is None:
        return None
    source = _read(code.co_filename)
    text = source[line - 1] if line <= len(source) else ""
    return column if text.isascii() else len(text.encode()[:column].decode(errors="replace"))
