"""No answer waits for the kernel: a write that waits for the acknowledgement of the one before takes 40 ms."""

import time
from collections.abc import Callable

import pytest

from tests.budgets.conftest import Report
from tests.budgets.serving import GET, serve_measured, warm_up
from tests.e2e.raw import Raw

pytestmark = pytest.mark.costly

ROUNDS = 100

ACKNOWLEDGEMENT_SECONDS = 0.04
"""The least time that Linux waits before it acknowledges data without sending any itself."""


def timed(once: Callable[[], None]) -> list[float]:
    """Return the seconds of each round, in rising order."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        once()
        rounds.append(time.monotonic() - began)
    return sorted(rounds)


def is_delayed(rounds: list[float]) -> bool:
    """Return whether the rounds wait for an acknowledgement.

    If they do, all but the first are slow. On a busy machine only some are.
    """
    return rounds[ROUNDS // 4] > ACKNOWLEDGEMENT_SECONDS / 2


def test_the_answers_of_a_pipeline_do_not_wait_for_one_another(loop: str, report: Report) -> None:
    def once() -> None:
        client.send(GET * 3)
        assert [client.answer().status for _ in range(3)] == [200] * 3

    with serve_measured(loop) as server:
        warm_up(server)
        with Raw(server.address) as client:
            rounds = timed(once)

    report(f"seconds for {ROUNDS} rounds", f"{sum(rounds):.2f}")
    assert not is_delayed(rounds)


def test_the_pieces_of_a_stream_do_not_wait_for_one_another(loop: str, report: Report) -> None:
    def once() -> None:
        assert client.get("/pieces").body == b"one\ntwo\nthree\n"

    with serve_measured(loop) as server:
        warm_up(server)
        with Raw(server.address) as client:
            rounds = timed(once)

    report(f"seconds for {ROUNDS} rounds", f"{sum(rounds):.2f}")
    assert not is_delayed(rounds)
