"""The files that docs/how-to shows; tests run them unchanged except for ports and paths."""

from pathlib import Path

from tests.docs.blocks import Block, blocks


def name_of(block: Block) -> str:
    """Return the name of the file, from the comment in the first line of a block."""
    return block.text.partition("\n")[0].removeprefix("#").strip()


def how_to(page: str) -> list[Block]:
    """Return the fenced blocks of a page of docs/how-to."""
    return list(blocks(f"docs/how-to/{page}"))


def shown(page: str, name: str) -> str:
    """Return the one block of a page that begins with this comment."""
    (found,) = [block.text for block in how_to(page) if name_of(block) == name]
    return found


def program(page: str) -> str:
    """Return all Python blocks of a page as one file."""
    return "\n\n".join(block.text for block in how_to(page) if block.language == "python")


def replaced(text: str, changes: dict[str, str | Path]) -> str:
    """Replace the ports and paths shown by ours; each must occur."""
    for old, new in changes.items():
        assert old in text, f"{old!r} is shown no more"
        text = text.replace(old, str(new))
    return text
