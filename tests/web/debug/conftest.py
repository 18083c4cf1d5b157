"""On a busy machine, values may take longer than a page waits for them."""

import pytest

from tests.patience import PATIENCE


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiosock.web.debug.exceptions.SECONDS", PATIENCE)
