"""Tests of aiosock.web.sessions.signer."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock import ConfigError
from aiosock.web.sessions.signer import Signer
from aiosock.wire.cookies import encode_cookie
from tests.web.clock import Clock

OLD, NEW, FOREIGN = "old" * 11, "new" * 11, "foreign" * 5


@settings(max_examples=100, derandomize=True, deadline=None)
@given(text=st.text(st.characters(codec="utf-8")))
def test_any_text_comes_back_and_fits_a_cookie(text: str) -> None:
    signer = Signer(NEW)
    signed = signer.sign("theme", text)

    assert encode_cookie("theme", signed)
    assert signer.verify("theme", signed, 60) == text
    assert len(signed) <= (len(text.encode()) * 4 + 2) // 3 + 56


def test_a_change_anywhere_gives_no_other_text() -> None:
    signer = Signer(NEW, clock=Clock(1_000_000.5))
    signed = signer.sign("theme", "dark")

    for index, character in enumerate(signed):
        for other in {*"AZaz09-_.=\xe9"} - {character}:
            changed = signed[:index] + other + signed[index + 1 :]
            # The last character of a signature has two bits that mean nothing.
            assert signer.verify("theme", changed, 60) is None or index == len(signed) - 1


@pytest.mark.parametrize("signed", ["", ".", "..", "...", "dark", "dark.1", "dark.1.", "\xe9.1.\xff", "a" * 9000, "\0"])
def test_what_was_never_signed_is_none(signed: str) -> None:
    assert Signer(NEW).verify("theme", signed, 60) is None


def test_what_was_cut_or_continued_is_none() -> None:
    signer = Signer(NEW)
    signed = signer.sign("theme", "dark")

    for changed in (
        *(signed[:end] for end in range(len(signed))),
        f"{signed}a",
        f"a{signed}",
        f" {signed}",
    ):
        assert signer.verify("theme", changed, 60) is None


def test_what_was_signed_for_another_purpose_is_none() -> None:
    signer = Signer(NEW)

    assert signer.verify("user", signer.sign("theme", "dark"), 60) is None


def test_what_was_signed_with_another_secret_is_none() -> None:
    assert Signer(NEW).verify("theme", Signer(FOREIGN).sign("theme", "dark"), 60) is None


def test_the_first_secret_signs_and_every_one_is_accepted() -> None:
    both = Signer([NEW, OLD])

    assert both.verify("theme", Signer(OLD).sign("theme", "dark"), 60) == "dark"
    assert Signer(NEW).verify("theme", both.sign("theme", "dark"), 60) == "dark"
    assert Signer(OLD).verify("theme", both.sign("theme", "dark"), 60) is None


def test_it_is_over_after_its_lifetime() -> None:
    clock = Clock(1_000_000.5)
    signer = Signer(NEW, clock=clock)
    signed = signer.sign("theme", "dark")

    clock.now += 59
    assert signer.verify("theme", signed, 60) == "dark"
    clock.now += 1
    assert signer.verify("theme", signed, 60) is None


@pytest.mark.parametrize("secrets", ["", "s" * 31, [], [""], [NEW, "short"]])
def test_a_secret_that_could_be_guessed_is_refused(secrets: str | list[str]) -> None:
    with pytest.raises(ValueError, match="at least 32 characters"):
        Signer(secrets)


def test_without_itsdangerous_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "itsdangerous", None)
    with pytest.raises(ConfigError, match=r"signed cookie needs itsdangerous>=2.2: .* extra 'sessions'"):
        Signer(NEW)
