"""Tests of aiosock.access_log: the forms of its lines, and where they go."""

import json
import os
import re
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock.access_log import (
    COMBINED,
    KEPT_LINES,
    NAMES,
    AccessFormat,
    AccessWriter,
    Answered,
    WrittenAccess,
    timestamp,
)
from aiosock.errors import ConfigError
from aiosock.log import access_logger, server_logger
from tests.e2e.process import until
from tests.records import Head
from tests.terminals import terminal


class Kept:
    """A place that keeps the lines in memory."""

    def __init__(self, lines_at_once: int = 1) -> None:
        self.lines_at_once = lines_at_once
        self.lines: list[str] = []

    def write(self, lines: Sequence[str]) -> None:
        self.lines += lines

    def reopen(self) -> None: ...

    def close(self) -> None: ...


def written(log_format: str, requests: Iterable[tuple[Answered, float]], time: str) -> list[str]:
    """Return the lines of requests that took so many seconds."""
    kept = Kept()
    with patch("aiosock.access_log.timestamp", lambda _: time):
        writer = AccessWriter(log_format, kept)
        for answered, seconds in requests:
            writer.take(answered, seconds)
    return kept.lines


def line(log_format: str, **fields: Any) -> str:
    """Return the line of a request, with some values of one's own."""
    values: dict[str, Any] = {
        "client": "127.0.0.1",
        "time": "2026-01-02T03:04:05+00:00",
        "method": "GET",
        "target": "/path?a=1",
        "version": "HTTP/1.1",
        "status": 200,
        "bytes": 123,
        "seconds": 0.25,
        "referer": "http://a/",
        "user_agent": "curl/8",
        "request_id": "-",
    } | fields
    sent = {"referer": values["referer"], "user-agent": values["user_agent"]}
    head = Head(values["method"], values["target"], values["version"], sent)
    answered = (head, values["status"], values["bytes"], values["client"], values["request_id"])
    return written(log_format, [(answered, values["seconds"])], values["time"])[0]


def test_the_combined_format_is_that_of_apache_and_nginx() -> None:
    assert line("combined") == (
        '127.0.0.1 - - [2026-01-02T03:04:05+00:00] "GET /path?a=1 HTTP/1.1" 200 123 "http://a/" "curl/8"'
    )


def test_combined_is_a_template_like_any_other() -> None:
    assert line(COMBINED) == line("combined")


def test_the_json_format_has_every_name() -> None:
    values = json.loads(line("json", user_agent='"é\n{0}', target="{}"))
    assert (values["status"], values["seconds"], values["target"]) == (200, 0.25, "{}")
    assert values["user_agent"] == '"é\n{0}'
    assert sorted(values) == sorted(NAMES)


def test_a_template_uses_names_with_formats() -> None:
    assert line("{method:>6}|{seconds:.3f}|{status:04d}") == "   GET|0.250|0200"


def test_percent_signs_and_braces_stay_what_they_are() -> None:
    assert line("100%s {{}} {status} %d {target}", target="/{status}%s") == "100%s {} 200 %d /{status}%s"


def test_seconds_may_stand_anywhere_and_more_than_once() -> None:
    assert line("{seconds:.1f}{bytes} {seconds:.3f} {status}{seconds}", seconds=0.5) == "0.5123 0.500 2000.5"


def test_seconds_are_given_to_the_microsecond_in_json() -> None:
    assert '"seconds": 0.000067,' in line("json", seconds=6.700000000001e-05)


def test_a_line_that_is_kept_is_used_only_for_what_it_says() -> None:
    a, b = (Head("GET", target, "HTTP/1.1", {}) for target in ("/a", "/b"))
    requests: list[tuple[Answered, float]] = [
        ((a, 200, 5, "::1", "-"), 0.5),
        ((a, 200, 5, "::9", "-"), 0.5),
        ((a, 304, 5, "::1", "-"), 0.5),
        ((a, 200, 9, "::1", "-"), 0.5),
        ((a, 200, 5, "::1", "x"), 0.5),
        ((a, 200, 5, "::1", "-"), 9.0),
        ((b, 200, 5, "::1", "-"), 0.5),
        ((a, 200, 5, "::1", "-"), 0.5),
    ]
    assert written("{time} {client} {status} {bytes} {request_id} {seconds:.1f}{target}", requests, "now") == [
        "now ::1 200 5 - 0.5/a",
        "now ::9 200 5 - 0.5/a",
        "now ::1 304 5 - 0.5/a",
        "now ::1 200 9 - 0.5/a",
        "now ::1 200 5 x 0.5/a",
        "now ::1 200 5 - 9.0/a",
        "now ::1 200 5 - 0.5/b",
        "now ::1 200 5 - 0.5/a",
    ]


def test_a_line_has_the_second_in_which_its_request_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(lines_at_once=100)
    writer = AccessWriter("{time}", kept)
    for now in (7.9, 7.99, 8.0, 8.5, 3.2, 9.0):  # a clock can be set back too
        monkeypatch.setattr("aiosock.access_log.wall_clock", lambda now=now: now)
        writer.take((None, 200, 5, "::1", "-"), 0.5)
    writer.flush()
    assert kept.lines == [timestamp(second) for second in (7, 7, 8, 8, 3, 9)]


def test_as_many_lines_are_kept_as_are_said() -> None:
    kept = Kept()
    writer = AccessWriter("{target}", kept)
    for number in range(3 * KEPT_LINES):
        writer.take((Head("GET", f"/{number}", "HTTP/1.1", {}), 200, 5, "::1", "-"), 0.5)
    assert kept.lines == [f"/{number}" for number in range(3 * KEPT_LINES)]
    assert len(writer._kept) <= KEPT_LINES


def test_lines_are_written_together() -> None:
    kept = Kept(lines_at_once=3)
    writer = AccessWriter("{status}", kept)
    written = []
    for status in range(200, 207):
        writer.take((None, status, 5, "::1", "-"), 0.5)
        written.append(len(kept.lines))
    assert written == [0, 0, 3, 3, 3, 6, 6]
    writer.flush()
    writer.flush()
    assert kept.lines == [str(status) for status in range(200, 207)]


def test_a_place_that_fails_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Gone(Kept):
        def write(self, lines: Sequence[str]) -> None:
            raise ConnectionError("the socket of the log has gone")

    AccessWriter("{status}", Gone()).take((None, 200, 5, "::1", "-"), 0.5)
    assert "the access log failed" in caplog.text


def test_a_template_may_have_no_name_and_braces_of_its_own() -> None:
    assert line("plain {{}}") == "plain {}"


@pytest.mark.parametrize(
    ("raw", "escaped"),
    [
        ("\n", "\\x0a"),
        ("\r", "\\x0d"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x00", "\\x00"),
        ("\x7f", "\\x7f"),
        ("\x9b31m", "\\x9b31m"),
        ('"', "\\x22"),
        ("\\", "\\x5c"),
        ("é", "é"),
        ("%s {status}", "%s {status}"),
    ],
)
@pytest.mark.parametrize("name", ["client", "method", "target", "referer", "user_agent"])
def test_what_could_forge_a_line_is_escaped(raw: str, escaped: str, name: str) -> None:
    assert line(f"{{{name}}}", **{name: f"a{raw}b"}) == f"a{escaped}b"


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.text(st.characters(max_codepoint=255)), st.sampled_from(["combined", "json"]))
def test_a_line_is_one_line_without_controls(value: str, log_format: str) -> None:
    text = line(log_format, user_agent=value, referer=value, target=value)
    assert len(text.splitlines()) == 1
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in text)


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("{password}", "password"),
        ("{client} {}", "''"),
        ("{0}", "0"),
        ("{status.real}", "status.real"),
        ("{client[0]}", "client"),
        ("{user-agent}", "user-agent"),
    ],
)
def test_a_template_with_an_unknown_name_is_refused(template: str, named: str) -> None:
    with pytest.raises(ConfigError, match="log_format") as raised:
        AccessFormat(template)
    assert named in str(raised.value)


TOO_WIDE = ["{client:>1001}", "{status:099999999999}", "{bytes:_>99999999999}", "{seconds:.1001f}"]


@pytest.mark.parametrize(
    "template",
    # {bytes:c} would write a line break for a response of 10 bytes, and fail for one of 2 MB.
    [
        "{",
        "}",
        "{status",
        "{status:s}",
        "{client:d}",
        "{client!x}",
        "{client:{",
        "{bytes:c}",
        "{status:>5c}",
        *TOO_WIDE,
    ],
)
def test_a_malformed_template_is_refused(template: str) -> None:
    with pytest.raises(ConfigError, match="malformed"):
        AccessFormat(template)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="bytes, client, method, referer, request_id, seconds, status, target, time"):
        AccessFormat("{x}")


def test_a_time_is_in_utc() -> None:
    assert timestamp(1) == "1970-01-01T00:00:01+00:00"


# Destinations of the lines.


def test_lines_are_text_of_any_kind(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    lines = WrittenAccess(str(path))
    lines.write(["first", ""])
    lines.write(["é\ud800"])
    lines.close()
    assert path.read_bytes() == "first\n\né\\ud800\n".encode()


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text("before\n")
    lines = WrittenAccess(str(tmp_path / "access.log"))
    lines.write(["after"])
    lines.close()
    assert (tmp_path / "access.log").read_text() == "before\nafter\n"


def test_a_file_that_was_moved_away_is_followed_by_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    lines = WrittenAccess(str(path))
    lines.write(["one"])
    path.rename(tmp_path / "old.log")
    lines.reopen()
    lines.write(["two"])
    lines.close()
    assert ((tmp_path / "old.log").read_text(), path.read_text()) == ("one\n", "two\n")


def test_a_file_that_cannot_be_opened_again_is_gone_on_with(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "logs").mkdir()
    lines = WrittenAccess(str(tmp_path / "logs/access.log"))
    (tmp_path / "logs").rename(tmp_path / "old")
    lines.reopen()
    lines.write(["one"])
    lines.close()
    assert (tmp_path / "old/access.log").read_text() == "one\n"
    assert "cannot write the access log" in caplog.text


def test_a_file_that_cannot_be_opened_is_an_option_that_cannot_work(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot write the access log to .*: No such file or directory"):
        WrittenAccess(str(tmp_path / "missing/access.log"))


class Full:
    """A stream on a full disk."""

    def flush(self) -> None:
        pass

    def write(self, data: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize(("stream", "said"), [(None, 0), (object(), 1), (Full(), 1)])
def test_a_stream_that_takes_no_lines_costs_lines_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stream: object, said: int
) -> None:
    monkeypatch.setattr(sys, "stdout", stream)
    lines = WrittenAccess()
    lines.write(["lost" * 100] * 100)
    lines.reopen()
    lines.close()
    assert caplog.text.count("the lines of the access log are lost: ") == said


# A reader that stands still.


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def fill(lines: WrittenAccess) -> int:
    """Write more than a pipe and the buffer hold; return the number of lines."""
    for number in range(0, 1000, 10):
        lines.write([f"{each} ".ljust(999, "x") for each in range(number, number + 10)])
    return 1000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_lines_that_nobody_reads_are_dropped_counted_and_said(fifo: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = WrittenAccess(str(fifo), 200_000)
    written = fill(lines)
    assert caplog.messages == ["nobody reads the access log; its lines are dropped"]

    read = b""

    def is_counted() -> bool:
        nonlocal read
        with suppress(BlockingIOError):
            while piece := os.read(reader, 65536):
                read += piece
        return len(caplog.messages) == 2

    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    until(is_counted)
    lines.close()
    is_counted()  # what the pipe still holds
    os.close(reader)

    whole = read.splitlines()
    assert caplog.messages[1] == f"{written - len(whole)} lines of the access log were dropped"
    assert {len(line) for line in whole} == {999}
    assert len(read) >= 200_000 - 10_000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_a_slow_reader_loses_nothing(fifo: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = WrittenAccess(str(fifo))
    written = fill(lines)
    lines.write(["end"])

    with fifo.open() as reader:
        assert len(list(iter(reader.readline, "end\n"))) == written
    lines.close()
    assert caplog.messages == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_a_file_is_opened_anew_while_nobody_reads(fifo: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = WrittenAccess(str(fifo), 200_000)
    fill(lines)
    fifo.unlink()
    lines.reopen()
    lines.write(["new"])
    lines.close()
    assert fifo.read_text() == "new\n"
    assert [re.sub(r"^\d+", "N", message) for message in caplog.messages] == [
        "nobody reads the access log; its lines are dropped",
        "N lines of the access log were dropped",
    ]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such flags")
def test_the_flags_of_standard_output_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    with open(reader, "rb") as reading, open(writer, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        lines = WrittenAccess()
        stream.write("printed\n")
        lines.write(["one"])
        assert os.get_blocking(writer)
        assert os.read(reading.fileno(), 100) == b"printed\none\n"
        fill(lines)
        assert os.get_blocking(writer)
        until(lambda: b"999 " in os.read(reading.fileno(), 4096))
        lines.close()


def test_importing_configures_no_logger() -> None:
    assert server_logger.name == "aiosock.server"
    assert access_logger.name == "aiosock.access"
    assert server_logger.handlers == access_logger.handlers == []


# A terminal, and other threads.


@pytest.mark.skipif(sys.platform == "win32", reason="there are no ptys")
def test_a_terminal_gets_each_line_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal() as shown:
        monkeypatch.setattr(sys, "stdout", shown.stream)
        log = WrittenAccess()
        shown.stream.write("printed\n")
        AccessWriter("{status}", log).take((None, 400, 0, "-", "-"), 0)
        assert shown.shown == "printed\n400\n"
        log.close()


class Others:
    """An outlet that others close."""

    def __init__(self) -> None:
        self.lines = b""

    def write(self, lines: bytes) -> None:
        self.lines += lines

    def close(self, seconds: float = 0) -> None:
        raise AssertionError("it belongs to others")


def test_an_outlet_that_others_write_to_stays_open() -> None:
    outlet = Others()
    log = WrittenAccess(shared=outlet)
    log.write(["one"])
    log.close()
    assert outlet.lines == b"one\n"


def test_a_flush_in_another_thread_loses_no_line_and_no_order() -> None:
    kept = Kept(lines_at_once=100)
    writer = AccessWriter("{status}", kept)
    is_over = threading.Event()

    def flush() -> None:
        while not is_over.is_set():
            writer.flush(wait=False)

    flusher = threading.Thread(target=flush)
    flusher.start()
    for status in range(20_000):
        writer.take((None, status, 0, "-", "-"), 0)
    is_over.set()
    flusher.join()
    writer.flush()
    assert kept.lines == [str(status) for status in range(20_000)]


def test_a_message_does_not_wait_for_a_thread_that_writes_lines() -> None:
    class Waiting(Kept):
        def write(self, lines: Sequence[str]) -> None:
            is_writing.set()
            may_end.wait()
            super().write(lines)

    is_writing, may_end = threading.Event(), threading.Event()
    kept = Waiting(lines_at_once=100)
    writer = AccessWriter("{status}", kept)
    writer.take((None, 200, 0, "-", "-"), 0)
    other = threading.Thread(target=writer.flush)
    other.start()
    is_writing.wait()
    writer.take((None, 201, 0, "-", "-"), 0)
    writer.flush(wait=False)
    may_end.set()
    other.join()
    writer.flush()
    assert kept.lines == ["200", "201"]


def test_auto_is_combined_where_nobody_has_chosen() -> None:
    assert line("auto") == line("combined")
