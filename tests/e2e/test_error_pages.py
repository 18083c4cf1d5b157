"""A browser shows the pages of errors, with `--debug` and without: they fit, can be used, and nothing of them runs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.curl import curl_answer
from tests.e2e.process import Served, serve_program
from tests.e2e.test_browser import browser, new_page, shots  # noqa: F401 -- fixtures

pytestmark = pytest.mark.costly

PROGRAM = """
import asyncio
from dataclasses import dataclass

from aiosock import App, HTTPError, Request
from aiosock.cli import main
from aiosock.web.middleware import request_id, security_headers

app = App()
app.middleware(request_id())
app.middleware(security_headers(content_security_policy="default-src 'none'"))


@dataclass
class User:
    name: str
    password: str


def load(number: int, user: User) -> str:
    boards, visits = {1: {"title": "Groceries"}}, list(range(100_000))
    return boards[number]["title"] + visits[number] * "a very long line that does not fit into a narrow window at all"


@app.get("/boards/{number:int}")
async def board(request: Request, number: int) -> str:
    user = User("<script>alert(1)</script>", f"hunter{number}")
    try:
        return load(number, user)
    except KeyError as error:
        error.add_note("while <b>loading</b>")
        raise RuntimeError(f"the board {number} of {user.name} cannot be shown") from error


@app.get("/group")
async def group(request: Request) -> str:
    async def fail(number: int) -> None:
        raise ValueError(f"number {number}")

    async with asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(fail(number))
    return "never"


@app.get("/members")
async def members(request: Request) -> str:
    raise HTTPError(403, "Only for members.")


@app.get("/search")
async def search(request: Request, *, limit: int, q: str = "") -> str:
    return q


main(app)
"""

PATHS = {
    "chain": "/boards/2?token=hunter2&x=%3Cscript%3Ealert(1)%3C/script%3E",
    "group": "/group",
    "404": "/bords/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "403": "/members",
    "422": "/search?limit=many",
}
"""Paths that fail, each in its own way."""

SCHEMES = {"light": "rgb(243, 240, 231)", "dark": "rgb(18, 23, 24)"}
"""The colour of the paper, that of the home page."""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a program whose handlers fail."""
    path = tmp_path_factory.mktemp("program") / "boards.py"
    path.write_text(PROGRAM)
    return path


@pytest.fixture(scope="module")
def explained(program: Path) -> Iterator[Served]:
    """Serve it with `--debug`."""
    with serve_program(program, "asyncio", "--debug", complains=True) as server:
        yield server


@pytest.fixture(scope="module")
def silent(program: Path) -> Iterator[Served]:
    """Serve it without."""
    with serve_program(program, "asyncio", complains=True) as server:
        yield server


Opener = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opener]:  # noqa: F811 -- the fixture
    """Yield a function that opens a page; at the end, no script of a stranger and no policy has complained."""
    problems: list[str] = []
    pages = []

    def open_page(url: str, **options: object) -> Page:
        page = new_page(browser, **{"viewport": {"width": 1280, "height": 900}, **options})
        pages.append(page)
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(dialog.message))
        page.goto(url)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert [each for each in problems if "the server responded with a status of" not in each] == []


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("debug", [True, False])
def test_a_page_fits_every_window_light_and_dark(
    name: str,
    debug: bool,
    opened: Opener,
    shots: Path,  # noqa: F811 -- the fixture
    explained: Served,
    silent: Served,
) -> None:
    page = opened((explained if debug else silent).url + PATHS[name])

    for scheme, paper in SCHEMES.items():
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # it is one of these
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == paper
        for width in (1280, 320):
            page.set_viewport_size({"width": width, "height": 900})
            kind = "debug" if debug else "plain"
            page.screenshot(path=shots / f"error-{kind}-{name}-{scheme}-{width}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert "hunter2" not in page.content()


@pytest.mark.parametrize("name", PATHS)
def test_without_debug_a_page_says_nothing_of_the_inside(name: str, silent: Served) -> None:
    _, _, content = curl_answer("-H", "Accept: text/html", silent.url + PATHS[name])

    assert not any(
        word in content for word in ("boards.py", "Traceback", "hunter2", "aiosock", "KeyError", "RuntimeError")
    )


def test_own_frames_are_open_and_a_key_opens_the_others(explained: Served, opened: Opener) -> None:
    page = opened(explained.url + PATHS["chain"])
    folded = page.locator("details.folded").first
    inner = folded.locator("details.frame").first

    expect(page.locator(".own .failing")).to_have_count(3)
    expect(page.locator(".own .failing").first).to_be_visible()
    expect(inner).to_be_hidden()
    folded.locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(inner).to_be_visible()


def test_a_file_name_opens_the_editor_at_the_line(explained: Served, program: Path, opened: Opener) -> None:
    page = opened(explained.url + PATHS["chain"])
    number = (
        PROGRAM.splitlines().index(
            '    return boards[number]["title"]' + PROGRAM.split('boards[number]["title"]')[1].split("\n")[0]
        )
        + 1
    )

    expect(page.get_by_role("link", name=f"boards.py:{number}").first).to_have_attribute(
        "href", f"vscode://file{program}:{number}:12"
    )


def test_the_first_key_leads_to_the_content(explained: Served, opened: Opener) -> None:
    page = opened(explained.url + PATHS["chain"])

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()


def test_a_click_copies_the_command_and_the_command_works(
    explained: Served,
    browser: Browser,  # noqa: F811 -- the fixture
) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    try:
        page = context.new_page()
        page.goto(explained.url + PATHS["404"])
        page.get_by_role("button", name="Copy as a curl command").click()
        expect(page.get_by_role("status")).to_have_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == page.locator("#curl-command").text_content()
        assert copied.startswith("curl -i ")
    finally:
        context.close()


def test_without_a_clipboard_the_command_is_selected(explained: Served, opened: Opener) -> None:
    page = opened(explained.url + PATHS["chain"])
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")

    page.get_by_role("button", name="Copy as a curl command").click()

    expect(page.get_by_role("status")).to_have_text("Selected: press Ctrl+C to copy")
    assert "curl -i" in page.evaluate("String(getSelection())")


def test_without_scripts_all_is_there_but_the_buttons(explained: Served, opened: Opener) -> None:
    page = opened(explained.url + PATHS["chain"], java_script_enabled=False)

    expect(page.get_by_role("button")).to_have_count(0)
    expect(page.get_by_text("It was raised from this exception:")).to_be_visible()
    expect(page.locator("#curl-command")).to_be_visible()


def test_nothing_of_the_page_is_fetched_from_elsewhere(explained: Served, browser: Browser) -> None:  # noqa: F811
    page = new_page(browser)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(explained.url + PATHS["chain"])
    page.close()

    assert [url for url in asked if not url.startswith("data:")] == [explained.url + PATHS["chain"]]


def test_curl_gets_ten_lines_and_head_no_body(explained: Served) -> None:
    _, _, text = curl_answer(explained.url + "/boards/2")
    status, fields, nothing = curl_answer("--head", explained.url + "/boards/2")

    assert len(text.splitlines()) <= 10
    assert (status, nothing) == (500, "")
    assert fields["content-type"] == "text/plain; charset=utf-8"
