"""A program that is served with `--reload`, in a directory of its own."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tests.e2e.process import ROOT, Served, until
from tests.e2e.raw import Answer, Incomplete, Raw

PROGRAM = """
import asyncio, os, time
from pathlib import Path
from aiosock import App, Event, EventStream, Request, Response
from aiosock.cli import main

app = App()
VERSION = 100

@app.lifespan
async def lifespan(app):
    yield
    print("closed", VERSION, flush=True)

@app.get("/")
async def home(request: Request) -> str:
    return f"{VERSION}"

@app.get("/pid")
async def pid(request: Request) -> str:
    return f"{os.getpid()}"

@app.get("/slow")
async def slow(request: Request) -> str:
    print("slow", flush=True)
    while not Path("go").exists():
        await asyncio.sleep(0.01)
    return f"{VERSION}"

@app.get("/blocking")
async def blocking(request: Request) -> str:
    print("blocking", flush=True)
    while True:
        time.sleep(1)

@app.get("/events")
async def events(request: Request) -> EventStream:
    async def endless():
        yield "one"
        await asyncio.sleep(3600)
    return EventStream(request, endless())

@app.get("/crash")
async def crash(request: Request) -> str:
    os._exit(7)

if __name__ == "__main__":
    main(app)
"""


class Reloaded(Served):
    """A process of a program in a directory; `save` changes it."""

    complains = True

    def __init__(
        self,
        home: Path,
        command: Sequence[str] = ("program.py",),
        *options: str,
        program: str = PROGRAM,
        pass_fds: Sequence[int] = (),
        **env: str,
    ) -> None:
        self.home = home
        self.program = home / "program.py"
        self.write(program)
        arguments = [sys.executable, *command, "--reload", *(options or ("--port", "0"))]
        super().__init__(arguments, cwd=home, env={"PYTHONPATH": str(ROOT)} | env, pass_fds=pass_fds, new_session=True)

    def _started(self) -> list[str]:
        urls = super()._started()
        self.await_errors("restarts when a file below")
        return urls

    def write(self, text: str) -> None:
        """Write the program, as most editors do: a new file takes the place of the old one."""
        (self.home / "program.py.new").write_text(text)
        os.replace(self.home / "program.py.new", self.program)

    def change(self, old: str, new: str) -> None:
        """Replace a text in the program."""
        text = self.program.read_text()
        assert old in text
        self.write(text.replace(old, new))

    def save(self, version: int) -> None:
        """Write another version, of the same size."""
        self.write(PROGRAM.replace("VERSION = 100", f"VERSION = {version}"))

    def interrupt(self) -> None:
        """Press Ctrl-C: a terminal sends the signal to every process of the group."""
        os.killpg(self.popen.pid, signal.SIGINT)

    def ask(self, target: str = "/", *fields: str) -> Answer:
        """Ask on a new connection."""
        with Raw(self.address) as raw:
            return raw.get(target, *fields)

    def await_answer(self, fits: Callable[[Answer], bool], target: str = "/", *fields: str) -> Answer:
        """Ask until an answer fits."""
        answers: list[Answer] = []

        def asked() -> bool:
            answers.append(self.ask(target, *fields))
            return fits(answers[-1])

        until(asked)
        return answers[-1]

    def await_version(self, version: int) -> None:
        """Ask until the new code answers."""
        self.await_answer(lambda answer: answer.body == b"%d" % version)


def is_alive(pid: int) -> bool:
    """Return whether a process is there that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


def children(pid: int) -> list[str]:
    """Return the state of each child of a process, such as S, or Z for one that nobody has waited for."""
    states = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent, *_ = path.read_text().rpartition(") ")[2].split()
            if int(parent) == pid:
                states.append(state)
    return states


class Caller:
    """A client that asks without a pause, on a connection that it keeps as long as it may. It never forgives a failure."""

    def __init__(self, address: tuple[str, int], *, keeps: bool) -> None:
        self._address = address
        self._keeps = keeps
        self._is_told_to_stop = False
        self.versions: list[int] = []
        self.failures: list[str] = []

    def __call__(self) -> None:
        """Ask until `stop` is called."""
        while not self._is_told_to_stop:
            try:
                with Raw(self._address) as raw:
                    while self._ask(raw):
                        pass
            except (OSError, Incomplete) as error:
                self.failures.append(repr(error))

    def stop(self) -> None:
        self._is_told_to_stop = True

    def _ask(self, raw: Raw) -> bool:
        """Ask once; return whether to go on with the connection."""
        answer = raw.get("/", *(() if self._keeps else ("Connection: close",)))
        if answer.status != 200:
            self.failures.append(f"{answer.status} {answer.body!r}")
        else:
            self.versions.append(int(answer.body))
        return not answer.closes and not self._is_told_to_stop
