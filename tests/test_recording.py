"""README.md and the recording show the demo site as it is."""

import re
from html import unescape
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
SVG = (ROOT / "docs" / "media" / "session.svg").read_text()

_LINE = re.compile(r'<text class="(?:shown|typed)"[^>]*>(.*?)</text>')
_VERSIONED = re.compile(r"(?m)^(aiosock [0-9.]+ on .*|(uvloop [0-9.]+|asyncio), .*)$")


@pytest.fixture(scope="module")
def recording() -> ModuleType:
    spec = spec_from_file_location("record", ROOT / "docs" / "media" / "record.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_session_in_the_readme_is_what_the_demo_site_says(recording: ModuleType) -> None:
    readme = (ROOT / "README.md").read_text()
    session = recording.read_session(readme)
    with recording.demo_site() as (address, _):
        recorded = recording.record(session, address)

    assert len(session) == 5
    assert recorded == session
    assert recording.write_session(readme, recorded) == readme


def test_the_recording_shows_the_session_in_the_readme(recording: ModuleType) -> None:
    session = recording.read_session((ROOT / "README.md").read_text())
    wanted = [line for command, output in session for line in (command, *output.splitlines()) if line]

    shown = [unescape(re.sub(r"<.*?>", "", line)) for line in _LINE.findall(SVG)]

    assert [line for line in shown if not _VERSIONED.match(line)] == [recording.START, *wanted]


def test_the_screenshots_are_small_and_shown() -> None:
    pages = "".join(path.read_text() for path in (ROOT / "docs").glob("*/*.md"))
    script = (ROOT / "docs" / "media" / "screenshots.py").read_text()
    for name in set(re.findall(r'"([\w-]+\.png)"', script)):
        assert (ROOT / "docs" / "media" / name).stat().st_size <= 100_000
        assert re.search(rf"\]\(\.\./media/{name}[#)]", pages), name


def test_the_recording_stands_alone_and_can_be_still() -> None:
    assert len(SVG) < 40_000
    assert "<script" not in SVG
    assert SVG.count("http://") == 2  # the namespace of SVG, and the address of the server
    assert "@media (prefers-reduced-motion: reduce) { * { animation: none !important } }" in SVG
