"""Names of files: which are served, and how the name that a client sends is made safe before a file gets it."""

import os
import re
from collections.abc import Collection
from typing import Final

from aiosock.errors import HTTPError

NAME_BYTES: Final = 255
"""The length of a name that file systems allow."""

SUFFIX_BYTES: Final = 32
"""A suffix of up to this length, dot included, is kept when a name is shortened. A longer one says nothing about the type."""

_DEVICE = re.compile(r"(?i:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?: *\..*)?", re.DOTALL)
"""Names that open a device on Windows."""

_FORBIDDEN_ON_WINDOWS = re.compile(r"[\\:]")
"""The other separator, and the colon, which opens a stream or a drive."""

# Separators, controls, characters that Windows forbids, characters that reverse the direction of text, which can make
# "gpj.exe" look like "exe.jpg", and surrogates, which stand for bytes that are not UTF-8.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\\/:*?"<>|\u2028-\u202e\u2066-\u2069\ud800-\udfff]')

UNDECODABLE: Final = range(0xDC80, 0xDD00)
"""The characters that stand for the bytes 0x80 to 0xff in a name that is not UTF-8 (PEP 383)."""


def is_plain(name: str, dotfiles: Collection[str] = ()) -> bool:
    """Return whether a file with this name is served: it is no dotfile except `dotfiles`, and one file on this system.

    On Linux and macOS, names such as `2026-01-01T12:00.log`, `aux.c` and `Vol. 1.` are names like any other.
    """
    return not (
        name in ("", ".", "..")
        or (name.startswith(".") and name not in dotfiles)
        or "/" in name
        or "\0" in name
        or (os.name == "nt" and not is_plain_on_windows(name))
    )


def is_plain_on_windows(name: str) -> bool:
    """Return whether Windows takes a name as it is: it opens no device and no stream, and is the only name of its file."""
    return not (
        name.endswith((".", " "))  # Windows drops these: one file would have many names
        or _FORBIDDEN_ON_WINDOWS.search(name)
        or _DEVICE.fullmatch(name)
    )


def safe_name(name: str, dotfiles: Collection[str] = ()) -> str:
    """Return the name, changed so that it is plain on every system, and every file system accepts it.

    Names that Windows refuses are changed on all systems: a file may be copied to another one later. Raises HTTPError
    (400) if nothing is left.
    """
    name = without_unsafe(name).strip(" ").rstrip(". ")
    if not name:
        raise HTTPError(400, "A file needs a name.")
    name = _shortened(name)
    if not (is_plain(name, dotfiles) and is_plain_on_windows(name)):  # it starts with a dot, or is the name of a device
        name = _shortened(f"_{name}")
    return name


def without_unsafe(name: str) -> str:
    """Return a name without separators, controls and other characters that are unsafe in a name: each becomes `_`."""
    return _UNSAFE.sub("_", name)


def _shortened(name: str) -> str:
    """Return a name of at most NAME_BYTES, with its suffix."""
    if len(name.encode()) <= NAME_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    suffix = dot + suffix
    if len(suffix.encode()) > SUFFIX_BYTES:
        stem, suffix = name, ""
    stem_bytes = NAME_BYTES - len(suffix.encode())
    # "ignore" drops a character of which only some bytes are left.
    return stem.encode()[:stem_bytes].decode(errors="ignore").rstrip(". ") + suffix
