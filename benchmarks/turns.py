"""Measure one turn: the cost for a server of one load over some seconds."""

import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from benchmarks import wrk
from benchmarks.outcome import Failure, Turn
from benchmarks.process import CLIENT_CORE, ROOT, Running, end, on_core
from benchmarks.workloads import IDLE_CONNECTIONS, SUBSCRIBERS, Workload

PATIENCE_SECONDS = 60.0
"""Time for a client to connect, or to count, in addition to the turn itself."""


def take_turn(workload: Workload, server: Running, script: Path, connections: int, seconds: int) -> Turn:
    """Measure one turn; raise Failure if anything goes wrong in it."""
    match workload.kind:
        case "wrk":
            return wrk_turn(workload, server, script, workload.connections or connections, seconds)
        case "idle":
            return idle_turn(workload, server, script, connections, seconds)
        case "events":
            return events_turn(server, seconds)


def wrk_turn(workload: Workload, server: Running, script: Path, connections: int, seconds: int) -> Turn:
    """Measure the cost of a request under wrk."""
    before = server.cpu_seconds()
    load = wrk.run(script, server.port, connections, seconds)
    cpu = server.cpu_seconds() - before
    answers = load.received / workload.answer_bytes if workload.answer_bytes else load.requests
    turn = Turn(cpu / answers * 1e6, answers / load.seconds, load.p50_ms, load.p99_ms, load.p999_ms)
    return with_half_load(turn, server, script, connections, seconds) if workload.tail else turn


def with_half_load(turn: Turn, server: Running, script: Path, connections: int, seconds: int) -> Turn:
    """Measure latencies again, with about half as many requests per second as in a turn."""
    pause_ms = max(1, round(2 * connections / turn.rate * 1000))
    half = wrk.run(script, server.port, connections, seconds, pause_ms)
    return replace(turn, half_p50_ms=half.p50_ms, half_p99_ms=half.p99_ms, half_p999_ms=half.p999_ms)


def idle_turn(workload: Workload, server: Running, script: Path, connections: int, seconds: int) -> Turn:
    """Measure the cost of a request while idle connections are open, and the memory of each of these."""
    before = server.resident_bytes()
    with client("idle", server.port, IDLE_CONNECTIONS) as holder:
        held = server.resident_bytes() - before
        turn = wrk_turn(workload, server, script, connections, seconds)
        left, _ = holder.communicate()
    if left.split() != [str(IDLE_CONNECTIONS)]:
        raise Failure(f"of {IDLE_CONNECTIONS} idle connections, {left.strip() or 'none'} stayed open")
    return replace(turn, idle_kib=held / IDLE_CONNECTIONS / 1024)


def events_turn(server: Running, seconds: int) -> Turn:
    """Measure the cost of each event that arrives."""
    with client("events", server.port, SUBSCRIBERS) as reader:
        before = server.cpu_seconds()
        line = converse(reader, f"{seconds}\n", seconds + PATIENCE_SECONDS)
        cpu = server.cpu_seconds() - before
    events, elapsed, left = line.split()
    if int(left) != SUBSCRIBERS:
        raise Failure(f"of {SUBSCRIBERS} subscribers, {left} stayed")
    if not int(events):
        raise Failure("no event arrived")
    return Turn(cpu / int(events) * 1e6, int(events) / float(elapsed))


@contextmanager
def client(name: str, port: int, connections: int) -> Iterator["subprocess.Popen[str]"]:
    """Run one of our own clients and wait until it is ready; raise Failure if it does not get ready."""
    command = [sys.executable, "-m", f"benchmarks.clients.{name}", str(port), str(connections)]
    process = subprocess.Popen(
        on_core(CLIENT_CORE, command),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        if converse(process) != "ready\n":
            raise Failure(f"the {name} client: {last_line(process)}")
        yield process
    finally:
        end(process)


def converse(process: "subprocess.Popen[str]", line: str = "", patience: float = PATIENCE_SECONDS) -> str:
    """Send a line to the client, if any, and return its next line; raise Failure if there is none."""
    assert process.stdin
    assert process.stdout
    with suppress(BrokenPipeError):
        process.stdin.write(line)
        process.stdin.flush()
    if not select.select([process.stdout], [], [], patience)[0]:
        raise Failure(f"the client is not done after {patience:.0f} s")
    answer = process.stdout.readline()
    if not answer:
        raise Failure(f"the client ended: {last_line(process)}")
    return answer


def last_line(process: "subprocess.Popen[str]") -> str:
    """Return the last line that a client wrote to standard error before it ended."""
    assert process.stderr
    return (process.stderr.read().strip().splitlines() or ["it wrote nothing"])[-1]
