"""Tests of aiosock.web.routing.table."""

import re

import pytest

from aiosock.errors import RouteError
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.routing.pattern import Convertor
from aiosock.web.routing.table import Mounted, NotMatched, RouteTable
from tests.web.routing.tables import found, params, table_of

NOT_FOUND = NotMatched(frozenset())


async def handler(request: Request) -> Response:
    raise NotImplementedError


async def other_handler(request: Request) -> Response:
    raise NotImplementedError


# What comes first.


@pytest.mark.parametrize(
    ("routes", "path", "first"),
    [
        pytest.param(["/{name}", "/me"], "/me", "/me", id="literal, parameter"),
        pytest.param(["/{rest:path}", "/me"], "/me", "/me", id="literal, rest"),
        pytest.param(["/{rest:path}", "/{name}"], "/me", "/{name}", id="parameter, rest"),
        pytest.param(["/{rest:path}", "/a/{name}"], "/a/b", "/a/{name}", id="deeper parameter, rest"),
        pytest.param(["/{x}/c", "/a/{y}"], "/a/c", "/a/{y}", id="literal in an earlier segment"),
    ],
)
def test_what_says_more_comes_first_whatever_the_order(routes: list[str], path: str, first: str) -> None:
    assert found(table_of(*routes), path) == first
    assert found(table_of(*reversed(routes)), path) == first


def test_of_two_parameters_the_first_registered_is_tried_first() -> None:
    table = table_of("/{id:int}", "/{name}")

    assert [found(table, "/7"), found(table, "/seven")] == ["/{id:int}", "/{name}"]


def test_a_way_that_leads_nowhere_is_walked_back() -> None:
    table = table_of("/a/{x}/c", "/{y}/b/d", "/{rest:path}")

    assert found(table, "/a/b/d") == "/{y}/b/d"
    assert found(table, "/a/b/e") == "/{rest:path}"


def test_a_literal_of_another_method_does_not_hide_a_parameter() -> None:
    table = table_of("GET /me", "POST /{name}")

    assert found(table, "/me", "POST") == "POST /{name}"


def test_all_that_fits_a_path_says_what_is_allowed() -> None:
    table = table_of("GET /me", "POST,PUT /{name}", "PATCH /other")

    assert table.match("DELETE", "/me") == NotMatched(frozenset({"GET", "POST", "PUT"}))


def test_a_hostile_path_costs_at_most_two_conversions_for_each_parameter_of_the_table() -> None:
    converted: list[str] = []
    counting = Convertor("[^/]+", converted.append)
    table = table_of("/{a:c}/{b:c}/{c:c}/x", "/{a:c}/{b:c}/{d:c}/y", convertors={"c": counting})

    assert table.match("GET", "/1/2/3/z") == NOT_FOUND
    assert len(converted) == 3 + 4  # the first way, then all ways


# Methods.


@pytest.mark.parametrize(
    ("routes", "method", "served_by"),
    [
        (["GET /"], "HEAD", "GET /"),
        (["GET /", "HEAD /"], "HEAD", "HEAD /"),
        (["POST /"], "HEAD", ""),
        (["* /"], "HEAD", "* /"),
        (["* /"], "BREW", "* /"),
        (["* /", "POST /"], "POST", "POST /"),
        (["* /", "GET /"], "HEAD", "GET /"),
        (["GET /"], "get", ""),
    ],
)
@pytest.mark.parametrize("pattern", ["", "{rest:path}"])
def test_a_method_is_served_by_the_route_that_names_it_best(
    routes: list[str], method: str, served_by: str, pattern: str
) -> None:
    table = table_of(*(route + pattern for route in routes))

    assert found(table, "/", method) == (served_by and served_by + pattern)


# Encoding.


def test_an_encoded_slash_does_not_separate() -> None:
    assert params("/{name}", "/a%2Fb") == {"name": "a/b"}


def test_a_parameter_is_decoded_once() -> None:
    assert params("/{name}", "/%2541%C3%A9") == {"name": "%41é"}


@pytest.mark.parametrize(("pattern", "path"), [("/users", "/us%65rs"), ("/é", "/%C3%A9"), ("/é/{x}", "/%c3%a9/1")])
def test_a_literal_is_found_however_it_is_encoded(pattern: str, path: str) -> None:
    assert found(table_of(pattern), path) == pattern


@pytest.mark.parametrize("path", ["*", ""])
def test_a_target_that_is_no_path_is_not_found(path: str) -> None:
    assert table_of("* /", "* /{rest:path}").match("OPTIONS", path) == NOT_FOUND


# Routes that cannot be.


@pytest.mark.parametrize("pattern", ["/a", "/{a}", "/{a:path}"])
def test_a_method_and_pattern_that_are_taken_are_refused(pattern: str) -> None:
    with pytest.raises(RouteError, match=f"PUT '{re.escape(pattern)}' is already taken by PUT,GET"):
        table_of(f"PUT,GET {pattern}", f"PUT {pattern}")


def test_another_method_of_the_same_pattern_is_not_taken() -> None:
    table = table_of("GET /a", "PUT /a")

    assert [found(table, "/a", method) for method in ("GET", "PUT")] == ["GET /a", "PUT /a"]


# Mounts.


def mounts_of(*prefixes: str) -> RouteTable:
    table = RouteTable()
    for prefix in prefixes:
        table.mount(prefix, handler)
    return table


@pytest.mark.parametrize(
    ("prefix", "path", "subpath"),
    [
        ("/a", "/a", "/"),
        ("/a", "/a/", "/"),
        ("/a", "/a/b", "/b"),
        ("/a", "/a/b/", "/b/"),
        ("/a", "/a//b", "//b"),
        ("/a", "/a/b%2Fc", "/b%2Fc"),
        ("/a", "/%61/b", "/b"),
        ("/a/", "/a/b", "/b"),
        ("/a/b", "/a/b/c", "/c"),
        ("", "/a", "/a"),
        ("/", "/", "/"),
        ("/", "//a", "//a"),
    ],
)
def test_a_mount_leaves_the_rest_of_the_raw_path(prefix: str, path: str, subpath: str) -> None:
    assert mounts_of(prefix).match("ANY", path) == Mounted(handler, prefix.rstrip("/"), subpath)


@pytest.mark.parametrize("path", ["/", "/ab", "/b/a", "//a", "/A", "/a%2Fb", "*"])
def test_a_mount_takes_nothing_beside_it(path: str) -> None:
    assert mounts_of("/a").match("GET", path) == NOT_FOUND


def test_the_longest_prefix_takes_the_path() -> None:
    table = mounts_of("/", "/a")
    table.mount("/a/b/c", other_handler)

    assert table.match("GET", "/a/b/c/d") == Mounted(other_handler, "/a/b/c", "/d")
    assert table.match("GET", "/a/b/d") == Mounted(handler, "/a", "/b/d")
    assert table.match("GET", "/b") == Mounted(handler, "", "/b")


def test_a_route_comes_before_a_mount() -> None:
    table = table_of("GET /a/{name}")
    table.mount("/a", handler)

    assert found(table, "/a/b") == "GET /a/{name}"
    assert table.match("POST", "/a/b") == NotMatched(frozenset({"GET"}))
    assert table.match("POST", "/a/b/c") == Mounted(handler, "/a", "/b/c")


def test_a_mount_that_is_taken_is_refused() -> None:
    with pytest.raises(RouteError, match="'/a/' is already taken"):
        mounts_of("/a", "/a/")


@pytest.mark.parametrize("prefix", ["/{a}", "/a/{b:int}"])
def test_a_mount_with_parameters_is_refused(prefix: str) -> None:
    with pytest.raises(RouteError, match=f"'{re.escape(prefix)}' may not have parameters"):
        mounts_of(prefix)


def test_a_mount_without_leading_slash_is_refused() -> None:
    with pytest.raises(RouteError, match="'a' must start with a slash"):
        mounts_of("a")


@pytest.mark.parametrize("path", ["/a/%ff", "/%ff", "/a/%ff/b", "/a/%c3%a9/%ff"])
def test_a_path_that_is_not_text_matches_no_route(path: str) -> None:
    table = table_of("/a/{name}", "/{rest:path}")
    assert table.match("GET", path) == NotMatched(frozenset(), is_text=False)


def test_a_mount_gets_it_unless_a_route_would_have_matched() -> None:
    table = table_of("/files/own/{name}")
    table.mount("/files", handler)
    assert table.match("GET", "/files/%ff") == Mounted(handler, "/files", "/%ff")
    assert table.match("GET", "/files/own/%ff") == NotMatched(frozenset(), is_text=False)
    assert table.match("POST", "/files/own/%ff") == NotMatched(frozenset(), is_text=False)
    assert table.match("GET", "/%ff") == NotMatched(frozenset(), is_text=False)
