"""Listings of very many entries: the memory for each client that does not read one does not grow with them."""

import sys
from pathlib import Path

import pytest

from tests.budgets.conftest import Report
from tests.budgets.measure import MIB, Meter, cost_of, mib, settle
from tests.budgets.serving import clients
from tests.e2e.process import Served
from tests.e2e.raw import Raw

pytestmark = [pytest.mark.costly, pytest.mark.slow]

CLIENTS = 50


@pytest.mark.parametrize("kind", ["text/html", "application/json", "text/plain"])
def test_clients_that_do_not_read_a_listing_take_little_memory(
    loop: str, report: Report, tmp_path: Path, kind: str
) -> None:
    for number in range(10_000):
        (tmp_path / f"a name that is usual {number}.txt").touch()
    request = f"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: {kind}\r\n\r\n".encode()
    serve = [sys.executable, "-m", "aiosock", "serve", str(tmp_path), "--port", "0", "--loop", loop]
    with Served(serve) as server, Raw(server.address) as first:
        meter = Meter(server)
        first.send(request)
        first.answer()
        with clients(server, CLIENTS) as waiting, cost_of(meter) as cost:
            for client in waiting:
                client.send(request)
            settle(meter)

    report("RSS of each client", mib(cost.growth / CLIENTS))
    assert cost.growth / CLIENTS < 1.5 * MIB
