"""Every test that uses an event loop runs twice: under asyncio, and under uvloop if it is installed.

Tests marked `costly` run under uvloop only; with `-m slow` they run under asyncio too.
"""

import asyncio
import gc
import os
import subprocess
from collections.abc import Callable, Generator, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.patience import PATIENCE

if TYPE_CHECKING:
    from aiosock.net.watchdog import Watchdog

pytest_plugins = ["aiosock.testing.plugin"]


MOST_WORKERS = 4
"""Processes that run the tests. Those that count what a server costs need a part of a processor for themselves."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many processes share the whole run. Files and tests that are named run in this one, as for a debugger."""
    is_whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return min(len(os.sched_getaffinity(0)), MOST_WORKERS) if is_whole else 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make what was printed and logged fit for the way to the main process, which takes no half of a surrogate pair."""
    report = yield
    report.sections = [(title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections]
    return report


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Return the event loops by name, for pytest-asyncio."""
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if find_spec("uvloop"):
        import uvloop

        factories["uvloop"] = uvloop.new_event_loop
    return factories


@pytest.hookimpl(tryfirst=True)  # before `-m "not slow"` is looked at
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the second run of costly tests as slow."""
    if not find_spec("uvloop"):
        return
    for item in items:
        if item.get_closest_marker("costly") and "asyncio" in item.name.partition("[")[2].rstrip("]").split("-"):
            item.add_marker("slow")


def pytest_collection_finish() -> None:
    """Exclude ten thousand collected tests from later garbage collections; some tests cause many, 0.3 s each."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def no_watchdog() -> Iterator[Callable[["Watchdog"], None]]:
    """Switch the watchdog off for every server in this process; the value is the real `Watchdog.start`.

    On a busy machine the watchdog rightly logs that the loop was blocked, and tests that expect an empty log would
    fail. For servers in processes of their own see `tests.e2e.process.environment`.
    """
    from aiosock.net.watchdog import Watchdog

    start = Watchdog.start
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Watchdog, "start", lambda self: None)
        yield start


@pytest.fixture
def with_watchdog(no_watchdog: Callable[["Watchdog"], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch the watchdog on again for one test."""
    from aiosock.net.watchdog import Watchdog

    monkeypatch.setattr(Watchdog, "start", no_watchdog)


@pytest.fixture(scope="session", autouse=True)
def patient_client() -> Iterator[None]:
    """Raise the default patience of `aiosock.testing.Client`."""
    from aiosock.testing import Client

    defaults = Client.__init__.__kwdefaults__
    assert defaults is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(defaults, "patience", PATIENCE)
        yield


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """Return a directory on a file system of one MiB."""
    path = tmp_path / "tiny"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        pytest.skip("there is no mount")
    if done.returncode:
        pytest.skip(f"cannot mount: {done.stderr.decode().strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], capture_output=True, check=True)
