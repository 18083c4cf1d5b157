"""A report as text: ten lines for curl, and the whole traceback for a report of a fault."""

from collections.abc import Iterator
from typing import Final

from aiosock.log import CONTROL_ESCAPES
from aiosock.web.debug.exceptions import ExceptionRecord, FrameRecord, Omitted
from aiosock.web.debug.report import Report

MAX_LINES: Final = 10
"""Lines for curl."""

MAX_WIDTH: Final = 200
"""Characters of such a line."""

RELATIONS: Final = {
    "cause": "The above exception was the direct cause of the following exception:",
    "context": "During handling of the above exception, another exception occurred:",
    "suppressed": "The above exception is hidden by `from None`:",
}
"""The sentences between two exceptions of a traceback, in Python's order: the first one comes first."""


def lines(report: Report) -> str:
    """Return at most ten lines that explain an error: what, for which request, where, and how to see more.

    A report that has a text of its own is told with that, whole.
    """
    if report.text:
        shown = [f"{report.status_line}: {report.detail}", *report.text.splitlines()]
        return "\n".join(line.translate(CONTROL_ESCAPES) for line in shown) + "\n"
    more = "Open this URL in a browser for source, values and the request."
    shown = [*_lines(report)]
    if len(shown) > MAX_LINES - 1:
        shown = shown[: MAX_LINES - 1]
    shown = [line[:MAX_WIDTH].translate(CONTROL_ESCAPES) for line in [*shown, more]]
    return "\n".join(shown) + "\n"


def _lines(report: Report) -> Iterator[str]:
    exception = report.exception
    if exception is None or not report.is_failure:
        yield report.status_line if report.detail in report.status_line else f"{report.status_line}: {report.detail}"
        yield from (f"  {each.place}: {each.detail} (arrived: {each.arrived})" for each in report.problems)
        if report.routes:
            yield "Other methods of this path:" if report.status == 405 else "Routes, the nearest first:"
        width = max((len(route.methods) for route in report.routes), default=0)
        yield from (
            f"  {route.methods:{width}}  {route.pattern}  {route.function.name}"
            + (f"  {route.function.place.shown}" if route.function.place else "")
            for route in report.routes
        )
    else:
        yield f"{report.status_line}: {exception.title}"
    if exception is not None:
        if report.request and report.request.route:
            yield f"{report.request.method} {report.request.target}, route {report.request.route}{_handler(report)}"
        yield from _places(exception)


def _handler(report: Report) -> str:
    handler = report.request.handler if report.request else None
    return f", {handler.name} at {handler.place.shown}" if handler and handler.place else ""


def _places(exception: ExceptionRecord) -> Iterator[str]:
    """Yield the last frames of the program's own code, and the exception that led to this one, with its last frame."""
    before = exception.before if exception.relation != "suppressed" else None
    yield from _last(exception, 2 if before else 3)
    for member in exception.members[:2]:
        yield f"- {member.title}"
        yield from _last(member, 1)
    if before is not None:
        yield f"{'from' if exception.relation == 'cause' else 'while handling'} {before.title}"
        yield from _last(before, 1)


def _last(exception: ExceptionRecord, count: int) -> Iterator[str]:
    places = {frame.place.shown: frame for frame in exception.own_frames}  # a recursion is at one place many times
    for frame in list(places.values())[-count:]:
        yield from _place(frame)


def _place(frame: FrameRecord) -> Iterator[str]:
    yield f"  {frame.place.shown}" + (f" in {frame.function}" if frame.function else "")
    if frame.code:
        yield f"    {frame.code}"


# The whole traceback.


def traceback(exception: ExceptionRecord, indent: str = "") -> str:
    """Return the traceback as Python writes it, with what the page leaves out left out here too."""
    return "\n".join(f"{indent}{line}" for line in _traceback(exception)) + "\n"


def _traceback(exception: ExceptionRecord) -> Iterator[str]:
    if exception.before is not None:
        yield from _traceback(exception.before)
        yield from ("", RELATIONS[exception.relation], "")
    yield "Traceback (most recent call last):"
    for frame in exception.frames:
        if isinstance(frame, Omitted):
            yield f"  [{frame.count} more frames]"
            continue
        yield f'  File "{frame.place.file}", line {frame.place.line}' + (
            f", in {frame.function}" if frame.function else ""
        )
        if frame.code:
            yield f"    {frame.code}"
    yield from exception.title.splitlines()
    for note in exception.notes:
        yield from note.splitlines()
    for number, member in enumerate(exception.members, 1):
        yield f"  +---------------- {number} ----------------"
        yield from (f"  | {line}" for line in _traceback(member))
    if exception.more_members:
        yield f"  and {exception.more_members} more exceptions"
