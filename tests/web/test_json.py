"""Tests of aiosock.web.json: the same results with msgspec and without it."""

import json
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from importlib.util import find_spec
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock import Request
from aiosock.web import json as web_json
from aiosock.web.json import decode, encode
from tests.web.ask import app_of, ask

SETTINGS = settings(max_examples=300, derandomize=True, deadline=None)


@pytest.fixture(
    params=[
        pytest.param(True, marks=pytest.mark.skipif(not find_spec("msgspec"), reason="msgspec is not installed")),
        False,
    ],
    ids=["msgspec", "standard library"],
    autouse=True,
)
def fast(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """Run each test with msgspec, and as if it were not installed."""
    if not request.param:
        monkeypatch.setitem(sys.modules, "msgspec", None)
        monkeypatch.setitem(sys.modules, "msgspec.json", None)
    web_json._fast.cache_clear()
    yield request.param
    web_json._fast.cache_clear()


class Plain(Enum):
    A = "a"


class Number(IntEnum):
    ONE = 1


class Text(StrEnum):
    A = "a"


@dataclass
class Point:
    x: int
    inner: "Point | None" = None


@dataclass(slots=True, frozen=True)
class Slotted:
    at: datetime


MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, 2.5, True, None, "é"]}, '{"a":[1,2.5,true,null,"é"]}'),
        ((1, 2), "[1,2]"),
        ({1: 2, None: 3, False: 4}, '{"1":2,"null":3,"false":4}'),
        (2**80, str(2**80)),
        ("\ud800", '"\\ud800"'),
        ("</script>\x7f\u2028", '"</script>\x7f\u2028"'),
        ('"\\\n\x00', '"\\"\\\\\\n\\u0000"'),
        (Point(1, Point(2)), '{"x":1,"inner":{"x":2,"inner":null}}'),
        (Slotted(MOMENT), '{"at":"2026-01-02T03:04:05Z"}'),
        (MOMENT, '"2026-01-02T03:04:05Z"'),
        (MOMENT.replace(tzinfo=None, microsecond=7), '"2026-01-02T03:04:05.000007"'),
        (MOMENT.replace(tzinfo=timezone(timedelta(hours=2))), '"2026-01-02T03:04:05+02:00"'),
        (date(2026, 1, 2), '"2026-01-02"'),
        (time(3, 4), '"03:04:00"'),
        (timedelta(days=1), '"P1D"'),
        (timedelta(hours=2, microseconds=5), '"PT7200.000005S"'),
        (timedelta(days=2, seconds=3), '"P2DT3S"'),
        (timedelta(0), '"P0D"'),
        (UUID(int=5), '"00000000-0000-0000-0000-000000000005"'),
        (Plain.A, '"a"'),
        (Number.ONE, "1"),
        (Text.A, '"a"'),
        (Decimal("1.10"), '"1.10"'),
        ({3}, "[3]"),
        (frozenset({"a"}), '["a"]'),
        (b"x\xff", '"eP8="'),
        (bytearray(b"x"), '"eA=="'),
        ({MOMENT: None, UUID(int=1): {Plain.A: None}}, f'{{"2026-01-02T03:04:05Z":null,"{UUID(int=1)}":{{"a":null}}}}'),
        ([{date(2026, 1, 2): Point(1)}], '[{"2026-01-02":{"x":1,"inner":null}}]'),
    ],
)
def test_a_value_is_written_alike(value: Any, text: str) -> None:
    assert encode(value).decode() == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [{"a": float("-inf")}], [None, float("nan")]])
def test_what_is_no_number_cannot_be_said(value: Any) -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode(value)


@pytest.mark.parametrize("value", [object(), [object()], {"a": int}, Point, lambda: 0, 1j, {(1, 2): 3}])
def test_what_has_no_word_in_json_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        encode(value)


def test_a_value_that_holds_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises((ValueError, RecursionError)):
        encode(value)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        " [1.0, -0, 1E5, 18446744073709551616] ",
        '"\\ud800"',
        "1e308",
        "123456789012345678901234567890",
        '"\x7f"',
    ],
)
def test_text_is_read_alike(text: str) -> None:
    assert decode(text.encode()) == json.loads(text)


@pytest.mark.parametrize("text", ["", "{", "[1,]", "01", "tru", '"\t"', "\ufeff1", "'a'", "[1] 2", "{a:1}"])
def test_malformed_text_is_refused_with_the_position(text: str) -> None:
    with pytest.raises(json.JSONDecodeError) as ours:
        decode(text.encode())
    with pytest.raises(json.JSONDecodeError) as theirs:
        json.loads(text)
    assert (ours.value.lineno, ours.value.colno) == (theirs.value.lineno, theirs.value.colno)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"NaN", ValueError),
        (b"[-Infinity]", ValueError),
        (b"[1e400]", ValueError),
        (b'"\xff"', UnicodeDecodeError),
        (b"1" * 5000, ValueError),
        (b"[" * 100_000, (ValueError, RecursionError)),
    ],
    ids=["NaN", "Infinity", "beyond a float", "not UTF-8", "digits", "depth"],
)
def test_what_is_no_sane_json_is_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode(data)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@SETTINGS
@given(VALUES)
def test_a_value_survives_the_round_trip(value: Any) -> None:
    for codec in (decode, json.loads):
        read: Callable[[bytes], Any] = codec
        assert read(encode(value)) == value


def test_a_struct_is_written_as_msgspec_writes_it() -> None:
    msgspec = pytest.importorskip("msgspec")
    struct = msgspec.defstruct("Order", [("id_of", Any), ("at", Any, None)], rename="camel", tag=True)

    assert encode([struct(1)]) == b'[{"type":"Order","idOf":1,"at":null}]'
    assert encode(struct({MOMENT: 1.5})) == b'{"type":"Order","idOf":{"2026-01-02T03:04:05Z":1.5},"at":null}'
    with pytest.raises(ValueError, match="JSON"):
        encode(struct(float("nan")))


@SETTINGS
@given(st.timedeltas())
def test_a_duration_is_written_as_msgspec_writes_it(value: timedelta) -> None:
    msgspec = pytest.importorskip("msgspec")
    assert web_json._encode(value) == msgspec.json.encode(value)


@SETTINGS
@given(st.binary() | st.text('[]{}",:0123.eE-+ \\ntruefalsn\ufeff').map(str.encode))
def test_any_bytes_are_read_as_the_standard_library_reads_them(data: bytes) -> None:
    def refuse(name: str) -> Any:
        raise ValueError(name)

    def finite(number: str) -> Any:
        return float(number) if math.isfinite(float(number)) else refuse(number)

    try:
        expected = json.loads(data.decode(), parse_constant=refuse, parse_float=finite)
    except ValueError as error:
        with pytest.raises(type(error)):
            decode(data)
    else:
        assert decode(data) == expected


async def test_an_app_answers_and_reads_alike() -> None:
    async def handler(request: Request) -> dict[str, Any]:
        return {"got": await request.json(), "at": MOMENT}

    headers = {"content-type": "application/json"}
    answer = await ask(app_of(handler), "POST", "/", headers=headers, body=b'{"a": [1, null]}')
    assert answer.text == '{"got":{"a":[1,null]},"at":"2026-01-02T03:04:05Z"}'
    refused = await ask(app_of(handler), "POST", "/", headers=headers, body=b'{"a": \n nope}')
    assert (refused.status, "line 2, column 2" in refused.text) == (400, True)
