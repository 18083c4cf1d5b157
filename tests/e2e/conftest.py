"""The demo site, served once for all tests that leave it as they found it."""

from collections.abc import Iterator

import pytest

from tests.e2e.process import LOOPS, Served, serve_site


@pytest.fixture(scope="session", params=LOOPS)
def site(request: pytest.FixtureRequest) -> Iterator[Served]:
    """The demo site on each loop; in the end it must not have complained."""
    with serve_site(request.param) as server:
        yield server
        assert server.stop() == 0
        assert server.errors == "aiosock: draining; a second signal ends it at once\n"
