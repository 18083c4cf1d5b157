"""Names for files that somebody else has named."""

import re
from typing import Final

from aiosock.errors import HTTPError
from aiosock.web.static.tree import Tree

NAME_BYTES: Final = 255
"""What file systems allow for a name."""

SUFFIX_BYTES: Final = 32
"""What is kept of a name that is too long, with the dot; a longer one is no suffix that says what a file is."""

# Separators, controls, what Windows forbids, and what turns the direction of text: "exe.jpg" may be spelled "gpj.exe".
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\\/:*?"<>|\u2028-\u202e\u2066-\u2069]')


def safe_name(name: str, tree: Tree) -> str:
    """Give a name that every file system takes and that is served again; raise HTTPError (400) for none at all."""
    name = _UNSAFE.sub("_", name).strip(" ").rstrip(". ")
    if not name:
        raise HTTPError(400, "A file needs a name.")
    if not tree.has_name(name):  # it starts with a dot, or is called like a device
        name = f"_{name}"
    return name if len(name.encode()) <= NAME_BYTES else _shortened(name)


def _shortened(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    suffix = dot + suffix
    if len(suffix.encode()) > SUFFIX_BYTES:
        stem, suffix = name, ""
    room = NAME_BYTES - len(suffix.encode())
    # "ignore" drops a character that is cut in two.
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + suffix
