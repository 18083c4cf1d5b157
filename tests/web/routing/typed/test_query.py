"""Tests of aiosock.web.routing.typed.texts and fields."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

import pytest
from msgspec import Meta

from aiosock import Request, RouteError
from aiosock.testing.client import ClientResponse
from tests.web.ask import app_of, ask

UUID_TEXT = "12345678-1234-1234-1234-123456789abc"


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


def handler_of(annotation: Any, default: Any = "default") -> Callable[..., Any]:
    async def handler(request: Request, it: Any = default) -> str:
        return repr(it)

    handler.__annotations__["it"] = annotation
    return handler


async def asked(annotation: Any, query: str) -> ClientResponse:
    return await ask(app_of(handler_of(annotation)), "GET", f"/?{query}")


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (str, "é & null", "é & null"),
        (str, "", ""),
        (str | None, "null", "null"),
        (int, "-12", -12),
        (int, "9" * 30, int("9" * 30)),
        (int | None, "0", 0),
        (float, "1", 1.0),
        (float, "-1.5e3", -1500.0),
        (bool, "true", True),
        (bool, "false", False),
        (bool, "on", True),
        (bool, "1", True),
        (bool, "0", False),
        (bool | None, "on", True),
        (bool | int, "1", 1),
        (bool | str, "on", "on"),
        (int | float, "1", 1),
        (int | float, "1.5", 1.5),
        (int | str, "1", 1),
        (int | str, "01", "01"),
        (Decimal, "1.10", Decimal("1.10")),
        (UUID, UUID_TEXT, UUID(UUID_TEXT)),
        (datetime, "2024-02-29T12:00:00Z", datetime(2024, 2, 29, 12, tzinfo=UTC)),
        (date, "2024-02-29", date(2024, 2, 29)),
        (time, "12:30:00", time(12, 30)),
        (timedelta, "PT1M", timedelta(minutes=1)),
        (Colour, "red", Colour.RED),
        (Level, "1", Level.LOW),
        (Literal["a", "b"], "b", "b"),
        (Literal[1, "b"], "1", 1),
        (Annotated[int, Meta(ge=1, le=3)], "3", 3),
        (Annotated[str, Meta(pattern="^a+$", description="a's")], "aa", "aa"),
    ],
)
async def test_a_scalar_is_converted(annotation: Any, text: str, value: Any) -> None:
    assert (await asked(annotation, f"it={quote(text)}")).text == repr(value)


@pytest.mark.parametrize(
    ("annotation", "text", "detail"),
    [
        (int, "x", "Expected `int`"),
        (int, "", "Expected `int`"),
        (int, " 1", "Expected `int`"),
        (int, "+1", "Expected `int`"),
        (int, "01", "Expected `int`"),
        (int, "1_0", "Expected `int`"),
        (int, "1.0", "Expected `int`"),
        (int, "1e3", "Expected `int`"),
        (int, "\u0661", "Expected `int`"),
        (int, "true", "Expected `int`"),
        (int | None, "null", "Expected `int | null`"),
        (float, "nan", "Expected `float`"),
        (float, "Infinity", "Expected `float`"),
        (float, "1e999", "Number out of range"),
        (float, ".5", "Expected `float`"),
        (bool, "True", "Expected `bool`"),
        (bool, "yes", "Expected `bool`"),
        (Decimal, "NaN", "Invalid decimal string"),
        (Decimal, " 1", "Invalid decimal string"),
        (Decimal, "1e999999999", "Invalid decimal string"),
        (UUID, "x", "Invalid UUID"),
        (datetime, "0", "Invalid RFC3339 encoded datetime"),
        (date, "2023-02-29", "Invalid RFC3339 encoded date"),
        (timedelta, "1", "Invalid ISO8601 duration"),
        (Colour, "blue", "Invalid enum value 'blue'"),
        (Level, "2", "Invalid enum value 2"),
        (Literal["a"], "A", "Invalid enum value 'A'"),
        (Annotated[int, Meta(ge=1)], "0", "Expected `int` >= 1"),
        (Annotated[str, Meta(max_length=2)], "abc", "Expected `str` of length <= 2"),
        (Annotated[str, Meta(pattern="^a+$")], "b", "Expected `str` matching regex '^a+$'"),
    ],
)
async def test_what_is_none_is_refused(annotation: Any, text: str, detail: str) -> None:
    answer = await asked(annotation, f"it={quote(text)}")

    assert answer.status == 422
    assert answer.json()["errors"] == [{"detail": detail, "parameter": "it"}]


async def test_a_number_of_too_many_digits_is_refused() -> None:
    assert (await asked(int, "it=" + "9" * 5000)).status == 422


async def test_a_detail_quotes_little() -> None:
    assert len((await asked(Colour, "it=" + "x" * 5000)).json()["errors"][0]["detail"]) == 300


@pytest.mark.parametrize(
    ("annotation", "query", "value"),
    [
        (list[int], "it=1&other=x&it=2", [1, 2]),
        (list[int], "it=1", [1]),
        (list[str] | None, "it=1", ["1"]),
        (set[int], "it=1&it=1", {1}),
        (frozenset[str], "it=a", frozenset("a")),
        (tuple[int, ...], "it=1&it=2", (1, 2)),
        (list[Literal["a", "b"]], "it=b", ["b"]),
        (Annotated[list[bool], Meta(max_length=2)], "it=true&it=false", [True, False]),
    ],
)
async def test_a_list_takes_every_value(annotation: Any, query: str, value: Any) -> None:
    assert (await asked(annotation, query)).text == repr(value)


async def test_an_item_that_is_none_is_named() -> None:
    answer = await asked(list[int], "it=1&it=x")

    assert answer.json()["errors"] == [{"detail": "Expected `int` - at `$[1]`", "parameter": "it"}]


async def test_what_is_not_given_is_the_default_and_what_nobody_asked_for_is_ignored() -> None:
    assert (await asked(int, "")).text == "'default'"
    assert (await asked(int, "other=1")).text == "'default'"


async def test_a_scalar_given_twice_is_refused() -> None:
    answer = await asked(int, "it=1&it=1")

    assert answer.json()["errors"] == [{"detail": "Given more than once", "parameter": "it"}]


async def test_a_keyword_without_default_is_required() -> None:
    async def handler(request: Request, *, it: int) -> str:
        return repr(it)

    app = app_of(handler)

    assert (await ask(app, "GET", "/?it=1")).text == "1"
    assert (await ask(app, "GET", "/")).json()["errors"] == [{"detail": "Missing", "parameter": "it"}]


async def test_a_positional_scalar_without_default_is_one_that_the_pattern_forgot() -> None:
    async def handler(request: Request, it: int) -> None: ...

    with pytest.raises(RouteError, match="does not fit the pattern '/'"):
        app_of(handler)
