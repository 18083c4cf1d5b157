"""Estimate the length of a run, which is printed before it begins."""

from collections.abc import Collection, Sequence

from benchmarks.rounds import Plan
from benchmarks.servers import Server
from benchmarks.startup import IMPORTS, STARTS
from benchmarks.workloads import WORKLOADS

# Measured on two cores of a small machine, in seconds.
READY = 2.0
"""Time to start a server, check it, warm it up, and end it."""
TURN = {"wrk": 0.5, "idle": 1.0 + READY, "events": 2.0}
"""Time before and after a turn, by kind of workload."""
INTERPRETER = 0.1


def estimate_seconds(names: Collection[str], servers: Sequence[Server], plan: Plan) -> float:
    """Return about how many seconds a run takes."""
    total = 0.0
    for workload in WORKLOADS:
        if workload.name in names:
            offering = sum(workload.name in server.offers for server in servers)
            total += offering * (READY + plan.rounds * (plan.seconds + TURN[workload.kind]))
    if "start" in names:
        total += IMPORTS * 2 * INTERPRETER + (STARTS + 1) * len(servers) * READY / 2
    return total
