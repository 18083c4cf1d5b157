"""Live reload for a directory that is served as it is: `aiosock serve DIR --reload`."""

import asyncio
import os
from collections.abc import AsyncIterator

from aiosock.dev.livereload.handler import LiveReload
from aiosock.dev.livereload.hub import Hub
from aiosock.dev.watching import Changes, SiteFiles, Watch, require_watchfiles
from aiosock.web.app import App


def reload_site(app: App, directory: str | os.PathLike[str]) -> None:
    """Let the pages that an app serves from a directory reload when a file below it changes.

    The middleware is added inside those that the app has already: without its password, nobody learns what has changed.
    Raises ConfigError if watchfiles is not installed.
    """
    require_watchfiles()
    hub, files = Hub(), SiteFiles(directory)
    app.middleware(LiveReload(hub))

    @app.lifespan
    async def watching(app: App) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()

        def tell(changes: Changes) -> None:
            loop.call_soon_threadsafe(hub.tell_all, changes.for_browsers())

        watch = Watch(files, tell)
        await asyncio.to_thread(watch.begin)
        try:
            yield
        finally:
            await asyncio.to_thread(watch.end)
