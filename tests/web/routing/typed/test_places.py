"""Tests of aiosock.web.routing.places and typed.fields: parameters from fields, cookies, forms, files and the path."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal, NewType
from urllib.parse import urlencode
from uuid import UUID

import pytest
from msgspec import Meta, Struct

from aiosock import App, Cookie, Form, Header, Query, Request, RouteError, Upload
from aiosock.testing.client import ClientResponse
from tests.web.ask import app_of, ask

URLENCODED = {"content-type": "application/x-www-form-urlencoded"}
MULTIPART = {"content-type": "multipart/form-data; boundary=b"}
MODULUS = 2**61 - 1


class Colour(Enum):
    RED = "red"


@dataclass
class Prefs:
    theme: str
    size: int = 3


class Search(Struct, rename="camel", forbid_unknown_fields=True):
    text: str
    page_size: Annotated[int, Meta(ge=1)] = 20
    tags: list[str] = []
    exact: bool = False


class Profile(Struct):
    name: Annotated[str, Meta(min_length=1)]
    age: int | None = None
    news: bool = True
    terms: bool = field(default=False)
    colours: list[Colour] = []
    photo: Upload | None = None


class Order(Struct, forbid_unknown_fields=True):
    name: str
    ticked: bool
    files: list[Upload] = []


def multipart(*parts: tuple[str, str | None, str]) -> bytes:
    """Return a multipart body of (name, filename, content)."""
    body = ""
    for name, filename, content in parts:
        more = "" if filename is None else f'; filename="{filename}"'
        body += f'--b\r\ncontent-disposition: form-data; name="{name}"{more}\r\n\r\n{content}\r\n'
    return f"{body}--b--\r\n".encode()


async def posted(handler: Callable[..., Any], pairs: Any = (), **more: Any) -> ClientResponse:
    """Return the response to an urlencoded form."""
    app = App()
    app.post("/")(handler)
    return await ask(app, "POST", "/", **{"body": urlencode(pairs), "headers": URLENCODED, **more})


def problems(answer: ClientResponse) -> list[dict[str, str]]:
    assert answer.status == 422, answer.text
    found: list[dict[str, str]] = answer.json()["errors"]
    return found


# Header fields and cookies.


async def test_a_header_field_has_the_name_of_the_parameter_with_hyphens() -> None:
    async def handler(request: Request, user_agent: Annotated[str, Header], from_: Annotated[str, Header] = "-") -> str:
        return f"{user_agent} {from_}"

    answer = await ask(app_of(handler), "GET", "/", headers={"User-Agent": "curl", "From": "ada"})
    assert answer.text == "curl ada"


async def test_a_header_field_may_have_a_name_of_its_own_and_any_scalar_type() -> None:
    async def handler(
        request: Request,
        *,
        retries: Annotated[int, Header("X-Retry-Count")],
        colours: Annotated[set[Colour], Header("x-colour")] = set(),  # noqa: B006
    ) -> str:
        return f"{retries} {len(colours)}"

    app = app_of(handler)
    answer = await ask(
        app, "GET", "/", headers=[("x-retry-count", "2"), ("x-colour", "red, ,red"), ("x-colour", "red")]
    )
    assert answer.text == "2 1"
    assert problems(await ask(app, "GET", "/", headers={"x-colour": "blue"})) == [
        {"detail": "Missing", "parameter": "x-retry-count", "in": "header"},
        {"detail": "Invalid enum value 'blue' - at `$[0]`", "parameter": "x-colour", "in": "header"},
    ]


async def test_a_field_that_comes_twice_is_no_scalar() -> None:
    async def handler(request: Request, it: Annotated[str, Header]) -> None: ...

    answer = await ask(app_of(handler), "GET", "/", headers=[("it", "a"), ("it", "b")])
    assert problems(answer) == [{"detail": "Given more than once", "parameter": "it", "in": "header"}]


async def test_a_cookie_is_read_by_its_name() -> None:
    async def handler(
        request: Request, theme: Annotated[str, Cookie], count: Annotated[int, Cookie("visit-count")] = 0
    ) -> str:
        return f"{theme} {count}"

    app = app_of(handler)
    assert (await ask(app, "GET", "/", headers={"cookie": "theme=dark; visit-count=2"})).text == "dark 2"
    assert problems(await ask(app, "GET", "/", headers={"cookie": "visit-count=x"})) == [
        {"detail": "Missing", "parameter": "theme", "in": "cookie"},
        {"detail": "Expected `int`", "parameter": "visit-count", "in": "cookie"},
    ]


async def test_a_model_is_read_from_header_fields_or_cookies() -> None:
    async def handler(
        request: Request,
        fields: Annotated[Prefs, Header],
        prefs: Annotated[Prefs, Cookie] = Prefs("none"),  # noqa: B008
    ) -> str:
        return f"{fields} {prefs}"

    app = app_of(handler)
    answer = await ask(app, "GET", "/", headers={"theme": "a", "cookie": "theme=b; size=7; other=x"})
    assert answer.text == "Prefs(theme='a', size=3) Prefs(theme='b', size=7)"
    assert (await ask(app, "GET", "/", headers={"theme": "a"})).text.endswith("Prefs(theme='none', size=3)")
    assert problems(await ask(app, "GET", "/", headers={"size": "x", "cookie": "size=1"})) == [
        {"detail": "Expected `int`", "parameter": "size", "in": "header"},
        {"detail": "Missing", "parameter": "theme", "in": "header"},
        {"detail": "Missing", "parameter": "theme", "in": "cookie"},
    ]


async def test_values_of_one_hash_are_refused_wherever_they_come_from() -> None:
    async def handler(
        request: Request,
        them: Annotated[set[int], Header] = set(),  # noqa: B006
        it: set[int] = set(),  # noqa: B006
    ) -> str:
        return f"{len(them)}"

    same = [str(number * MODULUS) for number in range(1, 18)]
    app = app_of(handler)
    assert (await ask(app, "GET", "/", headers={"them": ",".join(same[:16])})).text == "16"
    for request in ({"target": "/", "headers": {"them": ",".join(same)}}, {"target": "/?it=" + "&it=".join(same)}):
        assert problems(await ask(app, "GET", **request))[0]["detail"] == "Too many values with the same hash"
    assert problems(await ask(app, "GET", "/", headers={"them": "1," * 1001}))[0]["detail"] == "More than 1000 items"


# The query as a model.


async def test_a_model_is_read_from_the_query() -> None:
    async def handler(request: Request, search: Annotated[Search, Query]) -> Search:
        return search

    app = app_of(handler)
    answer = await ask(app, "GET", "/?text=tea&tags=a&tags=b&exact=on")
    assert answer.json() == {"text": "tea", "pageSize": 20, "tags": ["a", "b"], "exact": True}
    assert problems(await ask(app, "GET", "/?pageSize=0&exact=yes&other=1")) == [
        {"detail": "Expected `int` >= 1", "parameter": "pageSize"},
        {"detail": "Expected `bool`", "parameter": "exact"},
        {"detail": "Missing", "parameter": "text"},
        {"detail": "Unknown", "parameter": "other"},
    ]


async def test_a_closed_model_knows_the_other_parameters_of_its_place() -> None:
    async def handler(
        request: Request, order: Annotated[Order, Form], photo: Upload, search: Annotated[Search, Query], page: int = 1
    ) -> str:
        return f"{order.name} {photo.size} {search.text} {page}"

    app = App()
    app.post("/")(handler)
    body = multipart(("name", None, "Ada"), ("photo", "a.png", "1234"))
    answer = await ask(app, "POST", "/?text=tea&page=2", body=body, headers=MULTIPART)
    assert answer.text == "Ada 4 tea 2"
    body = multipart(("name", None, "Ada"), ("photo", "a.png", "1234"), ("text", None, ""))
    answer = await ask(app, "POST", "/?text=tea&name=2", body=body, headers=MULTIPART)
    assert problems(answer) == [
        {"detail": "Unknown", "parameter": "name"},
        {"detail": "Unknown", "parameter": "text", "in": "form"},
    ]


async def test_what_a_model_refuses_itself_is_a_problem() -> None:
    class Range(Struct):
        low: int
        high: int

        def __post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError("low is above high")

    async def handler(request: Request, range: Annotated[Range, Query]) -> None: ...

    assert problems(await ask(app_of(handler), "GET", "/?low=2&high=1")) == [
        {"detail": "low is above high", "parameter": "range"}
    ]


async def test_a_model_may_be_none_by_its_default() -> None:
    async def handler(request: Request, range: Annotated[Prefs | None, Query] = None) -> str:
        return repr(range)

    app = app_of(handler)
    assert (await ask(app, "GET", "/?other=1")).text == "None"
    assert problems(await ask(app, "GET", "/?size=1")) == [{"detail": "Missing", "parameter": "theme"}]


async def test_there_are_at_most_a_hundred_problems() -> None:
    async def handler(request: Request, search: Annotated[Search, Query]) -> None: ...

    answer = await ask(app_of(handler), "GET", "/?" + "&".join(f"x{number}=1" for number in range(500)))
    assert len(problems(answer)) == 100


# Forms.


async def profile(request: Request, profile: Annotated[Profile, Form]) -> str:
    photo = None if profile.photo is None else (profile.photo.filename, await profile.photo.read())
    return f"{profile.name} {profile.age} {profile.news} {profile.colours} {photo}"


async def test_a_model_is_read_from_a_form() -> None:
    pairs = [("name", "Ada"), ("age", "36"), ("news", "off"), ("colours", "red"), ("colours", "red")]
    assert (await posted(profile, pairs)).text == f"Ada 36 False {[Colour.RED] * 2} None"


async def test_a_model_is_read_from_a_multipart_form_with_a_file() -> None:
    body = multipart(("name", None, "Ada"), ("photo", "cat.png", "meow"), ("news", None, "on"))
    assert (await posted(profile, body=body, headers=MULTIPART)).text == "Ada None True [] ('cat.png', b'meow')"


async def test_fields_that_a_browser_sends_empty_are_not_given() -> None:
    body = multipart(("name", None, "Ada"), ("age", None, ""), ("photo", "", ""), ("colours", None, ""))
    assert (await posted(profile, body=body, headers=MULTIPART)).text == "Ada None True [] None"


async def test_every_problem_of_a_form_is_named() -> None:
    assert problems(await posted(profile, [("name", ""), ("age", "x"), ("photo", "text"), ("colours", "blue")])) == [
        {"detail": "Expected `str` of length >= 1", "parameter": "name", "in": "form"},
        {"detail": "Expected `int | null`", "parameter": "age", "in": "form"},
        {"detail": "Invalid enum value 'blue'", "parameter": "colours", "in": "form"},
        {"detail": "Expected a file", "parameter": "photo", "in": "form"},
    ]


async def test_a_box_that_is_not_ticked_is_false_and_unknown_fields_may_be_forbidden() -> None:
    async def handler(request: Request, order: Annotated[Order, Form]) -> str:
        return f"{order.name} {order.ticked}"

    assert (await posted(handler, [("name", "a")])).text == "a False"
    for text in ("on", "1", "true"):
        assert (await posted(handler, [("name", "a"), ("ticked", text)])).text == "a True"
    assert problems(await posted(handler, [("ticked", "yes"), ("x", "")])) == [
        {"detail": "Expected `bool`", "parameter": "ticked", "in": "form"},
        {"detail": "Missing", "parameter": "name", "in": "form"},
        {"detail": "Unknown", "parameter": "x", "in": "form"},
    ]


async def test_fields_and_files_may_be_parameters_of_their_own() -> None:
    async def handler(
        request: Request,
        title: Annotated[str, Form],
        public: Annotated[bool, Form],
        photo: Upload,
        others: list[Upload] = [],  # noqa: B006
    ) -> str:
        return f"{title} {public} {photo.filename} {[other.size for other in others]}"

    body = multipart(("title", None, "Cat"), ("photo", "a", "1"), ("others", "b", "22"), ("others", "c", "333"))
    assert (await posted(handler, body=body, headers=MULTIPART)).text == "Cat False a [2, 3]"
    body = multipart(("title", "file", "Cat"), ("photo", "a", "1"), ("photo", "b", "2"))
    assert problems(await posted(handler, body=body, headers=MULTIPART)) == [
        {"detail": "Expected text, got a file", "parameter": "title", "in": "form"},
        {"detail": "Given more than once", "parameter": "photo", "in": "form"},
    ]


async def test_the_whole_form_may_be_a_parameter() -> None:
    async def handler(request: Request, form: Form) -> str:
        return f"{form['a']}"

    assert (await posted(handler, [("a", "1")])).text == "1"
    missing = await posted(handler, [("b", "1")])
    assert (missing.status, missing.text) == (400, "400 Bad Request: The form has no 'a'.\n")


async def test_a_form_is_a_form_or_415_unless_it_may_be_missing() -> None:
    async def optional(request: Request, name: Annotated[str, Form] = "nobody") -> str:
        return name

    assert (await posted(profile, body="{}", headers={"content-type": "application/json"})).status == 415
    assert (await posted(optional, body="", headers={})).text == "nobody"
    assert (await posted(optional, body="x", headers={})).status == 415
    assert (await posted(profile, body="", headers={})).status == 415


async def test_a_long_number_in_a_form_takes_no_long_time() -> None:
    async def handler(request: Request, it: Annotated[int, Form], other: Annotated[float, Form]) -> None: ...

    began = time.process_time()
    answer = await posted(handler, [("it", "9" * 500_000), ("other", "9" * 500_000)])
    assert [each["parameter"] for each in problems(answer)] == ["it", "other"]
    assert time.process_time() - began < 5


async def test_a_long_name_is_not_sent_back_whole() -> None:
    async def handler(request: Request, order: Annotated[Order, Form]) -> None: ...

    answer = await posted(handler, [("name", "a"), *((f"{number}{'x' * 1000}", "") for number in range(200))])
    assert len(problems(answer)) == 100
    assert len(answer.body) < 50_000


# The path.


@pytest.mark.parametrize(
    ("annotation", "pattern", "text", "value"),
    [
        (int, "/{it}", "3", 3),
        (float, "/{it}", "-1.5", -1.5),
        (UUID, "/{it}", "0" * 8 + "-0000-0000-0000-" + "0" * 12, UUID(int=0)),
        (str, "/{it}", "3", "3"),
        (Any, "/{it}", "3", "3"),
        (object, "/{it}", "3", "3"),
        (date, "/{it}", "2026-01-31", date(2026, 1, 31)),
        (Colour, "/{it}", "red", Colour.RED),
        (Literal["a", "b"], "/{it}", "b", "b"),
        (Literal[1, 2], "/{it:int}", "2", 2),
        (bool, "/{it}", "on", True),
        (int | str, "/{it}", "3", "3"),
        (NewType("Id", int), "/{it}", "3", 3),
        (Annotated[int, Meta(ge=1)], "/{it}", "3", 3),
        (Annotated[int, Meta(ge=1)], "/{it:int}", "3", 3),
        (Annotated[str, Meta(max_length=3)], "/{it}", "abc", "abc"),
        (int | None, "/{it:int}", "3", 3),
        (float, "/{it:int}", "3", 3),
        (str, "/x/{it:path}", "x/a/b", "a/b"),
    ],
)
async def test_a_parameter_of_the_path_is_converted_as_its_annotation_says(
    annotation: Any, pattern: str, text: str, value: Any
) -> None:
    async def handler(request: Request, it: Any) -> str:
        return repr(it)

    handler.__annotations__["it"] = annotation
    assert (await ask(app_of(handler, pattern), "GET", f"/{text}")).text == repr(value)


@pytest.mark.parametrize(
    ("annotation", "text"),
    [(int, "x"), (date, "today"), (Colour, "blue"), (Annotated[int, Meta(ge=1)], "0"), (Literal["a"], "b")],
)
async def test_a_text_that_is_none_is_404(annotation: Any, text: str) -> None:
    async def handler(request: Request, it: Any) -> None: ...

    handler.__annotations__["it"] = annotation
    assert (await ask(app_of(handler, "/{it}"), "GET", f"/{text}")).status == 404


def test_a_pattern_knows_the_type() -> None:
    async def handler(request: Request, id: int, name: str) -> None: ...

    app = app_of(handler, "/{id}/{name}", name="it")
    assert app.routes[0].pattern == "/{id:int}/{name}"
    assert app.url_for("it", id=3, name="a") == "/3/a"


class Service: ...


@pytest.mark.parametrize(
    ("annotation", "pattern", "reason"),
    [
        (str, "/{it:int}", "makes 'it' an int, but handler .* takes str"),
        (int, "/{it:uuid}", "makes 'it' a UUID, but handler .* takes int"),
        (int, "/{it:float}", "makes 'it' a float"),
        (int, "/{it:str}", "makes 'it' a str"),
        (bytes, "/x/{it:path}", "makes 'it' a str"),
        (Service, "/{it}", "makes 'it' a str, but handler .* takes Service"),
        (Prefs, "/{it}", "makes 'it' a str, but handler .* takes Prefs"),
        (list[int], "/{it}", "'it' must be a scalar, not list"),
    ],
)
def test_a_type_that_contradicts_the_pattern_is_refused_and_both_are_named(
    annotation: Any, pattern: str, reason: str
) -> None:
    async def handler(request: Request, it: Any) -> None: ...

    handler.__annotations__["it"] = annotation
    with pytest.raises(RouteError, match=reason):
        app_of(handler, pattern)


# What is refused at registration.


async def form_and_body(request: Request, prefs: Prefs, it: Annotated[str, Form]) -> None: ...
async def untextual(request: Request, it: Annotated[dict[str, int], Header]) -> None: ...
async def cookie_list(request: Request, it: Annotated[list[str], Cookie]) -> None: ...
async def header_file(request: Request, it: Annotated[Upload, Header]) -> None: ...
async def mixed(request: Request, it: Annotated[Upload | str, Form]) -> None: ...
async def nested(request: Request, it: "Annotated[Outer, Form]") -> None: ...
async def models(request: Request, it: Annotated[list[Prefs], Form]) -> None: ...
async def nameless(request: Request, it: "Annotated[str, Header('no token')]") -> None: ...


async def twice(request: Request, prefs: Annotated[Prefs, Header], theme: Annotated[str, Header] = "") -> None: ...


class Outer(Struct):
    prefs: Prefs


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (form_and_body, "one body, but the parameters 'prefs' and 'it'"),
        (untextual, "'it' must be a scalar, a list of scalars, or a model of these, not "),
        (cookie_list, "'it' must be a scalar, or a model of scalars, not "),
        (header_file, "'it' must be a scalar, "),
        (mixed, "'it' must be an Upload, a list of these, or a scalar"),
        (nested, "'it' is annotated .*, whose field 'prefs' cannot be read from text"),
        (models, "'it' must be an Upload, "),
        (twice, "handler twice .*: two parameters would take 'theme' from the header"),
        (nameless, "'no token' is not the name of a header field or a cookie"),
    ],
)
def test_what_cannot_be_read_there_is_refused_and_named(handler: Callable[..., Any], reason: str) -> None:
    with pytest.raises(RouteError, match=reason):
        App().post("/")(handler)


def test_a_form_has_no_place_in_get() -> None:
    with pytest.raises(RouteError, match="'profile' would take the body, but GET and HEAD have none"):
        App().get("/")(profile)
