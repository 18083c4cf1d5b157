"""The files that docs/how-to shows, to be run as they stand but for ports and paths."""

import re
from pathlib import Path
from typing import NamedTuple

from tests.e2e.process import ROOT

HOW_TO = ROOT / "docs" / "how-to"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block."""

    language: str
    text: str

    @property
    def name(self) -> str:
        """The file that its first line names, in a comment."""
        return self.text.partition("\n")[0].removeprefix("#").strip()


def blocks(page: str) -> list[Block]:
    """Give the fenced blocks of a page."""
    return [Block(*found) for found in _BLOCK.findall((HOW_TO / page).read_text())]


def shown(page: str, name: str) -> str:
    """Give the one block of a page that begins with this comment."""
    (found,) = [block.text for block in blocks(page) if block.name == name]
    return found


def program(page: str) -> str:
    """Give the Python of a page, all blocks as one file."""
    return "\n\n".join(block.text for block in blocks(page) if block.language == "python")


def replaced(text: str, changes: dict[str, str | Path]) -> str:
    """Put our ports and paths in place of those shown; each must be there."""
    for old, new in changes.items():
        assert old in text, f"{old!r} is shown no more"
        text = text.replace(old, str(new))
    return text
