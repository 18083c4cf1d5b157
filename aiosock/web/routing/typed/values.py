"""Values: the content of a decoded body, walked without recursion."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

MAX_EXPONENT: Final = 324
"""The exponents of float are within this. Formatting Decimal("1e300000000") would take 300 MB and seconds."""

_SCALARS = frozenset({str, int, float, bool, bytes, type(None)})


def fill_in(value: Any) -> None:
    """Set the defaults of all dataclasses in a value as attributes of the objects.

    msgspec leaves the defaults to the class. It would then leave them out when it writes such an object.
    """
    for each in _walk(value):
        if is_dataclass(each) and not isinstance(each, type):
            own = getattr(each, "__dict__", {})  # an object with slots has them already: its new dict is dropped
            for field in fields(each):
                if hasattr(each, field.name):
                    own.setdefault(field.name, getattr(each, field.name))


def has_wild_decimal(value: Any) -> bool:
    """Return whether a value contains a Decimal that is not sane, and not a default."""
    return any(isinstance(each, Decimal) and not is_sane(each) for each in _walk(value))


def is_sane(value: Decimal) -> bool:
    """Return whether a Decimal is quick to format: a number whose first or last digit has an exponent within the limit."""
    if abs(value.adjusted()) <= MAX_EXPONENT:
        return value.is_finite()
    exponent = value.as_tuple().exponent  # that of the last digit
    return isinstance(exponent, int) and abs(exponent) <= MAX_EXPONENT


def _walk(value: Any) -> Iterator[Any]:
    """Yield a value and all values in it, except scalars and defaults."""
    left = [value]
    while left:
        value = left.pop()
        yield value
        left.extend(item for item in _content(value) if type(item) not in _SCALARS)


def _content(value: Any) -> Iterable[Any]:
    if isinstance(value, (list, tuple, set, frozenset)):
        return value
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, Struct):
        return _given(value, value.__struct_fields__, value.__struct_defaults__)
    if is_dataclass(value) and not isinstance(value, type):
        return _given(value, *zip(*((field.name, field.default) for field in fields(value)), strict=True))
    return ()


def _given(value: Any, names: Sequence[str] = (), defaults: Sequence[Any] = ()) -> list[Any]:
    """Return the fields of an object that are not their defaults; `defaults` are those of the last `names`."""
    padded = [*[MISSING] * (len(names) - len(defaults)), *defaults]
    return [
        item
        for name, default in zip(names, padded, strict=True)
        if (item := getattr(value, name, default)) is not default
    ]
