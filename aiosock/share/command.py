"""The command `aiosock serve DIR`."""

import sys
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Annotated

from cyclopts import Parameter

from aiosock.config import Config
from aiosock.errors import ConfigError, not_installed
from aiosock.net.binding import local_url
from aiosock.net.server import Server
from aiosock.runner import say
from aiosock.running import run
from aiosock.share.addresses import lan_urls, local_names
from aiosock.share.app import directory_app
from aiosock.share.upload import UPLOAD_BYTES
from aiosock.web.disk.nascent import needs_names, remove_abandoned

# Switches are off by default: the help shows neither this default nor an option such as `--no-open`.
_Switch = Annotated[bool, Parameter(negative="", show_default=False)]


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """The options of `aiosock serve` besides those of the server."""

    open: _Switch = False
    """Open the page in the browser."""
    upload: _Switch = False
    """Accept files: by drag and drop, or curl -T FILE URL/. A file is replaced only if the client says so."""
    upload_bytes: int = UPLOAD_BYTES
    """Largest size of an uploaded file."""
    auth: Annotated[str, Parameter(show_default=False)] = ""
    """Require this NAME:PASSWORD. AIOSOCK_AUTH keeps it out of the list of processes."""
    cors: _Switch = False
    """Let scripts of other sites read the files."""
    spa: _Switch = False
    """Send index.html to browsers for paths without a file. For single-page applications."""
    qr: _Switch = False
    """Show the address as a QR code; needs the extra qr."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot work."""
        name, _, password = self.auth.partition(":")
        if self.auth and not (name and password):
            raise ConfigError("--auth takes NAME:PASSWORD")
        if not self.auth.isprintable():  # a line break, or bytes that are not UTF-8
            raise ConfigError("--auth takes printable characters only")
        if self.upload_bytes < 1:
            raise ConfigError(f"--upload-bytes must be positive, not {self.upload_bytes}")

    @property
    def users(self) -> dict[str, str]:
        """Passwords by name."""
        name, _, password = self.auth.partition(":")
        return {name: password} if name else {}


_Sharing = Annotated[Sharing, Parameter(name="*")]
# As in `aiosock.cli`: each field of Config is an option.
_Options = Annotated[Config, Parameter(name="*", negative_iterable=())]

_DEFAULTS = Config()


def command(directory: Path = Path(), /, *, sharing: _Sharing = Sharing(), options: _Options = _DEFAULTS) -> None:
    """Serve the files of a directory until a signal stops the server. The help that users see is in `aiosock.cli`.

    Raises ConfigError for options that cannot work.

    Parameters
    ----------
    directory
        The directory; by default the current one.
    """
    draw = _qr_drawer() if sharing.qr else None
    try:
        app = directory_app(
            directory,
            upload=sharing.upload,
            upload_bytes=sharing.upload_bytes,
            users=sharing.users,
            share=sharing.cors,
            spa=sharing.spa,
            names=local_names(options),
        )
    except NotADirectoryError as error:
        advice = f"; did you mean aiosock {directory}?" if directory.suffix == ".py" else ""
        raise ConfigError(f"{error}{advice}") from None
    if sharing.upload:  # in a thread: the directory may be large
        Thread(target=_clear, args=(directory,), name="clearing", daemon=True).start()

    if options.reload:
        if sharing.upload:
            raise ConfigError("--reload does not go with --upload: a page that reloads breaks off its uploads")
        from aiosock.dev.livereload.site import reload_site

        reload_site(app, directory)
        options = replace(options, reload=False)  # no code of the program changes
    run(app, options, when_started=partial(_announce, sharing, draw))


def _clear(directory: Path) -> None:
    """Remove the incomplete uploads of servers that were killed, where they have names."""
    with suppress(OSError):
        if needs_names(directory):
            remove_abandoned(directory)


def _announce(sharing: Sharing, draw: Callable[[str], str] | None, server: Server) -> None:
    """Print the URLs for other machines, the QR code and warnings, and open the browser."""
    others = lan_urls(server.urls)
    for url in others:
        if url not in server.urls:
            say(f"on the network: {url}", sys.stdout)
    if draw is not None:
        say(draw((others or server.urls)[0]), sys.stdout)
    for line in _warnings(sharing, others):
        say(f"aiosock: warning: {line}", sys.stderr)
    if sharing.open and server.urls[0].startswith("http:"):  # no browser can open a UNIX socket
        _open(local_url(server.urls[0]))


def _warnings(sharing: Sharing, others: Sequence[str]) -> Iterator[str]:
    """Yield warnings about risky options; `others` are the URLs at which other machines reach the server."""
    if others and sharing.auth:
        yield "the connection is not encrypted: anyone who can read the traffic can read the password"
    if others and sharing.upload and not sharing.auth:
        yield "anyone who can reach this server can add and replace files; --auth requires a password"
    if sharing.qr and not others:
        yield "other machines cannot reach the address in the QR code; --host 0.0.0.0 lets them connect"


def _open(url: str) -> None:
    """Show a page in the browser; in a thread, because a browser may take long to start."""

    def show() -> None:
        shown = False
        with suppress(Exception):  # $BROWSER may name any program
            shown = webbrowser.open(url)
        if not shown:
            say(f"aiosock: warning: no browser could open {url}", sys.stderr)

    Thread(target=show, name="browser", daemon=True).start()


def _qr_drawer() -> Callable[[str], str]:
    """Return a function that draws a QR code; raise ConfigError, which names what to install, if segno is missing."""
    try:
        import segno
    except ImportError:
        raise ConfigError(not_installed("--qr", "segno>=1.6", "qr")) from None

    def draw(url: str) -> str:
        drawn = StringIO()
        segno.make(url, micro=False).terminal(drawn, compact=True)
        return drawn.getvalue().rstrip("\n")

    return draw
