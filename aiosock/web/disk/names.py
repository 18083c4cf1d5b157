"""Names of files: which are allowed, and how the name that a client sends is made safe."""

import re
from collections.abc import Collection
from typing import Final

from aiosock.errors import HTTPError

NAME_BYTES: Final = 255
"""The length of a name that file systems allow."""

SUFFIX_BYTES: Final = 32
"""A suffix of up to this length, dot included, is kept when a name is shortened. A longer one says nothing about the type."""

_DEVICE = re.compile(r"(?i:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?: *\..*)?", re.DOTALL)
"""Names that open a device on Windows. They are refused on every system, so that a site works the same everywhere."""

_FORBIDDEN = re.compile(r"[\0\\:/]")
"""Separators of any system, and the colon, which opens a stream or a drive on Windows."""

# Separators, controls, characters that Windows forbids, and characters that reverse the direction of text: they can make
# "gpj.exe" look like "exe.jpg".
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\\/:*?"<>|\u2028-\u202e\u2066-\u2069]')


def is_plain(name: str, dotfiles: Collection[str] = ()) -> bool:
    """Return whether a name is allowed: no dotfile except `dotfiles`, no device, and the same file on every system."""
    return not (
        name in ("", ".", "..")
        or (name.startswith(".") and name not in dotfiles)
        or name.endswith((".", " "))  # Windows drops these: one file would have many names
        or _FORBIDDEN.search(name)
        or _DEVICE.fullmatch(name)
    )


def safe_name(name: str, dotfiles: Collection[str] = ()) -> str:
    """Return the name, changed so that it is plain and every file system accepts it; raise HTTPError (400) if nothing is left."""
    name = _UNSAFE.sub("_", name).strip(" ").rstrip(". ")
    if not name:
        raise HTTPError(400, "A file needs a name.")
    name = _shortened(name)
    if not is_plain(name, dotfiles):  # it starts with a dot, or is the name of a device
        name = _shortened(f"_{name}")
    return name


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
