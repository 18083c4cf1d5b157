"""Body: JSON is decoded directly into the handler's type. Only if that fails, all problems are searched for."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import inspect
from msgspec.json import Decoder

from aiosock.errors import HTTPError, RouteError, ValidationError
from aiosock.web.json import BYTE_ORDER_MARK, LARGE, decode, finite, uncollected
from aiosock.web.request import Request, json_limit
from aiosock.web.routing.signature import Parameter
from aiosock.web.routing.typed.collisions import Collisions
from aiosock.web.routing.typed.problems import OUT_OF_RANGE, Checker, first_problem, problem
from aiosock.web.routing.typed.types import contains, reaches
from aiosock.web.routing.typed.values import fill_in, has_wild_decimal

SMALL: Final = 1024
"""Bytes of a body that costs little, whatever it contains: it is not looked through before it is decoded."""

MAX_EXPONENTS: Final = 100
"""Numbers with a large exponent that msgspec may read: it needs up to 15 us for each."""

HALF_A_PAIR: Final = "A text in the body has half of a surrogate pair, which is no character."
"""The detail of a text such as "\\ud800", which JSON can have and UTF-8 cannot (RFC 8259 section 8.2)."""

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""Half of a surrogate pair as JSON escapes it. The other half may follow."""

_EXPONENT = re.compile(rb"[0-9.][eE][+-]?[0-9]{2,}+(?=[\s,\]}])")


class BodyReader:
    """Reads the body into one parameter."""

    def __init__(self, parameter: Parameter) -> None:
        """Raise RouteError for a type that msgspec cannot decode."""
        try:
            self._decoder = _BodyDecoder(parameter.annotation)
        except (TypeError, NameError) as error:
            reason = f"the parameter {parameter.name!r} is annotated {parameter.annotation!r}, which cannot be the body"
            raise RouteError(f"{reason}: {error}") from None
        self._name = parameter.name
        self._is_required = parameter.is_required

    async def read(self, request: Request, values: dict[str, Any], problems: list[Mapping[str, str]]) -> None:
        """Put the body into `values`, or what is wrong with it into `problems`.

        An empty body is skipped if the parameter has a default. Raises what `Request.json` raises.
        """
        if not self._is_required and not await request.read(json_limit(request)):
            return
        try:
            values[self._name] = await request.json(self._decoder.decode)
        except ValidationError as error:
            problems.extend(error.errors)


class _BodyDecoder:
    """Decodes bodies of one type, in a time that grows with their size and with nothing else."""

    def __init__(self, annotation: Any) -> None:
        """Raise TypeError or NameError for a type that msgspec cannot decode."""
        self._annotation = annotation
        self._decode = Decoder(annotation, float_hook=finite).decode
        kind = inspect.type_info(annotation)
        self._checker = Checker(kind)
        self._collisions = Collisions(kind)
        self._has_dataclasses = contains(kind, inspect.DataclassType)
        self._has_decimals = contains(kind, inspect.DecimalType)
        self._has_floats = contains(kind, inspect.FloatType)
        self._has_float_names = reaches(kind, _is_named_by_floats)

    def decode(self, body: bytes) -> Any:
        """Return the value; raise ValidationError for JSON of another type, and what `json.decode` raises for other text.

        Raises HTTPError (400) for half of a surrogate pair.
        """
        if not body.isascii():
            body = body.removeprefix(BYTE_ORDER_MARK)
            body.decode()  # msgspec does not check the UTF-8 of members that it skips
        return uncollected(self._checked, body) if len(body) > LARGE else self._checked(body)

    def _checked(self, body: bytes) -> Any:
        try:
            value = self._decode(body) if len(body) <= SMALL else self._decode_large(body)
        except (ValueError, RecursionError) as error:
            value = decode(body)
            if not isinstance(error, msgspec.ValidationError):
                if isinstance(error, msgspec.DecodeError) and _SURROGATE.search(body):
                    raise HTTPError(400, HALF_A_PAIR) from None
                raise  # nested too deeply for it, or too many large exponents
            raise ValidationError(self._checker.problems(value) or [first_problem(error, value)]) from None
        except TypeError as error:
            if not self._has_decimals:
                raise
            # Decimal("sNaN") has no hash, so it cannot be in a set.
            raise ValidationError([problem(str(error), None)]) from None
        if self._has_decimals and has_wild_decimal(value):
            raise ValidationError(self._checker.problems(decode(body)) or [problem(OUT_OF_RANGE, None)])
        if self._has_dataclasses:
            fill_in(value)
        return value

    def _decode_large(self, body: bytes) -> Any:
        if self._collisions.may_be and (problems := self._collisions.problems(body)):
            raise ValidationError(problems)
        if self._has_floats and len(_EXPONENT.findall(body)) > MAX_EXPONENTS:
            if self._has_decimals or self._has_float_names:  # converted, they would lose digits or be as slow
                raise ValueError("too many numbers with large exponents")
            return msgspec.convert(decode(body), self._annotation, str_keys=True)
        return self._decode(body)


def _is_named_by_floats(kind: Any) -> bool:
    return isinstance(kind, inspect.DictType) and contains(kind.key_type, inspect.FloatType)
