"""Tests of aiosock.runner in this process; tests/e2e tests it with real signals and exit statuses."""

import asyncio
import logging
import logging.config
import os
import pkgutil
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import aiosock
from aiosock import App, Config, ConfigError, Request, Response, Server, __version__, run, serve
from aiosock.access_log import LoggedAccess, WrittenAccess
from aiosock.log import access_logger, server_logger
from aiosock.runner import banner, configure_logging, loop_factory, open_access_log, say, with_format_chosen
from aiosock.wire.compiled import LANGUAGE
from tests.e2e.process import LOOPS, run_to_its_end, threads
from tests.e2e.raw import Raw
from tests.terminals import terminal


async def ask(url: str, target: str = "/") -> bytes:
    """Return the whole response to a GET."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    with closing(writer):
        writer.write(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        return await reader.read()


@pytest.fixture
def app() -> App:
    app = App()

    @app.get("/")
    async def home(request: Request) -> str:
        return "home\n"

    return app


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


# serve


async def test_an_app_is_served_as_long_as_the_block_lasts(app: App) -> None:
    async with serve(app, port=0, access_log=False) as server:
        url = server.urls[0]
        answer = await ask(url)

    assert answer.endswith(b"\r\n\r\nhome\n")
    with pytest.raises(ConnectionRefusedError):
        await ask(url)


async def test_a_bare_handler_can_be_served() -> None:
    async def handler(request: Request) -> Response:
        return Response.text("bare\n")

    async with serve(handler, port=0, access_log=False) as server:
        assert (await ask(server.urls[0])).endswith(b"bare\n")


def test_no_module_takes_the_name_of_something_public() -> None:
    modules = {module.name for module in pkgutil.iter_modules(aiosock.__path__)}

    assert modules.isdisjoint(aiosock.__all__)  # importing it would replace the other one


async def test_two_apps_can_be_served_side_by_side(app: App) -> None:
    async with serve(app, port=0, access_log=False) as one, serve(app, port=0, access_log=False) as other:
        assert one.urls != other.urls
        for server in (one, other):
            assert (await ask(server.urls[0])).endswith(b"home\n")


async def test_serve_takes_a_config_as_well_as_options(app: App) -> None:
    config = Config(port=0, access_log=False)

    async with serve(app, config, backlog=7) as server:
        assert server.config == Config(port=0, access_log=False, backlog=7)


async def test_an_option_that_does_not_exist_is_a_type_error(app: App) -> None:
    with pytest.raises(TypeError, match="prot"):
        async with serve(app, prot=0):
            pass


async def test_an_option_that_cannot_work_is_a_config_error(app: App) -> None:
    with pytest.raises(ConfigError, match=r"^port must be"):
        async with serve(app, port=-1):
            pass


async def test_the_lifespan_is_open_while_the_app_is_served(app: App) -> None:
    events: list[str] = []

    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        events.append("opened")
        yield
        events.append("closed")

    async with serve(app, port=0, access_log=False) as server:
        await ask(server.urls[0])
        events.append("served")

    assert events == ["opened", "served", "closed"]


async def test_the_lifespan_is_closed_where_the_address_cannot_be_had(app: App, listening: socket.socket) -> None:
    events: list[str] = []

    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        events.append("opened")
        try:
            yield
        finally:
            events.append("closed")

    with pytest.raises(ConfigError, match=r"^cannot listen on"):
        async with serve(app, port=listening.getsockname()[1]):
            events.append("never")

    assert events == ["opened", "closed"]


async def test_leaving_the_block_waits_for_the_requests_in_flight(app: App) -> None:
    begun = asyncio.Event()

    @app.get("/wait")
    async def wait(request: Request) -> str:
        begun.set()
        await request.shutdown.wait()
        return "in the end\n"

    async with serve(app, port=0, access_log=False) as server:
        asking = asyncio.create_task(ask(server.urls[0], "/wait"))
        await begun.wait()

    assert (await asking).endswith(b"in the end\n")


async def test_an_exception_leaves_the_block_after_the_drain(app: App) -> None:
    with pytest.raises(LookupError):  # noqa: PT012 - the block is what is tested
        async with serve(app, port=0, access_log=False) as server:
            url = server.urls[0]
            raise LookupError

    with pytest.raises(ConnectionRefusedError):
        await ask(url)


# run


@pytest.fixture
def restored_signals() -> Iterator[None]:
    """Restore the state that a closed uvloop changes."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("restored_signals")
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_returns_after_a_signal_and_the_last_answer(
    app: App, listening: socket.socket, capsys: pytest.CaptureFixture[str], loop: Any, number: signal.Signals
) -> None:
    answers: list[bytes] = []

    @app.get("/stop")
    async def stop(request: Request) -> str:
        signal.raise_signal(number)
        await request.shutdown.wait()
        return "stopping\n"

    def client() -> None:
        with Raw(listening.getsockname()) as raw:
            answers.extend([raw.get("/").body, raw.get("/stop").body])

    with threads(client):
        run(app, bind=(f"fd:{listening.fileno()}",), loop=loop)

    assert answers == [b"home\n", b"stopping\n"]
    output = capsys.readouterr()
    assert output.out.startswith(f"aiosock {__version__} on http://127.0.0.1:{listening.getsockname()[1]}\n")
    assert output.err == "aiosock: draining; a second signal ends it at once\n"


@pytest.mark.usefixtures("restored_signals")
@pytest.mark.parametrize("loop", LOOPS)
def test_when_it_has_started_somebody_is_told_once(app: App, capsys: pytest.CaptureFixture[str], loop: Any) -> None:
    told: list[list[str]] = []

    def started(server: Server) -> None:
        told.append(server.urls)
        assert server.urls[0] in capsys.readouterr().out  # after the banner
        signal.raise_signal(signal.SIGTERM)

    run(app, port=0, loop=loop, when_started=started)

    ((url,),) = told
    assert url.startswith("http://127.0.0.1:")


@pytest.mark.usefixtures("restored_signals")
@pytest.mark.parametrize("loop", LOOPS)
def test_what_is_raised_when_it_has_started_ends_it(app: App, loop: Any) -> None:
    servers: list[Server] = []
    events: list[str] = []

    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        try:
            yield
        finally:
            events.append("closed")

    def started(server: Server) -> None:
        servers.append(server)
        raise LookupError("mine")

    with pytest.raises(LookupError, match=r"^mine$"):
        run(app, port=0, loop=loop, when_started=started)

    assert events == ["closed"]
    assert servers[0].listeners[0].sock.fileno() == -1


def test_run_ends_with_2_after_one_line_where_an_option_cannot_work(
    app: App, listening: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    port = listening.getsockname()[1]

    with pytest.raises(SystemExit) as exit_:
        run(app, port=port)

    assert exit_.value.code == 2
    assert capsys.readouterr() == ("", f"aiosock: error: cannot listen on 127.0.0.1:{port}: Address already in use\n")


def test_what_a_lifespan_raises_comes_out_of_run(app: App) -> None:
    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        raise LookupError("no database")
        yield

    with pytest.raises(LookupError, match=r"^no database$"):
        run(app, port=0)


@pytest.mark.parametrize("loop", LOOPS)
def test_run_serves_in_a_thread_too_where_it_hears_no_signal(loop: str) -> None:
    program = """
import socket, sys, threading, urllib.request
from aiosock import App, Timeouts, run

app = App()

@app.get("/")
async def home(request):
    return threading.current_thread().name

with socket.create_server(("127.0.0.1", 0)) as sock:
    options = {"bind": (f"fd:{sock.fileno()}",), "loop": sys.argv[1], "timeouts": Timeouts(blocked_seconds=0)}
    threading.Thread(target=run, args=(app,), kwargs=options, name="server", daemon=True).start()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{sock.getsockname()[1]}/", timeout=120) as answer:
        print("answered by", answer.read().decode(), file=sys.stderr)
"""
    status, _, errors = run_to_its_end([sys.executable, "-c", program, loop])

    assert status == 0, errors
    assert errors == "answered by server\n"


# The start-up block and the loop.


async def test_the_banner_names_every_address_the_loop_the_versions_and_what_reads_heads(app: App) -> None:
    server = Server(app, Config(bind=("127.0.0.1:0", "127.0.0.1:0"), access_log=False))
    async with server:
        urls = server.urls
        first, second, last = banner(server).split("\n")

    module = type(asyncio.get_running_loop()).__module__
    assert first == f"aiosock {__version__} on {urls[0]}"
    assert second == f"           and {urls[1]}"
    assert last.startswith("uvloop " if module.startswith("uvloop") else "asyncio, ")
    assert last.endswith(f", heads read in {LANGUAGE}; Ctrl-C stops")


def loop_made_by(factory: Callable[[], asyncio.AbstractEventLoop]) -> str:
    """Return the package of the event loop that it creates."""
    with closing(factory()) as loop:
        return type(loop).__module__.partition(".")[0]


@pytest.mark.parametrize("name", ["auto", "asyncio", "uvloop"])
def test_the_loop_is_the_one_asked_for(name: str) -> None:
    if name == "uvloop" and find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    uvloop_wanted = name != "asyncio" and find_spec("uvloop") is not None

    assert loop_made_by(loop_factory(name)) == ("uvloop" if uvloop_wanted else "asyncio")


def test_without_uvloop_auto_is_asyncio_and_uvloop_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)

    assert loop_made_by(loop_factory("auto")) == "asyncio"
    with pytest.raises(ConfigError, match=r"^the loop uvloop needs uvloop>=0\.21: .* extra 'uvloop'"):
        loop_factory("uvloop")


# What is said.


def test_a_pipe_that_nobody_reads_takes_what_fits_and_holds_nobody_up() -> None:
    reading, writing = os.pipe()
    with (
        os.fdopen(reading, "rb") as reader,
        os.fdopen(writing, "w", encoding="ascii", errors="backslashreplace") as pipe,
    ):
        say("\U0001f600" * 100_000, pipe)
        pipe.close()

        assert reader.read().startswith(b"\\U0001f600" * 1000)


# Logging.


@pytest.fixture
def unconfigured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], logging.Logger]]:
    """Return a function that resets logging as in a program that does not configure it; pytest adds handlers late."""
    logger = logging.getLogger("aiosock")
    level, propagates = logger.level, access_logger.propagate

    def unconfigured() -> logging.Logger:
        for each in (logger, access_logger, logging.getLogger()):
            monkeypatch.setattr(each, "handlers", [])
        return logger

    yield unconfigured
    logger.setLevel(level)
    access_logger.propagate = propagates
    for each in logging.Logger.manager.loggerDict.values():  # a test may have disabled those of other tests
        if isinstance(each, logging.Logger):
            each.disabled = False


def test_the_access_log_goes_to_standard_output_and_the_rest_to_standard_error(
    unconfigured: Callable[[], logging.Logger], capsys: pytest.CaptureFixture[str]
) -> None:
    unconfigured()
    for _ in range(2):  # a second server in the same process does not double the lines
        configure_logging(Config())
        access_log = open_access_log(Config())

    access_log.write(["a line"])
    server_logger.warning("a warning")
    server_logger.debug("a detail")

    output = capsys.readouterr()
    assert output.out == "a line\n"
    assert output.err.endswith(" WARNING aiosock.server: a warning\n")
    assert output.err.count("\n") == 1


def test_debug_logs_details(unconfigured: Callable[[], logging.Logger], capsys: pytest.CaptureFixture[str]) -> None:
    unconfigured()
    configure_logging(Config(debug=True))

    server_logger.debug("a detail")

    assert capsys.readouterr().err.endswith(" DEBUG aiosock.server: a detail\n")


@pytest.mark.parametrize(
    ("config", "logged"),
    [
        (Config(), ["info", "warning", "error"]),
        (Config(debug=True), ["debug", "info", "warning", "error"]),
        (Config(log_level="debug"), ["debug", "info", "warning", "error"]),
        (Config(log_level="warning"), ["warning", "error"]),
        (Config(log_level="error"), ["error"]),
        (Config(log_level="error", debug=True), ["error"]),
    ],
)
def test_the_level_leaves_out_what_is_below_it(
    unconfigured: Callable[[], logging.Logger],
    capsys: pytest.CaptureFixture[str],
    config: Config,
    logged: list[str],
) -> None:
    unconfigured()
    configure_logging(config)

    for name in ("debug", "info", "warning", "error"):
        server_logger.log(getattr(logging, name.upper()), name)

    assert [line.rpartition(" ")[2] for line in capsys.readouterr().err.splitlines()] == logged
    assert access_logger.isEnabledFor(logging.INFO)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no ptys")
def test_people_get_lines_in_columns_and_machines_get_combined(
    unconfigured: Callable[[], logging.Logger], monkeypatch: pytest.MonkeyPatch
) -> None:
    unconfigured()
    with terminal() as shown:
        assert with_format_chosen(Config()).log_format == "combined"
        monkeypatch.setattr(sys, "stdout", shown.stream)
        assert with_format_chosen(Config()).log_format == "terminal"
        assert with_format_chosen(Config(log_format="json")).log_format == "json"
        assert with_format_chosen(Config(access_log_file="access.log")).log_format == "combined"
        access_logger.addHandler(logging.NullHandler())
        assert with_format_chosen(Config()).log_format == "combined"


def test_no_message_overtakes_the_lines_of_earlier_requests(
    unconfigured: Callable[[], logging.Logger], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    unconfigured()
    with (tmp_path / "all.log").open("w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        configure_logging(Config())
        access_log = open_access_log(Config())
        access_log.write(["one"])
        server_logger.warning("two")
        access_log.write(["three"])
        access_log.close()
        server_logger.warning("four")

    words = [line.split()[-1] for line in (tmp_path / "all.log").read_text().splitlines()]
    assert words == ["one", "two", "three", "four"]


def test_a_program_that_configures_logging_late_gets_each_line_once(
    unconfigured: Callable[[], logging.Logger], capsys: pytest.CaptureFixture[str]
) -> None:
    unconfigured()
    configure_logging(Config())
    server_logger.warning("before")
    logging.basicConfig(stream=sys.stderr, format="own: %(message)s")
    server_logger.warning("after")

    before, after = capsys.readouterr().err.splitlines()
    assert before.endswith(" WARNING aiosock.server: before")
    assert after == "own: after"


def test_loggers_that_the_configuration_of_logging_has_disabled_are_enabled(
    unconfigured: Callable[[], logging.Logger], capsys: pytest.CaptureFixture[str]
) -> None:
    unconfigured()
    logging.config.dictConfig({"version": 1})  # disables existing loggers by default
    configure_logging(Config())

    server_logger.warning("a warning")

    assert capsys.readouterr().err.endswith("a warning\n")


@pytest.mark.parametrize("name", ["", "aiosock"])
def test_a_program_that_configures_logging_is_left_alone(unconfigured: Callable[[], logging.Logger], name: str) -> None:
    logger = unconfigured()
    handler = logging.NullHandler()
    logging.getLogger(name).addHandler(handler)
    level = logger.level

    configure_logging(Config(debug=True))

    assert isinstance(open_access_log(Config()), LoggedAccess)
    assert logging.getLogger(name).handlers == [handler]
    assert (logger.level, access_logger.handlers, access_logger.propagate) == (level, [], True)


def test_no_file_is_opened_for_an_access_log_that_is_off(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    with closing(open_access_log(Config(access_log=False, access_log_file=str(path)))):
        assert not path.exists()


def test_a_program_may_configure_the_access_log_alone(
    unconfigured: Callable[[], logging.Logger], capsys: pytest.CaptureFixture[str]
) -> None:
    unconfigured()
    handler = logging.NullHandler()
    access_logger.addHandler(handler)

    configure_logging(Config())
    server_logger.warning("a warning")

    assert isinstance(open_access_log(Config()), LoggedAccess)
    assert access_logger.handlers == [handler]
    assert capsys.readouterr().err.endswith("a warning\n")


def test_a_file_takes_the_lines_whatever_the_program_has_configured(
    unconfigured: Callable[[], logging.Logger], tmp_path: Path
) -> None:
    unconfigured()
    access_logger.addHandler(logging.NullHandler())

    with closing(open_access_log(Config(access_log_file=str(tmp_path / "access.log")))) as access_log:
        assert isinstance(access_log, WrittenAccess)


def test_a_type_that_nothing_provides_ends_the_program_with_one_line_that_names_the_handler(
    app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    class Database: ...

    @app.get("/data")
    async def data(request: Request, database: Database) -> None: ...

    with pytest.raises(SystemExit) as exit_:
        run(app, port=0)
    assert exit_.value.code == 2
    told = capsys.readouterr().err.strip()
    assert told.count("\n") == 0
    assert re.search(r"aiosock: error: .*test_runner.py:\d+: handler .*data for '/data' needs .*Database", told)
