"""The measured server and its clients."""

import json
import resource
import select
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.budgets.measure import MIB, Meter, reached
from tests.e2e.process import Served
from tests.e2e.raw import Raw
from tests.patience import PATIENCE

COMMAND = [sys.executable, "-m", "tests.budgets.app", "--port", "0", "--no-access-log"]

GET = b"GET /hello/you HTTP/1.1\r\nHost: a\r\n\r\n"

SPARE_DESCRIPTORS = 200
"""Descriptors that the test runner and the server need in addition to the connections."""


def serve_measured(loop: str, *options: str, descriptors: int | None = None) -> Served:
    """Serve the measured app; with `descriptors`, the server has its own limit of descriptors."""
    command = [*COMMAND, "--loop", loop, *options]
    if descriptors is not None:
        command = ["sh", "-c", 'ulimit -n "$0" && exec "$@"', str(descriptors), *command]
    return Served(command)


def warm_up(server: Served) -> None:
    """Make the server do now what it does only at its first requests; no connection remains at the end."""
    meter = Meter(server)
    descriptors = meter.descriptors
    with Raw(server.address) as client:
        for _ in range(20):
            client.get("/hello/you")
        client.get("/stats")
        client.send(b"PUT /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        client.answer()
    with Raw(server.address) as client:
        client.send(b"\0\r\n\r\n")
        client.rest()
    assert reached(descriptors, meter)


def stats(server: Served) -> dict[str, int]:
    """Return the server's own counts."""
    with Raw(server.address) as client:
        counts: dict[str, int] = json.loads(client.get("/stats", "Connection: close").body)
        return counts


@contextmanager
def room_for(connections: int) -> Iterator[None]:
    """Raise the limit of descriptors, for this process and a server started in the block; skip if that is forbidden."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A server counts two descriptors for each.
    wanted = 2 * connections + SPARE_DESCRIPTORS
    if soft >= wanted or soft == resource.RLIM_INFINITY:
        yield
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):
        pytest.skip(f"{connections} connections take {wanted} descriptors; the hard limit is {hard}")
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def clients(server: Served, number: int) -> Iterator[list[Raw]]:
    """Connect `number` clients for a block."""
    with ExitStack() as stack:
        yield [stack.enter_context(Raw(server.address)) for _ in range(number)]


def has_input(client: Raw) -> bool:
    """Return whether input has arrived, or the end of the input; do not read it."""
    return bool(select.select([client.sock], [], [], 0)[0])


def read_on(client: Raw, *, size: int = MIB, pause: float = 0.0) -> int:
    """Read up to `size` bytes at a time until an orderly end; return their number. A reset raises ConnectionError."""
    received, end = 0, time.monotonic() + PATIENCE
    while data := client.sock.recv(size):
        assert time.monotonic() < end, "the server goes on for ever"
        received += len(data)
        time.sleep(pause)
    return received
