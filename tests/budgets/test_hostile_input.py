"""Input made to be costly: each gets its answer, and costs no more memory or CPU than it should."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.budgets.conftest import Report
from tests.budgets.measure import KIB, LOOK_SECONDS, MIB, Meter, cost_of, mib, reached
from tests.budgets.serving import GET, clients, has_input, read_on, serve_measured, stats, warm_up
from tests.e2e.process import Served
from tests.e2e.raw import Raw
from tests.patience import PATIENCE

pytestmark = pytest.mark.costly

GROWTH = 4 * MIB
"""The memory that one connection may use: its buffers, twice, and the parsed head; a little more than that."""

CPU_SECONDS = 2.0
"""More than ten times what hostile input takes; what is quadratic takes minutes."""

HOST = b"Host: a\r\n"


@pytest.fixture(scope="module")
def server(loop: str) -> Iterator[Served]:
    """A server with the default limits, for input of which the server should keep almost nothing."""
    with serve_measured(loop) as served:
        warm_up(served)
        yield served


@pytest.fixture(scope="module")
def generous(loop: str) -> Iterator[Served]:
    """A server with limits a hundred times the default: work that small limits hide must be linear too."""
    options = ("--limits.head-bytes", str(4 * MIB), "--limits.fields", "200000")
    with serve_measured(loop, *options) as served:
        warm_up(served)
        yield served


def send_as_far_as_possible(client: Raw, piece: bytes, times: int) -> int:
    """Send a piece repeatedly until the server ends the connection; return the number of bytes sent."""
    sent = 0
    with suppress(ConnectionError):
        for _ in range(times):
            client.send(piece)
            sent += len(piece)
    return sent


def repeated(piece: bytes) -> tuple[bytes, int]:
    """Return about 64 KiB of a piece, and the number of such blocks in 100 MB."""
    block = piece * (64 * KIB // len(piece))
    return block, 100_000_000 // len(block)


@pytest.mark.parametrize(
    ("start", "piece", "status"),
    [
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: ", b"x", 431),
        (b"GET / HTTP/1.1\r\n" + HOST, b"X: 1\r\n", 431),
        (b"GET /", b"x", 414),
        (b"", b"x", 414),
        (b"", b"\r\n", 414),
        (b"PUT /upload HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x", 431),
        (b"PUT /upload HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n", b"1;x=y\r\na\r\n", 431),
        (b"PUT /upload HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: 1\r\n", 431),
    ],
    ids=["header-line", "fields", "target", "method", "empty-lines", "extension", "extensions", "trailers"],
)
def test_100_mb_of_what_has_a_limit_are_refused_as_soon_as_that_is_passed(
    server: Served, report: Report, start: bytes, piece: bytes, status: int
) -> None:
    block, times = repeated(piece)
    meter = Meter(server)
    with Raw(server.address) as client, cost_of(meter) as cost:
        client.send(start)
        sent = send_as_far_as_possible(client, block, times)
        # Bytes that arrive after the answer can cause a reset that destroys it. So a second client reads the answer.
        client.close()
    with Raw(server.address) as client:
        client.send(start + block * 4)
        answer = client.answer()

    report("RSS growth, CPU, bytes sent", f"{mib(cost.growth)}, {cost.cpu:.2f} s, {mib(sent)}")
    assert answer.status == status
    assert answer.closes
    assert cost.growth < GROWTH
    assert cost.cpu < CPU_SECONDS


def test_a_body_of_100_mb_is_refused_where_it_was_to_be_read_whole(loop: str, report: Report) -> None:
    block, times = repeated(b"4000\r\n" + bytes(0x4000) + b"\r\n")
    with serve_measured(loop) as server:
        warm_up(server)
        with Raw(server.address) as client, cost_of(Meter(server)) as cost:
            client.send(b"PUT /echo HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")
            sent = send_as_far_as_possible(client, block, times)
            status = client.answer().status

    report("RSS growth, CPU, bytes sent", f"{mib(cost.growth)}, {cost.cpu:.2f} s, {mib(sent)}")
    assert status == 413
    assert cost.growth < 16 * MIB + GROWTH  # the body up to limits.body_bytes, not yet joined
    assert cost.cpu < CPU_SECONDS


def test_a_name_repeated_up_to_the_limit_is_joined_in_linear_time(server: Served, report: Report) -> None:
    request = b"GET /fields HTTP/1.1\r\n" + HOST + (b"X: " + b"x" * 310 + b"\r\n") * 99 + b"\r\n"
    with Raw(server.address) as client, cost_of(Meter(server)) as cost:
        for _ in range(100):
            client.send(request)
            assert json.loads(client.answer().body)["lines"] == 99

    report("RSS growth, CPU of 100 requests", f"{mib(cost.growth)}, {cost.cpu:.2f} s")
    assert cost.growth < GROWTH
    assert cost.cpu < CPU_SECONDS


def test_twenty_thousand_lines_of_one_name_are_joined_in_linear_time(generous: Served, report: Report) -> None:
    with Raw(generous.address) as client, cost_of(Meter(generous)) as cost:
        client.send(b"GET /fields HTTP/1.1\r\n" + HOST + b"X: 1234567890\r\n" * 20_000 + b"\r\n")
        body = json.loads(client.answer().body)

    report("RSS growth, CPU", f"{mib(cost.growth)}, {cost.cpu:.2f} s")
    assert body == {"joined": 239_998, "lines": 20_000, "cookies": 0}
    assert cost.growth < 32 * MIB
    assert cost.cpu < CPU_SECONDS


def test_a_head_that_comes_byte_by_byte_is_not_read_again_and_again(server: Served, report: Report) -> None:
    request = b"GET /fields HTTP/1.1\r\n" + HOST + (b"X: " + b"x" * 40 + b"\r\n") * 99 + b"\r\n"
    with Raw(server.address) as client, cost_of(Meter(server)) as cost:
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for position in range(len(request)):
            client.send(request[position : position + 1])
        answer = client.answer()

    report("RSS growth, CPU", f"{mib(cost.growth)}, {cost.cpu:.2f} s")
    assert answer.status == 200
    assert cost.growth < GROWTH
    assert cost.cpu < CPU_SECONDS


@pytest.mark.parametrize("cookie", [b"a=b; ", b'a="b', b";", b"=", b"n%d=v; "], ids=["equal", "open", ";", "=", "many"])
def test_cookies_are_parsed_in_linear_time(generous: Served, report: Report, cookie: bytes) -> None:
    pairs = b"".join(cookie % n for n in range(200_000)) if b"%d" in cookie else cookie * 200_000
    with Raw(generous.address) as client, cost_of(Meter(generous)) as cost:
        client.send(b"GET /fields HTTP/1.1\r\n" + HOST + b"Cookie: " + pairs + b"\r\n\r\n")
        answer = client.answer()

    report("RSS growth, CPU", f"{mib(cost.growth)}, {cost.cpu:.2f} s")
    assert answer.status == 200
    assert cost.growth < 128 * MIB
    assert cost.cpu < 2 * CPU_SECONDS


@pytest.mark.parametrize("line", [b"Cookie: a=b\r\n", b"Cookie: " + b"a=b;" * 70 + b"\r\n"], ids=["short", "long"])
def test_many_cookie_fields_are_parsed_in_linear_time(server: Served, report: Report, line: bytes) -> None:
    with Raw(server.address) as client, cost_of(Meter(server)) as cost:
        for _ in range(100):
            client.send(b"GET /fields HTTP/1.1\r\n" + HOST + line * 99 + b"\r\n")
            assert client.answer().status == 200

    report("RSS growth, CPU of 100 requests", f"{mib(cost.growth)}, {cost.cpu:.2f} s")
    assert cost.growth < GROWTH
    assert cost.cpu < CPU_SECONDS


@pytest.mark.parametrize("target", ["/upload", "/echo"])
def test_a_hundred_thousand_chunks_of_one_byte_are_a_body_like_any_other(
    server: Served, report: Report, target: str
) -> None:
    with Raw(server.address) as client, cost_of(Meter(server)) as cost:
        client.send(f"PUT {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        client.send(b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n")
        body = json.loads(client.answer().body)

    report("RSS growth, CPU", f"{mib(cost.growth)}, {cost.cpu:.2f} s")
    assert body.get("bytes", len(body.get("body", ""))) == 100_000
    assert cost.growth < GROWTH
    assert cost.cpu < CPU_SECONDS


def test_a_thousand_ranges_cost_no_more_than_one(server: Served, report: Report) -> None:
    with Raw(server.address) as client, cost_of(Meter(server)) as cost:
        whole = client.get("/static/index.html")
        answer = client.get("/static/index.html", "Range: bytes=" + ",".join(f"{n}-" for n in range(1200)))

    report("RSS growth, CPU", f"{mib(cost.growth)}, {cost.cpu:.2f} s")
    assert answer.status in (200, 206, 416)
    assert len(answer.body) <= len(whole.body)
    assert cost.growth < GROWTH
    assert cost.cpu < CPU_SECONDS


def flood(client: Raw) -> int:
    """Send requests without reading answers until the server reads no more for a while; return the number of bytes."""
    block, sent, moved = GET * 1000, 0, time.monotonic()
    client.sock.setblocking(False)
    while time.monotonic() - moved < 0.5:
        try:
            # A send may stop within a request; the next one starts with the rest of that request.
            sent += client.sock.send(block[sent % len(GET) :])
            moved = time.monotonic()
        except BlockingIOError:
            time.sleep(LOOK_SECONDS)
    client.sock.setblocking(True)
    return sent


@pytest.mark.slow
def test_a_flood_of_requests_without_reading_stops_at_the_buffers_and_ends_at_the_deadline(
    loop: str, report: Report
) -> None:
    with serve_measured(loop, "--timeouts.write-idle-seconds", "2") as server:
        warm_up(server)
        meter = Meter(server)
        before = meter.descriptors
        with Raw(server.address) as client:
            with cost_of(meter) as cost:
                sent = flood(client)
            with cost_of(meter) as waiting:
                time.sleep(0.7)
            assert stats(server)["tasks"] > 0  # the server still serves others
            cut = reached(before, meter)
            with pytest.raises(ConnectionError):
                read_on(client)

    report("RSS growth, CPU", f"{mib(cost.growth)}, {cost.cpu:.2f} s")
    report("bytes taken, CPU while stuck", f"{mib(sent)}, {waiting.load:.0f} %")
    assert cut
    assert cost.growth < GROWTH
    assert waiting.load < 20


SLOW = [
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"x"),
    (b"GET / HTTP/1.1\r\nHost: a\r\n", b"X: 1\r\n"),
    (b"PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", b"x"),
    (b"PUT /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
]
"""The start of a request, and the piece that then comes again and again: in heads and in bodies."""


@pytest.mark.slow
def test_two_hundred_clients_that_drip_cost_little_and_are_told_408(loop: str, report: Report) -> None:
    options = ("--timeouts.head-seconds", "3", "--timeouts.rate-grace-seconds", "1")
    with serve_measured(loop, *options) as server:
        warm_up(server)
        meter = Meter(server)
        before = meter.descriptors
        with clients(server, 200) as slow, cost_of(meter) as cost:
            for number, client in enumerate(slow):
                client.send(SLOW[number % len(SLOW)][0])
            answers = drip({client: SLOW[number % len(SLOW)][1] for number, client in enumerate(slow)})
        assert reached(before, meter)

    report("RSS growth, CPU", f"{mib(cost.growth)}, {cost.load:.0f} %")
    assert answers == [408] * 200
    assert cost.growth < 200 * 64 * KIB
    assert cost.load < 50


def drip(drops: dict[Raw, bytes]) -> list[int]:
    """Send each client's piece five times a second until all clients have an answer; return the statuses."""
    end = time.monotonic() + PATIENCE
    answers: list[int] = []
    while drops and time.monotonic() < end:
        time.sleep(0.2)
        for client, drop in tuple(drops.items()):
            if has_input(client):
                answers.append(client.answer().status)
                del drops[client]
            else:
                client.send(drop)
    return answers
