"""Runs commands as a reader types them, in a directory of their own, against the server of the page."""

import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Block
from tests.docs.stages import Stage
from tests.e2e.process import Process, Served
from tests.patience import PATIENCE

STARTED = "Ctrl-C stops\n"

CLIENTS = re.compile(r"\b(curl|aiosock check)\b")
"""Commands that send requests to the server of the page; any other command with a port is a server itself."""

SAME = [
    (re.compile(r"\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\b"), "DATE"),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d\b"), "TIME"),
    (re.compile(r'(?<=^ETag: ")[0-9a-f-]+(?=")', re.MULTILINE), "TAG"),
    (re.compile(r"^(uvloop [\d.]+|asyncio), \w+ [\d.]+, heads read in \w+(?=; Ctrl-C stops$)", re.MULTILINE), "LOOP"),
    (re.compile(r"^aiosock [\d.]+(?= on )", re.MULTILINE), "AIOSOCK"),
    (re.compile(r"(?<= passed in )[\d.]+s(?: \([\d:]+\))?"), "SECONDS"),  # from a minute on, also as 0:01:45
    (re.compile(r"[ \t\r]+$", re.MULTILINE), ""),
]
"""Patterns of text that may differ between two runs, and the text that replaces each."""


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Return the commands of a block, each with the output shown below it; those of `sh` have none."""
    text = block.text.replace("\\\n", "")
    if block.language == "sh":
        yield from ((line, "") for line in text.splitlines() if line.partition("#")[0].strip())
        return
    for command in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, output = command.partition("\n")
        yield line, output


def looks_like(shown: str) -> re.Pattern[str]:
    """Return the pattern of an output: `...` alone in a line matches any lines, and within a line the rest of it."""
    lines = [r"(?:.*\n)*?" if line == "..." else f"{_escaped(line)}\n" for line in normal(shown).splitlines()]
    return re.compile("".join(lines))


def _escaped(line: str) -> str:
    return ".*".join(map(re.escape, line.split("...")))


def normal(output: str) -> str:
    """Return an output without text that may differ and without empty lines at its end; a last line keeps its end."""
    for pattern, stand_in in SAME:
        output = pattern.sub(stand_in, output)
    return output.strip("\n") + "\n" if output.strip("\n") else ""


class Shell:
    """Runs the commands of one page. It is a context manager that ends the server."""

    def __init__(self, stage: Stage, home: Path) -> None:
        self._stage = stage
        self._home = home
        self._stack = ExitStack()
        self._server: Served | None = None
        self._served: list[tuple[Path, int]] = []
        tools = home / ".tools"
        tools.mkdir()
        for name, command in {"python": sys.executable, "aiosock": f"{sys.executable} -m aiosock"}.items():
            (tools / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
            (tools / name).chmod(0o755)
        self._environment = {
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(home),
            "AIOSOCK_PORT": "0",
            "CURL_HOME": str(home),
        }
        (home / ".curlrc").write_text(f'silent\nshow-error\nnoproxy = "*"\nmax-time = {PATIENCE}\n')
        for name in stage.files:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, home / name)
            else:
                shutil.copy(ROOT / name, home)
        if stage.prepare:
            self._run(stage.prepare)

    def close(self) -> None:
        """End the server of the page."""
        self._stack.close()

    def run(self, block: Block) -> None:
        """Run the commands of a block; fail if a command fails, or if its output is not the one shown."""
        for command, shown in commands(block):
            output = self._run(self._here(command))
            if block.language == "console" and not looks_like(shown).fullmatch(normal(output)):
                pytest.fail(f"{block.place}: {command}\n--- shown\n{shown}--- got\n{output}", pytrace=False)

    def _run(self, command: str) -> str:
        """Run a command until it ends, or until it serves; return its standard output."""
        with Process(["bash", "-c", f"set -o pipefail; {command}"], cwd=self._home, env=self._environment) as process:
            assert process.stdout is not None
            if process.stdout.wait_for(STARTED):
                output = process.output
                process.stop()
                return re.sub(r"(?<=:)\d{4,5}\b", "8080", output)
            status = process.wait()
            if status != 0:
                pytest.fail(process.told(f"({command})"), pytrace=False)
            return process.output.replace(str(self._port), "8080") if self._server else process.output

    @property
    def _port(self) -> int:
        assert self._server is not None
        return self._server.address[1]

    def _here(self, command: str) -> str:
        """Return the command with the ports, addresses and directories of this run."""
        if CLIENTS.search(command) and self._stage.serve:
            self._serve()
            return command.replace("8080", str(self._port))
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        return command.replace("8080", str(port)).replace("0.0.0.0", "127.0.0.1").replace("/run/", f"{self._home}/")

    def _serve(self) -> None:
        """Start the page's server; start it again if its files have changed."""
        files = sorted((path, path.stat().st_mtime_ns) for path in self._home.glob("*.py"))
        if self._server is not None and files == self._served:
            return
        self._stack.close()
        command = [sys.executable, *self._stage.serve, "--port", "0"]
        server = Served(command, cwd=self._home, env={**self._environment, "AIOSOCK_PORT": ""})
        server.complains = self._stage.complains
        self._server, self._served = self._stack.enter_context(server), files
