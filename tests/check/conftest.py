"""Fixtures of the conformance tests."""

import gc
import logging
from collections.abc import Iterator

import pytest


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which something is logged as a warning or worse: what a peer does is no incident."""
    yield
    gc.collect()  # asyncio logs the exceptions that nobody took when their task goes
    assert [record for record in caplog.get_records("call") if record.levelno >= logging.WARNING] == []
