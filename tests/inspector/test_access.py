"""Tests of aiosock.inspector.access: who may look."""

import pytest

from aiosock import App, ConfigError, HTTPError, Request, Response
from aiosock.inspector.access import check_address, is_local_name, is_loopback, page_url
from tests.inspector.helpers import BELOW, LOCAL, Inspected


def app() -> App:
    app = App()

    @app.exception(HTTPError)
    async def own(request: Request, error: HTTPError) -> Response:
        return Response.text("the app's own page", error.status)

    return app


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "LOCALHOST", "127.0.0.1:80", "127.9.9.9", "[::1]:8080"]
)
async def test_a_name_of_this_machine_leads_to_the_page(host: str) -> None:
    async with Inspected(app()) as client:
        response = await client.get("/_aiosock/", headers={"host": host})
        assert (response.status, response.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    "host",
    ["example.org", "localhost.example.org", "127.0.0.1.example.org", "10.0.0.1", "[::2]", "0.0.0.0", "2130706433"],
)
async def test_another_name_leads_to_the_apps_own_404(host: str) -> None:
    async with Inspected(app()) as client:
        for path in ("/_aiosock/", BELOW + "events", BELOW + "requests.har"):
            response = await client.get(path, headers={"host": host})
            assert (response.status, response.text) == (404, "the app's own page")


async def test_a_request_without_a_host_leads_to_the_apps_own_404() -> None:
    async with Inspected(app()) as client:
        peer = await client.connect()
        peer.send(b"GET /_aiosock/ HTTP/1.0\r\n\r\n")
        assert (await peer.response()).text == "the app's own page"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("forwarded", "for=192.0.2.1"),
        ("X-Forwarded-For", "192.0.2.1"),
        ("via", "1.1 proxy"),
        ("x-real-ip", "192.0.2.1"),
    ],
)
async def test_what_a_proxy_passes_on_is_refused(name: str, value: str) -> None:
    async with Inspected(app()) as client:
        assert (await client.get("/_aiosock/", headers={**LOCAL, name: value})).status == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://example.org"},
        {"origin": "null"},
        {"origin": "http://localhost:9999"},
    ],
)
async def test_a_page_of_another_origin_can_neither_look_nor_act(fields: dict[str, str]) -> None:
    async with Inspected(app()) as client:
        for method, path in (
            ("GET", "events"),
            ("GET", "requests/1"),
            ("POST", "requests/1/cancel"),
            ("POST", "requests/1/replay"),
        ):
            response = await client.request(method, BELOW + path, headers={**LOCAL, **fields})
            assert (response.status, response.text) == (404, "the app's own page")


async def test_a_link_on_another_site_may_lead_to_the_page_and_nothing_may_frame_it() -> None:
    async with Inspected(app()) as client:
        response = await client.get("/_aiosock/", headers={**LOCAL, "sec-fetch-site": "cross-site"})
        assert response.status == 200
        policy = response.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy


async def test_other_paths_are_those_of_the_app() -> None:
    async with Inspected(app()) as client:
        for path in ("/_aiosock/reload", "/_aiosocks", "/x/_aiosock/", "/_aiosock/other"):
            assert (await client.get(path, headers=LOCAL)).text == "the app's own page"
        assert (await client.get("/_aiosock", headers=LOCAL)).status == 308


async def test_an_app_may_be_a_bare_handler() -> None:
    async def handler(request: Request) -> Response:
        return Response.text(request.path)

    async with Inspected(handler) as client:
        assert (await client.get("/x", headers=LOCAL)).text == "/x"
        assert (await client.get("/%ff", headers=LOCAL)).status == 400  # checked as without the inspector


@pytest.mark.parametrize(
    "address", ["127.0.0.1:9000", "127.1.2.3:0", "localhost:9000", "[::1]:9000", "unix:/run/x.sock"]
)
def test_an_address_of_this_machine_can_be_inspected_at(address: str) -> None:
    assert check_address(address) == address


@pytest.mark.parametrize(
    "address", ["0.0.0.0:9000", ":9000", "192.0.2.1:9000", "[::]:9000", "example.org:9000", "9000", "fd:3"]
)
def test_an_address_that_others_can_reach_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match=r"^cannot inspect at "):
        check_address(address)


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        (["http://127.0.0.1:8080"], "http://127.0.0.1:8080/_aiosock/"),
        (["http://0.0.0.0:8080"], "http://127.0.0.1:8080/_aiosock/"),
        (["http://[::]:8080"], "http://[::1]:8080/_aiosock/"),
        (["http://192.0.2.1:80", "http://[::1]:81"], "http://[::1]:81/_aiosock/"),
        (["http://192.0.2.1:80"], ""),
        (["unix:/run/x.sock"], ""),
    ],
)
def test_the_url_of_the_page_leads_there(urls: list[str], expected: str) -> None:
    assert page_url(urls) == expected


def test_an_address_of_ipv4_within_ipv6_is_a_loopback_address_too() -> None:
    assert is_loopback("::ffff:127.0.0.1")
    assert not is_loopback("::ffff:192.0.2.1")
    assert not is_loopback("")
    assert not is_local_name("")
