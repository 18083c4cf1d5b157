"""Tests of aiosock.web.routing.typed.problems: every problem is found, and nothing else, in limited time."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, TypedDict
from urllib.parse import unquote
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct, inspect

from aiosock.web.routing.typed.problems import MAX_PROBLEMS, MAX_STEPS, Checker, first_problem
from tests.calls import counted

SETTINGS = settings(max_examples=50, derandomize=True, deadline=None)


class Colour(Enum):
    RED = "red"


class Leaf(Struct, rename="camel"):
    some_id: Annotated[int, Meta(ge=1)]
    text: Annotated[str, Meta(max_length=2)] | None = None


class Closed(Struct, forbid_unknown_fields=True):
    a: int = 0


class Cat(Struct, tag=True):
    a: int


class Dog(Struct, tag=True):
    a: list[str]


class One(Struct, tag=1, tag_field="kind"):
    a: int


class Two(Struct, tag=2, tag_field="kind"):
    b: Leaf


@dataclass
class Plain:
    a: Decimal
    b: "Plain | None" = None


class Typed(TypedDict, total=False):
    a: bool
    b: Leaf


class Named(NamedTuple):
    a: int
    b: str = ""


class Array(Struct, array_like=True):
    a: int


class Tree(Struct):
    kids: list["Tree"] = []
    a: int = 0


TYPES = [
    *(Leaf, Closed, Cat, Cat | Dog, One | Two | None, Plain, Typed, Tree, list[Leaf], dict[str, Leaf], dict[int, int]),
    *(
        Cat | list[Leaf] | str | None,
        tuple[int, Leaf],
        tuple[Leaf, ...],
        set[int],
        frozenset[Colour],
        dict[Colour, Any],
    ),
    *(int, float, bool, None, str, bytes, Decimal, UUID, date, datetime, Colour, Literal["a", 1], list[Any], Any),
    *(Annotated[list[int], Meta(min_length=1, max_length=2)], Annotated[dict[str, int], Meta(max_length=1)]),
    *(Annotated[datetime, Meta(tz=True)], Annotated[float, Meta(multiple_of=0.5)], int | str, float | None),
    Annotated[Leaf, Meta(description="documented")],
]
UNWALKED = [Named, Array, dict[str, Named | None], list[Array | int]]
"""Their content is checked by msgspec only, which stops at the first problem."""

NAMES = st.sampled_from(["a", "b", "someId", "some_id", "text", "type", "kind", "kids", "1", "red", "x/~é"])
SCALARS = st.sampled_from([
    *(None, True, False, 0, 1, 2, -1, 3.5, 1.0, 2**70, "", "a", "abc", "red", "Cat", "Dog", "1", "1.5", "YQ=="),
    *("2024-02-29", "2024-02-29T00:00:00", "2024-02-29T00:00:00Z", "12345678-1234-1234-1234-123456789abc"),
])  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)


def checker(annotation: Any) -> Checker:
    return Checker(inspect.type_info(annotation))


def is_refused(annotation: Any, value: Any) -> bool:
    try:
        msgspec.json.decode(json.dumps(value), type=annotation)
    except msgspec.ValidationError:
        return True
    return False


def at(value: Any, pointer: str) -> Any:
    """Return the value at a pointer (RFC 6901), or None for a missing name."""
    for escaped in pointer.removeprefix("#").split("/")[1:]:
        key = unquote(escaped).replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value.get(key)
    return value


@pytest.mark.parametrize("annotation", TYPES, ids=str)
@SETTINGS
@given(value=VALUES)
@example(value={"type": 1, "a": 1})
@example(value={"kind": True, "a": 1})
@example(value={"kind": 2, "b": {}})
@example(value={"a": "1", "b": {"a": "x", "b": {}}})
@example(value=[{"someId": 0}, {"text": "abc"}, 3])
def test_the_verdict_is_that_of_msgspec_and_every_place_is_one(annotation: Any, value: Any) -> None:
    problems = checker(annotation).problems(value)

    assert bool(problems) == is_refused(annotation, value)
    for problem in problems:
        at(value, problem["pointer"])


@pytest.mark.parametrize("annotation", UNWALKED, ids=str)
@SETTINGS
@given(value=VALUES)
def test_what_is_not_walked_is_never_refused_wrongly(annotation: Any, value: Any) -> None:
    assert is_refused(annotation, value) or not checker(annotation).problems(value)


def test_a_pointer_is_escaped() -> None:
    (problem,) = checker(dict[str, int]).problems({"a/b~c d%é#": "x"})

    assert problem == {"detail": "Expected `int`, got `str`", "pointer": "#/a~1b~0c%20d%25%C3%A9%23"}


def test_a_name_that_is_none_is_named() -> None:
    (problem,) = checker(dict[int, int]).problems({"x": 1})

    assert problem == {"detail": "Invalid name: Expected `int`, got `str`", "pointer": "#/x"}


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (Cat | Dog, {"a": 1}, {"detail": "Object missing required field `type`", "pointer": "#/type"}),
        (Cat | Dog, {"type": "Cow"}, {"detail": "Invalid value 'Cow'", "pointer": "#/type"}),
        (Cat | Dog, {"type": 3}, {"detail": "Expected `str`", "pointer": "#/type"}),
        (Cat | Dog, {"type": "Dog"}, {"detail": "Object missing required field `a`", "pointer": "#/a"}),
        (Cat | None, "x", {"detail": "Expected `object | null`, got `str`", "pointer": "#"}),
        (tuple[int, int], [1], {"detail": "Expected `array` of length >= 2", "pointer": "#"}),
        (Closed, {"x": 1}, {"detail": "Object contains unknown field `x`", "pointer": "#/x"}),
    ],
)
def test_a_problem_says_what_it_is_and_where(annotation: Any, value: Any, expected: dict[str, str]) -> None:
    assert checker(annotation).problems(value) == [expected]


@pytest.mark.parametrize(
    ("annotation", "value", "pointer"),
    [
        (list[Named], [["x"]], "#/0/0"),
        (dict[str, list[Array]], {"a": [["x"]]}, "#"),
        (Array, [1.5], "#/0"),
        (Leaf, {"someId": "x"}, "#/someId"),
        (Leaf, [], "#"),
    ],
)
def test_what_no_walk_finds_is_said_as_msgspec_says_it(annotation: Any, value: Any, pointer: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(value, annotation)

    problem = first_problem(caught.value, value)
    assert problem["pointer"] == pointer
    assert " - at " not in problem["detail"]


# What it costs.


def calls(check: Checker, value: Any) -> tuple[list[dict[str, str]], int]:
    """Return the problems, and the number of calls that were made to find them."""
    return counted(lambda: check.problems(value))


def nested(depth: int) -> dict[str, Any]:
    tree: dict[str, Any] = {"a": "bad"}
    for _ in range(depth):
        tree = {"kids": [tree], "a": "bad"}
    return tree


HOSTILE: Mapping[str, tuple[Any, Any]] = {
    "a long list of bad items": (list[int], ["x"] * 300_000),
    "a long list whose last item is bad": (list[int], [1] * 300_000 + ["x"]),
    "an object of unknown names": (Closed, {f"x{number}": 1 for number in range(100_000)}),
    "a dictionary of bad names": (dict[int, int], {f"x{number}": 1 for number in range(100_000)}),
    "a deep tree": (Tree, nested(900)),
    "a deep tree that is right": (Tree, {"kids": [{"kids": [{"kids": []}] * 300}] * 300}),
    "what is too deep for recursion": (Tree, nested(5_000)),
    "long names": (dict[str, int], {"é" * 5_000: "x", **{f"{number}" * 200: "x" for number in range(1000)}}),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_input_is_given_up_after_a_bounded_number_of_steps(case: str) -> None:
    annotation, value = HOSTILE[case]

    problems, made = calls(checker(annotation), value)

    assert len(problems) <= MAX_PROBLEMS
    assert made < 35 * MAX_STEPS + 100 * sum(problem["pointer"].count("/") + 50 for problem in problems)
    assert len(json.dumps(problems)) < 1000 * MAX_PROBLEMS


def test_work_grows_with_depth_and_not_with_its_square() -> None:
    _, shallow = calls(checker(Tree), {"kids": [nested_right(20)], "a": "bad"})
    _, deep = calls(checker(Tree), {"kids": [nested_right(200)], "a": "bad"})

    assert deep < 12 * shallow


def nested_right(depth: int) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for _ in range(depth):
        tree = {"kids": [tree]}
    return tree


def test_a_pointer_that_would_be_long_ends_at_an_ancestor() -> None:
    (problem,) = checker(dict[str, dict[str, int]]).problems({"a": {"b" * 1000: "x"}})

    assert problem["pointer"] == "#/a"


def test_a_detail_quotes_little() -> None:
    (problem,) = checker(Colour).problems("x" * 1000)

    assert len(problem["detail"]) == 300
