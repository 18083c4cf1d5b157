"""Count the instructions that a request costs, with valgrind. The figure does not depend on the load of the machine.

`python -m benchmarks.instructions [WORKLOAD ...]` serves two different numbers of requests in memory. The difference is
the cost of further requests, without the start of the interpreter. It uses asyncio's own loop, no socket and no kernel.
`text text+combined text+json` compares two formats of the access log with no log.
"""

import os
import re
import shutil
import subprocess
import sys

from benchmarks.in_memory import COUNTED

FEW, MANY = 1000, 3000
"""The first thousand requests warm up the interpreter's specialized code and the server's caches."""


def main() -> None:
    if shutil.which("valgrind") is None:
        sys.exit("benchmarks: valgrind is not installed (apt-get install valgrind)")
    print("| workload | instructions for a request |")
    print("|---|---:|")
    for workload in sys.argv[1:] or COUNTED:
        print(f"| {workload} | {per_request(workload):,} |", flush=True)


def per_request(workload: str) -> int:
    """Return the instructions for one more request."""
    instructions(workload, 1)  # compiles the modules, so that neither of the next two runs does
    return (instructions(workload, MANY) - instructions(workload, FEW)) // (MANY - FEW)


def instructions(workload: str, requests: int) -> int:
    """Return the instructions of a whole run."""
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command = [*tool, sys.executable, "-m", "benchmarks.in_memory", workload, str(requests)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or collected is None:
        sys.exit(f"benchmarks: {done.stderr[-500:]}")
    return int(collected[1])


if __name__ == "__main__":
    main()
