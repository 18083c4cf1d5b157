"""The differences to h11 and httptools: each row is true for its own example, and no stream shows another."""

import pytest

from tests.fuzz.differences import WE_ACCEPT, WE_REFUSE, Difference, differences
from tests.fuzz.properties import differs_only_as_listed
from tests.fuzz.readers import by_aiosock
from tests.fuzz.reference import Ending


def shown(row: Difference) -> set[str]:
    return {found.reader for found in differences(row.example) if found.listed is row}


@pytest.mark.parametrize("row", WE_REFUSE, ids=lambda row: row.why)
def test_we_refuse_what_the_row_says_and_its_readers_accept_it(row: Difference) -> None:
    assert by_aiosock([row.example]).ending is Ending.REFUSED
    assert shown(row) == row.readers


@pytest.mark.parametrize("row", WE_ACCEPT, ids=lambda row: row.why)
def test_we_accept_what_the_row_says_and_its_readers_do_not_read_it(row: Difference) -> None:
    assert by_aiosock([row.example]).ending in (Ending.FINISHED, Ending.CLOSED)
    assert shown(row) == row.readers


# The comparison must be able to fail.


def test_a_body_of_another_length_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.readers.framing_of", lambda head: 0)

    with pytest.raises(AssertionError, match="h11 reads"):
        differences(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")


def test_a_difference_that_is_not_listed_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.differences.WE_REFUSE", [])

    with pytest.raises(AssertionError, match="not listed: 400 The Host field is repeated"):
        differs_only_as_listed((b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",))
