"""The demo site, started once for all tests that do not change it."""

from collections.abc import Iterator

import pytest

from tests.e2e.process import LOOPS, Served, serve_site


@pytest.fixture(scope="session", params=LOOPS)
def site(request: pytest.FixtureRequest) -> Iterator[Served]:
    """Serve the demo site on each loop; at the end, it must not have logged an error."""
    with serve_site(request.param) as server:
        yield server
        assert server.stop() == 0
        assert server.errors == "aiosock: draining; a second signal ends it at once\n"
