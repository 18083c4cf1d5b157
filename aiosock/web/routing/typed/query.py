"""Query: text to values, as JSON would have them where the parameter is no text, and validated by msgspec."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import inspect

from aiosock.errors import RouteError
from aiosock.web.json import finite
from aiosock.web.request import Query
from aiosock.web.routing.signature import Parameter
from aiosock.web.routing.typed.problems import MAX_DETAIL, members_of

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
_ALLOWED = (
    "a dataclass or msgspec.Struct (the body), or str, int, float, bool, Decimal, UUID, datetime, date, time, timedelta, "
    "Enum, Literal, a union of these with None, or a list, set or tuple of these (the query)"
)

# RFC 8259 section 6. What int() and float() take besides (" 1", "1_000", "inf") is nobody's number.
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*+)")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
# No exponent: whoever formats Decimal("1e999999999") fills the memory.
_DECIMAL = re.compile(r"-?[0-9]++(?:\.[0-9]++)?")


class QueryReader:
    """Reads one parameter of the query. A list takes every value of that name, anything else exactly one."""

    def __init__(self, parameter: Parameter) -> None:
        """Raise RouteError for an annotation that text cannot be."""
        self._name = parameter.name
        self._type = parameter.annotation
        self._is_required = parameter.is_required
        kinds = query_kinds(parameter)
        self._is_list = any(isinstance(kind, _LISTS) for kind in kinds)
        self._value_of = _reading(scalars_of(kinds))

    def read(self, query: Query, values: dict[str, Any], problems: list[Mapping[str, str]]) -> None:
        """Put the value among `values`, unless the query leaves it at its default, or a problem among `problems`."""
        texts = query.get_all(self._name)
        if not texts:
            if self._is_required:
                problems.append(self._problem("Missing"))
            return
        if len(texts) > 1 and not self._is_list:
            problems.append(self._problem("Given more than once"))
            return
        try:
            read = [self._value_of(text) for text in texts]
            values[self._name] = msgspec.convert(read if self._is_list else read[0], self._type)
        except ValueError as error:
            problems.append(self._problem(str(error).replace(", got `str`", "")))  # it is always text

    def _problem(self, detail: str) -> dict[str, str]:
        return {"detail": detail[:MAX_DETAIL], "parameter": self._name}


def query_kinds(parameter: Parameter) -> list[inspect.Type]:
    """Give the members of the union that a query parameter is, or the one kind; raise RouteError for another."""
    try:
        kinds = members_of(inspect.type_info(parameter.annotation))
    except TypeError as error:
        raise _not_allowed(parameter, f": {error}") from None
    lists = [kind for kind in kinds if isinstance(kind, _LISTS)]
    others = [kind for kind in kinds if not isinstance(kind, (*_LISTS, inspect.NoneType))]
    if (lists and others) or not (scalars := scalars_of(kinds)) or not all(map(_is_scalar, scalars)):
        raise _not_allowed(parameter)
    return kinds


def scalars_of(kinds: list[inspect.Type]) -> list[inspect.Type]:
    """Give what one value may be: the items of a list, else the kinds themselves; but never None, which no text is."""
    items = [member for kind in kinds if isinstance(kind, _LISTS) for member in members_of(kind.item_type)]
    return [kind for kind in items or kinds if not isinstance(kind, inspect.NoneType)]


def _is_scalar(kind: inspect.Type) -> bool:
    return isinstance(
        kind, (*_TEXTS, inspect.IntType, inspect.FloatType, inspect.BoolType, inspect.EnumType, inspect.LiteralType)
    )


def _not_allowed(parameter: Parameter, reason: str = "") -> RouteError:
    return RouteError(f"the parameter {parameter.name!r} is annotated {parameter.annotation!r}, not {_ALLOWED}{reason}")


def _reading(scalars: list[inspect.Type]) -> Callable[[str], Any]:
    """Give what turns text into the value that JSON would have for one of these kinds; text stays what fits none."""
    takes = [type(kind) for kind in scalars]
    takes_bool, takes_float = inspect.BoolType in takes, inspect.FloatType in takes
    takes_int = inspect.IntType in takes or any(_has_integers(kind) for kind in scalars)
    takes_decimal = inspect.DecimalType in takes
    if not (takes_bool or takes_int or takes_float or takes_decimal):
        return str

    def value_of(text: str) -> Any:
        if takes_bool and text in ("true", "false"):
            return text == "true"
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
