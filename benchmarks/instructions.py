"""Count the instructions that a request costs a server, with valgrind. The figure does not depend on other programs.

`python -m benchmarks.instructions [--servers NAME ...] [--workloads NAME ...]` sends two different numbers of requests
to each server, over a socket. The difference is the cost of further requests, without the start of the interpreter. It
counts all threads, and nothing of the kernel. With `--check` it fails where a figure of aiosock is 3 % above, or below,
the one in instructions.json for the same interpreter. With `--update` it writes the figures there.

`--servers aiosock aiosock-log aiosock-log-json` compares two formats of the access log with no log.
"""

import argparse
import json
import os
import platform
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from aiosock.wire.compiled import LANGUAGE
from benchmarks.content import write_files
from benchmarks.in_memory import by_name
from benchmarks.one_by_one import send
from benchmarks.outcome import Failure
from benchmarks.process import free_port, started
from benchmarks.servers import SERVERS, Server

COUNTED = ("text", "json", "browser", "api", "echo", "multipart", "close")
"""The workloads, if none is named."""

FEW, MANY = 500, 1500
"""The first requests warm up the interpreter's specialized code and the server's caches."""

END_SECONDS = 120.0
"""Time for a server to end; under valgrind everything takes fifty times as long."""

TOLERANCE = 0.03

FIGURES = Path(__file__).with_name("instructions.json")
"""The figures of aiosock, by the interpreter that ran it."""


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("--servers", nargs="+", default=["aiosock"], metavar="NAME")
    parser.add_argument("--workloads", nargs="+", default=list(COUNTED), metavar="NAME")
    parser.add_argument("--check", action="store_true", help="fail where a figure differs from the one checked in")
    parser.add_argument("--update", action="store_true", help="write the figures of aiosock to instructions.json")
    options = parser.parse_args()
    os.environ["PYTHONHASHSEED"] = "0"  # the order of sets decides some paths
    if shutil.which("valgrind") is None:
        sys.exit("benchmarks: valgrind is not installed (apt-get install valgrind)")
    print(f"Instructions for a request over a socket, {interpreter()}\n")
    print("| |", " | ".join(options.workloads), "|")
    print("|---|" + "---:|" * len(options.workloads))
    own: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as files:
        write_files(Path(files))
        for server in [server for server in SERVERS if server.name in options.servers]:
            if missing := server.missing():
                print(f"| {server.title} | {missing} |")
                continue
            counted = count(server, options.workloads, Path(files))
            own = counted if server.name == "aiosock" else own
    if options.update:
        update(own)
    if options.check:
        check(own)


def interpreter() -> str:
    """Return what decides the figures besides our code, as far as Python knows it: its options of the compiler count, too."""
    version = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{version}, {platform.python_compiler()}, heads read in {LANGUAGE}"


def count(server: Server, workloads: Sequence[str], files: Path) -> dict[str, int]:
    """Print a row with the figures of a server, and return them."""
    print(f"| {server.title} |", end="", flush=True)
    figures: dict[str, int] = {}
    for workload in workloads:
        if workload in server.offers:
            figures[workload] = per_request(server, workload, files)
        print(f" {figures[workload]:,} |" if workload in figures else " |", end="", flush=True)
    print()
    return figures


def per_request(server: Server, workload: str, files: Path) -> int:
    """Return the instructions for one more request."""
    instructions(server, workload, 1, files)  # compiles the modules, so that neither of the next two runs does
    few, many = (instructions(server, workload, requests, files) for requests in (FEW, MANY))
    return (many - few) // (MANY - FEW)


def instructions(server: Server, workload: str, requests: int, files: Path) -> int:
    """Return the instructions of a whole run of a server: its start, the requests, its end."""
    log, port = files / "valgrind.log", free_port()
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--log-file={log}"]
    with started([*tool, *server.arguments(port, files)], port, files) as running:
        running.wait_until_it_accepts()
        send(by_name(workload), port, requests)
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(END_SECONDS)
    collected = re.search(r"Collected : (\d+)", log.read_text())
    if collected is None:
        raise Failure("valgrind has counted nothing")
    return int(collected[1])


def update(figures: dict[str, int]) -> None:
    """Write the figures for this version of Python."""
    known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    known[interpreter()] = known.get(interpreter(), {}) | figures
    FIGURES.write_text(json.dumps(known, indent=2) + "\n")


def check(figures: dict[str, int]) -> None:
    """End the program with an error if a figure is not the one that is checked in."""
    known = json.loads(FIGURES.read_text()).get(interpreter())
    if known is None:
        sys.exit(f"benchmarks: instructions.json has no figures for {interpreter()}")
    wrong = [
        f"{workload}: {figure:,} instead of {known[workload]:,}"
        for workload, figure in figures.items()
        if workload in known and abs(figure - known[workload]) > TOLERANCE * known[workload]
    ]
    if wrong:
        sys.exit("benchmarks: " + "; ".join(wrong))


if __name__ == "__main__":
    main()
