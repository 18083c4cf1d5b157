"""Running an app: the event loop, the lifespan, signals and the exit status."""

import asyncio
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from aiosock.access_log import AccessLog, LoggedAccess, WrittenAccess
from aiosock.config import Config, with_options
from aiosock.errors import ConfigError, RouteError, not_installed
from aiosock.log import (
    CHUNK_BYTES,
    Outlet,
    RequestIdFilter,
    access_logger,
    is_ready,
    is_same_file,
    outlet_of,
    server_logger,
)
from aiosock.net.kernel import raise_descriptor_limit
from aiosock.net.server import Server
from aiosock.observe import Observer
from aiosock.stopping import (
    GRACE_SECONDS,
    BoundedLifespan,
    LastResort,
    Signals,
    StartCancelled,
    exit_now,
    outlive_log_rotation,
)
from aiosock.terminal import TerminalFormatter, is_terminal
from aiosock.version import __version__
from aiosock.web.app import lifespan_of
from aiosock.web.failures import app_logger
from aiosock.web.handler import Handler
from aiosock.web.registering import check_handler
from aiosock.wire.compiled import LANGUAGE

if TYPE_CHECKING:
    from aiosock.inspector import Inspector

SAYING_MILLISECONDS = 100
"""Time for the reader of a standard stream to make room for a line."""

CONFIG_STATUS = 2
"""The exit status for an option that cannot work, as in argparse and most of POSIX."""


@asynccontextmanager
async def serve(
    app: Handler, config: Config | None = None, *, observers: Sequence[Observer] = (), **options: Any
) -> AsyncIterator[Server]:
    """Serve an app inside a running event loop; leaving the block drains.

    ```python
    async def main() -> None:
        async with serve(app, port=0) as server:
            print("listening on", server.urls[0])  # listening on http://127.0.0.1:40000
    ```

    `options` are fields of Config, over those of `config`. `observers` are told of every request.

    Raises ConfigError for what is no app and for an option that cannot work, TypeError for an option that does not
    exist, and TimeoutError for a lifespan that does not start within `timeouts.start_seconds` or does not stop within
    `timeouts.stop_seconds`.
    """
    check_handler(app, ConfigError)
    config = with_options(config, options)
    if config.reload:
        raise ConfigError("reload restarts a whole program: it is for run() and the command line, not for serve()")
    inspector = inspector_of(config)
    server = Server(inspector.around(app), config, observers=[*observers, *inspector.observers])
    lifespan = BoundedLifespan(inspector.running(lifespan_of(app)), config.timeouts)
    async with lifespan, server, inspector.watching(server):
        yield server


class Notices(Protocol):
    """What a process tells whoever has started it: a person at a terminal, or a parent process."""

    def starting(self, stop: Callable[[], None]) -> None:
        """Tell that the lifespan is about to start, in the running loop. `stop` ends the process, as a first signal does."""

    def ready(self, server: Server, inspector_url: str) -> None:
        """Tell that the server listens, and where the inspector is, if there is one."""

    def stopping(self, how: str) -> None:
        """Tell that the process has been told to stop, and what it does about it."""


class _Terminal:
    """Lines for the person at the terminal."""

    def starting(self, stop: Callable[[], None]) -> None:
        pass

    def ready(self, server: Server, inspector_url: str) -> None:
        say(banner(server, inspector_url), sys.stdout)

    def stopping(self, how: str) -> None:
        say(f"aiosock: {how}; a second signal ends it at once", sys.stderr)


def run_process(
    app: Handler,
    config: Config,
    *,
    notices: Notices | None = None,
    when_started: Callable[[Server], None] | None = None,
    observers: Sequence[Observer] = (),
) -> None:
    """Serve an app in this process until it is told to stop; see `running.run`.

    Raises ConfigError for an option that cannot work.
    """
    factory = loop_factory(config.loop)
    configure_logging(config)
    _occupy_standard_descriptors()
    raise_descriptor_limit()
    outlive_log_rotation()
    config = with_format_chosen(config)
    with closing(open_access_log(config)) as access_log:
        try:
            process = _Process(app, config, access_log, observers, when_started, notices or _Terminal())
        except RouteError as error:  # a function needs what nothing provides; the message says where it is
            raise ConfigError(str(error)) from None
        _run(process, factory)


def _run(process: "_Process", factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    runner = asyncio.Runner(loop_factory=factory)
    try:
        drained = runner.run(process.serve())
        if not drained:
            # Runner.close would wait for ever for a handler that swallows its cancellation.
            exit_now(1)
    finally:
        # Runner.close waits for the threads of `asyncio.to_thread`.
        process.last_resort.arm(process.seconds_left(), sys.exc_info()[1])
        runner.close()
        process.last_resort.leave(process.seconds_left())


class _Process:
    """An app that is served until a signal, with all that ends it in time."""

    def __init__(
        self,
        app: Handler,
        config: Config,
        access_log: AccessLog,
        observers: Sequence[Observer],
        when_started: Callable[[Server], None] | None,
        notices: Notices,
    ) -> None:
        self.last_resort: LastResort = LastResort()
        self._timeouts = config.timeouts
        self._inspector = inspector = inspector_of(config)
        observers = [*observers, *inspector.observers]
        self._server = Server(inspector.around(app), config, access_log=access_log, observers=observers)
        if handler := _handler_beside_the_access_log():
            handler.flush_before = partial(self._server.flush_log, wait=False)
        self._lifespan = BoundedLifespan(inspector.running(lifespan_of(app)), config.timeouts)
        self._access_log = access_log
        self._when_started = when_started
        self._notices = notices
        self._deadline: float | None = None

    def seconds_left(self) -> float:
        """Return the time until `timeouts.drain_seconds` after the signal; the whole time if there was no signal."""
        now = time.monotonic()
        deadline = now + self._timeouts.drain_seconds if self._deadline is None else self._deadline
        return max(GRACE_SECONDS, deadline - now)

    async def serve(self) -> bool:
        """Serve until a signal; return whether every handler has ended."""
        signals = Signals(on_stop=self._told_to_stop, flush=self._server.flush_log, reopen=self._reopen_log)
        signals.listen()
        self._notices.starting(signals.stop)
        try:
            async with self._lifespan:
                try:
                    # The lifespan may have swallowed the cancellation of its start.
                    return signals.told.is_set() or await self._serve_until(signals.told)
                finally:
                    self._expect_the_end()
        except StartCancelled:
            return True

    async def _serve_until(self, told: asyncio.Event) -> bool:
        await self._server.start()
        try:
            async with self._inspector.watching(self._server) as inspector_url:
                self._notices.ready(self._server, inspector_url)
                if self._when_started is not None:
                    self._when_started(self._server)
                await told.wait()
        except BaseException:
            await self._server.abort()
            raise
        self._server.flush_log()
        self._notices.stopping("draining")
        return await self._server.drain()

    def _reopen_log(self) -> None:
        self._server.flush_log()  # into the old file, where these lines belong
        self._access_log.reopen()

    def _told_to_stop(self) -> None:
        self._deadline = time.monotonic() + self._timeouts.drain_seconds
        if self._lifespan.cancel_start():
            self._notices.stopping("the start is cancelled")
            self._expect_the_end()

    def _expect_the_end(self) -> None:
        """Bound the cleanup of the lifespan, which may refuse to be cancelled or block the loop."""
        if self._timeouts.stop_seconds:
            self.last_resort.arm(self._timeouts.stop_seconds + GRACE_SECONDS)


class _NoInspector:
    """Stands for the inspector where nobody has asked for one. A request then costs what it costs without."""

    observers: Sequence[Observer] = ()

    def around(self, app: Handler) -> Handler:
        """Return the app."""
        return app

    def running(self, lifespan: AbstractAsyncContextManager[None]) -> AbstractAsyncContextManager[None]:
        """Return the lifespan."""
        return lifespan

    def watching(self, server: Server) -> AbstractAsyncContextManager[str]:
        """Return a context that does nothing."""
        return nullcontext("")


def inspector_of(config: Config) -> "Inspector | _NoInspector":
    """Return the inspector, in development or where an address is given for it; raise ConfigError for a bad address."""
    if not config.debug and not config.inspect:
        return _NoInspector()
    from aiosock.inspector import Inspector  # here: `import aiosock` is faster without it

    return Inspector(config)


def banner(server: Server, inspector_url: str = "") -> str:
    """Return the lines for the terminal: where server and inspector are, the loop, the versions, and what reads heads."""
    import platform  # 13 ms that `import aiosock` does without

    loop = asyncio.get_running_loop()
    module = type(loop).__module__.partition(".")[0]
    kind = f"uvloop {sys.modules['uvloop'].__version__}" if module == "uvloop" else "asyncio"
    lines = [f"aiosock {__version__} on {server.urls[0]}", *(f"           and {url}" for url in server.urls[1:])]
    if inspector_url:
        lines.append(f"inspector at {inspector_url}")
    python = f"{platform.python_implementation()} {platform.python_version()}"
    # The last line, for which others wait, says that all are there.
    return "\n".join([*lines, f"{kind}, {python}, heads read in {LANGUAGE}; Ctrl-C stops"])


def loop_factory(loop: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return the function that makes the event loop; raise ConfigError if uvloop is asked for and not installed."""
    if loop == "asyncio":
        return asyncio.new_event_loop
    try:
        import uvloop
    except ImportError:
        if loop == "auto":
            return asyncio.new_event_loop
        raise ConfigError(not_installed("the loop uvloop", "uvloop>=0.21", "uvloop")) from None
    return uvloop.new_event_loop


class _QuietHandler(logging.Handler):
    """A handler that loses lines rather than answers: if its stream is closed, its disk full, or its reader stands still."""

    def __init__(self, stream: TextIO | None, limit: int) -> None:
        super().__init__()
        self.stream: TextIO | None = stream
        self.outlet: Outlet = outlet_of(stream, limit, self._say_dropped)
        self.flush_before: Callable[[], None] = _nothing

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line, or drop it. A program that has configured logging since writes it itself."""
        if _has_own_way():
            return
        with suppress(Exception):  # nor is an argument that does not fit its message a reason to fail
            self.flush_before()
            self.outlet.write((self.format(record) + "\n").encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Write the lines that wait for a slow reader."""
        super().close()
        with suppress(OSError):
            self.outlet.close()

    def _say_dropped(self, dropped: int) -> None:
        if dropped:
            with suppress(OSError):
                self.outlet.write(b"aiosock: %d lines were dropped here, because nobody read them\n" % dropped)


def configure_logging(config: Config) -> None:
    """Send what is logged to standard error, unless the program has its own way."""
    logger = logging.getLogger("aiosock")
    # `logging.config` disables loggers that exist already, and we exist as soon as the program has imported us.
    for each in (logger, server_logger, access_logger, app_logger):
        each.disabled = False
    if logger.handlers or logging.getLogger().handlers:
        return
    handler = _QuietHandler(sys.stderr, config.limits.log_buffer_bytes)
    plain = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(in_request)s%(message)s")
    handler.setFormatter(TerminalFormatter(sys.stderr) if is_terminal(sys.stderr) else plain)
    handler.addFilter(RequestIdFilter())
    logger.addHandler(handler)
    logger.setLevel("DEBUG" if config.debug and config.log_level == "info" else config.log_level.upper())
    if access_logger.level == logging.NOTSET:
        access_logger.setLevel(logging.INFO)  # its lines are no messages: no log_level leaves them out


def with_format_chosen(config: Config) -> Config:
    """Return the options with a `log_format` in the place of `auto`: for people where a terminal takes the lines."""
    if config.log_format != "auto":
        return config
    for_people = not config.access_log_file and is_terminal(sys.stdout) and not _has_own_way(access_logger)
    return replace(config, log_format="terminal" if for_people else "combined")


def open_access_log(config: Config) -> AccessLog:
    """Return the place of the access log: the file, the program's own logging handlers, or standard output.

    Raises ConfigError for a file that cannot be opened; where nothing is logged, none is.
    """
    if not config.access_log:
        return LoggedAccess()
    if config.access_log_file:
        return WrittenAccess(config.access_log_file, config.limits.log_buffer_bytes)
    if _has_own_way(access_logger):
        return LoggedAccess()
    handler = _handler_beside_the_access_log()
    return WrittenAccess(limit=config.limits.log_buffer_bytes, shared=handler.outlet if handler else None)


def _handler_beside_the_access_log() -> _QuietHandler | None:
    """Return our handler if it writes to the terminal, pipe or file that standard output is too.

    Then both write through one outlet, so that no message overtakes the lines of earlier requests.
    """
    for handler in logging.getLogger("aiosock").handlers:
        if isinstance(handler, _QuietHandler) and is_same_file(handler.stream, sys.stdout):
            return handler
    return None


def _has_own_way(*loggers: logging.Logger) -> bool:
    """Return whether the program has added a handler to the root logger, to `aiosock` or to one of these."""
    loggers = (*loggers, logging.getLogger("aiosock"), logging.getLogger())
    return any(not isinstance(handler, _QuietHandler) for logger in loggers for handler in logger.handlers)


def say(text: str, stream: TextIO | None) -> None:
    """Print a line; a standard stream that is closed, or that nobody reads, is no reason to stop serving."""
    line = f"{text}\n"
    with suppress(OSError, ValueError):
        # A pipe that is ready takes CHUNK_BYTES, and a character that its encoding does not have takes ten ("\U0001f600").
        for start in range(0, len(line), CHUNK_BYTES // 10):
            if stream is None or not is_ready(stream, SAYING_MILLISECONDS):
                return
            stream.write(line[start : start + CHUNK_BYTES // 10])
            stream.flush()


def _nothing() -> None:
    return


def _occupy_standard_descriptors() -> None:
    """Open the null device where a standard stream is closed, so that no socket of the loop gets its number.

    What a library prints would go to that socket's peer, and libuv aborts the process when it closes such a number.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
