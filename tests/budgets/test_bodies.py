"""Bodies of any size, in requests and answers: the memory for them does not grow with them."""

import json
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.budgets.conftest import Report
from tests.budgets.measure import GIB, KIB, MIB, Meter, cost_of, mib, reached
from tests.budgets.serving import clients, serve_measured, stats, warm_up
from tests.e2e.process import until
from tests.e2e.raw import Raw

pytestmark = pytest.mark.costly

SIZES = [pytest.param(128 * MIB, id="128 MiB"), pytest.param(GIB, id="1 GiB", marks=pytest.mark.slow)]

BLOCK = bytes(256 * KIB)


def send_with_a_length(client: Raw, size: int) -> None:
    client.send(b"PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
    for _ in range(size // len(BLOCK)):
        client.send(BLOCK)


def send_in_chunks(client: Raw, size: int) -> None:
    client.send(b"PUT /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunks = (b"4000\r\n" + bytes(0x4000) + b"\r\n") * 16
    for _ in range(size // len(BLOCK)):
        client.send(chunks)
    client.send(b"0\r\n\r\n")


def send_as_one_chunk(client: Raw, size: int) -> None:
    client.send(b"PUT /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % size)
    for _ in range(size // len(BLOCK)):
        client.send(BLOCK)
    client.send(b"\r\n0\r\n\r\n")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("send", [send_with_a_length, send_in_chunks, send_as_one_chunk])
def test_an_upload_is_not_kept(loop: str, report: Report, send: Callable[[Raw, int], None], size: int) -> None:
    with serve_measured(loop) as server:
        warm_up(server)
        with Raw(server.address) as client, cost_of(Meter(server)) as cost:
            send(client, size)
            body = json.loads(client.answer().body)

    report("RSS growth, CPU", f"{mib(cost.growth)}, {cost.cpu:.2f} s")
    assert body["bytes"] == size
    assert cost.growth < 32 * MIB


def test_what_a_handler_does_not_read_yet_is_left_to_the_kernel(loop: str, report: Report) -> None:
    size = 64 * MIB
    with serve_measured(loop) as server:
        warm_up(server)
        with Raw(server.address) as client, cost_of(Meter(server)) as cost:
            client.send(b"POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
            client.send(bytes(size))
            body = json.loads(client.answer().body)

    report("RSS growth, CPU", f"{mib(cost.growth)}, {cost.cpu:.2f} s")
    assert body["bytes"] == size
    assert cost.growth < 4 * MIB


def test_a_hundred_clients_that_ask_for_200_mb_and_read_nothing_are_cut_by_the_write_deadline(
    loop: str, report: Report
) -> None:
    number, size = 100, 200_000_000
    with serve_measured(loop, "--timeouts.write-idle-seconds", "1.5") as server:
        warm_up(server)
        meter = Meter(server)
        before = meter.descriptors
        with clients(server, number) as greedy:
            with cost_of(meter) as cost:
                for client in greedy:
                    client.send(b"GET /stream/%d HTTP/1.1\r\nHost: a\r\n\r\n" % size)
                until(lambda: stats(server)["streams begun"] == number)
                cut = reached(before, meter)
            left = stats(server)["streams"]
            received = [all_that_came(client) for client in greedy]
        served = stats(server)["tasks"] > 0

    report("RSS growth, CPU", f"{mib(cost.growth)}, {cost.cpu:.2f} s")
    assert cost.growth < 64 * MIB
    assert cut
    assert left == 0
    assert max(received) < size
    assert served


def all_that_came(client: Raw) -> int:
    """Read to the end of the connection, even if that is a reset; return the number of bytes."""
    size = 0
    with suppress(ConnectionError):
        while data := client.sock.recv(MIB):
            size += len(data)
    return size


def test_a_slow_reader_gets_all_of_it_beside_those_that_do_not_read(loop: str, report: Report) -> None:
    size = 16 * MIB
    with serve_measured(loop, "--timeouts.write-idle-seconds", "1.5") as server:
        warm_up(server)
        with clients(server, 20) as greedy, Raw(server.address) as reader, cost_of(Meter(server)) as cost:
            for client in [*greedy, reader]:
                client.send(b"GET /stream/%d HTTP/1.0\r\n\r\n" % size)
            received = 0
            while data := reader.sock.recv(MIB):
                received += len(data)
                time.sleep(len(data) / (8 * MIB))  # in total longer than the deadline

    report("RSS growth, CPU", f"{mib(cost.growth)}, {cost.cpu:.2f} s")
    assert received > size  # the head is part of it
    assert cost.growth < 16 * MIB
