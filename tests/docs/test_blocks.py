"""Every fenced block of README.md and docs works as shown. The blocks of a page run in order."""

import asyncio
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aiosock import App, Config, cli
from tests.docs.blocks import PAGES, ROOT, Block, blocks
from tests.docs.shell import Shell
from tests.docs.stages import STAGES, Stage

NOT_RUN = {
    "README.md": 2,
    "docs/README.md": 1,
    "docs/explanation/performance.md": 2,
    "docs/how-to/behind-haproxy.md": 2,
    "docs/how-to/behind-nginx.md": 1,
    "docs/how-to/docker.md": 2,
    "docs/how-to/inspect.md": 3,
    "docs/how-to/install.md": 2,
    "docs/how-to/kubernetes.md": 1,
    "docs/how-to/test-an-app.md": 1,
    "docs/how-to/under-systemd.md": 4,
    "docs/tutorial/a-link-shortener.md": 2,
    "docs/tutorial/first-handlers.md": 1,
}
"""Blocks of a page that are not run: they change the machine, or have `<!-- not run: reason -->` above them."""

ELSEWHERE = {
    "caddyfile": "tests/e2e/test_behind_proxies.py",
    "dockerfile": "tests/e2e/test_behind_proxies.py",
    "haproxy": "tests/e2e/test_behind_proxies.py",
    "ini": "tests/e2e/test_behind_proxies.py",
    "nginx": "tests/e2e/test_behind_proxies.py",
    "yaml": "tests/e2e/test_behind_proxies.py",
}
"""The file that tests the blocks of a language; it must name their pages."""

QUOTING = {"docs/tutorial/from-socket-to-server.md": "tests/e2e/test_examples_sockets.py"}
"""Pages whose blocks are parts of programs with tests of their own, and the test file that compares the two."""


class Page:
    """A page whose blocks are being run."""

    def __init__(self, name: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stage = STAGES.get(name, Stage())
        self.home = home
        self.names: dict[str, Any] = {"__name__": "page"}
        self.shell = Shell(self.stage, home)
        self._monkeypatch = monkeypatch
        monkeypatch.chdir(home)
        monkeypatch.syspath_prepend(home)
        exec(self.stage.given, self.names)

    def run(self, block: Block) -> None:
        """Run a block with the runner for its language."""
        if block.title:
            with (self.home / block.title).open("a") as file:
                file.write(f"\n\n{block.text}" if file.tell() else block.text)
        RUNNERS[block.language](self, block)

    def python(self, block: Block) -> None:
        """Run Python in the one namespace of the page, then the tests that it defines."""
        before = dict(self.names)
        # The line numbers of tracebacks count from the top of the page.
        exec(compile("\n" * block.line + block.text, block.page, "exec"), self.names)
        new = [each for name, each in self.names.items() if name.startswith("test_") and before.get(name) is not each]
        for test in new:
            if inspect.iscoroutinefunction(test) and not inspect.signature(test).parameters:
                asyncio.run(test())

    def toml(self, block: Block) -> None:
        """Read the options of a file; every one must be known."""
        (self.home / "options.toml").write_text(block.text)
        served: list[Config] = []
        self._monkeypatch.setattr(cli, "run", lambda app, config: served.append(config))
        cli.main(App(), ["--config", "options.toml"])
        for name, value in tomllib.loads(block.text).items():
            if not isinstance(value, dict):
                assert getattr(served[0], name) == value
                continue
            for option, number in value.items():
                assert getattr(getattr(served[0], name), option) == number

    def commands(self, block: Block) -> None:
        """Run commands as a reader types them."""
        self.shell.run(block)

    def kept(self, block: Block) -> None:
        """Take a file that the Python of the page uses; its title is its name."""
        assert block.title, block.place

    def parsed(self, block: Block) -> None:
        """Parse JSON."""
        json.loads(block.text)

    def drawn(self, block: Block) -> None:
        """Check that a drawing has no line that a reader could type."""
        assert not re.search(r"^(\$|>>>) ", block.text, re.MULTILINE), block.place

    def elsewhere(self, block: Block) -> None:
        """Check that another file tests the page."""
        assert self.is_tested_elsewhere(block), f"{block.place}: {ELSEWHERE[block.language]} does not name the page"

    def nginx(self, block: Block) -> None:
        """Let nginx check a part of a server's configuration, unless another file tests the page."""
        if self.is_tested_elsewhere(block) or shutil.which("nginx") is None:
            return
        (self.home / "nginx.conf").write_text(f"events {{}}\nhttp {{\nserver {{\n{block.text}\n}}\n}}\n")
        command = ["nginx", "-t", "-q", "-p", str(self.home), "-e", "stderr", "-c", str(self.home / "nginx.conf")]
        subprocess.run(command, check=True)

    @staticmethod
    def is_tested_elsewhere(block: Block) -> bool:
        """Return whether the file that tests the blocks of a language names this page."""
        file = ROOT / ELSEWHERE[block.language]
        return file.exists() and f'"{Path(block.page).name}"' in file.read_text()


RUNNERS: dict[str, Callable[[Page, Block], None]] = {
    "python": Page.python,
    "console": Page.commands,
    "sh": Page.commands,
    "toml": Page.toml,
    "html": Page.kept,
    "css": Page.kept,
    "json": Page.parsed,
    "text": Page.drawn,
    **dict.fromkeys(ELSEWHERE, Page.elsewhere),
    "nginx": Page.nginx,
}


@pytest.fixture
def page(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    for name in [name for name in os.environ if name.startswith("AIOSOCK_")]:
        monkeypatch.delenv(name)
    modules = set(sys.modules)
    page = Page(request.param, tmp_path, monkeypatch)
    yield page
    page.shell.close()
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def runnable(name: str) -> list[Block]:
    return [block for block in blocks(name) if block.is_run]


@pytest.mark.parametrize(
    ("page", "name"),
    [(name, name) for name in PAGES if runnable(name) and name not in QUOTING],
    indirect=["page"],
    ids=str,
)
def test_the_blocks_of_a_page_do_what_they_say(page: Page, name: str) -> None:
    for block in runnable(name):
        page.run(block)


def test_every_block_has_a_language_that_somebody_runs() -> None:
    unknown = [
        f"{block.place}: {block.language}" for name in PAGES for block in blocks(name) if block.language not in RUNNERS
    ]

    assert unknown == []


@pytest.mark.parametrize("name", PAGES)
def test_no_block_of_a_page_is_overlooked(name: str) -> None:
    fences = re.findall(r"^ *```", (ROOT / name).read_text(), re.MULTILINE)

    assert len(fences) == 2 * len(list(blocks(name)))


def test_no_other_block_is_left_out() -> None:
    left_out = {name: sum(not block.is_run for block in blocks(name)) for name in PAGES}

    assert {name: count for name, count in left_out.items() if count} == NOT_RUN


@pytest.mark.parametrize(("name", "file"), QUOTING.items())
def test_a_page_that_quotes_programs_is_held_to_them(name: str, file: str) -> None:
    assert Path(name).name in (ROOT / file).read_text()


def test_every_stage_is_of_a_page() -> None:
    assert set(STAGES) <= set(PAGES)


SHORTENER = sorted(
    str(path.relative_to(ROOT / "examples" / "shortener"))
    for path in (ROOT / "examples" / "shortener").rglob("*.*")
    if path.suffix in (".py", ".html", ".css")
)


@pytest.mark.parametrize("name", SHORTENER)
def test_the_application_of_the_tutorial_is_the_one_among_the_examples(name: str) -> None:
    pieces = [block.text for block in blocks("docs/tutorial/a-link-shortener.md") if block.title == name]
    example = (ROOT / "examples" / "shortener" / name).read_text()

    assert [line for piece in pieces for line in piece.splitlines() if line] == [
        line for line in example.splitlines() if line
    ]
