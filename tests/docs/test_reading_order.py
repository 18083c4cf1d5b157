"""The reading order on the home page names files that are there, with the lines that they have."""

import re
from pathlib import Path

import pytest

from docs.reading import PAGES, ROOT, counted, files

HOME = PAGES[0].read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_the_lines_are_those_of_the_files(path: Path) -> None:
    page = path.read_text(encoding="utf-8")

    assert page == counted(page, HOME), "run python -m docs.reading"


def test_every_row_of_the_table_is_counted() -> None:
    table = HOME.partition("\n| file |")[2].partition("\n\n")[0]

    assert len(files(HOME)) == table.count("\n| [") > 10


def test_a_row_shows_the_file_that_it_links_to() -> None:
    shown = re.findall(r"^\| \[`([^`]+)`\]\(\.\./", HOME, re.MULTILINE)

    assert shown == files(HOME)


@pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_the_totals_are_told(path: Path) -> None:
    assert re.search(r"\d+ files, [\d,]+ lines", path.read_text(encoding="utf-8"))
