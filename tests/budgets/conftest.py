"""Fixtures of the budgets: each is measured on every loop, and the end of the run shows every figure."""

import sys
from collections.abc import Callable

import pytest

from tests.e2e.process import LOOPS

Report = Callable[[str, str], None]
"""A function that takes the name of a figure, and its value."""


@pytest.fixture(autouse=True)
def linux() -> None:
    if sys.platform != "linux":
        pytest.skip("what a process costs is read from Linux's /proc")


@pytest.fixture(scope="session", params=LOOPS)
def loop(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def report(request: pytest.FixtureRequest, loop: str) -> Report:
    """Return a function that prints a figure and keeps it for the summary."""
    name = request.node.name.replace(f"{loop}-", "").replace(f"[{loop}]", "").removeprefix("test_")

    def add(what: str, figure: str) -> None:
        sys.stdout.write(f"{loop}: {what}: {figure}\n")
        request.node.user_properties.append(("budget", (name, what, loop, figure)))

    return add


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    figures: dict[tuple[str, str], dict[str, str]] = {}
    for reports in terminalreporter.stats.values():
        for each in reports:
            if getattr(each, "when", "") == "teardown":  # which has all that the test has added
                for name, (test, what, loop, figure) in each.user_properties:
                    assert name == "budget"
                    figures.setdefault((test, what), {})[loop] = figure
    if not figures:
        return
    terminalreporter.section("budgets")
    previous = ""
    for (test, what), by_loop in sorted(figures.items()):
        if test != previous:
            terminalreporter.line(test)
        previous = test
        values = "   ".join(f"{loop} {figure}" for loop, figure in by_loop.items())
        terminalreporter.line(f"    {what}: {values}")
