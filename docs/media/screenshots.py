"""Make the screenshots of docs: the error page, a program that does not start, the inspector, and the link shortener.

    python -m docs.media.screenshots

serves the programs of the pages and the demo site, and takes the screenshots in Chromium. Addresses and directories are
always shown the same.
"""

import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, Page, sync_playwright

MEDIA: Final = Path(__file__).parent
ROOT: Final = MEDIA.parents[1]
WIDTH: Final = 900  # pixels; twice the width of the site's text would make its letters too small
SHOWN_AT: Final = "127.0.0.1:8080"
SHOWN_HOME: Final = "/home/ada"


def program(page: str, name: str) -> str:
    """Return the program of a page in docs/how-to, from its blocks with that title."""
    text = (ROOT / "docs" / "how-to" / page).read_text(encoding="utf-8")
    return "\n\n".join(re.findall(rf'^```python title="{re.escape(name)}"\n(.*?)^```$', text, re.MULTILINE | re.DOTALL))


@contextmanager
def served(*arguments: str, home: Path) -> Iterator[str]:
    """Run `python -m aiosock` in a directory, on a free port; yield its address."""
    command = [sys.executable, "-m", "aiosock", *arguments, "--port", "0", "--no-access-log"]
    with subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            first = server.stdout.readline()
            yield first.split("http://")[1].split()[0]
        finally:
            server.terminate()


def take(page: Page, name: str, address: str, home: Path, height: int) -> None:
    """Take a screenshot of the top of a page, with the address and the directory that are always shown."""
    page.evaluate(_SHOW_FIXED, [[address, SHOWN_AT], [str(home), SHOWN_HOME]])
    page.screenshot(path=MEDIA / name, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})


_SHOW_FIXED: Final = """pairs => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (texts.nextNode())
        for (const [own, shown] of pairs)
            texts.currentNode.data = texts.currentNode.data.replaceAll(own, shown)
}"""
"""JavaScript that replaces texts of the page."""


def new_page(browser: Browser, scheme: Literal["light", "dark"] = "light") -> Page:
    """Open a window."""
    return browser.new_page(
        viewport={"width": WIDTH, "height": 1000}, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True
    )


# What is shown.


def error_page(browser: Browser, home: Path) -> None:
    """Show how a handler fails, in both colour schemes: the program of debug.md."""
    (home / "boards.py").write_text(program("debug.md", "boards.py"))
    with served("boards:app", "--debug", home=home) as address:
        for name, scheme in SCHEMES.items():
            page = new_page(browser, scheme)
            page.goto(f"http://{address}/boards/7")
            take(page, name, address, home, 860)


SCHEMES: Final[dict[str, Literal["light", "dark"]]] = {"error.png": "light", "error-dark.png": "dark"}


def broken_program(browser: Browser, home: Path) -> None:
    """Save the program of develop.md without its last parenthesis, while a page of it is open."""
    file = home / "hello.py"
    file.write_text(program("develop.md", "hello.py"))
    with served("hello:app", "--reload", home=home) as address:
        page = new_page(browser)
        page.goto(f"http://{address}/")
        page.wait_for_function("window.aiosockReload === 'listening'")
        file.write_text(file.read_text().rstrip().removesuffix(")") + "\n")
        page.get_by_text("was never closed").first.wait_for()
        take(page, "broken.png", address, home, 620)


def inspector(browser: Browser, home: Path) -> None:
    """Show the inspector of the demo site, with some requests that have ended and some that have not."""
    shutil.copy(ROOT / "run.py", home)
    shutil.copytree(ROOT / "static", home / "static")
    with served("run:app", "--debug", home=home) as address, ExitStack() as stack:
        for request in ENDED:
            with asked(address, request) as connection:
                while connection.recv(65536):
                    pass
        for request in IN_FLIGHT:
            stack.enter_context(asked(address, request))
        page = new_page(browser)
        page.goto(f"http://{address}/_aiosock/")
        page.locator("#flights-list > li").nth(len(IN_FLIGHT) - 1).wait_for()
        page.locator("#last-list > li").nth(len(ENDED) - 1).wait_for()
        page.wait_for_function("parseFloat(document.querySelector('#n-lag').textContent) < 10")  # it has settled
        take(page, "inspector.png", address, home, 870)


def shortener(browser: Browser, home: Path) -> None:
    """Sign up at the link shortener of the tutorial, and shorten two links."""
    shutil.copytree(ROOT / "examples" / "shortener", home, dirs_exist_ok=True)
    with served("shortener:app", home=home) as address:
        page = new_page(browser)
        page.goto(f"http://{address}/login")
        page.fill("[name=name]", "ada")
        page.fill("[name=password]", "correct horse")
        page.click("text=Sign up")
        for url, slug in (
            ("https://docs.python.org/3/library/asyncio.html", "asyncio"),
            ("https://example.org/a/long/way", "way"),
        ):
            page.fill("[name=url]", url)
            page.fill("[name=slug]", slug)
            page.click("text=Shorten")
            page.get_by_text(f"{slug} is yours.").wait_for()
        page.request.get(f"http://{address}/to/asyncio", max_redirects=0)
        page.reload()
        page.get_by_text("1 visits").wait_for()
        take(page, "shortener.png", address, home, 360)


ENDED: Final = (
    ("GET / HTTP/1.1", b""),
    ("GET /hello/Ada HTTP/1.1", b""),
    ("POST /echo HTTP/1.1", b"hello"),
    ("GET /hello HTTP/1.1", b""),
    ("PUT /upload HTTP/1.1\r\nContent-Length: 300000", bytes(300_000)),
)
IN_FLIGHT: Final = (
    ("GET /time HTTP/1.1", b""),
    ("GET /time HTTP/1.1", b""),
    ("PUT /upload HTTP/1.1\r\nContent-Length: 300000", bytes(200_000)),
)
"""Requests: the beginning of the head, and the body. The last one waits for the rest of its body."""


def asked(address: str, request: tuple[str, bytes]) -> socket.socket:
    """Open a connection and send a request on it."""
    head, body = request
    host, port = address.split(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    length = f"Content-Length: {len(body)}\r\n" if body and "Length" not in head else ""
    connection.sendall(f"{head}\r\nHost: {address}\r\nConnection: close\r\n{length}\r\n".encode() + body)
    return connection


def main() -> None:
    """Take all of them again."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]) as browser,
    ):
        for shown in (error_page, broken_program, inspector, shortener):
            with tempfile.TemporaryDirectory() as home:
                shown(browser, Path(home).resolve())


if __name__ == "__main__":
    main()
