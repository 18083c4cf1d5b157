"""JSON (RFC 8259): by msgspec if it is installed (the extra `fast`), else by the standard library; same results.

msgspec is tried first. If it cannot do something, or would do it differently, the standard library does or refuses it.
"""

import gc
import json
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from functools import cache
from math import isinf
from typing import Any, Final, TypeVar

_T = TypeVar("_T")

LARGE: Final = 64 * 1024
"""Bytes of a text from which the garbage collector is stopped, and a malformed text is not read a second time."""

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def encode(value: Any) -> bytes:
    """Return a value as JSON: dict, list, tuple, str, int, float, bool, None, and the types that `_as_json` knows.

    Raises TypeError for a value of another type, ValueError for NaN and infinities, which JSON does not have.
    """
    try:
        data = _fast()[0](value)
    except (TypeError, ValueError, RecursionError):
        return _encode(value)
    return _encode(value) if b"null" in data else data  # msgspec writes null for NaN


def decode(data: bytes) -> Any:
    """Return the value of a JSON text. A byte order mark before it is ignored (RFC 8259 section 8.1).

    Raises JSONDecodeError, with the position, for malformed text; UnicodeDecodeError for text that is not UTF-8;
    ValueError for NaN, and for a number that is too large or has too many digits; RecursionError for text nested too
    deeply.
    """
    if len(data) > LARGE:
        return uncollected(_decode_large, data)
    try:
        return _fast()[1](data)
    except (ValueError, RecursionError):
        return _decode_slowly(data)


def uncollected(decode: Callable[[bytes], _T], data: bytes) -> _T:
    """Return `decode(data)` with the garbage collector stopped.

    The collector would walk all new lists and dicts again and again, which takes more time than decoding. It would find
    nothing: a JSON text has no cycles.
    """
    if not gc.isenabled():
        return decode(data)
    gc.disable()
    try:
        return decode(data)
    finally:
        gc.enable()


def _decode_large(data: bytes) -> Any:
    try:
        return _fast()[1](data)
    except (ValueError, RecursionError) as error:
        _raise_malformed(str(error), data)
    return _decode_slowly(data)


def _decode_slowly(data: bytes) -> Any:
    return _DECODER.decode(data.removeprefix(BYTE_ORDER_MARK).decode())


def _raise_malformed(reason: str, data: bytes) -> None:
    """Raise JSONDecodeError if msgspec is right that `data` is malformed: a second pass would only double the time.

    msgspec is wrong about half a surrogate pair, which is an escape, and about a byte order mark.
    """
    malformed = _MALFORMED.fullmatch(reason)
    if malformed and b"\\u" not in data and not data.startswith(BYTE_ORDER_MARK):
        before = data[: int(malformed[2])] if malformed[2] else data
        text = before.decode(errors="replace")
        raise json.JSONDecodeError((malformed[1] or reason).capitalize(), text, len(text)) from None


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


_MALFORMED = re.compile(r"JSON is malformed: (.+) \(byte ([0-9]+)\)|Input data was truncated")
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
    # The hook is for floats: msgspec itself needs a hundred times as long for those with a large exponent, such as
    # 7e306.
    return Encoder().encode, Decoder(float_hook=finite).decode


def _refuse(_: Any) -> Any:
    raise ValueError
