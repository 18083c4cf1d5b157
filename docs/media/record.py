"""Make the parts of README.md that show the demo site: a curl session, an animated SVG of it, and a screenshot.

    python docs/media/record.py

starts run.py on a free port, runs the commands of README's session, and writes their output into README.md and
session.svg. Dates and the port are always the same, so that these files change only if the output of aiosock changes.
The SVG is animated by CSS alone, so it plays once in an <img>. A reader who prefers reduced motion sees its end.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
README: Final = ROOT / "README.md"
RECORDING: Final = Path(__file__).parent / "session.svg"
SCREENSHOT: Final = Path(__file__).parent / "demo.png"

SHOWN_AT: Final = "localhost:8080"
SHOWN_DATE: Final = "Sun, 22 Nov 2026 13:00:00 GMT"
START: Final = "python run.py --port 8080"

_SESSION = re.compile(r"(?<=```console\n)\$ curl -i localhost:8080/hello.*?(?=^```$)", re.MULTILINE | re.DOTALL)
_DATE = re.compile(r"(?m)(?<=^Date: ).*$")
_STATUS = re.compile(r"HTTP/1\.1 ([1-5])[0-9]{2} ")

FONT_SIZE: Final = 13
COLUMN, ROW, MARGIN = 7.85, 18, 16  # pixels; in a monospaced font a character is 0.6 of its size wide
TYPED_SECONDS, ANSWERED_SECONDS, READ_SECONDS = 0.025, 0.3, 1.2  # a character, before an answer, after it

STYLE: Final = f"""
svg {{ color-scheme: light dark; font: {FONT_SIZE}px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }}
text {{ white-space: pre; fill: #1f2328 }}
rect {{ fill: #f6f8fa; stroke: #d1d9e0 }}
.typed {{ font-weight: bold; animation: type steps(var(--n)) both }}
.shown, .prompt {{ animation: show 1ms both }}
.prompt, .field {{ fill: #59636e }}
.good {{ fill: #116329 }}
.bad {{ fill: #a40e26 }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #e6edf3 }}
rect {{ fill: #0d1117; stroke: #3d444d }}
.prompt, .field {{ fill: #9198a1 }}
.good {{ fill: #7ee787 }}
.bad {{ fill: #ff9492 }}
}}
@keyframes type {{ from {{ clip-path: inset(0 100% 0 0) }} to {{ clip-path: inset(0) }} }}
@keyframes show {{ from {{ visibility: hidden }} }}
@media (prefers-reduced-motion: reduce) {{ * {{ animation: none !important }} }}
"""


class Step(NamedTuple):
    """A command and its output."""

    command: str
    output: str


def read_session(readme: str) -> list[Step]:
    """Return the steps of the session that README.md shows."""
    steps = []
    for step in _find_session(readme).split("$ ")[1:]:
        command, _, output = step.partition("\n")
        steps.append(Step(command, output.strip("\n")))
    return steps


def write_session(readme: str, session: list[Step]) -> str:
    """Return README.md with its session replaced by this one."""
    return readme.replace(_find_session(readme), "\n".join(f"$ {step.command}\n{step.output}\n" for step in session))


def _find_session(readme: str) -> str:
    match = _SESSION.search(readme)
    if match is None:
        raise ValueError("README.md has no session with curl")
    return match[0]


# Recording it.


@contextmanager
def demo_site() -> Iterator[tuple[str, str]]:
    """Run run.py on a free port; yield its address, and its output at the start."""
    command = [sys.executable, "run.py", "--port", "0", "--no-access-log"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            banner = server.stdout.readline() + server.stdout.readline()
            address = banner.split("http://")[1].split()[0]
            yield address, banner.replace(address, "127.0.0.1:8080").strip()
        finally:
            server.terminate()


def record(session: list[Step], address: str) -> list[Step]:
    """Run the commands of a session against a server; return them with their output."""
    steps = []
    for command, _ in session:
        ran = subprocess.run(
            ["bash", "-c", command.replace(SHOWN_AT, address)], capture_output=True, text=True, check=True
        )
        steps.append(Step(command, _DATE.sub(SHOWN_DATE, ran.stdout.replace("\r\n", "\n")).strip("\n")))
    return steps


# Drawing it.


def draw(session: list[Step]) -> str:
    """Return a session as an animated SVG: commands are typed, and their output appears."""
    drawn, row, now = [], 1, 0.5
    widest = max(len(line) for step in session for line in (f"$ {step.command}", *step.output.splitlines()))
    for command, output in session:
        drawn += _draw_command(command, row, now)
        now += len(command) * TYPED_SECONDS + ANSWERED_SECONDS
        lines = output.splitlines()
        drawn += [_draw_line(line, row + number, now) for number, line in enumerate(lines, start=1) if line]
        now += READ_SECONDS
        row += len(lines) + 2
    width, height = round(widest * COLUMN) + 2 * MARGIN, (row - 2) * ROW + 2 * MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            f"<title>A terminal: {escape(', then '.join(step.command for step in session))}</title>",
            f"<style>{STYLE}</style>",
            f'<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8"/>',
            *drawn,
            "</svg>\n",
        ]
    )


def _draw_command(command: str, row: int, now: float) -> list[str]:
    seconds = len(command) * TYPED_SECONDS
    style = f"--n:{len(command)};animation-delay:{now:.2f}s;animation-duration:{seconds:.2f}s"
    return [
        f'<text class="prompt" x="{MARGIN}" y="{_baseline(row)}" style="animation-delay:{now - 0.3:.2f}s">$</text>',
        f'<text class="typed" x="{MARGIN + 2 * COLUMN}" y="{_baseline(row)}" style="{style}">{escape(command)}</text>',
    ]


def _draw_line(line: str, row: int, now: float) -> str:
    status, text = _STATUS.match(line), escape(line, quote=False)
    if status:
        text = f'<tspan class="{"good" if status[1] in "123" else "bad"}">{text}</tspan>'
    elif re.match(r"[A-Z][A-Za-z-]+: ", line):
        name, colon, value = text.partition(": ")
        text = f'<tspan class="field">{name}{colon}</tspan>{value}'
    return f'<text class="shown" x="{MARGIN}" y="{_baseline(row)}" style="animation-delay:{now:.2f}s">{text}</text>'


def _baseline(row: int) -> int:
    return MARGIN + row * ROW - 5


# The page.


def take_screenshot(address: str, path: Path) -> None:
    """Take a screenshot of the top of the demo page in Chromium, with an answer on it."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=chromium) as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 776}, reduced_motion="reduce")
        page.goto(f"http://{address}/")
        page.wait_for_function("document.querySelector('#arrival').textContent")
        page.click("#hello .go")
        page.get_by_text("Hello, Ada!").wait_for()
        page.evaluate(_SHOW_FIXED, [address, SHOWN_AT, SHOWN_DATE])
        page.screenshot(path=path)


_SHOW_FIXED: Final = """([address, shown, date]) => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (texts.nextNode())
        texts.currentNode.data = texts.currentNode.data.replaceAll(address, shown).replace(/\\w+, .* GMT/, date)
}"""
"""JavaScript that replaces the address and the date in all texts of the page."""


def main() -> None:
    """Make all of it again."""
    readme = README.read_text()
    with demo_site() as (address, banner):
        session = record(read_session(readme), address)
        take_screenshot(address, SCREENSHOT)
    README.write_text(write_session(readme, session))
    RECORDING.write_text(draw([Step(START, banner), *session]))


if __name__ == "__main__":
    main()
