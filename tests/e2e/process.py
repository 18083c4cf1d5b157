"""A server as people run it: a process with options, signals and standard streams."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import urlsplit

import pytest

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
"""The directory of `run.py`."""

LOOPS = [
    "asyncio",
    pytest.param("uvloop", marks=pytest.mark.skipif(find_spec("uvloop") is None, reason="uvloop is not installed")),
]

RUN = [sys.executable, "run.py"]

_STARTED = re.compile(r"^(?:aiosock \S+ on| +and) (\S+)$", re.MULTILINE)


class Output:
    """The output of a process on a stream, as far as it has come."""

    def __init__(self, stream: IO[str]) -> None:
        self._text = ""
        self._ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._reader.start()

    def __str__(self) -> str:
        with self._changed:
            return self._text

    def wait_for(self, wanted: str | Callable[[str], object]) -> bool:
        """Wait until the output contains a text, or a predicate is true for it; return whether that happened."""
        fits = wanted if callable(wanted) else lambda text: wanted in text
        with self._changed:
            self._changed.wait_for(lambda: self._ended or fits(self._text), PATIENCE)
            return bool(fits(self._text))

    def whole(self) -> str:
        """Return the whole output, after the process has closed the stream."""
        self._reader.join(PATIENCE)
        return str(self)

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._append(line)
        self._append("", ended=True)

    def _append(self, text: str, *, ended: bool = False) -> None:
        with self._changed:
            self._text += text
            self._ended = ended
            self._changed.notify_all()


class Process:
    """A process whose output is collected. As a context manager it ends the process with the block."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path = ROOT,
        env: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        stdout: int | None = None,
        new_session: bool = False,
    ) -> None:
        """Start it; `env` is added to our environment. If `stdout` is a descriptor, that output is not collected.

        With `new_session`, it leads a group of its own, which a signal can be sent to, as a terminal does.
        """
        self.popen = subprocess.Popen(
            command,
            cwd=cwd,
            env={**environment(), **(env or {})},
            pass_fds=pass_fds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=new_session,
        )
        assert self.popen.stderr is not None
        self.stderr = Output(self.popen.stderr)
        self.stdout = Output(self.popen.stdout) if self.popen.stdout is not None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self.popen.poll() is None:
                self.popen.terminate()
                self.popen.wait(PATIENCE)
        finally:
            self.popen.kill()  # has no effect on a process that has been waited for
            self.popen.wait()
            self._close()

    def _close(self) -> None:
        self.stderr.whole()
        if self.stdout is not None:
            self.stdout.whole()

    @property
    def output(self) -> str:
        """The standard output so far."""
        return str(self.stdout)

    @property
    def errors(self) -> str:
        """The standard error so far."""
        return str(self.stderr)

    def await_output(self, wanted: str | Callable[[str], object]) -> str:
        """Wait until this is on standard output."""
        assert self.stdout is not None
        if not self.stdout.wait_for(wanted):
            pytest.fail(self.told("did not print what was waited for"))
        return self.output

    def await_errors(self, wanted: str | Callable[[str], object]) -> str:
        """Wait until this is on standard error."""
        if not self.stderr.wait_for(wanted):
            pytest.fail(self.told("did not print what was waited for"))
        return self.errors

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.popen.send_signal(number)

    def wait(self) -> int:
        """Wait for its end and for all of its output; return its exit status."""
        try:
            status = self.popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            pytest.fail(self.told("did not end"))
        self._close()
        return status

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, return the exit status."""
        self.send(number)
        return self.wait()

    def told(self, problem: str) -> str:
        """Return a message about a failure, with the whole output of the process."""
        return (
            f"{self.popen.args!r} {problem}; exit status {self.popen.poll()}\n"
            f"--- standard output\n{self.output}\n--- standard error\n{self.errors}"
        )


class Served(Process):
    """A process that serves and prints its addresses; `urls` are known as soon as it accepts connections.

    A traceback on its standard error fails the test, unless `complains` is set.
    """

    complains: bool = False

    def __enter__(self) -> Self:
        try:
            self.urls = self._started()
        except BaseException:
            super().__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if error is None and not self.complains and "Traceback" in self.errors:
            pytest.fail(self.told("wrote a traceback"))

    def _started(self) -> list[str]:
        self.await_output("Ctrl-C stops\n")
        return _STARTED.findall(self.output)

    @property
    def url(self) -> str:
        """The first URL of the server."""
        return self.urls[0]

    @property
    def address(self) -> tuple[str, int]:
        """Its address for a socket."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port


def serve_site(loop: str, *options: str, port: int | None = 0, env: Mapping[str, str] | None = None) -> Served:
    """Serve the demo site; with `port` None, the options name the address."""
    return Served([*RUN, "--loop", loop, *(() if port is None else ("--port", str(port))), *options], env=env)


def serve_example(name: str) -> Served:
    """Serve the app of an example, on a free port."""
    program = "import runpy, sys; from aiosock.cli import main; main(runpy.run_path(sys.argv.pop(1))['app'])"
    return Served([sys.executable, "-c", program, str(ROOT / "examples" / f"{name}.py"), "--port", "0"])


def serve_module(name: str) -> Served:
    """Serve `module:app` of this project, on a free port."""
    return Served([sys.executable, "-m", "aiosock", name, "--port", "0"])


def serve_program(path: Path, loop: str, *options: str, complains: bool = False) -> Served:
    """Serve a program that ends in `main(app)`, from its own directory."""
    served = Served([sys.executable, str(path), "--port", "0", "--loop", loop, *options], cwd=path.parent)
    served.complains = complains
    return served


def environment() -> dict[str, str]:
    """Return our environment without options of the server, and with its watchdog off.

    On a busy machine the watchdog rightly logs that the loop was blocked. Most tests want standard error empty.
    """
    ours = {name: value for name, value in os.environ.items() if not name.startswith("AIOSOCK_")}
    return {**ours, "AIOSOCK_TIMEOUTS_BLOCKED_SECONDS": "0"}


def run_to_its_end(
    command: Sequence[str], *, cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Run a command that ends by itself; return exit status, standard output and standard error."""
    with Process(command, cwd=cwd, env=env) as process:
        status = process.wait()
        return status, process.output, process.errors


@contextmanager
def threads(*targets: Callable[[], object]) -> Iterator[None]:
    """Run functions in threads during a block, and wait for all of them at its end."""
    started = [threading.Thread(target=target) for target in targets]
    for thread in started:
        thread.start()
    try:
        yield
    finally:
        for thread in started:
            thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in started)


def until(condition: Callable[[], bool]) -> None:
    """Check a condition repeatedly until it is true; fail if it is not true in time."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "the condition was never met"
