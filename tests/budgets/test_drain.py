"""SIGTERM: no accepted request is lost, streams are told, and requests that do not end are ended."""

import signal
import time
from collections.abc import Callable

import pytest

from tests.budgets.conftest import Report
from tests.budgets.serving import clients, has_input, serve_measured, stats
from tests.e2e.process import Served, threads, until
from tests.e2e.raw import Raw
from tests.e2e.test_stopping import A_LAST_REQUEST, DRAINING, Load
from tests.patience import PATIENCE

pytestmark = pytest.mark.costly


NO_END = ("--timeouts.drain-seconds", str(60 * PATIENCE))
"""A drain that ends within our patience has not waited for its deadline."""


class MixedLoad(Load):
    """The load of the tests of stopping, and clients whose handler takes a while."""

    def wait_for_slow_answers(self) -> None:
        """Send requests to a slow handler on one connection until it closes, then on the next."""
        self._ask_until_refused(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")

    def wait_for_one_slow_answer(self) -> None:
        """Open a connection for each request to a slow handler."""
        self._ask_until_refused(b"GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    @property
    def clients(self) -> list[Callable[[], None]]:
        kept = [self.keep_alive] * 4 + [self.wait_for_slow_answers] * 3
        return [*kept, *[self.connect_each_time] * 3, self.wait_for_one_slow_answer, self.upload]


@pytest.mark.parametrize("times", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_sigterm_under_load_loses_no_request(loop: str, report: Report, times: int) -> None:
    answered, lost, seconds = 0, [], []
    for _ in range(times):
        with serve_measured(loop, *A_LAST_REQUEST) as server:
            load = MixedLoad(server.address)
            with threads(*load.clients):
                load.wait_for(answers=500)
                server.send(signal.SIGTERM)
                began = time.monotonic()
                status = server.wait()
                seconds.append(time.monotonic() - began)
        assert status == 0
        assert server.errors == DRAINING
        answered += load.answered
        lost += load.lost + load.lost_when_new

    report("answered, lost", f"{answered}, {len(lost)}")
    report("seconds from signal to exit", f"{min(seconds):.2f} to {max(seconds):.2f}")
    assert lost == []


def begun(server: Served, what: str, number: int) -> None:
    until(lambda: stats(server).get(what) == number)


def test_event_streams_end_at_once_and_in_order(loop: str, report: Report) -> None:
    with serve_measured(loop, *NO_END) as server, clients(server, 50) as listeners:
        for client in listeners:
            client.send(b"GET /time HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: all(map(has_input, listeners)))
        server.send(signal.SIGTERM)
        began = time.monotonic()
        bodies = [client.answer().body for client in listeners]
        seconds = time.monotonic() - began
        for client in listeners:
            client.close()
        status = server.wait()
        until_exit = time.monotonic() - began

    report("seconds from signal to the last end, to exit", f"{seconds:.2f}, {until_exit:.2f}")
    assert status == 0
    assert {body[-len(b"data: goodbye\n\n") :] for body in bodies} == {b"data: goodbye\n\n"}


def test_a_second_signal_does_not_wait_for_anything(loop: str, report: Report) -> None:
    with serve_measured(loop, *NO_END) as server, Raw(server.address) as client:
        client.send(b"GET /stubborn HTTP/1.1\r\nHost: a\r\n\r\n")
        begun(server, "stubborn", 1)
        server.send(signal.SIGTERM)
        server.await_errors(DRAINING)
        began = time.monotonic()
        status = server.stop()
        seconds = time.monotonic() - began

    report("seconds from second signal to exit", f"{seconds:.2f}")
    assert status == 128 + signal.SIGTERM


@pytest.mark.slow
def test_the_hard_deadline_holds_against_handlers_that_ignore_cancellation(loop: str, report: Report) -> None:
    options = ("--timeouts.drain-seconds", "3")
    with serve_measured(loop, *options) as server, clients(server, 10) as waiting, Raw(server.address) as slow:
        for client in waiting:
            client.send(b"GET /stubborn HTTP/1.1\r\nHost: a\r\n\r\n")
        begun(server, "stubborn", 10)
        slow.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        server.send(signal.SIGTERM)
        began = time.monotonic()
        answer = slow.answer()
        slow.close()
        status = server.wait()
        seconds = time.monotonic() - began

    report("seconds from signal to exit", f"{seconds:.2f}")
    assert answer.body == b"slow\n"  # a request that ends in time is still answered
    assert answer.closes
    assert status == 1
