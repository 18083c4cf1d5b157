"""Tests of aiosock.web.json: the same results with msgspec and without it."""

import gc
import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
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
from tests.web.costs import times_as_costly

SLOWER = 30.0
"""Most times that hostile text may take of ordinary text of the same size; before, it was a thousand."""

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


@pytest.mark.parametrize("text", ["", "{", "[1,]", "01", "tru", '"\t"', "'a'", "[1] 2", "{a:1}"])
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


@pytest.mark.parametrize("text", ["1", '{"a":[1.5,"é"]}', '"\\ud800"'])
def test_a_byte_order_mark_before_the_text_is_ignored(text: str) -> None:
    assert decode(b"\xef\xbb\xbf" + text.encode()) == json.loads(text)
    with pytest.raises(json.JSONDecodeError):
        decode(2 * b"\xef\xbb\xbf" + text.encode())


# Hostile text.


def array(item: bytes, size: int = 128 * 1024) -> bytes:
    return b"[" + b",".join([item] * (size // (len(item) + 1))) + b"]"


@pytest.mark.parametrize(
    "item",
    [
        b"7e306",
        b"1.5e308",
        b"5e-324",
        b"7e-306",
        b"2.2250738585072011e-308",
        b"9007199254740993.0",
        b"1.00000000000000011102230246251565404236316680908203125",
        b"1" * 4000,
        b"[]",
        b"{}",
        b'{"a":[]}',
        b'"\\u00e9"',
        b'""',
    ],
)
@pytest.mark.parametrize("end", [b"]", b",x]", b""], ids=["whole", "malformed", "cut short"])
def test_no_text_takes_much_longer_than_ordinary_numbers(item: bytes, end: bytes) -> None:
    hostile, ordinary = array(item)[:-1] + end, array(b"7.306")

    def read() -> None:
        with suppress(ValueError):
            decode(hostile)

    assert times_as_costly(read, lambda: decode(ordinary), SLOWER) < SLOWER


def test_a_large_malformed_text_is_read_once(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []

    class Counted(json.JSONDecoder):
        def decode(self, s: str, _w: Any = None) -> Any:
            texts.append(s)
            return super().decode(s)

    monkeypatch.setattr(web_json, "_DECODER", Counted())
    start = array(b'"\xc3\xa9",\n[]')[:-1]
    with pytest.raises(json.JSONDecodeError) as error:
        decode(start + b",x]")
    assert len(texts) == (0 if fast else 1)
    assert (error.value.lineno, error.value.colno) == (start.count(b"\n") + 1, len("[],x"))
    with pytest.raises(json.JSONDecodeError):
        decode(start)
    assert len(texts) == (0 if fast else 2)


@pytest.mark.parametrize(
    "text", [array(b"1")[:-1] + b',"\\ud800"]', b"\xef\xbb\xbf" + array(b"1")], ids=["half", "mark"]
)
def test_a_large_text_that_msgspec_refuses_may_still_be_right(text: bytes) -> None:
    assert decode(text)[:3] == [1, 1, 1]


@pytest.mark.parametrize("is_enabled", [True, False])
def test_the_collector_is_stopped_for_a_large_text_and_then_as_before(
    is_enabled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    decode_text = web_json._decode_large

    def look(data: bytes) -> Any:
        seen.append(gc.isenabled())
        return decode_text(data)

    monkeypatch.setattr(web_json, "_decode_large", look)
    if not is_enabled:
        gc.disable()
    try:
        for data in (array(b"[]"), array(b"[]")[:-1]):
            with suppress(ValueError):
                decode(data)
        assert (seen, gc.isenabled()) == ([False, False], is_enabled)
    finally:
        gc.enable()


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
        expected = json.loads(data.decode().removeprefix("\ufeff"), parse_constant=refuse, parse_float=finite)
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
