"""The drawing of the house, made from the contract that import-linter checks: `python -m docs.house` writes it.

Each layer is a floor. A floor shows its rooms, each with a short text that says what it is for.
"""

import ast
import tomllib
from html import escape
from pathlib import Path
from typing import NamedTuple

import aiosock

ROOT = Path(__file__).parent.parent
PACKAGE = Path(aiosock.__file__).parent
DRAWING = Path(__file__).parent / "explanation" / "house.svg"

WIDTH, FLOOR, MARGIN, GAP = 880, 58, 20, 10

_STYLE = """
text { font: 15px system-ui, sans-serif; fill: #24292f }
.name { font: 600 16px ui-monospace, monospace }
.says { font-size: 13px; fill: #57606a }
rect { fill: #f6f8fa; stroke: #8c959f }
.edge rect { fill: #ddf4ff; stroke: #0969da }
path { stroke: #57606a; stroke-width: 2; fill: none }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .says { fill: #9da7b3 }
  rect { fill: #21262d; stroke: #6e7681 } .edge rect { fill: #0c2d4a; stroke: #388bfd } path { stroke: #9da7b3 }
}
"""

SAYS = {
    "cli": "the command line, made from Config",
    "share": "aiosock serve DIR",
    "dev": "reload, for a developer's day",
    "running": "the front door: here, or in children that are restarted",
    "runner": "one process: the loop, signals, the exit status",
    "stopping": "signals and last deadlines",
    "loading": "finds the app that a command names",
    "testing": "a client in memory",
    "inspector": "what a server does, as a page",
    "net": "touches sockets: listeners, connections, deadlines",
    "web": "what handlers see: requests, responses, routes",
    "check": "aiosock check URL",
    "wire": "bytes to records and back, no I/O",
    "access_log": "a line for each response",
    "terminal": "lines and messages for people",
    "helptext": "the text of --help",
    "observe": "what is told of a request",
    "log": "loggers, lines",
    "config": "every option, once",
    "headers": "fields: ordered, valid",
    "errors": "one tree of exceptions",
    "version": "its number",
    "traces": "tracebacks that begin with the program's code",
}
"""What each room is for."""


class Box(NamedTuple):
    """A room in the drawing."""

    name: str
    x: float
    y: float
    width: float


def floors() -> list[list[str]]:
    """Return the layers of the contract from the top, each as a list of its rooms; rooms that do not exist yet are left out."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["id"] == "layers")
    rooms = [[room.strip(" ()") for room in layer.split("|")] for layer in layers]
    built = [[room for room in layer if is_built(room)] for layer in rooms]
    return [layer for layer in built if layer]


def is_built(room: str) -> bool:
    """Return whether a module or package of that name exists."""
    return any(path.exists() for path in (_package(room), PACKAGE / f"{room}.py"))


def imports(room: str) -> set[str]:
    """Return the rooms that a room's modules import, at the top of a module or anywhere else in it."""
    folder = PACKAGE / room
    modules = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    names: set[str] = set()
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
            elif isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
    return {parts[1] for name in names if (parts := name.split("."))[0] == "aiosock" and len(parts) > 1} - {room}


def drawing() -> str:
    """Return the drawing as SVG."""
    boxes = [box for number, rooms in enumerate(floors()) for box in _placed(rooms, MARGIN + number * (FLOOR + GAP))]
    height = max(box.y for box in boxes) + FLOOR + MARGIN
    arrow = f"M{WIDTH - 30} {MARGIN} V{height - MARGIN - 6} m-7 -9 l7 9 l7 -9"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">\n'
        f"<title>The rooms of aiosock, floor by floor; a room imports what is below it</title>\n<style>{_STYLE}</style>\n"
        f'<path d="{arrow}"/>\n'
        f'<text class="says" transform="translate({WIDTH - 8} {height / 2}) rotate(-90)" text-anchor="middle">imports</text>\n'
        f"{''.join(map(_drawn, boxes))}</svg>\n"
    )


def _package(room: str) -> Path:
    return PACKAGE / room / "__init__.py"


def _placed(rooms: list[str], y: float) -> list[Box]:
    width = (WIDTH - MARGIN - 60 - GAP * (len(rooms) - 1)) / len(rooms)
    return [Box(room, MARGIN + number * (width + GAP), y, width) for number, room in enumerate(rooms)]


def _drawn(box: Box) -> str:
    kind = "edge" if box.name in ("net", "web", "wire") else "room"
    return (
        f'<g class="{kind}"><rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{FLOOR}" rx="6"/>'
        f'<text class="name" x="{box.x + 14:g}" y="{box.y + 25:g}">{escape(box.name)}</text>'
        f'<text class="says" x="{box.x + 14:g}" y="{box.y + 45:g}">{escape(SAYS[box.name])}</text></g>\n'
    )


if __name__ == "__main__":
    DRAWING.write_text(drawing(), encoding="utf-8")
