"""Tests of aiosock.share.guessing."""

import asyncio
from base64 import b64encode

import pytest

from aiosock import App, HTTPError, Request
from aiosock.share import guessing
from aiosock.share.guessing import FREE_GUESSES, GUESS_SECONDS, WAIT_SECONDS, Guesses, guarded_by_password
from aiosock.testing import Client
from tests.web.static.serving import Clock

HOUR = 3600
WAITING = int(WAIT_SECONDS / GUESS_SECONDS)


def password(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + b64encode(f"ada:{text}".encode()).decode()}


def guarded(clock: Clock) -> App:
    """Return an app behind a password; whoever waits moves the clock."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)
        clock.now += seconds

    app = App()
    app.middleware(guarded_by_password({"ada": "secret"}, guesses=Guesses(clock), sleep=sleep))

    @app.get("/")
    async def home(request: Request) -> str:
        return "home"

    return app


async def test_a_guesser_is_slowed_and_the_password_still_works() -> None:
    clock = Clock()
    began = clock.now
    async with Client(guarded(clock)) as client:
        for number in range(FREE_GUESSES + 100):
            assert (await client.get("/", headers=password(str(number)))).status == 401
        assert clock.now - began == pytest.approx(100 * GUESS_SECONDS)

        assert (await client.get("/", headers=password("secret"))).text == "home"


async def test_whoever_knows_the_password_never_waits() -> None:
    clock = Clock()
    began = clock.now
    async with Client(guarded(clock)) as client:
        for _ in range(10 * FREE_GUESSES):
            assert (await client.get("/", headers=password("secret"))).status == 200
            assert (await client.get("/")).status == 401  # a browser that asks whether a password is needed
    assert clock.now == began


async def test_guesses_at_the_same_time_are_not_more() -> None:
    clock = Clock()
    app = guarded(clock)
    async with Client(app) as client:
        answers = await asyncio.gather(*(client.get("/", headers=password(str(number))) for number in range(200)))

    statuses = [answer.status for answer in answers]
    assert statuses.count(401) <= FREE_GUESSES + WAITING + (clock.now - Clock().now) / GUESS_SECONDS
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.headers["retry-after"] == "1"
    assert "Too many passwords" in refused.text


def try_until_refused(guesses: Guesses, network: str) -> int:
    for count in range(1000):
        try:
            guesses.count(network)
        except HTTPError:
            return count
    pytest.fail("nothing was refused")


def test_one_network_does_not_lock_out_another() -> None:
    guesses = Guesses(Clock())

    assert try_until_refused(guesses, "192.0.2.1") == FREE_GUESSES + WAITING
    assert guesses.count("192.0.2.2") == 0


def test_a_network_that_is_refused_may_try_again_later() -> None:
    clock = Clock()
    guesses = Guesses(clock)
    try_until_refused(guesses, "192.0.2.1")

    clock.now += GUESS_SECONDS
    assert guesses.count("192.0.2.1") == WAIT_SECONDS
    clock.now += HOUR
    assert try_until_refused(guesses, "192.0.2.1") == FREE_GUESSES + WAITING


def test_only_so_many_networks_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guessing, "MAX_KEYS", 3)
    guesses = Guesses(Clock())
    for number in range(100):
        guesses.count(str(number))
        guesses.take_back("0")

    assert len(guesses._full_at) == 3
