"""Every test that touches a loop runs twice: under asyncio, and under uvloop where it is installed."""

import asyncio
from collections.abc import Callable, Mapping
from importlib.util import find_spec

pytest_plugins = ["aiosock.testing.plugin"]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Name the loops; see pytest-asyncio."""
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if find_spec("uvloop"):
        import uvloop

        factories["uvloop"] = uvloop.new_event_loop
    return factories
