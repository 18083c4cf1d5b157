"""The page of all options, made from `aiosock/config.py`: `python -m docs.options` writes it.

Field, default and help come from the code. The precedent is the comment beside a default, read from the source.
"""

import ast
import inspect
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from aiosock import config
from aiosock.config import KIB, MIB, Config, Limits, Timeouts

PAGE = Path(__file__).parent / "reference" / "options.md"

_OPENING = """# Options

<!-- Made by `python -m docs.options` from aiosock/config.py; a test compares the two. -->

Each option has one meaning and four names:

- the field of `Config`, as in `run(app, port=8080)` and `run(app, limits=Limits(body_bytes=1024))`;
- the key in the TOML file that `--config` or `AIOSOCK_CONFIG` names;
- the variable in the environment;
- the name on the command line.

The command line has precedence over the environment, the environment over the file, and the file over the default. A unit
is part of the name. See [run it for real](../how-to/run-it.md).

If an option cannot work, the program prints one line and ends with exit status 2. `aiosock serve` has more options: see
[serve files](../how-to/serve-files.md). Those of `aiosock check` are in [check a server](../how-to/check-a-server.md).
"""

_GROUPS = (
    (Config, "The server", "Top-level keys of the file."),
    (Limits, "Limits", "How much memory and work a peer may cause. In the file: the table `[limits]`."),
    (Timeouts, "Timeouts", "How long the server waits for a peer. In the file: the table `[timeouts]`."),
)

_HEAD = "| option | unit | default | what it is | precedent |\n|---|---|---|---|---|\n"


class Option(NamedTuple):
    """A field of Config, or of a group in it: `limits.head_bytes`."""

    name: str
    default: object
    help: str
    precedent: str

    @property
    def on_the_command_line(self) -> str:
        """Its name on the command line."""
        name = self.name.replace("_", "-")
        return f"--{name}` or `--no-{name}" if isinstance(self.default, bool) else f"--{name}"

    @property
    def in_the_environment(self) -> str:
        """Its name in the environment."""
        return "AIOSOCK_" + self.name.replace(".", "_").upper()

    @property
    def unit(self) -> str:
        """The unit of its value, or the kind of value."""
        if self.name.endswith("_bytes_per_second"):
            return "bytes per second"
        if self.name.endswith("_seconds"):
            return "seconds"
        if self.name.endswith("_bytes"):
            return "bytes"
        if isinstance(self.default, bool):
            return "true or false"
        if self.default == ():
            return "texts"
        return "number" if isinstance(self.default, int) else "text"


def options(group: type) -> Iterator[Option]:
    """Yield the options of a group in the order of its fields, without the groups nested in it."""
    source = inspect.getsource(config)
    lines = source.splitlines()
    classes = {node.name: node.body for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}
    prefix = "" if group is Config else f"{group.__name__.lower()}."
    for field, below in pairwise(classes[group.__name__]):
        # A nested group has no help of its own.
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
            name, text = ast.unparse(field.target), ast.literal_eval(below.value)
            precedent = lines[field.lineno - 1][field.end_col_offset :].strip(" #")
            yield Option(prefix + name, getattr(group(), name), " ".join(text.split()), precedent)


def page() -> str:
    """Return the page as Markdown."""
    sections = [
        f"## {title}\n\n{opening}\n\n{_HEAD}{''.join(map(_row, options(group)))}" for group, title, opening in _GROUPS
    ]
    return "\n".join([_OPENING, *sections])


def _row(option: Option) -> str:
    names = f"`{option.on_the_command_line}`<br>`{option.in_the_environment}`<br>`{option.name}`"
    cells = (names, option.unit, _shown(option), option.help, option.precedent)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _shown(option: Option) -> str:
    match option.default:
        case bool(value):
            return str(value).lower()
        case "" | ():
            return "none"
        case str(text):
            return f"`{text}`"
        case int(size) if size >= KIB and option.unit == "bytes":
            return f"{size} ({size // MIB} MiB)" if size % MIB == 0 else f"{size} ({size // KIB} KiB)"
        case number:
            return f"{number:g}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
