"""Fixtures of the tests of `net`."""

import gc
import logging
from collections.abc import Iterator

import pytest


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which something is logged as a warning or worse: no client may cause that."""
    yield
    gc.collect()  # asyncio logs exceptions that nobody retrieved when their task is collected
    assert [record for record in caplog.get_records("call") if record.levelno >= logging.WARNING] == []
