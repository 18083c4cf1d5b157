"""A browser, Debian's Chromium, shows the listing of a directory and the demo site.

Screenshots go to the directory that AIOSOCK_SCREENSHOTS names, or else to a temporary one.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import wave
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, Response, expect, sync_playwright

from tests.e2e.process import Served, serve_example, serve_module, serve_site
from tests.patience import PATIENCE
from tests.web.static.serving import ODD_NAMES

NAMES = [
    *ODD_NAMES,
    *("عربي.txt", "🎉.txt", "back`tick.txt", "[brackets].txt", "~tilde.txt"),
    *("http%3A%2F%2Fevil.txt", "%2e%2e%2fup.txt", "x" * 240 + ".txt", "file 2.txt", "file 10.txt", "File 1.txt"),
]
DIRECTORY = "ü & <b> 100%/in#ner?"


def _chromium() -> str | None:
    for _ in range(2):
        for name in ("chromium", "chromium-browser", "google-chrome"):
            if (path := shutil.which(name)) is not None:
                return path
        if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
            env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            for command in (
                ["apt-get", "update"],
                ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"],
            ):
                subprocess.run(command, env=env, capture_output=True, check=False)
    return None


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium, once for all."""
    path = _chromium()
    if path is None:
        pytest.skip("Chromium is not installed, and could not be: that takes root and apt-get")
    expect.set_options(timeout=PATIENCE * 1000)
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=path, timeout=PATIENCE * 1000) as browser,
    ):
        yield browser


def new_page(browser: Browser, **options: object) -> Page:
    """Open a page in a context of its own, which closes with it."""
    page = browser.new_page(**options)  # type: ignore[arg-type]  # what a context takes
    page.set_default_timeout(PATIENCE * 1000)
    return page


Opener = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opener]:
    """Yield a function that opens a URL in a new window; at the end its console must be empty."""
    problems: list[str] = []
    pages = []

    def open_page(url: str, **options: object) -> Page:
        page = new_page(browser, **{"viewport": {"width": 1280, "height": 900}, **options})
        pages.append(page)
        page.on("console", lambda message: problems.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(url)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert problems == []


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory for screenshots."""
    path = Path(os.environ.get("AIOSOCK_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


def fill(root: Path) -> Path:
    """Create a directory of odd names, each file with its name in it, and of some usual ones."""
    (root / DIRECTORY).mkdir(parents=True)
    (root / DIRECTORY / "file.txt").write_text("inner")
    (root / "empty").mkdir()
    (root / "photos").mkdir()
    for number in range(1, 13):
        (root / "photos" / f"photo {number}.jpg").write_bytes(bytes(1000 * number))
    for name in NAMES:
        (root / name).write_text(name)
    with (root / "huge.iso").open("wb") as file:
        file.truncate(5 * 1024**3)
    with wave.open(str(root / "minute.wav"), "wb") as sound:
        sound.setparams((1, 2, 22050, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 22050 * 60))
    (root / "favicon.ico").touch()  # a browser that shows a text requests it
    (root / "player").mkdir()
    (root / "player" / "index.html").write_text(
        '<!doctype html><link rel="icon" href="data:,"><audio controls preload="metadata" src="../minute.wav"></audio>'
    )
    return root


def serve_directory(root: Path, *options: str) -> Served:
    return Served([sys.executable, "-m", "aiosock", "serve", str(root), "--port", "0", *options])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve odd names, for tests that do not change them."""
    with serve_directory(fill(tmp_path_factory.mktemp("browser") / "shared")) as server:
        yield server


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    """Serve a directory with uploads; yield the server and the directory."""
    root = tmp_path_factory.mktemp("uploads")
    with serve_directory(root, "--upload", "--upload-bytes", "50_000_000") as server:
        yield server, root


@pytest.fixture
def inbox(uploads: tuple[Served, Path]) -> tuple[str, Path]:
    """Return the URL of an empty directory below it, and its path."""
    server, root = uploads
    path = Path(tempfile.mkdtemp(prefix="inbox-", dir=root))
    return f"{server.url}/{path.name}/", path


def names_on(page: Page) -> Locator:
    """Return the locator of the names that the listing shows; `expect` waits while the page still loads."""
    return page.locator("tbody tr:visible .name")


def expect_all_names(page: Page) -> None:
    """Wait until the listing shows more names than the odd ones."""
    expect(names_on(page).nth(len(NAMES))).to_be_visible()


def shoot(page: Page, shots: Path, name: str) -> None:
    """Take screenshots of a page, light and dark, wide and narrow; check that it fits the window."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (1280, 380):
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=shots / f"{name}-{scheme}-{width}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= width


# The listing.


def test_the_listing_fits_its_window(shared: Served, opened: Opener, shots: Path) -> None:
    page = opened(shared.url)

    shoot(page, shots, "listing")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(20, 23, 26)"


def test_each_name_leads_to_its_file(shared: Served, opened: Opener) -> None:
    links = opened(shared.url).locator("tbody .name.file a[href$='.txt']")
    contents = links.evaluate_all("all => Promise.all(all.map(async (link) => (await fetch(link.href)).text()))")

    assert sorted(contents) == sorted(NAMES)


@pytest.mark.parametrize("name", ["50%25.txt", "what?.txt"])
def test_a_click_opens_a_file(shared: Served, opened: Opener, name: str) -> None:
    page = opened(shared.url)
    page.get_by_role("link", name=name, exact=True).click()

    page.wait_for_url(lambda url: url.endswith(".txt"))
    assert page.locator("pre").text_content() == name


def test_an_odd_directory_is_entered_and_left(shared: Served, opened: Opener) -> None:
    page = opened(shared.url)
    for name in DIRECTORY.split("/"):
        page.get_by_role("link", name=f"{name}/").click()
        expect(page.get_by_role("heading")).to_have_text(name)

    expect(names_on(page)).to_have_text(["file.txt"])
    page.get_by_role("navigation").get_by_role("link", name="ü & <b> 100%").click()
    expect(page.get_by_role("heading")).to_have_text("ü & <b> 100%")
    page.get_by_role("navigation").get_by_role("link", name="Home").click()
    expect(page).to_have_url(f"{shared.url}/")


@pytest.mark.parametrize("scripts", [True, False])
def test_the_headings_sort(shared: Served, opened: Opener, scripts: bool) -> None:
    page = opened(f"{shared.url}/photos/", java_script_enabled=scripts)
    rising = [f"photo {number}.jpg" for number in range(1, 13)]
    name, size = page.locator("th.name[scope=col]"), page.locator("th.size")

    expect(name).to_have_attribute("aria-sort", "ascending")
    expect(names_on(page)).to_have_text(rising)
    size.get_by_role("link").click()
    expect(size).to_have_attribute("aria-sort", "ascending")
    expect(names_on(page)).to_have_text(rising)
    size.get_by_role("link").press("Enter")
    expect(size).to_have_attribute("aria-sort", "descending")
    expect(page).to_have_url(re.compile(r"\?sort=size&order=desc$"))
    expect(names_on(page)).to_have_text(rising[::-1])
    assert name.get_attribute("aria-sort") is None
    page.reload()
    expect(names_on(page)).to_have_text(rising[::-1])


def test_directories_stay_above_files(shared: Served, opened: Opener) -> None:
    page = opened(shared.url)
    for column in ("Name", "Size", "Size", "Modified", "Modified"):
        page.get_by_role("columnheader", name=column).get_by_role("link").click()
        names = names_on(page).all_text_contents()
        assert [name.endswith("/") for name in names] == sorted((name.endswith("/") for name in names), reverse=True)


def test_searching_shows_what_is_meant_while_it_is_typed(shared: Served, opened: Opener) -> None:
    page = opened(shared.url)
    field = page.get_by_role("searchbox", name="Search by name")

    field.fill("FILE")
    expect(names_on(page)).to_have_text(["File 1.txt", "file 2.txt", "file 10.txt"])
    expect(page.locator("#count")).to_have_text(re.compile("^3 of "))
    field.press("Enter")
    expect(page).to_have_url(f"{shared.url}/")
    field.fill("ÜNÏCÖDÉ")
    expect(names_on(page)).to_have_text(["Ünïcödé.txt"])
    field.fill("no such name")
    expect(page.get_by_text("No name contains that.")).to_be_visible()
    field.fill("")
    expect(page.get_by_text("No name contains that.")).to_be_hidden()
    expect_all_names(page)


def test_searching_works_without_scripts(shared: Served, opened: Opener) -> None:
    page = opened(f"{shared.url}/?sort=size&order=desc", java_script_enabled=False)
    page.get_by_role("searchbox").fill("file")
    page.get_by_role("searchbox").press("Enter")

    expect(page).to_have_url(re.compile(r"/\?sort=size&order=desc&q=file$"))
    expect(names_on(page)).to_have_text(["file 10.txt", "File 1.txt", "file 2.txt"])
    page.get_by_role("columnheader", name="Name").get_by_role("link").click()
    expect(names_on(page)).to_have_text(["File 1.txt", "file 2.txt", "file 10.txt"])
    page.get_by_role("link", name="Show all").click()
    expect_all_names(page)


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a directory that takes three pages."""
    root = tmp_path_factory.mktemp("crowded")
    for number in range(1, 2501):
        (root / f"file {number}").touch()
    with (root / "file 7").open("wb") as file:
        file.truncate(5000)
    with serve_directory(root) as server:
        yield server


@pytest.mark.parametrize("scripts", [True, False])
def test_many_entries_are_shown_page_by_page(crowded: Served, opened: Opener, scripts: bool) -> None:
    page = opened(crowded.url, java_script_enabled=scripts)
    above = page.get_by_role("navigation", name="Pages", exact=True)
    below = page.get_by_role("navigation", name="Pages, after the table")

    expect(names_on(page)).to_have_count(1000)
    above.get_by_role("link", name="Next").press("Enter")
    expect(names_on(page).first).to_have_text("file 1001")
    below.get_by_role("link", name="Next").click()
    expect(names_on(page)).to_have_count(500)
    expect(above.get_by_role("link", name="Next")).to_have_count(0)
    above.get_by_role("link", name="Previous").click()
    expect(above).to_contain_text("1,001 to 2,000 of 2,500")
    expect(page.locator("#count")).to_have_text("0 directories, 2,500 files, 4.9 KiB")


@pytest.mark.parametrize("scripts", [True, False])
def test_of_many_entries_the_server_sorts_and_searches_all(crowded: Served, opened: Opener, scripts: bool) -> None:
    page = opened(f"{crowded.url}/?page=2", java_script_enabled=scripts)

    page.get_by_role("columnheader", name="Size").get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"\?sort=size&order=asc$"))
    page.get_by_role("columnheader", name="Size").get_by_role("link").press("Enter")
    expect(names_on(page).first).to_have_text("file 7")
    page.get_by_role("searchbox").fill("FILE 249")
    expect(names_on(page)).to_have_count(1000)
    page.get_by_role("searchbox").press("Enter")
    expect(names_on(page)).to_have_text(["file 249", *(f"file {number}" for number in range(2490, 2500))])
    page.get_by_role("link", name="Show all").click()
    expect(names_on(page)).to_have_count(1000)


def test_a_click_beside_the_word_of_a_heading_sorts_too(crowded: Served, opened: Opener) -> None:
    page = opened(crowded.url)
    page.get_by_role("columnheader", name="Name").click(position={"x": 500, "y": 10})

    expect(page).to_have_url(re.compile(r"\?sort=name&order=desc$"))
    expect(names_on(page).first).to_have_text("file 2500")


def test_a_page_of_many_entries_fits_its_window(crowded: Served, opened: Opener, shots: Path) -> None:
    shoot(opened(f"{crowded.url}/?page=3"), shots, "crowded")


def test_an_empty_directory_says_so(shared: Served, opened: Opener) -> None:
    page = opened(f"{shared.url}/empty/")

    expect(page.get_by_text("This directory is empty.")).to_be_visible()
    expect(page.get_by_text("No name contains that.")).to_be_hidden()


def test_times_are_those_of_the_reader(shared: Served, opened: Opener) -> None:
    time = opened(f"{shared.url}/photos/", timezone_id="Asia/Kolkata").locator("tbody time").first
    moment = time.get_attribute("datetime")
    assert moment is not None

    minute = (int(moment[14:16]) + 30) % 60
    assert (time.text_content() or "").endswith(f":{minute:02}")


def test_an_archive_is_downloaded(shared: Served, opened: Opener, tmp_path: Path) -> None:
    page = opened(f"{shared.url}/photos/")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all as zip").click()
    download.value.save_as(tmp_path / "photos.zip")

    assert download.value.suggested_filename == "photos.zip"
    with zipfile.ZipFile(tmp_path / "photos.zip") as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 12


def test_no_other_script_runs(shared: Served, browser: Browser) -> None:
    page = new_page(browser)
    page.goto(shared.url)
    blocked = page.evaluate("""() => new Promise((resolve) => {
        const blocked = new Set();
        document.addEventListener("securitypolicyviolation", (event) => {
            blocked.add(event.effectiveDirective + " " + event.blockedURI.replace(location.origin, ""));
            if (blocked.size === 4) resolve([...blocked]);
        });
        document.body.appendChild(document.createElement("script")).textContent = "window.ran = true";
        document.body.appendChild(document.createElement("script")).src = "/other.js";
        document.body.appendChild(document.createElement("style")).textContent = "body { color: red }";
        document.body.appendChild(document.createElement("img")).src = "/other.png";
    })""")

    assert sorted(blocked) == [
        *("img-src /other.png", "script-src-elem /other.js", "script-src-elem inline", "style-src-elem inline"),
    ]
    assert page.evaluate("window.ran") is None
    page.close()


# Uploads.

RECORD_PROGRESS = """
    new MutationObserver((changes) => changes.forEach(({target}) => {
        if (/%$/.test(target.textContent)) sessionStorage.progress = (sessionStorage.progress ?? "") + target.textContent;
    })).observe(document, {subtree: true, childList: true});
"""


def test_chosen_files_are_sent_with_progress(
    inbox: tuple[str, Path], opened: Opener, shots: Path, tmp_path: Path
) -> None:
    url, directory = inbox
    contents = {"large.bin": os.urandom(8_000_000), "ü & 100%.txt": b"small", "empty.txt": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    page = opened(url)
    page.evaluate(RECORD_PROGRESS)

    page.get_by_label("Drop files here").set_input_files([tmp_path / name for name in contents])
    for name in contents:
        expect(page.get_by_role("row").get_by_role("link", name=name)).to_be_visible()

    page.screenshot(path=shots / "uploaded.png")
    assert "100 %" in page.evaluate("sessionStorage.progress")
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == contents


def test_files_are_sent_without_scripts(
    inbox: tuple[str, Path], opened: Opener, browser: Browser, shots: Path, tmp_path: Path
) -> None:
    url, directory = inbox
    contents = {"large.bin": os.urandom(8_000_000), "ü & 100%.txt": b"small", "empty.txt": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    page = opened(f"{url}?sort=size&order=desc", java_script_enabled=False)

    page.get_by_label("Drop files here").set_input_files([tmp_path / name for name in contents])
    page.screenshot(path=shots / "without-scripts.png")
    page.get_by_role("button", name="Send").click()

    expect(page).to_have_url(f"{url}?sort=size&order=desc")
    expect(names_on(page)).to_have_text(["large.bin", "ü & 100%.txt", "empty.txt"])
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == contents

    # Not `opened`: a browser notes a refusal on its console.
    with new_page(browser, java_script_enabled=False) as again:
        again.goto(url)
        again.get_by_label("Drop files here").set_input_files([tmp_path / "empty.txt"])
        again.get_by_role("button", name="Send").click()
        expect(again.get_by_text("Names that exist already: empty.txt.")).to_be_visible()


DROP = """([name, size]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(size)], name));
    for (const kind of ["dragover", "drop"]) {
        document.body.dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: data}));
    }
}"""


def test_a_dropped_file_is_sent(inbox: tuple[str, Path], opened: Opener) -> None:
    url, directory = inbox
    page = opened(url)
    page.evaluate(DROP, ["dropped.txt", 1000])

    expect(page.get_by_role("link", name="dropped.txt")).to_be_visible()
    assert (directory / "dropped.txt").read_bytes() == bytes(1000)


@pytest.mark.parametrize("size", [10, 30_000_000])
@pytest.mark.parametrize("agrees", [True, False])
def test_a_file_is_replaced_only_if_the_user_agrees(
    inbox: tuple[str, Path], browser: Browser, agrees: bool, size: int
) -> None:
    url, directory = inbox
    (directory / "report.txt").write_text("old")
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept() if agrees else dialog.dismiss()

    with new_page(browser) as page:
        page.on("dialog", answer)
        page.goto(url)
        with page.expect_event("load"):  # it is loaded again when all is done
            page.evaluate(DROP, ["report.txt", size])

    assert asked == ["report.txt exists already. Replace it?"]
    assert (directory / "report.txt").stat().st_size == (size if agrees else 3)


def test_a_refused_file_says_why(inbox: tuple[str, Path], browser: Browser, shots: Path) -> None:
    url, directory = inbox
    with new_page(browser) as page:
        page.goto(url)
        page.evaluate(DROP, ["report.txt", 50_000_001])
        expect(page.locator("#upload li")).to_have_text(
            "report.txtThe file is larger than the limit of 50000000 bytes."
        )
        expect(page.locator("#upload li progress")).to_be_hidden()
        page.screenshot(path=shots / "refused.png")

    assert list(directory.iterdir()) == []


# Media.


def test_a_sound_is_played_from_its_middle(shared: Served, opened: Opener) -> None:
    page = opened(f"{shared.url}/player/")
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.wait_for_function("document.querySelector('audio').readyState >= 1")
    assert round(page.evaluate("document.querySelector('audio').duration")) == 60

    page.evaluate("document.querySelector('audio').currentTime = 45")
    page.wait_for_function("""() => {
        const audio = document.querySelector("audio");
        return !audio.seeking && audio.readyState >= 2 && audio.currentTime === 45;
    }""")
    ranges = [
        (answer.status, answer.request.headers.get("range"), answer.headers.get("content-range")) for answer in answers
    ]
    assert [(status, bool(got)) for status, asked, got in ranges if asked] == [(206, True)] * len(ranges)
    assert any(not (asked or "").startswith("bytes=0-") for _, asked, _ in ranges)
    shared.await_output(lambda text: re.search(r"GET /minute\.wav.* 206 ", text))


# The demo site.


@pytest.fixture(scope="module")
def demo() -> Iterator[Served]:
    """Serve the demo site."""
    with serve_site("asyncio") as server:
        yield server


def test_the_demo_fits_its_window(demo: Served, opened: Opener, shots: Path) -> None:
    shoot(opened(demo.url), shots, "demo")


def test_the_demo_is_alive(demo: Served, opened: Opener, shots: Path) -> None:
    page = opened(demo.url)

    page.get_by_role("textbox", name="Name").fill("Grace & 100%")
    page.locator("#hello-form").get_by_role("button").click()
    expect(page.locator("#hello-wire")).to_contain_text("Hello, Grace & 100%!")
    page.get_by_role("textbox", name="Body").fill("pong")
    page.locator("#echo-form").get_by_role("button").click()
    expect(page.locator("#echo-wire")).to_contain_text('"body": "pong"')
    page.locator("#time-toggle").click()
    expect(page.locator("#time-tape li").first).to_contain_text("data: ")
    page.locator("#time-toggle").click()
    page.get_by_role("button", name="Send 16 MiB of random bytes").click()
    expect(page.locator("#upload-status")).to_contain_text("The SHA-256 computed in your browser matches.")
    page.screenshot(path=shots / "demo-used.png", full_page=True)


# The page of an API.


def test_the_page_of_an_api_fits_its_window_and_sends(opened: Opener, browser: Browser, shots: Path) -> None:
    with serve_example("api") as server:
        page = opened(f"{server.url}/docs")
        page.get_by_role("navigation").get_by_role("link", name="POST /books").press("Enter")
        create = page.locator("#operation-create")
        expect(create).to_be_in_viewport()
        create.get_by_label("Body").fill('{"title": "<b>Emma</b>", "published": "1815-12-23"}')
        create.get_by_label("Body").press("Tab")
        page.keyboard.press("Enter")  # the focus is on the button
        expect(create.get_by_role("status")).to_contain_text("201 Created")
        expect(create.get_by_role("status")).to_contain_text('"title": "<b>Emma</b>"')
        update = page.locator("#operation-update")
        update.get_by_label("id").fill("1")
        update.get_by_label("Body").fill('{"title": "Emma", "published": "1816-01-01"}')
        update.get_by_role("button", name="Send").click()
        expect(update.get_by_role("status")).to_contain_text('"published": "1816-01-01"')
        shoot(page, shots, "api")

        with new_page(browser, java_script_enabled=False) as plain:
            plain.goto(f"{server.url}/docs")
            expect(plain.get_by_role("heading", name="POST /books")).to_be_visible()
            expect(plain.get_by_role("button")).to_have_count(0)


def test_the_page_of_an_api_sends_header_fields_forms_and_files(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "cat.txt").write_text("meow")
    with serve_module("tests.e2e.described:app") as server:
        page = opened(f"{server.url}/docs")
        search, create, add = (page.locator(f"#operation-{name}") for name in ("search", "create", "add"))
        search.get_by_label("id").fill("1")
        search.get_by_label("day").fill("2026-01-31")
        search.get_by_label("text").fill("tea")
        search.get_by_label("x-level").fill("3")
        search.get_by_role("button", name="Send").click()
        expect(search.get_by_role("status")).to_contain_text("tea light 3 2026-01-31")
        create.get_by_label("name").fill("Ada & Eve")
        create.get_by_role("button", name="Send").click()
        expect(create.get_by_role("status")).to_contain_text('"name": "Ada & Eve"')
        add.get_by_label("title").fill("Cat")
        add.get_by_label("photo").set_input_files(tmp_path / "cat.txt")
        add.get_by_role("button", name="Send").click()
        expect(add.get_by_role("status")).to_contain_text("Cat 4")
