"""Exceptions as records: the chain, groups as a tree, and frames with their source and values. All of it is bounded.

First the outline is taken, which runs no code of the program. Then `fill` adds what may: messages, source, values. It
can be left at any time, so it runs in a thread that the page waits for no longer than `SECONDS`.
"""

import contextvars
import os
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from types import CodeType, FunctionType, ModuleType, TracebackType
from typing import Final

from aiosock.web.debug.colour import COST, tokens_in
from aiosock.web.debug.secrets import masked
from aiosock.web.debug.source import Line, Place, Span, lines_around, span_of
from aiosock.web.debug.values import MAX_NAME, class_name, shown, shown_by_name

MAX_EXCEPTIONS: Final = 30
"""Exceptions of a page, with causes and members of groups."""

MAX_MEMBERS: Final = 10
"""Members of a group."""

FIRST_FRAMES, LAST_FRAMES = 10, 20
"""Frames of an exception: a recursion may have thousands."""

MAX_FRAMES: Final = 150
"""Frames of a page."""

MAX_VALUES: Final = 50
"""Local names of a frame."""

MAX_MESSAGE: Final = 2_000
"""Characters of a message, and of a note."""

MAX_NOTES: Final = 10
"""Notes of an exception."""

MAX_BYTES: Final = 300_000
"""Bytes of source and values, as HTML."""

ELEMENT_BYTES: Final = 60
"""Bytes of the HTML around a text."""

SECONDS: Final = 0.5
"""The time for messages, source and values. Nobody waits longer for a page, and the watchdog is still silent."""

MAX_STUCK: Final = 4
"""Threads whose `repr` or `str` has not returned: each may take a processor, and lasts as long as the process."""

UNKNOWN: Final = "(its text took too long)"

_stuck: list[threading.Thread] = []


@dataclass(slots=True)
class FrameRecord:
    """A frame: where it stood, the lines around that, and its local values. `missing` says why there are none."""

    place: Place
    function: str
    lines: list[Line] = field(default_factory=list)
    values: list[tuple[str, str]] = field(default_factory=list)
    missing: str = "They took too long."

    @property
    def code(self) -> str:
        """Return the line that failed."""
        return next((line.text.strip() for line in self.lines if line.is_failing), "")


@dataclass(slots=True)
class Omitted:
    """Frames that are left out."""

    count: int


@dataclass(slots=True)
class ExceptionRecord:
    """An exception. `before` is the one that led to it, and `relation` says how: cause, context or suppressed."""

    kind: str
    message: str = UNKNOWN
    notes: list[str] = field(default_factory=list)
    frames: list[FrameRecord | Omitted] = field(default_factory=list)
    members: list["ExceptionRecord"] = field(default_factory=list)
    more_members: int = 0
    before: "ExceptionRecord | None" = None
    relation: str = ""

    @property
    def title(self) -> str:
        """Return class and message, as the last line of a traceback has them."""
        return f"{self.kind}: {self.message}" if self.message else self.kind

    @property
    def own_frames(self) -> list[FrameRecord]:
        """Return the frames in the program's own code; if there are none, the last frame."""
        frames = [frame for frame in self.frames if isinstance(frame, FrameRecord)]
        return [frame for frame in frames if frame.place.is_own] or frames[-1:]


def record(error: BaseException, seconds: float | None = None) -> ExceptionRecord:
    """Return the record of an exception and of those behind it, after `SECONDS` or these seconds at the latest.

    While `MAX_STUCK` of earlier ones have not returned, it has the source alone. Raises nothing that an exception or a value raises in
    turn, and RuntimeError if no thread can be started.
    """
    collector = _Collector()
    outline = collector.chain(error)
    _stuck[:] = [each for each in _stuck if each.is_alive()]
    if len(_stuck) >= MAX_STUCK:
        collector.fill_sources()
        return outline
    # A daemon: a `repr` that never returns must not keep the process. In its context, `repr` finds what it expects.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(collector.run,), daemon=True)
    thread.start()
    thread.join(SECONDS if seconds is None else seconds)
    collector.is_closed = True
    if thread.is_alive():
        _stuck.append(thread)
    if collector.failure is not None:
        raise RuntimeError("the exception could not be shown") from collector.failure
    return outline


class _Collector:
    """Takes the outline of exceptions, then fills it in: the program's own frames first."""

    def __init__(self) -> None:
        self.is_closed = False
        self.failure: BaseException | None = None
        self._left = MAX_BYTES
        self._frames_left = MAX_FRAMES
        self._seen: set[int] = set()
        self._texts: list[tuple[ExceptionRecord, BaseException]] = []
        self._frames: list[tuple[FrameRecord, TracebackType | None, Span | None]] = []

    # The outline.

    def chain(self, error: BaseException) -> ExceptionRecord:
        """Return the outline of an exception and of what led to it, which may lead back to itself."""
        first = latest = self._one(error)
        while len(self._seen) < MAX_EXCEPTIONS:
            before, relation = _before(error)
            if before is None or id(before) in self._seen:
                break
            error = before
            latest.before = self._one(error)
            latest.relation = relation
            latest = latest.before
        return first

    def _one(self, error: BaseException) -> ExceptionRecord:
        self._seen.add(id(error))
        outline = ExceptionRecord(class_name(type(error)))
        self._texts.append((outline, error))
        outline.frames = self._frames_of(error.__traceback__)
        if isinstance(error, SyntaxError) and (place := _syntax_place(error)) is not None:
            frame, span = place
            outline.frames.append(frame)
            self._frames.append((frame, None, span))
        if isinstance(error, BaseExceptionGroup):
            members = [each for each in error.exceptions[:MAX_MEMBERS] if id(each) not in self._seen]
            for member in members:
                if len(self._seen) < MAX_EXCEPTIONS:
                    outline.members.append(self.chain(member))
            outline.more_members = len(error.exceptions) - len(outline.members)
        return outline

    def _frames_of(self, trace: TracebackType | None) -> list[FrameRecord | Omitted]:
        steps = _steps(trace)
        last = min(LAST_FRAMES, max(self._frames_left, 1))
        first = min(FIRST_FRAMES, max(self._frames_left - last, 0))
        if len(steps) > first + last:
            between = steps[first:-last]
            omitted = sum(step.count if isinstance(step, Omitted) else 1 for step in between)
            steps = [*steps[:first], Omitted(omitted), *steps[-last:]]
        self._frames_left = max(self._frames_left - len(steps), 0)
        return [step if isinstance(step, Omitted) else self._frame(step) for step in steps]

    def _frame(self, trace: TracebackType) -> FrameRecord:
        code = trace.tb_frame.f_code
        line: int | None = trace.tb_lineno  # None for code that a compiler has added
        frame = FrameRecord(Place(code.co_filename, line or code.co_firstlineno), _name_of(code)[:MAX_NAME])
        self._frames.append((frame, trace, None))
        return frame

    # What may run code of the program, and may be left at any time.

    def run(self) -> None:
        """Do what `fill` does, and keep what it raises."""
        try:
            self.fill()
        except BaseException as error:
            self.failure = error

    def fill(self) -> None:
        """Add messages, source and values, as far as there are room and time."""
        ordered = self.fill_sources()
        for outline, error in self._texts:
            self._fill_texts(outline, error)
        for frame, trace, _ in ordered:
            if self.is_closed:
                return
            if trace is not None:
                self._fill_values(frame, trace)
            else:
                frame.missing = ""

    def fill_sources(self) -> "list[tuple[FrameRecord, TracebackType | None, Span | None]]":
        """Add the source as far as there is room; return the frames, the program's own first."""
        ordered = self._frames[::-1]
        ordered.sort(key=lambda each: not each[0].place.is_own)
        for frame, trace, span in ordered:
            self._fill_source(frame, trace, span)
        return ordered

    def _fill_texts(self, outline: ExceptionRecord, error: BaseException) -> None:
        message = _text_of(error)
        # It is the heading and the title, too, and in the traceback as text.
        outline.message = message if self._takes([message] * 3) else f"{message[:100]}…"
        notes = _notes_of(error)
        outline.notes = notes if self._takes(notes * 2) else []

    def _fill_source(self, frame: FrameRecord, trace: TracebackType | None, span: Span | None) -> None:
        names = None
        if trace is not None:
            code = trace.tb_frame.f_code
            span = span_of(code, trace.tb_lasti, frame.place.line)
            names = trace.tb_frame.f_globals
        assert span is not None
        frame.place.column = (span.start or 0) + 1
        lines = lines_around(frame.place.file, span, names) or frame.lines
        failing = [line.text for line in lines if line.is_failing]
        # What failed is shown above the frame, too, and in the traceback as text.
        colours = sum(tokens_in(line.text) * COST for line in lines)
        frame.lines = lines if self._takes([*(line.text for line in lines), *failing[:1] * 2], colours) else []

    def _fill_values(self, frame: FrameRecord, trace: TracebackType) -> None:
        found = [(str(name), value) for name, value in list(trace.tb_frame.f_locals.items()) if _is_shown(name, value)]
        if trace.tb_frame.f_code.co_name == "<module>":
            found = [each for each in found if not issubclass(type(each[1]), (ModuleType, FunctionType, type))]
        words = set(re.findall(r"\w+", frame.code))
        found.sort(key=lambda each: each[0] not in words)  # those of the line that failed come first
        values: list[tuple[str, str]] = []
        for name, value in found[:MAX_VALUES]:
            if self.is_closed:
                return
            text = shown_by_name(name, value)
            if not self._takes([name, text]):
                frame.values, frame.missing = values, "The page would be too large."
                return
            values.append((name, text))
        more = len(found) - MAX_VALUES
        frame.values, frame.missing = values, f"{more:,} more are not shown." if more > 0 else ""

    def _takes(self, texts: Iterable[str], more: int = 0) -> bool:
        """Return whether there is room for texts, and these more bytes; if so, they are counted."""
        size = more + sum(len(escape(text).encode(errors="backslashreplace")) + ELEMENT_BYTES for text in texts)
        if size > self._left:
            return False
        self._left -= size
        return True


def _steps(trace: TracebackType | None) -> list[TracebackType | Omitted]:
    """Return the steps of a traceback; of more than three at the same line in a row, the first two and the last."""
    steps: list[TracebackType | Omitted] = []
    run: list[TracebackType] = []
    while trace is not None:
        if run and (run[0].tb_frame.f_code, run[0].tb_lineno) != (trace.tb_frame.f_code, trace.tb_lineno):
            steps += _folded(run)
            run = []
        run.append(trace)
        trace = trace.tb_next
    return steps + _folded(run)


def _folded(run: list[TracebackType]) -> list[TracebackType | Omitted]:
    return [*run] if len(run) <= 3 else [*run[:2], Omitted(len(run) - 3), run[-1]]


def _is_shown(name: object, value: object) -> bool:
    return isinstance(name, str) and not (name.startswith("__") and name.endswith("__")) and name != "@py_builtins"


def _before(error: BaseException) -> tuple[BaseException | None, str]:
    """Return the exception that led to another, and how."""
    if error.__cause__ is not None:
        return error.__cause__, "cause"
    return error.__context__, "suppressed" if error.__suppress_context__ else "context"


def _text_of(value: object) -> str:
    """Return `str(value)`, cut and without secrets; what an exception has as its text may raise, or be very long."""
    try:
        argument = _argument(value)
        text = argument if type(argument) is str else str(argument)
    except BaseException as error:
        return f"(its text raises {class_name(type(error))})"
    cut = masked(text[:MAX_MESSAGE])
    return f"{cut}…" if len(text) > MAX_MESSAGE else cut


def _notes_of(error: BaseException) -> list[str]:
    try:
        notes = getattr(error, "__notes__", ())
        return [_text_of(note) for note in notes[:MAX_NOTES]] if isinstance(notes, list | tuple) else []
    except BaseException as raised:
        return [f"(its notes raise {class_name(type(raised))})"]


def _argument(value: object) -> object:
    """Return what the text of a usual exception is made of, so that no text of a large argument is made."""
    writes: object = type(value).__str__
    if isinstance(value, SyntaxError) and writes is SyntaxError.__str__:
        return value.msg  # the place has a frame of its own
    if isinstance(value, KeyError) and writes is KeyError.__str__ and len(value.args) == 1:
        return shown(value.args[0])
    if isinstance(value, BaseException) and writes is BaseException.__str__:
        if len(value.args) != 1:
            return shown(value.args) if value.args else ""
        value = value.args[0]
        writes = type(value).__str__
    return shown(value) if isinstance(value, bytes) or writes is object.__str__ else value


def _syntax_place(error: SyntaxError) -> tuple[FrameRecord, Span] | None:
    """Return the place that a SyntaxError names, as a frame without values."""
    file, line = error.filename, error.lineno
    if not isinstance(file, str) or not isinstance(line, int) or line < 1:
        return None
    offset = error.offset if isinstance(error.offset, int) and error.offset > 0 else 1
    last = error.end_lineno if isinstance(error.end_lineno, int) and error.end_lineno >= line else line
    end = error.end_offset if isinstance(error.end_offset, int) and error.end_offset > 0 else offset + 1
    frame = FrameRecord(Place(os.path.abspath(file) if os.path.exists(file) else file, line, offset), "")
    if isinstance(error.text, str):
        frame.lines = [Line(line, error.text.rstrip("\r\n")[:500], is_failing=True, mark=(offset - 1, offset))]
    return frame, Span(line, last, offset - 1, max(end - 1, offset) if last == line else end - 1)


def _name_of(code: CodeType) -> str:
    """Return the qualified name of a function. Jinja gives the code of a template a name, but not a qualified one."""
    return code.co_qualname if code.co_qualname.endswith(code.co_name) else code.co_name
