"""Run the servers side by side and print what a request costs each of them.

wrk on one core, the servers on another, in interleaved rounds; the figure is the server's own CPU time for a request,
from the operating system's accounting, and its ratio to the limit's in the same round. Needs Linux and wrk.
"""

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median

SERVERS = {"limit": "uvloop", "floor": "uvloop", "aiosock_app": "uvloop", "uvicorn_asgi": "uvicorn"}
"""Each server of benchmarks/servers, and the package it needs besides aiosock."""

TICK = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each server has its turn (default 5)")
    parser.add_argument("--seconds", type=int, default=3, help="how long a turn is (default 3)")
    parser.add_argument("--connections", type=int, default=32, help="keep-alive connections (default 32)")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("benchmarks: wrk is not installed (apt-get install wrk)")
    names = [name for name, package in SERVERS.items() if find_spec(package)]
    print(f"left out, not installed: {', '.join(SERVERS.keys() - names) or 'none'}")
    with ExitStack() as stack:
        running = {name: stack.enter_context(server(name)) for name in names}
        rounds = [
            {name: microseconds(pid, port, options) for name, (pid, port) in running.items()}
            for _ in range(options.rounds)
        ]
    print(f"\n{'server':<14} {'us of CPU/request':>18} {'of the limit':>13}")
    for name in names:
        cost = median(turn[name] for turn in rounds)
        ratio = median(turn[name] / turn["limit"] for turn in rounds)
        print(f"{name:<14} {cost:>18.1f} {ratio:>12.2f}x")


@contextmanager
def server(name: str) -> Iterator[tuple[int, int]]:
    """Start a server on the first core and a free port; give its pid and port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = Path(__file__).parent / "servers" / f"{name}.py"
    process = subprocess.Popen(
        ["taskset", "-c", "0", sys.executable, str(script), str(port)], stdout=subprocess.DEVNULL
    )
    try:
        wait_for(port)
        yield process.pid, port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    sys.exit(f"benchmarks: nothing listens on port {port}")


def microseconds(pid: int, port: int, options: argparse.Namespace) -> float:
    """Load a server for one turn; give its CPU time for a request."""
    before = cpu_ticks(pid)
    load = ["taskset", "-c", "1", "wrk", "-t1", f"-c{options.connections}", f"-d{options.seconds}"]
    output = subprocess.run([*load, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True).stdout
    answered = re.search(r"(\d+) requests in", output)
    if answered is None or "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"benchmarks: the load failed:\n{output}")
    return (cpu_ticks(pid) - before) / TICK * 1e6 / int(answered[1])


def cpu_ticks(pid: int) -> int:
    """Give user and system time of a process, all its threads included (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


main()
