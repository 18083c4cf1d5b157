"""SIGTERM and SIGINT: no accepted request is lost, and the exit status says how the server ended."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.e2e.curl import curl_command
from tests.e2e.process import LOOPS, Process, serve_program, serve_site, threads, until
from tests.e2e.raw import Incomplete, Raw
from tests.patience import PATIENCE

pytestmark = [
    pytest.mark.costly,
    pytest.mark.parametrize("loop", LOOPS),
    pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's"),
]

SIGNALS = [signal.SIGTERM, signal.SIGINT]

A_LAST_REQUEST = ("--timeouts.drain-idle-seconds", str(PATIENCE))
"""Time for every client that asks without a pause to send its last request. The default is short for a busy machine."""

DRAINING = "aiosock: draining; a second signal ends it at once\n"

PROGRAM = """
import asyncio, threading, time
from concurrent.futures import ThreadPoolExecutor
from aiosock import App
from aiosock.cli import main
from aiosock.web.few_threads import in_few_threads

app = App()
pool = ThreadPoolExecutor()

@app.lifespan
async def lifespan(app):
    print("opened", flush=True)
    yield
    print("closed", flush=True)

@app.get("/hang")
async def hang(request):
    print("hanging", flush=True)
    await asyncio.sleep(3600)

@app.get("/stubborn")
async def stubborn(request):
    print("hanging", flush=True)
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

@app.get("/thread")
async def thread(request):
    print("hanging", flush=True)
    await asyncio.to_thread(time.sleep, 3600)

@app.get("/few-threads")
async def few_threads(request):
    print("hanging", flush=True)
    await in_few_threads(time.sleep, 3600)

@app.get("/own-thread")
async def own_thread(request):
    threading.Thread(target=time.sleep, args=(3600,)).start()
    print("hanging", flush=True)

@app.get("/own-pool")
async def own_pool(request):
    pool.submit(time.sleep, 3600)
    print("hanging", flush=True)

@app.get("/after")
async def after(request):
    async def work():
        print("hanging", flush=True)
        await request.shutdown.wait()
        print("done afterwards", flush=True)
    request.after(work)
    return "answered\\n"

@app.get("/after-thread")
async def after_thread(request):
    request.after(time.sleep, 3600)
    print("hanging", flush=True)

@app.get("/wait")
async def wait(request):
    print("hanging", flush=True)
    await request.shutdown.wait()
    return "told\\n"

main(app)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


class Load:
    """Clients that send requests without a pause until nobody listens, and record each request without an answer.

    A request counts as lost if its connection was made, the whole of it was sent, no earlier answer had
    `Connection: close`, and no complete answer came. The first request of a connection is counted separately.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._changed = threading.Condition()
        self.answered = 0
        self.lost: list[str] = []
        self.lost_when_new: list[str] = []

    def keep_alive(self) -> None:
        """Send requests on one connection until it closes, then on the next."""
        self._ask_until_refused(b"GET /hello/load HTTP/1.1\r\nHost: a\r\n\r\n")

    def connect_each_time(self) -> None:
        """Open a connection for each request."""
        self._ask_until_refused(b"GET /hello/load HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    def upload(self) -> None:
        """Send bodies in two pieces."""
        self._ask_until_refused(b"PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc", b"def")

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Run clients of each kind during a block, and until all of them have been refused."""
        with threads(*[self.keep_alive] * 4, *[self.connect_each_time] * 3, self.upload):
            yield

    def wait_for(self, answers: int) -> None:
        """Wait until that many requests have been answered."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.answered >= answers, PATIENCE)

    def _ask_until_refused(self, *pieces: bytes) -> None:
        while (client := self._connect()) is not None:
            with client:
                lost = self.lost_when_new
                while self._ask(client, pieces, lost):
                    lost = self.lost

    def _connect(self) -> Raw | None:
        try:
            return Raw(self._address)
        except ConnectionError:
            return None

    def _ask(self, client: Raw, pieces: tuple[bytes, ...], lost: list[str]) -> bool:
        """Send a request and wait for the answer; return whether another request can follow."""
        try:
            for piece in pieces:
                client.send(piece)
            answer = client.answer()
        except (OSError, Incomplete) as error:
            with self._changed:
                lost.append(f"{pieces[0]!r} after {self.answered} answers: {error.__cause__ or error!r}")
            return False
        assert answer.status == 200
        with self._changed:
            self.answered += 1
            self._changed.notify_all()
        return not answer.closes


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_under_load_loses_no_request(loop: str, number: signal.Signals) -> None:
    with serve_site(loop, "--no-access-log", *A_LAST_REQUEST) as server:
        load = Load(server.address)
        with load.applied():
            load.wait_for(answers=300)
            server.send(number)
        assert server.wait() == 0

    assert load.lost == []
    assert server.errors == DRAINING


def test_a_signal_under_load_loses_no_request_of_a_new_connection(loop: str) -> None:
    with serve_site(loop, "--no-access-log", *A_LAST_REQUEST) as server:
        load = Load(server.address)
        with threads(*[load.connect_each_time] * 8):
            load.wait_for(answers=300)
            server.send(signal.SIGTERM)
        assert server.wait() == 0

    assert load.lost_when_new == []


@pytest.mark.parametrize("number", SIGNALS)
def test_an_idle_server_ends_with_0(loop: str, number: signal.Signals) -> None:
    with serve_site(loop) as server:
        assert server.stop(number) == 0

    assert server.errors == DRAINING


def test_an_idle_connection_may_send_one_last_request(loop: str) -> None:
    with serve_site(loop, *A_LAST_REQUEST) as server, Raw(server.address) as client:
        assert not client.get().closes

        server.send(signal.SIGTERM)
        server.await_errors(DRAINING)
        last = client.get("/hello/last")

        assert last.body == b"Hello, last!\n"
        assert last.closes
        assert client.rest() == b""
        client.close()
        assert server.wait() == 0


def test_an_idle_connection_does_not_hold_up_the_end(loop: str) -> None:
    with serve_site(loop) as server, Raw(server.address) as client:
        client.get()

        assert server.stop() == 0
        assert client.rest() == b""


def test_a_body_under_way_is_taken_whole(loop: str) -> None:
    with serve_site(loop) as server, Raw(server.address) as client:
        client.send(b"PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n")
        assert client.answer().status == 100
        client.send(b"abc")

        server.send(signal.SIGTERM)
        server.await_errors(DRAINING)
        client.send(b"def")
        answer = client.answer()

        assert answer.status == 200
        assert b'"bytes":6' in answer.body
        assert answer.closes
        client.close()
        assert server.wait() == 0


def test_a_pipeline_that_has_arrived_is_answered_up_to_the_first_close(loop: str, program: Path) -> None:
    with serve_program(program, loop) as server, Raw(server.address) as client:
        client.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\nGET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        server.await_output("hanging\n")

        server.send(signal.SIGTERM)
        answer = client.answer()

        assert answer.body == b"told\n"
        assert answer.closes
        assert client.rest() == b""
        client.close()
        assert server.wait() == 0


def test_nobody_can_connect_while_the_server_drains(loop: str, program: Path) -> None:
    with serve_program(program, loop) as server, Raw(server.address) as client:
        client.send(b"GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")
        server.await_output("hanging\n")
        server.send(signal.SIGTERM)
        server.await_errors(DRAINING)

        def is_refused() -> bool:
            try:
                with Raw(server.address):
                    return False
            except ConnectionRefusedError:
                return True

        until(is_refused)
        server.send(signal.SIGTERM)


def test_a_stream_is_told_and_says_goodbye(loop: str) -> None:
    with serve_site(loop) as server:
        command = curl_command("--no-buffer", f"{server.url}/time")
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as curl:
            assert curl.stdout is not None
            first = curl.stdout.readline()
            status = server.stop()
            rest = curl.stdout.read()

    assert first.startswith("data: ")
    assert rest.endswith("event: shutdown\ndata: goodbye\n\n")
    assert curl.returncode == 0
    assert status == 0


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_ends_it_at_once(loop: str, program: Path, number: signal.Signals) -> None:
    with serve_program(program, loop) as server, Raw(server.address) as client:
        client.send(b"GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")
        server.await_output("hanging\n")
        server.send(signal.SIGTERM)
        server.await_errors(DRAINING)

        assert server.stop(number) == 128 + number
        assert client.rest() == b""


def test_a_handler_that_hangs_is_cancelled_in_the_end(loop: str, program: Path) -> None:
    with serve_program(program, loop, "--timeouts.drain-seconds", "0.3") as server, Raw(server.address) as client:
        client.send(b"GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")
        server.await_output("hanging\n")

        assert server.stop() == 0
        assert client.rest() == b""

    assert "cancelling 1 connections that did not end in time\n" in server.errors


def test_a_handler_that_ignores_its_cancellation_is_left_behind_with_1(loop: str, program: Path) -> None:
    with serve_program(program, loop, "--timeouts.drain-seconds", "0.3") as server, Raw(server.address) as client:
        client.send(b"GET /stubborn HTTP/1.1\r\nHost: a\r\n\r\n")
        server.await_output("hanging\n")

        assert server.stop() == 1


def test_the_lifespan_is_closed_after_the_last_answer(loop: str, program: Path) -> None:
    with serve_program(program, loop, "--log-format", "answered {target}") as server, Raw(server.address) as client:
        client.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        server.await_output("hanging\n")

        server.send(signal.SIGTERM)
        assert client.answer().body == b"told\n"
        client.close()
        assert server.wait() == 0

    assert server.output.startswith("opened\n")
    assert server.output.endswith("hanging\nanswered /wait\nclosed\n")


STARTING = """
import asyncio, sys, time
from aiosock import App
from aiosock.cli import main

app = App()

@app.lifespan
async def lifespan(app):
    print("opening", flush=True)
    try:
        if {step!r} == "start":
            await {hang}
        yield
        if {step!r} == "stop":
            await {hang}
    finally:
        print("closed", flush=True)

main(app)
"""

NEVER = "asyncio.sleep(3600)"
IN_A_THREAD = "asyncio.to_thread(time.sleep, 3600)"


def starting(path: Path, loop: str, step: str, hang: str) -> Process:
    """Run a server whose lifespan hangs in a step."""
    path.write_text(STARTING.format(step=step, hang=hang))
    deadlines = ["--timeouts.stop-seconds", "0.3", "--timeouts.drain-seconds", "0"]
    return Process([sys.executable, str(path), "--port", "0", "--loop", loop, *deadlines], cwd=path.parent)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_cancels_the_start(loop: str, program: Path, number: signal.Signals) -> None:
    with starting(program, loop, "start", NEVER) as server:
        server.await_output("opening\n")

        assert server.stop(number) == 0

    assert server.output == "opening\nclosed\n"
    assert server.errors == "aiosock: the start is cancelled; a second signal ends it at once\n"


def test_a_thread_that_the_start_left_behind_does_not_keep_the_process(loop: str, program: Path) -> None:
    with starting(program, loop, "start", IN_A_THREAD) as server:
        server.await_output("opening\n")

        assert server.stop() == 1

    assert server.output == "opening\nclosed\n"
    assert "the process ends now, although these threads go on:\n" in server.errors


@pytest.mark.parametrize("hang", [NEVER, IN_A_THREAD, "asyncio.sleep(time.sleep(3600) or 0)"])
def test_a_lifespan_that_does_not_stop_does_not_keep_the_process(loop: str, program: Path, hang: str) -> None:
    with starting(program, loop, "stop", hang) as server:
        server.await_output("Ctrl-C stops\n")

        assert server.stop() == 1


def test_a_second_signal_ends_a_start_that_blocks_the_loop(loop: str, program: Path) -> None:
    with starting(program, loop, "start", "asyncio.sleep(time.sleep(3600) or 0)") as server:
        server.await_output("opening\n")
        server.send(signal.SIGTERM)
        # A signal that arrives just before the sleep begins does not interrupt it; people then send another.
        while server.popen.poll() is None:
            server.send(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                server.popen.wait(0.1)

        # Of two signals that wait, Python may handle the later one first.
        assert server.wait() in (128 + signal.SIGINT, 128 + signal.SIGTERM)


def test_what_a_request_has_left_is_done_before_the_lifespan_ends(loop: str, program: Path) -> None:
    with serve_program(program, loop) as server, Raw(server.address) as client:
        assert client.get("/after").body == b"answered\n"
        server.await_output("hanging\n")

        assert server.stop() == 0

    assert server.output.endswith("closed\n")
    assert "\ndone afterwards\n" in server.output


@pytest.mark.parametrize("target", ["/thread", "/few-threads", "/own-thread", "/own-pool", "/after-thread"])
def test_a_thread_of_a_handler_does_not_keep_the_process(loop: str, program: Path, target: str) -> None:
    with serve_program(program, loop, "--timeouts.drain-seconds", "0.3") as server, Raw(server.address) as client:
        client.send(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        server.await_output("hanging\n")

        assert server.stop() == 1

    assert server.output.endswith("closed\n")
    assert "the process ends now, although these threads go on:\n" in server.errors


ROTATING = [signal.SIGUSR1, signal.SIGHUP]


@pytest.mark.parametrize("number", ROTATING)
@pytest.mark.parametrize(
    "options", [[], ["--no-access-log"], ["--access-log-file", "log"], ["--access-log-file", "log", "--no-access-log"]]
)
def test_log_rotation_does_not_end_it(loop: str, program: Path, number: signal.Signals, options: list[str]) -> None:
    with serve_program(program, loop, *options) as server:
        server.send(number)
        with Raw(server.address) as client:
            assert client.get("/nowhere").status == 404
        assert server.stop() == 0


@pytest.mark.parametrize("number", ROTATING)
def test_log_rotation_does_not_end_it_while_it_starts(loop: str, program: Path, number: signal.Signals) -> None:
    with starting(program, loop, "start", NEVER) as server:
        server.await_output("opening\n")
        server.send(number)

        assert server.stop() == 0

    assert server.output == "opening\nclosed\n"


def test_sighup_ends_it_where_its_terminal_is_closed(loop: str, program: Path) -> None:
    program.write_text("from aiosock import App\nfrom aiosock.cli import main\nmain(App())\n")
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        command = [sys.executable, str(program), "--port", "0", "--loop", loop]
        # Whoever runs the tests may ignore SIGHUP, as nohup does, and programs inherit that.
        before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
        try:
            server = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        finally:
            signal.signal(signal.SIGHUP, before)
        with server:
            os.close(theirs)
            try:
                said = b""
                while b"Ctrl-C stops" not in said:
                    assert select.select([terminal], [], [], PATIENCE)[0], said
                    said += terminal.read(1000)
                terminal.close()
                server.send_signal(signal.SIGHUP)
                assert server.wait(PATIENCE) == 0
            finally:
                server.kill()


def test_a_program_that_goes_on_after_the_server_is_left_alone(loop: str, program: Path) -> None:
    text = program.read_text()
    program.write_text(f"{text}\ntime.sleep(2)\nprint('went on', flush=True)\n")
    with serve_program(program, loop, "--timeouts.drain-seconds", "0") as server:
        assert server.stop() == 0
    assert server.output.endswith("went on\n")
