"""Each deadline on a real connection: its effect, and the order of several; a fake clock tests the exact times.

There is no deadline for a TLS handshake as long as there is no TLS.
"""

import select
import signal
import socket
import time

import pytest

from tests.budgets.conftest import Report
from tests.budgets.measure import KIB, MIB, Meter, reached
from tests.budgets.serving import GET, has_input, read_on, serve_measured, stats, warm_up
from tests.e2e.process import until
from tests.e2e.raw import Answer, Raw
from tests.patience import PATIENCE

pytestmark = pytest.mark.costly

UPLOAD = b"PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"


def feed(client: Raw, piece: bytes, pause: float) -> Answer:
    """Send a piece repeatedly, with a pause between, until an answer comes; return the answer."""
    end = time.monotonic() + PATIENCE
    while not has_input(client):
        assert time.monotonic() < end, "the server waits for ever"
        client.send(piece)
        time.sleep(pause)
    return client.answer()


@pytest.mark.slow
def test_the_shortest_deadline_ends_first(loop: str) -> None:
    options = ("--timeouts.head-seconds", "1", "--timeouts.keep-alive-seconds", "3")
    with (
        serve_measured(loop, *options, "--timeouts.body-idle-seconds", "6") as server,
        Raw(server.address) as body,
        Raw(server.address) as kept,
        Raw(server.address) as head,
    ):
        body.send(UPLOAD % 10 + b"x")
        kept.get()
        head.send(GET[:-2])
        order: list[str] = []
        waiting = {body.sock: "body", kept.sock: "keep-alive", head.sock: "head"}
        while waiting:
            readable, _, _ = select.select(list(waiting), [], [], PATIENCE)
            assert readable, "the server waits for ever"
            order += [waiting.pop(sock) for sock in readable]

        assert order == ["head", "keep-alive", "body"]
        assert head.answer().status == 408
        assert kept.rest() == b""
        assert body.answer().status == 408


def test_a_head_that_never_stops_coming_gets_408(loop: str) -> None:
    with serve_measured(loop, "--timeouts.head-seconds", "1") as server, Raw(server.address) as client:
        client.send(GET[:-2])
        answer = feed(client, b"X: 1\r\n", pause=0.05)

        assert answer.status == 408
        assert answer.closes
        assert client.rest() == b""


@pytest.mark.slow
def test_a_connection_that_sends_nothing_is_closed_without_a_word(loop: str) -> None:
    with serve_measured(loop, "--timeouts.head-seconds", "0.5") as server, Raw(server.address) as client:
        assert client.rest() == b""


@pytest.mark.slow
def test_a_connection_that_is_kept_outlives_the_head_and_is_closed_without_a_word(loop: str) -> None:
    options = ("--timeouts.head-seconds", "1", "--timeouts.keep-alive-seconds", "5")
    with serve_measured(loop, *options) as server, Raw(server.address) as client, Raw(server.address) as silent:
        client.get()
        assert silent.rest() == b""
        assert client.get().status == 200
        assert client.rest() == b""


@pytest.mark.slow
def test_a_body_that_pauses_too_long_gets_408_though_it_was_fast(loop: str) -> None:
    with serve_measured(loop, "--timeouts.body-idle-seconds", "1.5") as server, Raw(server.address) as client:
        client.send(UPLOAD % (2 * MIB) + bytes(MIB))
        answer = client.answer()

        assert answer.status == 408
        assert answer.closes
        assert client.rest() == b""


@pytest.mark.slow
def test_a_body_below_the_minimum_rate_gets_408_and_one_above_it_200(loop: str) -> None:
    options = ("--timeouts.body-min-bytes-per-second", "2000", "--timeouts.rate-grace-seconds", "0.3")
    with serve_measured(loop, *options) as server:
        with Raw(server.address) as client:
            client.send(UPLOAD % 100_000)
            answer = feed(client, bytes(10), pause=0.05)

            assert answer.status == 408
            assert answer.closes
        with Raw(server.address) as client:
            client.send(UPLOAD % 30_000)
            for _ in range(20):  # for three times as long as the grace
                client.send(bytes(1500))
                time.sleep(0.05)

            assert client.answer().status == 200


@pytest.mark.slow
def test_an_answer_nobody_takes_is_cut_and_others_are_served_meanwhile(loop: str) -> None:
    options = ("--timeouts.write-idle-seconds", "0.5", "--timeouts.write-min-bytes-per-second", "0")
    with serve_measured(loop, *options) as server:
        warm_up(server)
        meter = Meter(server)
        before = meter.descriptors
        with Raw(server.address) as client:
            client.send(b"GET /stream/200000000 HTTP/1.1\r\nHost: a\r\n\r\n")
            until(lambda: stats(server).get("streams begun") == 1)
            until(lambda: stats(server).get("streams") == 0)
            assert reached(before, meter)
            with pytest.raises(ConnectionResetError):
                read_on(client)


@pytest.mark.slow
def test_an_answer_taken_below_the_minimum_rate_is_cut_and_one_above_it_is_not(loop: str) -> None:
    rate = ("--timeouts.write-min-bytes-per-second", str(2 * MIB), "--timeouts.rate-grace-seconds", "1.5")
    with serve_measured(loop, *rate) as server:
        with Raw(server.address) as slow:
            slow.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * KIB)
            slow.send(b"GET /stream/%d HTTP/1.0\r\n\r\n" % (16 * MIB))
            # Never idle for long: it reads on and on, but a sixth of what it should.
            with pytest.raises(ConnectionResetError):
                read_on(slow, size=16 * KIB, pause=0.05)

        with Raw(server.address) as fast:
            fast.send(b"GET /stream/%d HTTP/1.0\r\n\r\n" % (48 * MIB))
            # At six times the rate, or less on a busy machine, for longer than the grace.
            assert read_on(fast, size=256 * KIB, pause=0.02) > 48 * MIB


@pytest.mark.slow
def test_a_refused_peer_that_goes_on_sending_sees_the_answer_and_the_end_before_it_is_cut(loop: str) -> None:
    with serve_measured(loop, "--timeouts.linger-seconds", "2") as server, Raw(server.address) as client:
        client.send(b"\0\r\n\r\n")
        assert client.answer().status == 400
        assert client.rest() == b""

        # Sending a byte to a closed connection succeeds; sending the next one then fails.
        assert 2 < sendable(client) < 20 * PATIENCE


def sendable(client: Raw) -> int:
    """Send a byte 20 times a second; return the number of bytes sent before the connection was cut."""
    for sent in range(int(20 * PATIENCE)):
        time.sleep(0.05)
        try:
            client.send(b"x")
        except ConnectionError:
            return sent
    return int(20 * PATIENCE)


def test_a_drain_answers_what_ends_in_time_and_cuts_the_rest(loop: str, report: Report) -> None:
    options = ("--timeouts.drain-seconds", "1.5")
    with serve_measured(loop, *options) as server, Raw(server.address) as slow, Raw(server.address) as waiting:
        waiting.send(b"GET /work/default HTTP/1.1\r\nHost: a\r\n\r\n")
        slow.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: stats(server).get("cancel begun") == 1)
        server.send(signal.SIGTERM)
        began = time.monotonic()
        answer = slow.answer()
        assert not has_input(waiting)
        slow.close()
        status = server.wait()
        seconds = time.monotonic() - began

        assert waiting.rest() == b""
    report("seconds from signal to exit", f"{seconds:.2f}")
    assert answer.status == 200
    assert answer.closes
    assert status == 0
    assert "cancelling 1 connections that did not end in time\n" in server.errors
