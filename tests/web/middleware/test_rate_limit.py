"""Tests of aiosock.web.middleware.rate_limit, with a clock that stands still."""

from types import SimpleNamespace
from typing import Any

import pytest

from aiosock import App, Request, Response
from aiosock.testing import Client
from aiosock.testing.client import ClientResponse
from aiosock.web.exchange import Address
from aiosock.web.middleware import proxy_headers, rate_limit
from aiosock.web.middleware.buckets import MemoryBuckets
from aiosock.web.middleware.rate_limit import client_network
from tests.web.ask import ask
from tests.web.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def limited(clock: Clock, quota: int = 3, seconds: int = 60, **options: Any) -> App:
    app = App()
    app.middleware(proxy_headers(["127.0.0.1"]))
    app.middleware(rate_limit(quota, seconds, buckets=MemoryBuckets(clock=clock), **options))

    @app.get("/")
    async def home(request: Request) -> str:
        return "home"

    return app


async def given(app: App, client: str = "192.0.2.1") -> ClientResponse:
    return await ask(app, "GET", "/", headers={"x-forwarded-for": client})


async def limits(app: App, client: str = "192.0.2.1") -> tuple[int, str, str | None]:
    answer = await given(app, client)
    assert answer.headers["ratelimit-policy"] == '"default";q=3;w=60'
    return answer.status, answer.headers["ratelimit"], answer.headers.get("retry-after")


async def test_a_quota_can_be_used_at_once_and_then_comes_back_bit_by_bit(clock: Clock) -> None:
    app = limited(clock)

    assert await limits(app) == (200, '"default";r=2;t=20', None)
    clock.now += 5
    assert await limits(app) == (200, '"default";r=1;t=15', None)
    assert await limits(app) == (200, '"default";r=0;t=15', None)
    assert await limits(app) == (429, '"default";r=0;t=15', "15")
    clock.now += 14.5
    assert await limits(app) == (429, '"default";r=0;t=1', "1")
    clock.now += 0.5
    assert await limits(app) == (200, '"default";r=0;t=20', None)
    assert await limits(app) == (429, '"default";r=0;t=20', "20")
    clock.now += 3600
    assert await limits(app) == (200, '"default";r=2;t=20', None)


async def test_what_is_refused_does_not_count(clock: Clock) -> None:
    app = limited(clock, 1, 10)
    statuses = [(await given(app)).status for _ in range(10)]
    clock.now += 10

    assert statuses == [200] + [429] * 9
    assert (await given(app)).status == 200


async def test_each_client_has_its_own(clock: Clock) -> None:
    app = limited(clock, 1)

    assert [(await given(app, f"192.0.2.{number}")).status for number in (1, 2, 1, 2)] == [200, 200, 429, 429]


async def test_a_network_of_ipv6_is_one_client(clock: Clock) -> None:
    app = limited(clock, 1)
    clients = ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1")

    assert [(await given(app, client)).status for client in clients] == [200, 429, 200]


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),  # an IPv6 socket that accepts IPv4 too
        ("fe80::1%eth0", "fe80::"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (None, "unix"),
    ],
)
def test_a_client_is_known_by_its_network(host: str | None, key: str) -> None:
    request: Any = SimpleNamespace(client=Address(host, 1) if host else None)

    assert client_network(request) == key


async def test_a_key_may_be_anything(clock: Clock) -> None:
    app = limited(clock, 1, key=lambda request: request.headers.get("x-key", ""))

    async def status(key: str) -> int:
        return (await ask(app, "GET", "/", headers={"x-key": key})).status

    assert [await status(key) for key in ("a", "b", "a", "", "x" * 8000, "é")] == [200, 200, 429, 200, 200, 200]


async def test_two_policies_are_both_told(clock: Clock) -> None:
    app = App()
    buckets = MemoryBuckets(clock=clock)
    app.middleware(rate_limit(10, 60, name="burst", buckets=buckets))
    app.middleware(rate_limit(100, 3600, name="hourly", buckets=buckets))

    @app.get("/")
    async def home(request: Request) -> Response:
        return Response.text("home")

    answer = await ask(app, "GET", "/")

    assert sorted(answer.headers.get_all("ratelimit")) == ['"burst";r=9;t=6', '"hourly";r=99;t=36']
    assert sorted(answer.headers.get_all("ratelimit-policy")) == ['"burst";q=10;w=60', '"hourly";q=100;w=3600']


async def test_the_default_buckets_are_in_memory() -> None:
    app = App()
    app.middleware(rate_limit(1, 3600))
    async with Client(app) as client:
        assert [(await client.get("/")).status for _ in range(2)] == [404, 429]


@pytest.mark.parametrize(("quota", "seconds"), [(0, 1), (1, 0), (-1, 1)])
def test_a_rate_that_is_none_is_refused(quota: int, seconds: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        rate_limit(quota, seconds)


@pytest.mark.parametrize("name", ['"', "a\r\nb", "é", "\\"])
def test_a_name_that_cannot_be_quoted_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a name must be printable ASCII"):
        rate_limit(1, 1, name=name)
