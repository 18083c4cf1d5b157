"""No answer waits for the kernel: a write that waits for the acknowledgement of the one before takes 40 ms."""

import time

import pytest

from tests.budgets.conftest import Report
from tests.budgets.serving import GET, serve_measured, warm_up
from tests.e2e.raw import Raw

pytestmark = pytest.mark.costly

ROUNDS = 100

SECONDS = ROUNDS * 0.04 / 2


def test_the_answers_of_a_pipeline_do_not_wait_for_one_another(loop: str, report: Report) -> None:
    with serve_measured(loop) as server:
        warm_up(server)
        with Raw(server.address) as client:
            began = time.monotonic()
            for _ in range(ROUNDS):
                client.send(GET * 3)
                assert [client.answer().status for _ in range(3)] == [200] * 3
            seconds = time.monotonic() - began

    report(f"seconds for {ROUNDS} rounds", f"{seconds:.2f}")
    assert seconds < SECONDS


def test_the_pieces_of_a_stream_do_not_wait_for_one_another(loop: str, report: Report) -> None:
    with serve_measured(loop) as server:
        warm_up(server)
        with Raw(server.address) as client:
            began = time.monotonic()
            for _ in range(ROUNDS):
                assert client.get("/pieces").body == b"one\ntwo\nthree\n"
            seconds = time.monotonic() - began

    report(f"seconds for {ROUNDS} rounds", f"{seconds:.2f}")
    assert seconds < SECONDS
