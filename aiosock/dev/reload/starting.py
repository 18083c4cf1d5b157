"""How a program with `reload` begins: as the parent, which never returns, or as the child, which serves."""

from collections.abc import Callable, Sequence

from aiosock.config import Config
from aiosock.dev.reload.link import Inheritance, end_with_parent, inheritance
from aiosock.net.server import Server
from aiosock.observe import Observer
from aiosock.runner import loop_factory
from aiosock.web.handler import Handler


def begin(config: Config) -> Inheritance:
    """Return what this process has inherited, if it is the child. If not, become the parent, and exit at the end.

    Raises ConfigError where a restart makes no sense, watchfiles is not installed, or an option cannot work.
    """
    inherited = inheritance()
    if inherited is not None:
        end_with_parent(inherited.link)
        return inherited
    from aiosock.dev.reload.command_line import command_line
    from aiosock.dev.reload.supervisor import supervise
    from aiosock.dev.watching import require_watchfiles

    command = command_line()
    require_watchfiles()
    loop_factory(config.loop)
    raise SystemExit(supervise(config, command))


def run(
    app: Handler,
    config: Config,
    *,
    when_started: Callable[[Server], None] | None = None,
    observers: Sequence[Observer] = (),
) -> None:
    """Serve an app as the child of a parent that restarts it; in the parent, see `begin`."""
    inherited = begin(config)
    from aiosock.dev.reload.child import serve_child

    serve_child(inherited, app, config, when_started=when_started, observers=observers)
