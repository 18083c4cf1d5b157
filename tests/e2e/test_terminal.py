"""A server that people start in a terminal: what they see, in what order, and what a stranger cannot make them see."""

import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.process import LOOPS, Process, until
from tests.e2e.raw import Raw
from tests.terminals import Terminal, terminal, without_colours

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no ptys")

PROGRAM = """
import json
from aiosock import App, Request

app = App()

@app.get("/")
async def home(request: Request) -> str:
    print("printed")
    return "home\\n"

@app.get("/fails")
async def fails(request: Request) -> str:
    return json.loads("{")
"""


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "program.py").write_text(PROGRAM)
    return tmp_path


def serve_in(shown: Terminal, program: Path, loop: str, listening: socket.socket, *options: str) -> Process:
    """Serve with both standard streams in the terminal."""
    command = [sys.executable, "-m", "aiosock", "program:app", "--loop", loop, *options]
    return Process(
        ["sh", "-c", 'exec "$@" 2>&1', "sh", *command, "--bind", f"fd:{listening.fileno()}"],
        cwd=program,
        env={"TERM": "xterm", "NO_COLOR": "", "FORCE_COLOR": "", "PYTHONPATH": os.pathsep.join(sys.path)},
        pass_fds=[listening.fileno()],
        stdout=shown.stream.fileno(),
    )


def test_requests_and_failures_are_shown_in_order(loop: str, program: Path, listening: socket.socket) -> None:
    with terminal(100) as shown:
        with serve_in(shown, program, loop, listening) as server, Raw(listening.getsockname()) as client:
            for target in ("/", "/fails", "/nowhere", "/"):
                client.get(target)
            until(lambda: shown.shown.count("printed") == 2)
            assert server.stop() == 0
        until(lambda: "draining" in shown.shown)
        colourful, lines = shown.shown, without_colours(shown.shown).splitlines()

    begin = next(number for number, line in enumerate(lines) if line == "printed")
    told = [re.sub(r"^[\d:]{8} ", "", line) for line in lines[begin:]]
    assert re.fullmatch(r"200 GET +[\d.]+ m?s +\d+ B   /", told[1])
    assert told[2] == "error GET /fails failed"
    assert told[3] == "Traceback (most recent call last):"
    assert told[4] == f'  File "{program / "program.py"}", line 14, in fails'
    assert [line.split(":")[0] for line in told if line.startswith("    json")] == [
        "    json/__init__.py",
        "    json/decoder.py",
        "    json/decoder.py",
    ]
    statuses = [line.split()[0] for line in told if re.match(r"\d{3} ", line)]
    assert statuses == ["200", "500", "404", "200"]
    assert told.index("error GET /fails failed") < next(n for n, line in enumerate(told) if line.startswith("500 "))
    assert sum("JSONDecodeError" in line for line in told) == 1
    assert told[-1] == "aiosock: draining; a second signal ends it at once"
    assert "\x1b[32m200\x1b[m" in colourful


def test_a_pipe_has_the_lines_of_machines_in_order_too(loop: str, program: Path, listening: socket.socket) -> None:
    command = [sys.executable, "-m", "aiosock", "program:app", "--loop", loop, "--bind", f"fd:{listening.fileno()}"]
    env = {"PYTHONPATH": os.pathsep.join(sys.path)}
    shell = ["sh", "-c", 'exec "$@" 2>&1', "sh", *command]
    with Process(shell, cwd=program, env=env, pass_fds=[listening.fileno()]) as server:
        with Raw(listening.getsockname()) as client:
            for target in ("/nowhere", "/fails", "/nowhere"):
                client.get(target)
        assert server.stop() == 0

    told = re.findall(r"GET /nowhere|GET /fails HTTP|GET /fails failed|JSONDecodeError:|draining", server.output)
    assert told == [
        "GET /nowhere",
        "GET /fails failed",
        "JSONDecodeError:",
        "GET /fails HTTP",
        "GET /nowhere",
        "draining",
    ]


def test_a_stranger_cannot_control_the_terminal(program: Path, listening: socket.socket) -> None:
    hostile = [b"GET /\x1b[2J HTTP/1.1\r\nHost: a\r\n\r\n", b"\x1b]0;title\x07 / HTTP/1.1\r\nHost: a\r\n\r\n"]
    long = b"GET /%1b[2J" + b"x" * 8000 + b" HTTP/1.1\r\nHost: a\r\nUser-Agent: \x1b[2J\r\n\r\n"
    with terminal(20) as shown:
        with serve_in(shown, program, "asyncio", listening, "--log-level", "debug") as server:
            for data in [*hostile, long]:
                with socket.create_connection(listening.getsockname()) as client:
                    client.sendall(data)
                    assert client.recv(100).startswith(b"HTTP/1.1 4")
            assert server.stop() == 0
        until(lambda: "draining" in shown.shown)
        assert set(re.findall(r"\x1b[^m]*m", shown.shown)) == set(re.findall(r"\x1b\[[\d;]*m", shown.shown))
        assert "\x07" not in shown.shown


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_terminal_that_nobody_reads_does_not_stop_it(
    loop: str, program: Path, listening: socket.socket, is_closed: bool
) -> None:
    with (
        terminal() as shown,
        serve_in(shown, program, loop, listening) as server,
        Raw(listening.getsockname()) as client,
    ):
        until(lambda: "Ctrl-C" in shown.shown)
        if is_closed:
            shown.hang_up()
        for _ in range(200):
            assert client.get("/nowhere").status == 404
        assert server.stop() == 0


def test_a_module_that_fails_begins_at_its_own_line(program: Path) -> None:
    (program / "wrong.py").write_text("import program\nimport a_module_that_is_not_there\n")
    with terminal() as shown:
        command = ["sh", "-c", 'exec "$@" 2>&1', "sh", sys.executable, "-m", "aiosock", "wrong:app"]
        with Process(
            command, cwd=program, env={"PYTHONPATH": os.pathsep.join(sys.path)}, stdout=shown.stream.fileno()
        ) as server:
            assert server.wait() == 1
        lines = without_colours(shown.shown).splitlines()

    assert lines == [
        "Traceback (most recent call last):",
        f'  File "{program / "wrong.py"}", line 2, in <module>',
        "    import a_module_that_is_not_there",
        "ModuleNotFoundError: No module named 'a_module_that_is_not_there'",
    ]
