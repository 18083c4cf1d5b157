"""The tests of poll.py, with pytest and pytest-asyncio: `python -m pytest test_poll.py`, in this directory."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from poll import app

from aiosock.testing import Client

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    """The app in memory. Each test has its own lifespan, so that no test sees the votes of another."""
    async with Client(app) as client:
        yield client


async def test_a_vote_counts(client: Client) -> None:
    response = await client.post("/votes", json={"drink": "tea"})

    assert response.status == 201
    assert response.json() == {"tea": 1, "coffee": 0}


async def test_a_visitor_has_one_vote(client: Client) -> None:
    first = await client.post("/votes", json={"drink": "tea"})
    second = await client.post("/votes", json={"drink": "tea"})

    assert (first.status, second.status) == (201, 409)


async def test_a_drink_that_there_is_not_is_refused(client: Client) -> None:
    response = await client.post("/votes", json={"drink": "mud"})

    assert response.status == 422
    assert "Invalid enum value 'mud'" in response.text


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b" " * 1001, 413)])
async def test_what_is_no_vote_is_refused(client: Client, body: bytes, status: int) -> None:
    response = await client.post("/votes", body=body, headers={"content-type": "application/json"})

    assert response.status == status


async def test_the_table_is_streamed(client: Client) -> None:
    await client.post("/votes", json={"drink": "coffee"})

    async with client.stream("GET", "/votes.csv") as (response, body):
        assert response.headers["transfer-encoding"] == "chunked"
        assert b"".join([piece async for piece in body]) == b"coffee,1\ntea,0\n"


async def test_a_voter_who_falls_asleep_is_given_up(client: Client) -> None:
    voter = await client.connect()
    voter.send(
        b'POST /votes HTTP/1.1\r\nHost: poll\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"dri'
    )
    await client.advance(30)  # it moves the clock of the client; the test does not wait

    assert (await voter.response()).status == 408
