"""Tests of aiosock.web.middleware.csrf: the verdicts of Go's http.CrossOriginProtection."""

from typing import Any

import pytest

from aiosock import App, Request
from aiosock.web.middleware import csrf
from tests.web.ask import ask, ask_raw

HOST = "site.example"


def protected(**options: Any) -> App:
    app = App()
    app.middleware(csrf(**options))

    @app.route("/{rest:path}", "*")
    async def home(request: Request, rest: str) -> str:
        return "done"

    return app


async def status(method: str = "POST", target: str = "/", app: App | None = None, **fields: str) -> int:
    headers = {"host": HOST, **{name.replace("_", "-"): value for name, value in fields.items()}}
    return (await ask(app or protected(), method, target, headers=headers)).status


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PURGE"])
@pytest.mark.parametrize(
    ("site", "wanted"),
    [
        ("same-origin", 200),
        ("none", 200),
        ("same-site", 403),
        ("cross-site", 403),
        ("Same-Origin", 403),
        ("nonsense", 403),
        ("same-origin, cross-site", 403),
    ],
)
async def test_the_browser_says_where_it_comes_from(method: str, site: str, wanted: int) -> None:
    assert await status(method, sec_fetch_site=site) == wanted


@pytest.mark.parametrize(
    ("origin", "wanted"),
    [
        (f"https://{HOST}", 200),
        (f"http://{HOST}", 200),  # Host has no scheme: see HSTS
        (f"https://{HOST}:8443", 403),
        ("https://other.example", 403),
        (f"https://{HOST}.other.example", 403),
        (f"https://user@{HOST}", 403),
        (f"https://{HOST}/", 403),
        (HOST, 403),
        (f"://{HOST}", 403),
        ("null", 403),
        ("https://", 403),
    ],
)
async def test_an_older_browser_says_its_origin(origin: str, wanted: int) -> None:
    assert await status(origin=origin) == wanted


async def test_ports_are_compared() -> None:
    assert await status(host="localhost:8080", origin="http://localhost:8080") == 200
    assert await status(host="localhost:8080", origin="http://localhost:8081") == 403


@pytest.mark.parametrize(
    ("host", "origin", "wanted"),
    [
        ("site.example:443", "https://site.example", 200),  # as some proxies write it
        ("site.example:80", "http://site.example", 200),
        ("site.example:", "https://site.example", 200),
        ("site.example", "https://site.example:443", 200),
        ("[::1]:443", "https://[::1]", 200),
        ("site.example.", "https://site.example", 200),  # one server, whatever the browser makes of the dot
        ("site.example", "https://site.example.", 200),
        ("site.example.:443", "https://site.example.", 200),
        ("site.example.", "https://other.example.", 403),
        ("site.example:80", "https://site.example", 403),
        ("site.example:443", "http://site.example", 403),
        ("site.example:8443", "https://site.example", 403),
    ],
)
async def test_the_default_port_may_be_left_out(host: str, origin: str, wanted: int) -> None:
    assert await status(host=host, origin=origin) == wanted


async def test_fetch_metadata_comes_before_origin() -> None:
    assert await status(sec_fetch_site="same-origin", origin="https://other.example") == 200
    assert await status(sec_fetch_site="cross-site", origin=f"https://{HOST}") == 403


async def test_what_is_no_browser_is_let_through() -> None:
    assert await status() == 200
    assert await status(sec_fetch_site="", origin="") == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_safe_methods_are_let_through(method: str) -> None:
    assert await status(method, sec_fetch_site="cross-site", origin="https://other.example") == 200


async def test_without_a_host_no_origin_is_its_own() -> None:
    data = b"POST / HTTP/1.0\r\nOrigin: https://\r\nContent-Length: 0\r\n\r\n"

    assert (await ask_raw(protected(), data)).startswith(b"HTTP/1.1 403 ")


async def test_trusted_origins_may_send_what_they_like() -> None:
    app = protected(trusted=["https://login.example"])

    assert await status(app=app, sec_fetch_site="cross-site", origin="https://login.example") == 200
    assert await status(app=app, origin="https://login.example") == 200
    assert await status(app=app, sec_fetch_site="cross-site", origin="http://login.example") == 403
    assert await status(app=app, sec_fetch_site="cross-site") == 403
    assert await status(app=protected(trusted=["https://login.example:443"]), origin="https://login.example") == 200


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("/hook", 200),
        ("/hook?a=b", 200),
        ("/hook/", 403),
        ("/hooks/one", 200),
        ("/hooks/", 200),
        ("/hooks", 403),
        ("/hooks%2Fone", 403),
        ("/%68ook", 403),
        ("//hooks/one", 403),
    ],
)
async def test_exempt_paths_are_those_as_sent(target: str, wanted: int) -> None:
    app = protected(exempt=["/hook", "/hooks/"])

    assert await status("POST", target, app, sec_fetch_site="cross-site") == wanted


@pytest.mark.parametrize("origin", ["null", "*", "login.example", "https://login.example/"])
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="an origin is a scheme and a host"):
        csrf(trusted=[origin])


def test_what_is_no_path_is_refused() -> None:
    with pytest.raises(ValueError, match="must start with a slash"):
        csrf(exempt=["hook"])
