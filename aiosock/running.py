"""Running: the front door of a program. It serves in this process, or in children that are restarted when code changes."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

from aiosock.config import Config, with_options
from aiosock.errors import ConfigError
from aiosock.net.server import Server
from aiosock.observe import Observer
from aiosock.runner import CONFIG_STATUS, run_process, say
from aiosock.web.handler import Handler
from aiosock.web.registering import check_handler


def run(
    app: Handler,
    config: Config | None = None,
    *,
    when_started: Callable[[Server], None] | None = None,
    observers: Sequence[Observer] = (),
    **options: Any,
) -> None:
    """Serve an app until SIGTERM or SIGINT, then drain; a second signal ends the process at once.

    ```python
    if __name__ == "__main__":
        run(app, port=8080)
    ```

    `options` are fields of Config, over those of `config`. `when_started` is called once in the event loop, when the
    server listens; an exception of it ends the server and comes out. `observers` are told of every request. A signal
    while the lifespan starts cancels the start. SIGUSR1 and SIGHUP open the file of the access log anew, if there is
    one.

    `run` returns after a clean drain. It exits with status 2 and one line on standard error for what is no app and if
    an option cannot work, 1 if a handler, a thread or the lifespan does not end in time, and 128 plus the number of the
    signal after a second signal. Raises TimeoutError for a lifespan that does not start or stop within its deadline.

    With `reload=True` the program is started again as a child, and once more whenever its code changes; `run` serves in
    the child, and in the parent it exits when the child has ended.
    """
    try:
        check_handler(app, ConfigError)
        config = with_options(config, options)
        if config.reload:
            from aiosock.dev.reload import run as run_reloading  # here: nothing of it is loaded unless it is asked for

            run_reloading(app, config, when_started=when_started, observers=observers)
        else:
            run_process(app, config, when_started=when_started, observers=observers)
    except ConfigError as error:
        say(f"aiosock: error: {error}", sys.stderr)
        sys.exit(CONFIG_STATUS)
