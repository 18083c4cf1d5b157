"""JSON (RFC 8259): by msgspec if it is installed (the extra `fast`), else by the standard library; same results.

msgspec is tried first. If it cannot do something, or would do it differently, the standard library does or refuses it.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from functools import cache
from math import isinf
from typing import Any


def encode(value: Any) -> bytes:
    """Return a value as JSON: dict, list, tuple, str, int, float, bool, None, and the types that `_as_json` knows.

    Raises TypeError for a value of another type, ValueError for NaN and infinities, which JSON does not have.
    """
    with suppress(TypeError, ValueError, RecursionError):
        data = _fast()[0](value)
        if b"null" not in data:  # msgspec writes null for NaN
            return data
    return _encode(value)


def decode(data: bytes) -> Any:
    """Return the value of a JSON text.

    Raises JSONDecodeError, with the position, for malformed text; UnicodeDecodeError for text that is not UTF-8;
    ValueError for NaN, and for a number that is too large or has too many digits; RecursionError for text nested too
    deeply.
    """
    with suppress(ValueError, RecursionError):
        return _fast()[1](data)
    return _DECODER.decode(data.decode())


def _encode(value: Any) -> bytes:
    try:
        text = _ENCODER.encode(value)
    except TypeError:  # such as a date as a key: the encoder calls `_as_json` only for values
        value = _with_plain_keys(value)
        text = _ENCODER.encode(value)
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a surrogate pair: JSON has it only as an ASCII escape (RFC 8259 section 8.2)
        return _ASCII_ENCODER.encode(value).encode("ascii")


def _with_plain_keys(value: Any) -> Any:
    """Return a value whose keys JSON can have; `_as_json` converts the others, and raises TypeError if it cannot."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict):
        return {_with_plain_keys(key): _with_plain_keys(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_plain_keys(item) for item in value]
    return _with_plain_keys(_as_json(value))


def _as_json(value: Any) -> Any:
    """Return the JSON form of a value whose type JSON does not have, as msgspec does; raise TypeError for others."""
    from base64 import b64encode  # these three here: `import aiosock` is faster without them
    from decimal import Decimal
    from uuid import UUID

    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    match value:
        case Enum():
            return value.value
        case datetime() | time():
            text = value.isoformat()
            return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
        case date():
            return value.isoformat()
        case timedelta():
            return _duration(value)
        case UUID() | Decimal():
            return str(value)
        case set() | frozenset():
            return list(value)
        case bytes() | bytearray() | memoryview():
            return b64encode(value).decode("ascii")
    if hasattr(value, "__struct_fields__"):
        from msgspec import to_builtins  # knows the struct's renamed fields, its tag, and the fields to omit

        return to_builtins(value, str_keys=True, enc_hook=_as_json)
    raise TypeError(f"a value of type {type(value).__name__} cannot be written as JSON")


def _duration(value: timedelta) -> str:
    """Return a duration in the form of ISO 8601."""
    sign, value = ("-", -value) if value < timedelta() else ("", value)
    seconds = (
        f"{value.seconds}.{value.microseconds:06d}".rstrip("0").rstrip(".") if value.microseconds else value.seconds
    )
    days = f"{value.days}D" if value.days else ""
    clock = f"T{seconds}S" if value.seconds or value.microseconds else ""
    return f"{sign}P{days}{clock}" if value else "P0D"


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def finite(number: str) -> float:
    """Return a number; raise ValueError if it is too large for a float."""
    value = float(number)
    if isinf(value):
        raise ValueError("Number out of range")
    return value


# Made once: with options, `json.dumps` makes an encoder for each call.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_json)
_ASCII_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=_as_json)
# RFC 8259 section 6: there is no NaN and no Infinity. 1e400 must not become Infinity: it could not be written again.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=finite)


@cache
def _fast() -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
    """Return msgspec's encoder and decoder; without msgspec, two functions that always raise ValueError."""
    try:
        from msgspec.json import Decoder, Encoder
    except ImportError:
        return _refuse, _refuse
    return Encoder().encode, Decoder().decode


def _refuse(_: Any) -> Any:
    raise ValueError
