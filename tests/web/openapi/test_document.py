"""Tests of aiosock.web.openapi: the content of a description, and that it is valid OpenAPI."""

import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal, TypedDict

import pytest
from msgspec import Meta, Struct
from openapi_spec_validator import OpenAPIV31SpecValidator

from aiosock import App, Convertor, Cookie, Form, Header, Query, Request, Response, RouteError, Router, Upload
from aiosock.web.middleware import basic_auth, bearer_auth
from aiosock.web.openapi import openapi, publish
from tests.web.ask import ask
from tests.web.openapi import tasks


class Item(Struct, rename="camel", forbid_unknown_fields=True):
    """A thing to buy."""

    unit_price: Annotated[float, Meta(ge=0, description="In euros.")]
    note: str | None = None


@dataclass
class Order:
    items: list[Item]


class Cat(Struct, tag=True):
    lives: int


class Dog(Struct, tag=True):
    friends: list["Cat | Dog"]


class Search(Struct, rename="camel"):
    text: str = ""
    page_size: Annotated[int, Meta(ge=1)] = 20


@dataclass
class Profile:
    name: str
    ticked: bool


class Service: ...


class Total(TypedDict):
    total: int


def described(router: Router, **more: Any) -> dict[str, Any]:
    """Return the description of a router, after checking that it is valid OpenAPI."""
    document = openapi(router, title="Shop", version="1.0", **more)
    OpenAPIV31SpecValidator(document).validate()
    return document


def operation_of(handler: Callable[..., Any], pattern: str = "/", method: str = "GET") -> dict[str, Any]:
    app = App()
    app.convertors["slug"] = Convertor("[a-z]+", str)
    app.convertors["odd"] = Convertor("(?i:[a-z]++)", str)
    app.route(pattern, [method])(handler)
    (path,) = described(app)["paths"].values()
    found: dict[str, Any] = path[method.lower()]
    return found


# The whole description.


def test_it_says_what_it_is_of() -> None:
    document = described(App(), description="All of it.", servers=["https://shop.example"])

    assert document["openapi"].startswith("3.1.")
    assert document["info"] == {"title": "Shop", "version": "1.0", "description": "All of it."}
    assert document["servers"] == [{"url": "https://shop.example"}]
    assert document["paths"] == {}


def test_the_example_is_described_in_the_order_of_its_routes() -> None:
    document = described(tasks.app)

    assert [(path, *methods) for path, methods in document["paths"].items()] == [
        ("/tasks", "get", "post"),
        ("/tasks/{id}", "get", "put"),
    ]
    assert list(document["components"]["schemas"]) == ["NewTask", "Task"]


def test_routes_for_any_method_or_for_none_that_openapi_knows_are_left_out() -> None:
    async def handler(request: Request) -> None: ...

    app = App()
    app.route("/any", "*")(handler)
    app.route("/purged", ["PURGE"])(handler)
    app.get("/hidden", documented=False)(handler)
    app.route("/both", ["HEAD", "GET", "PURGE"])(handler)
    app.route("/head", ["HEAD"])(handler)

    assert {path: list(methods) for path, methods in described(app)["paths"].items()} == {
        "/both": ["get"],
        "/head": ["head"],
    }


def test_paths_that_differ_in_names_alone_are_one() -> None:
    async def show(request: Request, id: int) -> None: ...
    async def delete(request: Request, number: int) -> None: ...
    async def by_name(request: Request, name: str) -> None: ...

    app = App()
    app.get("/notes/{id:int}")(show)
    app.delete("/notes/{number:int}")(delete)
    app.get("/notes/{name}")(by_name)

    paths = described(app)["paths"]
    assert {path: {method: each["operationId"] for method, each in methods.items()} for path, methods in paths.items()} == {
        "/notes/{id}": {"get": "show", "delete": "delete"}
    }  # fmt: skip
    assert paths["/notes/{id}"]["delete"]["parameters"][0]["name"] == "id"


def test_every_operation_has_an_id_of_its_own() -> None:
    async def handler(request: Request) -> None: ...

    app = App()
    for path in ("/a", "/b"):
        app.route(path, ["GET", "POST"])(handler)

    ids = [each["operationId"] for methods in described(app)["paths"].values() for each in methods.values()]
    assert ids == ["handler", "handler_post", "handler_get", "handler_post_2"]


def test_a_prefix_is_part_of_the_path_and_may_have_a_parameter() -> None:
    async def handler(request: Request, shop: str = "", page: int = 1) -> None: ...

    router = Router("/items")
    router.get("")(handler)
    app = App()
    app.include(router, "/{shop}")

    (path, methods) = described(app)["paths"].popitem()
    assert path == "/{shop}/items"
    assert [(each["name"], each["in"]) for each in methods["get"]["parameters"]] == [
        ("shop", "path"),
        ("page", "query"),
    ]


def test_two_classes_of_one_name_are_two_schemas() -> None:
    def made(kind: str, of: type) -> Any:
        return type("Twin", (Struct,), {"__annotations__": {kind: of}, "__module__": f"{__name__}.{kind}"})

    async def create(request: Request, body: Any) -> None: ...
    async def other(request: Request, body: Any) -> None: ...

    create.__annotations__["body"], other.__annotations__["body"] = made("a", int), made("b", str)
    app = App()
    app.post("/a")(create)
    app.post("/b")(other)

    assert len(described(app)["components"]["schemas"]) == 2


# One operation.


def test_the_docstring_is_summary_and_description() -> None:
    async def handler(request: Request) -> None:
        """Do
        it.

        And <more>.
        """

    said = operation_of(partial(handler))

    assert (said["summary"], said["description"]) == ("Do it.", "And <more>.")


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        ("str", {"type": "string", "minLength": 1}),
        ("int", {"type": "integer"}),
        ("float", {"type": "number"}),
        ("uuid", {"type": "string", "format": "uuid"}),
        ("path", {"type": "string", "description": "The rest of the path, including slashes."}),
        ("slug", {"type": "string", "pattern": "^(?:[a-z]+)$"}),
        ("odd", {"type": "string"}),
    ],
)
def test_a_convertor_is_a_schema(kind: str, schema: dict[str, Any]) -> None:
    async def handler(request: Request, it: object) -> None: ...

    (parameter,) = operation_of(handler, f"/é/{{it:{kind}}}")["parameters"]
    assert parameter == {"name": "it", "in": "path", "required": True, "schema": schema}


def test_a_convertor_that_only_the_app_will_have_is_text() -> None:
    async def handler(request: Request, it: object) -> None: ...

    router = Router()
    router.get("/{it:slug}")(handler)

    (parameter,) = described(router)["paths"]["/{it}"]["get"]["parameters"]
    assert parameter["schema"] == {"type": "string"}


def test_the_query_has_defaults_and_constraints() -> None:
    async def handler(
        request: Request,
        *,
        page: Annotated[int, Meta(ge=1, description="Which.")] = 1,
        q: str,
        state: Literal["a", "b", None] = None,
        sizes: list[int] = [],  # noqa: B006
        price: Decimal | None = None,
        either: int | str | None = None,
        odd: bool = object(),  # type: ignore[assignment]
    ) -> None: ...

    number = {"type": "string", "format": "decimal", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
    parameters = operation_of(handler)["parameters"]
    assert {each["name"]: (each["required"], each["schema"]) for each in parameters} == {
        "page": (False, {"type": "integer", "minimum": 1, "default": 1}),
        "q": (True, {"type": "string"}),
        "state": (False, {"enum": ["a", "b"]}),
        "sizes": (False, {"type": "array", "items": {"type": "integer"}, "default": []}),
        "price": (False, number),
        "either": (False, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        "odd": (False, {"type": "boolean"}),
    }
    assert parameters[0]["description"] == "Which."


def test_the_body_refers_to_components() -> None:
    async def handler(request: Request, order: Order | None = None) -> None: ...

    app = App()
    app.post("/")(handler)
    document = described(app)

    body = document["paths"]["/"]["post"]["requestBody"]
    assert body["required"] is False
    assert body["content"]["application/json"]["schema"]["anyOf"][0] == {"$ref": "#/components/schemas/Order"}
    item = document["components"]["schemas"]["Item"]
    assert item["properties"]["unitPrice"] == {"type": "number", "minimum": 0, "description": "In euros."}
    assert (item["description"], item["additionalProperties"]) == ("A thing to buy.", False)


def test_a_tagged_union_that_contains_itself_is_described() -> None:
    async def handler(request: Request, pet: Cat | Dog) -> Cat | Dog:
        return pet

    assert operation_of(handler, method="POST")["requestBody"]["required"] is True


async def model(request: Request) -> Item: ...  # type: ignore[empty-body]
async def model_or_nothing(request: Request) -> Item | None: ...
async def models(request: Request) -> Annotated[list[Item], "x"]: ...  # type: ignore[empty-body]
async def typed_dict(request: Request) -> Total: ...  # type: ignore[empty-body]
async def dictionary(request: Request) -> dict[str, object]: ...  # type: ignore[empty-body]
async def unclear(request: Request) -> list[Callable[[], int]]: ...  # type: ignore[empty-body]
async def contradictory(request: Request) -> list[Item] | tuple[Item, ...]: ...  # type: ignore[empty-body]
async def text(request: Request) -> str: ...  # type: ignore[empty-body]
async def several(request: Request) -> str | bytes | Response: ...  # type: ignore[empty-body]
async def nothing(request: Request) -> None: ...
async def response(request: Request) -> Response: ...  # type: ignore[empty-body]
async def silent(request): ...  # type: ignore[no-untyped-def]
async def unknown(request: Request) -> "Unknown": ...  # type: ignore[name-defined]  # noqa: F821
async def stream(request: Request) -> AsyncIterator[Item | str]:
    yield ""


@pytest.mark.parametrize(
    ("handler", "answers"),
    [
        (model, {"200": ["application/json"]}),
        (model_or_nothing, {"200": ["application/json"], "204": []}),
        (models, {"200": ["application/json"]}),
        (typed_dict, {"200": ["application/json"]}),
        (dictionary, {"200": ["application/json"]}),
        (unclear, {"200": ["application/json"]}),
        (contradictory, {"200": ["application/json"]}),
        (text, {"200": ["text/plain"]}),
        (several, {"200": ["text/plain", "application/octet-stream"], "2XX": []}),
        (nothing, {"204": []}),
        (response, {"2XX": []}),
        (silent, {"2XX": []}),
        (unknown, {"2XX": []}),
        (stream, {"200": ["text/plain"]}),
    ],
)
def test_the_return_annotation_says_what_comes(handler: Callable[..., Any], answers: dict[str, list[str]]) -> None:
    responses = operation_of(handler)["responses"]

    assert responses.pop("default") == {"$ref": "#/components/responses/Error"}
    assert {status: list(each.get("content", {})) for status, each in responses.items()} == answers


def test_errors_are_said_where_they_can_come() -> None:
    async def queried(request: Request, page: int = 1) -> None: ...
    async def posted(request: Request, item: Item) -> None: ...

    assert list(operation_of(queried)["responses"]) == ["204", "422", "default"]
    assert list(operation_of(posted, method="PUT")["responses"]) == ["204", "400", "413", "415", "422", "default"]


async def test_every_place_of_a_request_is_described() -> None:
    async def handler(
        request: Request,
        id: Annotated[int, Meta(ge=1)],
        day: date,
        agent: Annotated[str, Header("User-Agent")],
        theme: Annotated[Literal["dark", "light"], Cookie] = "light",
        search: Annotated[Search, Query] = Search(),  # noqa: B008
        database: Service | None = None,
    ) -> None: ...

    handler.__annotations__["database"] = Service
    said = operation_of(partial(handler, database=None), "/{id}/{day}")

    assert [(each["name"], each["in"], each["required"], each["schema"]) for each in said["parameters"]] == [
        ("id", "path", True, {"type": "integer", "minimum": 1}),
        ("day", "path", True, {"type": "string", "format": "date"}),
        ("user-agent", "header", True, {"type": "string"}),
        ("theme", "cookie", False, {"enum": ["dark", "light"], "default": "light"}),
        ("text", "query", False, {"type": "string", "default": ""}),
        ("pageSize", "query", False, {"type": "integer", "minimum": 1, "default": 20}),
    ]


def test_a_resource_is_no_part_of_the_description() -> None:
    app = App()

    @app.provide
    async def order(request: Request) -> Order:
        return Order([])

    @app.post("/")
    async def handler(request: Request, order: Order, service: Service) -> Order:
        return order

    operation = described(app)["paths"]["/"]["post"]
    assert "parameters" not in operation
    assert "requestBody" not in operation


def test_a_form_is_described_in_its_two_forms_and_with_files_in_one() -> None:
    async def plain(request: Request, profile: Annotated[Profile, Form], page: Annotated[int, Form] = 1) -> None: ...
    async def files(request: Request, photo: Upload, more: list[Upload] = []) -> None: ...  # noqa: B006
    async def whole(request: Request, form: Form) -> None: ...
    async def closed(request: Request, item: Annotated[Item, Form]) -> None: ...

    (form,) = {str(each["schema"]) for each in operation_of(closed, method="POST")["requestBody"]["content"].values()}
    assert "'additionalProperties': False" in form

    body = operation_of(plain, method="POST")["requestBody"]
    assert list(body["content"]) == ["application/x-www-form-urlencoded", "multipart/form-data"]
    form = body["content"]["multipart/form-data"]["schema"]
    assert (body["required"], form["required"]) == (True, ["name"])
    assert list(form["properties"]) == ["name", "ticked", "page"]
    assert form["properties"]["page"] == {"type": "integer", "default": 1}

    body = operation_of(files, method="POST")["requestBody"]
    assert list(body["content"]) == ["multipart/form-data"]
    properties = body["content"]["multipart/form-data"]["schema"]["properties"]
    file = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
    assert properties == {"photo": file, "more": {"type": "array", "items": file, "default": []}}

    said = operation_of(whole, method="POST")
    assert said["requestBody"]["required"] is True
    assert {"400", "413", "415"} <= set(said["responses"])


def test_the_options_of_a_route_are_described_and_201_keeps_its_schema() -> None:
    app = App()

    @app.post("/", status=201, tags=["things"], responses={404: Item, 409: "It is there."}, security=["key"])
    async def create(request: Request) -> Item | None: ...

    @app.post("/open", security=[])
    async def other(request: Request) -> None: ...

    key = {"type": "apiKey", "in": "header", "name": "x-key"}
    document = described(app, security={"key": key})
    operation = document["paths"]["/"]["post"]
    assert (operation["tags"], operation["security"]) == (["things"], [{"key": []}])
    assert document["paths"]["/open"]["post"]["security"] == []
    assert document["components"]["securitySchemes"] == {"key": key}
    responses = operation["responses"]
    assert responses["201"]["content"]["application/json"]["schema"]["$ref"] == "#/components/schemas/Item"
    assert responses["404"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Item"}
    assert responses["404"]["description"] == "Not Found"
    assert responses["409"]["description"] == "It is there."
    assert "401" in responses


def test_the_schemes_of_a_middleware_are_those_of_all_operations() -> None:
    async def verify(token: str) -> None: ...

    app = App()
    app.middleware(bearer_auth(verify))
    app.middleware(basic_auth({}))
    document = described(app)

    assert document["security"] == [{"bearer": [], "basic": []}]
    assert document["components"]["securitySchemes"]["bearer"] == {"type": "http", "scheme": "bearer"}


def test_the_schemes_of_a_routers_middleware_are_those_of_its_routes() -> None:
    async def verify(token: str) -> None: ...

    app, router = App(), Router("/inside", middleware=[basic_auth({})])
    router.get("/")(nothing)
    router.get("/open", security=[])(nothing)
    app.get("/")(nothing)
    app.middleware(bearer_auth(verify))
    app.include(router)
    document = described(app)

    assert document["paths"]["/inside/"]["get"]["security"] == [{"bearer": [], "basic": []}]
    assert document["paths"]["/inside/open"]["get"]["security"] == []
    assert "security" not in document["paths"]["/"]["get"]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "basic"}


def test_a_scheme_that_nobody_describes_is_refused_and_named() -> None:
    app = App()
    app.get("/", security=["missing"])(nothing)

    with pytest.raises(RouteError, match="route nothing names a security scheme that is not described: 'missing'"):
        described(app)


# Publishing.


def published(**more: Any) -> App:
    app = App()
    app.post("/items")(model_or_nothing)
    publish(app, title="Shop", version="1.0", **more)
    return app


async def test_the_description_and_its_page_are_served_and_not_described() -> None:
    app = published()

    answer = await ask(app, "GET", "/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()["paths"]) == ["/items"]
    assert (await ask(app, "GET", "/docs")).headers["content-type"] == "text/html; charset=utf-8"


async def test_paths_can_be_chosen_and_the_page_left_out() -> None:
    app = published(path="/api", docs=None)

    assert (await ask(app, "GET", "/api")).status == 200
    assert (await ask(app, "GET", "/docs")).status == 404


async def test_routes_that_come_later_are_described_too() -> None:
    app = published()
    await ask(app, "GET", "/openapi.json")
    app.get("/later")(model)

    assert list((await ask(app, "GET", "/openapi.json")).json()["paths"]) == ["/items", "/later"]


async def test_a_mounted_app_says_where_it_is() -> None:
    outer = App()
    outer.mount("/shop", published())

    assert (await ask(outer, "GET", "/shop/openapi.json")).json()["servers"] == [{"url": "/shop"}]
    page = (await ask(outer, "GET", "/shop/docs")).text
    assert 'href="/shop/openapi.json"' in page
    assert 'data-path="/shop/items"' in page


async def test_servers_that_are_given_are_kept() -> None:
    document = (await ask(published(servers=("https://a.example",)), "GET", "/openapi.json")).json()

    assert document["servers"] == [{"url": "https://a.example"}]


def test_without_msgspec_it_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)

    with pytest.raises(RouteError, match=r"description of an API needs msgspec>=0.22: .* extra 'typed'"):
        publish(App(), title="", version="")
    with pytest.raises(RouteError, match=r"needs msgspec"):
        openapi(App(), title="", version="")
