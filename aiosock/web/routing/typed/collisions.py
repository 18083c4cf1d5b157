"""Collisions: ids with equal hashes, chosen so that a set or a dict of them takes quadratic time to build.

Python hides the hashes of str, but those of int, Decimal and UUID are their values modulo 2**61 - 1, so a client can
choose them. A body whose type has sets or dicts of such values is looked through before they are built.
"""

import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from itertools import repeat
from typing import Any, Final, NamedTuple, Union

import msgspec
from msgspec import inspect
from msgspec.json import Decoder

from aiosock.web.routing.typed.problems import BASES, Path, Step, members_of, problem
from aiosock.web.routing.typed.types import reaches

MAX_COLLISIONS: Final = 16
"""Different values with the same hash in one set or dict. Two are rarer than one in 10**17 for ids not chosen for it."""

_MODULUS = sys.hash_info.modulus
_DIGITS = len(str(_MODULUS))  # with fewer, there are not enough numbers
_TUPLE: Any = tuple
_FROZEN_SET: Any = frozenset
_CONTAINERS = (list, dict)
_ANYTHING = inspect.AnyType()
_SETS = (inspect.SetType, inspect.FrozenSetType)
_SAFE = (
    inspect.NoneType,
    inspect.BoolType,
    inspect.FloatType,  # at most some thirty floats have the same hash
    inspect.StrType,
    inspect.BytesType,
    inspect.DateTimeType,
    inspect.DateType,
    inspect.TimeType,
    inspect.TimeDeltaType,
    inspect.EnumType,
    inspect.LiteralType,
)


class Collisions:
    """Finds the sets and dicts of one type whose values collide."""

    def __init__(self, kind: inspect.Type) -> None:
        self._kind = kind
        self._plans: dict[int, _Plan] = {}  # by the id of a kind, which lives as long as this object
        self.may_be: bool = reaches(kind, is_risky)
        """Whether the type has such sets or dicts at all."""

    def problems(self, body: bytes) -> list[dict[str, str]]:
        """Return a problem if a body has such a set or dict; raise ValueError or RecursionError if it is not JSON."""
        found = list(self._containers(_DECODE(body)))
        # Inner sets come after outer ones here, and are built with them: they must be harmless before.
        for kind, value, path in reversed(found):
            if collide(kind, value):
                return [problem("Too many values with the same hash", path)]
        return []

    def _containers(self, value: Any) -> Iterator[tuple[inspect.Type, Any, Path]]:
        """Yield the sets and dicts to look at, the outer ones first."""
        left: list[Step] = [(self._kind, value, None)] if isinstance(value, _CONTAINERS) else []
        while left:
            kind, value, path = left.pop()
            plan = self._plan(kind)
            if plan.risky and len(value) > MAX_COLLISIONS:
                yield from ((member, value, path) for member in plan.risky)
            for member in plan.inner:
                left.extend(
                    step for step in self._steps(member, value, path) if step[1] and type(step[1]) in _CONTAINERS
                )

    def _steps(self, kind: Any, value: Any, path: Path) -> Iterator[Step]:
        """Yield what is in a list or object and may be, or contain, a set or dict to look at."""
        if isinstance(value, dict):
            if isinstance(kind, inspect.DictType):
                return ((kind.value_type, item, (path, name)) for name, item in value.items())
            names = (
                (field.type, field.encode_name) for field in getattr(kind, "fields", ()) if self._leads(field.type)
            )
            return ((type_, value[name], (path, name)) for type_, name in names if name in value)
        if isinstance(kind, inspect.TupleType):
            types: Iterable[Any] = kind.item_types
        elif hasattr(kind, "item_type"):
            types = repeat(kind.item_type)
        else:  # a struct that is written as an array, after its tag
            types = [
                *[_ANYTHING] * (getattr(kind, "tag", None) is not None),
                *(field.type for field in getattr(kind, "fields", ())),
            ]
        return ((type_, item, (path, index)) for index, (type_, item) in enumerate(zip(types, value, strict=False)))

    def _leads(self, kind: Any) -> bool:
        return any(self._plan(kind))

    def _plan(self, kind: Any) -> "_Plan":
        plan = self._plans.get(id(kind))
        if plan is None:
            members: list[Any] = members_of(kind)
            plan = self._plans[id(kind)] = _Plan(list(filter(is_risky, members)), list(filter(_has_risky, members)))
        return plan


class _Plan(NamedTuple):
    """The members of a type that are sets or dicts to look at, and those that contain such."""

    risky: list[Any]
    inner: list[Any]


def _has_risky(kind: Any) -> bool:
    inner = [kind.value_type] if isinstance(kind, inspect.DictType) else []
    inner += [kind.item_type] if hasattr(kind, "item_type") else []
    inner += getattr(kind, "item_types", ())
    inner += [field.type for field in getattr(kind, "fields", ())]
    return any(reaches(each, is_risky) for each in inner)


def is_risky(kind: Any) -> bool:
    """Return whether a type is a set or a dict of values whose hashes a client can choose."""
    if isinstance(kind, _SETS):
        hashed = kind.item_type
    elif isinstance(kind, inspect.DictType):
        hashed = kind.key_type
        if isinstance(hashed, inspect.AnyType):  # the names of an object, which are str
            return False
    else:
        return False
    return not all(isinstance(member, _SAFE) for member in members_of(hashed))


def collide(kind: Any, value: Any) -> bool:
    """Return whether too many different values have the same hash, as far as they are valid."""
    is_object = isinstance(value, dict)
    if is_object != isinstance(kind, inspect.DictType):
        return False
    annotation = _annotation(kind.key_type if is_object else kind.item_type)
    same: dict[int, list[Any]] = {}
    for item in _converted(filter(_may_collide, value), annotation, is_name=is_object):
        known = same.setdefault(hash(item), [])
        if item not in known:
            known.append(item)
            if len(known) > MAX_COLLISIONS:
                return True
    return False


def _may_collide(value: Any) -> bool:
    """Return whether a value may be one of many with the same hash, before it is converted."""
    if isinstance(value, int):
        return not -_MODULUS < value < _MODULUS
    return not isinstance(value, str) or len(value) >= _DIGITS


def _converted(values: Iterable[Any], annotation: Any, *, is_name: bool) -> Iterator[Any]:
    """Yield values as the type that is hashed, until one is not valid: msgspec stops there too."""
    for value in values:
        try:
            item = msgspec.convert(value, annotation, str_keys=True, strict=not is_name)
            hash(item)
        except (ValueError, TypeError):
            return
        yield item


def _annotation(kind: Any) -> Any:
    """Return the type to which a value that is hashed is converted."""
    members = [_annotation_of(member) for member in members_of(kind)]
    return Union[tuple(members)]  # noqa: UP007


def _annotation_of(kind: Any) -> Any:
    match kind:
        case inspect.StructType() | inspect.DataclassType() | inspect.NamedTupleType() | inspect.EnumType():
            return kind.cls
        case inspect.TupleType():
            return _TUPLE[tuple(_annotation(item) for item in kind.item_types)]
        case inspect.VarTupleType():
            return _TUPLE[_annotation(kind.item_type), ...]
        case inspect.FrozenSetType():
            return _FROZEN_SET[_annotation(kind.item_type)]
    return BASES.get(type(kind), Any)


def _decimal(number: str) -> Decimal:
    try:
        return Decimal(number)
    except InvalidOperation:
        raise ValueError("Invalid decimal string") from None


# Decimals, so that different numbers remain different.
_DECODE: Final = Decoder(float_hook=_decimal).decode
