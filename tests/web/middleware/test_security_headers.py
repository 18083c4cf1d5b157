"""Tests of aiosock.web.middleware.security_headers."""

from typing import Any

import pytest

from aiosock import App, Request, Response
from aiosock.testing.client import ClientResponse
from aiosock.web.middleware import proxy_headers, security_headers
from tests.web.ask import ask

OWN = {
    "content-security-policy": "default-src *",
    "cross-origin-opener-policy": "unsafe-none",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=1",
    "x-content-type-options": "odd",
    "x-frame-options": "SAMEORIGIN",
}
HTTPS = {"x-forwarded-proto": "https"}


async def answer(target: str = "/", fields: dict[str, str] | None = None, **options: Any) -> ClientResponse:
    app = App()
    app.middleware(proxy_headers(["127.0.0.1"]))
    app.middleware(security_headers(**options))

    @app.get("/")
    async def home(request: Request) -> str:
        return "home"

    @app.get("/own")
    async def own(request: Request) -> Response:
        return Response("own", headers=OWN)

    return await ask(app, "GET", target, headers=fields or {})


def added(answer: ClientResponse) -> dict[str, str]:
    return {name: answer.headers[name] for name in answer.headers if name in OWN}


async def test_every_answer_has_them_errors_too() -> None:
    for target in ("/", "/nothing"):
        assert added(await answer(target)) == {
            "content-security-policy": "frame-ancestors 'none'",
            "cross-origin-opener-policy": "same-origin",
            "referrer-policy": "same-origin",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
        }


async def test_what_a_handler_has_set_stays() -> None:
    assert added(await answer("/own", HTTPS)) == OWN


async def test_over_https_nothing_else_is_to_be_used() -> None:
    assert added(await answer("/", HTTPS))["strict-transport-security"] == "max-age=31536000"
    subdomains = await answer("/", HTTPS, hsts_seconds=5, hsts_subdomains=True)
    assert added(subdomains)["strict-transport-security"] == "max-age=5; includeSubDomains"
    assert "strict-transport-security" not in added(await answer("/", HTTPS, hsts_seconds=0))


@pytest.mark.parametrize(
    ("policy", "frames", "wanted", "option"),
    [
        ("default-src 'self';", "none", "default-src 'self'; frame-ancestors 'none'", "DENY"),
        ("default-src 'self'", "self", "default-src 'self'; frame-ancestors 'self'", "SAMEORIGIN"),
        ("default-src 'self'", "any", "default-src 'self'", None),
        ("frame-ancestors https://a.example", "none", "frame-ancestors https://a.example", "DENY"),
        ("", "any", None, None),
    ],
)
async def test_a_policy_says_who_may_frame(policy: str, frames: str, wanted: str | None, option: str | None) -> None:
    fields = added(await answer(content_security_policy=policy, frames=frames))

    assert fields.get("content-security-policy") == wanted
    assert fields.get("x-frame-options") == option


async def test_any_of_them_can_be_left_out() -> None:
    assert added(await answer(referrer_policy="", opener_policy="", frames="any")) == {
        "x-content-type-options": "nosniff"
    }


@pytest.mark.parametrize(
    "options",
    [
        {"content_security_policy": "a\r\nset-cookie: b=c"},
        {"referrer_policy": "a\nb"},
        {"opener_policy": "\0"},
        {"frames": "all"},
    ],
)
def test_what_would_break_an_answer_is_refused_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not"):
        security_headers(**options)
