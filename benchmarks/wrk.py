"""Write a wrk script for a workload, run it on the core for clients, and read its results."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.outcome import Failure
from benchmarks.process import CLIENT_CORE, on_core
from benchmarks.workloads import NUMBER, Workload

FIRST_NUMBER = 100_000
"""The first of the numbers that differ: it is high, so that their length does not change."""

PAUSE = "BENCHMARK_PAUSE_MS"
"""The variable of the environment that says how long each connection waits before it sends its next request."""

REPORT = """
local pause = tonumber(os.getenv("BENCHMARK_PAUSE_MS"))
if pause then
  function delay()
    return pause
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\n{"requests": %d, "microseconds": %d, "bytes": %d, "p50": %d, "p99": %d, "p999": %d, ' ..
    '"errors": {"connect": %d, "read": %d, "write": %d, "timeout": %d, "status": %d}}\\n',
    summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
    e.connect, e.read, e.write, e.timeout, e.status))
end
"""
"""The pause, and the summary that wrk writes at the end: one line of JSON, with times in microseconds."""


@dataclass(frozen=True, slots=True)
class Load:
    """The results of one run without errors."""

    requests: int
    seconds: float
    received: int
    p50_ms: float | None
    p99_ms: float | None
    p999_ms: float | None
    """Latencies; None if no response was complete."""


def run(script: Path, port: int, connections: int, seconds: int, pause_ms: int = 0) -> Load:
    """Send load to a server; raise Failure for any error and for a status of 400 or more.

    Each connection waits for `pause_ms` before it sends its next request; that is no part of the latency.
    """
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script)]
    command = on_core(CLIENT_CORE, ["wrk", *options, f"http://127.0.0.1:{port}/"])
    environment = os.environ | ({PAUSE: str(pause_ms)} if pause_ms else {})
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=seconds + 30, env=environment
        )
    except subprocess.TimeoutExpired:
        raise Failure("wrk did not end") from None
    if done.returncode != 0:
        raise Failure(f"wrk ended with status {done.returncode}: {done.stderr.strip()[:200]}")
    return parse(done.stdout)


def parse(output: str) -> Load:
    """Parse the summary of the script; raise Failure if there were errors or no responses."""
    lines = [line for line in output.splitlines() if line.startswith('{"requests"')]
    if not lines:
        raise Failure("wrk gave no summary")
    report = json.loads(lines[-1])
    errors = [f"{count} {kind} errors" for kind, count in report["errors"].items() if count]
    if errors:
        raise Failure(f"{', '.join(errors)} beside {report['requests']} answers")
    if not report["requests"] and not report["bytes"]:
        raise Failure("nothing was answered")
    latencies = [report[name] / 1e3 if report["requests"] else None for name in ("p50", "p99", "p999")]
    return Load(report["requests"], report["microseconds"] / 1e6, report["bytes"], *latencies)


def write_script(workload: Workload, directory: Path) -> Path:
    """Write the Lua script of a workload and a file with its body; return the path of the script."""
    body = directory / f"{workload.name}.body"
    body.write_bytes(workload.body)
    script = directory / f"{workload.name}.lua"
    script.write_text((differing if workload.differs else constant)(workload, body) + REPORT)
    return script


def constant(workload: Workload, body: Path) -> str:
    """Return a script that sends the same request again and again."""
    lines = [f'wrk.method = "{workload.method}"', f"wrk.path = {quoted(workload.path)}"]
    lines += [f"wrk.headers[{quoted(name)}] = {quoted(value)}" for name, value in workload.headers.items()]
    if workload.body:
        lines.append(f"wrk.body = assert(io.open({quoted(str(body))}, 'rb')):read('*a')")
    return "\n".join(lines)


def differing(workload: Workload, body: Path) -> str:
    """Return a script that puts a different number into every request."""
    lines = [f"{workload.method} {workload.path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in workload.headers.items()]
    if workload.body:
        lines.append(f"Content-Length: {len(workload.body)}")
    pieces = [quoted(piece) for piece in "\r\n".join([*lines, "", ""]).split(NUMBER)]
    return f"""
local n = {FIRST_NUMBER}
local body = assert(io.open({quoted(str(body))}, 'rb')):read('*a')
function request()
  n = n + 1
  return {" .. n .. ".join(pieces)} .. body
end
"""


def quoted(text: str) -> str:
    """Return text as a Lua string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r").replace("\n", "\\n") + '"'
