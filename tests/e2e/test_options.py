"""The command as people type it: its start-up block, addresses, options and their sources, logs, and errors."""

import json
import os
import shutil
import signal
import socket
import sys
import sysconfig
import zipapp
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from platform import python_version

import pytest

import aiosock
from aiosock import Config, Limits, Timeouts, __version__
from aiosock.errors import not_installed
from aiosock.wire.compiled import built
from tests.e2e.curl import curl
from tests.e2e.process import LOOPS, RUN, Process, Served, run_to_its_end, serve_program, serve_site, until
from tests.e2e.raw import Raw

pytestmark = pytest.mark.costly

DRAINING = "aiosock: draining; a second signal ends it at once\n"

PROGRAM = """
from aiosock import App

app = App()

@app.get("/")
async def home(request):
    return "from the current directory\\n"
"""


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A socket that already listens, as one from systemd does."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@pytest.fixture
def script() -> str:
    """The console script of the installed package."""
    path = shutil.which("aiosock", path=sysconfig.get_path("scripts"))
    if path is None:
        pytest.skip("aiosock is not installed with its console script")
    return path


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


# Without metadata: a copied tree, or an archive of one.

WITHOUT_METADATA = """
import importlib.metadata

def version(name):
    raise importlib.metadata.PackageNotFoundError(name)

importlib.metadata.version = importlib.metadata.distribution = version

import aiosock
from aiosock import App
from aiosock.cli import main

assert aiosock.__file__.startswith({root!r}), aiosock.__file__
main(App())
"""


@pytest.mark.parametrize("name", ["tree", "archive.pyz"])
@pytest.mark.parametrize("arguments", [("--port", "0"), ("--version",), ("--help",)])
def test_it_runs_without_metadata(loop: str, tmp_path: Path, name: str, arguments: tuple[str, ...]) -> None:
    shutil.copytree(
        Path(aiosock.__file__).parent, tmp_path / "tree/aiosock", ignore=shutil.ignore_patterns("__pycache__")
    )
    place = tmp_path / name
    (tmp_path / "tree/__main__.py").write_text(WITHOUT_METADATA.format(root=str(place)))
    zipapp.create_archive(tmp_path / "tree", tmp_path / "archive.pyz")

    command = [sys.executable, "-I", str(place), *arguments, *(["--loop", loop] if arguments[0] == "--port" else [])]
    if arguments[0] == "--port":
        with Served(command, cwd=tmp_path) as server:
            assert server.output.startswith(f"aiosock {__version__} on http://127.0.0.1:")
            assert server.stop() == 0
    else:
        status, output, errors = run_to_its_end(command, cwd=tmp_path)
        assert (status, errors) == (0, "")
        assert __version__ in output or "--port" in output


# The start-up block.


def test_the_start_up_block_says_where_on_which_loop_and_with_which_versions(loop: str) -> None:
    with serve_site(loop, "--no-access-log") as server:
        running = f"uvloop {version('uvloop')}" if loop == "uvloop" else "asyncio"
        language = "Python" if built() is None else "C"

        assert server.output == (
            f"aiosock {__version__} on http://127.0.0.1:{server.address[1]}\n"
            f"{running}, CPython {python_version()}, heads read in {language}; Ctrl-C stops\n"
        )
        assert server.errors == ""


def test_the_environment_may_ask_for_heads_read_in_python() -> None:
    with serve_site("auto", env={"AIOSOCK_PURE": "1"}) as server:
        assert ", heads read in Python; " in server.output
        assert server.errors == ""
        assert curl(server.url).text.startswith("Hello")


def test_auto_takes_uvloop_where_it_is_installed() -> None:
    with serve_site("auto") as server:
        assert ("\nuvloop " in server.output) == (find_spec("uvloop") is not None)


def test_auto_takes_asyncio_where_uvloop_is_not_installed(tmp_path: Path) -> None:
    with serve_site("auto", env=without_uvloop(tmp_path)) as server:
        assert "\nasyncio, " in server.output
        assert curl(server.url).text.startswith("Hello")


def without_uvloop(directory: Path) -> dict[str, str]:
    """Return an environment in which uvloop cannot be imported."""
    (directory / "sitecustomize.py").write_text("import sys\nsys.modules['uvloop'] = None\n")
    paths = [str(directory), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths)}


# Addresses.


def test_a_port_can_be_chosen(loop: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    with serve_site(loop, port=port) as server:
        assert server.url == f"http://127.0.0.1:{port}"


def test_a_restart_takes_the_same_port_at_once(loop: str) -> None:
    with serve_site(loop) as first, Raw(first.address) as client:
        client.get()
        port = first.address[1]
        assert first.stop() == 0
        with serve_site(loop, port=port) as second:
            assert curl(second.url).text.startswith("Hello")


def test_a_name_is_resolved(loop: str) -> None:
    with serve_site(loop, "--host", "localhost") as server:
        for url in server.urls:
            assert curl(url).text.startswith("Hello")


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_address_stands_in_brackets(loop: str) -> None:
    with serve_site(loop, "--bind", "[::1]:0", port=None) as server:
        assert server.url.startswith("http://[::1]:")
        assert curl("--globoff", f"{server.url}/echo").json["client"] == "::1"


def test_a_unix_socket_is_served_and_its_path_removed(loop: str, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with serve_site(loop, "--bind", f"unix:{path}", "--log-format", "{client} {target}", port=None) as server:
        assert server.url == f"unix:{path}"
        assert curl("--unix-socket", str(path), "http://any/hello/unix").text == "Hello, unix!\n"
        assert curl("--unix-socket", str(path), "http://any/echo").json["client"] is None
        server.await_output("- /hello/unix\n")
        assert server.stop() == 0

    assert not path.exists()


def test_a_stale_unix_socket_is_replaced(loop: str, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with serve_site(loop, "--bind", f"unix:{path}", port=None) as server:
        server.send(signal.SIGKILL)
        server.wait()
    assert os.path.exists(path)

    with serve_site(loop, "--bind", f"unix:{path}", port=None):
        assert curl("--unix-socket", path, "http://any/hello/again").text == "Hello, again!\n"


def test_several_addresses_are_served_at_once(loop: str, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    binds = ["--bind", "127.0.0.1:0", "--bind", f"unix:{path}", "--bind", "127.0.0.1:0"]
    with serve_site(loop, *binds, port=None) as server:
        assert len(set(server.urls)) == 3
        assert server.urls[1] == f"unix:{path}"
        for url in (server.urls[0], server.urls[2]):
            assert curl(f"{url}/hello/you").text == "Hello, you!\n"
        assert curl("--unix-socket", path, "http://any/hello/you").text == "Hello, you!\n"


def test_an_inherited_socket_is_served(loop: str, listening: socket.socket) -> None:
    command = [*RUN, "--loop", loop, "--bind", f"fd:{listening.fileno()}"]
    with Served(command, pass_fds=[listening.fileno()]) as server:
        assert server.address == listening.getsockname()
        assert curl(f"{server.url}/hello/you").text == "Hello, you!\n"


# Sources of options.


def test_the_command_line_beats_the_environment_beats_the_file(loop: str, tmp_path: Path) -> None:
    file = tmp_path / "options.toml"
    file.write_text(
        """
        log_format = "file"
        [limits]
        fields = 3
        request_line_bytes = 100
        head_bytes = 200
        [timeouts]
        head_seconds = 30
        """
    )
    env = {"AIOSOCK_LOG_FORMAT": "environment", "AIOSOCK_LIMITS_FIELDS": "4", "AIOSOCK_TIMEOUTS_HEAD_SECONDS": "20"}
    options = ["--config", str(file), "--log-format", "command line", "--timeouts.head-seconds", "1"]
    with serve_site(loop, *options, env=env) as server:
        with Raw(server.address) as client:
            assert client.get("/", "B: 1", "C: 1", "D: 1").status == 200
            assert client.get("/", "B: 1", "C: 1", "D: 1", "E: 1").status == 431
        with Raw(server.address) as client:
            assert client.get("/" + "a" * 100).status == 414
        with Raw(server.address) as client:
            client.send(b"GET / HTTP/1.1\r\n")
            assert b"longer than 1 seconds" in client.answer().body
        server.await_output("\ncommand line\n")


def test_the_environment_may_name_the_file(loop: str, tmp_path: Path) -> None:
    file = tmp_path / "any name"
    file.write_text("log_format = 'from the file'\n")
    with serve_site(loop, env={"AIOSOCK_CONFIG": str(file)}) as server:
        curl(server.url)
        server.await_output("\nfrom the file\n")


def test_the_help_names_every_option() -> None:
    status, output, errors = run_to_its_end([*RUN, "--help"], env={"COLUMNS": "200"})
    names = [field.name for field in fields(Config) if field.name not in ("limits", "timeouts")]
    names += [f"limits.{field.name}" for field in fields(Limits)]
    names += [f"timeouts.{field.name}" for field in fields(Timeouts)]

    assert status == 0
    assert errors == ""
    assert [name for name in names if f"--{name.replace('_', '-')} " not in output] == []
    assert output.startswith("Usage: run.py [OPTIONS]\n")


def test_the_version_is_told() -> None:
    assert run_to_its_end([*RUN, "--version"]) == (0, f"{__version__}\n", "")


# The console script.


def test_the_console_script_serves_an_app_of_the_current_directory(loop: str, script: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    with Served([script, "program:app", "--port", "0", "--loop", loop], cwd=tmp_path) as server:
        assert curl(server.url).text == "from the current directory\n"


def test_what_a_module_raises_is_shown_as_it_is(script: str, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import a_module_that_is_not_there\n")
    status, _, errors = run_to_its_end([script, "broken:app"], cwd=tmp_path)

    assert status == 1
    assert "Traceback" in errors
    assert errors.endswith("ModuleNotFoundError: No module named 'a_module_that_is_not_there'\n")


# Options of the interpreter.


def test_assertions_carry_nothing(loop: str) -> None:
    with (
        Served([sys.executable, "-O", "run.py", "--port", "0", "--loop", loop]) as server,
        Raw(server.address) as client,
    ):
        assert client.get("/hello/you").body == b"Hello, you!\n"
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        assert client.answer().status == 400
        client.close()
        assert server.stop() == 0


def test_the_development_mode_has_nothing_to_complain_about(loop: str, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(bytes(1_000_000))
    with Served([sys.executable, "-X", "dev", "run.py", "--port", "0", "--loop", loop]) as server:
        curl(f"{server.url}/static/style.css", f"{server.url}/nothing", f"{server.url}/hello/you", "--compressed")
        curl("-T", str(tmp_path / "body"), f"{server.url}/upload")
        curl("-T", "-", f"{server.url}/upload", body=bytes(1_000_000))
        curl("--head", f"{server.url}/static/app.js")
        with Raw(server.address) as client:
            client.send(b"GET /time HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.answer(bodiless=True).status == 200
        server.await_output('"GET /time HTTP/1.1"')
        assert server.stop() == 0

    assert server.errors == DRAINING


# The access log.


def test_the_access_log_is_combined_by_default(loop: str) -> None:
    with serve_site(loop) as server:
        curl("-A", 'a "quoted" agent', "-e", "http://before.example/", f"{server.url}/hello/you?q=1")
        output = server.await_output("agent")

    line = output.splitlines()[-1]
    assert line.startswith("127.0.0.1 - - [")
    assert '] "GET /hello/you?q=1 HTTP/1.1" 200 ' in line
    assert line.endswith(' "http://before.example/" "a \\x22quoted\\x22 agent"')


def test_the_access_log_may_be_json(loop: str) -> None:
    with serve_site(loop, "--log-format", "json") as server:
        curl("-X", "POST", "-A", "agent", f"{server.url}/nothing")
        output = server.await_output("agent")

    entry = json.loads(output.splitlines()[-1])
    assert (entry["method"], entry["target"], entry["status"], entry["user_agent"]) == (
        "POST",
        "/nothing",
        404,
        "agent",
    )


def test_the_access_log_may_be_off(loop: str) -> None:
    with serve_site(loop, "--no-access-log") as server:
        curl(server.url)
        assert server.stop() == 0
        assert server.output.endswith("; Ctrl-C stops\n")


def test_the_access_log_may_go_to_a_file_that_is_rotated(loop: str, tmp_path: Path) -> None:
    path, old = tmp_path / "access.log", tmp_path / "access.log.1"
    with serve_site(loop, "--access-log-file", str(path), "--log-format", "{target}") as server:
        curl(f"{server.url}/first")
        path.rename(old)
        server.popen.send_signal(signal.SIGUSR1)
        until(path.exists)
        curl(f"{server.url}/second")
        assert server.stop() == 0
        assert server.output.endswith("; Ctrl-C stops\n")

    assert (old.read_text(), path.read_text()) == ("/first\n", "/second\n")


def test_a_refused_request_is_logged_too(loop: str) -> None:
    with serve_site(loop, "--log-format", "{method} {target} {status}") as server, Raw(server.address) as client:
        client.send(b"nonsense\r\n\r\n")
        client.answer()
        server.await_output("\n- - 400\n")


def test_what_a_handler_raises_is_logged_and_shown_to_nobody(loop: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        PROGRAM.replace("return", "raise ValueError('the secret') #") + "from aiosock.cli import main\nmain(app)\n"
    )
    with serve_program(program, loop, complains=True) as server:
        answer = curl(server.url).text
        server.await_errors("ValueError: the secret\n")

    assert answer == "500 Internal Server Error: The server failed to answer.\n"
    assert "ERROR aiosock.app: GET / failed\n" in server.errors


# Standard streams that are closed.


def serve_without_streams(loop: str, closed: str, listening: socket.socket) -> Process:
    """Serve with standard streams closed by the shell. The output cannot be read, so the port is chosen before."""
    number = listening.fileno()
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", *RUN, "--loop", loop, "--bind", f"fd:{number}"]
    return Process(command, pass_fds=[number])


@pytest.mark.parametrize("closed", [">&-", "<&- >&-", "<&-"])
def test_a_closed_standard_output_does_not_stop_it(loop: str, closed: str, listening: socket.socket) -> None:
    with serve_without_streams(loop, closed, listening) as server:
        with Raw(listening.getsockname()) as client:
            for _ in range(3):
                assert client.get("/hello/you").body == b"Hello, you!\n"
        assert server.stop() == 0

    assert server.errors == DRAINING


def test_no_standard_stream_at_all_does_not_stop_it(loop: str, listening: socket.socket) -> None:
    with serve_without_streams(loop, "<&- >&- 2>&-", listening) as server:
        with Raw(listening.getsockname()) as client:
            assert client.get("/hello/you").body == b"Hello, you!\n"
            assert client.get("/static/style.css").status == 200
        assert server.stop() == 0


def test_a_pipe_without_a_reader_does_not_stop_it(loop: str, listening: socket.socket) -> None:
    reader, writer = os.pipe()
    command = [*RUN, "--loop", loop, "--bind", f"fd:{listening.fileno()}"]
    with Process(command, pass_fds=[listening.fileno()], stdout=writer) as server:
        os.close(writer)
        os.close(reader)
        with Raw(listening.getsockname()) as client:
            for _ in range(3):
                assert client.get("/hello/you").body == b"Hello, you!\n"
        assert server.stop() == 0

    assert "the lines of the access log are lost: [Errno 32] Broken pipe\n" in server.errors


def serve_into(writer: int, redirected: str, loop: str, listening: socket.socket) -> Process:
    """Serve with a pipe for standard output, and perhaps for standard error."""
    command = ["sh", "-c", f'exec "$@" {redirected}', "sh", *RUN, "--loop", loop, "--debug"]
    return Process([*command, "--bind", f"fd:{listening.fileno()}"], pass_fds=[listening.fileno()], stdout=writer)


@pytest.mark.parametrize("redirected", ["", "2>&1", "3>&2 2>&1 >&3"])
def test_a_pipe_whose_reader_stands_still_does_not_stop_it(
    loop: str, redirected: str, listening: socket.socket
) -> None:
    reader, writer = os.pipe()
    with serve_into(writer, redirected, loop, listening) as server:
        with Raw(listening.getsockname()) as client:
            for number in range(400):  # more than a pipe holds
                client.get(f"/{number}".ljust(1000, "x"))
        os.close(writer)
        assert server.stop() == 0
    os.close(reader)


def test_a_pipe_that_is_full_does_not_stop_the_start(loop: str, listening: socket.socket) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b"x")
    os.set_blocking(writer, True)
    with serve_into(writer, "2>&1", loop, listening) as server:
        with Raw(listening.getsockname()) as client:
            assert client.get("/hello/you").body == b"Hello, you!\n"
        assert server.stop() == 0
    os.close(writer)
    os.close(reader)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk_does_not_stop_it(loop: str, listening: socket.socket) -> None:
    command = [*RUN, "--loop", loop, "--bind", f"fd:{listening.fileno()}"]
    full = os.open("/dev/full", os.O_WRONLY)
    with Process(command, pass_fds=[listening.fileno()], stdout=full) as server:
        os.close(full)
        with Raw(listening.getsockname()) as client:
            assert client.get("/hello/you").body == b"Hello, you!\n"
        assert server.stop() == 0

    assert "the lines of the access log are lost: [Errno 28] No space left on device\n" in server.errors


# Options that cannot work: one line, and exit status 2.


def refused(command: list[str], *, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a command that must be refused; return its error line."""
    status, output, errors = run_to_its_end(command, cwd=cwd or Path(__file__).parents[2], env=env)

    assert status == 2, errors
    assert output == ""
    assert errors.startswith("aiosock: error: ")
    assert errors.count("\n") == 1
    assert errors.endswith("\n")
    return errors.removeprefix("aiosock: error: ").rstrip("\n")


def test_a_port_in_use_is_refused(loop: str, listening: socket.socket) -> None:
    port = listening.getsockname()[1]

    reason = refused([*RUN, "--loop", loop, "--port", str(port)])

    assert reason == f"cannot listen on 127.0.0.1:{port}: Address already in use"


def test_a_living_unix_socket_is_left_alone(loop: str, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with serve_site(loop, "--bind", f"unix:{path}", port=None):
        reason = refused([*RUN, "--loop", loop, "--bind", f"unix:{path}"])

        assert reason == f"cannot listen on unix:{path}: Address already in use"
        assert curl("--unix-socket", path, "http://any/hello/you").text == "Hello, you!\n"


def test_a_malformed_log_format_is_refused(loop: str) -> None:
    assert "'nobody'" in refused([*RUN, "--loop", loop, "--port", "0", "--log-format", "{nobody}"])


def test_uvloop_asked_for_and_not_installed_says_what_to_install(tmp_path: Path) -> None:
    reason = refused([*RUN, "--port", "0", "--loop", "uvloop"], env=without_uvloop(tmp_path))

    assert reason == not_installed("the loop uvloop", "uvloop>=0.21", "uvloop")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--nonsense"], "--nonsense"),
        (["--port", "many"], "--port"),
        (["--port", "65536"], "port must be from 0 to 65535, not 65536"),
        (["--limits.head-bytes", "-1"], "limits.head_bytes must be positive, not -1"),
        (["--config", "nowhere"], "cannot read nowhere: No such file or directory"),
        (["--config", "."], "cannot read .: Is a directory"),
    ],
)
def test_an_option_that_cannot_work_is_refused(options: list[str], words: str) -> None:
    assert words in refused([*RUN, *options])


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nowhere:app", "there is no module 'nowhere'"),
        ("program:other", "module 'program' has no attribute 'other'"),
        ("./program:app", "not of the form module:app; did you mean aiosock ./program.py:app?"),
    ],
)
def test_an_app_that_is_not_there_is_refused(script: str, tmp_path: Path, target: str, words: str) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)

    assert words in refused([script, target], cwd=tmp_path)
