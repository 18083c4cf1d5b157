"""The steps from a socket to a server: each program of examples/sockets runs as a process and shows its weakness."""

import ast
import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.blocks import Block, blocks
from tests.docs.shell import commands
from tests.e2e.curl import curl, curl_answer
from tests.e2e.process import ROOT, Process, Served, run_to_its_end, until
from tests.e2e.raw import Raw
from tests.patience import PATIENCE

SOCKETS = ROOT / "examples" / "sockets"
HTTP_STEPS = ["1_blocking", "2_threads", "3_selectors", "4_streams", "5_aiosock"]
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="/proc and the counts are those of Linux")

A_WHILE = 0.2
"""Seconds within which a server that is not busy would have answered."""


class Step(Served):
    """A step, started as its docstring says, on a free port."""

    def __init__(self, name: str, *options: str) -> None:
        super().__init__([sys.executable, str(SOCKETS / name / "main.py"), "0", *options])

    def _started(self) -> list[str]:
        found = re.compile(r"\w+://127\.0\.0\.1:\d+$", re.MULTILINE)
        return found.findall(self.await_output(found.search))

    @property
    def port(self) -> str:
        return str(urlsplit(self.url).port)

    def tasks(self) -> int:
        """Count the threads of the process in the kernel."""
        return len(os.listdir(f"/proc/{self.popen.pid}/task"))

    def resident_bytes(self) -> int:
        pages = Path(f"/proc/{self.popen.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="module", params=HTTP_STEPS)
def step(request: pytest.FixtureRequest) -> Iterator[Step]:
    with Step(request.param) as server:
        yield server


def is_silent(client: Raw, seconds: float = 0) -> bool:
    """Return whether nothing has arrived for this client."""
    return not select.select([client.sock], [], [], seconds)[0]


def is_served(server: Step) -> bool:
    return curl(f"{server.url}/hello/you").text == "Hello, you!\n"


@contextmanager
def silent_clients(server: Step, count: int) -> Iterator[list[Raw]]:
    """Connect clients that send nothing."""
    with ExitStack() as stack:
        yield [stack.enter_context(Raw(server.address)) for _ in range(count)]


# Common to all steps.


def test_each_step_is_a_small_program() -> None:
    programs = list(SOCKETS.glob("*/*.py"))
    assert {path.parent.name for path in programs if path.name == "main.py"} == {
        "0_echo",
        *HTTP_STEPS,
        "6_udp",
        "7_names",
        "8_inherited",
        "9_options",
    }
    assert {str(path): size for path in programs if (size := len(path.read_text().splitlines())) > 80} == {}


def test_only_step_5_needs_more_than_python() -> None:
    for path in SOCKETS.glob("**/*.py"):
        imported = {
            (node.module or "" if isinstance(node, ast.ImportFrom) else name.name).partition(".")[0]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in node.names
        }
        others = {"aiosock"} if path.parent.name == "5_aiosock" else set()
        assert imported - sys.stdlib_module_names == others, path


def test_steps_1_to_4_differ_only_in_how_they_wait() -> None:
    halves = {(SOCKETS / name / "main.py").read_text().partition("# HTTP. ")[2] for name in HTTP_STEPS[:4]}
    assert len(halves) == 1
    assert "def respond" in halves.pop()


@pytest.mark.parametrize(
    ("arguments", "target", "status", "kind", "body"),
    [
        pytest.param([], "/", 200, "text/html", "<h1>A page from a socket</h1>\n", id="page"),
        pytest.param([], "/hello/you", 200, "text/plain", "Hello, you!\n", id="text"),
        pytest.param([], "/hello/J%C3%BCrgen?loud=1", 200, "text/plain", "Hello, Jürgen!\n", id="encoded"),
        pytest.param([], "/sum/10", 200, "text/plain", "45\n", id="number"),
        pytest.param(["-d", "a=b"], "/echo", 200, "application/octet-stream", "a=b", id="echo"),
        pytest.param(["-d", ""], "/echo", 200, "application/octet-stream", "", id="empty echo"),
        pytest.param(["--head"], "/hello/you", 200, "text/plain", "", id="HEAD"),
        pytest.param(["--head"], "/nothing", 404, "text/plain", "", id="HEAD of nothing"),
        pytest.param([], "/nothing", 404, "text/plain", "404 Not Found", id="nothing"),
        pytest.param([], "/hello/", 404, "text/plain", "404 Not Found", id="no name"),
        pytest.param([], "/hello/you/too", 404, "text/plain", "404 Not Found", id="too deep"),
        pytest.param(["-H", "Host:"], "/", 400, "text/plain", "400 Bad Request", id="no host"),
        pytest.param(["-X", "GET /"], "/", 400, "text/plain", "400 Bad Request", id="four words"),
        pytest.param(["-H", "Content-Length: +1"], "/", 400, "text/plain", "400 Bad Request", id="length"),
        pytest.param(
            ["-H", "Content-Length: " + "1" * 5000], "/", 400, "text/plain", "400 Bad Request", id="long length"
        ),
        pytest.param(["-H", "Content-Length : 1"], "/", 400, "text/plain", "400 Bad Request", id="space before colon"),
    ],
)
def test_every_step_answers_the_same(
    step: Step, arguments: list[str], target: str, status: int, kind: str, body: str
) -> None:
    got, fields, text = curl_answer(*arguments, step.url + target)

    assert (got, fields["content-type"].partition(";")[0]) == (status, kind)
    assert text == body if status == 200 else text.startswith(body)


def test_a_body_that_no_buffer_holds_comes_back(step: Step) -> None:
    body = bytes(range(256)) * 24_576  # 6 MiB: Linux buffers 4 for a client that does not read
    with Raw(step.address) as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert client.answer().body == body


def test_a_request_that_comes_byte_by_byte_is_answered(step: Step) -> None:
    with Raw(step.address) as client:
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi":
            client.send(bytes([byte]))
        assert client.answer().body == b"hi"


def test_a_client_that_leaves_takes_nobody_along(step: Step) -> None:
    with Raw(step.address) as half:
        half.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
        half.end_input()
        assert b" 200 " not in half.rest()
    with Raw(step.address) as rude:
        rude.send(b"GET / HTTP/1.1\r\n")
        rude.reset()
    assert is_served(step)
    assert step.errors == ""


@pytest.mark.parametrize("name", ["0_echo", *HTTP_STEPS, "6_udp", "8_inherited"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_every_server_ends_without_a_traceback(name: str, number: signal.Signals) -> None:
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits SIG_IGN
    try:
        with Step(name) as server, ExitStack() as stack:
            if name in HTTP_STEPS:
                stack.enter_context(silent_clients(server, 2))
                assert name == "1_blocking" or is_served(server)
            server.send(number)
            # Python lets a signal wait for the next event if it comes just before the call of the kernel that waits.
            with suppress(subprocess.TimeoutExpired):
                server.popen.wait(20)
            status = server.stop(number)
    finally:
        signal.signal(signal.SIGINT, ignored)

    assert status in (0, -number)
    assert "Traceback" not in server.errors


# Step 0: an echo.


def test_the_echo_client_gets_back_what_it_sent() -> None:
    with Step("0_echo") as server:
        for text in (["hello"], ["a", "long", "text " * 20_000]):
            command = [sys.executable, str(SOCKETS / "0_echo" / "client.py"), server.port, *text]
            assert run_to_its_end(command) == (0, " ".join(text) + "\n", "")


# Step 1: one at a time.


def test_step_1_serves_nobody_behind_a_client_that_says_nothing() -> None:
    with Step("1_blocking") as server, Raw(server.address) as first, Raw(server.address) as second:
        second.send(b"GET /hello/you HTTP/1.1\r\nHost: a\r\n\r\n")
        assert is_silent(second, A_WHILE)
        first.close()
        assert second.answer().body == b"Hello, you!\n"


@pytest.mark.parametrize("name", HTTP_STEPS[1:])
def test_the_later_steps_serve_others_meanwhile(name: str) -> None:
    with Step(name) as server, silent_clients(server, 20):
        assert is_served(server)


# Step 2: a thread each.


@ON_LINUX
def test_step_2_has_a_thread_for_each_client() -> None:
    with Step("2_threads") as server, silent_clients(server, 20):
        until(lambda: server.tasks() == 1 + 20)


@ON_LINUX
@pytest.mark.parametrize("name", HTTP_STEPS[2:])
def test_the_steps_with_a_loop_need_no_thread_for_a_client(name: str) -> None:
    with Step(name) as server:
        before = server.tasks()
        with silent_clients(server, 20):
            assert is_served(server)
            assert server.tasks() == before


@ON_LINUX
def test_a_thread_takes_more_memory_than_a_generator() -> None:
    grown = {}
    for name in ("2_threads", "3_selectors"):
        with Step(name) as server:
            assert is_served(server)
            before = server.resident_bytes()
            with silent_clients(server, 100):
                assert is_served(server)
                grown[name] = server.resident_bytes() - before

    assert grown["2_threads"] > 2 * grown["3_selectors"]


# Step 3: one thread.


def test_step_2_answers_while_another_client_lets_it_compute() -> None:
    with Step("2_threads") as server, Raw(server.address) as long, Raw(server.address) as short:
        long.send(b"GET /sum/999999999 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert short.get("/hello/you").status == 200
        assert is_silent(long)


@pytest.mark.parametrize("name", HTTP_STEPS[2:])
def test_the_steps_with_a_loop_answer_nobody_while_they_compute(name: str) -> None:
    with Step(name) as server, Raw(server.address) as long:
        long.send(b"GET /sum/4000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        with Raw(server.address) as short:
            assert short.get("/hello/you").status == 200
            assert not is_silent(long)  # the answer had come before


# Steps 4 and 5: without limits, and with them.


def test_step_4_waits_for_half_a_head_that_step_5_gives_up() -> None:
    with (
        Step("4_streams") as streams,
        Step("5_aiosock", "--timeouts.head-seconds", "1") as aiosock,
        Raw(streams.address) as held,
        Raw(aiosock.address) as refused,
    ):
        for client in (held, refused):
            client.send(b"GET /hello/you HTTP/1.1\r\nHost: a\r\n")
        assert refused.answer().status == 408
        assert is_silent(held)
        held.send(b"\r\n")
        assert held.answer().status == 200


@ON_LINUX
def test_step_4_keeps_a_head_of_any_size_that_step_5_refuses() -> None:
    field = b"X-%d: " + b"x" * 1000 + b"\r\n"
    head = b"GET /hello/you HTTP/1.1\r\nHost: a\r\n" + b"".join(field % number for number in range(4000))
    with Step("4_streams") as streams, Raw(streams.address) as held:
        before = streams.resident_bytes()
        held.send(head)
        until(lambda: streams.resident_bytes() - before > len(head))
        held.send(b"\r\n")
        assert held.answer().status == 200
    with Step("5_aiosock") as aiosock, Raw(aiosock.address) as refused:
        refused.send(head[: 48 * 1024])
        assert refused.answer().status == 431


# UDP, names, an inherited descriptor, options.


def test_the_udp_client_gets_an_answer_to_each_word() -> None:
    with Step("6_udp") as server:
        command = [sys.executable, str(SOCKETS / "6_udp" / "client.py"), server.port, "one", "two"]
        assert run_to_its_end(command) == (0, "ONE\nTWO\n", "")


def test_datagrams_stay_apart_and_an_empty_one_is_no_end() -> None:
    with Step("6_udp") as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        for data in (b"a", b"", b"x" * 9000):
            client.sendto(data, server.address)
            assert client.recvfrom(65535) == (data.upper(), server.address)


def test_a_udp_client_that_nobody_answers_says_so() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        command = [sys.executable, str(SOCKETS / "6_udp" / "client.py"), str(deaf.getsockname()[1]), "hello"]
        assert run_to_its_end(command) == (1, "", "no answer after 3 tries\n")


def names(name: str) -> str:
    status, output, errors = run_to_its_end([sys.executable, str(SOCKETS / "7_names" / "main.py"), name])
    assert (status, errors) == (0, "")
    return output


def test_a_name_stands_for_addresses() -> None:
    output = names("localhost")
    assert "gethostbyname('localhost') = '127.0.0.1'\n" in output
    assert re.search(r"^getaddrinfo\('localhost'\): AF_INET \('127.0.0.1', 0\): could listen", output, re.MULTILINE)


def test_gethostbyname_knows_no_ipv6() -> None:
    output = names("::1")
    assert "gethostbyname('::1'): " in output
    assert "getaddrinfo('::1'): AF_INET6 ('::1', 0, 0, 0): " in output


@ON_LINUX
def test_a_client_in_the_backlog_is_answered_by_the_next_child() -> None:
    with Step("8_inherited") as server:
        first = child_of(server)
        os.kill(first, signal.SIGSTOP)
        until(lambda: state_of(first) == "T")  # it accepts no more connections
        with Raw(server.address) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            os.kill(first, signal.SIGKILL)
            assert client.answer().body != b"This is process %d.\n" % first
        last = child_of(server)
        server.stop()
        assert not Path(f"/proc/{last}").exists()


def child_of(server: Process) -> int:
    """Return the id of the process that answers."""
    assert isinstance(server, Step)
    return int(curl(server.url).text.removeprefix("This is process ").removesuffix(".\n"))


def state_of(process: int) -> str:
    """Return the letter for its state in the kernel."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0]


@ON_LINUX
@pytest.mark.costly
def test_options_change_what_they_say() -> None:
    status, output, errors = run_to_its_end([sys.executable, str(SOCKETS / "9_options" / "main.py")])

    assert (status, errors) == (0, "")
    expected = r"""restart without SO_REUSEADDR: fails: Address already in use
restart with SO_REUSEADDR: listens, with options \[1\]
second listener without SO_REUSEPORT: fails: Address already in use
second listener with SO_REUSEPORT: listens, with options \[1\]
TCP_NODELAY=0: 20 requests in \d+ ms
TCP_NODELAY=1: 20 requests in \d+ ms
backlog 1: 2 of 10 clients are connected, and nobody has called accept
backlog 4: 5 of 10 clients are connected, and nobody has called accept
"""
    assert re.fullmatch(expected, output), output


# The page about them.

SHOWN = [each for each in blocks("docs/tutorial/from-socket-to-server.md") if each.language == "console"]

OF_THE_MACHINE = re.compile(r"\d+|(?<=\) = ).*|(?<=\): ).*")
"""Ports, processes, times, and addresses of names."""

AS_TYPED = f"""
python() {{ "$PYTHON" "$@"; }}
curl() {{ command curl --silent --show-error --noproxy '*' --max-time {PATIENCE} "$@"; }}
"""


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: block.place)
def test_the_programs_say_what_the_page_shows(block: Block) -> None:
    numbers: dict[str, str] = {}  # numbers of the page, and those of this run

    def start(name: str) -> Step:
        server = stack.enter_context(Step(name))
        numbers["8080"] = server.port
        return server

    with ExitStack() as stack:
        if "main.py" not in block.text:
            start("1_blocking")
        for command, shown in commands(block):
            started = re.fullmatch(r"python (\w+)/main.py 8080 &", command)
            said = start(started[1]).output if started else _typed(command, numbers)
            assert OF_THE_MACHINE.sub("N", said).strip() == OF_THE_MACHINE.sub("N", shown).strip(), command
            numbers |= dict(zip(re.findall(r"\d+", shown), re.findall(r"\d+", said), strict=False))


def _typed(command: str, numbers: dict[str, str]) -> str:
    """Run a command of the page, with the numbers of this run; return its output."""
    command = re.sub(r"\d{4,}", lambda number: numbers.get(number[0], number[0]), command)
    return subprocess.run(
        ["bash", "-c", AS_TYPED + command],
        cwd=SOCKETS,
        env={**os.environ, "PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=True,
    ).stdout
