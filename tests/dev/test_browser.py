"""A browser, Debian's Chromium, reloads pages and swaps style sheets by itself."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.dev.reloading import PROGRAM, Reloaded
from tests.e2e.process import Served, until
from tests.e2e.test_browser import _chromium, new_page
from tests.patience import PATIENCE

pytestmark = [
    pytest.mark.costly,
    pytest.mark.skipif(os.name != "posix", reason="a child inherits sockets on POSIX systems only"),
]

PAGE = """<!doctype html>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="site.css"><link rel="stylesheet" href="other.css">
<title>one</title>
<body><h1>one</h1><pre>BREAKS</pre></body>
""".replace("BREAKS", "\n" * 200)

PAGES = """
STRICT = "default-src 'none'; style-src 'self'; img-src data:"

@app.get("/page")
async def page(request):
    return Response.html(PAGE.replace("one", str(VERSION)))

@app.get("/strict")
async def strict(request):
    return Response.html(PAGE.replace("one", str(VERSION)), headers={"content-security-policy": STRICT})

@app.get("/dynamic")
async def dynamic(request):
    policy = "script-src 'nonce-abc' 'strict-dynamic'"
    return Response.html(PAGE.replace("one", str(VERSION)), headers={"content-security-policy": policy})

@app.get("/streamed")
async def streamed(request):
    async def pieces():
        for piece in PAGE.replace("one", str(VERSION)).splitlines():
            yield piece
    return Response(pieces(), headers={"content-type": "text/html"})

@app.get("/form")
async def form(request):
    return Response.html('<link rel="icon" href="data:,"><form method="post"><button>Send</button></form>')

@app.post("/form")
async def sent(request):
    return Response.html(PAGE.replace("one", str(20 // (VERSION - 100))))

from aiosock.web.middleware import compression
from aiosock import StaticFiles
app.mount("/static", StaticFiles("static"))
app.middleware(compression(minimum_bytes=1))
"""

SITE = PROGRAM.replace(
    "if __name__",
    f'PAGE = """{PAGE}""".replace("site.css", "static/site.css").replace("other.css", "static/other.css")\n{PAGES}\nif __name__',
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium, once for all."""
    path = _chromium()
    if path is None:
        pytest.skip("Chromium is not installed")
    expect.set_options(timeout=PATIENCE * 1000)
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=path, args=["--no-sandbox"], timeout=PATIENCE * 1000) as browser,
    ):
        yield browser


Opener = Callable[[str], Page]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opener]:
    """Yield a function that opens a URL in a new window. A policy must not refuse anything, nor a script fail."""
    problems: list[str] = []
    pages = []

    def hear(message: ConsoleMessage) -> None:
        # A status of 500, and a stream that ends with its server, are no fault of the page.
        if "Failed to load resource" not in message.text and "net::ERR_" not in message.text:
            problems.append(message.text)

    def open_page(url: str) -> Page:
        page = new_page(browser)
        pages.append(page)
        page.on("console", hear)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(url)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert problems == []


def mark(page: Page) -> None:
    """Leave a mark that a page loses when it is loaded again."""
    page.evaluate("window.mark = true")


def has_mark(page: Page) -> bool:
    return bool(page.evaluate("window.mark === true"))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    home = tmp_path.resolve()
    (home / "static").mkdir()
    (home / "static" / "site.css").write_text("h1 { color: rgb(1, 0, 0) }")
    (home / "static" / "other.css").write_text("h1 { margin-top: 1px }")
    return home


@pytest.mark.parametrize("path", ["page", "strict", "dynamic", "streamed"])
def test_a_page_shows_the_new_code_by_itself(site: Path, opened: Opener, path: str) -> None:
    with Reloaded(site, program=SITE) as served:
        page = opened(f"{served.url}/{path}")
        expect(page).to_have_title("100")
        served.change("VERSION = 100", "VERSION = 200")
        expect(page).to_have_title("200")


def test_a_page_stays_where_it_was_scrolled_to(site: Path, opened: Opener) -> None:
    with Reloaded(site, program=SITE) as served:
        page = opened(f"{served.url}/page")
        page.evaluate("scrollTo(0, 1234)")
        served.change("VERSION = 100", "VERSION = 200")
        expect(page).to_have_title("200")
        until(lambda: page.evaluate("scrollY") == 1234)


def test_an_error_shows_by_itself_and_so_does_the_mended_page(site: Path, opened: Opener) -> None:
    with Reloaded(site, program=SITE) as served:
        page = opened(f"{served.url}/page")
        served.change("VERSION = 100", "VERSION = = 100")
        expect(page.locator("body")).to_contain_text("SyntaxError: invalid syntax")
        served.change("VERSION = = 100", "VERSION = undefined")
        expect(page.locator("body")).to_contain_text("NameError: name 'undefined' is not defined")
        served.change("VERSION = undefined", "VERSION = 200")
        expect(page).to_have_title("200")


def test_a_form_that_failed_is_sent_again_to_the_mended_code(site: Path, opened: Opener) -> None:
    with Reloaded(site, program=SITE) as served:
        page = opened(f"{served.url}/form")
        page.click("button")
        expect(page.locator("body")).to_contain_text("ZeroDivisionError")
        until_streaming(page)
        served.change("VERSION = 100", "VERSION = 110")
        expect(page).to_have_title("2")


def test_a_style_sheet_is_swapped_without_a_reload(site: Path, opened: Opener) -> None:
    with Reloaded(site, program=SITE) as served:
        page = opened(f"{served.url}/strict")
        mark(page)
        expect(page.locator("h1")).to_have_css("color", "rgb(1, 0, 0)")
        with page.expect_response("**/site.css?*"):
            until_streaming(page)
            (site / "static" / "site.css").write_text("h1 { color: rgb(2, 0, 0) }")
        expect(page.locator("h1")).to_have_css("color", "rgb(2, 0, 0)")
        expect(page.locator("link[rel=stylesheet]")).to_have_count(2)
        (site / "static" / "site.css").write_text("h1 { color: rgb(3, 0, 0) }")
        expect(page.locator("h1")).to_have_css("color", "rgb(3, 0, 0)")
        expect(page.locator("h1")).to_have_css("margin-top", "1px")
        assert has_mark(page)
        served.change("VERSION = 100", "VERSION = 200")  # and a page whose styles were swapped still reloads
        expect(page).to_have_title("200")


def until_streaming(page: Page) -> None:
    """Wait until the page listens: what changes before reloads it as a whole."""
    until(lambda: bool(page.evaluate("window.aiosockReload === 'listening'")))


# aiosock serve DIR --reload


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[tuple[Served, Path]]:
    root = tmp_path.resolve()
    (root / "index.html").write_text(PAGE)
    (root / "site.css").write_text("h1 { color: rgb(1, 0, 0) }")
    (root / "other.css").write_text("h1 { margin-top: 1px }")
    (root / "empty").mkdir()
    command = [sys.executable, "-m", "aiosock", "serve", str(root), "--reload", "--port", "0"]
    with Served(command) as served:
        yield served, root


def test_a_directory_of_pages_reloads_and_swaps(directory: tuple[Served, Path], opened: Opener) -> None:
    served, root = directory
    page = opened(served.url)
    expect(page).to_have_title("one")
    (root / "index.html").write_text(PAGE.replace("one", "two"))
    expect(page).to_have_title("two")
    until_streaming(page)
    mark(page)
    (root / "site.css").write_text("h1 { color: rgb(2, 0, 0) }")
    expect(page.locator("h1")).to_have_css("color", "rgb(2, 0, 0)")
    assert has_mark(page)


def test_a_listing_shows_a_new_file_by_itself(directory: tuple[Served, Path], opened: Opener) -> None:
    served, root = directory
    page = opened(f"{served.url}/empty/")
    (root / "empty" / "new.txt").write_text("new")
    expect(page.get_by_role("link", name="new.txt")).to_be_visible()
