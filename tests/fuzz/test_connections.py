"""Fuzz tests of whole connections, in memory, with any bytes in any pieces.

The server sends no 5xx by itself and logs no error. It serves exactly the requests that an independent reader would
serve. Its answers are the same whatever the pieces, two clients read them alike, and it closes after the last deadline.
"""

import pytest
from hypothesis import HealthCheck, given, settings

from aiosock.log import server_logger
from tests.fuzz.conversation import HANDLERS, check, no_incident
from tests.fuzz.seeds import seeds
from tests.fuzz.strategies import Pieces, pieces

pytestmark = pytest.mark.costly

SETTINGS = settings(
    max_examples=60, derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)

every_handler = pytest.mark.parametrize("name", HANDLERS.keys())


@every_handler
async def test_every_seed_is_served_or_refused(name: str) -> None:
    for seed in seeds():
        middle = len(seed) // 2
        await check(name, (seed[:middle], seed[middle:]))


@every_handler
@SETTINGS
@given(stream=pieces())
async def test_near_valid_streams_are_served_or_refused(name: str, stream: Pieces) -> None:
    await check(name, stream)


# The check must be able to fail.


async def test_an_incident_in_the_log_is_seen() -> None:
    with pytest.raises(AssertionError, match="ran dry"), no_incident():
        server_logger.warning("ran dry")
