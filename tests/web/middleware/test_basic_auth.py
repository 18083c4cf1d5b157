"""Tests of aiosock.web.middleware.basic_auth."""

import sys
from base64 import b64encode

import pytest

from aiosock import App, HTTPError, Request
from aiosock.testing import Client
from aiosock.testing.client import ClientResponse
from aiosock.web.middleware import basic_auth
from tests.web.ask import ask

USERS = {"ada": "secret", "grace": "a:b", "zoë": "pässwörd", "": "nameless", "open": ""}


def basic(credentials: str | bytes, scheme: str = "Basic") -> str:
    data = credentials if isinstance(credentials, bytes) else credentials.encode()
    return f"{scheme} {b64encode(data).decode()}"


def guarded(users: dict[str, str] = USERS) -> App:
    app = App()
    app.middleware(basic_auth(users))

    @app.route("/", "*")
    async def who(request: Request) -> str:
        return str(request.state.user)

    return app


async def given(authorization: str, users: dict[str, str] = USERS) -> ClientResponse:
    return await ask(guarded(users), "GET", "/", headers={"authorization": authorization})


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (basic("ada:secret"), "ada"),
        (basic("ada:secret", "basic"), "ada"),
        (basic("ada:secret", "BASIC"), "ada"),
        (basic("ada:secret", "Basic  "), "ada"),  # RFC 9110 section 11.4: one space or more
        (basic("grace:a:b"), "grace"),  # the first colon ends the name
        (basic("zoë:pässwörd"), "zoë"),
        (basic(":nameless"), ""),
        (basic("open:"), "open"),
    ],
)
async def test_who_knows_the_password_is_let_in_and_named(field: str, name: str) -> None:
    answer = await given(field)

    assert (answer.status, answer.text) == (200, name)


@pytest.mark.parametrize(
    "field",
    [
        "",
        "Basic",
        "Basic ",
        "Basic =",
        "Basic ====",
        "Basic YWRhOnNlY3JldA",  # without its padding
        "Basic YWRh OnNlY3JldA==",
        "Basic YWRhOnNlY3JldA==, Basic YWRhOnNlY3JldA==",
        "Basic !!!YWRhOnNlY3JldA==",
        "Basic \xe4",
        "Basic\tYWRhOnNlY3JldA==",
        "BasicYWRhOnNlY3JldA==",
        "Bearer YWRhOnNlY3JldA==",
        "YWRhOnNlY3JldA==",
        basic("ada"),
        basic("ada:"),
        basic("ada:secre"),
        basic("ada:secrets"),
        basic("ada:Secret"),
        basic("Ada:secret"),
        basic("ada:secret\n"),
        basic("ada:secret\0"),
        basic("secret:ada"),
        basic(":"),
        basic(":secret"),
        basic("ada\0:secret"),
        basic("grace:a"),
        basic("grace:a:b:c"),
        basic("ada:nameless"),
        basic("zoë:pässwörd".encode("latin-1")),
        basic(b""),
        basic(b"\xff\xfe:\xff"),
        basic(b"a" * 6000),
    ],
)
async def test_anybody_else_is_asked(field: str) -> None:
    answer = await given(field)

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="aiosock", charset="UTF-8"'


async def test_two_fields_are_none() -> None:
    fields = [("authorization", basic("ada:secret"))] * 2

    assert (await ask(guarded(), "GET", "/", headers=fields)).status == 401


async def test_without_a_field_anybody_is_asked_whatever_they_ask_for() -> None:
    for method, target in (("GET", "/"), ("HEAD", "/"), ("GET", "/nothing"), ("POST", "/"), ("OPTIONS", "*")):
        answer = await ask(guarded(), method, target)

        assert answer.status == 401
        assert "www-authenticate" in answer.headers


async def test_nobody_is_let_in_where_there_are_no_users() -> None:
    assert (await given(basic(":"), {})).status == 401
    assert (await given("", {})).status == 401


async def test_users_are_those_that_it_was_given() -> None:
    users = dict(USERS)
    app = guarded(users)
    users["eve"] = "late"

    assert (await ask(app, "GET", "/", headers={"authorization": basic("eve:late")})).status == 401


async def test_a_body_is_not_asked_for_before_the_password() -> None:
    async with Client(guarded()) as client:
        peer = await client.connect()
        peer.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        answer = await peer.response()

        assert (answer.status, answer.interim) == (401, [])


async def test_an_exception_handler_may_answer_instead() -> None:
    app = guarded()

    @app.exception(HTTPError)
    async def answer(request: Request, error: HTTPError) -> str:
        return f"my own {error.status}"

    assert (await ask(app, "GET", "/")).text == "my own 401"


async def test_every_password_is_compared_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr(sys.modules[basic_auth.__module__], "compare_digest", compare)

    await given(basic("ada:secret"))
    await given(basic("a"))
    await given("nonsense")

    assert compared == [(32, 32)] * 3 * len(USERS)


async def test_the_realm_can_be_chosen() -> None:
    app = App()
    app.middleware(basic_auth(USERS, "the house"))

    answer = await ask(app, "GET", "/")

    assert answer.headers["www-authenticate"] == 'Basic realm="the house", charset="UTF-8"'


@pytest.mark.parametrize("realm", ['"', "\\", "a\r\nb", "é", "\0"])
def test_a_realm_that_cannot_be_quoted_is_refused(realm: str) -> None:
    with pytest.raises(ValueError, match="a realm must be printable ASCII"):
        basic_auth(USERS, realm)


def test_a_name_with_a_colon_is_refused() -> None:
    with pytest.raises(ValueError, match="colon"):
        basic_auth({"a:b": "c"})
