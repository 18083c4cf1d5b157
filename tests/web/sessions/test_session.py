"""Tests of aiosock.web.sessions.session."""

from math import nan
from typing import Any

import pytest

from aiosock.web.sessions.session import Session


def test_a_session_begins_empty_or_with_what_was_kept() -> None:
    assert Session() == {}
    assert Session('{"user":"ada"}') == {"user": "ada"}


@pytest.mark.parametrize("kept", ["", "{", "[1]", "3"])
def test_it_begins_with_nothing_else(kept: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        Session(kept)


def test_reading_changes_nothing() -> None:
    session = Session('{"user":"ada","cart":[1,{"a":null}],"price":0.1,"name":"zo\\u00eb"}')
    assert session["cart"][1].get("a") is None
    assert not session.has_changed


def test_any_change_is_seen_however_deep() -> None:
    session = Session('{"cart":[{"count":1}]}')
    session["cart"][0]["count"] = 2
    assert session.has_changed
    session["cart"][0]["count"] = 1
    assert not session.has_changed
    session.clear()
    assert session.has_changed


def test_renewing_is_a_change() -> None:
    session = Session('{"user":"ada"}')
    session.renew()
    assert session.has_changed


def test_what_it_says_can_be_read_again() -> None:
    values = {"a": [1, 2.5, None, True], "é": "\ud800"}
    session = Session()
    session.update(values)
    assert Session(session.encoded()) == values


@pytest.mark.parametrize("value", [object(), b"1", {1, 2}, nan])
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    session = Session()
    session["a"] = value
    with pytest.raises((TypeError, ValueError)):
        session.encoded()
