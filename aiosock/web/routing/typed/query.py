"""Query: turns the text of parameters into values, as JSON would have them. msgspec then validates these."""

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
    "Enum, Literal, a union of these with None, or a list, set or tuple[..., ...] of these (the query)"
)

# RFC 8259 section 6. int() and float() would accept more: " 1", "1_000", "inf".
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*+)")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
# No exponent: formatting Decimal("1e999999999") would fill the memory.
_DECIMAL = re.compile(r"-?[0-9]++(?:\.[0-9]++)?")


class QueryReader:
    """Reads one parameter of the query. A list takes all values of that name, any other type exactly one."""

    def __init__(self, parameter: Parameter) -> None:
        """Raise RouteError for an annotation that cannot be read from text."""
        self._name = parameter.name
        self._type = parameter.annotation
        self._is_required = parameter.is_required
        kinds = query_kinds(parameter)
        self._is_list = any(isinstance(kind, _LISTS) for kind in kinds)
        self._value_of = _reading(scalars_of(kinds))

    def read(self, query: Query, values: dict[str, Any], problems: list[Mapping[str, str]]) -> None:
        """Put the value into `values`, or a problem into `problems`; neither if the default is used."""
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
            problems.append(self._problem(str(error).replace(", got `str`", "")))  # it is always a str

    def _problem(self, detail: str) -> dict[str, str]:
        return {"detail": detail[:MAX_DETAIL], "parameter": self._name}


def query_kinds(parameter: Parameter) -> list[inspect.Type]:
    """Return the members of a query parameter's union, or its one kind; raise RouteError if text cannot be that."""
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
    """Return the kinds of one value: those of a list's items, else the kinds themselves; None is left out."""
    items = [member for kind in kinds if isinstance(kind, _LISTS) for member in members_of(kind.item_type)]
    return [kind for kind in items or kinds if not isinstance(kind, inspect.NoneType)]


def _is_scalar(kind: inspect.Type) -> bool:
    return isinstance(
        kind, (*_TEXTS, inspect.IntType, inspect.FloatType, inspect.BoolType, inspect.EnumType, inspect.LiteralType)
    )


def _not_allowed(parameter: Parameter, reason: str = "") -> RouteError:
    return RouteError(f"the parameter {parameter.name!r} must be {_ALLOWED}, not {parameter.annotation!r}{reason}")


def _reading(scalars: list[inspect.Type]) -> Callable[[str], Any]:
    """Return a function that turns text into the value that JSON has for one of these kinds, else leaves it as text."""
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
