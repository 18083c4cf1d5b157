"""Measure how long a restart takes, from saving the file to the first response of the new code: `python -m tests.dev.measure`.

Beside it, on the same machine: the start of Python, with the import of aiosock; and a whole start of the same program, from
the command to its first response.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.dev.reloading import PROGRAM, Reloaded
from tests.e2e.process import Served
from tests.e2e.raw import Raw

TIMES = 20


def main() -> None:
    """Print the fastest time, the median and the slowest."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        rows: list[tuple[str, Callable[[], float]]] = [
            ("python -c pass", lambda: timed("-c", "pass")),
            ("python -c 'import aiosock.cli'", lambda: timed("-c", "import aiosock.cli")),
            ("start to first response", lambda: start(home)),
        ]
        for what, measure in rows:
            report(what, [measure() for _ in range(TIMES)])
        with Reloaded(home, ("program.py",), "--port", "0", "--no-access-log") as served:
            report("save to first response", [save(served, 200 + number) for number in range(TIMES)])


def timed(*arguments: str) -> float:
    """Return the seconds that Python takes for a command."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True)
    return time.perf_counter() - began


def start(home: Path) -> float:
    """Return the seconds from starting the program to its first response."""
    (home / "program.py").write_text(PROGRAM)
    began = time.perf_counter()
    with Served([sys.executable, "program.py", "--port", "0"], cwd=home) as served, Raw(served.address) as raw:
        raw.get()
        return time.perf_counter() - began


def save(served: Reloaded, version: int) -> float:
    """Return the seconds from saving the program to the first response that has the new version."""
    served.save(version)
    began = time.perf_counter()
    while served.ask().body != b"%d" % version:
        time.sleep(0.001)  # the old code may answer until the change is seen
    return time.perf_counter() - began


def report(what: str, seconds: list[float]) -> None:
    """Print a row."""
    fastest, median, slowest = min(seconds), statistics.median(seconds), max(seconds)
    line = f"{what:32} fastest {fastest:.3f} s, median {median:.3f} s, slowest {slowest:.3f} s"
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
