"""Tests of aiosock.wire.negotiation."""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock.headers import Headers
from aiosock.wire.negotiation import (
    MEMBERS,
    choose_coding,
    choose_media_type,
    coding_weight,
    parse_weights,
    vary_by,
)
from tests.growth import LINEAR, growth

SETTINGS = settings(max_examples=200, derandomize=True, deadline=None)


@pytest.mark.parametrize(
    ("field", "weights"),
    [
        ("", {}),
        ("gzip", {"gzip": 1}),
        ("gzip, br", {"gzip": 1, "br": 1}),
        ("GZip;Q=0.5 , br ; q=1.0", {"gzip": 0.5, "br": 1}),
        ("gzip;q=0", {"gzip": 0}),
        ("gzip;q=0.000", {"gzip": 0}),
        ("gzip;q=1.", {"gzip": 1}),
        ("gzip;q=0.001", {"gzip": 0.001}),
        (",gzip,,", {"gzip": 1}),
        ("text/html;level=1;q=0.7;ext=2", {"text/html": 0.7}),
        ("gzip;q=0.5, gzip;q=1", {"gzip": 0.5}),
        ("*;q=0", {"*": 0}),
        ("gzip;q=1.000", {"gzip": 1}),
        # A malformed weight counts as a refusal.
        ("gzip;q=", {"gzip": 0}),
        ("gzip;q=2", {"gzip": 0}),
        ("gzip;q=1.5", {"gzip": 0}),
        ("gzip;q=-1", {"gzip": 0}),
        ("gzip;q=0.0001", {"gzip": 0}),
        ("gzip;q=nan", {"gzip": 0}),
        ("gzip;q", {"gzip": 0}),
        ("gzip;q=0,5", {"gzip": 0, "5": 1}),
    ],
)
def test_a_field_gives_weights(field: str, weights: dict[str, float]) -> None:
    assert parse_weights(field) == weights


def test_only_so_many_members_are_looked_at() -> None:
    field = ",".join(f"a{number}" for number in range(2 * MEMBERS))

    assert list(parse_weights(field)) == [f"a{number}" for number in range(MEMBERS)]


@pytest.mark.parametrize(
    ("field", "coding", "weight"),
    [
        ("gzip", "gzip", 1),
        ("gzip", "br", 0),
        ("br;q=0, gzip", "br", 0),
        ("*", "br", 1),
        ("*;q=0.3, br;q=0.5", "br", 0.5),
        ("*;q=0.3, br;q=0.5", "gzip", 0.3),
        ("x-gzip", "gzip", 1),
        ("identity;q=0", "identity", 0),
        ("*;q=0", "identity", 0),
        ("*;q=0, identity", "identity", 1),
        ("identity;q=0.5", "identity", 0.5),
    ],
)
def test_a_coding_has_a_weight(field: str, coding: str, weight: float) -> None:
    assert coding_weight(parse_weights(field), coding) == weight


@pytest.mark.parametrize("field", ["", "gzip", "gzip;q=0.001", "br;q=0", "*", "*;q=0.5"])
def test_identity_is_acceptable_unless_it_is_refused_and_comes_last_unless_it_is_asked_for(field: str) -> None:
    assert 0 < coding_weight(parse_weights(field), "identity") < 0.001


OFFERS = ("text/html", "application/json", "text/plain")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("image/png", "text/plain"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("application/json, text/plain, */*", "application/json"),
        ("application/json", "application/json"),
        ("application/problem+json", "application/json"),
        ("application/problem+json;q=0.5, text/plain", "text/plain"),
        ("application/ld+json", "text/plain"),
        ("application/vnd.github+json", "text/plain"),
        (
            "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
            "text/html",
        ),
        ("image/svg+xml, text/html;q=0.1", "text/html"),
        ("TEXT/HTML", "text/html"),
        ("text/html;q=0.1, application/json", "application/json"),
        ("text/html, application/json", "text/html"),
        ("text/html;q=0", "text/plain"),
        ("text/html;q=0, application/json;q=0.1", "application/json"),
        ("text/plain, text/html;q=0.9", "text/plain"),
    ],
)
def test_the_type_that_is_named_with_the_greatest_weight_is_chosen(accept: str, chosen: str) -> None:
    assert choose_media_type(accept, OFFERS) == chosen


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("application/json", "application/problem+json"),
        ("application/problem+json", "application/problem+json"),
        ("application/vnd.api+json", "application/problem+json"),
        ("application/vnd.api+json, */*", "application/problem+json"),
        ("Application/LD+JSON; profile=a", "application/problem+json"),
        ("application/vnd.api+json;q=0", "text/plain"),
        ("application/vnd.api+json;q=0, */*", "text/plain"),
        ("application/json;q=0, application/ld+json;q=0.1", "application/problem+json"),
        ("application/vnd.api+json;q=0.1, text/html;q=0.2", "text/html"),
        ("application/vnd.api+json, text/html;q=0.2", "application/problem+json"),
        ("application/vnd.api+json, text/html", "text/html"),
        ("text/plain;a=+json", "text/plain"),
        ("image/svg+xml, application/json-seq", "text/plain"),
    ],
)
def test_every_json_type_names_a_problem(accept: str, chosen: str) -> None:
    assert choose_media_type(accept, ("text/html", "application/problem+json", "text/plain")) == chosen


@SETTINGS
@given(field=st.text() | st.text("gzip;q=01.,* "))
def test_any_field_gives_weights_from_0_to_1(field: str) -> None:
    assert all(0 <= weight <= 1 for weight in parse_weights(field).values())


@pytest.mark.parametrize("part", ["a", ",", ";", ";q=", "a,", "a;q=0.5,", " ", "q="])
def test_a_hostile_field_is_read_in_linear_time(part: str) -> None:
    assert growth(lambda size: partial(parse_weights, part * size), 4_000) < LINEAR


@pytest.mark.parametrize(
    ("field", "coding"),
    [
        ("", "identity"),
        ("identity", "identity"),
        ("deflate", "identity"),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip, deflate, br", "br"),
        ("gzip, br;q=0.9", "gzip"),
        ("br;q=0, gzip;q=0.001", "gzip"),
        ("br;q=0, gzip;q=0", "identity"),
        ("*", "br"),
        ("*, br;q=0", "gzip"),
        ("identity, gzip", "gzip"),
        ("identity, gzip;q=0.9", "identity"),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        # Such a client refuses identity too, but there is nothing else to send.
        ("identity;q=0", "identity"),
        ("*;q=0", "identity"),
    ],
)
def test_the_coding_that_the_client_likes_best_is_chosen(field: str, coding: str) -> None:
    assert choose_coding(field, ["br", "gzip"]) == coding


@pytest.mark.parametrize(
    ("there", "then"),
    [
        ([], ["Accept"]),
        (["Cookie"], ["Cookie, Accept"]),
        (["Cookie", "Origin"], ["Cookie, Origin, Accept"]),
        (["Cookie , accept"], ["Cookie , accept"]),
        (["*"], ["*"]),
    ],
)
def test_a_field_is_added_to_vary_once(there: list[str], then: list[str]) -> None:
    fields = Headers([("vary", value) for value in there])
    vary_by(fields, "Accept")
    assert fields.get_all("vary") == then
