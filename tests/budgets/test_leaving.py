"""A peer that leaves: what happens to its handler, and that no request leaves objects or tasks behind."""

import json
import random

import pytest

from tests.budgets.conftest import Report
from tests.budgets.measure import KIB, Meter, cost_of, reached
from tests.budgets.serving import GET, serve_measured, stats, warm_up
from tests.e2e.process import Served, until
from tests.e2e.raw import Raw

pytestmark = pytest.mark.costly


def begin(server: Served, route: str, how: str, number: int = 1) -> Raw:
    """Request work that waits, and wait until it has started."""
    client = Raw(server.address)
    client.send(f"GET /work/{route} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    until(lambda: stats(server).get(f"{how} begun") == number)
    return client


def release(server: Served) -> None:
    with Raw(server.address) as client:
        client.get("/release")


def test_a_reset_cancels_a_handler_unless_its_route_finishes(loop: str) -> None:
    with serve_measured(loop) as server:
        finishing = begin(server, "finish", "finish")
        default = begin(server, "default", "cancel")
        finishing.reset()
        default.reset()
        # The server has seen both resets by now, so it would have cancelled the other handler too.
        until(lambda: stats(server).get("cancel cancelled") == 1)
        assert "finish cancelled" not in stats(server)
        release(server)
        until(lambda: stats(server).get("finish finished") == 1)

        counts = stats(server)
    assert "cancel finished" not in counts
    assert "finish cancelled" not in counts


def test_a_half_close_is_served_unless_its_route_is_eager(loop: str) -> None:
    with serve_measured(loop) as server:
        default = begin(server, "default", "cancel")
        eager = begin(server, "eager", "eager")
        default.end_input()
        eager.end_input()
        until(lambda: stats(server).get("eager cancelled") == 1)
        release(server)

        assert default.answer().body == b"cancel\n"
        assert default.rest() == b""
        assert eager.rest() == b""
        counts = stats(server)
        default.close()
        eager.close()
    assert "cancel cancelled" not in counts
    assert "eager finished" not in counts


def test_a_thousand_peers_that_leave_leave_no_task(loop: str, report: Report) -> None:
    with serve_measured(loop) as server:
        warm_up(server)
        meter = Meter(server)
        descriptors, before = meter.descriptors, stats(server)
        with cost_of(meter) as cost:
            for _ in range(10):
                leaving = [Raw(server.address) for _ in range(100)]
                for client in leaving:
                    client.send(b"GET /work/default HTTP/1.1\r\nHost: a\r\n\r\n")
                for client in leaving:
                    client.reset()
            assert reached(descriptors, meter)
            until(lambda: stats(server)["tasks"] <= before["tasks"])
        after = stats(server)

    report("handlers begun, cancelled", f"{after.get('cancel begun', 0)}, {after.get('cancel cancelled', 0)}")
    report("CPU", f"{cost.cpu:.2f} s")
    assert after.get("cancel begun", 0) == after.get("cancel cancelled", 0)
    assert after["objects"] - before["objects"] < 100


def ask_for_everything(server: Served, requests: int, chance: random.Random) -> None:
    """Send at least `requests` requests: pipelined, one by one, on new connections, uploads, and refused ones."""
    done = 0
    while done < requests:
        with Raw(server.address) as client:
            for _ in range(10):
                client.send(GET * 20)
                for _ in range(20):
                    client.answer()
            client.send(b"PUT /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
            assert json.loads(client.answer().body)["bytes"] == 3
            # Fields, path and query differ each time: a cache of these must have a limit.
            answer = client.get(f"/hello/{chance.random()}?{chance.random()}", f"X-{chance.randrange(10**9)}: 1")
            assert answer.status == 200
            client.send(b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n" + b"\0\r\n\r\n")
            assert client.answer().status == 404
            assert client.answer().status == 400
        for _ in range(7):
            with Raw(server.address) as client:
                client.get("/hello/you", "Connection: close")
        done += 211


@pytest.mark.parametrize("requests", [20_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_requests_leave_nothing_behind(loop: str, report: Report, requests: int) -> None:
    chance = random.Random(7)
    with serve_measured(loop) as server:
        meter = Meter(server)
        idle = meter.descriptors
        warm_up(server)
        ask_for_everything(server, 10_000, chance)
        assert reached(idle, meter)
        descriptors, before, memory = meter.descriptors, stats(server), meter.memory
        with cost_of(meter) as cost:
            ask_for_everything(server, requests, chance)
        assert reached(descriptors, meter)
        after = stats(server)
        growth = meter.memory - memory
        assert server.stop() == 0

    report("RSS growth", f"{growth / KIB:.0f} KiB, {growth / requests:.2f} bytes/request")
    report("objects, tasks left", f"{after['objects'] - before['objects']}, {after['tasks'] - before['tasks']}")
    report("CPU for each request", f"{1e6 * cost.cpu / requests:.0f} us")
    assert after["objects"] - before["objects"] < 100
    assert after["tasks"] <= before["tasks"]
    # The noise of an allocator does not grow with the number of requests; a leak does.
    assert growth < 256 * KIB + requests
