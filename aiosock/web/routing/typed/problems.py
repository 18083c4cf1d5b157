"""Problems: everything that is wrong with a body, each with its place. msgspec alone stops at the first problem.

Only a body that msgspec has refused is searched. msgspec checks each value without its content. The content is walked
here, without recursion and with a limited number of steps, because the client chooses its size and depth.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import repeat
from types import GenericAlias
from typing import Annotated, Any, Final, Literal, Union
from urllib.parse import quote
from uuid import UUID

import msgspec
from msgspec import inspect

from aiosock.web.routing.typed.values import is_sane

MAX_PROBLEMS: Final = 100
"""Problems that are reported: more than anybody repairs at once."""

MAX_STEPS: Final = 5_000
"""Values that are checked, which takes about 10 ms. Behind them, only the problem that msgspec has found is known."""

MAX_DETAIL: Final = 300
"""Characters of a detail, which may quote the client."""

OUT_OF_RANGE: Final = "Decimal out of range"
"""The detail of a Decimal that is not sane."""

MAX_POINTER: Final = 500
"""Characters of a pointer, which contains the client's names. A longer one is cut, and points to an ancestor."""

Path = tuple[Any, str | int] | None
"""The place of a value: the path of its container, and its name or index in that. None is the whole body."""

Step = tuple[inspect.Type | str, Any, Path]
"""The type that a value should have, the value, and its place. A str instead of the type says what is wrong."""

_ARRAYS = (inspect.ListType, inspect.SetType, inspect.FrozenSetType, inspect.VarTupleType, inspect.CollectionType)
_OBJECTS = (inspect.StructType, inspect.DataclassType, inspect.TypedDictType)
BASES: Mapping[type[inspect.Type], Any] = {
    **dict.fromkeys((*_ARRAYS, inspect.NamedTupleType), list),
    **dict.fromkeys((*_OBJECTS, inspect.DictType), dict),
    inspect.NoneType: None,
    inspect.BoolType: bool,
    inspect.IntType: int,
    inspect.FloatType: float,
    inspect.StrType: str,
    inspect.BytesType: bytes,
    inspect.DecimalType: Decimal,
    inspect.UUIDType: UUID,
    inspect.DateTimeType: datetime,
    inspect.DateType: date,
    inspect.TimeType: time,
    inspect.TimeDeltaType: timedelta,
}
_LIMITS = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern", "tz")
_FRAGMENT = "!$&'()*+,;=:@?"  # RFC 3986 section 3.5, without the slash, which separates names
_PLACE = re.compile(r"\.([^.\[]+)|\[([0-9]+)\]")


class Checker:
    """Finds what is wrong with values of one type."""

    def __init__(self, kind: inspect.Type) -> None:
        self._kind = kind
        self._shallow_types: dict[int, Any] = {}

    def problems(self, value: Any) -> list[dict[str, str]]:
        """Return what is wrong with a decoded body, in its order; empty if all checked values are right."""
        found: list[dict[str, str]] = []
        walk: list[Iterator[Step]] = [iter([(self._kind, value, None)])]
        steps = 0
        while walk and steps < MAX_STEPS and len(found) < MAX_PROBLEMS:
            step = next(walk[-1], None)
            if step is None:
                walk.pop()
                continue
            steps += 1
            kind, value, path = step
            detail = kind if isinstance(kind, str) else self._shallow_problem(kind, value)
            if detail:
                found.append(problem(detail, path))
            elif isinstance(value, dict | list) and not isinstance(kind, str):
                walk.append(_content(kind, value, path))
        return found

    def _shallow_problem(self, kind: inspect.Type, value: Any) -> str:
        """Return what is wrong with a value, without its content, in msgspec's words; "" if it is right."""
        # The kinds of a type live as long as this checker, so each has its own id.
        shallow = self._shallow_types.get(id(kind))
        if shallow is None:
            shallow = self._shallow_types[id(kind)] = _shallow_type(kind)
        return _refusal(value, shallow)


def problem(detail: str, path: Path) -> dict[str, str]:
    """Return a problem with its place as a JSON Pointer in a URI fragment (RFC 6901 section 6)."""
    keys = []
    while path is not None:
        path, key = path
        keys.append(key)
    pointer = "#"
    for key in reversed(keys):
        escaped = str(key).replace("~", "~0").replace("/", "~1")
        longer = f"{pointer}/{quote(escaped, safe=_FRAGMENT, errors='replace')}"
        if len(longer) > MAX_POINTER:
            break
        pointer = longer
    return {"detail": detail[:MAX_DETAIL].encode(errors="replace").decode(), "pointer": pointer}


def first_problem(error: Exception, value: Any) -> dict[str, str]:
    """Return the problem that msgspec has found in a decoded body.

    The walk does not find every problem, such as a ValueError of `__post_init__`.
    """
    detail, _, place = str(error).rpartition(" - at `$")
    if not detail:
        return problem(str(error), None)
    path: Path = None
    for name, index in _PLACE.findall(place.rstrip("`")):
        key = int(index) if index else name
        try:
            value = value[key]
        except (LookupError, TypeError):  # msgspec does not say which value of a dictionary it means
            break
        path = path, key
    return problem(detail, path)


def _refusal(value: Any, kind: Any) -> str:
    try:
        converted = msgspec.convert(value, kind, str_keys=True)
    except (ValueError, TypeError) as error:  # TypeError: Decimal("sNaN") has no hash, so it cannot be a name
        return str(error)
    return OUT_OF_RANGE if isinstance(converted, Decimal) and not is_sane(converted) else ""


def members_of(kind: inspect.Type) -> list[inspect.Type]:
    """Return the members of a union, or the one kind, without metadata that only documents them."""
    if isinstance(kind, inspect.Metadata):
        return members_of(kind.type)
    if isinstance(kind, inspect.UnionType):
        return [member for each in kind.types for member in members_of(each)]
    return [kind]


# A shallow type checks a value as `kind` does, but not its content.


def _shallow_type(kind: inspect.Type) -> Any:
    return Union[tuple(_constrained(member) for member in members_of(kind))]  # noqa: UP007


def _constrained(kind: inspect.Type) -> Any:
    match kind:
        case inspect.LiteralType():
            return Literal[tuple(kind.values)]
        case inspect.EnumType():
            return kind.cls
        case inspect.TupleType():
            return Annotated[list, msgspec.Meta(min_length=len(kind.item_types), max_length=len(kind.item_types))]
        case inspect.StructType(array_like=True):
            return list
    base = BASES.get(type(kind), Any)
    limits = {name: limit for name in _LIMITS if (limit := getattr(kind, name, None)) is not None}
    return Annotated[base, msgspec.Meta(**limits)] if limits else base


# The content of a value that has no shallow problem.


def _content(kind: inspect.Type, value: Any, path: Path) -> Iterator[Step]:
    """Yield the values in a list or object that has this type, with their types and places."""
    members = [member for member in members_of(kind) if _has_known_content(member, value)]
    if len(members) > 1:  # tagged structs: of other objects, a union may have only one
        yield from _tagged(members, value, path)
    elif not members:
        return
    elif isinstance(value, list):
        yield from _items(members[0], value, path)
    elif isinstance(members[0], inspect.DictType):
        yield from _pairs(members[0], value, path)
    else:
        yield from _fields(members[0], value, path)


def _has_known_content(kind: inspect.Type, value: Any) -> bool:
    """Return whether a value is of this kind, and the types of its content are known."""
    if getattr(kind, "array_like", False):
        return False
    wanted = (*_ARRAYS, inspect.TupleType) if isinstance(value, list) else (*_OBJECTS, inspect.DictType)
    return isinstance(kind, wanted)


def _items(kind: Any, value: list[Any], path: Path) -> Iterator[Step]:
    kinds = kind.item_types if isinstance(kind, inspect.TupleType) else repeat(kind.item_type)
    return ((each, item, (path, index)) for index, (each, item) in enumerate(zip(kinds, value, strict=False)))


def _pairs(kind: inspect.DictType, value: dict[str, Any], path: Path) -> Iterator[Step]:
    names = GenericAlias(dict, (_shallow_type(kind.key_type), Any))
    for name, item in value.items():
        if refusal := _refusal({name: None}, names):
            yield f"Invalid name: {refusal.partition(' - at ')[0]}", name, (path, name)
        yield kind.value_type, item, (path, name)


def _tagged(members: list[Any], value: dict[str, Any], path: Path) -> Iterator[Step]:
    name = members[0].tag_field
    if name not in value:
        yield f"Object missing required field `{name}`", None, (path, name)
        return
    found = [member for member in members if _is_tag(value[name], member.tag)]
    yield from (
        _fields(found[0], value, path) if found else [(_wrong_tag(value[name], members[0].tag), None, (path, name))]
    )


def _fields(kind: Any, value: dict[str, Any], path: Path) -> Iterator[Step]:
    names = {field.encode_name for field in kind.fields}
    tag_field = getattr(kind, "tag_field", None)
    if tag_field is not None:
        names.add(tag_field)
        if tag_field in value and not _is_tag(value[tag_field], kind.tag):
            yield _wrong_tag(value[tag_field], kind.tag), None, (path, tag_field)
    for field in kind.fields:
        if field.encode_name in value:
            yield field.type, value[field.encode_name], (path, field.encode_name)
        elif field.required:
            yield f"Object missing required field `{field.encode_name}`", None, (path, field.encode_name)
    if getattr(kind, "forbid_unknown_fields", False):
        for name in value:
            if name not in names:
                yield f"Object contains unknown field `{name}`", None, (path, name)


def _is_tag(value: Any, tag: str | int) -> bool:
    return type(value) is type(tag) and value == tag


def _wrong_tag(value: Any, tag: str | int) -> str:
    return f"Invalid value {value!r}" if type(value) is type(tag) else f"Expected `{type(tag).__name__}`"
