"""The child: the program, on sockets of its parent, until that tells it to make room for its successor."""

import asyncio
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final

from aiosock.config import Config
from aiosock.dev.livereload import Hub, with_live_reload
from aiosock.dev.reload.link import STANDARD_ERROR, Inheritance, Link, Message
from aiosock.errors import ConfigError
from aiosock.net.server import Server
from aiosock.observe import Observer
from aiosock.runner import banner, run_process, say
from aiosock.web.handler import Handler

DRAIN_SECONDS: Final = 5.0
"""The longest time for the requests under way, in place of `timeouts.drain_seconds`: nobody waits for them but one person."""

RELEASE_SECONDS: Final = 0.02
"""How often to look for connections that have become idle, to hand them on."""


def serve_child(
    inherited: Inheritance,
    app: Handler,
    config: Config,
    *,
    when_started: Callable[[Server], None] | None = None,
    observers: Sequence[Observer] = (),
) -> None:
    """Serve an app on the sockets of the parent, and tell it how that goes. Raises what `run_process` raises."""
    os.dup2(inherited.standard_error, STANDARD_ERROR)
    os.close(inherited.standard_error)
    link, hub = Link(socket.socket(fileno=inherited.link)), Hub()
    child = Child(link, hub, is_first=inherited.is_first)
    threading.Thread(target=child.listen, name="reload", daemon=True).start()
    link.tell("begun", imported_from())
    child.may_start.wait()
    try:
        run_process(
            with_live_reload(app, hub),
            for_development(config, inherited.listeners),
            notices=child,
            when_started=when_started,
            observers=observers,
        )
    except ConfigError as error:
        link.tell("failed", str(error))
        raise
    except Exception:
        link.tell("failed", traceback.format_exc())
        raise


def for_development(config: Config, listeners: Sequence[int]) -> Config:
    """Return the options with these listening sockets, and without long waits at the end."""
    timeouts = config.timeouts
    return replace(
        config,
        reload=False,  # it is done already
        bind=tuple(f"fd:{number}" for number in listeners),
        timeouts=replace(timeouts, drain_seconds=min(timeouts.drain_seconds, DRAIN_SECONDS)),
    )


def imported_from() -> list[str]:
    """Return the directories of everything that has been imported."""
    files = [getattr(module, "__file__", None) or "" for module in tuple(sys.modules.values())]
    return sorted({os.path.dirname(file) for file in files if os.path.isabs(file)})


class Child:
    """The child's end: it does what the parent tells it, and tells when it is ready."""

    def __init__(self, link: Link, hub: Hub, *, is_first: bool) -> None:
        self._link = link
        self._hub = hub
        self._is_first = is_first
        self._tasks: set[asyncio.Task[None]] = set()
        self.may_start: threading.Event = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: Callable[[], None]
        self._server: Server | None = None

    # Notices.

    def starting(self, stop: Callable[[], None]) -> None:
        """Obey from now on."""
        self._stop, self._loop = stop, asyncio.get_running_loop()

    def ready(self, server: Server, inspector_url: str) -> None:
        """Tell the parent; the first child also tells the person at the terminal."""
        self._server = server
        if self._is_first:
            say(banner(server, inspector_url), sys.stdout)
        self._link.tell("ready")

    def stopping(self, how: str) -> None:
        """Leave it to the parent to tell."""

    # What the parent tells, in a thread.

    def listen(self) -> None:
        """Do what the parent tells, as long as it is there; `end_with_parent` does the rest."""
        for message in self._link.messages():
            if message.word == "go":
                self.may_start.set()
            elif self._loop is not None:
                self._loop.call_soon_threadsafe(self._obey, message)
            else:  # it has nothing that would have to be ended in order
                os.kill(os.getpid(), signal.SIGTERM)

    def _obey(self, message: Message) -> None:
        match message.word:
            case "changed":
                self._hub.tell_all(message.about)
            case "adopt" if self._server is not None and message.sock is not None:
                self._start(self._server.adopt(message.sock))
            case "leave" if self._server is not None:
                self._start(hand_over(self._server, self._keep, self._stop))
            case _:
                self._stop()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _keep(self, sock: socket.socket) -> None:
        self._link.tell("kept", sock=sock)


async def hand_over(server: Server, keep: Callable[[socket.socket], None], stop: Callable[[], None]) -> None:
    """Stop accepting, pass the idle connections to `keep`, and call `stop`, which begins the drain.

    Requests under way are finished. Their connections close; those whose response has not said so are kept as well.
    """
    await server.leave()
    for sock in server.release():
        keep(sock)
    stop()
    while server.connections:
        await asyncio.sleep(RELEASE_SECONDS)
        for sock in server.release():
            keep(sock)
