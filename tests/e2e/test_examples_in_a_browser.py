"""A browser, Debian's Chromium, uses the examples that have pages."""

import os
import sys
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.e2e.process import ROOT, Served
from tests.e2e.test_browser import browser, new_page

__all__ = ["browser"]  # a fixture


def serve(name: str, home: Path) -> Served:
    """Serve an example that has a directory, with its data in another one."""
    program = ROOT / "examples" / name / f"{name}.py"
    environment = {**os.environ, "LINKS": str(home / "links.db"), "UPLOADS": str(home / "uploads")}
    return Served([sys.executable, str(program), "--port", "0"], cwd=home, env=environment)


def test_a_link_is_shortened_and_followed(browser: Browser, tmp_path: Path) -> None:
    with serve("shortener", tmp_path) as server:
        page = new_page(browser)
        page.goto(f"{server.url}/")
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill("correct horse")
        page.get_by_role("button", name="Sign up").click()
        page.get_by_label("Link").fill(f"{server.url}/login")
        page.get_by_label("Name").fill("way")
        page.get_by_role("button", name="Shorten").click()
        expect(page.get_by_role("status")).to_have_text("way is yours.")
        page.get_by_role("link", name="way").click()
        expect(page).to_have_url(f"{server.url}/login")
        page.goto(f"{server.url}/")
        expect(page.get_by_role("listitem")).to_contain_text("1 visits")


def test_a_dashboard_shows_what_another_visitor_uploads(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "cat.txt").write_text("meow")
    with serve("dashboard", tmp_path) as server:
        page, other = new_page(browser), new_page(browser)
        for each in (page, other):
            each.goto(f"{server.url}/")
        expect(page.locator("#viewers")).to_have_text("2")
        other.get_by_label("Files").set_input_files(tmp_path / "cat.txt")
        other.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("listitem")).to_have_text("cat.txt 4 bytes")
        with page.expect_download() as download:
            page.get_by_role("link", name="cat.txt").click()
        assert Path(download.value.path()).read_text() == "meow"
        other.close()
        expect(page.locator("#viewers")).to_have_text("1")
