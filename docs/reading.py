"""The reading order on the home page: `python -m docs.reading` counts the lines of its files and writes the numbers anew.

The rows are written by hand in docs/README.md: a file, and what a reader learns there. README.md repeats the totals.
"""

import re
from pathlib import Path

import aiosock

ROOT = Path(__file__).parent.parent
PACKAGE = Path(aiosock.__file__).parent
PAGES = (ROOT / "docs" / "README.md", ROOT / "README.md")

_ROW = re.compile(r"^(\| \[`(?P<shown>[^`]+)`\]\(\.\./(?P<path>[^)]+)\) \| .+ \|) [\d,]+ \|$", re.MULTILINE)
_TOTAL = re.compile(r"\d+ files, [\d,]+ lines")


def files(home: str) -> list[str]:
    """Return the files of the table, as paths in the project, in its order."""
    return [row["path"] for row in _ROW.finditer(home)]


def lines(path: str) -> int:
    """Return how many lines a file of the project has, rounded to tens."""
    # The package may be an installed one, outside the project.
    file = PACKAGE.parent / path if path.startswith("aiosock/") else ROOT / path
    return round(len(file.read_text(encoding="utf-8").splitlines()), -1)


def counted(page: str, home: str) -> str:
    """Return a page with the numbers of today: those of the rows, and each "13 files, 3,220 lines".

    The totals are those of the table in `home`, and add up the rounded numbers, as a reader would.
    """
    total = f"{len(files(home))} files, {sum(map(lines, files(home))):,} lines"
    return _TOTAL.sub(total, _ROW.sub(lambda row: f"{row[1]} {lines(row['path']):,} |", page))


if __name__ == "__main__":
    home = PAGES[0].read_text(encoding="utf-8")
    for path in PAGES:
        path.write_text(counted(path.read_text(encoding="utf-8"), home), encoding="utf-8")
