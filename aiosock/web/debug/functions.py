"""Functions of the program: handlers and middleware, by the name and the place that people know them by."""

import inspect
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiosock.web.debug.source import Place


@dataclass(slots=True)
class FunctionRecord:
    """A function, its place, and its signature; no place for one in C, no signature for one that has none."""

    name: str
    place: Place | None = None
    signature: str = ""


def function_record(function: object) -> FunctionRecord:
    """Return the record of a function, method, partial or callable object. Raises nothing."""
    found: Any = function
    for _ in range(20):
        inner = found.func if isinstance(found, partial) else getattr(found, "__wrapped__", None)
        if inner is None:
            break
        found = inner
    code = getattr(found, "__code__", None)
    if code is None:  # an object with __call__
        called = getattr(inspect.getattr_static(type(found), "__call__", None), "__code__", None)
        place = Place(called.co_filename, called.co_firstlineno) if called else None
        return FunctionRecord(type(found).__qualname__, place)
    # A middleware is usually a function within the function that people call: `timeout.<locals>.limited`.
    name = str(getattr(found, "__qualname__", "")).partition(".<locals>")[0]
    if not _is_ours(found):
        name = str(getattr(found, "__qualname__", name)).replace(".<locals>", "")
    return FunctionRecord(name, Place(code.co_filename, code.co_firstlineno), _signature(found))


def _is_ours(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).startswith("aiosock.")


def _signature(function: Any) -> str:
    try:
        return str(inspect.signature(function))[:500]
    except Exception:  # annotations may be anything
        return ""
