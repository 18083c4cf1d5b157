"""Types: what the type of a body contains, as msgspec describes it."""

from collections.abc import Callable
from typing import Any

from msgspec import inspect


def reaches(kind: inspect.Type, is_wanted: Callable[[Any], bool]) -> bool:
    """Return whether a type, or one that it contains, is wanted."""
    seen: set[int] = set()
    left: list[Any] = [kind]
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if is_wanted(each):
            return True
        if isinstance(each, inspect.Type | inspect.Field):
            left.extend(getattr(each, name) for name in each.__struct_fields__)
        elif isinstance(each, tuple):
            left.extend(each)
    return False


def contains(kind: inspect.Type, *wanted: type) -> bool:
    """Return whether a type, or one that it contains, is of one of these kinds."""
    return reaches(kind, lambda each: isinstance(each, wanted))
