"""Measure start times: of `import aiosock`, and of each server from its command line to its first response."""

import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.content import TEXT
from benchmarks.outcome import Failure, Start
from benchmarks.process import ROOT, SERVER_CORE, START_SECONDS, environment, free_port, on_core, started
from benchmarks.servers import Server

IMPORTS = 15
STARTS = 5
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def measure_start(servers: Sequence[Server], files: Path) -> Start:
    """Measure in interleaved rounds. The first round, which fills the caches, does not count."""
    imports = [interpreter("import aiosock") - interpreter("pass") for _ in range(IMPORTS + 1)]
    answers: dict[str, list[float]] = {server.name: [] for server in servers}
    for _ in range(STARTS + 1):
        for server in servers:
            try:
                answers[server.name].append(first_answer(server, files))
            except Failure as failure:
                print(f"FAILED: {server.title} on start: {failure}", flush=True)
    return Start(imports[1:], {name: seconds[1:] for name, seconds in answers.items() if seconds[1:]})


def interpreter(code: str) -> float:
    """Return the seconds that an interpreter takes to run some code and end."""
    command = on_core(SERVER_CORE, [sys.executable, "-c", code])
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environment(), check=True)
    return time.perf_counter() - began


def first_answer(server: Server, files: Path) -> float:
    """Return the seconds from the start of a server to its first response; raise Failure if there is none."""
    port = free_port()
    arguments = server.arguments(port, files)
    began = time.perf_counter()
    with started(arguments, port, files) as running:
        running.wait_until_it_accepts()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=START_SECONDS) as connection:
                connection.sendall(REQUEST)
                answer = b""
                while TEXT.encode() not in answer:
                    piece = connection.recv(65536)
                    if not piece:
                        raise Failure(f"the first answer is {answer[:80]!r}")
                    answer += piece
        except OSError as error:
            raise Failure(f"no first answer: {error}") from None
        return time.perf_counter() - began
