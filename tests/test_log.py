"""Tests of aiosock.log: the lines of the access log."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock.errors import ConfigError
from aiosock.log import COMBINED, Access, access_formatter, access_logger, server_logger, timestamp


def access(**fields: Any) -> Access:
    """Give an answer's record, with some fields of one's own."""
    values: dict[str, Any] = {
        "client": "127.0.0.1",
        "time": "2026-01-02T03:04:05.678+00:00",
        "method": "GET",
        "target": "/path?a=1",
        "version": "HTTP/1.1",
        "status": 200,
        "bytes": 123,
        "seconds": 0.25,
        "referer": "http://a/",
        "user_agent": "curl/8",
    }
    return Access(**values | fields)


def test_the_combined_format_is_that_of_apache_and_nginx() -> None:
    assert access_formatter("combined")(access()) == (
        '127.0.0.1 - - [2026-01-02T03:04:05.678+00:00] "GET /path?a=1 HTTP/1.1" 200 123 "http://a/" "curl/8"'
    )


def test_combined_is_a_template_like_any_other() -> None:
    assert access_formatter(COMBINED)(access()) == access_formatter("combined")(access())


def test_the_json_format_has_every_name() -> None:
    line = json.loads(access_formatter("json")(access(user_agent='"é\n')))
    assert line["status"] == 200
    assert line["seconds"] == 0.25
    assert line["user_agent"] == '"é\n'
    assert list(line) == list(Access.__slots__)


def test_a_template_uses_names_with_formats() -> None:
    assert access_formatter("{method:>6}|{seconds:.3f}|{status:04d}")(access()) == "   GET|0.250|0200"


def test_a_template_may_have_no_name_and_braces_of_its_own() -> None:
    assert access_formatter("plain {{}}")(access()) == "plain {}"


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
    assert access_formatter(f"{{{name}}}")(access(**{name: f"a{raw}b"})) == f"a{escaped}b"


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.text(st.characters(max_codepoint=255)), st.sampled_from(["combined", "json"]))
def test_a_line_is_one_line_without_controls(value: str, log_format: str) -> None:
    line = access_formatter(log_format)(access(user_agent=value, referer=value, target=value))
    assert len(line.splitlines()) == 1
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in line)


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
        access_formatter(template)
    assert named in str(raised.value)


@pytest.mark.parametrize("template", ["{", "}", "{status", "{status:s}", "{client:d}", "{client!x}", "{client:{"])
def test_a_malformed_template_is_refused(template: str) -> None:
    with pytest.raises(ConfigError, match="malformed"):
        access_formatter(template)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="bytes, client, method, referer, seconds, status, target, time"):
        access_formatter("{x}")


def test_a_time_is_in_utc_to_the_millisecond() -> None:
    assert timestamp(0.0016) == "1970-01-01T00:00:00.001+00:00"


def test_importing_configures_no_logger() -> None:
    assert server_logger.name == "aiosock.server"
    assert access_logger.name == "aiosock.access"
    assert server_logger.handlers == access_logger.handlers == []
