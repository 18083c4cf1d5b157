"""The files that docs/how-to shows, to be run as they stand but for ports and paths."""

from pathlib import Path

from tests.docs.blocks import Block, blocks


def name_of(block: Block) -> str:
    """Give the file that the first line of a block names, in a comment."""
    return block.text.partition("\n")[0].removeprefix("#").strip()


def how_to(page: str) -> list[Block]:
    """Give the fenced blocks of a page of docs/how-to."""
    return list(blocks(f"docs/how-to/{page}"))


def shown(page: str, name: str) -> str:
    """Give the one block of a page that begins with this comment."""
    (found,) = [block.text for block in how_to(page) if name_of(block) == name]
    return found


def program(page: str) -> str:
    """Give the Python of a page, all blocks as one file."""
    return "\n\n".join(block.text for block in how_to(page) if block.language == "python")


def replaced(text: str, changes: dict[str, str | Path]) -> str:
    """Put our ports and paths in place of those shown; each must be there."""
    for old, new in changes.items():
        assert old in text, f"{old!r} is shown no more"
        text = text.replace(old, str(new))
    return text
