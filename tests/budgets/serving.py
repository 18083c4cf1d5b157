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
from tests.e2e.process import PATIENCE, Served
from tests.e2e.raw import Raw

COMMAND = [sys.executable, "-m", "tests.budgets.app", "--port", "0", "--no-access-log"]

GET = b"GET /hello/you HTTP/1.1\r\nHost: a\r\n\r\n"

SPARE_DESCRIPTORS = 200
"""What test runner and server need beside the connections."""


def serve_measured(loop: str, *options: str, descriptors: int | None = None) -> Served:
    """Serve the measured app, with a limit of its own on descriptors where one is given."""
    command = [*COMMAND, "--loop", loop, *options]
    if descriptors is not None:
        command = ["sh", "-c", 'ulimit -n "$0" && exec "$@"', str(descriptors), *command]
    return Served(command)


def warm_up(server: Served) -> None:
    """Let the server do once what it does at its first requests only; no connection is left in the end."""
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
    """Ask the server for its own counts."""
    with Raw(server.address) as client:
        counts: dict[str, int] = json.loads(client.get("/stats", "Connection: close").body)
        return counts


@contextmanager
def room_for(connections: int) -> Iterator[None]:
    """Raise the limit on descriptors, for this process and for a server started within; skip where that is forbidden."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A server counts two for each.
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
    """Connect so many clients for a block."""
    with ExitStack() as stack:
        yield [stack.enter_context(Raw(server.address)) for _ in range(number)]


def has_input(client: Raw) -> bool:
    """Say whether something has arrived, an end included; it is left there."""
    return bool(select.select([client.sock], [], [], 0)[0])


def read_on(client: Raw, *, size: int = MIB, pause: float = 0.0) -> int:
    """Read to an orderly end, so many bytes at a time; give how many there were. Raises ConnectionError for any other."""
    received, end = 0, time.monotonic() + PATIENCE
    while data := client.sock.recv(size):
        assert time.monotonic() < end, "the server goes on for ever"
        received += len(data)
        time.sleep(pause)
    return received
