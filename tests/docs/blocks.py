"""The fenced blocks of README.md and docs, each with its language and the comment above it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]

PAGES = sorted(str(path.relative_to(ROOT)) for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<said>[^\n]+) -->\n)?"
    r'^(?P<indent> *)```(?P<language>\w*)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^(?P=indent)```$',
    re.MULTILINE | re.DOTALL,
)


CHANGES_THE_MACHINE = re.compile(
    r"^(?:\$ )?(?:sudo |.*\bpip install |(?:apt|apt-get|docker|kubectl|journalctl|systemctl|systemd-\S+) )",
    re.MULTILINE,
)
"""Commands that install programs, or that change something the machine has only one of."""


class Block(NamedTuple):
    """A fenced block: its place, its language, the file it belongs to, and why it is not run, if it is not."""

    page: str
    line: int
    language: str
    title: str
    said: str
    text: str

    @property
    def is_run(self) -> bool:
        """Whether the block can be run here: no comment says why not, and it does not change the machine."""
        return not self.said and not (self.language in ("sh", "console") and CHANGES_THE_MACHINE.search(self.text))

    @property
    def place(self) -> str:
        """The page and line of the block, for error messages."""
        return f"{self.page}:{self.line}"


def blocks(page: str) -> Iterator[Block]:
    """Yield the blocks of a page, from top to bottom."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("language")) + 1
        indent = len(found["indent"])
        content = "".join(each[indent:] for each in found["text"].splitlines(keepends=True))
        yield Block(page, line, found["language"], found["title"] or "", found["said"] or "", content)


def run_python(page: str) -> dict[str, Any]:
    """Run the Python of a page, from top to bottom; return the names that it defines."""
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks(page):
        if block.language == "python":
            exec(compile(block.text, page, "exec"), names)
    return names
