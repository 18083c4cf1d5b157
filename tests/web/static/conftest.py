"""Fixtures for the tests of static files."""

import os

import pytest

from aiosock.config import Limits
from tests.web.static.serving import UNCACHED

collect_ignore_glob = ["test_*.py"] if os.name == "nt" else []  # the tests need POSIX files


@pytest.fixture(params=[Limits(), UNCACHED], ids=["cached", "uncached"])
def limits(request: pytest.FixtureRequest) -> Limits:
    """Return limits that keep small files in memory, and limits that keep no file."""
    assert isinstance(request.param, Limits)
    return request.param
