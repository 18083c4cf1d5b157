"""`aiosock serve DIR`."""

import sys
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Annotated

from cyclopts import Parameter

from aiosock.config import Config
from aiosock.errors import ConfigError
from aiosock.net.server import Server
from aiosock.runner import run, say
from aiosock.share.addresses import lan_urls, local_names, local_url
from aiosock.share.app import directory_app
from aiosock.share.upload import UPLOAD_BYTES

# A switch that is off says nothing by its default, nor by a `--no-open` beside it.
_Switch = Annotated[bool, Parameter(negative="", show_default=False)]


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """How a directory is shared."""

    open: _Switch = False
    """Open it in the browser."""
    upload: _Switch = False
    """Take files too, by drag and drop or curl -T FILE URL/; none is replaced unless the client says so."""
    upload_bytes: int = UPLOAD_BYTES
    """Size of an uploaded file, at the most."""
    auth: Annotated[str, Parameter(show_default=False)] = ""
    """NAME:PASSWORD that is asked for. AIOSOCK_AUTH keeps it out of the list of processes."""
    cors: _Switch = False
    """Let the scripts of other sites read the files."""
    spa: _Switch = False
    """Answer browsers with index.html for what is not there: an application of one page."""
    qr: _Switch = False
    """Show the address as a QR code; needs aiosock[qr]."""

    def __post_init__(self) -> None:
        """Raise ConfigError for what cannot work."""
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
# As in `aiosock.cli`: the fields of Config are options of their own.
_Options = Annotated[Config, Parameter(name="*", negative_iterable=())]

_DEFAULTS = Config()


def command(directory: Path = Path(), /, *, sharing: _Sharing = Sharing(), options: _Options = _DEFAULTS) -> None:
    """Serve the files of a directory until told to stop; see `aiosock.cli` for the help that is shown.

    Raises ConfigError for what cannot work.

    Parameters
    ----------
    directory
        The directory; without one, the current one.
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
        raise ConfigError(str(error)) from None

    def started(server: Server) -> None:
        others = lan_urls(server.urls)
        for url in others:
            if url not in server.urls:
                say(f"on the network: {url}", sys.stdout)
        if draw is not None:
            say(draw((others or server.urls)[0]), sys.stdout)
        for line in _warnings(sharing, others):
            say(f"aiosock: warning: {line}", sys.stderr)
        if sharing.open and server.urls[0].startswith("http:"):  # no browser knows UNIX sockets
            _open(local_url(server.urls[0]))

    run(app, options, when_started=started)


def _warnings(sharing: Sharing, others: Sequence[str]) -> Iterator[str]:
    """Say what may not be meant, for the URLs at which others reach us."""
    if others and sharing.auth:
        yield "this is not encrypted: whoever can read the traffic can read the password"
    if others and sharing.upload and not sharing.auth:
        yield "everybody who reaches this may add files and replace them; --auth asks for a password"
    if sharing.qr and not others:
        yield "the QR code leads no other machine here; --host 0.0.0.0 lets them in"


def _open(url: str) -> None:
    """Show a page in the browser, which may take its time to start, or not be there."""

    def show() -> None:
        shown = False
        with suppress(Exception):  # of whatever $BROWSER names
            shown = webbrowser.open(url)
        if not shown:
            say(f"aiosock: warning: there is no browser to open {url}", sys.stderr)

    Thread(target=show, name="browser", daemon=True).start()


def _qr_drawer() -> Callable[[str], str]:
    """Give what draws a QR code; raise ConfigError, saying what to install, where it is not there."""
    try:
        import segno
    except ImportError:
        raise ConfigError("--qr needs segno: pip install 'aiosock[qr]'") from None

    def draw(url: str) -> str:
        drawn = StringIO()
        segno.make(url, micro=False).terminal(drawn, compact=True)
        return drawn.getvalue().rstrip("\n")

    return draw
