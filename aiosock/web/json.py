"""JSON (RFC 8259): by msgspec where it is installed (the extra `fast`), else by the standard library, with the same result.

msgspec is asked first; what it cannot do, or would do otherwise, the standard library does or refuses.
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
    """Give a value as JSON: dict, list, tuple, str, int, float, bool, None, and what `_as_json` knows.

    Raises TypeError for a value of another type, ValueError for NaN and infinities, which JSON cannot say.
    """
    with suppress(TypeError, ValueError, RecursionError):
        data = _fast()[0](value)
        if b"null" not in data:  # msgspec writes null for NaN
            return data
    return _encode(value)


def decode(data: bytes) -> Any:
    """Give what JSON text says.

    Raises JSONDecodeError, with the position, for what is malformed; UnicodeDecodeError for what is not UTF-8; ValueError
    or RecursionError for a number that is too large or has too many digits, NaN, or too deep a nesting.
    """
    with suppress(ValueError, RecursionError):
        return _fast()[1](data)
    return _DECODER.decode(data.decode())


def _encode(value: Any) -> bytes:
    try:
        text = _ENCODER.encode(value)
    except TypeError:  # a date as a key, for one: the encoder asks `_as_json` for values only
        value = _with_plain_keys(value)
        text = _ENCODER.encode(value)
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a surrogate pair: JSON can say it in ASCII only (RFC 8259 section 8.2)
        return _ASCII_ENCODER.encode(value).encode("ascii")


def _with_plain_keys(value: Any) -> Any:
    """Give a value whose keys JSON can have, with what `_as_json` gives for others; raise TypeError as it does."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict):
        return {_with_plain_keys(key): _with_plain_keys(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_plain_keys(item) for item in value]
    return _with_plain_keys(_as_json(value))


def _as_json(value: Any) -> Any:
    """Give what stands for a value that JSON has no word for, as msgspec writes it; raise TypeError for any other."""
    from base64 import b64encode  # three of them here: 4 ms that `import aiosock` does without
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
        from msgspec import to_builtins  # which knows its names, its tag and what it leaves out

        return to_builtins(value, str_keys=True, enc_hook=_as_json)
    raise TypeError(f"JSON has no {type(value).__name__}")


def _duration(value: timedelta) -> str:
    """Give a duration as ISO 8601 has it."""
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
    """Give a number; raise ValueError for one beyond what a float holds."""
    value = float(number)
    if isinf(value):
        raise ValueError("Number out of range")
    return value


# Made once: `json.dumps` would make an encoder for each call with options, 0.7 us of 2.9 for a small object.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_json)
_ASCII_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=_as_json)
# RFC 8259 section 6: there is no NaN and no Infinity; nor may 1e400 become one, for it could not be written again.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=finite)


@cache
def _fast() -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
    """Give msgspec's encoder and decoder; without msgspec, two that leave everything to the standard library."""
    try:
        from msgspec.json import Decoder, Encoder
    except ImportError:
        return _leave, _leave
    return Encoder().encode, Decoder().decode


def _leave(_: Any) -> Any:
    raise ValueError
