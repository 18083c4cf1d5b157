"""The text of `--help`: options in groups, each on one line, as wide as the terminal."""

from collections.abc import Iterable, Iterator
from dataclasses import fields
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from aiosock.config import GROUPS, KIB, MIB, Config

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

LEAST_WIDTH: Final = 30
"""Columns for a description in a terminal that is too narrow for names and descriptions. Then its lines wrap."""

_OPTIONS = "Options"
_GROUP_OF: Final = {name: group for group, names in GROUPS.items() for name in names}
_DEVELOPMENT: Final = {field.name for field in fields(Config)} - _GROUP_OF.keys() - {"limits", "timeouts"}
_ORDER: Final = ("Arguments", "Commands", _OPTIONS, *GROUPS, "Development", "Limits", "Timeouts")


class HelpText:
    """The form of `--help`, for cyclopts. A description shows as many sentences as fit on the line, at least one."""

    def render_usage(self, console: "Console", options: "ConsoleOptions", usage: object) -> None:
        """Print the first line."""
        _print(console, f"Usage: {str(usage).strip().removeprefix('Usage: ')}")

    def render_description(self, console: "Console", options: "ConsoleOptions", description: object) -> None:
        """Print what the command does, in paragraphs as wide as the terminal."""
        for paragraph in _text(description).split("\n\n"):
            _print(console, "\n" + "\n".join(wrap(paragraph, console.width)))

    def __call__(self, console: "Console", options: "ConsoleOptions", panel: "HelpPanel") -> None:
        """Print a panel: commands, arguments, or options in their groups."""
        groups: dict[str, list[HelpEntry]] = {}
        for entry in panel.entries:
            title = str(panel.title)
            groups.setdefault(_group_of(entry) if title == "Parameters" else title, []).append(entry)
        for title in sorted(groups, key=_ORDER.index):
            _print(console, f"\n{title}", style="bold")
            for line in _lines(groups[title], console.width):
                _print(console, line)


def _group_of(entry: "HelpEntry") -> str:
    name = _name(entry).lstrip("-").replace("-", "_")
    group, dot, _ = name.partition(".")
    if dot:
        return group.capitalize()
    return _GROUP_OF.get(name, "Development" if name in _DEVELOPMENT else _OPTIONS)


def _lines(entries: Iterable["HelpEntry"], width: int) -> Iterator[str]:
    """Yield the lines of a group: names to the left, descriptions in a column of their own."""
    rows = [(_label(entry), " ".join(_text(entry.description).split()), _remark(entry)) for entry in entries]
    column = max(len(label) for label, _, _ in rows) + 4
    room = max(width - column, LEAST_WIDTH)
    for label, description, remark in rows:
        first, *others = _fitted(description, remark, room)
        yield f"  {label:<{column - 2}}{first}".rstrip()
        yield from (" " * column + other for other in others)


def _fitted(description: str, remark: str, room: int) -> list[str]:
    """Return the sentences that fit, with the remark; if not even one does, it on several lines."""
    sentences = description.split(". ")
    for count in range(len(sentences), 0, -1):
        text = ". ".join(sentences[:count]).rstrip(".") + "." + remark
        if len(text) <= room:
            return [text]
    return wrap(text, room)


def _label(entry: "HelpEntry") -> str:
    return ", ".join([entry.positional_label] if entry.positional_label else [*entry.positive_names, *entry.shorts])


def _name(entry: "HelpEntry") -> str:
    """Return the long name of an option, "" for an argument."""
    return entry.positive_names[0] if entry.positive_names else ""


def _text(description: Any) -> str:
    """Return the plain text that cyclopts has wrapped, perhaps more than once."""
    while hasattr(description, "primary_renderable"):
        description = description.primary_renderable
    return str(description or "")


def _print(console: "Console", line: str, style: str = "") -> None:
    console.print(line, style=style, markup=False, highlight=False, no_wrap=True, overflow="ignore", crop=False)


def _remark(entry: "HelpEntry") -> str:
    """Return the default of an option, and the variable that sets it if that has a name of its own."""
    if entry.env_var:
        return f" ({', '.join(entry.env_var)})"
    name, default = _name(entry), entry.default
    if default is None or default in ("", '""', "()", "False"):
        return ""
    if default == "True":
        return f" (on; {entry.negative_names[0]})"
    if name.endswith("-bytes"):
        return f" ({_in_units(int(default))})"
    return f" ({float(default):g} s)" if name.endswith("-seconds") else f" ({default})"


def _in_units(size: int) -> str:
    for unit, name in ((1024 * MIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size and size % unit == 0:
            return f"{size // unit} {name}"
    return str(size)
