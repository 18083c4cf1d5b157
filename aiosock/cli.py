"""The command line: `aiosock module:app`, and `main(app)` for a program with its own app.

Every option is a field of Config.
"""

import os
import re
import sys
import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, NoReturn

from cyclopts import App as CommandLine
from cyclopts import CycloptsError, MissingArgumentError, Parameter, UnusedCliTokensError
from cyclopts.argument import ArgumentCollection, Token
from cyclopts.config import Dict, Env

from aiosock.config import Config
from aiosock.errors import ConfigError
from aiosock.helptext import HelpText
from aiosock.loading import COMMANDS, load
from aiosock.runner import CONFIG_STATUS, say
from aiosock.running import run
from aiosock.stopping import outlive_log_rotation
from aiosock.terminal import show_uncaught
from aiosock.version import __version__
from aiosock.web.handler import Handler

# `*` drops the name of the parameter: --port and --limits.head-bytes, not --options.port and
# --options.limits.head-bytes. No `--empty-bind`: an empty tuple is the default.
_Options = Annotated[Config, Parameter(name="*", negative_iterable=())]
_Tokens = Annotated[str, Parameter(show=False, allow_leading_hyphen=True)]
_File = Annotated[Path | None, Parameter(name="--config", env_var="AIOSOCK_CONFIG")]

_DEFAULTS = Config()

# Kubernetes sets these in every container for a service of the name aiosock; there AIOSOCK_PORT is tcp://10.43.0.7:8080.
_SERVICE_LINK = re.compile(r"AIOSOCK_(?:SERVICE_(?:HOST|PORT\w*)|PORT_\d+_(?:TCP|UDP|SCTP)\w*)", re.ASCII)
_SERVICE_URL = re.compile(r"(?:tcp|udp|sctp)://", re.ASCII)

_HELP = """Serve {what} over HTTP.

Each option can be set on the command line, in the environment (AIOSOCK_PORT, AIOSOCK_LIMITS_HEAD_BYTES, ...) or in the
TOML file of --config (port = 8080, [limits] head_bytes = 16384, ...). The first of these that sets it wins. A wider
terminal shows more of each option.
"""

_SERVE_HELP = """Serve the files of a directory: a better python -m http.server.

There are listings, archives and uploads. Only this machine can reach the files; add --host 0.0.0.0 to serve them to
the network. Each option can be set on the command line, in the environment (AIOSOCK_UPLOAD=true,
AIOSOCK_AUTH=ada:secret, AIOSOCK_PORT, ...) or in the TOML file of --config (upload = true, port = 8080, ...). The first
of these that sets it wins.
"""

_CHECK_HELP = "Check how strictly a server follows HTTP/1.1: over 800 requests."

_SHORT_HELP = """aiosock serves an app or a directory over HTTP:

  aiosock module:app    serve the app with the name `app` in module.py
  aiosock serve DIR     serve the files of a directory
  aiosock check URL     check how strictly a server follows HTTP/1.1

Try `aiosock serve .` first. `aiosock --help` shows all options."""


def main(app: Handler | None = None, arguments: Sequence[str] | None = None) -> None:
    """Serve `app`, or the app that the first argument names, with options from command line, environment and file.

    `arguments` are those of the command line, `sys.argv[1:]` by default. For an invalid option or app, write one line
    to standard error and exit with status 2.

    An exception that nobody catches is shown without the frames before the program's own.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if app is None and not arguments:
        print(_SHORT_HELP, file=sys.stderr)
        raise SystemExit(CONFIG_STATUS)  # not 0: a script whose variable is empty must notice
    commands = _commands_for(app) if app else _commands()

    def read_file(*tokens: _Tokens, file: _File = None) -> None:
        """Read the file with options before the other options.

        Parameters
        ----------
        file
            TOML file with options.
        """
        files = [Dict(_read(file), source=str(file), use_commands_as_keys=False)] if file else []
        commands.config = [_Environment("AIOSOCK_", command=False), *files]
        commands(tokens, exit_on_error=False, print_error=False)

    outlive_log_rotation()  # importing an app may take long
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = show_uncaught
    commands.meta.default(read_file)
    try:
        commands.meta(arguments, exit_on_error=False, print_error=False)
    except UnusedCliTokensError as error:
        _refuse(_too_many(arguments, (error.unused_tokens or [""])[0], has_commands=app is None))
    except MissingArgumentError as error:
        _refuse(
            "no app is named: aiosock module:app" if error.argument and error.argument.name == "APP" else str(error)
        )
    except (ConfigError, CycloptsError) as error:
        _refuse(str(error))


def _too_many(arguments: Sequence[str], extra: str, *, has_commands: bool) -> str:
    """Return what is wrong with an argument too many: most often, the first one should have been a command."""
    if not has_commands:
        return f"{extra!r} is not an option"
    first, *others = arguments
    if first in COMMANDS or first.startswith("-"):
        return f"{extra!r} is one argument too many"
    near = get_close_matches(first, COMMANDS, n=1)
    if near or ":" in extra or extra.endswith(".py"):
        return f"there is no command {first!r}; did you mean: {' '.join(['aiosock', *near, *others])}"
    return f"{extra!r} is one argument too many"


class _Environment(Env):
    """The options in the environment, without the variables of Kubernetes; warns of a name that is no option."""

    def __call__(self, app: CommandLine, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """Add the values of the environment to the arguments."""
        super().__call__(app, commands, arguments)
        for argument in arguments:
            argument.tokens[:] = [token for token in argument.tokens if not self._is_service_url(token)]
        names = [each.name for each in arguments if each.name.startswith("--") and not each.children]
        self._warn_of_unknown({self.prefix + re.sub(r"[-.]", "_", name.upper()).lstrip("_") for name in names})

    def _is_service_url(self, token: Token) -> bool:
        return token.keyword == "AIOSOCK_PORT" and _SERVICE_URL.match(token.value) is not None

    def _warn_of_unknown(self, known: set[str]) -> None:
        for name in sorted(set(os.environ) - known - {"AIOSOCK_CONFIG", "AIOSOCK_EDITOR", "AIOSOCK_PURE"}):
            if name.startswith(self.prefix) and not _SERVICE_LINK.fullmatch(name):
                close = get_close_matches(name, known, n=1)
                advice = f"; did you mean {close[0]}?" if close else ""
                say(f"aiosock: warning: {name} is not an option{advice}", sys.stderr)


def _commands_for(app: Handler) -> CommandLine:
    """Return the command line of a program with its own app."""
    name = Path(sys.argv[0]).name
    commands = _command_line(name, "the app of " + name)

    def serve(*, options: _Options = _DEFAULTS) -> None:
        run(app, options)

    commands.default(serve)
    return commands


def _commands() -> CommandLine:
    """Return the command line of `aiosock`."""
    commands = _command_line("aiosock", "an app")

    def serve(app: str, /, *, options: _Options = _DEFAULTS) -> None:
        """Serve an app.

        Parameters
        ----------
        app
            The module and the name of the app: module:app.
        """
        if options.reload:  # the parent does not import the app
            from aiosock.dev.reload import begin

            begin(options)
        run(load(app), options)

    commands.default(serve)
    # By name, with their own help: serving an app then does not import them. The cases of `check` take long to import.
    commands.command("aiosock.share.command:command", name="serve", help=_SERVE_HELP)
    commands.command("aiosock.check.command:command", name="check", help=_CHECK_HELP, config=())
    return commands


def _command_line(name: str, what: str) -> CommandLine:
    return CommandLine(
        name=name,
        help=_HELP.format(what=what),
        help_format="plaintext",
        help_formatter=HelpText(),
        version=__version__,
        result_action="return_value",
    )


def _read(file: Path) -> dict[str, Any]:
    """Return the content of a TOML file; raise ConfigError, with its name, if it cannot be read or is not valid."""
    try:
        options = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{file} is not TOML: {error}") from None
    for group in ("limits", "timeouts"):
        if not isinstance(options.get(group, {}), dict):
            raise ConfigError(f"{group} in {file} must be a table: [{group}]")
    for command in ("check", "serve"):
        if command in options:  # it would be ignored: with [serve], a password would silently not protect the files
            raise ConfigError(f"{file} may not have a table [{command}]: put the options of a command at the top level")
    return options


def _refuse(reason: str) -> NoReturn:
    print(f"aiosock: error: {reason}", file=sys.stderr)
    raise SystemExit(CONFIG_STATUS)
