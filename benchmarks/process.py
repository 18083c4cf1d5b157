"""A server as a process: started on its core, accounted for with all its children, and surely ended (proc(5))."""

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

START_SECONDS = 20.0
"""For a server to listen."""
STOP_SECONDS = 5.0
"""For a server to end when it is asked to."""

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

ROOT = Path(__file__).parents[1]
"""Where `benchmarks` can be imported from."""


def on_core(core: int, command: Sequence[str]) -> list[str]:
    """Give the command that runs another one, and all its children, on one core."""
    return ["taskset", "-c", str(core), *command]


class Running:
    """A server that runs, with its descendants."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: IO[bytes]) -> None:
        self.process = process
        self.port = port
        self._log = log

    def cpu_seconds(self) -> float:
        """Give the CPU time used so far: user and system, every thread, every child, living or waited for."""
        # proc(5): fields 14 to 17 are utime, stime, cutime and cstime.
        ticks = sum(int(field) for pid in processes(self.process.pid) for field in stat_fields(pid)[11:15])
        return ticks / TICKS_PER_SECOND

    def resident_bytes(self) -> int:
        """Give the resident memory; what processes share counts for each of them."""
        return sum(int(field) for pid in processes(self.process.pid) for field in stat_fields(pid)[21:22]) * PAGE_BYTES

    def last_words(self) -> str:
        """Give the last line that the server wrote."""
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"

    def pause(self) -> None:
        """Stop every process of the server, so that it takes nothing from the one whose turn it is."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def wait_until_it_accepts(self) -> None:
        """Return once a connection is accepted; raise Failure where the server ends or takes too long."""
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
    """Run a server; leaving the block ends it and whatever it has started. Raises Failure where it cannot run."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            on_core(SERVER_CORE, command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env=environment() | {"BENCHMARK_FILES": str(files)},
            start_new_session=True,  # a process group of its own: a Ctrl-C is ours to handle, and its end is complete
        )
        try:
            yield Running(process, port, log)
        finally:
            end(process)


def environment() -> dict[str, str]:
    """Give the environment for servers: with compiled modules, as an installed package has them, whatever ours says."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def end(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
    """End a process with its group: asked first, then killed."""
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
    """Give a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := stat_fields(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for parent in found:
        found.extend(children.get(parent, ()))
    return [pid for pid in found if stat_fields(pid)]


def stat_fields(pid: int) -> list[str]:
    """Give /proc/PID/stat from the third field, the state, on; nothing for a process that is gone."""
    try:
        # The second field is the name in brackets, which may hold spaces and brackets.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def free_port() -> int:
    """Give a TCP port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
