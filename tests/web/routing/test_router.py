"""Tests of aiosock.web.routing.router."""

from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from aiosock import App, Handler, HTTPError, Middleware, Request, Response, RouteError, Router
from tests.web.ask import ask


async def handler(request: Request) -> str:
    return request.method


async def item(request: Request, id: int) -> dict[str, int]:
    return {"id": id}


def patterns(router: Router) -> list[str]:
    return [route.pattern for route in router.routes]


@pytest.mark.parametrize("verb", ["get", "post", "put", "patch", "delete"])
async def test_a_verb_registers_its_method_alone(verb: str) -> None:
    app = App()
    getattr(app, verb)("/")(handler)
    app.get("/other")(handler)

    statuses = {method: (await ask(app, method, "/")).status for method in ("GET", "POST", "PUT", "PATCH", "DELETE")}

    assert [method for method, status in statuses.items() if status == 200] == [verb.upper()]


@pytest.mark.parametrize(
    ("methods", "served"),
    [
        (["PUT", "DELETE"], {"PUT", "DELETE"}),
        ({"GET"}, {"GET", "HEAD"}),
        (("BREW", "POST"), {"BREW", "POST"}),
        ("POST", {"POST"}),
        ("BREW", {"BREW"}),
        ("*", {"GET", "HEAD", "POST", "PUT", "DELETE", "BREW", "brew", "OPTIONS"}),
    ],
)
async def test_a_route_serves_the_methods_it_names(methods: Iterable[str], served: set[str]) -> None:
    app = App()
    app.route("/", methods)(handler)

    candidates = ("GET", "HEAD", "POST", "PUT", "DELETE", "BREW", "brew", "OPTIONS")
    answers = {method: await ask(app, method, "/") for method in candidates}

    assert {method for method, answer in answers.items() if answer.status == 200} == served


def test_a_route_serves_get_unless_it_says_otherwise() -> None:
    router = Router()
    router.route("/")(handler)

    assert router.routes[0].methods == {"GET"}


@pytest.mark.parametrize("method", ["", "G T", "GET\r\n", "GÉT", "A/B"])
def test_a_method_that_is_no_token_is_refused(method: str) -> None:
    with pytest.raises(RouteError, match="a method is a token"):
        Router().route("/", [method])


def test_registering_gives_the_handler_back() -> None:
    assert Router().get("/")(handler) is handler


def test_a_misfit_is_refused_when_it_is_registered() -> None:
    with pytest.raises(RouteError, match=r"handler\(.*'/a/\{id\}'"):
        Router("/a").get("/{id}")(handler)


def test_a_decorator_without_its_pattern_is_named() -> None:
    with pytest.raises(RouteError, match="needs a pattern"):
        Router().get(handler)  # type: ignore[arg-type]


def test_a_malformed_pattern_is_refused_before_there_is_a_handler() -> None:
    with pytest.raises(RouteError, match="must start with a slash"):
        Router().get("a")


# Prefixes.


@pytest.mark.parametrize("prefix", ["a", "/a/", "/", "a/"])
def test_a_malformed_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(RouteError, match=f"'{prefix}' must start with a slash and not end with one"):
        Router(prefix)


def test_prefixes_add_up() -> None:
    inner, outer, app = Router("/inner"), Router("/outer"), App()
    inner.get("/x")(handler)
    inner.get("")(handler)

    outer.include(inner, "/between")
    app.include(outer)

    assert patterns(app) == ["/outer/between/inner/x", "/outer/between/inner"]


async def test_an_included_route_is_served_with_its_parameters() -> None:
    router, app = Router("/users"), App()
    router.get("/{id:int}")(item)
    app.include(router, "/api")

    assert (await ask(app, "GET", "/api/users/7")).json() == {"id": 7}


async def test_a_prefix_may_have_parameters() -> None:
    router, app = Router("/{id:int}"), App()
    router.get("/x")(item)
    app.include(router)

    assert (await ask(app, "GET", "/7/x")).json() == {"id": 7}


def test_an_included_route_keeps_its_options() -> None:
    router, app = Router(), App()
    router.post("/", name="upload", on_disconnect="finish", body_limit=5)(handler)
    app.include(router, "/api")

    route = app.routes[0]

    assert (route.pattern, route.name, route.on_disconnect, route.body_limit) == ("/api/", "upload", "finish", 5)


def test_what_is_added_after_the_inclusion_is_not_seen() -> None:
    router, app = Router(), App()
    app.include(router)
    router.get("/late")(handler)

    assert app.routes == []


async def stream(request: Request) -> AsyncIterator[str]:
    yield ""


@pytest.mark.parametrize("misfit", [handler, stream])
def test_a_parameter_that_an_inclusion_adds_must_fit_the_handler(misfit: Any) -> None:
    router = Router()
    router.get("/x")(misfit)

    with pytest.raises(RouteError, match=rf"{misfit.__name__}\(.*'/\{{tenant\}}/x'"):
        App().include(router, "/{tenant}")


def test_an_inclusion_may_not_repeat_a_parameter() -> None:
    router = Router()
    router.get("/{id:int}")(item)

    with pytest.raises(RouteError, match=r"'/\{id\}/\{id:int\}' has the same parameter twice"):
        App().include(router, "/{id}")


def test_an_inclusion_of_what_is_taken_is_refused() -> None:
    router, app = Router(), App()
    router.get("/x")(handler)
    app.include(router)

    with pytest.raises(RouteError, match="GET '/x' is already taken by handler"):
        app.include(router)


# Options.


@pytest.mark.parametrize(("options", "name"), [({}, "item"), ({"name": "thing"}, "thing")])
def test_a_route_is_called_like_its_handler_unless_it_says_otherwise(options: Any, name: str) -> None:
    app = App()
    app.get("/things/{id:int}", **options)(item)

    assert app.url_for(name, id=7) == "/things/7"


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        Router().get("/", colour="red")(handler)  # type: ignore[call-arg]


@pytest.mark.parametrize(("size", "status"), [(4, 200), (5, 413)])
async def test_a_route_limits_its_bodies(size: int, status: int) -> None:
    app = App()

    @app.post("/", body_limit=4)
    async def read(request: Request) -> bytes:
        return await request.read()

    assert (await ask(app, "POST", "/", body=b"x" * size)).status == status


async def test_the_limit_of_one_route_is_not_that_of_another() -> None:
    app = App()

    async def read(request: Request) -> bytes:
        return await request.read()

    app.post("/small", body_limit=4)(read)
    app.post("/large")(read)

    assert (await ask(app, "POST", "/large", body=b"12345")).status == 200


async def test_a_route_without_room_for_a_body_takes_an_empty_one() -> None:
    app = App()

    @app.post("/", body_limit=0)
    async def read(request: Request) -> str:
        try:
            await request.read()
        except HTTPError as error:
            return str(error.status)
        return "empty"

    assert [(await ask(app, "POST", "/", body=body)).text for body in ("", "x")] == ["empty", "413"]


def test_a_method_in_lower_case_is_refused_where_it_cannot_be_meant() -> None:
    with pytest.raises(RouteError, match="case-sensitive"):
        Router().route("/", methods=["post"])


def test_an_own_method_in_lower_case_is_taken_as_it_is() -> None:
    router = Router()
    router.route("/", methods=["brew"])(handler)
    assert router.routes[0].methods == {"brew"}


# Middleware of a router.


def noting(notes: list[str], name: str) -> Middleware:
    async def note(request: Request, next: Handler) -> Response:
        notes.append(f"{name} in")
        response = await next(request)
        notes.append(f"{name} out {response.status}")
        return response

    return note


async def test_the_middleware_of_a_router_wraps_its_routes_alone_inside_that_of_the_app() -> None:
    notes: list[str] = []
    app, router = App(), Router("/in", middleware=[noting(notes, "first"), noting(notes, "second")])
    app.middleware(noting(notes, "app"))

    @router.get("/{id:int}")
    @app.get("/out/{id:int}")
    async def show(request: Request, id: int) -> str:
        notes.append(f"handler {id}")
        return ""

    app.include(router)

    await ask(app, "GET", "/in/3")
    assert notes == ["app in", "first in", "second in", "handler 3", "second out 200", "first out 200", "app out 200"]
    for target in ("/out/3", "/in/none"):
        notes.clear()
        await ask(app, "GET", target)
        assert [note.partition(" ")[0] for note in notes] in (["app", "handler", "app"], ["app", "app"])


async def test_the_middleware_of_a_router_in_a_router_is_inside_its() -> None:
    notes: list[str] = []
    app, outer, inner = App(), Router("/a"), Router("/b")
    outer.middleware(noting(notes, "outer"))
    inner.middleware(noting(notes, "inner"))
    inner.get("/")(handler)
    outer.get("/")(handler)
    outer.include(inner)
    app.include(outer)

    await ask(app, "GET", "/a/b/")
    await ask(app, "GET", "/a/")

    assert [note for note in notes if note.endswith("in")] == ["outer in", "inner in", "outer in"]


async def test_the_middleware_of_a_router_sees_errors_as_responses() -> None:
    notes: list[str] = []
    app, router = App(), Router(middleware=[noting(notes, "router")])

    @app.exception(KeyError)
    async def missing(request: Request, error: KeyError) -> Response:
        return Response.text("missing", 404)

    @router.get("/")
    async def fail(request: Request) -> str:
        raise KeyError

    app.include(router)

    assert (await ask(app, "GET", "/")).text == "missing"
    assert notes == ["router in", "router out 404"]


async def test_the_middleware_of_a_router_may_refuse() -> None:
    async def refuse(request: Request, next: Handler) -> Response:
        raise HTTPError(403)

    app, router = App(), Router(middleware=[refuse])
    router.get("/")(handler)
    app.include(router)

    assert (await ask(app, "GET", "/")).status == 403


def test_middleware_that_comes_after_the_router_was_included_is_refused() -> None:
    app, router = App(), Router()
    app.include(router)

    with pytest.raises(RouteError, match="before the router is included"):
        router.middleware(noting([], "late"))


def test_a_route_without_middleware_keeps_its_endpoint() -> None:
    app, router = App(), Router()
    router.get("/")(handler)
    app.include(router)

    assert app.routes[0].endpoint is handler
