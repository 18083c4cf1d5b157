"""Run the servers side by side and write the cost of a request for each of them: `python -m benchmarks --help`."""

import argparse
import json
import os
import resource
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import content, facts, report
from benchmarks.estimate import estimate_seconds
from benchmarks.install import install
from benchmarks.process import CLIENT_CORE, SERVER_CORE
from benchmarks.rounds import Plan, measure
from benchmarks.servers import SERVERS, Server, is_installed
from benchmarks.startup import measure_start
from benchmarks.targets import Measured
from benchmarks.workloads import WORKLOADS

START = "start"
"""The name of the measurement that is not a workload."""


def main() -> int:
    """Run the comparison and return the exit status, 1 if a server failed."""
    options = parse(sys.argv[1:])
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM)
    )  # exit handlers then end the running servers
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    chosen = [server for server in SERVERS if server.name in options.servers]
    if not options.no_install:
        install(chosen)
    demand_a_machine()
    left_out = {server.name: reason for server in chosen if (reason := server.missing())}
    servers = [server for server in chosen if server.name not in left_out]
    for name, reason in left_out.items():
        print(f"left out: {name}, {reason}")
    plan = Plan(options.rounds, options.seconds, options.connections)
    minutes = estimate_seconds(options.workloads, servers, plan) / 60
    print(f"{len(servers)} servers, {len(options.workloads)} workloads: this takes about {minutes:.0f} minutes\n")
    run = Run(options.output, servers, left_out)
    try:
        run.all(options.workloads, plan)
    except KeyboardInterrupt:
        print(f"\nstopped; the results so far are in {options.output}")
        return 128 + signal.SIGINT
    print(report.targets_table(run.measured))
    print(f"written: {', '.join(sorted(path.name for path in options.output.glob('results.*')))} in {options.output}")
    return 1 if run.failed() else 0


class Run:
    """One run: the results so far, and its files, which are complete after each workload."""

    def __init__(self, output: Path, servers: Sequence[Server], left_out: dict[str, str]) -> None:
        self.output = output
        self.servers = servers
        self.left_out = left_out
        self.measured = Measured({})
        self.facts = facts.gather(servers)
        self.command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])

    def all(self, names: Sequence[str], plan: Plan) -> None:
        """Measure the workloads with these names, in the order of the table."""
        with tempfile.TemporaryDirectory(prefix="benchmarks-") as directory:
            files = Path(directory)
            files.chmod(0o755)  # nginx reads them as another user
            content.write_files(files)
            for workload in WORKLOADS:
                if workload.name in names:
                    offering = [server for server in self.servers if workload.name in server.offers]
                    cells = measure(workload, offering, plan, files)
                    self.measured.results[workload.name] = cells
                    print(f"{workload.name}: {workload.sentence}\n\n{report.workload_table(cells)}", flush=True)
                    self.write()
            if START in names:
                start = measure_start(self.servers, files)
                self.measured = Measured(self.measured.results, start)
                print(f"{START}:\n\n{report.start_table(start)}", flush=True)
                self.write()

    def write(self) -> None:
        """Write the results so far."""
        self.output.mkdir(parents=True, exist_ok=True)
        text = report.document(self.measured, self.facts, self.command, self.left_out)
        (self.output / "results.md").write_text(text)
        raw = {"command": self.command, "facts": self.facts, "left_out": self.left_out, **asdict(self.measured)}
        (self.output / "results.json").write_text(json.dumps(raw, indent=1) + "\n")
        if self.measured.results and is_installed("matplotlib"):
            from benchmarks.plot import draw  # imported here, because everything else works without matplotlib

            draw(self.measured.results, self.output / "results.svg")

    def failed(self) -> bool:
        """Return whether a server failed on a workload."""
        return any(cell.failure is not None for cells in self.measured.results.values() for cell in cells.values())


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    workloads = [*(workload.name for workload in WORKLOADS), START]
    servers = [server.name for server in SERVERS]
    parser.add_argument(
        "--workloads",
        nargs="+",
        choices=workloads,
        default=workloads,
        metavar="NAME",
        help=f"some of {', '.join(workloads)} (default all)",
    )
    parser.add_argument(
        "--servers",
        nargs="+",
        choices=servers,
        default=servers,
        metavar="NAME",
        help=f"some of {', '.join(servers)} (default all)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="turns of each server (default 5)")
    parser.add_argument("--seconds", type=int, default=3, help="length of a turn (default 3)")
    parser.add_argument("--connections", type=int, default=64, help="connections of wrk (default 64)")
    parser.add_argument(
        "--output", type=Path, default=Path("benchmarks/results"), help="directory for results.md, .json and .svg"
    )
    parser.add_argument(
        "--no-install", action="store_true", help="install nothing; leave out servers that are not installed"
    )
    return parser.parse_args(arguments)


def demand_a_machine() -> None:
    """Exit with a line that says what is missing, if nothing can be measured on this machine."""
    if not sys.platform.startswith("linux"):
        sys.exit("benchmarks: CPU time is read from /proc, so this needs Linux")
    if not {SERVER_CORE, CLIENT_CORE} <= os.sched_getaffinity(0):
        sys.exit("benchmarks: the server needs core 0 and the load core 1")
    for program in ("wrk", "taskset"):
        if shutil.which(program) is None:
            sys.exit(f"benchmarks: {program} is not installed")


if __name__ == "__main__":
    sys.exit(main())
