"""Names of files: which may be there, and what becomes of one that somebody else has chosen."""

import re
from collections.abc import Collection
from typing import Final

from aiosock.errors import HTTPError

NAME_BYTES: Final = 255
"""What file systems allow for a name."""

SUFFIX_BYTES: Final = 32
"""What is kept of a name that is too long, with the dot; a longer one is no suffix that says what a file is."""

_DEVICE = re.compile(r"(?i:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?: *\..*)?", re.DOTALL)
"""Names that open a device on Windows; refused everywhere, so that a site moves without surprises."""

_FORBIDDEN = re.compile(r"[\0\\:/]")
"""Separators of some system, and what opens a stream or a drive on Windows."""

# Separators, controls, what Windows forbids, and what turns the direction of text: "exe.jpg" may be spelled "gpj.exe".
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\\/:*?"<>|\u2028-\u202e\u2066-\u2069]')


def is_plain(name: str, dotfiles: Collection[str] = ()) -> bool:
    """Say whether a file of that name may be there at all: no dotfile but these, no device, no name of two meanings."""
    return not (
        name in ("", ".", "..")
        or (name.startswith(".") and name not in dotfiles)
        or name.endswith((".", " "))  # Windows drops these, and so has a file under many names
        or _FORBIDDEN.search(name)
        or _DEVICE.fullmatch(name)
    )


def safe_name(name: str, dotfiles: Collection[str] = ()) -> str:
    """Give a name that every file system takes and that is plain; raise HTTPError (400) for none at all."""
    name = _UNSAFE.sub("_", name).strip(" ").rstrip(". ")
    if not name:
        raise HTTPError(400, "A file needs a name.")
    name = _shortened(name)
    if not is_plain(name, dotfiles):  # it starts with a dot, or is called like a device
        name = _shortened(f"_{name}")
    return name


def _shortened(name: str) -> str:
    if len(name.encode()) <= NAME_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    suffix = dot + suffix
    if len(suffix.encode()) > SUFFIX_BYTES:
        stem, suffix = name, ""
    stem_bytes = NAME_BYTES - len(suffix.encode())
    # "ignore" drops a character that is cut in two.
    return stem.encode()[:stem_bytes].decode(errors="ignore").rstrip(". ") + suffix
