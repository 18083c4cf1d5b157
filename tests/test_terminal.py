"""Tests of aiosock.terminal: the lines and the messages that people read."""

import logging
import re
import sys
from io import StringIO
from typing import Any, TextIO

import pytest

from aiosock.observe import Ending, RequestRecord
from aiosock.terminal import (
    TerminalFormat,
    TerminalFormatter,
    TerminalObserver,
    duration_of,
    has_colours,
    is_terminal,
    show_uncaught,
    size_of,
)
from tests.records import Head
from tests.terminals import terminal, without_colours

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no ptys")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def record_of(method: str, target: str) -> RequestRecord:
    record = RequestRecord()
    record.head, record.client = Head(method, target, "HTTP/1.1", {}), "127.0.0.1"
    record.status, record.sent, record.seconds = 200, 1234, 0.0032
    return record


def line(columns: int = 80, target: str = "/", method: str = "GET", **values: Any) -> str:
    """Return the line of a request, without its time."""
    record = record_of(method, target)
    for name, value in values.items():
        setattr(record, name, value)
    with terminal(columns) as shown:
        written = TerminalFormat(shown.stream).line(record)
    assert re.match(r"\x1b\[2m\d\d:\d\d:\d\d\x1b\[m ", written)
    return written.partition(" ")[2]


def plain(columns: int = 80, **values: Any) -> str:
    return without_colours(line(columns, **values))


# A line.


def test_a_line_has_columns() -> None:
    assert plain() == "200 GET       3.2 ms    1.2 kB  /"
    assert plain(method="OPTIONS", target="/a?b=1", status=404, sent=0, seconds=0.5) == (
        "404 OPTIONS   500 ms      0 B   /a?b=1"
    )


@pytest.mark.parametrize(("status", "style"), [(101, "2"), (200, "32"), (304, "36"), (404, "33"), (500, "1;31")])
def test_a_status_has_the_colour_of_its_class(status: int, style: str) -> None:
    assert line(status=status).startswith(f"\x1b[{style}m{status}\x1b[m ")


def test_a_slow_response_is_marked() -> None:
    assert plain(seconds=1.0) == "200 GET       1.0 s     1.2 kB  /  slow"
    assert "slow" not in plain(seconds=0.99)
    assert "\x1b[33m  1.0 s" in line(seconds=1.0)


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (Ending.LEFT, "the client left"),
        (Ending.BROKEN, "cut off"),
        (Ending.CANCELLED, "cancelled"),
        (Ending.REFUSED, "not valid HTTP"),
    ],
)
def test_a_request_that_did_not_end_well_says_how(ending: Ending, words: str) -> None:
    assert plain(ending=ending, status=0, seconds=5.0) == f"--- GET       5.0 s     1.2 kB  /  {words}"


def test_a_request_that_is_not_valid_has_no_method_and_no_target() -> None:
    assert plain(head=None, status=400, ending=Ending.REFUSED) == "400 -         3.2 ms    1.2 kB  -  not valid HTTP"


@pytest.mark.parametrize("client", ["127.0.0.1", "127.1.2.3", "::1", "-"])
def test_a_client_on_this_machine_is_not_named(client: str) -> None:
    assert "from" not in plain(client=client)


def test_another_client_is_named_last() -> None:
    assert plain(client="192.0.2.7").endswith("/  from 192.0.2.7")
    assert plain(client="192.0.2.7\x1b[2J").endswith("from 192.0.2.7\\x1b[2J")


@pytest.mark.parametrize("columns", [75, 80, 132, 300])
def test_a_long_target_is_cut_to_the_width(columns: int) -> None:
    for values in ({}, {"seconds": 2.0}, {"client": "192.0.2.7"}):
        written = plain(columns, target="/" + "x" * 8000, **values)
        assert len(written) + len("12:34:56 ") == columns
        assert "x…" in written


@pytest.mark.parametrize("columns", [0, 1, 20])
def test_a_terminal_too_narrow_still_shows_the_beginning_of_the_target(columns: int) -> None:
    assert "  /xxxxxxxxxxxxxx" in plain(columns, target="/" + "x" * 8000)
    assert len(plain(columns, target="/" + "x" * 8000)) <= 80


def test_a_method_keeps_its_column() -> None:
    assert plain(method="M" * 8000) == "200 MMMMMM…   3.2 ms    1.2 kB  /"


def test_a_target_controls_no_terminal() -> None:
    hostile = "/\x1b[2J\x1b]0;title\x07\x9b31m\r\n\x7f\u202e\u0301\u4e2d"
    written = line(200, target=hostile, method="\x1b[2J")

    assert written.partition("kB")[2].removeprefix("\x1b[m").isprintable()
    assert "/\\x1b[2J\\x1b]0;title\\x07\\x9b31m\\x0d\\x0a\\x7f\\u202e\\u0301\\u4e2d" in written
    assert len(plain(60, target=hostile * 1000)) + len("12:34:56 ") == 60


def test_a_pipe_gets_whole_targets_and_no_colours() -> None:
    written = TerminalFormat(StringIO()).line(record_of("GET", "/" + "x" * 8000))
    assert written.endswith("x" * 8000)
    assert "\x1b" not in written


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 ms"),
        (0.00042, "0.4 ms"),
        (0.00994, "9.9 ms"),
        (0.00999, "10 ms"),
        (0.9994, "999 ms"),
        (0.9999, "1.0 s"),
        (99.94, "99.9 s"),
        (100, "1.7 min"),
        (5996, "99.9 min"),
        (7200, "2.0 h"),
        (7200 * 1000, "2000.0 h"),
    ],
)
def test_a_duration_is_shown_in_words(seconds: float, text: str) -> None:
    assert duration_of(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9940, "9.9 kB"),
        (9999, "10 kB"),
        (999_499, "999 kB"),
        (999_999, "1.0 MB"),
        (34_000_000, "34 MB"),
        (10**9, "1.0 GB"),
        (10**13, "10.0 TB"),
    ],
)
def test_a_size_is_shown_in_words(count: int, text: str) -> None:
    assert size_of(count) == text


async def test_a_server_shows_lines_through_its_access_log() -> None:
    lines: list[str] = []
    record = record_of("GET", "/")
    TerminalObserver(lines.extend).finished(record)
    assert without_colours(lines[0]).endswith(" 200 GET       3.2 ms    1.2 kB  /")


def test_what_our_own_pages_ask_for_has_no_line() -> None:
    lines: list[str] = []
    record = record_of("GET", "/_aiosock/reload")
    record.route = "/_aiosock/reload"
    TerminalObserver(lines.extend).finished(record)

    assert lines == []


# Colours.


def test_a_terminal_has_colours_and_a_pipe_has_none() -> None:
    with terminal() as shown:
        assert is_terminal(shown.stream)
        assert has_colours(shown.stream)
    for stream in (StringIO(), None, shown.stream):  # the last one is closed
        assert not is_terminal(stream)
        assert not has_colours(stream)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("NO_COLOR", "1", False),
        ("NO_COLOR", "", True),
        ("TERM", "dumb", False),
        ("FORCE_COLOR", "1", True),
    ],
)
def test_the_environment_decides_about_colours(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: bool
) -> None:
    monkeypatch.setenv(name, value)
    with terminal() as shown:
        assert has_colours(shown.stream) is expected


def test_colours_can_be_forced_for_a_pipe_but_not_against_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert has_colours(StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_colours(StringIO())


# Messages.


def message(text: str, *arguments: object, level: int = logging.ERROR, error: BaseException | None = None) -> str:
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    record = logging.LogRecord("aiosock.app", level, __file__, 1, text, arguments, exc_info)
    with terminal() as shown:
        return TerminalFormatter(shown.stream).format(record)


def test_a_message_has_time_level_and_text() -> None:
    written = message("%s %s failed", "GET", "/")
    assert re.fullmatch(r"\d\d:\d\d:\d\d error GET / failed", without_colours(written))
    assert "\x1b[1;31merror\x1b[m" in written
    assert "\x1b[33mwarning\x1b[m" in message("x", level=logging.WARNING)


def test_an_exception_is_shown_once_and_controls_no_terminal() -> None:
    try:
        int("\x1b[2J7")
    except ValueError as error:
        written = message("failed: %s", "\x1b[31m", error=error)
    assert without_colours(written).count("ValueError") == 1
    assert "\\x1b[2J" in written
    assert "\x1b[2J" not in written
    assert "failed: \\x1b[31m\n" in written


def test_the_frames_of_libraries_are_pale() -> None:
    try:
        re.compile("(")
    except re.error as error:
        written = message("failed", error=error)
    pale = re.findall(r"\x1b\[2m(.*)\x1b\[m", written)[1:]
    assert pale
    assert all(re.fullmatch(r"    re/\w+\.py:\d+ in \w+", each) for each in pale)
    assert re.match(r"\x1b\[31mre\.\w+: ", written.splitlines()[-1])  # re.error, and since 3.13 re.PatternError


# What ends the program.


def uncaught(stream: TextIO, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    try:
        raise error
    except BaseException as raised:
        show_uncaught(type(raised), raised, raised.__traceback__)


def test_a_terminal_shows_an_uncaught_exception_in_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal() as shown:
        uncaught(shown.stream, monkeypatch, ValueError("\x1b[2J"))
        shown.stream.flush()
        assert shown.shown.endswith("\x1b[31mValueError: \\x1b[2J\x1b[m\n")


def test_a_pipe_gets_the_plain_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StringIO()
    uncaught(stream, monkeypatch, ValueError("mine"))
    first, second, *_, last = stream.getvalue().splitlines()
    assert first == "Traceback (most recent call last):"
    assert second.startswith(f'  File "{__file__}"')
    assert last == "ValueError: mine"


def test_what_is_no_failure_is_shown_as_python_does(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(sys, "__excepthook__", lambda *error: seen.append(error[0]))
    uncaught(StringIO(), monkeypatch, KeyboardInterrupt())
    assert seen == [KeyboardInterrupt]
