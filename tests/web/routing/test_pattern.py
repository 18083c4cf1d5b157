"""Tests of aiosock.web.routing.pattern, most of them through a table with one route."""

import re
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock.errors import RouteError
from aiosock.web.routing.pattern import Convertor, build_path, parameter_names
from tests.web.routing.tables import params, table_of

SETTINGS = settings(max_examples=200, derandomize=True, deadline=None)

ID = UUID("0b7a3c5e-1d2f-4a6b-8c9d-0e1f2a3b4c5d")


# Parameters.


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/{name}", "/ann", {"name": "ann"}),
        ("/{name:str}", "/ann", {"name": "ann"}),
        ("/{id:int}", "/7", {"id": 7}),
        ("/{id:int}", "/-007", {"id": -7}),
        ("/{x:float}", "/1.5", {"x": 1.5}),
        ("/{x:float}", "/-2", {"x": -2.0}),
        ("/{id:uuid}", f"/{ID}", {"id": ID}),
        ("/{id:uuid}", f"/{ID}".upper(), {"id": ID}),
        ("/{rest:path}", "/a/b//c/", {"rest": "a/b//c/"}),
        ("/{rest:path}", "/", {"rest": ""}),
        ("/files/{rest:path}", "/files/", {"rest": ""}),
        ("/v{version:int}-{name}.txt", "/v2-a-b.txt", {"version": 2, "name": "a-b"}),
        ("/{a}/{b}", "/1/2", {"a": "1", "b": "2"}),
    ],
)
def test_a_parameter_is_converted(pattern: str, path: str, expected: dict[str, object]) -> None:
    assert params(pattern, path) == expected


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/{name}", "/"),
        ("/{name}", "/a/b"),
        ("/{name}", "/a/"),
        ("/{id:int}", "/"),
        ("/{id:int}", "/x"),
        ("/{id:int}", "/+7"),
        ("/{id:int}", "/7_0"),
        ("/{id:int}", "/%207"),
        ("/{id:int}", "/7%0A"),
        ("/{id:int}", "/%D9%A7"),  # an Arabic seven, which int() takes
        pytest.param("/{id:int}", "/" + "7" * 5000, id="more digits than int() takes"),
        ("/{x:float}", "/nan"),
        ("/{x:float}", "/inf"),
        ("/{x:float}", "/1e5"),
        ("/{x:float}", "/1."),
        ("/{id:uuid}", f"/{ID.hex}"),
        ("/{id:uuid}", f"/{{{ID}}}"),
        ("/files/{rest:path}", "/files"),
        ("/v{rest:path}", "/x1"),
        ("/a.b", "/axb"),
        ("/a.b-{x}", "/axb-1"),
    ],
)
def test_what_is_not_of_the_parameters_kind_is_not_found(pattern: str, path: str) -> None:
    assert params(pattern, path) is None


def test_an_own_convertor_gives_its_own_values() -> None:
    month = Convertor("[0-9]{4}-[0-9]{2}", lambda text: tuple(int(part) for part in text.split("-")))

    assert params("/{when:month}", "/2026-02", month=month) == {"when": (2026, 2)}
    assert params("/{when:month}", "/2026-2", month=month) is None


def test_a_value_that_an_own_convertor_refuses_is_not_found() -> None:
    assert params("/{code:hex}", "/zz", hex=Convertor("[^/]+", lambda text: int(text, 16))) is None


def test_an_own_convertor_with_alternatives_stays_within_its_parameter() -> None:
    assert params("/{unit:unit}-x", "/kg", unit=Convertor("kg|m", str)) is None
    assert params("/{unit:unit}-x", "/m-x", unit=Convertor("kg|m", str)) == {"unit": "m"}


def test_an_own_convertor_that_takes_slashes_takes_the_rest() -> None:
    assert params("/{rest:any}", "/a/b", any=Convertor(".*", str.upper)) == {"rest": "A/B"}


# Patterns that cannot be.


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "a",
        "{a}",
        "/{",
        "/}",
        "/{}",
        "/{a",
        "/a}",
        "/{1}",
        "/{a b}",
        "/{a:}",
        "/{a:int:int}",
        "/{{a}}",
        "/{a:path}/b",
    ],
)
def test_a_malformed_pattern_is_refused_and_named(pattern: str) -> None:
    with pytest.raises(RouteError, match=re.escape(repr(pattern))):
        table_of(pattern)


def test_an_unknown_convertor_is_refused_and_named() -> None:
    with pytest.raises(RouteError, match=r"'/\{a:date\}' has an unknown convertor 'date'"):
        table_of("/{a:date}")


@pytest.mark.parametrize("pattern", ["/{a}/{a}", "/{a}-{a}", "/{a}/{a:int}"])
def test_a_parameter_that_comes_twice_is_refused(pattern: str) -> None:
    with pytest.raises(RouteError, match="twice"):
        parameter_names(pattern)


# The way back.

CHARACTERS = st.characters(exclude_categories=["Cs"])
NAMES = st.text(CHARACTERS, min_size=1).filter(lambda text: text not in (".", ".."))
RESTS = st.text(CHARACTERS).filter(lambda text: {".", ".."}.isdisjoint(text.split("/")))


@pytest.mark.parametrize(
    ("pattern", "values", "path"),
    [
        ("/", {}, "/"),
        ("/a/", {}, "/a/"),
        ("/é b", {}, "/%C3%A9%20b"),
        ("/{name}", {"name": "a/b c?#%"}, "/a%2Fb%20c%3F%23%25"),
        ("/{rest:path}", {"rest": "a/b c"}, "/a/b%20c"),
        ("/v{id:int}/x", {"id": 7}, "/v7/x"),
        ("/{id:uuid}", {"id": ID}, f"/{ID}"),
        ("/{rest:path}", {"rest": ""}, "/"),
        ("/a/{rest:path}", {"rest": "/b"}, "/a//b"),
        ("/{name}.{rest:path}", {"name": "a/b", "rest": "c/d"}, "/a%2Fb.c/d"),
        ("/{name}", {"name": "..."}, "/..."),
        ("/{name}.", {"name": "a."}, "/a.."),
        ("/{x:float}", {"x": 0.1}, "/0.1"),
        ("/{x:float}", {"x": 3}, "/3"),
        ("/{x:float}", {"x": -0.0}, "/-0.0"),
        ("/{x:float}", {"x": 1e-5}, "/0.00001"),
        ("/{x:float}", {"x": -2e-7}, "/-0.0000002"),
        ("/{x:float}", {"x": 1e16}, "/10000000000000000"),
        ("/{name}", {"name": 1e16}, "/1e%2B16"),
    ],
)
def test_a_path_is_built(pattern: str, values: dict[str, object], path: str) -> None:
    assert build_path(pattern, values) == path


@given(name=NAMES, number=st.integers(-(10**9), 10**9), identity=st.uuids(), rest=RESTS)
@SETTINGS
def test_a_path_that_was_built_is_found_with_the_same_parameters(
    name: str, number: int, identity: UUID, rest: str
) -> None:
    pattern = "/a b/{name}/x{number:int}.y/{identity:uuid}/{rest:path}"
    values = {"name": name, "number": number, "identity": identity, "rest": rest}

    assert params(pattern, build_path(pattern, values)) == values


@pytest.mark.parametrize("values", [{}, {"b": 1}, {"a": 1, "b": 2}])
def test_parameters_that_the_pattern_does_not_have_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(RouteError, match=r"'/\{a\}' does not take the parameters \["):
        build_path("/{a}", values)


@given(value=st.floats(allow_nan=False, allow_infinity=False))
@SETTINGS
def test_every_float_has_a_path(value: float) -> None:
    assert params("/{x:float}", build_path("/{x:float}", {"x": value})) == {"x": value}


@pytest.mark.parametrize(
    ("pattern", "values", "said"),
    [
        ("/{name}", {"name": ""}, "name=''"),
        ("/a{name}b", {"name": ""}, "name=''"),
        ("/{name}", {"name": "\ud800"}, "'\\\\ud800'"),
        ("/{x:float}", {"x": float("inf")}, "x='inf'"),
        ("/{x:float}", {"x": float("nan")}, "x='nan'"),
        ("/{x:float}", {"x": 10**400}, "x='1000"),
        ("/{x:float}", {"x": True}, "x='True'"),
        ("/{id:int}", {"id": 1.0}, "id='1.0'"),
        ("/{id:int}", {"id": "1a"}, "id='1a'"),
        ("/{id:int}", {"id": None}, "id='None'"),
        ("/{id:uuid}", {"id": "7"}, "id='7'"),
        ("/{a}-{b}", {"a": "1", "b": "2-3"}, "a='1', b='2-3'"),
        ("/{a}-{b}", {"a": "1" * 200, "b": "2" * 200}, "a='111"),
    ],
)
def test_a_value_that_the_pattern_does_not_take_has_no_path(pattern: str, values: dict[str, object], said: str) -> None:
    with pytest.raises(RouteError, match=f"has no path for {said}"):
        build_path(pattern, values)


@pytest.mark.parametrize(
    ("pattern", "values"),
    [
        ("/a/{name}/b", {"name": ".."}),
        ("/a/{name}", {"name": "."}),
        ("/a/.{name}", {"name": "."}),
        ("/a/{rest:path}", {"rest": "../b"}),
        ("/a/{rest:path}", {"rest": "b/./c"}),
        ("/{rest:path}", {"rest": "/evil.example/"}),
    ],
)
def test_a_path_that_browsers_read_as_another_is_not_built(pattern: str, values: dict[str, object]) -> None:
    with pytest.raises(RouteError, match="browsers read as another URL"):
        build_path(pattern, values)


# What could cost much.


def test_a_long_segment_is_not_split_between_parameters() -> None:
    assert params("/{a}-{b}-{c}.html", "/" + "-" * 255) is None
    assert params("/{a}-{b}", "/" + "x" * 100 + "-" + "y" * 100) == {"a": "x" * 100, "b": "y" * 100}
    assert params("/{a}-{b}", "/" + "x" * 200 + "-" + "y" * 200) is None


def test_a_long_segment_can_be_one_parameter() -> None:
    assert params("/{a}", "/" + "x" * 5000) == {"a": "x" * 5000}


def test_four_parameters_between_two_slashes_are_refused() -> None:
    with pytest.raises(RouteError, match="more than three"):
        table_of("/{a}-{b}-{c}-{d}")


def test_a_number_too_large_for_a_float_is_not_found() -> None:
    assert params("/{x:float}", "/" + "9" * 400) is None
