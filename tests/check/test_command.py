"""Tests of `aiosock check` over real sockets, against our own server and against one that accepts anything."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from aiosock.check import CASES, Case, check
from aiosock.check.answers import Outcome
from aiosock.check.case import Demand, Level, request
from aiosock.check.command import command
from aiosock.errors import ConfigError, HTTPError
from aiosock.web.request import Request
from aiosock.web.response import Response
from tests.check.app import app
from tests.patience import PATIENCE

QUICK = 0.5
"""Seconds to wait for a server that never closes."""


@asynccontextmanager
async def sloppy_server() -> AsyncIterator[str]:
    """Run a server that answers 200 to every blank line, whatever came before it, and never closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" * max(data.count(b"\r\n\r\n"), 1))
            await asyncio.sleep(QUICK * 2)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def test_our_own_server_passes_every_case(
    aiosock_server: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    command(aiosock_server(app), timeout=PATIENCE)

    *rows, total = capsys.readouterr().out.splitlines()
    assert total.split() == ["all", str(len(CASES)), "0", "0", "0"]
    assert rows[0].split() == ["category", "passed", "MUST", "SHOULD", "STRICT"]
    assert len(rows) == 1 + len({case.category for case in CASES})


async def test_a_sloppy_server_fails_at_every_level() -> None:
    async with sloppy_server() as url:
        report = await check(url, patience=QUICK, categories=["lengths", "lines", "answers"])

    assert report.failed(Level.MUST) > 40
    assert report.failed(Level.SHOULD) > 0
    assert report.failed(Level.STRICT) > 30
    failed = {verdict.case.name for verdict in report.failures}
    assert {"two lengths", "a plus sign", "Date on GET", "LF ends every line"} <= failed
    assert "a length of five" not in failed


async def test_a_must_that_is_not_met_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    async with sloppy_server() as url:
        with pytest.raises(SystemExit) as caught:
            await asyncio.to_thread(command, url, timeout=QUICK, category=("codings",))

    assert caught.value.code == 1
    lines = capsys.readouterr().out.splitlines()
    assert "MUST   codings: xchunked (RFC 9112 section 6.3): " in "\n".join(lines)
    assert "got 200" in lines[-1]


def test_what_is_not_a_must_exits_with_0(
    aiosock_server: Callable[..., str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = Demand(Level.SHOULD, "RFC 9110 section 15", frozenset({299}))
    monkeypatch.setattr("aiosock.check.command.CASES", (Case("a wish", request(), (wish,), 200, category="wishes"),))

    command(aiosock_server(app), timeout=PATIENCE)

    assert capsys.readouterr().out.endswith(
        "\n\nSHOULD wishes: a wish (RFC 9110 section 15): expected 299; got 200 200, an answer to the next request, closed\n"
    )


async def test_a_report_can_be_json(aiosock_server: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    url = aiosock_server(app)

    await asyncio.to_thread(command, url, timeout=PATIENCE, category=("hosts", "versions"), json=True)

    report = json.loads(capsys.readouterr().out)
    assert report["url"] == url
    assert list(report["categories"]) == ["versions", "hosts"]  # in the order of the table
    assert report["categories"]["hosts"]["MUST"] == 0
    assert report["failures"] == []


async def test_json_names_every_failure(capsys: pytest.CaptureFixture[str]) -> None:
    async with sloppy_server() as url:
        with pytest.raises(SystemExit):
            await asyncio.to_thread(command, url, timeout=QUICK, category=("hosts",), json=True)

    failures = json.loads(capsys.readouterr().out)["failures"]
    assert failures[0].keys() == {"category", "case", "level", "section", "expected", "got"}
    assert {failure["category"] for failure in failures} == {"hosts"}


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://192.0.2.1:80", "192.0.2.1 is not this machine; add --yes-i-own-it if you are allowed to test it"),
        ("http://example.invalid", "example.invalid is not this machine; add --yes-i-own-it if"),
        ("http://localhost.example.invalid", "localhost.example.invalid is not this machine"),
        ("http://127.0.0.1.example.invalid", "127.0.0.1.example.invalid is not this machine"),
        ("http://0.0.0.0:80", "0.0.0.0 is not this machine"),
        ("https://127.0.0.1:80", "'https://127.0.0.1:80' is not of the form http://HOST:PORT"),
        ("127.0.0.1:80", "'127.0.0.1:80' is not of the form http://HOST:PORT"),
        ("http://127.0.0.1:x", "'http://127.0.0.1:x' is not of the form http://HOST:PORT"),
        ("http://127.0.0.1/path", "'http://127.0.0.1/path' is not of the form http://HOST:PORT"),
        ("http://user@127.0.0.1", "'http://user@127.0.0.1' is not of the form http://HOST:PORT"),
        ("http://[::1", "'http://[::1' is not of the form http://HOST:PORT"),
        ("", "'' is not of the form http://HOST:PORT"),
    ],
)
def test_a_url_that_cannot_be_checked_is_one_line_and_2(
    url: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        command(url)

    assert caught.value.code == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith(f"aiosock check: error: {reason}")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"patience": 0.0}, "timeout must be positive, not 0"),
        ({"patience": float("nan")}, "timeout must be positive, not nan"),
        ({"categories": ["nonsense"]}, "there is no category 'nonsense'; the categories are methods, targets,"),
    ],
)
async def test_options_that_cannot_be_are_refused(options: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        await check("http://127.0.0.1:1", **options)  # type: ignore[arg-type]  # one of several

    assert str(caught.value).startswith(reason)


async def test_a_server_that_is_not_there_is_named() -> None:
    async with sloppy_server() as url:
        pass  # its port is free again

    with pytest.raises(ConfigError, match=f"cannot reach {url}: "):
        await check(url, categories=["expectations"])


async def test_a_server_that_has_gone_owes_an_answer_to_every_case(monkeypatch: pytest.MonkeyPatch) -> None:
    async def converse(host: str, port: int, case: Case, patience: float) -> Outcome:
        raise ConnectionRefusedError

    monkeypatch.setattr("aiosock.check.command.converse", converse)

    async with sloppy_server() as url:
        report = await check(url, categories=["expectations"])

    assert report.failed(Level.MUST) == len(report.verdicts) - report.failed(Level.STRICT) > 0


async def test_another_machine_is_checked_when_the_user_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    async def converse(host: str, port: int, case: Case, patience: float) -> Outcome:
        asked.append((host, port))
        return Outcome()

    async def reach(host: str, port: int, patience: float) -> None:
        return None

    monkeypatch.setattr("aiosock.check.command.converse", converse)
    monkeypatch.setattr("aiosock.check.command.reach", reach)

    report = await check("http://192.0.2.1:8080", may_be_remote=True)

    assert set(asked) == {("192.0.2.1", 8080)}
    assert len(report.verdicts) == len(CASES)


async def test_a_server_without_post_is_asked_for_no_body(
    aiosock_server: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    async def without_post(request: Request) -> Response:
        if request.method == "POST":
            raise HTTPError(501, "no POST here")
        return await app(request)

    await asyncio.to_thread(command, aiosock_server(without_post), timeout=PATIENCE, category=("lengths", "codings"))

    total, blank, last = capsys.readouterr().out.splitlines()[-3:]
    kept = [case for case in CASES if case.category in ("lengths", "codings") and "POST" not in case.methods]
    assert total.split() == ["all", str(len(kept)), "0", "0", "0"]
    assert blank == ""
    assert last.endswith(" cases left out: the server does not implement POST")


async def test_a_server_that_says_nothing_is_given_up_in_time() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, asyncio.timeout(PATIENCE):
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        report = await check(url, patience=0.1, categories=["expectations"])

    assert {verdict.failure.got for verdict in report.failures if verdict.failure} == {"no answer, still open"}


async def test_a_server_that_resets_is_a_failure_and_not_an_error() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        report = await check(url, patience=QUICK, categories=["expectations"])

    assert {verdict.failure.got for verdict in report.failures if verdict.failure} == {"no answer, closed"}
