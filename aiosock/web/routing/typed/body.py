"""Body: JSON is decoded directly into the handler's type. Only if that fails, all problems are searched for."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec
from msgspec import inspect
from msgspec.json import Decoder

from aiosock.errors import RouteError, ValidationError
from aiosock.web.json import decode
from aiosock.web.request import Request
from aiosock.web.routing.signature import Parameter
from aiosock.web.routing.typed.problems import Checker, first_problem


class BodyReader:
    """Reads the body into one parameter."""

    def __init__(self, parameter: Parameter) -> None:
        """Raise RouteError for a type that msgspec cannot decode."""
        try:
            self._decoder = Decoder(parameter.annotation)
            self._checker = Checker(inspect.type_info(parameter.annotation))
        except (TypeError, NameError) as error:
            reason = f"the parameter {parameter.name!r} is annotated {parameter.annotation!r}, which cannot be the body"
            raise RouteError(f"{reason}: {error}") from None
        self._fills_in = _has_dataclass(inspect.type_info(parameter.annotation), set())
        self._name = parameter.name
        self._is_required = parameter.is_required

    async def read(self, request: Request, values: dict[str, Any], problems: list[Mapping[str, str]]) -> None:
        """Put the body into `values`, or what is wrong with it into `problems`.

        An empty body is skipped if the parameter has a default. Raises what `Request.json` raises.
        """
        if not self._is_required and not await request.read():
            return
        try:
            values[self._name] = await request.json(self._decode)
        except ValidationError as error:
            problems.extend(error.errors)

    def _decode(self, body: bytes) -> Any:
        """Return the value; raise ValidationError for JSON of another type, and what `decode` raises for other text."""
        if not body.isascii():
            body.decode()  # msgspec does not check the UTF-8 of members that it skips
        try:
            value = self._decoder.decode(body)
        except (ValueError, RecursionError) as error:
            value = decode(body)
            if not isinstance(error, msgspec.ValidationError):  # half a surrogate pair, or nested too deeply for it
                raise
            raise ValidationError(self._checker.problems(value) or [first_problem(error, value)]) from None
        if self._fills_in:
            _fill_in(value)
        return value


def _has_dataclass(kind: Any, seen: set[int]) -> bool:
    """Return whether a type contains a dataclass."""
    if isinstance(kind, inspect.DataclassType):
        return True
    if id(kind) in seen:
        return False
    seen.add(id(kind))
    if isinstance(kind, inspect.Type | inspect.Field):
        return any(_has_dataclass(getattr(kind, name), seen) for name in kind.__struct_fields__)
    return isinstance(kind, tuple) and any(_has_dataclass(part, seen) for part in kind)


def _fill_in(value: Any) -> None:
    """Set the defaults of all dataclasses in a value as attributes of the objects.

    msgspec leaves the defaults to the class. It would then leave them out when it writes such an object.
    """
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, list | tuple | set | frozenset):
            left.extend(value)
        elif isinstance(value, dict):
            left.extend(value.values())
        elif isinstance(value, msgspec.Struct):
            left.extend(getattr(value, name) for name in value.__struct_fields__)
        elif is_dataclass(value):
            own = getattr(value, "__dict__", {})  # an object with slots has them already: its new dict is dropped
            names = [field.name for field in fields(value) if hasattr(value, field.name)]
            left.extend(own.setdefault(name, getattr(value, name)) for name in names)
