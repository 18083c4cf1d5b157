"""Tests of aiosock.cli in this process; tests/e2e runs the commands as people type them."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from aiosock import App, Config, Limits, Timeouts, cli
from aiosock.cli import main
from aiosock.terminal import show_uncaught
from aiosock.web.handler import Handler

PLAIN: dict[str, Sequence[Any]] = {
    "host": ("::1", "0.0.0.0", "localhost"),
    "port": (1, 2, 3),
    "bind": (("unix:a",), ("fd:3",), ("[::1]:1",)),
    "backlog": (1, 2, 3),
    "loop": ("uvloop", "asyncio", "uvloop"),
    "access_log": (False, True, False),
    "access_log_file": ("/a", "/b", "/c"),
    "log_format": ("json", "{status}", "{method} {target}"),
    "log_level": ("debug", "warning", "error"),
    "debug": (True, False, True),
    "inspect": ("127.0.0.1:9000", "[::1]:9000", "unix:/run/x.sock"),
    "reload": (True, False, True),
}
"""Three values for each option: from the command line, the environment and the file."""

GROUPED = {
    f"{group}.{field.name}": (1, 2, 3)
    for group, kind in (("limits", Limits), ("timeouts", Timeouts))
    for field in fields(kind)
}

OPTIONS = {**PLAIN, **GROUPED}

Run = Callable[..., Config]


@pytest.fixture(autouse=True)
def _no_options(monkeypatch: pytest.MonkeyPatch) -> None:
    for option in OPTIONS:
        monkeypatch.delenv(environment_name(option), raising=False)
    monkeypatch.delenv("AIOSOCK_CONFIG", raising=False)


@pytest.fixture(autouse=True)
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Handler, Config]]:
    """The arguments of `run`, which is replaced."""
    served: list[tuple[Handler, Config]] = []
    monkeypatch.setattr(cli, "run", lambda app, config: served.append((app, config)))
    return served


@pytest.fixture
def configured(
    served: list[tuple[Handler, Config]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Config]:
    """Return the configuration made from arguments, environment and file."""

    def configured(*arguments: str, env: Mapping[str, str] | None = None, file: str | None = None) -> Config:
        for name, value in (env or {}).items():
            monkeypatch.setenv(name, value)
        if file is not None:
            (tmp_path / "options.toml").write_text(file, encoding="utf-8")
            arguments = ("--config", str(tmp_path / "options.toml"), *arguments)
        main(App(), arguments)
        return served[-1][1]

    return configured


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Change to an empty current directory; modules that are imported from it are removed afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    return tmp_path


def flags(option: str, value: Any) -> list[str]:
    flag = option.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}", value[0] if isinstance(value, tuple) else str(value)]


def environment_name(option: str) -> str:
    return "AIOSOCK_" + option.replace(".", "_").upper()


def environment(option: str, value: Any) -> dict[str, str]:
    return {environment_name(option): value[0] if isinstance(value, tuple) else str(value).lower()}


def toml(option: str, value: Any) -> str:
    table, _, name = option.rpartition(".")
    written = {bool: str(value).lower(), tuple: str(list(value) if isinstance(value, tuple) else "")}.get(
        type(value), repr(value)
    )
    return f"[{table}]\n{name} = {written}\n" if table else f"{name} = {written}\n"


def with_option(option: str, value: Any) -> Config:
    """Return the default configuration with one option changed."""
    group, _, name = option.rpartition(".")
    if not group:
        return Config(**{option: value})
    default = Config()
    return replace(default, **{group: replace(getattr(default, group), **{name: value})})


def refused(capsys: pytest.CaptureFixture[str], app: Handler | None, *arguments: str) -> str:
    """Return the one line of an error message."""
    with pytest.raises(SystemExit) as exit_:
        main(app, arguments)

    assert exit_.value.code == 2
    output, line = capsys.readouterr()
    assert output == ""
    assert line.startswith("aiosock: error: ")
    assert line.count("\n") == 1
    return line.removeprefix("aiosock: error: ").rstrip("\n")


# Where an option comes from.


def test_every_option_is_tested_here() -> None:
    assert set(PLAIN) == {field.name for field in fields(Config)} - {"limits", "timeouts"}


def test_without_options_the_defaults_count(configured: Run) -> None:
    assert configured() == Config()


@pytest.mark.parametrize("option", OPTIONS)
def test_the_command_line_beats_environment_and_file(configured: Run, option: str) -> None:
    first, second, third = OPTIONS[option]

    config = configured(*flags(option, first), env=environment(option, second), file=toml(option, third))

    assert config == with_option(option, first)


@pytest.mark.parametrize("option", OPTIONS)
def test_the_environment_beats_the_file(configured: Run, option: str) -> None:
    _, second, third = OPTIONS[option]

    assert configured(env=environment(option, second), file=toml(option, third)) == with_option(option, second)


@pytest.mark.parametrize("option", OPTIONS)
def test_the_file_beats_the_default(configured: Run, option: str) -> None:
    assert configured(file=toml(option, OPTIONS[option][2])) == with_option(option, OPTIONS[option][2])


def test_options_of_one_group_may_come_from_different_places(configured: Run) -> None:
    config = configured(
        "--limits.fields", "1", env={"AIOSOCK_LIMITS_HEAD_BYTES": "2"}, file="[limits]\nbody_bytes = 3\n"
    )

    assert config.limits == Limits(fields=1, head_bytes=2, body_bytes=3)


def test_seconds_may_have_fractions(configured: Run) -> None:
    file = "[timeouts]\nlinger_seconds = 0.75\n"
    config = configured("--timeouts.head-seconds", "0.25", env={"AIOSOCK_TIMEOUTS_KEEP_ALIVE_SECONDS": ".5"}, file=file)

    assert config.timeouts == Timeouts(head_seconds=0.25, keep_alive_seconds=0.5, linger_seconds=0.75)


def test_an_address_may_be_given_again_and_again(configured: Run) -> None:
    assert configured("--bind", "unix:a", "--bind", "127.0.0.1:0").bind == ("unix:a", "127.0.0.1:0")
    assert configured(file="bind = ['unix:a', '127.0.0.1:0']\n").bind == ("unix:a", "127.0.0.1:0")


def test_an_option_may_be_joined_to_its_value(configured: Run) -> None:
    assert configured("--port=1", "--limits.fields=2") == Config(port=1, limits=Limits(fields=2))


def test_the_environment_may_name_the_file(configured: Run, tmp_path: Path) -> None:
    (tmp_path / "name").write_text("port = 1\n")

    assert configured(env={"AIOSOCK_CONFIG": str(tmp_path / "name")}).port == 1


def test_the_command_line_names_the_file_rather_than_the_environment(configured: Run) -> None:
    assert configured(env={"AIOSOCK_CONFIG": "nowhere"}, file="port = 1\n").port == 1


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("AIOSOCK_PRT", "; did you mean AIOSOCK_PORT?"),
        ("AIOSOCK_LIMITS_CONECTIONS", "; did you mean AIOSOCK_LIMITS_CONNECTIONS?"),
        ("AIOSOCK_HEAD_BYTES", "; did you mean AIOSOCK_LIMITS_HEAD_BYTES?"),
        ("AIOSOCK_PORT_MAX", "; did you mean AIOSOCK_PORT?"),
        ("AIOSOCK_" + "Q" * 40, ""),
    ],
)
def test_a_name_in_the_environment_that_is_no_option_is_warned_of(
    configured: Run, capsys: pytest.CaptureFixture[str], name: str, advice: str
) -> None:
    assert configured(env={name: "1"}) == Config()
    assert capsys.readouterr().err == f"aiosock: warning: {name} is not an option{advice}\n"


def test_a_name_in_the_environment_that_is_an_option_is_not_warned_of(
    configured: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    configured(
        env={
            "AIOSOCKET": "1",
            "AIOSOCK_EDITOR": "zed",
            "AIOSOCK_PURE": "1",
            **{environment_name(option): "1" for option in GROUPED},
        }
    )
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("scheme", ["tcp", "udp", "sctp"])
def test_the_service_links_of_kubernetes_are_no_options(
    configured: Run, capsys: pytest.CaptureFixture[str], scheme: str
) -> None:
    port = f"AIOSOCK_PORT_8080_{scheme.upper()}"
    links = {
        "AIOSOCK_SERVICE_HOST": "10.43.0.7",
        "AIOSOCK_SERVICE_PORT": "8080",
        "AIOSOCK_SERVICE_PORT_HTTP": "8080",
        "AIOSOCK_PORT": f"{scheme}://10.43.0.7:8080",
        port: f"{scheme}://10.43.0.7:8080",
        f"{port}_PROTO": scheme,
        f"{port}_PORT": "8080",
        f"{port}_ADDR": "10.43.0.7",
    }
    assert configured(env=links) == Config()
    assert configured(env=links, file="port = 1\n").port == 1
    assert capsys.readouterr().err == ""


def test_the_file_has_the_options_of_the_server_for_an_app_that_is_named_too(
    served: list[tuple[Handler, Config]], here: Path
) -> None:
    (here / "five.py").write_text("async def app(request): ...\n")
    (here / "options.toml").write_text("port = 1\n")

    main(None, ["five", "--config", "options.toml"])

    assert served[-1][1] == Config(port=1)


def test_checking_has_no_options_of_the_server(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    (here / "options.toml").write_text("port = 1\n")
    monkeypatch.setenv("AIOSOCK_CONFIG", "options.toml")
    monkeypatch.setenv("AIOSOCK_TIMEOUT", "0")

    with pytest.raises(SystemExit):
        main(None, ["check", "http://127.0.0.1:1", "--category", "nonsense"])

    assert "there is no category 'nonsense'" in capsys.readouterr().err


# Options that cannot work.


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--nonsense"], "--nonsense"),
        (["--nonsense", "1"], "--nonsense"),
        (["nonsense"], "'nonsense' is not an option"),
        (["--port"], "--port"),
        (["--port", "many"], "--port"),
        (["--loop", "trio"], "trio"),
        (["--limits.nonsense", "1"], "--limits.nonsense"),
        (["--limits.fields", "some"], "--limits.fields"),
        (["--limits.fields", "0"], "limits.fields must be positive, not 0"),
        (["--timeouts.head-seconds", "nan"], "timeouts.head_seconds must be positive, not nan"),
        (["--backlog", "0"], "backlog must be at least 1, not 0"),
        (["--access-log=perhaps"], "--access-log"),
        (["--config"], "--config"),
        (["--config", "nowhere"], "cannot read nowhere: No such file or directory"),
        (["--config", "."], "cannot read .: Is a directory"),
    ],
)
def test_a_wrong_argument_is_named_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert words in refused(capsys, App(), *arguments)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("AIOSOCK_PORT", "many", "AIOSOCK_PORT"),
        ("AIOSOCK_PORT", "65536", "port must be from 0 to 65535, not 65536"),
        ("AIOSOCK_ACCESS_LOG", "perhaps", "AIOSOCK_ACCESS_LOG"),
        ("AIOSOCK_LIMITS_FIELDS", "some", "AIOSOCK_LIMITS_FIELDS"),
        ("AIOSOCK_CONFIG", "nowhere", "cannot read nowhere"),
    ],
)
def test_a_wrong_environment_is_named_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)

    assert words in refused(capsys, App())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"nonsense = 1", "nonsense"),
        (b"[limits]\nnonsense = 1", "nonsense"),
        (b"[nonsense]\nport = 1", "nonsense"),
        (b"port = 'many'", "port"),
        (b"limits = 1", "must be a table: [limits]"),
        (b"[serve]\nport = 1", "may not have a table [serve]"),
        (b"[check]\ntimeout = 1", "may not have a table [check]"),
        (b"port = 65536", "port must be from 0 to 65535, not 65536"),
        (b"port = [", "is not TOML"),
        (b"host = '\xff'", "is not TOML"),
    ],
)
def test_a_wrong_file_is_named_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / "options.toml").write_bytes(content)

    assert words in refused(capsys, App(), "--config", str(tmp_path / "options.toml"))


@pytest.mark.parametrize("error", [FileNotFoundError(2, "No such file", "app.toml"), TypeError(), LookupError()])
def test_what_the_app_raises_is_not_taken_for_a_wrong_option(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def run(app: Handler, config: Config) -> None:
        raise error

    monkeypatch.setattr(cli, "run", run)

    with pytest.raises(type(error)) as raised:
        main(App(), [])
    assert raised.value is error


# Help.


@pytest.mark.parametrize("app", [App(), None])
def test_the_help_explains_every_option(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, app: App | None
) -> None:
    monkeypatch.setenv("COLUMNS", "300")

    main(app, ["--help"])

    text = capsys.readouterr().out
    for option in OPTIONS:
        assert f"--{option.replace('_', '-')} " in text
    assert "HOST:PORT, [IPV6]:PORT, unix:PATH or fd:N; may be repeated. In place of --host and --port." in text
    assert "Largest request line. Above it: status 414. Empty lines before it count too. (8 KiB)" in text
    assert "TOML file with options. (AIOSOCK_CONFIG)" in text
    assert "Write a line for each response. To standard output, unless access_log_file is set. (on; --no-acc" in text


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["check", "--help"]])
def test_each_option_takes_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int, arguments: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))

    main(None, arguments)

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    assert [line for line in lines if line.startswith("   ")] == []  # the second line of a description


def test_the_options_are_in_groups(capsys: pytest.CaptureFixture[str]) -> None:
    main(None, ["--help"])

    groups = [part.splitlines() for part in capsys.readouterr().out.split("\n\n")[3:]]
    names = {group[0]: [line.split()[0] for line in group[1:]] for group in groups}
    assert list(names) == ["Commands", "Arguments", "Options", "Where to listen", "Logging", *list(names)[5:]]
    assert list(names)[5:] == ["Development", "Limits", "Timeouts"]
    assert names["Where to listen"] == ["--host", "--port", "--bind", "--backlog", "--loop"]
    assert names["Options"] == ["--config"]
    assert "--debug" in names["Development"]
    assert {name.partition(".")[0] for name in names["Limits"]} == {"--limits"}


def test_a_terminal_that_is_narrow_gets_more_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")

    main(None, ["--help"])

    lines = capsys.readouterr().out.splitlines()
    where = lines.index("Where to listen")
    assert lines[where + 1 : where + 4] == [
        "  --host     Address or name; 0.0.0.0 is",
        "             all IPv4, :: all of both.",
        "             (127.0.0.1)",
    ]


@pytest.mark.parametrize("command", ["check", "serve"])
def test_the_help_names_every_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "300")

    main(None, ["--help"])
    everything = capsys.readouterr().out
    main(None, [command, "--help"])
    first = capsys.readouterr().out.splitlines()[2].rstrip()

    assert f" {command} " in everything
    assert first in everything


# The app that an argument names.


def test_the_first_argument_names_the_app(served: list[tuple[Handler, Config]], here: Path) -> None:
    (here / "one.py").write_text("async def handler(request): ...\n")

    main(None, ["one:handler", "--port", "1"])

    ((app, config),) = served
    assert app is sys.modules["one"].handler
    assert config == Config(port=1)


def test_without_arguments_the_three_things_to_do_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(None, [])

    output, help_ = capsys.readouterr()
    assert (exit_.value.code, output) == (2, "")
    for command in ("aiosock module:app ", "aiosock serve DIR ", "aiosock check URL ", "`aiosock --help`"):
        assert command in help_


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "1"], "no app is named: aiosock module:app"),
        (["servve", "."], "there is no command 'servve'; did you mean: aiosock serve ."),
        (["chekc", "http://a", "--json"], "Unknown option: --json"),
        (["run", "x:app"], "there is no command 'run'; did you mean: aiosock x:app"),
        (["run", "x:app", "--port", "1"], "there is no command 'run'; did you mean: aiosock x:app --port 1"),
        (["dev", "app.py"], "there is no command 'dev'; did you mean: aiosock app.py"),
        (["--port", "1", "x:app", "y:app"], "'y:app' is one argument too many"),
        (["serve", ".", "x:app"], "'x:app' is one argument too many"),
        (["x:app", "other"], "'other' is one argument too many"),
        (["x:app", "--prot", "1"], "Did you mean --port?"),
    ],
)
def test_what_people_type_first_is_refused_with_what_they_mean(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert words in refused(capsys, None, *arguments)


def test_uncaught_exceptions_are_shown_our_way_unless_the_program_has_its_own(
    monkeypatch: pytest.MonkeyPatch, served: list[tuple[Handler, Config]]
) -> None:
    def own(*_: object) -> None: ...

    for before, after in ((sys.__excepthook__, show_uncaught), (own, own)):
        monkeypatch.setattr(sys, "excepthook", before)
        main(App(), [])
        assert sys.excepthook is after
