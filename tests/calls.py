"""Counts the calls of Python functions and of C functions that some work makes: the same on every machine."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

_T = TypeVar("_T")


def counted(work: Callable[[], _T], package: str = "") -> tuple[_T, int]:
    """Return the result of some work, and the calls to and from code in files whose paths start with `package`."""
    calls = 0

    def count(frame: FrameType, event: str, _: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call") and frame.f_code.co_filename.startswith(package)

    sys.setprofile(count)
    try:
        result = work()
    finally:
        sys.setprofile(None)
    return result, calls
