"""Measure in interleaved rounds: all servers of a workload run, and in each round every server has one turn."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import wrk
from benchmarks.outcome import Cell, Failure, Turn
from benchmarks.process import Running, free_port, started
from benchmarks.servers import Server
from benchmarks.turns import take_turn
from benchmarks.verify import verify
from benchmarks.workloads import Workload

WARM_UP_SECONDS = 1
SETTLE_SECONDS = 0.2
"""Time after a turn for the server to close the connections of the load, before it is paused."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The size of a measurement."""

    rounds: int
    seconds: int
    connections: int


def measure(workload: Workload, servers: Sequence[Server], plan: Plan, files: Path) -> dict[str, Cell]:
    """Measure a workload. If a server fails, its cell has the reason, and it gets no further turns."""
    cells = {server.name: Cell() for server in servers}
    script = wrk.write_script(workload, files)
    with ExitStack() as stack:
        running: dict[str, Running] = {}
        if workload.kind != "idle":
            for server in servers:
                with failures_into(cells[server.name], workload, server):
                    running[server.name] = stack.enter_context(ready(server, workload, script, plan, files))
        for number in range(plan.rounds):
            for server in servers if number % 2 == 0 else reversed(servers):
                cell = cells[server.name]
                if cell.failure is not None:
                    continue
                with failures_into(cell, workload, server):
                    if workload.kind == "idle":
                        # A process keeps the memory that it took in one round, so each round begins with a new process.
                        with ready(server, workload, script, plan, files) as fresh:
                            cell.turns.append(turn(workload, fresh, script, plan))
                    else:
                        cell.turns.append(turn(workload, running[server.name], script, plan))
    return cells


@contextmanager
def failures_into(cell: Cell, workload: Workload, server: Server) -> Iterator[None]:
    """Record a failure in the cell and print it."""
    try:
        yield
    except Failure as failure:
        cell.failure = str(failure)
        print(f"FAILED: {server.title} on {workload.name}: {failure}", flush=True)


@contextmanager
def ready(server: Server, workload: Workload, script: Path, plan: Plan, files: Path) -> Iterator[Running]:
    """Run a server, check its response, warm it up, and pause it."""
    port = free_port()
    with started(server.arguments(port, files), port, files) as running:
        running.wait_until_it_accepts()
        verify(workload, port)
        if workload.kind != "events":
            wrk.run(script, port, workload.connections or plan.connections, WARM_UP_SECONDS)
        time.sleep(SETTLE_SECONDS)
        running.pause()
        yield running


def turn(workload: Workload, running: Running, script: Path, plan: Plan) -> Turn:
    """Measure one turn, while all other servers are paused."""
    running.resume()
    try:
        return take_turn(workload, running, script, plan.connections, plan.seconds)
    except Failure as failure:
        raise Failure(f"{failure}; the server's last line: {running.last_words()}") from None
    finally:
        time.sleep(SETTLE_SECONDS)
        running.pause()
