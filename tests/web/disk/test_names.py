"""Tests of aiosock.web.disk.names."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock import HTTPError
from aiosock.web.disk.names import NAME_BYTES, is_plain, is_plain_on_windows, safe_name


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("a b.txt", "a b.txt"),
        ("é.txt", "é.txt"),
        ("🦊.png", "🦊.png"),
        ("👩\u200d💻.txt", "👩\u200d💻.txt"),
        ("..a", "_..a"),
        (".env", "_.env"),
        ("._DS", "_._DS"),
        ("-rf", "-rf"),
        ("../../etc/passwd", "_.._.._etc_passwd"),
        ("a/b", "a_b"),
        ("a\\b", "a_b"),
        ("C:\\x.txt", "C__x.txt"),
        ("a:b", "a_b"),
        ("a\0b", "a_b"),
        ("a\r\nb", "a__b"),
        ("a\x7f\x85b", "a__b"),
        ('<a>?*|"', "_a_____"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("com1.tar.gz", "_com1.tar.gz"),
        ("console", "console"),
        ("a.", "a"),
        ("a. . .", "a"),
        ("  a  ", "a"),
        ("a .txt", "a .txt"),
        ("photo\u202egpj.exe", "photo_gpj.exe"),
        ("a\u2066b\u2028c", "a_b_c"),
        ("caf\udce9.txt", "caf_.txt"),
    ],
)
def test_a_name_is_made_safe(asked: str, name: str) -> None:
    assert safe_name(asked) == name


@pytest.mark.parametrize("asked", ["", ".", "..", "...", " ", " . ", ". . .", "  "])
def test_no_name_at_all_is_refused(asked: str) -> None:
    with pytest.raises(HTTPError, match="400 A file needs a name"):
        safe_name(asked)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "a.",
            "a..",
            "a ",
            "a. ",
            " ",
            "a\\b",
            "\\\\server\\share",
            "C:",
            "C:a",
            "a:b",
            "a::$DATA",
            "CON",
            "con",
            "Con.txt",
        ),
        *(
            "con .txt",
            "nul",
            "NUL.tar.gz",
            "prn",
            "AUX.c",
            "com1",
            "COM9.log",
            "lpt1",
            "com¹",
            "COM².txt",
            "lpt³",
            "com0",
        ),
        *("CONIN$", "conout$", "nul.\n"),
    ],
)
def test_a_name_that_windows_would_change_is_served_elsewhere_only(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_plain(name)
    monkeypatch.setattr(os, "name", "nt")
    assert not is_plain(name)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("a" * 255, "a" * 255),
        ("a" * 256, "a" * 255),
        ("a" * 300 + ".txt", "a" * 251 + ".txt"),
        ("a" * 250 + "é.txt", "a" * 250 + ".txt"),  # a character at the cut is kept whole or dropped
        ("é" * 300, "é" * 127),
        ("🦊" * 100 + ".png", "🦊" * 62 + ".png"),
        ("a" * 250 + " " * 10 + "b", "a" * 250),  # the name ends neither with a space nor with a dot
        ("a" * 250 + "." * 10 + "é" * 30, "a" * 250),
        ("a." + "b" * 300, "a." + "b" * 253),
        ("." * 300 + "a", "_.a"),
        ("." + "a" * 255, "_." + "a" * 253),
        ("con" + " " * 300 + "a.txt", "_con.txt"),  # a device name, once it has been shortened
    ],
)
def test_a_name_that_is_too_long_keeps_its_suffix(asked: str, name: str) -> None:
    assert safe_name(asked) == name


SETTINGS = settings(max_examples=100, derandomize=True, deadline=None)


@SETTINGS
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=400))
def test_every_name_is_refused_or_can_be_served(asked: str) -> None:
    try:
        name = safe_name(asked)
    except HTTPError:
        return
    assert is_plain(name)
    assert is_plain_on_windows(name)
    assert 0 < len(name.encode()) <= NAME_BYTES
    assert safe_name(name) == name
