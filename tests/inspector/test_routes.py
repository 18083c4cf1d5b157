"""Tests of aiosock.inspector.routes: percentiles in a fixed amount of memory."""

import random
from statistics import quantiles

import pytest

from aiosock.inspector.routes import BOUNDS, MOST, OTHERS, SAMPLE, RouteFigures, Routes
from aiosock.observe import RequestRecord
from tests.inspector.helpers import record_of


def took(seconds: float, route: str = "/x", status: int = 200, method: str = "GET") -> RequestRecord:
    record = record_of(method)
    record.seconds, record.route, record.status = seconds, route, status
    return record


def counted(records: list[RequestRecord], key: tuple[str, str] = ("GET", "/x")) -> RouteFigures:
    routes = Routes()
    for start in range(0, len(records), SAMPLE):
        routes.add(records[start : start + SAMPLE])
    return routes.figures[key]


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_percentile_is_near_the_exact_one(share: float) -> None:
    source = random.Random(20261129)
    seconds = [source.lognormvariate(-7, 2) for _ in range(5000)]
    exact = quantiles(seconds, n=100)[round(share * 100) - 1]
    assert counted([took(each) for each in seconds]).percentile(share) == pytest.approx(exact, rel=0.08)


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 1e-6, 0.001, 1.0, 3600.0, 1e6])
def test_any_duration_has_its_bucket(seconds: float) -> None:
    found = counted([took(seconds)]).percentile(1.0)
    if BOUNDS[0] <= seconds <= BOUNDS[-1]:
        assert found == pytest.approx(seconds, rel=0.063)
    assert counted([took(seconds)]).count == 1


def test_nothing_has_no_percentile() -> None:
    assert RouteFigures().percentile(0.5) == 0.0


def test_statuses_of_the_server_count_as_failed() -> None:
    assert counted([took(1, status=status) for status in (200, 404, 499, 500, 503)]).failed == 2


def test_methods_are_told_apart_where_there_is_a_route() -> None:
    routes = Routes()
    routes.add([took(1), took(1, method="POST"), took(1, route=""), took(1, route="", method="INVENTED")])
    assert {key: figures.count for key, figures in routes.figures.items()} == {
        ("GET", "/x"): 1,
        ("POST", "/x"): 1,
        ("", ""): 2,
    }


def test_what_was_no_request_has_no_route() -> None:
    record = RequestRecord()
    record.status = 400
    assert counted([record, took(1)], ("", "")).count == 1


def test_of_very_many_at_once_a_sample_stands_for_all() -> None:
    routes = Routes()
    routes.add(
        [took(0.1) for _ in range(10 * SAMPLE)] + [took(0.2, route="/y", status=500) for _ in range(10 * SAMPLE)]
    )
    counts = {route: figures.count for (_, route), figures in routes.figures.items()}
    assert sum(counts.values()) == pytest.approx(20 * SAMPLE)
    assert counts["/x"] == pytest.approx(counts["/y"], rel=0.75)
    assert routes.figures["GET", "/y"].failed == counts["/y"]


def test_the_number_of_routes_has_a_limit() -> None:
    routes = Routes()
    for number in range(MOST + 50):
        routes.add([took(1, route=f"/{number}")])
    assert len(routes.figures) == MOST
    assert routes.figures[OTHERS].count == 51


def test_the_memory_of_a_route_has_a_limit() -> None:
    source = random.Random(1)
    figures = counted([took(10 ** source.uniform(-9, 9)) for _ in range(20_000)])
    assert len(figures.buckets) <= len(BOUNDS) + 1
