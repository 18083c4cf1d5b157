"""Measure the memory and the speed of each step: `python measure.py` prints a Markdown table. On Linux, about a minute.

Everything runs on 127.0.0.1. Clients and server share the machine, so the rates are only good to compare the steps.
"""

import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from multiprocessing import Pool
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).parent
SILENT = 500
CLIENTS = 8
REQUESTS = 500
"""Requests of each client in each round, each on its own connection; four times as many on a connection that is kept."""
ROUNDS = 6
PATIENCE = 2.0
"""Seconds to wait for a response before the server counts as blocked."""

QUIET = ["--no-access-log", "--loop"]
STEPS = [
    ("1 blocking", "1_blocking", []),
    ("2 threads", "2_threads", []),
    ("3 selectors", "3_selectors", []),
    ("4 streams", "4_streams", []),
    ("5 aiosock on asyncio", "5_aiosock", [*QUIET, "asyncio"]),
    ("5 aiosock on uvloop", "5_aiosock", [*QUIET, "uvloop"]),
]

Address = tuple[str, int]


@contextmanager
def started(name: str, options: list[str]) -> Iterator[tuple[int, Address]]:
    """Start a step on a free port; yield its process id and its address."""
    command = [sys.executable, str(HERE / name / "main.py"), "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            url = urlsplit(process.stdout.readline().split()[-1])
            yield process.pid, (url.hostname or "", url.port or 0)
        finally:
            process.terminate()


def ask(sock: socket.socket, *, keeps_alive: bool = False) -> None:
    """Send one request and read the whole response."""
    sock.sendall(b"GET /hello/you HTTP/1.1\r\nHost: a\r\n%b\r\n" % (b"" if keeps_alive else b"Connection: close\r\n"))
    received = b""
    while not received.endswith(b"Hello, you!\n"):
        if not (piece := sock.recv(65536)):
            raise ConnectionError(f"not an answer: {received!r}")
        received += piece


def is_answered(address: Address) -> bool:
    try:
        with socket.create_connection(address, timeout=PATIENCE) as sock:
            ask(sock)
    except TimeoutError:
        return False
    return True


def held(address: Address, process: int) -> tuple[int, float | None]:
    """Return how many silent clients the server can hold and still answer another, and its memory in bytes for each."""
    before = resident_bytes(process)
    for count in (SILENT, 100, 10, 1):
        with ExitStack() as stack, suppress(TimeoutError):  # the backlog is full, and the server does not accept
            for _ in range(count):
                stack.enter_context(socket.create_connection(address, timeout=PATIENCE))
            if is_answered(address):  # so all clients before it have been accepted
                return count, (resident_bytes(process) - before) / count
    return 0, None


def resident_bytes(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def ask_often(address: Address, keeps_alive: bool) -> None:
    if keeps_alive:
        with socket.create_connection(address, timeout=PATIENCE) as sock:
            for _ in range(4 * REQUESTS):
                ask(sock, keeps_alive=True)
        return
    for _ in range(REQUESTS):
        with socket.create_connection(address, timeout=PATIENCE) as sock:
            ask(sock)


def rate(address: Address, process: int, *, keeps_alive: bool = False) -> str:
    """Return the requests per second, and the processor time that each costs the server.

    Several clients send requests, each in its own process. Both figures are from the best round: other programs on the
    machine can only make a round worse.
    """
    requests = CLIENTS * REQUESTS * (4 if keeps_alive else 1)
    seconds, costs = [], []
    with Pool(CLIENTS) as pool:
        for _ in range(ROUNDS):
            began, spent = time.perf_counter(), cpu_seconds(process)
            pool.starmap(ask_often, [(address, keeps_alive)] * CLIENTS, chunksize=1)
            seconds.append(time.perf_counter() - began)
            costs.append(cpu_seconds(process) - spent)
    return f"{requests / min(seconds):,.0f} ({min(costs) / requests * 1e6:.0f} µs)"


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # in user mode and in the kernel


def main() -> None:
    print(f"{os.cpu_count()} cores, {platform.python_implementation()} {platform.python_version()}\n")
    print(
        f"| Step | Silent clients held, of {SILENT} | Memory for each | Requests/s, one a connection | Requests/s, kept |"
    )
    print("|---|--:|--:|--:|--:|")
    for title, name, options in STEPS:
        if "uvloop" in options and find_spec("uvloop") is None:
            continue
        with started(name, options) as (process, address):
            is_answered(address)
            count, size = held(address, process)
            memory = "-" if size is None else f"{size / 1024:.0f} KiB"
            kept = rate(address, process, keeps_alive=True) if name == "5_aiosock" else "-"
            print(f"| {title} | {count} | {memory} | {rate(address, process)} | {kept} |", flush=True)


if __name__ == "__main__":
    main()
