"""Texts: turn the text of queries, fields, cookies and forms into values, as JSON would have them, for msgspec."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec import inspect

from aiosock.errors import RouteError
from aiosock.web.forms import Upload
from aiosock.web.json import finite
from aiosock.web.routing.places import Place
from aiosock.web.routing.typed.collisions import MAX_COLLISIONS, collide, is_risky
from aiosock.web.routing.typed.problems import members_of

_TEXTS = (
    inspect.StrType,
    inspect.DecimalType,
    inspect.UUIDType,
    inspect.DateTimeType,
    inspect.DateType,
    inspect.TimeType,
    inspect.TimeDeltaType,
)
_LISTS = (inspect.ListType, inspect.SetType, inspect.FrozenSetType, inspect.VarTupleType)
# RFC 8259 section 6. int() and float() would accept more: " 1", "1_000", "inf".
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*+)")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
# No exponent: formatting Decimal("1e999999999") would fill the memory.
_DECIMAL = re.compile(r"-?[0-9]++(?:\.[0-9]++)?")


_BOOLS = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}
"""A browser sends `on` for a checkbox without a value, and nothing for one that is not ticked."""

MAX_ITEMS: Final = 1000
"""Items of a list in a header field: as many as a query may have pairs."""


class Texts:
    """Reads the texts, or files, of one name. A list takes all of them, any other type exactly one."""

    def __init__(self, kind: inspect.Type, place: Place) -> None:
        """Raise RouteError for a type that cannot be read there."""
        kinds = _readable(kind, place)
        self._place = place
        self._is_list = any(isinstance(member, _LISTS) for member in kinds)
        self._sets = list(filter(is_risky, kinds))
        scalars = scalars_of(kinds)
        self._takes_empty = any(isinstance(member, inspect.StrType) for member in scalars)
        self._takes_files = any(map(_is_file, scalars))
        self._value_of = _reading(scalars)
        # A checkbox that is not ticked is not in its form.
        self.is_checkbox: bool = place == "form" and all(isinstance(member, inspect.BoolType) for member in kinds)

    def value(self, given: Sequence[str | Upload]) -> Any:
        """Return the value that JSON would have; None if nothing is given. Raises ValueError for another text."""
        if self._place == "form":
            given = [each for each in given if not self._is_empty(each)]
        elif self._place == "header" and self._is_list:
            given = _items(given)
        if not given:
            return None
        if not self._is_list and len(given) > 1:
            raise ValueError("Given more than once")
        values = list(map(self._one, given))
        if len(values) > MAX_COLLISIONS and any(collide(kind, values) for kind in self._sets):
            raise ValueError("Too many values with the same hash")
        return values if self._is_list else values[0]

    def _one(self, given: str | Upload) -> Any:
        if isinstance(given, Upload) is not self._takes_files:
            raise ValueError("Expected a file" if self._takes_files else "Expected text, got a file")
        # A parameter of the path may be converted already.
        return self._value_of(given) if isinstance(given, str) else given

    def _is_empty(self, given: str | Upload) -> bool:
        """Return whether the user of a browser has left a field of a form empty: it is sent all the same."""
        if isinstance(given, Upload):
            return not given.filename and not given.size
        return not given and not self._takes_empty


def _items(given: Sequence[str | Upload]) -> list[str]:
    """Return the items of a list in header fields: of all fields, separated by commas (RFC 9110 section 5.6.1)."""
    items = [item.strip(" \t") for item in ",".join(map(str, given)).split(",", MAX_ITEMS)]
    if len(items) > MAX_ITEMS:
        raise ValueError(f"More than {MAX_ITEMS} items")
    return list(filter(None, items))


def _readable(kind: inspect.Type, place: Place) -> list[inspect.Type]:
    """Return the members of a union, or its one kind; raise RouteError if text cannot be that."""
    kinds = members_of(kind)
    lists = [member for member in kinds if isinstance(member, _LISTS)]
    others = [member for member in kinds if not isinstance(member, (*_LISTS, inspect.NoneType))]
    scalars = scalars_of(kinds)
    if (lists and (others or place in ("path", "cookie"))) or not scalars:
        raise RouteError("it cannot be read from text")
    files = [member for member in scalars if _is_file(member)]
    if files and (place != "form" or len(files) < len(scalars)):
        raise RouteError("it cannot be read from text")
    if not files and not all(map(_is_scalar, scalars)):
        raise RouteError("it cannot be read from text")
    return kinds


def _is_file(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.CustomType) and kind.cls is Upload


def scalars_of(kinds: list[inspect.Type]) -> list[inspect.Type]:
    """Return the kinds of one value: those of a list's items, else the kinds themselves; None is left out."""
    items = [member for kind in kinds if isinstance(kind, _LISTS) for member in members_of(kind.item_type)]
    return [kind for kind in items or kinds if not isinstance(kind, inspect.NoneType)]


def _is_scalar(kind: inspect.Type) -> bool:
    return isinstance(
        kind, (*_TEXTS, inspect.IntType, inspect.FloatType, inspect.BoolType, inspect.EnumType, inspect.LiteralType)
    )


def _reading(scalars: list[inspect.Type]) -> Callable[[str], Any]:
    """Return a function that turns text into the value that JSON has for one of these kinds, else leaves it as text."""
    takes = [type(kind) for kind in scalars]
    takes_bool, takes_float = inspect.BoolType in takes, inspect.FloatType in takes
    takes_int = inspect.IntType in takes or any(_has_integers(kind) for kind in scalars)
    takes_decimal = inspect.DecimalType in takes
    is_bool = set(takes) == {inspect.BoolType}
    bools = _BOOLS if is_bool else {text: _BOOLS[text] for text in ("true", "false")}  # else `1` may be a number
    if not (takes_bool or takes_int or takes_float or takes_decimal):
        return str

    def value_of(text: str) -> Any:
        if takes_bool and text in bools:
            return bools[text]
        if takes_int and _INTEGER.fullmatch(text):
            return int(text)
        if takes_float and _NUMBER.fullmatch(text):
            return finite(text)
        if takes_decimal and not _DECIMAL.fullmatch(text):
            raise ValueError("Invalid decimal string")
        return text

    return value_of


def _has_integers(kind: inspect.Type) -> bool:
    match kind:
        case inspect.EnumType():
            return any(isinstance(member.value, int) for member in kind.cls)
        case inspect.LiteralType():
            return any(isinstance(value, int) for value in kind.values)
    return False
