"""Count the instructions that a request costs, with valgrind: the same figure every time, however busy the machine is.

`python -m benchmarks.instructions [WORKLOAD ...]` serves two different counts of requests in memory; the difference is
what one more request costs, without the start of the interpreter. asyncio's own loop, no socket, no kernel.
`text text+combined text+json` compares the access log in a format with none.
"""

import os
import re
import shutil
import subprocess
import sys

from benchmarks.in_memory import COUNTED

FEW, MANY = 1000, 3000
"""The first thousand warm up what the interpreter specializes and what the server remembers."""


def main() -> None:
    if shutil.which("valgrind") is None:
        sys.exit("benchmarks: valgrind is not installed (apt-get install valgrind)")
    print("| workload | instructions for a request |")
    print("|---|---:|")
    for workload in sys.argv[1:] or COUNTED:
        print(f"| {workload} | {per_request(workload):,} |", flush=True)


def per_request(workload: str) -> int:
    """Give the instructions for one more request."""
    instructions(workload, 1)  # compiles what is not, so that both runs find it done
    return (instructions(workload, MANY) - instructions(workload, FEW)) // (MANY - FEW)


def instructions(workload: str, requests: int) -> int:
    """Give the instructions of a whole run."""
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
