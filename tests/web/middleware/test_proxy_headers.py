"""Tests of aiosock.web.middleware.proxy_headers: the peer of the client in memory is 127.0.0.1."""

import logging
from typing import Any

import pytest

from aiosock import App, Request
from aiosock.testing import Client
from aiosock.web.exchange import Address, Connection
from aiosock.web.handler import Next
from aiosock.web.middleware import proxy_headers
from aiosock.web.response import Response
from tests.web.ask import ask

TRUSTED = ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"]


def behind(trusted: Any = TRUSTED, **options: Any) -> App:
    app = App()
    app.middleware(proxy_headers(trusted, **options))

    @app.get("/")
    async def seen(request: Request) -> list[str]:
        client = request.client
        return [f"{client.host} {client.port}" if client else "-", request.scheme, request.host, request.url]

    return app


async def seen(app: App, *fields: tuple[str, str]) -> tuple[str, str, str]:
    client, scheme, host, url = (await ask(app, "GET", "/", headers=[("host", "a"), *fields])).json()
    assert url == f"{scheme}://{host}/"
    return client, scheme, host


async def client_of(forwarded_for: str) -> str:
    return (await seen(behind(), ("x-forwarded-for", forwarded_for)))[0].partition(" ")[0]


async def test_a_trusted_proxy_is_believed() -> None:
    fields = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "HTTPS"), ("x-forwarded-host", "Site.example:1")]

    assert await seen(behind(), *fields) == ("192.0.2.1 0", "https", "site.example:1")


async def test_any_other_peer_is_not() -> None:
    fields = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.example")]
    fields += [("forwarded", "for=192.0.2.1;proto=https;host=evil.example")]

    assert (await seen(behind(["10.0.0.0/8"]), *fields))[0] != "192.0.2.1 0"
    assert (await seen(behind(["10.0.0.0/8"]), *fields))[1:] == ("http", "a")
    assert (await seen(behind([]), *fields))[1:] == ("http", "a")


async def test_without_fields_nothing_changes() -> None:
    assert (await seen(behind()))[1:] == ("http", "a")
    assert (await client_of("")) == (await client_of(" , ,")) == "127.0.0.1"


@pytest.mark.parametrize(
    ("value", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1, 10.1.2.3", "192.0.2.1"),
        ("192.0.2.1,10.1.2.3 ,\t10.3.2.1", "192.0.2.1"),
        ("10.0.0.1, 10.0.0.2", "10.0.0.1"),
        ("6.6.6.6, 192.0.2.1:4711, 10.0.0.2:80", "192.0.2.1"),
        ("6.6.6.6, [2001:db9::1]:80, 2001:db8::1", "2001:db9::1"),
        ("6.6.6.6, 2001:DB9:0::1", "2001:db9::1"),
        ("192.0.2.1, ::ffff:10.0.0.1", "192.0.2.1"),
    ],
)
async def test_the_client_is_the_first_from_the_right_that_is_not_trusted(value: str, client: str) -> None:
    assert await client_of(value) == client


@pytest.mark.parametrize(
    "junk",
    [
        "unknown",
        "_hidden",
        "192.0.2",
        "192.0.2.1:65536",
        "192.0.2.1:",
        "192.0.2.01",
        "256.1.1.1",
        "[192.0.2.1",
        "2001:db8::1::2",
        "[::1]:x",
        "::1%eth0",
        "192.0.2.1 10.0.0.1",
        "http://192.0.2.1",
        "<script>",
        "\xe9",
        "1" * 8000,
    ],
)
async def test_what_is_malformed_is_passed_over_with_all_to_its_left(junk: str) -> None:
    assert await client_of(junk) == "127.0.0.1"
    assert await client_of(f"192.0.2.1, {junk}, 10.0.0.1") == "10.0.0.1"
    assert await client_of(f"{junk}, 192.0.2.1, 10.0.0.1") == "192.0.2.1"


async def test_a_huge_field_costs_no_more_than_its_length() -> None:
    assert await client_of("6.6.6.6," * 3000 + "192.0.2.1") == "192.0.2.1"
    assert await client_of("," * 30_000 + "192.0.2.1") == "192.0.2.1"
    assert await client_of("10.0.0.1," * 3000 + "x") == "127.0.0.1"


async def test_lines_are_one_list() -> None:
    fields = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "10.0.0.1")]

    assert (await seen(behind(), *fields))[0] == "192.0.2.1 0"


async def test_of_several_schemes_that_of_the_client_counts() -> None:
    fields = [
        ("x-forwarded-for", "6.6.6.6, 192.0.2.1, 10.0.0.1"),
        ("x-forwarded-proto", "gopher, https, http"),
        ("x-forwarded-host", "evil.example, site.example, inner"),
    ]

    assert (await seen(behind(), *fields))[1:] == ("https", "site.example")


@pytest.mark.parametrize(("proto", "scheme"), [("ws", "http"), ("wss", "https"), ("HTTPS", "https"), ("WSS", "https")])
async def test_a_websocket_begins_with_http(proto: str, scheme: str) -> None:
    assert (await seen(behind(), ("x-forwarded-proto", proto)))[1] == scheme


async def test_a_scheme_or_host_that_is_none_is_passed_over() -> None:
    for proto in ("gopher", "https:", "", "javascript"):
        assert (await seen(behind(), ("x-forwarded-proto", proto)))[1] == "http"
    for host in ("a b", "evil.example/path", "a@b", "a:65536", "é", "[x]"):
        assert (await seen(behind(), ("x-forwarded-host", host)))[2] == "a"


async def test_a_scheme_alone_is_enough() -> None:
    assert (await seen(behind(), ("x-forwarded-proto", "https")))[1:] == ("https", "a")


# Forwarded.


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("for=192.0.2.1", ("192.0.2.1 0", "http", "a")),
        ('FOR="[2001:db9::1]:4711";Proto=https;by=10.0.0.1', ("2001:db9::1 4711", "https", "a")),
        ('for=192.0.2.1;host="site.example:8080";proto=https', ("192.0.2.1 0", "https", "site.example:8080")),
        ("for=6.6.6.6;proto=gopher, for=192.0.2.1;proto=https, for=10.0.0.1;proto=http", ("192.0.2.1 0", "https", "a")),
        ("for=6.6.6.6;host=evil.example, for=192.0.2.1", ("192.0.2.1 0", "http", "a")),
        ('for="192.0.2.1:80" ;;proto=https;', ("192.0.2.1 80", "https", "a")),
        # A quote that the client opens, and an invalid element from it.
        ('for="6.6.6.6, for=192.0.2.1', ("192.0.2.1 0", "http", "a")),
        ('host="a\\", for=192.0.2.1;proto=https', ("192.0.2.1 0", "https", "a")),
        ("nonsense, for=192.0.2.1", ("192.0.2.1 0", "http", "a")),
    ],
)
async def test_forwarded_is_read_where_it_is_what_the_proxies_set(value: str, wanted: tuple[str, str, str]) -> None:
    fields = [("forwarded", value), ("x-forwarded-for", "6.6.6.6"), ("x-forwarded-proto", "gopher")]

    assert await seen(behind(fields="forwarded"), *fields) == wanted


@pytest.mark.parametrize(
    "value",
    [
        "for=unknown",
        "for=_hidden",
        "for",
        "for=",
        "=192.0.2.1",
        "for=192.0.2.1;for=192.0.2.2",
        'for="192.0.2.1',
        "for=192.0.2.1:80",
        "for =192.0.2.1",
        'for="192\\.0.2.1"',
        "for=[::1]",
        '"' * 8000,
        "for=" * 4000,
    ],
)
async def test_a_malformed_element_is_passed_over(value: str) -> None:
    app = behind(fields="forwarded")

    assert (await seen(app, ("forwarded", value)))[0].startswith("127.0.0.1 ")
    assert (await seen(app, ("forwarded", f"for=192.0.2.1, {value}, for=10.0.0.1")))[0] == "10.0.0.1 0"


async def test_an_unknown_client_still_has_a_scheme() -> None:
    field = ("forwarded", "for=unknown;proto=https;host=site.example")

    assert (await seen(behind(fields="forwarded"), field))[1:] == ("https", "site.example")


async def test_the_other_fields_are_not_looked_at() -> None:
    assert (await seen(behind(), ("forwarded", "for=192.0.2.1;proto=https")))[1:] == ("http", "a")


# Peers and options.


@pytest.mark.parametrize(("unix", "client"), [(True, Address("192.0.2.1", 0)), (False, None)])
async def test_a_unix_socket_is_trusted_where_it_is_said(unix: bool, client: Address | None) -> None:
    app = App()

    @app.middleware
    async def from_a_unix_socket(request: Request, next: Next) -> Response:
        request.exchange.connection = Connection()
        return await next(request)

    app.middleware(proxy_headers([], unix=unix))

    @app.get("/")
    async def home(request: Request) -> str:
        return repr(request.client)

    assert (await ask(app, "GET", "/", headers={"x-forwarded-for": "192.0.2.1"})).text == repr(client)


async def test_what_one_request_says_is_not_the_next_ones() -> None:
    async with Client(behind()) as client:
        peer = await client.connect()
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
        assert (await peer.response()).json()[0] == "192.0.2.1 0"
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await peer.response()).json()[0].startswith("127.0.0.1 ")


async def test_the_access_log_has_the_client(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "aiosock.access")
    async with Client(behind(), access_log=True, log_format="{client}") as client:
        await client.get("/", headers={"x-forwarded-for": "192.0.2.1"})
        await client.get("/")

    assert [record.getMessage() for record in caplog.records] == ["192.0.2.1", "127.0.0.1"]


@pytest.mark.parametrize("network", ["", "*", "10.0.0.0/33", "10.0.0.1/8", "10.0.0", "host.example", "::/129", "10/8"])
def test_a_malformed_network_is_refused(network: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear to be|has host bits set"):
        proxy_headers([network])


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(ValueError, match="a list of addresses"):
        proxy_headers("10.0.0.1")
    with pytest.raises(ValueError, match="x-forwarded or forwarded"):
        proxy_headers([], fields="both")  # type: ignore[arg-type]
