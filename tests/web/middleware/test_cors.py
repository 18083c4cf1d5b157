"""Tests of aiosock.web.middleware.cors."""

from typing import Any

import pytest

from aiosock import App, HTTPError, Request, Response
from aiosock.testing.client import ClientResponse
from aiosock.web.handler import Next
from aiosock.web.middleware import basic_auth, cors
from tests.web.ask import ask

SITE = "https://site.example"
OTHER = "https://other.example"

ALLOW = "access-control-allow-origin"


def shared(*arguments: Any, **options: Any) -> App:
    app = App()
    app.middleware(cors(*arguments, **options))

    @app.route("/", "*")
    async def home(request: Request) -> str:
        return "home"

    @app.get("/varied")
    async def varied(request: Request) -> Response:
        return Response.text("varied", headers=[("vary", "Accept"), ("vary", "Cookie")])

    @app.get("/any")
    async def any_(request: Request) -> Response:
        return Response.text("any", headers={"vary": "*"})

    @app.get("/broken")
    async def broken(request: Request) -> None:
        raise HTTPError(503, "Broken.", {"retry-after": "1"})

    return app


async def ask_from(app: App, origin: str, method: str = "GET", target: str = "/", **fields: str) -> ClientResponse:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return await ask(app, method, target, headers={**({"origin": origin} if origin else {}), **named})


async def preflight(app: App, origin: str, target: str = "/") -> ClientResponse:
    return await ask_from(app, origin, "OPTIONS", target, access_control_request_method="PUT")


def granted(answer: ClientResponse) -> dict[str, str]:
    return {name: answer.headers[name] for name in answer.headers if name.startswith("access-control-")}


# All origins.


@pytest.mark.parametrize("origin", [SITE, "null", ""])
async def test_all_may_read_and_a_cache_may_give_it_to_all(origin: str) -> None:
    answer = await ask_from(shared(), origin)

    assert answer.text == "home"
    assert granted(answer) == {ALLOW: "*"}
    assert "vary" not in answer.headers


@pytest.mark.parametrize("origins", ["*", ["*"], {"*", SITE}])
async def test_all_are_all_however_they_are_written(origins: Any) -> None:
    assert granted(await ask_from(shared(origins), OTHER)) == {ALLOW: "*"}


# Some.


async def test_an_origin_of_the_list_may_read() -> None:
    answer = await ask_from(shared([SITE, OTHER]), OTHER)

    assert answer.text == "home"
    assert granted(answer) == {ALLOW: OTHER}
    assert answer.headers["vary"] == "Origin"


async def test_the_default_port_may_be_left_out() -> None:
    assert granted(await ask_from(shared([f"{SITE}:443"]), SITE)) == {ALLOW: SITE}
    assert granted(await ask_from(shared([SITE]), f"{SITE}:443")) == {ALLOW: f"{SITE}:443"}
    assert granted(await ask_from(shared([f"{SITE}:80"]), SITE)) == {}


async def test_a_dot_at_the_end_of_the_host_makes_no_difference() -> None:
    assert granted(await ask_from(shared([f"{SITE}."]), SITE)) == {ALLOW: SITE}
    assert granted(await ask_from(shared([SITE]), f"{SITE}.")) == {ALLOW: f"{SITE}."}


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "https://site.exampl",
        "https://site",
        f"{SITE}.evil.example",
        f"{SITE}:8443",
        "http://site.example",
        "*",
    ],
)
@pytest.mark.parametrize("origins", [[SITE], SITE])
async def test_any_other_may_not(origins: Any, origin: str) -> None:
    answer = await ask_from(shared(origins), origin)

    assert answer.text == "home"  # the browser keeps it from the script
    assert granted(answer) == {}
    assert answer.headers["vary"] == "Origin"


async def test_vary_keeps_what_the_handler_said() -> None:
    assert (await ask_from(shared([SITE]), SITE, target="/varied")).headers.get_all("vary") == [
        "Accept, Cookie, Origin"
    ]
    assert (await ask_from(shared([SITE]), SITE, target="/any")).headers.get_all("vary") == ["*"]


async def test_a_file_opened_from_a_disk_may_be_allowed() -> None:
    assert granted(await ask_from(shared(["null"]), "null")) == {ALLOW: "null"}


# What is granted.


async def test_a_preflight_says_what_requests_may_have() -> None:
    app = shared([SITE], methods=["GET", "PUT"], headers=["if-match", "range"], expose=["etag"], max_age_seconds=60)

    answer = await preflight(app, SITE)

    assert (answer.status, answer.body) == (204, b"")
    assert granted(answer) == {
        ALLOW: SITE,
        "access-control-allow-methods": "GET, PUT",
        "access-control-allow-headers": "if-match, range",
        "access-control-expose-headers": "etag",
        "access-control-max-age": "60",
    }
    assert answer.headers["vary"] == "Origin"


async def test_without_more_a_preflight_grants_reading() -> None:
    assert granted(await preflight(shared(), SITE)) == {
        ALLOW: "*",
        "access-control-allow-methods": "GET, HEAD",
        "access-control-max-age": "7200",
    }


async def test_a_preflight_of_another_origin_is_granted_nothing() -> None:
    answer = await preflight(shared([SITE]), OTHER)

    assert answer.status == 204
    assert granted(answer) == {}


async def test_a_preflight_is_answered_for_what_is_not_there() -> None:
    assert (await preflight(shared(), SITE, "/nothing")).status == 204


@pytest.mark.parametrize("fields", [{"origin": SITE}, {"access-control-request-method": "PUT"}, {}])
async def test_other_options_reach_the_handler(fields: dict[str, str]) -> None:
    assert (await ask(shared(), "OPTIONS", "/", headers=fields)).text == "home"


async def test_nothing_is_granted_to_private_networks() -> None:
    answer = await ask_from(
        shared(), SITE, "OPTIONS", access_control_request_method="GET", access_control_request_private_network="true"
    )

    assert "access-control-allow-private-network" not in answer.headers


async def test_fields_are_exposed() -> None:
    answer = await ask_from(shared(expose=["etag", "content-range"]), SITE)

    assert answer.headers["access-control-expose-headers"] == "etag, content-range"


async def test_credentials_are_for_the_origins_of_a_list() -> None:
    app = shared([SITE], credentials=True)

    for answer in (await ask_from(app, SITE), await preflight(app, SITE)):
        assert answer.headers["access-control-allow-credentials"] == "true"
    for answer in (await ask_from(app, OTHER), await preflight(app, OTHER)):
        assert granted(answer) == {}


# Errors.


@pytest.mark.parametrize(("target", "status"), [("/nothing", 404), ("/broken", 503)])
async def test_scripts_may_read_errors(target: str, status: int) -> None:
    answer = await ask_from(shared([SITE]), SITE, target=target)

    assert answer.status == status
    assert granted(answer) == {ALLOW: SITE}


async def test_scripts_may_read_what_another_middleware_raises() -> None:
    app = shared([SITE], expose=["etag"])
    app.middleware(basic_auth({"ada": "secret"}))

    answer = await ask_from(app, SITE)

    assert answer.status == 401
    assert "www-authenticate" in answer.headers
    assert granted(answer) == {ALLOW: SITE, "access-control-expose-headers": "etag"}
    assert answer.headers.get_all("vary") == ["Accept, Origin"]


async def test_a_preflight_needs_no_password() -> None:
    app = shared()
    app.middleware(basic_auth({"ada": "secret"}))

    assert (await preflight(app, SITE)).status == 204


async def test_an_error_that_is_raised_again_and_again_is_for_who_asks() -> None:
    app = shared([SITE, OTHER])
    error = HTTPError(503, "Broken.")

    @app.middleware
    async def refuse(request: Request, next: Next) -> Response:
        raise error

    assert granted(await ask_from(app, SITE)) == {ALLOW: SITE}
    assert granted(await ask_from(app, OTHER)) == {ALLOW: OTHER}


# What cannot work.


@pytest.mark.parametrize("origins", ["*", [SITE, "*"]])
def test_credentials_to_all_are_refused(origins: Any) -> None:
    with pytest.raises(ValueError, match="credentials need a list of origins"):
        cors(origins, credentials=True)


@pytest.mark.parametrize(
    "origin",
    ["", "site.example", f"{SITE}/", f"{SITE}/path", "https://Site.example", "https://", "*.site.example", " "],
)
def test_what_no_browser_sends_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="an origin is a scheme and a host"):
        cors([origin])


@pytest.mark.parametrize("option", ["methods", "headers", "expose"])
@pytest.mark.parametrize("names", ["content-type", ["a b"], ["a,b"], [""]])
def test_what_is_no_list_of_names_is_refused(option: str, names: Any) -> None:
    with pytest.raises(ValueError, match=r"must be a list|is not the name"):
        cors(SITE, **{option: names})


@pytest.mark.parametrize("option", ["methods", "headers", "expose"])
def test_all_names_are_none_with_credentials(option: str) -> None:
    cors(SITE, **{option: ["*"]})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="list them"):
        cors(SITE, credentials=True, **{option: ["*"]})  # type: ignore[arg-type]
