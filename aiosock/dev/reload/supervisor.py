"""Supervisor: the parent. It binds, runs no code of the program, and keeps one child that has the newest code.

When a file changes, the child stops accepting, hands on its idle connections and finishes the requests under way. Clients
that come meanwhile wait in the backlog of the kernel, whose sockets the parent holds. The next child serves them all. If it
does not start, the parent itself answers with the reason, until a file is saved.
"""

import asyncio
import os
import signal
import socket
import sys
import sysconfig
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from importlib.util import cache_from_source
from typing import Any, Final

from aiosock.config import Config
from aiosock.dev.reload.child import DRAIN_SECONDS
from aiosock.dev.reload.command_line import environment
from aiosock.dev.reload.error_page import ErrorPage
from aiosock.dev.reload.failure import Failure
from aiosock.dev.reload.link import Message
from aiosock.dev.reload.program import Launch, Program
from aiosock.dev.watching import Changes, ProgramFiles, Watch
from aiosock.net.binding import Bound, bind
from aiosock.runner import say
from aiosock.stopping import GRACE_SECONDS, REOPENING, STOPPING, exit_now, has_terminal, is_ours
from aiosock.traces import is_own

SUCCESSION_SECONDS: Final = 0.25
"""How long a child waits for the end of the one before it: a slow request must not hold up new code."""

LEAVING_SECONDS: Final = DRAIN_SECONDS + 5.0
"""The time after which a child is killed that has been told to leave: its handler blocks the loop, say."""


def supervise(config: Config, command: Sequence[str]) -> int:
    """Run the program until a signal, and restart it when a file changes; return the exit status.

    Raises ConfigError for an address that is not available, and where files cannot be watched.
    """
    bound = bind(config)
    try:
        for each in bound:
            if not each.is_shared:
                each.sock.listen(config.backlog)
        return asyncio.run(Supervisor(config, command, bound).run())
    finally:
        for each in bound:
            each.close()


def _roots() -> list[str]:
    """Return the directories of the program: the current one, and that of its file, if it is not installed."""
    home = os.path.dirname(os.path.realpath(sys.argv[0]))
    is_installed = home == os.path.realpath(sysconfig.get_path("scripts")) or "site-packages" in home
    roots = {os.getcwd()} if is_installed or sys.argv[0] in ("-c", "-m") else {os.getcwd(), home}
    return sorted(roots - {"/"} or roots)


class Supervisor:
    """The parent process. All of it but the watch and the links runs in one loop."""

    def __init__(self, config: Config, command: Sequence[str], bound: Sequence[Bound]) -> None:
        self._config = config
        self._bound = bound
        self._launch = Launch(command, environment(), [each.sock for each in bound])
        self._files = ProgramFiles(*_roots())
        self._current: Program | None = None
        self._leaving: set[Program] = set()
        self._page: ErrorPage | None = None
        self._kept: list[socket.socket] = []
        self._changed: set[str] = set()
        self._changed_at = 0.0
        self._has_served = False
        self._has_failed_beside = False
        self._had_terminal = has_terminal()
        self._is_ending = False
        self._status = 0
        self._turn = asyncio.Lock()
        self._waiting: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._over = asyncio.Event()

    async def run(self) -> int:
        """Run until a signal; return the exit status."""
        loop = asyncio.get_running_loop()
        for number in STOPPING:
            loop.add_signal_handler(number, self._signalled, number)
        for number in REOPENING:
            if is_ours(number):
                loop.add_signal_handler(number, self._rotate, number)
        try:
            with Watch(self._files, lambda changes: loop.call_soon_threadsafe(self._see, changes)):
                self._start()
                await self._over.wait()
        finally:
            self._kill()
        if self._page is not None:
            page = self._page
            await self._close(page)
            await page.ended()
        for sock in self._kept:
            sock.close()
        return self._status

    # Changes.

    def _see(self, changes: Changes) -> None:
        """Do what changed files ask for."""
        if changes.restarting:
            self._restart(changes.restarting)
        elif self._current is not None and self._current.is_ready:
            self._current.link.tell("changed", changes.for_browsers())

    def _restart(self, paths: Sequence[str]) -> None:
        self._changed |= set(paths)
        if self._is_ending or (self._waiting is not None and not self._waiting.done()):
            return  # the next child has not started yet, so it sees these changes too
        self._changed_at = time.monotonic()
        self._waiting = self._task(self._replace())

    async def _replace(self) -> None:
        """Start the next child, and let the present one go."""
        async with self._turn:
            if self._page is not None:
                await self._close(self._page)
            predecessor, self._current = self._current, None
            if predecessor is not None:
                await self._dismiss(predecessor)
            if not self._is_ending:
                self._start()

    async def _dismiss(self, program: Program) -> None:
        """Tell a child to go. Wait for the end of one that has served nobody: it might still compile what has changed."""
        self._leaving.add(program)
        if program.has_begun:
            program.link.tell("leave")
        else:
            program.send(signal.SIGTERM)
        if not program.is_ready and not await program.ends_within(SUCCESSION_SECONDS):
            program.send(signal.SIGKILL)
            await program.ended.wait()
        asyncio.get_running_loop().call_later(LEAVING_SECONDS, program.send, signal.SIGKILL)

    def _start(self) -> None:
        for path in self._changed:
            _forget_bytecode(path)
        try:
            self._current = Program(
                self._launch, is_first=not self._has_served, on_message=self._hear, on_end=self._see_end
            )
        except OSError as error:
            self._task(self._fail(Failure(f"the program cannot be started: {error}")))
        else:
            self._task(self._let_go(self._current))

    async def _let_go(self, program: Program) -> None:
        """Let a child start its lifespan when those before it have ended, or have been given their time.

        Until then it imports the program, which takes longer.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(SUCCESSION_SECONDS):
                for each in tuple(self._leaving):
                    await each.ended.wait()
        program.link.tell("go")

    # What children tell.

    def _hear(self, program: Program, message: Message) -> None:
        if message.word == "kept" and message.sock is not None:
            self._pass_on(message.sock)
        elif message.word == "begun":
            self._files.add(directory for directory in message.about if is_own(os.path.join(directory, "")))
        elif message.word == "ready" and program is self._current:
            self._announce()
            self._pass_on_kept()

    def _pass_on(self, sock: socket.socket) -> None:
        """Let an idle connection be served by whoever serves now; keep it while nobody does."""
        if self._page is not None:
            self._task(self._page.adopt(sock))
        elif self._current is not None and self._current.is_ready:
            self._current.link.tell("adopt", sock=sock)
        else:
            self._kept.append(sock)

    def _pass_on_kept(self) -> None:
        kept, self._kept = self._kept, []
        for sock in kept:
            self._pass_on(sock)

    def _announce(self) -> None:
        changed, self._changed = sorted(self._changed), set()
        if changed and self._has_served:
            others = f" and {len(changed) - 1} more" if changed[1:] else ""
            seconds = time.monotonic() - self._changed_at
            say(f"aiosock: {_shown(changed[0])}{others} changed; restarted in {seconds:.2f} s", sys.stderr)
        elif not self._has_served:
            say(f"aiosock: restarts when a file below {' or '.join(self._files.roots)} changes", sys.stderr)
        self._has_served = True

    def _see_end(self, program: Program) -> None:
        self._leaving.discard(program)
        if self._is_ending:
            if program is self._current:
                self._status = program.status
            self._end_if_alone()
        elif program is self._current:
            self._current = None
            failure = program.failure
            self._has_failed_beside = bool(self._leaving) and failure.may_be_of_a_predecessor
            self._task(self._fail(failure))
        elif self._page is not None and self._has_failed_beside and not self._leaving:
            self._restart([])

    # A program that does not run.

    async def _fail(self, failure: Failure) -> None:
        """Answer requests with the reason."""
        say(f"aiosock: {failure.summary}; waiting for a file to be saved", sys.stderr)
        async with self._turn:
            if self._current is not None or self._page is not None or self._is_ending:
                return
            page = ErrorPage(failure, self._config, self._launch.listeners)
            await page.start()
            self._page = page
            self._pass_on_kept()

    async def _close(self, page: ErrorPage) -> None:
        """Let the clients wait for the next child."""
        self._page = None
        await page.close(self._pass_on)

    # The end.

    def _signalled(self, number: signal.Signals) -> None:
        if self._is_ending:
            self._kill()
            for each in self._bound:
                each.close()
            exit_now(128 + number)
        self._is_ending = True
        say("aiosock: draining; a second signal ends it at once", sys.stderr)
        for program in self._programs():
            # A terminal has sent the signal to the child as well. What the link tells does not count as a second one.
            if program.has_begun:
                program.link.tell("end")
            else:
                program.send(signal.SIGTERM)
        patience = DRAIN_SECONDS + self._config.timeouts.stop_seconds + 2 * GRACE_SECONDS
        asyncio.get_running_loop().call_later(patience, self._kill)
        self._end_if_alone()

    def _rotate(self, number: signal.Signals) -> None:
        """Pass on a signal of log rotation; end if the terminal has been closed, whose signal the child has got as well."""
        if number == signal.SIGHUP and self._had_terminal and not has_terminal():
            self._signalled(number)
        elif self._current is not None and self._current.is_ready:
            self._current.send(number)

    def _programs(self) -> list[Program]:
        return [*self._leaving, *([self._current] if self._current is not None else [])]

    def _end_if_alone(self) -> None:
        if all(program.ended.is_set() for program in self._programs()):
            self._over.set()

    def _kill(self) -> None:
        for program in self._programs():
            program.send(signal.SIGKILL)

    def _task(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _forget_bytecode(path: str) -> None:
    """Remove the compiled form of a module. Python keeps it if size and second of the source are the same."""
    if path.endswith(".py"):
        with suppress(OSError, NotImplementedError, ValueError):
            os.unlink(cache_from_source(path))


def _shown(path: str) -> str:
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative
