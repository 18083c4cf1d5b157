"""Tests of aiosock.net.service: the date."""

import time

import pytest

from aiosock.config import Config
from aiosock.net.service import Service
from aiosock.wire.conditional import parse_date
from tests.net.helpers import hello


def service(**options: object) -> Service:
    return Service(hello, Config(**options), lambda: 0.0)  # type: ignore[arg-type]  # as `run` takes them


def test_the_date_is_a_field_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 784111777.9)
    assert service().date_line() == b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"


def test_the_date_is_that_of_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 784111777.0
    monkeypatch.setattr(time, "time", lambda: now)
    served = service()
    for moment in (784111777.0, 784111777.999, 784111778.0, 784111790.5, 784111000.0):  # the last: a clock set back
        now = moment
        line = served.date_line()
        assert parse_date(line[6:-2].decode()) == int(moment)


def test_the_date_is_made_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 784111777.5)
    served = service()
    assert served.date_line() is served.date_line()


async def test_a_service_is_not_told_to_stop_at_its_start() -> None:
    assert not service().shutdown.is_set()
