"""Tests of aiosock.web.static.listing."""

import asyncio
import os
import re
import sys
import threading
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urljoin

import pytest

from aiosock.testing import Client
from aiosock.testing.client import ClientResponse
from aiosock.web.few_threads import in_few_threads
from aiosock.web.static import listing
from aiosock.web.static.describing import modified_at
from aiosock.web.static.listing import Listing
from aiosock.web.static.selection import Selection, packed, unpacked
from aiosock.web.static.tree import Entry, Tree
from tests.web.ask import BROWSER, PROGRAM
from tests.web.static.serving import MOMENT, ODD_NAMES, ORDINARY_NAMES, fetch, serving, write

ODD = [
    *ODD_NAMES,
    *ORDINARY_NAMES,
    *("🎉", "back`tick", "[brackets]", "~tilde", "@at", "-", "--help", "a=b"),
    *("http%3A%2F%2Fevil", "%2e%2e%2fup", "x" * 255, "\x01\x1b[31m\x7f\x85\u2028", "%", "<!-- <script>", "]]>"),
]


class Page(HTMLParser):
    """A listing as a reader without scripts sees it: `links` by text, `rows` as lists of cells."""

    def __init__(self, answer: ClientResponse) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self.hrefs: list[str] = []
        self.rows: list[list[str]] = []
        self.fields: dict[str, str] = {}
        self.sorted: list[tuple[str, str]] = []
        self._text: list[str] = []
        self._in_body = False
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._text = [] if tag in ("a", "th", "td") else self._text
        self._in_body |= tag == "tbody"
        if tag == "a":
            self.hrefs.append(given["href"])
        if tag == "tr" and self._in_body:
            self.rows.append([])
        if tag == "input" and "name" in given:
            self.fields[given["name"]] = given.get("value", "")
        if "aria-sort" in given:
            self.sorted.append((given["class"], given["aria-sort"]))

    def handle_endtag(self, tag: str) -> None:
        self._in_body &= tag != "tbody"
        if tag == "a":
            self.links["".join(self._text)] = self.hrefs[-1]
        if tag in ("th", "td") and self._in_body:
            self.rows[-1].append("".join(self._text))

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    @property
    def names(self) -> list[str]:
        return [row[0] for row in self.rows]


async def listed(root: Path, target: str = "/", **options: Any) -> ClientResponse:
    return await fetch(root, target, BROWSER, **{"listing": True, **options})


async def names_of(root: Path, query: str = "") -> list[str]:
    answer = await fetch(root, f"/{query}", PROGRAM, listing=True)
    return [entry["name"] for entry in answer.json()["entries"]]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a directory in which the orders by name, by size and by time differ."""
    write(tmp_path, {"file 10": "1", "File 9": "22", "file 1": "333", "b/x": "", "a/x": "", "Übung.txt": "22"})
    for name, moment in {"file 10": 3, "File 9": 1, "file 1": 2, "Übung.txt": 4, "a": 2, "b": 1}.items():
        os.utime(tmp_path / name, (MOMENT + moment, MOMENT + moment))
    return tmp_path


# Which form each client gets.


async def test_each_gets_the_form_it_prefers(photos: Path) -> None:
    kinds = [
        (await fetch(photos, "/", {"accept": accept}, listing=True)).headers["content-type"]
        for accept in ("text/html", "application/json", "text/plain", "*/*", "image/png", "text/html;q=0.1, text/plain")
    ]

    page, data, lines = "text/html; charset=utf-8", "application/json", "text/plain; charset=utf-8"
    assert kinds == [page, data, lines, lines, lines, lines]


@pytest.mark.parametrize("accept", ["text/html", "application/json", "text/plain"])
async def test_a_listing_is_asked_for_again_each_time(photos: Path, accept: str) -> None:
    answer = await fetch(photos, "/", {"accept": accept}, listing=True)

    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("target", ["/", "/?archive=zip", "/?archive=tar.gz"])
@pytest.mark.parametrize("accept", ["text/html", "application/json", "text/plain"])
async def test_head_has_the_fields_of_get(photos: Path, accept: str, target: str) -> None:
    answers = [
        await fetch(photos, target, {"accept": accept}, method=method, listing=True) for method in ("GET", "HEAD")
    ]
    for answer in answers:
        del answer.headers["date"]

    assert answers[0].headers == answers[1].headers
    assert (answers[0].status, answers[1].status, answers[1].body) == (200, 200, b"")


async def test_a_directory_with_an_index_is_not_listed(tmp_path: Path) -> None:
    write(tmp_path, {"index.html": "home", "other.txt": ""})

    assert (await listed(tmp_path)).text == "home"


async def test_without_listings_there_are_none(photos: Path) -> None:
    assert (await listed(photos, listing=False)).status == 404


# As JSON.


async def test_json_has_all_there_is_to_know(tmp_path: Path) -> None:
    write(tmp_path, {"sub/a.txt": "abc", "sub/dir/b": ""})
    os.utime(tmp_path / "sub" / "dir", (MOMENT, MOMENT))

    assert (await fetch(tmp_path, "/sub/", PROGRAM, listing=True)).json() == {
        "path": "/sub/",
        "entries": [
            {"name": "dir", "type": "directory", "size": None, "modified": "2001-09-09T01:46:40+00:00"},
            {"name": "a.txt", "type": "file", "size": 3, "modified": "2001-09-09T01:46:40+00:00"},
        ],
    }


async def test_json_has_names_as_they_are(tmp_path: Path) -> None:
    write(tmp_path, dict.fromkeys(ODD, ""))

    assert sorted(await names_of(tmp_path)) == sorted(ODD)


# As lines.


async def test_lines_are_for_people(tmp_path: Path) -> None:
    write(tmp_path, {"large": "x" * 12345, "small": "x", "dir/b": ""})
    os.utime(tmp_path / "dir", (MOMENT, MOMENT))

    assert (await fetch(tmp_path, "/", listing=True)).text == (
        "2001-09-09 01:46      -  dir/\n2001-09-09 01:46  12345  large\n2001-09-09 01:46      1  small\n"
    )


async def test_lines_hold_nothing_that_plays_with_a_terminal(tmp_path: Path) -> None:
    write(tmp_path, dict.fromkeys(ODD, ""))
    text = (await fetch(tmp_path, "/", listing=True)).text

    assert text.count("\n") == len(ODD)
    assert len(text.splitlines()) == len(ODD)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text)
    assert "  \\x01\\x1b[31m\\x7f\\x85\\u2028\n" in text
    assert "  evil\\u202egpj.txt\n" in text


async def test_an_empty_directory_has_no_lines(tmp_path: Path) -> None:
    assert (await fetch(tmp_path, "/", listing=True)).text == ""


async def test_a_time_that_no_calendar_has_is_shown_as_another(tmp_path: Path) -> None:
    write(tmp_path, {"old": ""})
    os.utime(tmp_path / "old", (-1e10, -1e10))

    assert (await fetch(tmp_path, "/", listing=True)).text.startswith("1970-01-01 00:00")
    assert Page(await listed(tmp_path)).rows[0][2] == "1970-01-01 00:00"


# Order and search.


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["a", "b", "file 1", "File 9", "file 10", "Übung.txt"]),
        ("?sort=name&order=desc", ["b", "a", "Übung.txt", "file 10", "File 9", "file 1"]),
        ("?sort=size", ["a", "b", "file 10", "File 9", "Übung.txt", "file 1"]),
        ("?sort=size&order=desc", ["a", "b", "file 1", "File 9", "Übung.txt", "file 10"]),
        ("?sort=modified", ["b", "a", "File 9", "file 1", "file 10", "Übung.txt"]),
        ("?sort=modified&order=desc", ["a", "b", "Übung.txt", "file 10", "file 1", "File 9"]),
        ("?sort=colour&order=up", ["a", "b", "file 1", "File 9", "file 10", "Übung.txt"]),
        ("?q=FILE&order=desc", ["file 10", "File 9", "file 1"]),
        ("?q=%C3%BCB", ["Übung.txt"]),
        ("?q=U%CC%88b", ["Übung.txt"]),
        ("?q=nothing", []),
    ],
)
async def test_entries_come_in_order_directories_first(photos: Path, query: str, names: list[str]) -> None:
    assert await names_of(photos, query) == names
    assert [name.rstrip("/") for name in Page(await listed(photos, f"/{query}")).names] == names


async def test_numbers_in_names_count_as_numbers(tmp_path: Path) -> None:
    names = ["v1.2.9", "v1.2.10", "v1.10.1", "v2", "v007", "v10", "v" + "9" * 100, "v1" + "0" * 100, "va"]
    write(tmp_path, dict.fromkeys(names, ""))

    assert await names_of(tmp_path) == names


async def test_names_that_count_the_same_have_an_order_too(tmp_path: Path) -> None:
    names = ["A1", "A01", "a1", "a01", "a001"]
    write(tmp_path, dict.fromkeys(names, ""))

    assert await names_of(tmp_path) == sorted(names)
    assert await names_of(tmp_path, "?order=desc") == sorted(names, reverse=True)


# The page.


@pytest.mark.parametrize("prefix", ["", "/files", "/a b/c"])
async def test_each_link_leads_to_its_file(tmp_path: Path, prefix: str) -> None:
    place = "ü & <b> 100%"
    write(tmp_path, {f"{place}/{name}": name for name in ODD})
    async with Client(serving(tmp_path, prefix, listing=True)) as client:
        base = quote(f"{prefix}/")
        top = Page(await client.get(base, headers=BROWSER))
        base = urljoin(base, top.links[f"{place}/"])
        page = Page(await client.get(base, headers=BROWSER))
        links = [href for href in page.hrefs if href.startswith("./")][: len(ODD)]
        contents = [(await client.get(urljoin(base, link))).text for link in links]

    assert sorted(contents) == sorted(ODD)


@pytest.mark.parametrize("prefix", ["", "/files"])
@pytest.mark.parametrize("path", ["/one%20%26/t%23wo%3F/", "/one%20%26%2Ft%23wo%3F/"])
async def test_breadcrumbs_lead_up(tmp_path: Path, prefix: str, path: str) -> None:
    write(tmp_path, {"one &/t#wo?/file": "", "one &/b": "", "c": ""})
    async with Client(serving(tmp_path, prefix, listing=True)) as client:
        page = Page(await client.get(prefix + path, headers=BROWSER))
        above = [href for href in page.hrefs if href.startswith("..")]
        shown = [Page(await client.get(urljoin(prefix + path, href), headers=BROWSER)).names for href in above]

    assert page.names == ["file"]
    assert shown == ([["one &/", "c"], ["t#wo?/", "b"]] if "%2F" not in path else [["one &/", "c"]])


async def test_names_are_text_and_what_misleads_is_seen(tmp_path: Path) -> None:
    write(tmp_path, dict.fromkeys(ODD, ""))
    answer = await listed(tmp_path)
    page = Page(answer)

    assert sorted(unquote(link) for link in page.links.values() if link.startswith("./") and link != "./") == sorted(
        f"./{name}" for name in ODD
    )
    assert {"line␊break.txt", "tab␉here.txt", "evil\ufffdgpj.txt", "<b>bold<i>.txt"} <= set(page.names)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]", answer.text)


async def test_the_headings_are_links_that_sort(photos: Path) -> None:
    page = Page(await listed(photos, "/?q=file&sort=size"))

    assert page.sorted == [("size", "ascending")]
    assert parse_qs(page.links["Name"][1:]) == {"q": ["file"], "sort": ["name"], "order": ["asc"]}
    assert parse_qs(page.links["Size"][1:]) == {"q": ["file"], "sort": ["size"], "order": ["desc"]}
    assert page.fields == {"sort": "size", "order": "asc", "q": "file", "file": ""}
    assert Page(await listed(photos, "/?sort=size&order=desc")).sorted == [("size", "descending")]


async def test_what_is_searched_for_is_text_too(photos: Path) -> None:
    page = Page(await listed(photos, "/?q=%22%3E%3Cscript%3E$title"))

    assert page.fields["q"] == '"><script>$title'
    assert page.rows == []


async def test_sizes_are_for_people(tmp_path: Path) -> None:
    texts = ("0 B", "999 B", "1.0 KiB", "9.8 KiB", "98 KiB", "1.0 MiB", "4.7 GiB", "10 GiB")
    numbers = (0, 999, 1000, 10_000, 100_000, 1024 * 1000, 5_000_000_000, int(9.99 * 1024**3))
    sizes = dict(zip(texts, numbers, strict=True))
    for size in sizes.values():
        with (tmp_path / str(size)).open("wb") as file:
            file.truncate(size)

    assert {row[1]: int(row[0]) for row in Page(await listed(tmp_path)).rows} == sizes


@pytest.mark.parametrize(
    ("files", "count"),
    [({}, "0 directories, 0 files, 0 B"), ({"a/b": "", "c": "xx"}, "1 directory, 1 file, 2 B")],
)
async def test_the_page_counts(tmp_path: Path, files: dict[str, str], count: str) -> None:
    write(tmp_path, files)
    text = (await listed(tmp_path)).text

    assert f">{count}<" in text
    assert ('<p id="empty" >' in text) is (not files)


@pytest.mark.parametrize("upload", [False, True])
async def test_the_page_offers_uploads_only_where_they_are_taken(tmp_path: Path, upload: bool) -> None:
    text = (await listed(tmp_path, listing=Listing(upload=upload))).text

    section = re.search(r'<section id="upload"[^>]*>', text)

    assert section is not None
    assert ("hidden" not in section[0]) is upload


async def test_the_policy_allows_the_style_and_the_script_of_the_page_and_nothing_else(photos: Path) -> None:
    answer = await listed(photos)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))

    assert policy["default-src"] == "'none'"
    for tag in ("style", "script"):
        content = re.findall(f"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
        digest = b64encode(sha256(content[0].encode()).digest()).decode()
        assert (len(content), policy[f"{tag}-src"]) == (1, f"'sha256-{digest}'")
    assert not re.search(r" (on\w+|style)=", answer.text.partition("<script>")[0])


# Many entries.


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory in which there seem to be 2500 files: the largest is the oldest."""
    entries = [Entry(f"file {number}", False, number, MOMENT - number) for number in range(1, 2501)]
    monkeypatch.setattr(Tree, "scan", lambda *_: [*entries[1000:], *entries[:1000]])
    return tmp_path


def rows_of(page: Page) -> tuple[str, str, int]:
    return page.names[0], page.names[-1], len(page.names)


@pytest.mark.parametrize(
    ("query", "rows", "before", "after"),
    [
        ("", ("file 1", "file 1000", 1000), None, "2"),
        ("?page=1", ("file 1", "file 1000", 1000), None, "2"),
        ("?page=2", ("file 1001", "file 2000", 1000), "1", "3"),
        ("?page=3", ("file 2001", "file 2500", 500), "2", None),
        ("?page=4", ("file 2001", "file 2500", 500), "2", None),
        ("?page=0", ("file 1", "file 1000", 1000), None, "2"),
        ("?page=-1", ("file 1", "file 1000", 1000), None, "2"),
        ("?page=%C2%B2", ("file 1", "file 1000", 1000), None, "2"),
        (f"?page={'9' * 5000}", ("file 1", "file 1000", 1000), None, "2"),
        ("?page=2&order=desc", ("file 1500", "file 501", 1000), "1", "3"),
        ("?page=2&sort=modified", ("file 1500", "file 501", 1000), "1", "3"),
        ("?page=2&q=FILE+1", ("file 1889", "file 1999", 111), "1", None),
    ],
)
async def test_a_page_shows_a_thousand_entries(
    many: Path, query: str, rows: tuple[str, str, int], before: str | None, after: str | None
) -> None:
    page = Page(await listed(many, f"/{query}"))
    linked = [
        parse_qs(page.links[name][1:]).get("page") if name in page.links else None for name in ("Previous", "Next")
    ]

    assert rows_of(page) == rows
    assert linked == [before and [before], after and [after]]


async def test_the_links_between_pages_keep_the_query(many: Path) -> None:
    page = Page(await listed(many, "/?page=2&q=e&sort=size&order=desc"))

    for name, number in (("Previous", "1"), ("Next", "3")):
        assert parse_qs(page.links[name][1:]) == {"q": ["e"], "sort": ["size"], "order": ["desc"], "page": [number]}
    assert parse_qs(page.links["Name"][1:]) == {"q": ["e"], "sort": ["name"], "order": ["asc"]}


async def test_a_page_of_many_counts_all_entries_and_says_where_it_is(many: Path) -> None:
    text = (await listed(many, "/?page=2")).text

    assert ">0 directories, 2,500 files, 3.0 MiB<" in text
    assert text.count(">1,001 to 2,000 of 2,500<") == 2  # above and below the table
    assert re.findall(r'<a rel="(\w+)"', text) == ["prev", "next"] * 2


async def test_a_directory_of_one_page_has_no_links_to_others(photos: Path) -> None:
    assert 'class="pages"' not in (await listed(photos, "/?page=1")).text


@pytest.mark.parametrize("query", ["", "?page=2"])
async def test_json_and_text_have_all_entries(many: Path, query: str) -> None:
    names = [f"file {number}" for number in range(1, 2501)]
    text = await fetch(many, f"/{query}", {"accept": "text/plain"}, listing=True)

    assert await names_of(many, query) == names
    assert [line[18:] for line in text.text.splitlines()] == [
        f"{number:>4}  {name}" for number, name in enumerate(names, 1)
    ]
    assert text.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("accept", ["application/json", "text/plain"])
async def test_head_of_many_entries_has_the_fields_of_get(many: Path, accept: str) -> None:
    answers = [await fetch(many, "/", {"accept": accept}, method=method, listing=True) for method in ("GET", "HEAD")]

    for answer in answers:
        del answer.headers["date"]

    assert answers[0].headers == answers[1].headers
    assert (answers[0].status, answers[1].status, answers[1].body) == (200, 200, b"")


@pytest.mark.parametrize("accept", ["application/json", "text/plain"])
async def test_entries_are_written_while_the_client_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    entries = [Entry(f"file {number}", False, 0, 0) for number in range(50_000)]
    monkeypatch.setattr(Tree, "scan", lambda *_: list(entries))
    written: list[str] = []

    def note(entry: Entry) -> datetime:
        written.append(entry.name)
        return modified_at(entry)

    monkeypatch.setattr(listing, "modified_at", note)
    async with Client(serving(tmp_path, listing=True)) as client:
        peer = await client.connect()
        peer.stall()
        peer.send(f"GET / HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n".encode())
        async with asyncio.timeout(client.patience):
            while not written:
                await client.settle()
        for _ in range(100):  # more than enough turns to write everything
            await in_few_threads(int)
            await client.settle()
        assert len(written) <= 5000

        peer.resume()
        answer = await peer.response("GET")
        assert answer.body.count(b"file ") == len(written) == 50_000


def test_entries_that_wait_for_a_slow_reader_take_little_memory() -> None:
    entries = [
        Entry(f"a name that is usual {number}.txt", False, number, MOMENT + number / 7) for number in range(5000)
    ]
    entries += [Entry("caf\udce9", True, 0, 0.0), Entry("🎉", False, 2**62, -1e10)]
    batches = packed(entries)

    assert [entry for batch in unpacked(batches) for entry in batch] == entries
    assert sum(map(sys.getsizeof, batches)) < 25 * len(entries)


@pytest.mark.parametrize("accept", ["text/html", "application/json", "text/plain"])
async def test_entries_are_found_sorted_and_written_beside_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    threads = set()
    scan, select = Tree.scan, Selection

    def note(function: Callable[..., Any], *arguments: Any) -> Any:
        threads.add(threading.current_thread().name.rstrip("_0123456789"))
        return function(*arguments)

    monkeypatch.setattr(Tree, "scan", lambda *arguments: note(scan, *arguments))
    monkeypatch.setattr(listing, "Selection", lambda *arguments: note(select, *arguments))
    await fetch(tmp_path, "/", {"accept": accept}, listing=True)

    assert threads == {"aiosock-few"}


async def test_a_name_that_is_not_utf_8_is_listed(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"caf\xe9")).write_text("text")
    except OSError:
        pytest.skip("the file system takes UTF-8 only")

    page, program, text = [
        await fetch(tmp_path, "/", fields, listing=True) for fields in (BROWSER, PROGRAM, {"accept": "text/plain"})
    ]

    assert Page(page).links["caf\ufffd"] == "./caf%E9"
    assert [entry["name"] for entry in program.json()["entries"]] == ["caf\ufffd"]
    assert text.text.endswith("  caf\\udce9\n")
