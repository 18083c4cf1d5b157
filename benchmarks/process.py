"""Run a server as a process on its own core, measure it with all its children (proc(5)), and always end it."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from benchmarks.outcome import Failure

SERVER_CORE = 0
CLIENT_CORE = 1

START_SECONDS = 60.0
"""Time for a server to listen."""
STOP_SECONDS = 5.0
"""Time for a server to end after SIGTERM."""

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

ROOT = Path(__file__).parents[1]
"""The directory from which `benchmarks` can be imported."""


def on_core(core: int, command: Sequence[str]) -> list[str]:
    """Return the command that runs another command, with all its children, on one core."""
    return ["taskset", "-c", str(core), *command]


class Running:
    """A running server, with all its child processes."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: IO[bytes]) -> None:
        self.process = process
        self.port = port
        self._log = log

    def cpu_seconds(self) -> float:
        """Return the CPU time used so far: user and system, of all threads and of all children, running or ended."""
        # proc(5): fields 14 to 17 are utime, stime, cutime and cstime.
        ticks = sum(int(field) for pid in processes(self.process.pid) for field in stat_fields(pid)[11:15])
        return ticks / TICKS_PER_SECOND

    def resident_bytes(self) -> int:
        """Return the resident memory. Memory that processes share counts for each of them."""
        return sum(int(field) for pid in processes(self.process.pid) for field in stat_fields(pid)[21:22]) * PAGE_BYTES

    def last_words(self) -> str:
        """Return the last line that the server wrote."""
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"

    def pause(self) -> None:
        """Pause every process of the server, so that it takes no CPU time from the server whose turn it is."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Resume a paused server."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def wait_until_it_accepts(self) -> None:
        """Wait until the server accepts a connection; raise Failure if it ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Failure(f"ended with status {self.process.returncode}: {self.last_words()}")
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            time.sleep(0.002)
        raise Failure(f"does not listen after {START_SECONDS:.0f} s: {self.last_words()}")


@contextmanager
def started(command: Sequence[str], port: int, files: Path) -> Iterator[Running]:
    """Run a server. The end of the block ends it with all its children. Raises Failure if it cannot run."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            on_core(SERVER_CORE, command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env=environment() | {"BENCHMARK_FILES": str(files)},
            start_new_session=True,  # its own process group: Ctrl-C comes to us alone, and we can end all of it
        )
        try:
            yield Running(process, port, log)
        finally:
            end(process)


def environment() -> dict[str, str]:
    """Return the environment of a server, in which Python may write compiled modules, as for an installed package."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def end(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
    """End a process and its group: with SIGTERM first, then with SIGKILL."""
    try:
        process.send_signal(signal.SIGTERM)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGCONT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def processes(pid: int) -> list[int]:
    """Return the ids of a process and of all its child processes."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := stat_fields(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for parent in found:
        found.extend(children.get(parent, ()))
    return [pid for pid in found if stat_fields(pid)]


def stat_fields(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third one, the state; an empty list if the process has ended."""
    try:
        # The second field is the name in brackets, which may contain spaces and brackets.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def free_port() -> int:
    """Return a free TCP port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
