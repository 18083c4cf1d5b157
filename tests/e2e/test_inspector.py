"""The inspector in a real browser, in front of a server with requests in flight."""

import json
import os
import re
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.process import Served, run_to_its_end, serve_program
from tests.e2e.test_browser import _chromium, new_page
from tests.patience import PATIENCE

PROGRAM = """
import asyncio
import time
from aiosock import App, Request, Response
from aiosock.cli import main

app = App()

@app.get("/users/{id:int}")
async def user(request: Request, id: int) -> dict[str, int]:
    return {"id": id}

@app.get("/slow")
async def slow(request: Request) -> str:
    await asyncio.Event().wait()  # stands here
    return ""

@app.post("/echo")
async def echo(request: Request) -> Response:
    return Response(await request.read())

@app.get("/block")
async def block(request: Request) -> str:
    time.sleep(0.3)  # blocks
    return ""

main(app)
"""


def line(mark: str) -> str:
    """Return the place in the program of the line with this mark."""
    (number,) = [number for number, text in enumerate(PROGRAM.splitlines(), 1) if mark in text]
    return f"program.py:{number}"


Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = _chromium()
    if path is None:
        pytest.skip("Chromium is not installed, and could not be: that takes root and apt-get")
    expect.set_options(timeout=PATIENCE * 1000)
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=path, timeout=PATIENCE * 1000) as browser,
    ):
        yield browser


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opener]:
    """Yield a function that opens the page of a server; at the end its console must be empty."""
    problems: list[str] = []
    pages = []

    def open_page(server: Served, width: int = 1280, scheme: str = "light") -> Page:
        page = new_page(browser, viewport={"width": width, "height": 900}, color_scheme=scheme)
        pages.append(page)
        page.on("console", lambda message: problems.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
        page.goto(server.url + "/_aiosock/")
        expect(page.locator("#state")).to_have_class("state live")
        return page

    yield open_page
    for page in pages:
        page.close()
    assert problems == []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    with serve_program(path, "asyncio", "--debug", "--no-access-log") as server:
        yield server


def sent(server: Served, target: str, *fields: str, method: str = "GET", body: bytes = b"") -> socket.socket:
    """Send a request and return the connection."""
    connection = socket.create_connection(server.address, PATIENCE)
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *fields, "", ""]
    connection.sendall("\r\n".join(lines).encode() + body)
    return connection


def answered(server: Served, target: str, *fields: str, method: str = "GET", body: bytes = b"") -> bytes:
    with sent(server, target, *fields, method=method, body=body) as connection:
        return connection.recv(65536)


def test_it_shows_what_is_in_flight_and_cancels_it(server: Served, opened: Opener) -> None:
    page = opened(server)
    expect(page.locator("#flights-none")).to_be_visible()
    with sent(server, "/slow?x=<b>") as connection:
        row = page.locator("#flights-list > li")
        expect(row).to_contain_text("GET /slow?x=<b>")
        expect(row.locator(".place")).to_have_text(
            f"{line('# stands here')} in slow await asyncio.Event().wait()  # stands here"
        )
        expect(page.locator("#n-flights")).to_have_text("1")
        row.get_by_role("button", name="Cancel").click()
        assert connection.recv(65536).startswith(b"HTTP/1.1 503 ")
    expect(page.locator("#flights-list > li")).to_have_count(0)
    ended = page.locator("#last-list > li").first
    expect(ended).to_contain_text("somebody cancelled it in the inspector")


def test_it_shows_a_request_in_full_and_sends_it_again(server: Served, opened: Opener) -> None:
    markup = "<img src=x onerror=alert(1)>"
    answered(
        server,
        f"/echo?a={markup.replace(' ', '%20')}",
        f"X-Markup: {markup}",
        "Cookie: a=s3cret",
        method="POST",
        body=b"a body",
    )
    page = opened(server)
    page.locator("#last-list button.line").first.click()
    details = page.locator(".details")
    expect(details).to_contain_text(f"x-markup: {markup}")
    expect(details).to_contain_text("cookie: (hidden)")
    expect(details).to_contain_text("a body")
    assert page.locator("img").count() == 0
    details.get_by_role("button", name="Copy as curl").click()
    expect(details.locator(".said")).to_contain_text("--data-raw 'a body'")
    expect(details.locator(".said")).to_contain_text('-H "cookie: $COOKIE"')
    details.get_by_role("checkbox", name="with cookies and passwords").check()
    expect(details).to_contain_text("cookie: a=s3cret")
    details.get_by_role("button", name="Replay").click()
    expect(details.locator(".said")).to_contain_text("200 in ")
    expect(details.locator(".said")).to_contain_text("a body")
    expect(page.locator("#last-list > li")).to_have_count(2)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as HAR").click()
    entries = json.loads(Path(download.value.path()).read_text())["log"]["entries"]
    assert [entry["request"]["method"] for entry in entries] == ["POST", "POST"]


def test_it_filters_and_counts(server: Served, opened: Opener) -> None:
    for number in range(5):
        answered(server, f"/users/{number}")
    answered(server, "/nothing")
    page = opened(server)
    rows = page.locator("#last-list > li")
    expect(rows).to_have_count(6)
    page.get_by_label("only what failed").check()
    expect(rows).to_have_count(1)
    page.get_by_label("only what failed").uncheck()
    page.get_by_placeholder(re.compile("^Filter")).fill("users/3")
    expect(rows).to_have_count(1)
    expect(page.locator("#routes-table tbody tr").first).to_contain_text("GET /users/{id:int}")
    expect(page.locator("#routes-table tbody tr").first).to_contain_text("5")


def test_it_names_what_blocks_the_loop(server: Served, opened: Opener) -> None:
    page = opened(server)
    answered(server, "/block")
    blocker = page.locator("#blockers > li").first
    expect(blocker).to_contain_text(f"{line('# blocks')} in block time.sleep(0.3)  # blocks")
    blocker.get_by_text("its stack").click()
    expect(blocker.locator("pre")).to_contain_text("in block")


def test_it_waits_for_a_server_that_has_ended(server: Served, opened: Opener) -> None:
    page = opened(server)
    assert server.stop() == 0
    expect(page.locator("#state")).to_have_class("state gone")
    expect(page.locator("#state")).to_contain_text("does not answer")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (320, "light"), (320, "dark")])
def test_it_fits_every_width(server: Served, opened: Opener, width: int, scheme: str, tmp_path: Path) -> None:
    for number in range(3):
        answered(server, f"/users/{number}?{'long' * 60}")
    with sent(server, "/slow" + "/long" * 30), sent(server, "/slow"):
        page = opened(server, width, scheme)
        expect(page.locator("#flights-list > li")).to_have_count(1)
        page.locator("#last-list button.line").first.click()
        expect(page.locator(".details")).to_contain_text("Request")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shots = Path(os.environ.get("AIOSOCK_SCREENSHOTS") or tmp_path)
        page.screenshot(path=shots / f"inspector-{width}-{scheme}.png", full_page=True)


def test_a_page_of_another_origin_can_do_nothing(server: Served, browser: Browser) -> None:
    """A page that the browser has from elsewhere tries to read, and to cancel."""
    page = new_page(browser)
    page.goto("data:text/html,<title>elsewhere</title>")
    with sent(server, "/slow") as connection:
        told = page.evaluate(
            """async (url) => {
                const tries = [fetch(url + "/_aiosock/inspector/requests.har"), fetch(url + "/_aiosock/inspector/requests/1/cancel", {method: "POST"})];
                return (await Promise.allSettled(tries)).map((each) => each.status);
            }""",
            server.url,
        )
        assert told == ["rejected", "rejected"]
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    page.close()


def test_a_bad_address_is_one_line_and_status_2(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    status, output, errors = run_to_its_end([sys.executable, str(path), "--inspect", "192.0.2.1:80", "--port", "0"])
    assert (status, output) == (2, "")
    assert (
        errors
        == "aiosock: error: cannot inspect at '192.0.2.1:80': not a loopback address such as 127.0.0.1:9000, nor unix:PATH\n"
    )
