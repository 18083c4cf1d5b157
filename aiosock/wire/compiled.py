"""What is compiled: the module `_scan`, where it is built and wanted, and what takes its place elsewhere.

It is never needed: each of its functions leaves to Python what it does not know (docs/decisions/0018).
"""

import os
from collections.abc import Callable
from types import ModuleType
from typing import Final


def built() -> ModuleType | None:
    """Return the module in C, or None where it is not built, or was built of an older source."""
    try:
        from aiosock.wire import _scan
    except ImportError:
        return None
    return _scan if hasattr(_scan, "only_value") else None


def chosen() -> ModuleType | None:
    """Return the module in C, or None where it is not built, or if AIOSOCK_PURE is set in the environment."""
    return None if os.environ.get("AIOSOCK_PURE", "0") not in ("", "0") else built()


def several(head: bytes, name: str, default: str) -> None:
    """Leave the search for a field to Python."""


# Chosen at import, although imports read no environment elsewhere: no parser changes while a connection uses it.
_chosen = chosen()

LANGUAGE: Final = "Python" if _chosen is None else "C"
"""The language in which plain heads are read."""

only_value: Callable[[bytes, str, str], str | None] = several if _chosen is None else _chosen.only_value
"""A function that returns the value of the field that a valid head has once, or the default where it has none.

The name is in lower case. The function returns None where there are several, or where it does not know.
"""
