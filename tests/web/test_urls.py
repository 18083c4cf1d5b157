"""Tests of url_for: in an app, in what is mounted in it, and in what it is mounted in."""

from collections.abc import Callable

import pytest

from aiosock import App, Request, Response, RouteError, Router, StaticFiles
from aiosock.testing import Client
from tests.web.ask import ask


async def nothing(request: Request, **params: object) -> None: ...


def named(*names: str) -> App:
    """Return an app with a route for each name, and `/where/NAME`, which answers with the URL of a name."""
    app = App()
    for name in names:
        app.get(f"/{name}", name=name)(nothing)

    @app.get("/where/{wanted}")
    async def where(request: Request, wanted: str) -> str:
        return request.url_for(wanted)

    return app


def nested() -> App:
    """Return an app with an app in it, which has another one in it."""
    outer, middle, inner = named("index", "login"), named("index", "menu"), named("index", "deep")
    middle.mount("/in ner", inner, name="inner")
    outer.mount("/middle", middle)
    outer.mount("/static", StaticFiles("."))
    return outer


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("/where/index", "/index"),
        ("/where/middle:menu", "/middle/menu"),
        ("/where/middle:inner:deep", "/middle/in%20ner/deep"),
        ("/middle/where/index", "/middle/index"),
        ("/middle/where/menu", "/middle/menu"),
        ("/middle/where/login", "/login"),
        ("/middle/where/:index", "/index"),
        ("/middle/where/inner:deep", "/middle/in%20ner/deep"),
        ("/middle/in%20ner/where/index", "/middle/in%20ner/index"),
        ("/middle/in%20ner/where/menu", "/middle/menu"),
        ("/middle/in%20ner/where/login", "/login"),
        ("/middle/in%20ner/where/:middle:index", "/middle/index"),
    ],
)
async def test_a_name_is_looked_up_from_the_innermost_app_outwards(target: str, url: str) -> None:
    answer = await ask(nested(), "GET", target)

    assert (answer.status, answer.text) == (200, url)


async def test_what_a_url_leads_to_is_there() -> None:
    async with Client(nested()) as client:
        url = (await client.get("/middle/where/inner:deep")).text
        assert (await client.get(url)).status == 204


async def test_the_app_of_a_request_is_the_one_that_answers_and_then_that_around_it() -> None:
    outer, inner, hosted = App(), App(), App()
    seen = []

    @outer.middleware
    async def look(request: Request, next: Callable[..., object]) -> Response:
        response = await next(request)  # type: ignore[misc]
        seen.append((request._app is outer, request._around))
        assert isinstance(response, Response)
        return response

    @inner.get("/")
    @hosted.get("/")
    async def handler(request: Request) -> str:
        return request.url_for("handler")

    outer.mount("/inner", inner)
    outer.host("example.org", hosted)

    assert (await ask(outer, "GET", "/inner/")).text == "/inner/"
    assert (await ask(outer, "GET", "/", headers={"host": "example.org"})).text == "/"
    assert seen == [(True, ()), (True, ())]


def test_an_app_looks_its_own_names_up_and_those_below() -> None:
    app = nested()

    assert app.url_for("middle:inner:deep") == "/middle/in%20ner/deep"
    assert app.url_for("static", path="css/site one.css") == "/static/css/site%20one.css"
    assert app.url_for("static", path="/a") == "/static/a"


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("zzz", {}, "no route is named 'zzz'$"),
        ("logn", {}, "no route is named 'logn'; did you mean 'login'?"),
        ("middle:mneu", {}, "did you mean 'middle:menu'?"),
        ("middle", {}, "'middle' is a mounted app: write 'middle:NAME'"),
        ("static", {"filename": "a"}, "takes the parameter 'path'"),
        ("static:a", {}, "no route is named 'static:a'"),
        ("static", {"path": "../secret"}, "browsers read as another URL"),
        ("login", {"id": 3}, "does not take the parameters"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused(name: str, params: dict[str, object], words: str) -> None:
    with pytest.raises(RouteError, match=words):
        nested().url_for(name, **params)


async def test_without_an_app_there_are_no_names() -> None:
    async def handler(request: Request) -> Response:
        return Response.text(request.url_for("index"))

    assert (await ask(handler, "GET", "/")).status == 500


# Two routes of one name.


def test_of_routes_with_one_name_the_parameters_decide() -> None:
    app = App()
    app.get("/users")(nothing)
    app.get("/users/{id:int}")(nothing)
    app.post("/users")(nothing)

    assert (app.url_for("nothing"), app.url_for("nothing", id=3)) == ("/users", "/users/3")


def test_a_name_of_several_routes_is_refused_when_it_is_looked_up() -> None:
    app = App()
    app.get("/users")(nothing)
    app.get("/notes")(nothing)

    with pytest.raises(RouteError, match=r"the name 'nothing' is that of '/users' and '/notes': .* name="):
        app.url_for("nothing")


def test_a_name_that_is_given_twice_is_refused_at_once() -> None:
    app = App()
    app.get("/users", name="list")(nothing)
    app.post("/users", name="list")(nothing)
    app.get("/users/{id}", name="list")(nothing)

    with pytest.raises(RouteError, match="the name 'list' is that of '/users' already: '/notes' needs another one"):
        app.get("/notes", name="list")(nothing)


def test_a_router_may_be_included_twice() -> None:
    app, router = App(), Router()
    router.get("/users", name="list")(nothing)
    app.include(router, "/v1")
    app.include(router, "/v2")

    with pytest.raises(RouteError, match="'/v1/users' and '/v2/users'"):
        app.url_for("list")


def test_two_mounts_of_one_name_are_refused() -> None:
    app = App()
    app.mount("/a", App(), name="pages")

    with pytest.raises(RouteError, match="the name 'pages' is that of the mount '/a' already"):
        app.mount("/b", App(), name="pages")
