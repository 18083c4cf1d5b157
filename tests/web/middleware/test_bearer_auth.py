"""Tests of aiosock.web.middleware.bearer_auth."""

from hmac import compare_digest

import pytest

from aiosock import App, Request
from aiosock.testing.client import ClientResponse
from aiosock.web.middleware import bearer_auth, insufficient_scope
from tests.web.ask import ask

TOKEN = "mF_9.B5f-4.1JqM~+/=="


async def verify(token: str) -> str | None:
    return "ada" if compare_digest(token, TOKEN) else None


def guarded(realm: str = "aiosock", scope: str = "") -> App:
    app = App()
    app.middleware(bearer_auth(verify, realm, scope))

    @app.get("/")
    async def who(request: Request) -> str:
        return str(request.state.user)

    @app.get("/write")
    async def write(request: Request) -> None:
        raise insufficient_scope("notes:write")

    return app


async def given(authorization: str, target: str = "/", app: App | None = None) -> ClientResponse:
    return await ask(app or guarded(), "GET", target, headers={"authorization": authorization})


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
async def test_who_has_a_token_is_let_in_and_named(scheme: str) -> None:
    answer = await given(scheme + TOKEN)

    assert (answer.status, answer.text) == (200, "ada")


@pytest.mark.parametrize("field", ["", "Basic YWRhOnNlY3JldA==", TOKEN, f"Bearer{TOKEN}", f"Token {TOKEN}"])
async def test_who_has_not_tried_is_asked_without_an_error(field: str) -> None:
    answer = await given(field)

    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="aiosock"')


@pytest.mark.parametrize("token", ["a", TOKEN[:-1], TOKEN + "=", TOKEN.lower(), "a" * 8000])
async def test_a_token_that_is_not_known_is_invalid(token: str) -> None:
    answer = await given(f"Bearer {token}")

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="aiosock", error="invalid_token"'


@pytest.mark.parametrize(
    "field",
    [
        "Bearer",
        "Bearer ",
        "Bearer =",
        "Bearer a=b",
        "Bearer a b",
        f'Bearer "{TOKEN}"',
        f"Bearer {TOKEN}, Bearer {TOKEN}",
        "Bearer \xe9",
        "Bearer " + "=" * 8000,
    ],
)
async def test_what_is_no_token_is_a_bad_request(field: str) -> None:
    answer = await given(field)

    assert answer.status == 400
    assert answer.headers["www-authenticate"] == 'Bearer realm="aiosock", error="invalid_request"'


async def test_a_tab_is_no_space() -> None:
    assert (await given(f"Bearer\t{TOKEN}")).status == 401


async def test_a_token_in_the_url_is_none() -> None:
    assert (await ask(guarded(), "GET", f"/?access_token={TOKEN}")).status == 401


async def test_what_a_token_must_be_good_for_is_told() -> None:
    answer = await given("Bearer a", app=guarded("the house", "notes:read notes:write"))

    assert answer.headers["www-authenticate"] == (
        'Bearer realm="the house", scope="notes:read notes:write", error="invalid_token"'
    )


async def test_a_token_that_is_not_good_for_it_is_forbidden() -> None:
    answer = await given(f"Bearer {TOKEN}", "/write")

    assert answer.status == 403
    assert answer.headers["www-authenticate"] == (
        'Bearer realm="aiosock", scope="notes:write", error="insufficient_scope"'
    )


@pytest.mark.parametrize("text", ['"', "\\", "a\r\nb", "é", "\0"])
def test_what_cannot_be_quoted_is_refused(text: str) -> None:
    for make in (
        lambda: bearer_auth(verify, text),
        lambda: bearer_auth(verify, "a", text),
        lambda: insufficient_scope(text),
    ):
        with pytest.raises(ValueError, match="a realm or a scope must be printable ASCII"):
            make()


async def test_a_verdict_is_as_good_as_a_user() -> None:
    async def is_known(token: str) -> bool:
        return compare_digest(token, TOKEN)

    app = App()
    app.middleware(bearer_auth(is_known))

    @app.get("/")
    async def home(request: Request) -> str:
        return "in"

    assert (await given(f"Bearer {TOKEN}", app=app)).status == 200
    assert (await given("Bearer another", app=app)).status == 401
