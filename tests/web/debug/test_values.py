"""Tests of aiosock.web.debug.values: every value can be shown, in bounded space, and runs no code that does harm."""

import array
import collections
import types
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

import msgspec
import pytest

from aiosock.web.debug.secrets import HIDDEN
from aiosock.web.debug.values import MAX_ITEMS, MAX_TEXT, shown, shown_by_name


class Point(NamedTuple):
    x: int
    token: str


@dataclass
class User:
    name: str
    password: str = "hunter2"
    friends: list[Any] = field(default_factory=list)
    unseen: str = field(default="unseen", repr=False)


class Struct(msgspec.Struct):
    name: str
    api_key: str


class Plain: ...


class Named:
    def __repr__(self) -> str:
        return "Named(password='hunter2')"


class Sublist(list[int]):
    def __iter__(self) -> NoReturn:
        raise AssertionError("code of the program is run")

    __len__ = __getitem__ = __iter__  # type: ignore[assignment]


def lost(self: object) -> NoReturn:
    raise SystemExit("a proxy without its object")


LIAR = type("Liar", (), {"__class__": property(lost)})


def cyclic() -> list[Any]:
    value: list[Any] = [1]
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        (1.5, "1.5"),
        ("text", "'text'"),
        (b"bytes", "b'bytes'"),
        (bytearray(b"a"), "bytearray(b'a')"),
        ("\ud800\0\x1b", "'\\ud800\\x00\\x1b'"),
        ([1, "a"], "[1, 'a']"),
        ((1,), "(1,)"),
        ((), "()"),
        (set(), "set()"),
        ({1}, "{1}"),
        (frozenset({1}), "frozenset({1})"),
        ({"a": [1]}, "{'a': [1]}"),
        ({}.keys(), "dict_keys([])"),
        (collections.deque([1]), "deque([1])"),
        (collections.defaultdict(int, a=1), "defaultdict({'a': 1})"),
        (collections.OrderedDict(a=1), "OrderedDict({'a': 1})"),
        (collections.Counter("aab"), "Counter({'a': 2, 'b': 1})"),
        (
            types.SimpleNamespace(a=1, secret=2),
            f"namespace(a=1, secret={HIDDEN})".replace("namespace", "SimpleNamespace"),
        ),
        (range(10**9), "range(0, 1000000000)"),
        (len, "<built-in function len>"),
        (Plain(), f"<{__name__}.Plain object>"),
        (ValueError("a"), "ValueError('a')"),
        (cyclic(), "[1, …]"),
        ([[[[[1]]]]], "[[[[…]]]]"),
        (Point(1, "hunter2"), f"Point(x=1, token={HIDDEN})"),
        (User("ada"), f"User(name='ada', password={HIDDEN}, friends=[])"),
        (Struct("ada", "hunter2"), f"Struct(name='ada', api_key={HIDDEN})"),
        (Named(), f"Named(password={HIDDEN})"),
        (Sublist([1, 2]), "[1, 2]"),
    ],
)
def test_a_value_is_shown(value: object, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    "value",
    [
        {"password": "hunter2"},
        {b"cookie": "hunter2"},
        {"user": {"auth": ["hunter2"]}},
        [("authorization", "hunter2")],
        [(b"set-cookie", b"hunter2")],
        {1: [{"dsn": "postgres://hunter2"}]},
        "postgres://ada:hunter2@db/x",
    ],
)
def test_a_secret_within_a_value_is_hidden(value: object) -> None:
    assert "hunter2" not in shown(value)
    assert HIDDEN in shown(value)


def test_a_name_hides_its_value_but_not_that_there_is_none() -> None:
    assert [shown_by_name("password", value) for value in ("hunter2", None)] == [HIDDEN, "None"]
    assert shown_by_name("name", "ada") == "'ada'"


MANY = 1_000_000


@pytest.mark.parametrize(
    "value",
    [
        "x" * MANY,
        b"x" * MANY,
        bytearray(MANY),
        list(range(MANY)),
        dict.fromkeys(range(MANY)),
        set(range(MANY)),
        collections.deque(range(MANY)),
        dict.fromkeys(range(MANY)).keys(),
        array.array("i", range(MANY)),
        User("ada", friends=list(range(MANY))),
        Point(1, "x" * MANY),
        ValueError("x" * MANY),
        1 << MANY,
        [["x" * 500] * 30] * 30,
        {"x" * 900: {"y" * 900: {"z" * 900: "a" * 900}}},
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_large_value_is_cut(value: object) -> None:
    assert len(shown(value)) <= MAX_TEXT + 200


def test_what_is_left_out_is_counted() -> None:
    assert shown(list(range(1000))).endswith(f"{MAX_ITEMS - 1}, … 970 more]")
    assert shown("x" * 5000).endswith("x'… 5,000 characters")
    assert shown(b"x" * 5000).endswith("x'… 5,000 bytes")
    assert shown(1 << 5000) == "<int of 5,001 bits>"


class Holder:
    def __init__(self, held: object) -> None:
        self.held = held

    def __repr__(self) -> str:
        raise AssertionError("the repr of an object that holds much is not asked")


@pytest.mark.parametrize(
    "held",
    [list(range(MANY)), "x" * MANY, {"a": list(range(MANY))}, [[list(range(MANY))]], array.array("i", range(MANY))],
)
def test_an_object_that_holds_much_is_not_asked_for_its_text(held: object) -> None:
    assert shown(Holder(held)) == f"<{__name__}.Holder object, too large to show>"


@pytest.mark.parametrize(
    "error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, RecursionError, MemoryError]
)
def test_a_repr_that_raises_is_survived(error: type[BaseException]) -> None:
    class Bad:
        def __repr__(self) -> str:
            raise error("hunter2")

    assert shown([Bad()]) == f"[<{__name__}.{Bad.__qualname__} object, whose repr raises {error.__name__}>]"


def test_a_repr_without_end_is_survived() -> None:
    class Endless:
        def __repr__(self) -> str:
            return repr([self])

    assert shown(Endless()).endswith("whose repr raises RecursionError>")


def test_a_repr_that_is_no_text_is_survived() -> None:
    class Bad:
        def __repr__(self) -> str:
            return 7  # type: ignore[return-value]

    assert shown(Bad()).endswith("whose repr raises TypeError>")


def test_a_repr_that_is_long_is_cut() -> None:
    class Long:
        def __repr__(self) -> str:
            return "y" * MANY

    assert len(shown(Long())) <= MAX_TEXT + 1


def test_a_field_that_raises_is_survived() -> None:
    @dataclass
    class Lazy:
        name: int

        def __getattribute__(self, name: str) -> object:
            if name == "name":
                raise SystemExit
            return object.__getattribute__(self, name)

    assert shown(Lazy(1)) == "Lazy(name=SystemExit())"


@pytest.mark.parametrize("name", ["name", "key"])
def test_an_object_that_lies_about_its_class_is_survived(name: str) -> None:
    assert shown_by_name(name, LIAR()) in ("<it could not be shown: SystemExit>", HIDDEN)
