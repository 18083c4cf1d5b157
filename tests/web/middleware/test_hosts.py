"""Tests of aiosock.web.middleware.hosts."""

import pytest

from aiosock import App, Request, Response
from aiosock.testing import Client
from aiosock.web.middleware import hosts, proxy_headers
from tests.web.ask import ask, ask_raw

NAMES = [
    "site.example",
    "Other.Example:8080",
    "*.below.example",
    "*.port.example:81",
    "default.example:80",
    "dotted.example.",
    "dotted.example.:82",
    "127.0.0.1",
    "[::1]",
]


async def saying(request: Request) -> Response:
    return Response.text("some")


def listed() -> App:
    app = App()
    app.middleware(hosts(NAMES))

    @app.get("/")
    async def home(request: Request) -> str:
        return "home"

    return app


@pytest.mark.parametrize(
    "host",
    [
        "site.example",
        "SITE.example",
        "site.example:1",
        "site.example.",
        "site.example.:1",
        "other.example.:8080",
        "a.below.example.",
        "default.example.",
        "default.example.:",
        "dotted.example",
        "dotted.example.",
        "dotted.example:83",
        "other.example:8080",
        "a.below.example",
        "b.a.below.example:9",
        "a.port.example:81",
        "default.example",
        "default.example:",
        "default.example:80",
        "default.example:080",
        "127.0.0.1:8080",
        "[::1]",
        "[::1]:8080",
    ],
)
async def test_a_host_of_the_list_is_served(host: str) -> None:
    assert (await ask(listed(), "GET", "/", headers={"host": host})).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example.",
        "site.example..",
        "other.example.",
        ".",
        "site.example.evil.example",
        "evilsite.example",
        "a.site.example",
        "siteaexample",
        "other.example",
        "other.example:80",
        "default.example:443",
        "a.port.example:",
        "other.example:8081",
        "below.example",
        "evilbelow.example",
        "a.below.example.evil.example",
        "a.port.example",
        "a.port.example:8",
        "127.0.0.11",
        "[::2]",
        "[::1:1]",
        "[0::1]",
    ],
)
async def test_any_other_is_misdirected(host: str) -> None:
    answer = await ask(listed(), "GET", "/", headers={"host": host})

    assert answer.status == 421
    assert answer.text != "home"


@pytest.mark.parametrize(("scheme", "status"), [("http", b" 421 "), ("https", b" 200 ")])
async def test_the_default_port_is_that_of_the_scheme(scheme: str, status: bytes) -> None:
    app = App()
    app.middleware(proxy_headers(["127.0.0.1"]))
    app.middleware(hosts(["site.example:443"]))

    @app.get("/")
    async def home(request: Request) -> str:
        return "home"

    async with Client(app) as client:
        answer = await client.get("/", headers={"host": "site.example", "x-forwarded-proto": scheme})
    assert b" %d " % answer.status == status


async def test_the_host_of_an_absolute_target_counts() -> None:
    assert b" 421 " in await ask_raw(listed(), b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    assert b" 421 " in await ask_raw(listed(), b"GET http://evil.example/ HTTP/1.1\r\nHost: site.example\r\n\r\n")
    assert b" 200 " in await ask_raw(listed(), b"GET http://site.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    assert b" 200 " in await ask_raw(listed(), b"GET http://site.example/ HTTP/1.0\r\n\r\n")


async def test_without_a_host_nothing_is_served() -> None:
    assert b" 421 " in await ask_raw(listed(), b"GET / HTTP/1.0\r\n\r\n")


@pytest.mark.parametrize(
    "name", ["", "*", "*.", "**.a", "a.*.b", "a b", "a\r\nb", "a:b", "a:65536", "http://a", "a/", "é.example", "::1"]
)
def test_what_is_no_host_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a host is a name"):
        hosts([name])


@pytest.mark.parametrize("names", ["site.example", [], ()])
def test_a_list_is_needed(names: list[str]) -> None:
    with pytest.raises(ValueError, match="a list of names"):
        hosts(names)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/alive", 200),
        ("/inner/alive", 200),
        ("/", 421),
        ("/inner/", 421),
        ("/inner", 421),
        ("/missing", 421),
        ("/alive/", 421),
        ("/files/alive", 421),
    ],
)
async def test_health_routes_are_served_for_every_host(target: str, status: int) -> None:
    app, inner = listed(), App()
    for each in (app, inner):
        each.get("/alive", health=True)(saying)
    inner.get("/")(saying)
    app.mount("/inner", inner)
    app.mount("/files", saying)

    assert (await ask(app, "GET", target, headers={"host": "10.0.0.7:8080"})).status == status


async def test_health_routes_of_an_app_for_a_host_are_not_those_of_another() -> None:
    app, inner = listed(), App()
    inner.get("/alive", health=True)(saying)
    app.host("10.0.0.7", inner)

    assert (await ask(app, "GET", "/alive", headers={"host": "10.0.0.7"})).status == 200
    assert (await ask(app, "GET", "/alive", headers={"host": "10.0.0.8"})).status == 421
