"""Tests of aiosock.web.debug.routes and functions: the routes nearest to a path, and the names of functions."""

import functools
from typing import Any

import pytest

from aiosock import App, Request, Router, StaticFiles
from aiosock.web.debug.functions import function_record
from aiosock.web.debug.routes import MAX_ROUTES, nearest_routes, other_methods
from aiosock.web.middleware import security_headers, timeout


async def handler(request: Request, **params: Any) -> None: ...


def app_with(*patterns: str) -> App:
    app = App()
    for pattern in patterns:
        app.get(pattern)(handler)
    return app


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("/bords/7", "/boards/{id:int}"),
        ("/boards/", "/boards"),
        ("/board", "/boards"),
        ("/users/ada/post", "/users/{name}/posts"),
        ("/abuot", "/about"),
        ("/", "/about"),
    ],
)
def test_the_nearest_route_is_the_first(path: str, nearest: str) -> None:
    app = app_with("/users/{name}/posts", "/boards/{id:int}", "/boards", "/about", "/x/{rest:path}")

    routes, more = nearest_routes([app], path)

    assert (routes[0].pattern, len(routes), more) == (nearest, 5, 0)


def test_routes_of_mounted_apps_have_their_prefix() -> None:
    admin, outer = app_with("/users"), app_with("/")
    inner = app_with("/deep")
    admin.mount("/inner", inner)
    outer.mount("/admin", admin)
    outer.mount("/static", StaticFiles("."))
    router = Router("/routed")
    router.post("/here")(handler)
    outer.include(router)

    patterns = {(route.methods, route.pattern) for route in nearest_routes([outer], "/")[0]}

    assert patterns == {
        ("GET", "/"),
        ("POST", "/routed/here"),
        ("GET", "/admin/users"),
        ("GET", "/admin/inner/deep"),
        ("any", "/static/..."),
    }


def test_an_app_of_a_host_is_shown_beside_the_one_above() -> None:
    outer, below = app_with("/outer"), App()

    @below.get("/below")
    async def other(request: Request) -> None: ...

    assert {route.pattern for route in nearest_routes([outer, below], "/")[0]} == {"/outer", "/below"}


def test_an_app_that_is_mounted_in_itself_ends() -> None:
    app = app_with("/")
    app.mount("/again", app)

    assert len(nearest_routes([app], "/")[0]) >= 1


def test_many_routes_are_cut_and_counted() -> None:
    app = app_with(*(f"/route{number}" for number in range(100)))

    routes, more = nearest_routes([app], "/route7" + "x" * 10_000)

    assert (len(routes), more) == (MAX_ROUTES, 80)


def test_the_other_methods_of_a_path_are_found() -> None:
    app = app_with("/boards/{id:int}")
    app.route("/boards/{id:int}", ["PUT", "DELETE"])(handler)
    app.post("/elsewhere")(handler)

    routes = other_methods(app, ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"], "/boards/7")

    assert [route.methods for route in routes] == ["DELETE, PUT", "GET"]


# Functions.


class Callable:
    async def __call__(self, request: Request) -> None: ...

    async def method(self, request: Request) -> None: ...


def decorated() -> Any:
    @functools.wraps(handler)
    async def wrapper(*arguments: Any) -> None: ...

    return wrapper


@pytest.mark.parametrize(
    ("function", "name", "is_here"),
    [
        (handler, "handler", True),
        (functools.partial(handler, a=1), "handler", True),
        (decorated(), "handler", True),
        (Callable(), "Callable", True),
        (Callable().method, "Callable.method", True),
        (timeout(1), "timeout", False),
        (security_headers(), "security_headers", False),
        (StaticFiles("."), "StaticFiles", False),
        (len, "builtin_function_or_method", False),
        (7, "int", False),
    ],
)
def test_a_function_is_known_by_the_name_that_people_wrote(function: object, name: str, is_here: bool) -> None:
    record = function_record(function)

    assert record.name == name
    assert (record.place is not None and record.place.file == __file__) == is_here


def test_a_signature_is_shown_where_there_is_one() -> None:
    assert function_record(handler).signature.startswith("(request: ")
    assert function_record(len).signature == ""
