"""Tests of aiosock.web.routing.typed: no body takes much longer than an ordinary one of the same size."""

import json
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from msgspec import Struct

from aiosock import ValidationError
from aiosock.web.json import LARGE
from aiosock.web.routing.typed.body import MAX_EXPONENTS, SMALL, _BodyDecoder
from aiosock.web.routing.typed.collisions import MAX_COLLISIONS
from tests.growth import LINEAR, growth
from tests.web.costs import times_as_costly

SLOWER = 30.0
"""Most times that a hostile body may take of an ordinary one; before, it was hundreds."""

P = sys.hash_info.modulus
SIZE = 128 * 1024


class Point(Struct, frozen=True):
    x: int


class Ids(Struct):
    ids: set[int]


class Nested(Struct):
    all: list[dict[str, Ids]]


class Row(Struct, array_like=True, tag=True):
    name: str
    ids: frozenset[UUID]


@dataclass
class Plain:
    counts: dict[int, str]


def problems(kind: Any, value: Any) -> list[tuple[str, str]]:
    """Return the problems of a body, each with its place; none if it is taken."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    try:
        _BodyDecoder(kind).decode(body)
    except ValidationError as error:
        return [(each["detail"], each["pointer"]) for each in error.errors]
    return []


# Sets and dicts of values with the same hash.


def ints(count: int) -> list[int]:
    return [7 + number * P for number in range(count)]


def uuids(count: int) -> list[str]:
    return [str(UUID(int=number)) for number in ints(count)]


def decimals(count: int) -> list[str]:
    return list(map(str, ints(count)))


def pairs(count: int) -> list[list[int]]:
    return [[number, 1] for number in ints(count)]


COLLIDING: list[tuple[Any, Callable[[int], Any], str]] = [
    (set[int], ints, "#"),
    (set[int | None], ints, "#"),
    (set[int | str], ints, "#"),
    (set, ints, "#"),
    (frozenset[Decimal], decimals, "#"),
    (frozenset[Decimal], lambda count: ints(count), "#"),
    (set[UUID], uuids, "#"),
    (set[tuple[int, int]], pairs, "#"),
    (set[tuple[int, ...]], pairs, "#"),
    (set[frozenset[int]], lambda count: [ints(count)], "#/0"),
    (set[Point], lambda count: [{"x": each} for each in ints(count)], "#"),
    (dict[int, int], lambda count: dict.fromkeys(decimals(count), 1), "#"),
    (dict[UUID, int], lambda count: dict.fromkeys(uuids(count), 1), "#"),
    (dict[Decimal, int], lambda count: dict.fromkeys(decimals(count), 1), "#"),
    (Nested, lambda count: {"all": [{"a": {"ids": [1]}}, {"b": {"ids": ints(count)}}]}, "#/all/1/b/ids"),
    (Plain, lambda count: {"counts": dict.fromkeys(decimals(count), "a")}, "#/counts"),
    (Ids | None, lambda count: {"ids": ints(count)}, "#/ids"),
]


@pytest.mark.parametrize(("kind", "values", "place"), COLLIDING)
def test_values_with_the_same_hash_are_refused_with_their_place(
    kind: Any, values: Callable[[int], Any], place: str
) -> None:
    assert problems(kind, values(SMALL // 10)) == [("Too many values with the same hash", place)]
    few = json.dumps(values(MAX_COLLISIONS)).encode()
    assert problems(kind, few + b" " * SMALL) == []


def test_a_struct_written_as_an_array_is_looked_through_too() -> None:
    detail, _ = problems(Row, ["Row", "a", uuids(100)])[0]
    assert detail == "Too many values with the same hash"


@pytest.mark.parametrize(("kind", "values", "place"), COLLIDING)
def test_such_values_take_linear_time(kind: Any, values: Callable[[int], Any], place: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        body = json.dumps(values(size)).encode()
        return lambda: problems(kind, body)

    assert growth(prepare, 400) < LINEAR


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (set[int], [5] * 1000),
        (set[int], ints(1) * 1000),
        (set[int], list(range(10**25, 10**25 + 1000))),
        (set[UUID], [str(UUID(int=number)) for number in range(1000)]),
        (dict[str, int], dict.fromkeys(decimals(1000), 1)),
        (list[int], ints(1000)),
        (set[str], decimals(1000)),
    ],
)
def test_other_values_are_taken(kind: Any, values: Any) -> None:
    assert problems(kind, values) == []


def test_a_value_that_is_not_valid_is_still_named() -> None:
    assert problems(set[int], [*range(1000), "a"]) == [("Expected `int`, got `str`", "#/1000")]
    assert problems(dict[int, int], {**dict.fromkeys(map(str, range(1000)), 1), "a": 1}) != []


class Pair(NamedTuple):
    name: str
    ids: set[int]


class Named(Struct):
    pair: Pair | None = None
    either: set[int] | dict[str, set[int]] | int | None = None
    table: tuple[int, set[int]] | None = None


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"pair": ["a", ints(100)]}, "#/pair/1"),
        ({"either": ints(100)}, "#/either"),
        ({"either": {"a": [1], "b": ints(100)}}, "#/either/b"),
        ({"table": [1, ints(100)]}, "#/table/1"),
    ],
)
def test_the_place_may_be_in_anything(value: Any, place: str) -> None:
    assert problems(Named, value) == [("Too many values with the same hash", place)]


@pytest.mark.parametrize(
    "value", [5, [5], {"pair": {"ids": [5]}}, {"either": 5}, {"table": [[], 5]}, {"pair": [[], []]}]
)
@pytest.mark.parametrize("kind", [Named, Row, Ids, Nested, set[int], dict[str, Ids], Ids | None])
def test_a_value_of_another_shape_is_refused_as_ever(kind: Any, value: Any) -> None:
    body = json.dumps(value).encode()
    assert problems(kind, body + b" " * SMALL) == problems(kind, body)


# Decimals.


class Price(Struct):
    amount: Decimal
    most: Decimal = Decimal("Infinity")


@dataclass
class Bill:
    prices: list[Price] = field(default_factory=list)
    total: Decimal = Decimal("1e1000")


@pytest.mark.parametrize(
    "text", ["1e300000000", "-1e-300000000", "0e300000000", "1e325", "11e325", "1e-325", "NaN", "sNaN", "Infinity"]
)
def test_a_decimal_that_is_no_sane_number_is_refused_with_its_place(text: str) -> None:
    refused = "Decimal out of range"
    assert problems(Price, {"amount": text}) == [(refused, "#/amount")]
    assert problems(Bill, {"prices": [{"amount": "1"}, {"amount": text}]}) == [(refused, "#/prices/1/amount")]
    assert problems(dict[str, Decimal], {"a": text}) == [(refused, "#/a")]
    assert problems(Decimal | None, text) == [(refused, "#")]
    assert len(problems(set[Decimal], [text])) == 1
    assert len(problems(dict[Decimal, int], {text: 1})) == 1
    assert len(problems(list[Decimal], [*["1"] * 10_000, text])) == 1


@pytest.mark.parametrize("number", [b"1e300000000", b"1e999999999999999999999"])
def test_a_decimal_that_is_no_sane_number_is_refused_as_a_number_too(number: bytes) -> None:
    with pytest.raises(ValueError, match="range"):
        _BodyDecoder(Price).decode(b'{"amount":%b}' % number)


@pytest.mark.parametrize(
    "text", ["1e300", "1E-300", "0.1", "1" * 5000, "1" * 400 + "e324", "11e-325", "0." + "0" * 100 + "1"]
)
def test_other_decimals_are_taken(text: str) -> None:
    assert _BodyDecoder(Bill).decode(json.dumps({"prices": [{"amount": text}]}).encode()).prices[0].amount == Decimal(
        text
    )


def test_a_default_may_be_any_decimal() -> None:
    assert problems(Bill, {"prices": [{"amount": 1}]}) == []


# Floats.


class Numbers(Struct):
    values: list[float]


class Both(Struct):
    values: list[float]
    price: Decimal | None = None


def array(item: bytes, size: int = SIZE) -> bytes:
    return b"[" + b",".join([item] * (size // (len(item) + 1))) + b"]"


@pytest.mark.parametrize("item", [b"7e306", b"1.5e308", b"5e-324", b"7E-306", b"2.2250738585072011e-308"])
def test_floats_with_large_exponents_are_read_alike_and_as_quickly(item: bytes) -> None:
    decode = _BodyDecoder(Numbers).decode
    hostile, ordinary = (b'{"values":%b}' % array(each) for each in (item, b"7.306"))

    assert decode(hostile).values == json.loads(hostile)["values"]
    assert times_as_costly(lambda: decode(hostile), lambda: decode(ordinary), SLOWER) < SLOWER


@pytest.mark.parametrize("kind", [Both, dict[float, int] | list[float]])
def test_where_they_could_not_be_read_alike_they_are_refused(kind: Any) -> None:
    few, many = (array(b"7e306", 6 * count) for count in (MAX_EXPONENTS, 2 * MAX_EXPONENTS))
    if kind is Both:
        few, many = b'{"values":%b}' % few, b'{"values":%b}' % many
    _BodyDecoder(kind).decode(few + b" " * SMALL)
    with pytest.raises(ValueError, match="exponents"):
        _BodyDecoder(kind).decode(many + b" " * SMALL)


# Anything.


@dataclass
class Mixed:
    numbers: list[int] = field(default_factory=list)
    ids: set[int] = field(default_factory=set)
    tuples: set[tuple[int, ...]] = field(default_factory=set)
    sets: list[set[int]] = field(default_factory=list)
    dicts: list[dict[int, int]] = field(default_factory=list)
    prices: list[Decimal] = field(default_factory=list)
    anything: Any = None
    inner: "Mixed | None" = None


def bodies() -> Iterable[bytes]:
    for name, item in [
        ("numbers", b"1"),
        ("ids", b"1"),
        ("tuples", b"[]"),
        ("tuples", b"[1]"),
        ("sets", b"[]"),
        ("sets", b"[1,2]"),
        ("dicts", b"{}"),
        ("dicts", b'{"1":2}'),
        ("prices", b"1"),
        ("prices", b'"1"'),
        ("anything", b"[]"),
        ("anything", b"7e306"),
        ("anything", b"{}"),
        ("other", b"[]"),
    ]:
        yield b'{"%b":%b}' % (name.encode(), array(item))
        yield b'{"%b":%b,"x' % (name.encode(), array(item))
        yield b'{"%b":%b,"inner":1}' % (name.encode(), array(item))
    yield b'{"inner":' * 200 + b'{"numbers":%b}' % array(b"1") + b"}" * 200


@pytest.mark.parametrize("body", list(bodies()), ids=lambda body: body[:12].decode())
def test_no_body_takes_much_longer_than_an_ordinary_one(body: bytes) -> None:
    decode = _BodyDecoder(Mixed).decode
    ordinary = json.dumps({"inner": {"anything": [{"id": n, "name": "some name"} for n in range(SIZE // 30)]}}).encode()
    assert len(body) > LARGE

    def read() -> None:
        with suppress(ValueError, ValidationError):
            decode(body)

    assert times_as_costly(read, lambda: decode(ordinary), SLOWER) < SLOWER
