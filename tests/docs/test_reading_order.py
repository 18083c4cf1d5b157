"""The reading order on the home page names files that are there, with the lines that they have."""

import re
from pathlib import Path

import pytest

from docs.reading import PAGES, ROOT, counted, files

HOME = PAGES[0].read_text(encoding="utf-8")


def numbers(page: str) -> list[int]:
    """Return every number of lines on a page: those of the rows, and the totals."""
    found = re.findall(r"(?<=\| )[\d,]+(?= \|$)|(?<=files, )[\d,]+(?= lines)", page, re.MULTILINE)
    return [int(number.replace(",", "")) for number in found]


@pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_the_lines_are_nearly_those_of_the_files(path: Path) -> None:
    # Nearly: a small change to a file need not change the pages.
    page = path.read_text(encoding="utf-8")

    assert numbers(page) == pytest.approx(numbers(counted(page, HOME)), rel=0.1, abs=20), "run python -m docs.reading"


def test_every_row_of_the_table_is_counted() -> None:
    table = HOME.partition("\n| file |")[2].partition("\n\n")[0]

    assert len(files(HOME)) == table.count("\n| [") > 10


def test_a_row_shows_the_file_that_it_links_to() -> None:
    shown = re.findall(r"^\| \[`([^`]+)`\]\(\.\./", HOME, re.MULTILINE)

    assert shown == files(HOME)


@pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_the_totals_are_told(path: Path) -> None:
    assert re.search(r"\d+ files, [\d,]+ lines", path.read_text(encoding="utf-8"))
