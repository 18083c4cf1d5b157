"""Many connections: idle, reset, more than the number of descriptors; memory and descriptors are given back."""

import random
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.budgets.conftest import Report
from tests.budgets.measure import KIB, LOOK_SECONDS, MIB, Meter, cost_of, mib, reached, settle
from tests.budgets.serving import GET, clients, has_input, room_for, serve_measured, stats, warm_up
from tests.e2e.process import Served, until
from tests.e2e.raw import Incomplete, Raw
from tests.patience import PATIENCE

pytestmark = pytest.mark.costly

DRAINING = "aiosock: draining; a second signal ends it at once\n"


@pytest.mark.parametrize("number", [500, pytest.param(5000, marks=pytest.mark.slow)])
def test_idle_connections_cost_little_and_give_everything_back(loop: str, report: Report, number: int) -> None:
    """Check that no object remains, and that opening as many connections again takes no more memory than before.

    Freed memory goes back to the system in whole arenas only. So the next connections must use the memory that is kept.
    """
    with room_for(number), serve_measured(loop) as server:
        warm_up(server)
        meter = Meter(server)
        descriptors, objects = meter.descriptors, stats(server)["objects"]
        assert reached(descriptors, meter)
        memory = meter.memory
        opened, kept, loads = [], [], []
        for _ in range(3):
            with clients(server, number) as idle:
                answer_all(idle)
                opened.append(meter.memory - memory)
                settle(meter)
                with cost_of(meter) as waiting:
                    time.sleep(0.3)
                loads.append(waiting.load)
                assert meter.descriptors == descriptors + number
            assert reached(descriptors, meter)
            left = stats(server)["objects"] - objects
            kept.append(meter.memory - memory)

    report("RSS of each connection", f"{opened[0] / number:.0f} bytes")
    report("CPU of all while idle", f"{max(loads):.1f} %")
    report("RSS open, and kept after closing, in turn", ", ".join(map(mib, [*opened, *kept])))
    report("objects left", str(left))
    assert opened[0] / number < 32 * KIB
    assert max(loads) < 20
    assert left < 100
    assert max(opened) - opened[0] < 0.05 * opened[0] + 1 * MIB
    assert max(kept) < opened[0] + 1 * MIB


def answer_all(idle: list[Raw]) -> None:
    for client in idle:
        client.send(GET)
    for client in idle:
        assert client.answer().status == 200


REQUESTS = [
    GET,
    GET * 3,
    b"PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n" + bytes(5000),
    b"PUT /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"5\r\nhello\r\n" * 200 + b"0\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\nExpect: 100-continue\r\n\r\n" + bytes(5000),
    b"GET /stream/10000000 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /static/index.html HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /time HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /work/default HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n" + bytes(5000),
    b"\0\0\0\r\n\r\n" + GET,
]


@pytest.mark.parametrize("number", [2000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_resets_at_random_points_leave_nothing_behind(loop: str, report: Report, number: int) -> None:
    chance = random.Random(3)
    with serve_measured(loop) as server:
        warm_up(server)
        meter = Meter(server)
        descriptors, tasks = meter.descriptors, stats(server)["tasks"]
        for _ in range(500):  # loads modules that only some requests need, and starts the threads that read files
            reset_somewhere(Raw(server.address), chance)
        until(lambda: stats(server)["tasks"] <= tasks)
        objects = stats(server)["objects"]
        with cost_of(meter) as cost:
            for _ in range(number):
                reset_somewhere(Raw(server.address), chance)
        assert reached(descriptors, meter)
        # A handler that waits for something else notices the reset at the next sweep.
        until(lambda: stats(server)["tasks"] <= tasks)
        left = stats(server)["objects"] - objects
        assert server.stop() == 0

    report("RSS growth, objects left, CPU", f"{mib(cost.growth)}, {left}, {cost.cpu:.2f} s")
    assert server.errors == DRAINING
    assert left < 500
    assert cost.growth < 16 * MIB


def reset_somewhere(client: Raw, chance: random.Random) -> None:
    """Send a request or a part of it, perhaps read a part of the answer, then reset."""
    request = chance.choice(REQUESTS)
    whole = chance.random() < 0.3
    with suppress(ConnectionError):
        client.send(request if whole else request[: chance.randrange(len(request) + 1)])
        if chance.random() < 0.5:
            time.sleep(chance.random() / 500)
        if chance.random() < 0.5 and has_input(client):
            client.sock.recv(chance.choice([1, 100, 100_000]))
    client.reset()


BEGUN = b"PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel"
REST = b"lo"
"""The rest of a request that holds its connection until the rest comes."""


def crowded(server: Served, seconds: float) -> tuple[int, float, list[int]]:
    """Let 200 clients wait after half a request; return the most descriptors, the CPU load in % and the statuses."""
    warm_up(server)
    meter = Meter(server)
    before = meter.descriptors
    with clients(server, 200) as waiting:
        for client in waiting:
            client.send(BEGUN)
        settle(meter)
        with cost_of(meter) as cost:
            time.sleep(seconds)
        return meter.descriptors - before, cost.load, served_in_turn(waiting)


def served_in_turn(waiting: list[Raw]) -> list[int]:
    """Send the rest of every request, read answers as they come, close after each; return the statuses."""
    statuses: list[int] = []
    end = time.monotonic() + PATIENCE
    for client in waiting:
        with suppress(ConnectionError):
            client.send(REST)
    left = list(waiting)
    while left and time.monotonic() < end:
        time.sleep(LOOK_SECONDS)
        for client in [client for client in left if has_input(client)]:
            with suppress(Incomplete):
                statuses.append(client.answer().status)
            client.close()
            left.remove(client)
    return statuses


@pytest.mark.parametrize(
    "connections",
    [pytest.param(0, id="default limit"), pytest.param(1000, id="limit too high", marks=pytest.mark.slow)],
)
def test_two_hundred_clients_of_a_server_with_64_descriptors_wait_quietly_and_are_all_served(
    loop: str, report: Report, connections: int
) -> None:
    with serve_measured(loop, "--limits.connections", str(connections), descriptors=64) as server:
        most, load, statuses = crowded(server, seconds=1)
        assert server.stop() == 0

    report("CPU while they wait", f"{load:.1f} %")
    report("served at once, in the end", f"{most}, {len(statuses)}")
    assert statuses == [200] * 200
    assert 0 < most < 40
    assert load < 20
    assert "16 connections are open; further ones wait\n" in server.errors
    assert "Traceback" not in server.errors


UPLOAD = b"PUT /%d HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"


def test_slow_uploads_leave_descriptors_for_everybody_else(loop: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    serve = [sys.executable, "-m", "aiosock", "serve", str(tmp_path), "--upload", "--port", "0", "--loop", loop]
    with (
        Served(["sh", "-c", 'ulimit -n 256 && exec "$@"', "sh", *serve]) as server,
        clients(server, 90) as uploading,  # of 96 that may be connected
    ):
        for number, client in enumerate(uploading):
            client.send(UPLOAD % number)
        for client in uploading:
            assert client.answer().status == 100
        with Raw(server.address) as other:
            for target in (b"/file", b"/"):
                other.send(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % target)
                assert other.answer().status == 200


SHORT = "few file descriptors are left; further connections wait\n"


def test_clients_wait_quietly_while_handlers_hold_all_descriptors(loop: str, report: Report) -> None:
    with serve_measured(loop, descriptors=64) as server:
        warm_up(server)
        meter = Meter(server)
        with Raw(server.address) as hoarder, Raw(server.address) as releaser:
            releaser.get()  # later there is no descriptor left for it
            hoarder.send(b"GET /hoard HTTP/1.1\r\nHost: a\r\n\r\n")
            server.await_errors(SHORT)
            with clients(server, 200) as waiting:
                for client in waiting:
                    client.send(BEGUN)
                with cost_of(meter) as cost:
                    time.sleep(1)
                assert not has_input(hoarder)
                releaser.get("/release")
                assert hoarder.answer().body == b"given back\n"
                statuses = served_in_turn(waiting)
        assert server.stop() == 0

    report("CPU while they wait", f"{cost.load:.1f} %")
    assert statuses == [200] * 200
    assert cost.load < 20
    assert server.errors.count(SHORT) == 1
    assert "cannot accept" not in server.errors


def test_a_limit_of_descriptors_that_changes_holds_without_a_connection_ending(loop: str) -> None:
    with serve_measured(loop) as server, clients(server, 60) as early:
        answer_all(early)
        for soft in (100, 64):  # more are in use than the second allows
            resource.prlimit(server.popen.pid, resource.RLIMIT_NOFILE, (soft, 4096))
            server.await_errors(f"{connections_of(soft)} connections are open; further ones wait\n")
        with clients(server, 20) as late:
            for client in late:
                client.send(BEGUN)
            answer_all(early)
            resource.prlimit(server.popen.pid, resource.RLIMIT_NOFILE, (4096, 4096))
            assert served_in_turn(late) == [200] * 20


def connections_of(descriptors: int) -> int:
    """Return how many connections a server with so few descriptors may have."""
    return descriptors // 4


def test_accepting_pauses_at_the_limit_and_goes_on_below_it(loop: str, report: Report) -> None:
    with serve_measured(loop, "--limits.connections", "50") as server:
        most, load, statuses = crowded(server, seconds=0.7)
        assert server.stop() == 0

    report("open at once, CPU while others wait", f"{most}, {load:.1f} %")
    assert statuses == [200] * 200
    # The loop accepts six in a turn, and one is counted only four turns later; accepting takes one descriptor.
    assert 49 <= most <= 50 + 4 * 6
    assert load < 20
    assert server.errors.count("\n") == 2
