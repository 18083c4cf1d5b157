"""Tests of aiosock.web.middleware.sessions."""

import asyncio
import re
from typing import Any

import pytest

from aiosock import App, HTTPError, Request, Response, ResponseError
from aiosock.testing import Client
from aiosock.testing.client import ClientResponse
from aiosock.web.handler import Next
from aiosock.web.middleware import sessions
from aiosock.web.sessions.signer import Signer
from aiosock.web.sessions.stores import MemoryStore
from aiosock.wire.cookies import COOKIE_BYTES
from tests.web.ask import ask
from tests.web.clock import Clock

SECRET, OLD, FOREIGN = "secret" * 6, "old" * 11, "foreign" * 5
SHARED = Response.text("the same object for everybody")


class Visitor:
    """A browser that only keeps cookies."""

    def __init__(self, app: App, **cookies: str) -> None:
        self.app = app
        self.cookies = cookies

    async def get(self, target: str) -> ClientResponse:
        fields = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        answer = await ask(self.app, "GET", target, headers=fields if self.cookies else {})
        for field in answer.headers.get_all("set-cookie"):
            name, _, value = field.partition(";")[0].partition("=")
            self.cookies[name] = value
            if not value:
                del self.cookies[name]
        return answer

    async def session(self) -> Any:
        return (await self.get("/show")).json()


def site(secret: Any = SECRET, **options: Any) -> App:  # noqa: C901 - many handlers
    app = App()
    app.middleware(sessions(secret, **options))

    @app.get("/")
    async def home(request: Request) -> str:
        return "for everybody"

    @app.get("/show")
    async def show(request: Request) -> Response:
        return Response.json(request.session)

    @app.get("/set/{name}/{value}")
    async def set_(request: Request, name: str, value: str) -> None:
        request.session[name] = value

    @app.get("/push")
    async def push(request: Request) -> None:
        request.session.setdefault("list", []).append(1)

    @app.get("/login")
    async def login(request: Request) -> None:
        request.session.renew()
        request.session["user"] = "ada"

    @app.get("/renew")
    async def renew(request: Request) -> None:
        request.session.renew()

    @app.get("/logout")
    async def logout(request: Request) -> None:
        request.session.clear()

    @app.get("/fill/{count:int}")
    async def fill(request: Request, count: int) -> None:
        request.session["much"] = "x" * count

    @app.get("/object")
    async def object_(request: Request) -> None:
        request.session["object"] = object()

    @app.get("/fail")
    async def fail(request: Request) -> None:
        request.session["failed"] = True
        raise HTTPError(418)

    @app.get("/shared/{name}")
    async def shared(request: Request, name: str) -> Response:
        request.session["name"] = name
        return SHARED

    @app.get("/fields/{control}/{vary}/{changes:int}")
    async def fields(request: Request, control: str, vary: str, changes: int) -> Response:
        request.session.update({"a": 1} if changes else {})
        return Response.text("a", headers={"cache-control": control, "vary": vary})

    return app


@pytest.fixture(params=["in the cookie", "in a store"])
def kept(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the options that keep a session in the cookie or in a store."""
    return {} if request.param == "in the cookie" else {"store": MemoryStore()}


# What a visitor gets.


async def test_what_a_handler_leaves_is_there_again(kept: dict[str, Any]) -> None:
    visitor = Visitor(site(**kept))
    await visitor.get("/set/user/ada")
    await visitor.get("/set/theme/dark")

    assert await visitor.session() == {"user": "ada", "theme": "dark"}


async def test_a_change_within_is_kept(kept: dict[str, Any]) -> None:
    visitor = Visitor(site(**kept))
    for _ in range(3):
        await visitor.get("/push")

    assert await visitor.session() == {"list": [1, 1, 1]}


async def test_visitors_have_nothing_in_common(kept: dict[str, Any]) -> None:
    app = site(**kept)
    ada, grace = Visitor(app), Visitor(app)
    await ada.get("/set/user/ada")
    await grace.get("/set/user/grace")

    assert (await ada.session(), await grace.session()) == ({"user": "ada"}, {"user": "grace"})
    assert await Visitor(app).session() == {}


async def test_one_answer_for_two_visitors_does_not_carry_the_cookie_of_one_to_the_other(kept: dict[str, Any]) -> None:
    app = site(**kept)
    ada, grace = Visitor(app), Visitor(app)
    await ada.get("/shared/ada")
    answer = await grace.get("/shared/grace")

    assert len(answer.headers.get_all("set-cookie")) == 1
    assert (await ada.session(), await grace.session()) == ({"name": "ada"}, {"name": "grace"})
    assert "set-cookie" not in SHARED.headers


async def test_what_was_changed_before_a_failure_is_kept(kept: dict[str, Any]) -> None:
    visitor = Visitor(site(**kept))

    assert (await visitor.get("/fail")).status == 418
    assert await visitor.session() == {"failed": True}


async def test_other_middleware_sees_it() -> None:
    app = site()

    @app.middleware
    async def count(request: Request, next: Next) -> Response:
        request.session["visits"] = request.session.get("visits", 0) + 1
        return await next(request)

    visitor = Visitor(app)
    await visitor.get("/")

    assert await visitor.session() == {"visits": 2}


async def test_without_the_middleware_it_says_what_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    app = App()

    @app.get("/")
    async def show(request: Request) -> Response:
        return Response.json(request.session)

    assert (await ask(app, "GET", "/")).status == 500
    assert "app.middleware(sessions(secret)) is missing" in caplog.text


# The cookie.


async def test_the_cookie_of_a_session(kept: dict[str, Any]) -> None:
    answer = await Visitor(site(**kept)).get("/set/user/ada")

    (field,) = answer.headers.get_all("set-cookie")
    assert re.fullmatch(r"session=[\w.-]+; Max-Age=1209600; Path=/; HttpOnly; SameSite=Lax", field)


async def test_over_tls_it_is_for_this_host_alone(kept: dict[str, Any]) -> None:
    visitor = Visitor(site(secure=True, cookie="id", lifetime_seconds=60, **kept))
    answer = await visitor.get("/set/user/ada")

    (field,) = answer.headers.get_all("set-cookie")
    assert re.fullmatch(r"__Host-id=[\w.-]+; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Lax", field)
    assert await visitor.session() == {"user": "ada"}
    assert (await visitor.get("/logout")).headers["set-cookie"].startswith("__Host-id=; Expires=Thu, 01 Jan 1970")


async def test_whether_it_is_secure_is_seen_from_the_request() -> None:
    app = App()

    @app.middleware
    async def over_tls(request: Request, next: Next) -> Response:
        request.exchange.connection.scheme = "https"
        return await next(request)

    app.middleware(sessions(SECRET))

    @app.get("/")
    async def home(request: Request) -> None:
        request.session["a"] = 1

    field = (await ask(app, "GET", "/")).headers["set-cookie"]
    assert field.startswith("__Host-session=")
    assert "; Secure; " in field


async def test_a_cookie_that_went_over_http_is_none_over_tls(kept: dict[str, Any]) -> None:
    plain = Visitor(site(**kept))
    await plain.get("/set/user/ada")
    thief = Visitor(site(secure=True, **kept), **{"__Host-session": plain.cookies["session"]}, **plain.cookies)

    assert await thief.session() == {}


async def test_nothing_is_set_where_nothing_has_changed(kept: dict[str, Any]) -> None:
    visitor = Visitor(site(**kept))
    for target in ("/", "/show", "/logout", "/renew"):
        assert "set-cookie" not in (await visitor.get(target)).headers
    await visitor.get("/set/user/ada")
    for target in ("/", "/show", "/set/user/ada"):
        assert "set-cookie" not in (await visitor.get(target)).headers


async def test_an_empty_session_has_no_cookie(kept: dict[str, Any]) -> None:
    visitor = Visitor(site(**kept))
    await visitor.get("/set/user/ada")
    answer = await visitor.get("/logout")

    assert (
        answer.headers["set-cookie"]
        == "session=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly; SameSite=Lax"
    )
    assert await visitor.session() == {}


# What is worth nothing.


@pytest.mark.parametrize(
    "value",
    ["", "a", "a.b", "a.1.c", "e30.1.AAAA", "{}", "\xe9", ".." * 100, "9" * 5000, "eyJ1c2VyIjoiYWRhIn0.1000000.AAAA"],
)
async def test_a_cookie_that_is_none_gives_an_empty_session(kept: dict[str, Any], value: str) -> None:
    visitor = Visitor(site(**kept), session=value)

    assert await visitor.session() == {}
    await visitor.get("/set/user/ada")
    assert await visitor.session() == {"user": "ada"}


async def test_a_cookie_that_was_changed_gives_an_empty_session(kept: dict[str, Any]) -> None:
    app = site(**kept)
    visitor = Visitor(app)
    await visitor.get("/set/user/ada")
    content, moment, signature = visitor.cookies["session"].split(".")

    for value in (
        f"{content}A.{moment}.{signature}",
        f"{content}.{int(moment) + 1}.{signature}",
        f"{content}.{moment}.A",
    ):
        assert await Visitor(app, session=value).session() == {}


async def test_a_cookie_of_another_secret_gives_an_empty_session(kept: dict[str, Any]) -> None:
    visitor = Visitor(site(FOREIGN, **kept))
    await visitor.get("/set/user/ada")

    assert await Visitor(site(SECRET, **kept), **visitor.cookies).session() == {}


@pytest.mark.parametrize("purpose", ["session", "theme", "session data theme", "session id session"])
async def test_what_an_app_signs_for_something_else_is_no_session(purpose: str) -> None:
    signed = Signer(SECRET).sign(purpose, '{"user":"ada"}')

    assert await Visitor(site(), session=signed).session() == {}


async def test_an_id_is_no_session_and_a_session_no_id() -> None:
    store = MemoryStore()
    here, there = Visitor(site()), Visitor(site(store=store))
    await here.get("/set/user/ada")
    await there.get("/set/user/ada")

    assert await Visitor(site(store=store), **here.cookies).session() == {}
    assert await Visitor(site(), **there.cookies).session() == {}


async def test_a_session_is_over_a_lifetime_after_its_last_change(kept: dict[str, Any]) -> None:
    clock = Clock(1_000_000.0)
    visitor = Visitor(site(lifetime_seconds=60, clock=clock, **kept))
    await visitor.get("/set/user/ada")
    clock.now += 59
    assert await visitor.session() == {"user": "ada"}
    await visitor.get("/renew")
    clock.now += 59
    assert await visitor.session() == {"user": "ada"}
    clock.now += 1
    assert await visitor.session() == {}


async def test_a_new_secret_is_put_before_the_old_one(kept: dict[str, Any]) -> None:
    visitor = Visitor(site(OLD, **kept))
    await visitor.get("/set/user/ada")

    visitor.app = site([SECRET, OLD], **kept)
    await visitor.get("/set/theme/dark")
    visitor.app = site(SECRET, **kept)
    assert await visitor.session() == {"user": "ada", "theme": "dark"}


# Its size.


async def test_a_session_is_as_large_as_a_cookie(caplog: pytest.LogCaptureFixture) -> None:
    visitor = Visitor(site())
    assert (await visitor.get("/fill/2900")).status == 204
    assert len("session") + len(visitor.cookies["session"]) <= COOKIE_BYTES

    answer = await visitor.get("/fill/3100")
    assert answer.status == 500
    assert "set-cookie" not in answer.headers
    assert "the session is larger than a cookie of 4096 bytes: pass a store to sessions()" in caplog.text
    assert len((await visitor.session())["much"]) == 2900


async def test_a_session_in_a_store_may_be_larger(caplog: pytest.LogCaptureFixture) -> None:
    visitor = Visitor(site(store=MemoryStore()))

    assert (await visitor.get("/fill/65000")).status == 204
    assert len(visitor.cookies["session"]) < 150
    assert (await visitor.get("/fill/66000")).status == 500
    assert "larger than the limit of 65536 bytes" in caplog.text
    assert len((await visitor.session())["much"]) == 65000


async def test_what_json_cannot_say_is_a_mistake(kept: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    assert (await Visitor(site(**kept)).get("/object")).status == 500
    assert "Object of type object is not JSON serializable" in caplog.text


# Ids.


async def test_the_id_stays_until_the_session_is_renewed() -> None:
    store = MemoryStore()
    visitor = Visitor(site(store=store))
    await visitor.get("/set/theme/dark")
    planted = dict(visitor.cookies)
    await visitor.get("/set/theme/light")
    assert len(store) == 1
    await visitor.get("/login")

    assert await visitor.session() == {"theme": "light", "user": "ada"}
    assert await Visitor(visitor.app, **planted).session() == {}
    assert len(store) == 1


async def test_an_id_that_was_deleted_is_never_used_again() -> None:
    store = MemoryStore()
    visitor = Visitor(site(store=store))
    await visitor.get("/set/user/ada")
    old = dict(visitor.cookies)
    await visitor.get("/logout")
    assert len(store) == 0

    late = Visitor(visitor.app, **old)
    await late.get("/set/theme/dark")
    assert await late.session() == {"theme": "dark"}
    assert await Visitor(visitor.app, **old).session() == {}


async def test_a_store_is_asked_only_for_ids_that_were_given_out() -> None:
    class Watched(MemoryStore):
        asked = 0

        async def load(self, id: str) -> str | None:
            self.asked += 1
            return await super().load(id)

    store = Watched()
    for value in ("", "a", "a.1.b", Signer(FOREIGN).sign("session id session", "a")):
        assert await Visitor(site(store=store), session=value).session() == {}

    assert store.asked == 0


# At the same time.


def gated(**kept: Any) -> tuple[App, asyncio.Event]:
    """Return a site on which /slow waits, and the event it waits for."""
    app = site(**kept)
    gate = asyncio.Event()

    @app.get("/slow")
    async def slow(request: Request) -> None:
        request.session["slow"] = True
        await gate.wait()

    return app, gate


async def overtaken(visitor: Visitor, gate: asyncio.Event, target: str) -> ClientResponse:
    """Ask for /slow, and for something else before that is answered; return the response to /slow."""
    async with Client(visitor.app) as client:
        cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
        slow = asyncio.create_task(client.get("/slow", headers={"cookie": cookie}))
        await client.settle()
        await visitor.get(target)
        gate.set()
        return await slow


async def test_of_two_requests_at_once_the_last_answered_counts() -> None:
    app, gate = gated(store=MemoryStore())
    visitor = Visitor(app)
    await visitor.get("/set/user/ada")
    await overtaken(visitor, gate, "/set/theme/dark")

    assert await visitor.session() == {"user": "ada", "slow": True}


@pytest.mark.parametrize("target", ["/logout", "/login"])
async def test_a_request_under_way_does_not_bring_back_what_was_left_or_take_back_its_cookie(target: str) -> None:
    app, gate = gated(store=MemoryStore())
    visitor = Visitor(app)
    await visitor.get("/set/user/ada")
    old = dict(visitor.cookies)
    late = await overtaken(visitor, gate, target)

    assert "set-cookie" not in late.headers
    assert await Visitor(app, **old).session() == {}


# Caches.


async def test_an_answer_that_depends_on_the_session_is_for_its_visitor() -> None:
    visitor = Visitor(site())
    for target in ("/show", "/set/user/ada", "/logout"):
        answer = await visitor.get(target)
        assert (answer.headers["vary"], answer.headers["cache-control"]) == ("Cookie", "no-store")


async def test_an_answer_that_does_not_is_for_everybody() -> None:
    visitor = Visitor(site())
    await visitor.get("/set/user/ada")
    answer = await visitor.get("/")

    assert {"vary", "cache-control", "set-cookie"}.isdisjoint(answer.headers)


@pytest.mark.parametrize(
    ("said", "sent", "sent_with_cookie"),
    [
        ("public, max-age=60", "public, max-age=60", "no-store"),
        ("Private, max-age=60", "Private, max-age=60", "Private, max-age=60"),
        ("no-store", "no-store", "no-store"),
        ("no-cache", "no-cache", "no-store"),
    ],
)
async def test_a_handler_may_say_otherwise_but_a_cookie_stays_out_of_shared_caches(
    said: str, sent: str, sent_with_cookie: str
) -> None:
    said = said.replace(" ", "%20")

    for changes, expected in ((0, sent), (1, sent_with_cookie)):
        answer = await Visitor(site()).get(f"/fields/{said}/Accept/{changes}")
        assert answer.headers["cache-control"] == expected


@pytest.mark.parametrize(("said", "sent"), [("Accept", "Accept, Cookie"), ("*", "*"), ("cookie", "cookie")])
async def test_vary_keeps_what_the_handler_said(said: str, sent: str) -> None:
    assert (await Visitor(site()).get(f"/fields/private/{said}/0")).headers["vary"] == sent


# What cannot work.


@pytest.mark.parametrize("cookie", ["", "a b", "a;b", "é", "a\r\n", "__Host-a", "__Secure-a"])
def test_a_name_that_cannot_be_given_to_the_cookie_is_refused(cookie: str) -> None:
    with pytest.raises(ResponseError):
        sessions(SECRET, cookie=cookie)


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_lifetime_that_is_none_is_refused(seconds: int) -> None:
    with pytest.raises(ResponseError, match="max_age"):
        sessions(SECRET, lifetime_seconds=seconds)


def test_a_secret_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 characters"):
        sessions("secret")
