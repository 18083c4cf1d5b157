"""`aiosock check URL`: send every case to a running server and report the failures."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from aiosock.check.answers import Outcome
from aiosock.check.case import Case, Level, post, valid
from aiosock.check.connection import converse, reach
from aiosock.check.report import Report
from aiosock.check.table import CASES
from aiosock.check.verdict import judge, status_of
from aiosock.errors import ConfigError

CONCURRENCY: Final = 16
"""Connections that are open at the same time."""

FAILED_STATUS: Final = 1
"""Exit status if the server fails a MUST."""

USAGE_STATUS: Final = 2
"""Exit status if nothing could be checked."""


_POST: Final = valid("POST", post(b""), "RFC 9110 section 9.3.3")


def command(
    url: str, /, *, timeout: float = 3.0, category: tuple[str, ...] = (), json: bool = False, yes_i_own_it: bool = False
) -> None:
    """Check how strictly a server follows HTTP/1.1. The exit status is 1 if the server fails a MUST.

    Parameters
    ----------
    url
        The server: http://HOST:PORT. Its handler at / should accept POST and read the body; otherwise less is tested.
    timeout
        Seconds to wait for each response. Also for the end of the connection.
    category
        Run only the cases of this category; may be repeated.
    json
        Print JSON instead of a table.
    yes_i_own_it
        Check a server that is not on this machine.
    """
    try:
        report = asyncio.run(check(url, patience=timeout, categories=category, may_be_remote=yes_i_own_it))
    except ConfigError as error:
        sys.stderr.write(f"aiosock check: error: {error}\n")
        raise SystemExit(USAGE_STATUS) from None
    sys.stdout.write(report.as_json() if json else report.as_text())
    if report.failed(Level.MUST):
        raise SystemExit(FAILED_STATUS)


async def check(
    url: str, *, patience: float = 3.0, categories: Sequence[str] = (), may_be_remote: bool = False
) -> Report:
    """Send every case, or those of some categories, to the server at `url` and return the verdicts.

    `patience` is the time in seconds to wait for each response, or for the end of the connection.

    Raises ConfigError for an invalid URL, timeout or category, for a host that is not this machine unless
    `may_be_remote` is true, and for a server that cannot be reached.
    """
    host, port = _parsed(url)
    if not (may_be_remote or _is_loopback(host)):
        raise ConfigError(f"{host} is not this machine; add --yes-i-own-it if you are allowed to test it")
    if not patience > 0:
        raise ConfigError(f"timeout must be positive, not {patience:g}")
    cases = _chosen(categories)
    try:
        await reach(host, port, patience)
    except OSError as error:
        raise ConfigError(f"cannot reach {url}: {error.strerror or 'no connection in time'}") from None
    turns = asyncio.Semaphore(CONCURRENCY)

    async def outcome_of(case: Case) -> Outcome:
        async with turns:
            try:
                return await converse(host, port, case, patience)
            except OSError:  # an earlier case may have stopped the server
                return Outcome()

    # RFC 9110 section 9.1: a server need not implement POST; then the cases with a POST do not apply to it.
    if status_of(_POST, await outcome_of(_POST)) == 501:
        suitable = [case for case in cases if "POST" not in case.methods]
    else:
        suitable = cases
    outcomes = await asyncio.gather(*map(outcome_of, suitable))
    verdicts = [judge(case, outcome) for case, outcome in zip(suitable, outcomes, strict=True)]
    return Report(url, verdicts, left_out=len(cases) - len(suitable))


def _parsed(url: str) -> tuple[str, int]:
    refusal = ConfigError(f"{url!r} is not of the form http://HOST:PORT")
    try:
        parts = urlsplit(url)
        port = 80 if parts.port is None else parts.port
    except ValueError:
        raise refusal from None
    beside = parts.path.removeprefix("/") or parts.query or parts.fragment or parts.username
    if parts.scheme != "http" or not parts.hostname or beside:
        raise refusal
    return parts.hostname, port


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def _chosen(categories: Sequence[str]) -> list[Case]:
    known = dict.fromkeys(case.category for case in CASES)
    for name in categories:
        if name not in known:
            raise ConfigError(f"there is no category {name!r}; the categories are {', '.join(known)}")
    return [case for case in CASES if not categories or case.category in categories]
