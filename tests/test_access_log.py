"""Tests of aiosock.access_log: the forms of its lines, and where they go."""

import json
import os
import re
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock.access_log import (
    BLOCK_CHARACTERS,
    COMBINED,
    KEPT_LINES,
    NAMES,
    AccessFormat,
    AccessObserver,
    BufferedAccess,
    timestamp,
)
from aiosock.errors import ConfigError
from aiosock.log import access_logger, server_logger
from tests.e2e.process import until
from tests.records import record_of
from tests.terminals import terminal


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
    record = record_of(values["method"], values["target"], values["version"], sent)
    record.client, record.request_id = values["client"], values["request_id"]
    record.status, record.sent, record.seconds = values["status"], values["bytes"], values["seconds"]
    return AccessFormat(log_format).line(record, values["time"])


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
    log_format = AccessFormat("{time} {client} {status} {bytes} {request_id} {seconds:.1f}{target}")
    record = record_of(target="/a")

    def said(time: str = "now", **changed: Any) -> str:
        for name, value in (
            {"client": "::1", "status": 200, "sent": 5, "request_id": "-", "seconds": 0.5} | changed
        ).items():
            setattr(record, name, value)
        return log_format.line(record, time)

    assert said() == "now ::1 200 5 - 0.5/a"
    assert said(client="::9") == "now ::9 200 5 - 0.5/a"
    assert said(status=304) == "now ::1 304 5 - 0.5/a"
    assert said(sent=9) == "now ::1 200 9 - 0.5/a"
    assert said(request_id="x") == "now ::1 200 5 x 0.5/a"
    assert said(seconds=9.0) == "now ::1 200 5 - 9.0/a"
    assert said("then") == "then ::1 200 5 - 0.5/a"
    assert said(head=record_of(target="/b").head) == "now ::1 200 5 - 0.5/b"


def test_as_many_lines_are_kept_as_are_said() -> None:
    log_format = AccessFormat("{target}")
    lines = [log_format.line(record_of(target=f"/{number}"), "now") for number in range(3 * KEPT_LINES)]
    assert lines == [f"/{number}" for number in range(3 * KEPT_LINES)]
    assert len(log_format._kept) <= KEPT_LINES


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


@pytest.mark.parametrize("template", ["{", "}", "{status", "{status:s}", "{client:d}", "{client!x}", "{client:{"])
def test_a_malformed_template_is_refused(template: str) -> None:
    with pytest.raises(ConfigError, match="malformed"):
        AccessFormat(template)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="bytes, client, method, referer, request_id, seconds, status, target, time"):
        AccessFormat("{x}")


def test_a_time_is_in_utc() -> None:
    assert timestamp(1) == "1970-01-01T00:00:01+00:00"


# Destinations of the lines.


def test_lines_are_written_together(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    lines = BufferedAccess(str(path))
    lines.write("first")
    lines.write("x" * (BLOCK_CHARACTERS - 8))
    assert path.read_text() == ""
    lines.write("")  # an empty line counts too
    assert path.read_text().splitlines() == ["first", "x" * (BLOCK_CHARACTERS - 8), ""]
    lines.write("é\ud800")
    lines.flush()
    lines.flush()
    assert path.read_bytes().splitlines()[-1] == "é\\ud800".encode()
    lines.close()


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text("before\n")
    lines = BufferedAccess(str(tmp_path / "access.log"))
    lines.write("after")
    lines.close()
    assert (tmp_path / "access.log").read_text() == "before\nafter\n"


def test_a_file_that_was_moved_away_is_followed_by_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    lines = BufferedAccess(str(path))
    lines.write("one")
    path.rename(tmp_path / "old.log")
    lines.reopen()
    lines.write("two")
    lines.close()
    assert ((tmp_path / "old.log").read_text(), path.read_text()) == ("one\n", "two\n")


def test_a_file_that_cannot_be_opened_again_is_gone_on_with(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "logs").mkdir()
    lines = BufferedAccess(str(tmp_path / "logs/access.log"))
    (tmp_path / "logs").rename(tmp_path / "old")
    lines.reopen()
    lines.write("one")
    lines.close()
    assert (tmp_path / "old/access.log").read_text() == "one\n"
    assert "cannot write the access log" in caplog.text


def test_a_file_that_cannot_be_opened_is_an_option_that_cannot_work(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot write the access log to .*: No such file or directory"):
        BufferedAccess(str(tmp_path / "missing/access.log"))


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
    lines = BufferedAccess()
    for _ in range(2 * BLOCK_CHARACTERS // 100):
        lines.write("lost" * 100)
    lines.reopen()
    lines.close()
    assert caplog.text.count("the lines of the access log are lost: ") == said


def test_lines_kept_in_memory_are_few_whatever_their_length(tmp_path: Path) -> None:
    lines = BufferedAccess(str(tmp_path / "access.log"))
    for _ in range(100):
        lines.write("x" * 100_000)
    assert (tmp_path / "access.log").stat().st_size == 100 * 100_001
    lines.close()


# A reader that stands still.


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def fill(lines: BufferedAccess) -> int:
    """Write more than a pipe and the buffer hold; return the number of lines."""
    for number in range(1000):
        lines.write(f"{number} ".ljust(999, "x"))
    lines.flush()
    return 1000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_lines_that_nobody_reads_are_dropped_counted_and_said(fifo: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = BufferedAccess(str(fifo), 200_000)
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
    assert len(read) >= 200_000 - 2 * BLOCK_CHARACTERS


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_a_slow_reader_loses_nothing(fifo: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = BufferedAccess(str(fifo))
    written = fill(lines)
    lines.write("end")
    lines.flush()

    with fifo.open() as reader:
        assert len(list(iter(reader.readline, "end\n"))) == written
    lines.close()
    assert caplog.messages == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_a_file_is_opened_anew_while_nobody_reads(fifo: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = BufferedAccess(str(fifo), 200_000)
    fill(lines)
    fifo.unlink()
    lines.reopen()
    lines.write("new")
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
        lines = BufferedAccess()
        stream.write("printed\n")
        lines.write("one")
        lines.flush()
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
        lines = BufferedAccess()
        shown.stream.write("printed\n")
        lines.write("one")
        assert shown.shown == "printed\none\n"
        lines.close()


def test_an_outlet_that_others_write_to_stays_open() -> None:
    class Kept:
        def __init__(self) -> None:
            self.lines = b""

        def write(self, lines: bytes) -> None:
            self.lines += lines

        def close(self, seconds: float = 0) -> None:
            raise AssertionError("it belongs to others")

    outlet = Kept()
    lines = BufferedAccess(shared=outlet)
    lines.write("one")
    lines.close()
    assert outlet.lines == b"one\n"


def test_a_flush_in_another_thread_loses_no_line(tmp_path: Path) -> None:
    lines = BufferedAccess(str(tmp_path / "access.log"))
    is_over = threading.Event()

    def flush() -> None:
        while not is_over.is_set():
            lines.flush()

    flusher = threading.Thread(target=flush)
    flusher.start()
    for number in range(20_000):
        lines.write(str(number))
    is_over.set()
    flusher.join()
    lines.close()
    assert (tmp_path / "access.log").read_text().split() == [str(number) for number in range(20_000)]


def test_the_form_of_machines_is_the_default_of_an_observer(tmp_path: Path) -> None:
    written = []
    for log_format in ("auto", "combined"):
        log = BufferedAccess(str(tmp_path / log_format))
        AccessObserver(log_format, log).finished(record_of())
        log.close()
        written.append(re.sub(r"\[.*?\]", "", (tmp_path / log_format).read_text()))
    assert written[0] == written[1] == '127.0.0.1 - -  "GET / HTTP/1.1" 0 0 "-" "-"\n'
