"""HTML of records. Every text is escaped here, and characters that a page would swallow or obey become visible."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from aiosock.web.debug.colour import coloured
from aiosock.web.debug.exceptions import ExceptionRecord, FrameRecord, Omitted
from aiosock.web.debug.functions import FunctionRecord
from aiosock.web.debug.secrets import HIDDEN
from aiosock.web.debug.source import Line, Place

_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x0A)}
# The direction of text can be turned by these, so that a line reads as another one.
_VISIBLE |= {code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F)}

RELATIONS = {
    "cause": "It was raised from this exception:",
    "context": "It was raised while this exception was handled:",
    "suppressed": "<code>raise … from None</code> hides the exception that was being handled:",
}
"""The sentences between two exceptions, in the order of the page: the last one raised comes first."""


def text(value: str) -> str:
    """Return a text as HTML."""
    return escape(value.translate(_VISIBLE))


def exception(record: ExceptionRecord, *, has_title: bool = True) -> str:
    """Return an exception with its frames, its members and those that led to it."""
    parts = []
    if has_title:
        parts.append(f'<p class="title message"><b>{text(record.kind)}</b>{_message(record.message)}</p>\n')
    if record.notes:
        parts.append("".join(f'<p class="notes">{text(note)}</p>\n' for note in record.notes))
    parts.append(_frames(record))
    parts += [
        f'<details class="member"{" open" if number <= 3 else ""}><summary>{number}. {text(member.title)}</summary>\n'
        f"{exception(member, has_title=False)}</details>\n"
        for number, member in enumerate(record.members, 1)
    ]
    if record.more_members:
        parts.append(f'<p class="omitted">{record.more_members:,} more exceptions of this group are not shown.</p>\n')
    if record.before is not None:
        parts.append(_before(record.before, record.relation))
    return "".join(parts)


def _before(record: ExceptionRecord, relation: str) -> str:
    sentence = f'<p class="relation">{RELATIONS[relation]}</p>\n'
    if relation == "suppressed":
        shown = f"<summary>{text(record.title)}</summary>\n{exception(record, has_title=False)}"
        return f'<section>{sentence}<details class="suppressed">{shown}</details></section>\n'
    return f"<section><h3>Before that</h3>{sentence}{exception(record)}</section>\n"


def _message(message: str) -> str:
    return f": {text(message)}" if message else ""


# Frames.


def _frames(record: ExceptionRecord) -> str:
    """Return the frames: the program's own open, those of others in a row folded into one."""
    own = {id(frame) for frame in record.own_frames}
    parts = []
    for is_own, group in groupby(record.frames, key=lambda frame: id(frame) in own):
        frames = list(group)
        shown = "".join(_frame(frame, is_open=is_own) for frame in frames)
        count = sum(frame.count if isinstance(frame, Omitted) else 1 for frame in frames)
        if is_own or all(isinstance(frame, Omitted) for frame in frames):
            parts.append(shown)
        else:
            plural = "" if count == 1 else "s"
            parts.append(
                f'<details class="folded"><summary>{count:,} frame{plural} in {_libraries(frames)}</summary>\n'
            )
            parts.append(f"{shown}</details>\n")
    return "".join(parts)


def _libraries(frames: Iterable[FrameRecord | Omitted]) -> str:
    names = [
        frame.place.shown.replace("\\", "/").partition("/")[0] for frame in frames if isinstance(frame, FrameRecord)
    ]
    names = [name.partition(".py:")[0].partition(":")[0] for name in names]
    return text(", ".join(dict.fromkeys(names[:50])))


def _frame(frame: FrameRecord | Omitted, *, is_open: bool) -> str:
    if isinstance(frame, Omitted):
        return f'<p class="omitted">{frame.count:,} frames are left out here.</p>\n'
    kind = "frame own sheet" if is_open else "frame sheet"
    code = f" <code>{text(frame.code)}</code>" if frame.code else ""
    return (
        f'<details class="{kind}"{" open" if is_open else ""}><summary><b>{text(frame.function or "source")}</b> '
        f"{place(frame.place)}{code}</summary>\n{_source(frame.lines)}{_values(frame)}</details>\n"
    )


def place(where: Place) -> str:
    """Return a place, as a link that opens it in the editor if there is such a file."""
    link = where.link
    return f'<a href="{escape(link)}">{text(where.shown)}</a>' if link else text(where.shown)


def _source(lines: Sequence[Line]) -> str:
    if not lines:
        return '<p class="missing">The source cannot be read.</p>\n'
    shown = "".join(map(_line, lines))
    return f'<pre class="source" tabindex="0" role="region" aria-label="Source">{shown}</pre>\n'


def _line(line: Line) -> str:
    kind = ' class="failing"' if line.is_failing else ""
    code = _code(line.text)
    if line.mark is not None:
        start, end = line.mark
        code = f"{_code(line.text[:start])}<mark>{_code(line.text[start:end])}</mark>{_code(line.text[end:])}"
    return f"<span{kind}><i>{line.number}</i>{code}\n</span>"


def _code(code: str) -> str:
    return "".join(f"<{each}>{text(piece)}</{each}>" if each else text(piece) for each, piece in coloured(code))


def _values(frame: FrameRecord) -> str:
    shown = table(frame.values, "Values") if frame.values else ""
    return shown + (f'<p class="missing">Values: {text(frame.missing)}</p>\n' if frame.missing else "")


# Tables.


def table(pairs: Sequence[tuple[str, str]], label: str) -> str:
    """Return names and values as a table."""
    rows = "".join(f'<tr><th scope="row">{text(name)}</th><td>{_value(value)}</td></tr>\n' for name, value in pairs)
    return f'<table aria-label="{label}"><tbody>{rows}</tbody></table>\n'


def _value(value: str) -> str:
    return f'<span class="hidden">{HIDDEN} hidden</span>' if value == HIDDEN else text(value)


def function(record: FunctionRecord) -> str:
    """Return a function with its place."""
    return text(record.name) + (f" {place(record.place)}" if record.place else "")
