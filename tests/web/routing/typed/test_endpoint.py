"""Tests of aiosock.web.routing.typed.endpoint and body: the arguments of a typed handler, and the responses."""

import json
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Annotated, Any, Generic, TypeVar

import pytest
from msgspec import Meta, Struct

from aiosock import App, HTTPError, Request, Response, RouteError, Router, ValidationError
from aiosock.testing.client import ClientResponse
from tests.web.ask import BROWSER, app_of, ask

T = TypeVar("T")
JSON = {"content-type": "application/json"}


class Item(Struct, rename="camel"):
    unit_price: Annotated[float, Meta(ge=0)]
    note: str | None = None


@dataclass
class Order:
    name: str
    items: list[Item] = field(default_factory=list)
    rush: bool = False


class Cat(Struct, tag=True):
    lives: int


class Dog(Struct, tag=True):
    tricks: list[str]


class Page(Struct, Generic[T]):
    of: list[T]


async def post(
    handler: Callable[..., Any], body: Any, target: str = "/", headers: dict[str, str] = JSON
) -> ClientResponse:
    """Return the response to a body of bytes, or of a value as JSON."""
    app = App()
    app.post("/")(handler)
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await ask(app, "POST", target, body=sent, headers=headers)


def pointers(answer: ClientResponse) -> list[str]:
    """Return the places of the problems in a response."""
    assert answer.status == 422
    return [problem.get("pointer") or problem["parameter"] for problem in answer.json()["errors"]]


# The body.


async def test_a_dataclass_is_the_body() -> None:
    async def handler(request: Request, order: Order) -> str:
        return repr(order)

    answer = await post(handler, {"name": "a", "items": [{"unitPrice": 1}]})

    assert answer.text == "Order(name='a', items=[Item(unit_price=1.0, note=None)], rush=False)"


async def item(request: Request, body: Item) -> Any:
    return Response.json(body)


async def optional(request: Request, body: Item | None) -> Any:
    return Response.json(body)


async def several(request: Request, body: list[Item]) -> Any:
    return Response.json(body)


async def by_name(request: Request, body: dict[str, Item]) -> Any:
    return body


async def either(request: Request, body: Cat | Dog) -> Any:
    return Response.json(body)


async def annotated(request: Request, body: Annotated[list[Item], Meta(min_length=1)]) -> Any:
    return body


async def exemplary(request: Request, body: Annotated[list[Item], Meta(examples=[[]])]) -> Any:
    return body


async def generic(request: Request, body: Page[Item]) -> Any:
    return Response.json(body)


ITEM = {"unitPrice": 1.5, "note": "n"}


@pytest.mark.parametrize(
    ("handler", "body"),
    [
        (item, ITEM),
        (optional, ITEM),
        (optional, None),
        (several, [ITEM, ITEM]),
        (by_name, {"a": ITEM}),
        (either, {"type": "Dog", "tricks": ["sit"]}),
        (annotated, [ITEM]),
        (exemplary, [ITEM]),
        (generic, {"of": [ITEM]}),
    ],
)
async def test_what_contains_a_model_is_the_body(handler: Callable[..., Any], body: Any) -> None:
    answer = await post(handler, body)

    assert (answer.status, answer.json()) == (200, body)


async def test_a_body_is_json_or_415() -> None:
    answer = await post(item, b"unitPrice=1", headers={"content-type": "application/x-www-form-urlencoded"})

    assert answer.status == 415


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "The body is not JSON: Expecting value at line 1, column 1."),
        (b'{"unitPrice":\n}', "The body is not JSON: Expecting value at line 2, column 1."),
        (b'{"unitPrice": "x", }', "The body is not JSON: "),
        (b'{"unitPrice": 1, "other": "\xff"}', "The body is not UTF-8 at byte 27."),
        (
            b'{"unitPrice": 1, "note": "\\ud800"}',
            "A text in the body has half of a surrogate pair, which is no character.",
        ),
        (
            b'{"unitPrice": 1, "note": "\\udc00"}',
            "A text in the body has half of a surrogate pair, which is no character.",
        ),
        (b'{"unitPrice": 1, "note": "\\ud800\\u0041"}', "A text in the body has half of a surrogate pair"),
        (b'{"unitPrice": 1, "\\ud800": "%b"}' % (b"x" * 2000), "A text in the body has half of a surrogate pair"),
        (b'{"unitPrice": NaN}', "The body is not JSON of sane depth and numbers."),
        (b"[" * 100_000, "The body is not JSON of sane depth and numbers."),
    ],
)
async def test_what_is_no_json_is_400_and_says_where(body: bytes, detail: str) -> None:
    answer = await post(item, body)

    assert answer.status == 400
    assert detail in answer.text


async def test_a_body_beyond_the_limit_is_413() -> None:
    app = App()
    app.post("/", body_limit=10)(item)

    assert (await ask(app, "POST", "/", json=ITEM)).status == 413


async def test_an_empty_body_is_the_default() -> None:
    async def handler(request: Request, body: Item | None = None) -> str:
        return repr(body)

    assert (await post(handler, b"", headers={})).text == "None"
    assert (await post(handler, b"{}", headers={})).status == 415
    assert pointers(await post(handler, b"{}")) == ["#/unitPrice"]


async def test_defaults_of_a_dataclass_are_written_though_the_client_left_them_out() -> None:
    @dataclass
    class Inner:
        size: int = 1

    class Outer(Struct):
        inner: dict[str, list[Inner]]

    async def handler(request: Request, body: Outer) -> Outer:
        return body

    Inner.__module__ = Outer.__module__ = __name__
    assert (await post(handler, {"inner": {"a": [{}]}})).json() == {"inner": {"a": [{"size": 1}]}}


# What is wrong.


async def test_every_field_that_is_wrong_is_named_the_query_first() -> None:
    async def handler(request: Request, order: Order, page: Annotated[int, Meta(ge=1)] = 1) -> None: ...

    answer = await post(handler, {"items": [{}, {"unitPrice": -1, "note": 3}, 4], "rush": "no"}, "/?page=0")

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "The request is not valid; `errors` says where.",
        "errors": [
            {"detail": "Expected `int` >= 1", "parameter": "page"},
            {"detail": "Object missing required field `name`", "pointer": "#/name"},
            {"detail": "Object missing required field `unitPrice`", "pointer": "#/items/0/unitPrice"},
            {"detail": "Expected `float` >= 0.0", "pointer": "#/items/1/unitPrice"},
            {"detail": "Expected `str | null`, got `int`", "pointer": "#/items/1/note"},
            {"detail": "Expected `object`, got `int`", "pointer": "#/items/2"},
            {"detail": "Expected `bool`, got `str`", "pointer": "#/rush"},
        ],
    }


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/problem+json", "text/plain"])
async def test_programs_get_json_whatever_they_accept(accept: str | None) -> None:
    headers = JSON if accept is None else {**JSON, "accept": accept}

    answer = await post(item, b"{}", headers=headers)

    assert (answer.headers["content-type"], answer.headers["vary"]) == ("application/problem+json", "Accept")
    assert pointers(answer) == ["#/unitPrice"]


async def test_a_browser_gets_a_page_that_lists_them_escaped() -> None:
    class Closed(Struct, forbid_unknown_fields=True):
        pass

    async def handler(request: Request, body: Closed) -> None: ...

    answer = await post(handler, b'{"<script>": 1}', headers={**JSON, **BROWSER})
    assert "<li><code>#/%3Cscript%3E</code>: Object contains unknown field `&lt;script&gt;`" in answer.text
    assert "<script>" not in answer.text


async def test_an_app_may_answer_validation_errors_itself() -> None:
    app = app_of(item)

    @app.exception(ValidationError)
    async def handle(request: Request, error: ValidationError) -> Response:
        return Response.json([problem["pointer"] for problem in error.errors], 400)

    answer = await ask(app, "POST", "/", json={})
    assert (answer.status, answer.json()) == (400, ["#/unitPrice"])


async def test_what_a_model_refuses_itself_is_named() -> None:
    class Range(Struct):
        low: int
        high: int

        def __post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError("low is above high")

    async def handler(request: Request, body: list[Range]) -> None: ...

    answer = await post(handler, [{"low": 1, "high": 2}, {"low": 3, "high": 2}])

    assert answer.json()["errors"] == [{"detail": "low is above high", "pointer": "#/1"}]


# What is returned.


async def test_the_return_annotation_serialises() -> None:
    async def model(request: Request) -> Item:
        return Item(1.0)

    async def data(request: Request) -> "Order | None":
        return Order("a", [Item(2.0)]) if request.query.get("q") else None

    async def items(request: Request) -> tuple[Item, ...]:
        return (Item(1.0, "n"),)

    assert (await ask(app_of(model), "GET", "/")).json() == {"unitPrice": 1.0, "note": None}
    assert (await ask(app_of(data), "GET", "/?q=1")).json()["items"] == [{"unitPrice": 2.0, "note": None}]
    assert (await ask(app_of(data), "GET", "/")).status == 204
    assert (await ask(app_of(items), "GET", "/")).json() == [{"unitPrice": 1.0, "note": "n"}]


@pytest.mark.parametrize(
    ("result", "status", "media_type"),
    [
        (Response.html("<p>", 201), 201, "text/html; charset=utf-8"),
        ("text", 200, "text/plain; charset=utf-8"),
        (b"bytes", 200, "application/octet-stream"),
        (None, 500, "text/plain; charset=utf-8"),
        (Order("of another class"), 500, "text/plain; charset=utf-8"),
        (3, 500, "text/plain; charset=utf-8"),
    ],
)
async def test_what_is_not_as_annotated_goes_by_the_table(result: Any, status: int, media_type: str | None) -> None:
    async def handler(request: Request) -> Item:
        return result  # type: ignore[no-any-return]

    answer = await ask(app_of(handler), "GET", "/")

    assert (answer.status, answer.headers.get("content-type")) == (status, media_type)


# What may be a typed handler.


class Callable_:
    async def __call__(self, request: Request, body: Item, *, page: int = 1) -> str:
        return f"{body.unit_price} {page}"

    async def method(self, request: Request, body: Item, *, page: int = 1) -> str:
        return f"{body.unit_price} {page}"


async def streams(request: Request, body: Item, page: int = 1) -> AsyncIterator[str]:
    yield f"{body.unit_price}"
    yield f" {page}"


async def with_prefix(prefix: str, request: Request, body: Item, page: int = 1) -> str:
    return f"{prefix}{body.unit_price} {page}"


@pytest.mark.parametrize("handler", [Callable_(), Callable_().method, streams, partial(with_prefix, "")])
async def test_whatever_is_async_may_be_typed(handler: Callable[..., Any]) -> None:
    assert (await post(handler, {"unitPrice": 1}, "/?page=2")).text == "1.0 2"


class Postponed:
    async def __call__(self, request: "Unknown", body: "list[Item]") -> str:  # type: ignore[name-defined]  # noqa: F821
        return f"{body[0].unit_price}"

    async def method(self, request: "Unknown", body: "list[Item]") -> str:  # type: ignore[name-defined]  # noqa: F821
        return f"{body[0].unit_price}"


async def postponed(n: int, request: "Unknown", body: "list[Item]") -> "Unknown":  # type: ignore[name-defined]  # noqa: F821
    return f"{body[0].unit_price}"


@pytest.mark.parametrize("handler", [Postponed(), Postponed().method, partial(partial(postponed), 1)])
async def test_annotations_that_are_strings_are_resolved_where_the_handler_was_written(
    handler: Callable[..., Any],
) -> None:
    assert (await post(handler, [{"unitPrice": 1}])).text == "1.0"


async def test_what_a_partial_has_bound_is_not_the_clients_to_say() -> None:
    async def handler(request: Request, admin: bool = False, page: int = 1) -> str:
        return f"{admin} {page}"

    app = app_of(partial(handler, admin=False))
    assert (await ask(app, "GET", "/?admin=true&page=2")).text == "False 2"


async def test_a_default_without_annotation_stays_as_it_is() -> None:
    async def handler(request: Request, page=1) -> str:  # type: ignore[no-untyped-def]
        return f"{page}"

    app = app_of(handler)
    assert (await ask(app, "GET", "/?page=2")).text == "1"
    assert app.routes[0].endpoint is handler


async def test_a_parameter_of_a_prefix_is_no_longer_one_of_the_query() -> None:
    router = Router("/notes")

    @router.get("/{id:int}")
    async def show(request: Request, id: int, project: str = "", page: int = 1) -> str:
        return f"{project} {id} {page}"

    app = App()
    app.include(router, "/{project}")
    assert (await ask(app, "GET", "/moon/notes/3?project=sun&page=2")).text == "moon 3 2"


def test_a_handler_that_asks_for_nothing_typed_is_called_as_it_is() -> None:
    async def handler(request: "Unknown", *args: "Unknown") -> "Unknown":  # type: ignore[name-defined]  # noqa: F821
        ...

    assert app_of(handler).routes[0].endpoint is handler


# What is refused at registration.


class Mixed(Enum):
    ONE = 1
    TWO = "two"


async def two_bodies(request: Request, one: Item, other: Order) -> None: ...
async def neither(request: Request, odd: dict[str, int] = {}) -> None: ...  # noqa: B006
async def nested(request: Request, *, odd: list[list[int]]) -> None: ...
async def paired(request: Request, *, odd: tuple[int, int]) -> None: ...
async def mixed(request: Request, *, odd: list[int] | int) -> None: ...
async def untextual(request: Request, *, odd: object) -> None: ...
async def only_none(request: Request, odd: None = None) -> None: ...
async def unequal(request: Request, *, odd: Mixed) -> None: ...
async def undecodable(request: Request, odd: Item | Order) -> None: ...
async def unresolvable(request: Request, odd: "Unknown" = None) -> None: ...  # type: ignore[name-defined]  # noqa: F821
async def forgotten(request: Request, odd: int) -> None: ...


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (two_bodies, "one body, but the parameters 'one' and 'other'"),
        (neither, "'odd' must be a dataclass or msgspec.Struct .*, not dict"),
        (nested, "'odd' must be a dataclass .*, not list"),
        (paired, r"'odd' must be a dataclass .* tuple\[\.\.\., \.\.\.\] of these \(the query\), not tuple\[int, int\]"),
        (mixed, "'odd' must be a dataclass .*, not "),
        (untextual, "'odd' must be a dataclass .*, not "),
        (only_none, "'odd' must be a dataclass .*, not "),
        (unequal, "'odd' must be a dataclass .*, not .* Enums must"),
        (undecodable, "'odd' is annotated .*, which cannot be the body"),
        (unresolvable, "'odd' of handler .* cannot be resolved"),
        (forgotten, "does not fit the pattern"),
    ],
)
def test_what_cannot_be_read_from_a_request_is_refused_and_named(handler: Callable[..., Any], reason: str) -> None:
    with pytest.raises(RouteError, match=f"handler {handler.__name__}.*{reason}|{reason}"):
        App().post("/")(handler)


@pytest.mark.parametrize("methods", [["GET"], ["HEAD"], ["GET", "POST"]])
def test_get_and_head_have_no_body(methods: list[str]) -> None:
    with pytest.raises(RouteError, match="handler item for '/': the parameter 'body' would take the body, but GET"):
        App().route("/", methods)(item)


def test_without_msgspec_typed_parameters_are_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)

    with pytest.raises(RouteError, match=r"item for '/': .* 'body' needs msgspec>=0.22: .* extra 'typed'"):
        App().post("/")(item)


def test_a_validation_error_is_an_http_error() -> None:
    assert issubclass(ValidationError, HTTPError)
