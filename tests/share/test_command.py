"""Tests of aiosock.share.command in this process; tests/e2e/test_serve.py runs it as people type it."""

import sys
import threading
import webbrowser
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aiosock import App, Config
from aiosock.cli import main
from aiosock.errors import not_installed
from aiosock.share import command as module
from tests.patience import PATIENCE
from tests.test_cli import refused

LOCAL = "http://127.0.0.1:8080"
LAN = "http://10.0.0.1:8080"


class Runs:
    """Replaces `run`: keeps its arguments instead of running the app."""

    app: App
    config: Config
    when_started: Callable[[Any], None]

    def __call__(self, app: App, config: Config, *, when_started: Callable[[Any], None]) -> None:
        self.app, self.config, self.when_started = app, config, when_started

    def start(self, *urls: str) -> None:
        """Do what `run` does when the server listens."""
        self.when_started(SimpleNamespace(urls=list(urls or [LOCAL])))


@pytest.fixture(autouse=True)
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Runs:
    runs = Runs()
    monkeypatch.setattr(module, "run", runs)
    monkeypatch.chdir(tmp_path)
    for name in ("AIOSOCK_CONFIG", "AIOSOCK_PORT", "AIOSOCK_AUTH", "AIOSOCK_UPLOAD"):
        monkeypatch.delenv(name, raising=False)
    return runs


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the arguments that the app was created with."""
    asked: dict[str, Any] = {}

    def directory_app(directory: Path, **options: Any) -> App:
        asked.update(options, directory=directory)
        return App()

    monkeypatch.setattr(module, "directory_app", directory_app)
    return asked


# Options.


def test_without_arguments_the_current_directory_is_shown_to_this_machine(ran: Runs, asked: dict[str, Any]) -> None:
    main(None, ["serve"])

    assert ran.config == Config()
    assert ran.config.access_log
    assert asked == {
        "directory": Path(),
        "upload": False,
        "upload_bytes": 1024**3,
        "users": {},
        "share": False,
        "spa": False,
        "names": ["localhost", "127.0.0.1", "[::1]"],
    }


def test_options_come_from_the_command_line(ran: Runs, asked: dict[str, Any]) -> None:
    main(
        None,
        [
            "serve",
            "some/where",
            "--port=1",
            "--upload",
            "--upload-bytes=2",
            "--auth=a:b:c",
            "--cors",
            "--spa",
            "--debug",
        ],
    )

    assert ran.config == Config(port=1, debug=True)
    assert asked == {
        "directory": Path("some/where"),
        "upload": True,
        "upload_bytes": 2,
        "users": {"a": "b:c"},
        "share": True,
        "spa": True,
        "names": ["localhost", "127.0.0.1", "[::1]"],
    }


def test_options_come_from_the_environment(ran: Runs, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIOSOCK_PORT", "1")
    monkeypatch.setenv("AIOSOCK_UPLOAD", "true")
    monkeypatch.setenv("AIOSOCK_AUTH", "ada:secret")

    main(None, ["serve"])

    assert ran.config == Config(port=1)
    assert (asked["upload"], asked["users"]) == (True, {"ada": "secret"})


def test_options_come_from_the_file(ran: Runs, asked: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "options.toml").write_text("port = 1\nupload = true\nauth = 'ada:secret'\n[limits]\nfields = 3\n")

    main(None, ["serve", "--config", "options.toml", "--port", "2"])

    assert (ran.config.port, ran.config.limits.fields) == (2, 3)
    assert (asked["upload"], asked["users"]) == (True, {"ada": "secret"})


def test_a_password_may_have_any_letters(asked: dict[str, Any]) -> None:
    main(None, ["serve", "--auth", "zoë:pä ss 🦊"])

    assert asked["users"] == {"zoë": "pä ss 🦊"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "'nowhere' is not a directory"),
        (["file"], "'file' is not a directory"),
        (["app.py"], "'app.py' is not a directory; did you mean aiosock app.py?"),
        ([".", "."], "'.' is one argument too many"),
        (["--nonsense"], "--nonsense"),
        (["--auth", "ada"], "--auth takes NAME:PASSWORD"),
        (["--auth", ":secret"], "--auth takes NAME:PASSWORD"),
        (["--auth", "ada:"], "--auth takes NAME:PASSWORD"),
        (["--auth", "ada:\udcff"], "--auth takes printable characters only"),
        (["--auth", "ada:a\nb"], "--auth takes printable characters only"),
        (["--upload-bytes", "0"], "--upload-bytes must be positive, not 0"),
        (["--upload-bytes", "many"], "--upload-bytes"),
        (["--reload", "--upload"], "--reload does not go with --upload"),
        (["--port", "65536"], "port must be from 0 to 65535, not 65536"),
        (["--config", "serve.toml"], "may not have a table [serve]"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "serve.toml").write_text("[serve]\nauth = 'ada:secret'\n")

    assert words in refused(capsys, None, "serve", *arguments)


def test_a_wrong_password_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert "hunter2" not in refused(capsys, None, "serve", "--auth", "hunter2")


def test_pages_of_a_directory_reload_in_this_process(ran: Runs) -> None:
    main(None, ["serve", "--reload"])

    assert ran.config.debug
    assert not ran.config.reload  # which would start the command again


def test_without_segno_a_code_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)

    assert refused(capsys, None, "serve", "--qr") == not_installed("--qr", "segno>=1.6", "qr")


def test_the_help_is_about_files(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")

    main(None, ["serve", "--help"])

    text = capsys.readouterr().out
    assert text.startswith("Usage: aiosock serve [OPTIONS] [ARGS]\n\nServe the files of a directory")
    for option in ("open", "upload", "upload-bytes", "auth", "cors", "spa", "qr", "port", "config"):
        assert f"--{option} " in text
    assert "--no-upload" not in text
    assert "AIOSOCK_AUTH" in text


def test_the_help_of_all_names_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")

    main(None, ["--help"])

    assert "a better python -m http.server." in capsys.readouterr().out


# After the start.


def started(ran: Runs, arguments: str, *urls: str) -> None:
    main(None, ["serve", *arguments.split()])
    ran.start(*urls)


@pytest.mark.parametrize(
    ("arguments", "urls", "line"),
    [
        ("", [LOCAL], ""),
        ("--upload --auth a:b", [LOCAL, "unix:/run/a"], ""),
        ("", [LAN], ""),
        ("--upload", [LAN], "anyone who can reach this server can add and replace files; --auth requires a password"),
        ("--auth a:b", [LAN], "the connection is not encrypted: anyone who can read the traffic can read the password"),
        (
            "--upload --auth a:b",
            [LAN],
            "the connection is not encrypted: anyone who can read the traffic can read the password",
        ),
    ],
)
def test_a_warning_is_one_line(
    ran: Runs, capsys: pytest.CaptureFixture[str], arguments: str, urls: list[str], line: str
) -> None:
    started(ran, arguments, *urls)

    assert capsys.readouterr() == ("", f"aiosock: warning: {line}\n" if line else "")


def test_the_address_for_others_is_told(
    ran: Runs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "lan_urls", lambda urls: [LAN])

    started(ran, "", "http://0.0.0.0:8080")

    assert capsys.readouterr() == (f"on the network: {LAN}\n", "")


@pytest.mark.skipif(find_spec("segno") is None, reason="segno is not installed")
def test_a_code_is_of_the_address_for_others(
    ran: Runs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import segno

    made: list[str] = []
    make = segno.make

    def remember(url: str, **options: Any) -> Any:
        made.append(url)
        return make(url, **options)

    monkeypatch.setattr(segno, "make", remember)

    started(ran, "--qr", LOCAL, LAN)
    output, errors = capsys.readouterr()
    started(ran, "--qr", LOCAL)

    assert made == [LAN, LOCAL]
    assert output.count("\n") > 10
    assert "█" in output
    assert errors == ""
    assert "--host 0.0.0.0" in capsys.readouterr().err


class Broken:
    """A standard output whose reader has closed it."""

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


@pytest.mark.skipif(find_spec("segno") is None, reason="segno is not installed")
@pytest.mark.parametrize("stream", [Broken(), None])
def test_a_closed_standard_output_is_no_reason_to_stop(ran: Runs, monkeypatch: pytest.MonkeyPatch, stream: Any) -> None:
    monkeypatch.setattr(module, "lan_urls", lambda urls: [LAN])
    monkeypatch.setattr(sys, "stdout", stream)

    started(ran, "--qr", "http://0.0.0.0:8080")


# The browser.


def browser_thread() -> threading.Thread | None:
    return next((thread for thread in threading.enumerate() if thread.name == "browser"), None)


def test_the_browser_opens_what_it_can_connect_to(ran: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    done = threading.Event()

    def open_(url: str) -> bool:
        opened.append(url)
        done.set()
        return True

    monkeypatch.setattr(webbrowser, "open", open_)

    started(ran, "--open", "http://0.0.0.0:8080")

    assert done.wait(PATIENCE)
    assert opened == [LOCAL]


def test_a_browser_that_does_not_return_holds_nothing_up(ran: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    may_return = threading.Event()
    monkeypatch.setattr(webbrowser, "open", lambda url: may_return.wait(PATIENCE))

    started(ran, "--open")

    thread = browser_thread()
    assert thread is not None
    assert thread.daemon
    may_return.set()
    thread.join(PATIENCE)


@pytest.mark.parametrize("error", [None, webbrowser.Error("none"), OSError("none"), RuntimeError("none")])
def test_without_a_browser_it_serves_all_the_same(
    ran: Runs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    def open_(url: str) -> bool:
        if error is not None:
            raise error
        return False

    monkeypatch.setattr(webbrowser, "open", open_)

    started(ran, "--open")
    if (thread := browser_thread()) is not None:
        thread.join(PATIENCE)

    assert capsys.readouterr().err == f"aiosock: warning: no browser could open {LOCAL}\n"


def test_a_unix_socket_is_not_opened(ran: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda url: pytest.fail(f"opened {url}"))

    started(ran, "--open", "unix:/run/a")

    assert browser_thread() is None
