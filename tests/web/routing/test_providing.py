"""Tests of app.provide: what is made for handlers, middleware and other providers, when, and when it is closed."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NamedTuple, NewType, Protocol, TypeVar

import pytest

from aiosock import App, Disconnected, Handler, HTTPError, Request, Response, RouteError, Router, Upgrade
from aiosock.net.server import Server
from aiosock.testing import Client
from aiosock.web.middleware import sees_exceptions
from aiosock.web.response import Duplex
from tests.web.ask import GET, ask


class Database:
    def __init__(self, name: str = "real") -> None:
        self.name = name


class Session:
    def __init__(self, database: Database) -> None:
        self.database = database


@dataclass
class User:
    name: str


class Log(list[str]):
    """What happened, in order."""


def logged(log: Log, *, outcome: str = "") -> App:
    """Return an app whose Database and Session write into a log when they are made and closed."""
    app = App()

    @app.provide
    async def database(request: Request) -> AsyncIterator[Database]:
        log.append("open database")
        try:
            yield Database()
        except BaseException as error:
            log.append(f"database sees {type(error).__name__}")
            raise
        finally:
            log.append("close database")

    @app.provide
    async def session(request: Request, database: Database) -> AsyncIterator[Session]:
        log.append("open session")
        yield Session(database)
        log.append("close session")

    return app


# What is made.


async def test_a_parameter_gets_what_is_provided_for_its_type() -> None:
    app = App()

    @app.provide
    async def database(request: Request) -> Database:
        return Database(request.path)

    @app.get("/{id:int}")
    async def handler(request: Request, id: int, database: Database, *, page: int = 1) -> str:
        return f"{id} {database.name} {page}"

    assert (await ask(app, "GET", "/3?page=2")).text == "3 /3 2"


async def test_handlers_may_be_registered_before_providers() -> None:
    app = App()

    @app.get("/")
    async def handler(request: Request, session: Session) -> str:
        return session.database.name

    @app.provide
    async def session(request: Request, database: Database) -> Session:
        return Session(database)

    @app.provide
    async def database(request: Request) -> Database:
        return Database()

    assert (await ask(app, "GET", "/")).text == "real"


async def test_it_is_made_once_a_request_and_closed_in_reverse() -> None:
    log = Log()
    app = logged(log)

    @app.middleware
    async def early(request: Request, next: Handler, database: Database) -> Response:
        request.state.database = database
        log.append("middleware")
        response = await next(request)
        log.append("after the handler")
        return response

    @app.get("/")
    async def handler(request: Request, session: Session, database: Database) -> str:
        assert session.database is database is request.state.database
        log.append("handler")
        return "sent"

    assert (await ask(app, "GET", "/")).text == "sent"
    assert log == [
        *("open database", "middleware", "open session", "handler", "after the handler"),
        *("close session", "close database"),
    ]


async def test_two_requests_at_once_have_their_own() -> None:
    app = App()
    both = asyncio.Barrier(2)
    made: list[Database] = []

    @app.provide
    async def database(request: Request) -> AsyncIterator[Database]:
        await both.wait()
        made.append(Database(request.query["name"]))
        yield made[-1]

    @app.get("/")
    async def handler(request: Request, database: Database) -> str:
        await both.wait()
        return database.name

    async with Client(app) as client:
        answers = await asyncio.gather(client.get("/?name=a"), client.get("/?name=b"))

    assert [answer.text for answer in answers] == ["a", "b"]
    assert len(made) == 2


async def test_a_handler_of_a_router_gets_what_the_including_app_provides() -> None:
    router = Router("/me")

    @router.get("")
    async def show(request: Request, user: User) -> str:
        return user.name

    app = App()

    @app.provide
    async def user(request: Request) -> User:
        return User("Ada")

    app.include(router)
    assert (await ask(app, "GET", "/me")).text == "Ada"


async def test_middleware_of_a_router_gets_resources_of_the_app_around_handlers_with_a_status() -> None:
    log = Log()
    app, router = logged(log), Router("/inside")

    @router.middleware
    async def early(request: Request, next: Handler, database: Database) -> Response:
        log.append("middleware")
        return await next(request)

    @router.get("/made", status=201)
    async def made(request: Request, session: Session) -> str:
        assert isinstance(session.database, Database)
        return "made"

    @router.get("/nothing")
    async def nothing(request: Request) -> str:
        return None  # type: ignore[return-value]

    app.include(router)
    answer = await ask(app, "GET", "/inside/made")
    assert (answer.status, answer.text) == (201, "made")
    assert log == ["open database", "middleware", "open session", "close session", "close database"]
    assert (await ask(app, "GET", "/inside/nothing")).status == 500
    assert "database sees TypeError" in log


def test_an_unknown_type_of_a_routers_middleware_is_refused_before_the_first_request() -> None:
    app, router = App(), Router("/inside")

    @router.middleware
    async def early(request: Request, next: Handler, database: Database) -> Response: ...  # type: ignore[empty-body]

    router.get("/")(takes_request)
    app.include(router)
    with pytest.raises(RouteError, match=r"middleware .*early needs Database for its parameter 'database'"):
        asyncio.run(ask(app, "GET", "/inside/"))


async def takes_request(request: Request) -> None: ...


async def test_a_mounted_app_has_its_own_and_shares_what_one_function_makes() -> None:
    made = []

    async def database(request: Request) -> Database:
        made.append(request.path)
        return Database()

    outer, inner = App(), App()
    outer.provide(database)
    inner.provide(database)
    outer.mount("/inner", inner)

    @outer.middleware
    async def early(request: Request, next: Handler, database: Database) -> Response:
        return await next(request)

    @inner.get("/")
    async def handler(request: Request, database: Database) -> str:
        return database.name

    assert (await ask(outer, "GET", "/inner/")).text == "real"
    assert made == ["/inner/"]


def test_a_mounted_app_does_not_have_those_of_the_app_around_it() -> None:
    outer, inner = App(), App()
    outer.provide(a_database)
    outer.mount("/inner", inner)

    @inner.get("/")
    async def handler(request: Request, database: Database) -> None: ...

    with pytest.raises(RouteError, match=r"handler .*handler for '/' needs Database for its parameter 'database'"):
        asyncio.run(ask(outer, "GET", "/inner/"))


async def test_new_types_are_two_resources_of_one_class() -> None:
    app = App()
    app.provide(primary)
    app.provide(replica)

    @app.get("/")
    async def handler(request: Request, one: Primary, two: Replica) -> str:
        return f"{one.name} {two.name}"

    assert (await ask(app, "GET", "/")).text == "primary replica"


Primary = NewType("Primary", Database)
Replica = NewType("Replica", Database)
Unread = NewType("Unread", int)


async def primary(request: Request) -> Primary:
    return Primary(Database("primary"))


async def replica(request: Request) -> Replica:
    return Replica(Database("replica"))


async def test_a_value_is_provided_by_a_new_type() -> None:
    app = App()

    @app.provide
    async def unread(request: Request) -> Unread:
        return Unread(3)

    @app.get("/")
    async def handler(request: Request, unread: Unread) -> str:
        return f"{unread}"

    assert (await ask(app, "GET", "/?unread=9")).text == "3"


async def test_a_resource_before_the_body_is_made_before_it_is_read_and_another_after_that() -> None:
    log = Log()
    app = logged(log)

    @app.provide
    async def guard(request: Request) -> Guard:
        raise HTTPError(401, "Who are you?")

    @app.post("/guarded")
    async def guarded(request: Request, guard: Guard, user: User, database: Database) -> None: ...

    @app.post("/open")
    async def opened(request: Request, user: User, database: Database) -> None: ...

    assert (await ask(app, "POST", "/guarded", body="not JSON")).status == 401
    assert (await ask(app, "POST", "/open", json={"name": 1})).status == 422
    assert log == []


class Guard: ...


async def test_what_a_provider_raises_is_answered() -> None:
    app = App()

    @app.provide
    async def database(request: Request) -> AsyncIterator[Database]:
        raise HTTPError(503, "The database is away.")
        yield Database()

    @app.get("/")
    async def handler(request: Request, database: Database) -> None: ...

    assert (await ask(app, "GET", "/")).status == 503


T = TypeVar("T")


class Pool(Generic[T]):
    def __init__(self, name: str) -> None:
        self.name = name


class Clock(Protocol):
    def now(self) -> float: ...


class FixedClock:
    def now(self) -> float:
        return 3.0


class Tools:
    async def pool(self, request: Request) -> Pool[int]:
        return Pool("of int")

    async def stream(self, kind: str, request: Request) -> AsyncIterator[Pool[str]]:
        yield Pool(kind)

    async def __call__(self, request: Request) -> Clock:
        return FixedClock()


async def test_a_provider_is_any_async_function_and_a_type_any_class() -> None:
    app = App()
    app.provide(Tools().pool)
    app.provide(partial(Tools().stream, "of str"))
    app.provide(Tools())

    @app.get("/")
    async def handler(request: Request, one: Pool[int], two: Pool[str], clock: Clock) -> str:
        return f"{one.name} {two.name} {clock.now()}"

    assert (await ask(app, "GET", "/")).text == "of int of str 3.0"


def test_what_may_be_none_is_no_resource() -> None:
    async def handler(request: Request, *, database: Database | None) -> None: ...

    with pytest.raises(
        RouteError, match=r"'database' must be .* a class that a provider makes, .* not .*Database \| None"
    ):
        App().get("/")(handler)


# What ends a request.


async def test_it_is_closed_after_the_response_was_sent() -> None:
    log, closing = Log(), asyncio.Event()
    app = App()

    @app.provide
    async def database(request: Request) -> AsyncIterator[Database]:
        yield Database()
        await closing.wait()
        log.append("closed")

    @app.get("/")
    async def handler(request: Request, database: Database) -> str:
        return "sent"

    async with Client(app) as client:
        peer = await client.connect()
        peer.send(GET)
        assert (await peer.response()).text == "sent"
        assert log == []
        closing.set()
        await client.settle()
        assert log == ["closed"]


async def test_a_stream_keeps_it_until_it_has_ended() -> None:
    log = Log()
    app = logged(log)

    @app.get("/")
    async def handler(request: Request, database: Database) -> AsyncIterator[str]:
        for piece in "ab":
            log.append(piece)
            yield piece

    assert (await ask(app, "GET", "/")).text == "ab"
    assert log == ["open database", "a", "b", "close database"]


@pytest.mark.parametrize(("error", "status"), [(HTTPError(409, "No."), 409), (KeyError("x"), 500)])
async def test_an_exception_of_the_handler_is_raised_at_the_yield(error: Exception, status: int) -> None:
    log = Log()
    app = logged(log)

    @app.get("/")
    async def handler(request: Request, database: Database) -> None:
        raise error

    assert (await ask(app, "GET", "/")).status == status
    assert log == ["open database", f"database sees {type(error).__name__}", "close database"]


async def test_an_exception_of_a_handler_without_resources_is_seen_by_those_of_a_middleware() -> None:
    log = Log()
    app = logged(log)

    @app.middleware
    async def early(request: Request, next: Handler, database: Database) -> Response:
        return await next(request)

    @app.get("/")
    async def handler(request: Request) -> None:
        raise KeyError

    @app.exception(KeyError)
    async def answer(request: Request, error: KeyError) -> str:
        return "answered"

    assert (await ask(app, "GET", "/")).text == "answered"
    assert "database sees KeyError" in log


async def test_an_exception_within_a_stream_is_raised_at_the_yield() -> None:
    log = Log()
    app = logged(log)

    @app.get("/")
    async def handler(request: Request, database: Database) -> AsyncIterator[str]:
        yield "a"
        raise KeyError

    with pytest.raises(Disconnected):
        await ask(app, "GET", "/")
    assert log == ["open database", "database sees KeyError", "close database"]


async def test_a_client_that_leaves_cancels_the_handler_and_the_resource_sees_it() -> None:
    log, waits = Log(), asyncio.Event()
    app = logged(log)

    @app.get("/", on_disconnect="eager")
    async def handler(request: Request, database: Database) -> None:
        waits.set()
        await asyncio.Event().wait()

    async with Client(app) as client:
        peer = await client.connect()
        peer.send(GET)
        await waits.wait()
        peer.reset()
        await client.advance(1)
    assert log == ["open database", "database sees CancelledError", "close database"]


async def test_a_client_that_leaves_while_a_stream_is_sent_is_seen() -> None:
    log = Log()
    app = logged(log)

    @app.get("/")
    async def handler(request: Request, database: Database) -> AsyncIterator[bytes]:
        while True:
            yield bytes(100_000)

    async with Client(app) as client:
        peer = await client.connect()
        peer.stall()
        peer.send(GET)
        await client.settle()
        peer.reset()
        await client.settle()
    assert log == ["open database", "database sees Disconnected", "close database"]


async def test_a_client_cannot_cancel_the_closing() -> None:
    log, closing = Log(), asyncio.Event()
    app = App()

    @app.provide
    async def database(request: Request) -> AsyncIterator[Database]:
        yield Database()
        await closing.wait()
        log.append("committed")

    @app.get("/", on_disconnect="eager")
    async def handler(request: Request, database: Database) -> str:
        return "sent"

    async with Client(app) as client:
        peer = await client.connect()
        peer.send(GET)
        await peer.response()
        peer.reset()
        await client.advance(100)
        closing.set()
        await client.settle()
        assert log == ["committed"]


async def test_closing_has_no_deadline_but_the_drain() -> None:
    log = Log()
    app = App()

    @app.provide
    async def outer(request: Request) -> AsyncIterator[Database]:
        try:
            yield Database()
        except asyncio.CancelledError:
            log.append("outer sees CancelledError")

    @app.provide
    async def inner(request: Request, database: Database) -> AsyncIterator[Session]:
        yield Session(database)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            log.append("inner is cancelled")
            raise

    @app.get("/")
    async def handler(request: Request, session: Session) -> str:
        return "sent"

    async with Client(app) as client:
        peer = await client.connect()
        peer.send(GET)
        await peer.response()
        await client.advance(1000)
        assert log == []
        await client.server.abort()
    assert log == ["inner is cancelled", "outer sees CancelledError"]


async def test_the_next_request_of_a_connection_waits_for_the_closing() -> None:
    log = Log()
    app = logged(log)

    @app.get("/")
    async def handler(request: Request, database: Database) -> str:
        return "sent"

    async with Client(app) as client:
        peer = await client.connect()
        peer.send(GET + GET)
        await peer.response()
        await peer.response()
    assert log == ["open database", "close database"] * 2


async def test_a_provider_that_fails_when_it_is_closed_is_logged_and_costs_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = Log()
    app = logged(log)

    @app.provide
    async def guard(request: Request, database: Database) -> AsyncIterator[Guard]:
        yield Guard()
        raise OSError("the disk is full")

    @app.get("/")
    async def handler(request: Request, guard: Guard) -> str:
        return "sent"

    async with Client(app) as client:
        peer = await client.connect()
        peer.send(GET + GET)
        assert [(await peer.response()).status for _ in range(2)] == [200, 200]
    assert log == ["open database", "close database"] * 2
    assert caplog.text.count("guard failed when it was closed") == 2
    assert "OSError: the disk is full" in caplog.text


async def test_one_that_swallows_the_exception_does_not_hide_it_from_others() -> None:
    log = Log()
    app = logged(log)

    @app.provide
    async def guard(request: Request, database: Database) -> AsyncIterator[Guard]:
        try:
            yield Guard()
        except KeyError:
            log.append("swallowed")

    @app.get("/")
    async def handler(request: Request, guard: Guard) -> None:
        raise KeyError

    assert (await ask(app, "GET", "/")).status == 500
    assert log == ["open database", "swallowed", "database sees KeyError", "close database"]


async def test_one_that_is_cancelled_while_it_opens_is_not_closed_and_the_others_are() -> None:
    log, opening = Log(), asyncio.Event()
    app = logged(log)

    @app.provide
    async def guard(request: Request, database: Database) -> AsyncIterator[Guard]:
        opening.set()
        await asyncio.Event().wait()
        yield Guard()

    @app.get("/", on_disconnect="eager")
    async def handler(request: Request, guard: Guard) -> None: ...

    async with Client(app) as client:
        peer = await client.connect()
        peer.send(GET)
        await opening.wait()
        peer.reset()
        await client.advance(1)
    assert log == ["open database", "database sees CancelledError", "close database"]


async def never(request: Request) -> AsyncIterator[Database]:
    if request.path == "":
        yield Database()


async def twice(request: Request) -> AsyncIterator[Database]:
    yield Database()
    yield Database()


async def once_more_after_an_exception(request: Request) -> AsyncIterator[Database]:
    try:
        yield Database()
    except KeyError:
        yield Database()


@pytest.mark.parametrize(
    ("provider", "status", "message"),
    [
        (never, 500, "RuntimeError: provider never has not yielded anything"),
        (twice, 200, "RuntimeError: provider twice has yielded more than once"),
        (once_more_after_an_exception, 500, "once_more_after_an_exception has yielded more than once"),
    ],
)
async def test_a_generator_yields_exactly_once(
    provider: Any, status: int, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = App()
    app.provide(provider)

    @app.get("/")
    async def handler(request: Request, database: Database) -> str:
        if provider is once_more_after_an_exception:
            raise KeyError
        return "sent"

    assert (await ask(app, "GET", "/")).status == status
    assert message in caplog.text


@pytest.mark.parametrize("error", [StopAsyncIteration(), StopIteration(), RuntimeError()])
async def test_an_exception_that_generators_treat_specially_is_no_failure_of_the_provider(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    log = Log()
    app = logged(log)

    @app.middleware
    async def early(request: Request, next: Handler, database: Database) -> Response:
        class Raising:
            def __await__(self) -> Any:
                raise error

        if not isinstance(error, StopIteration):
            await Raising()
        return await next(request)

    assert (await ask(app, "GET", "/")).status == (404 if isinstance(error, StopIteration) else 500)
    assert "failed when it was closed" not in caplog.text
    assert log[-1] == "close database"


@pytest.mark.parametrize("fails", [False, True])
async def test_nothing_of_a_request_waits_for_the_garbage_collector(fails: bool) -> None:
    app = logged(Log())
    held: list[weakref.ref[object]] = []

    @app.get("/")
    async def handler(request: Request, database: Database) -> str:
        held.extend([weakref.ref(database), weakref.ref(request)])
        if fails:
            raise HTTPError(400, "no")
        return "sent"

    gc.collect()
    gc.disable()
    try:
        await ask(app, "GET", "/")
        assert [each() for each in held] == [None, None]
    finally:
        gc.enable()


# Resources of the app.


async def test_a_resource_of_the_app_is_opened_and_closed_with_the_lifespan() -> None:
    log = Log()
    app = App()

    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        app.state.name = "from the lifespan"
        log.append("lifespan")
        yield
        log.append("end of the lifespan")

    @app.provide(scope="app")
    async def session(app: App, database: Database) -> AsyncIterator[Session]:
        log.append("open session")
        yield Session(database)
        log.append("close session")

    @app.provide(scope="app")
    async def database(app: App) -> AsyncIterator[Database]:
        log.append("open database")
        yield Database(app.state.name)
        log.append("close database")

    @app.provide
    async def user(request: Request, database: Database) -> User:
        return User(database.name)

    @app.get("/")
    async def handler(request: Request, user: User, session: Session) -> str:
        return f"{user.name} {session.database.name}"

    async with Client(app) as client:
        assert (await client.get("/")).text == "from the lifespan from the lifespan"
        assert (await client.get("/")).status == 200
        assert log == ["lifespan", "open database", "open session"]
    assert log[3:] == ["close session", "close database", "end of the lifespan"]


async def test_one_that_cannot_be_opened_stops_the_start_and_the_others_are_closed() -> None:
    log = Log()
    app = App()

    @app.provide(scope="app")
    async def database(app: App) -> AsyncIterator[Database]:
        try:
            yield Database()
        except OSError:
            log.append("database sees OSError")
            raise

    @app.provide(scope="app")
    async def session(app: App, database: Database) -> Session:
        raise OSError("no session")

    with pytest.raises(OSError, match="no session"):
        async with Client(app):
            raise AssertionError
    assert log == ["database sees OSError"]


async def test_without_a_lifespan_a_resource_of_the_app_is_a_clear_error() -> None:
    app = App()

    @app.provide(scope="app")
    async def database(app: App) -> Database:
        return Database()

    @app.get("/")
    async def handler(request: Request, database: Database) -> None: ...

    client = Client(app)
    try:
        with pytest.raises(RuntimeError, match="Database is made when the app starts, and the app has not started"):
            await client.get("/")
    finally:
        await client.server.abort()


async def test_a_handler_that_is_tried_again_and_succeeds_has_not_failed() -> None:
    log = Log()
    app = logged(log)
    tries = []

    @app.middleware
    async def again(request: Request, next: Handler) -> Response:
        await next(request)
        return await next(request)

    @app.get("/")
    async def handler(request: Request, database: Database) -> str:
        tries.append(database)
        if len(tries) == 1:
            raise HTTPError(503)
        return "sent"

    assert (await ask(app, "GET", "/")).text == "sent"
    assert tries[0] is tries[1]
    assert log == ["open database", "close database"]


async def test_a_resource_lasts_as_long_as_the_connection_that_has_left_http() -> None:
    log = Log()
    app = logged(log)

    @app.get("/")
    async def handler(request: Request, database: Database) -> Response:
        async def run(duplex: Duplex) -> None:
            log.append((await duplex.receive()).decode())

        return Upgrade("echo", run)

    async with Client(app) as client:
        peer = await client.connect()
        peer.send(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
        await peer.response()
        peer.send(b"hello")
        await client.settle()
    assert log == ["open database", "hello", "close database"]


async def test_uploads_can_be_read_while_it_is_closed() -> None:
    log = Log()
    app = App()

    @app.provide
    async def database(request: Request) -> AsyncIterator[Database]:
        yield Database()
        log.append(f"{(await request.form())['a']}")

    @app.post("/")
    async def handler(request: Request, database: Database) -> None:
        await request.form()

    await ask(app, "POST", "/", body="a=1", headers={"content-type": "application/x-www-form-urlencoded"})
    assert log == ["1"]


# What is refused.


async def a_database(request: Request) -> Database:
    return Database()


async def another_database(request: Request) -> Database:
    return Database()


async def a_session(request: Request, database: Database) -> Session:
    return Session(database)


async def needs_session(request: Request, session: Session) -> Database:
    return session.database


async def itself(request: Request, database: Database) -> Database:
    return database


async def silent(request: Request, database: Database):  # type: ignore[no-untyped-def]
    return database


async def silent_stream(request: Request):  # type: ignore[no-untyped-def]
    yield Database()


class Pair(NamedTuple):
    user: str
    role: str


async def text(request: Request) -> str:
    return ""


async def nothing(request: Request) -> None: ...
async def numbers(request: Request) -> list[int]: ...  # type: ignore[empty-body]
async def pair(request: Request) -> Pair: ...  # type: ignore[empty-body]
async def queried(request: Request, page: int) -> Database: ...  # type: ignore[empty-body]
async def untyped(request: Request, page) -> Database: ...  # type: ignore[no-untyped-def, empty-body]
async def alone() -> Database: ...  # type: ignore[empty-body]
def plain(request: Request) -> Database: ...  # type: ignore[empty-body]


@asynccontextmanager
async def managed(request: Request) -> AsyncIterator[Database]:
    yield Database()


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        (another_database, "Database is provided by a_database already, not also by another_database"),
        (silent, "provider silent needs a return annotation .* -> Database"),
        (silent_stream, r"provider silent_stream needs a return annotation .* -> AsyncIterator\[Database\]"),
        (text, "provider text cannot provide str: handlers read such values from the request"),
        (nothing, "provider nothing cannot provide None"),
        (numbers, r"provider numbers cannot provide list\[int\]"),
        (
            pair,
            "provider pair cannot provide Pair, which is a tuple: handlers read .* a class that is none, or a NewType",
        ),
        (queried, "the parameter 'page' of provider queried must be annotated with a type that a provider makes"),
        (untyped, "the parameter 'page' of provider untyped must be annotated"),
        (alone, "provider alone must take the request as its first parameter"),
        (plain, "provider plain must be defined with async def$"),
        (managed, "provider managed must be defined with async def, and without @asynccontextmanager"),
    ],
)
def test_what_is_no_provider_is_refused_and_named(provider: Any, message: str) -> None:
    app = App()
    app.provide(a_database)

    with pytest.raises(RouteError, match=message):
        app.provide(provider)


def test_a_cycle_is_refused_when_it_is_registered_and_all_in_it_are_named() -> None:
    app = App()
    app.provide(a_session)

    with pytest.raises(RouteError, match="cannot need each other: needs_session needs a_session needs needs_session"):
        app.provide(needs_session)
    with pytest.raises(RouteError, match="cannot need each other: itself needs itself"):
        app.provide(itself)
    app.provide(a_database)


def unknown_handler(app: App) -> None:
    @app.get("/")
    async def show(request: Request, database: Database) -> None: ...


def unknown_middleware(app: App) -> None:
    @app.middleware
    async def show(request: Request, next: Handler, database: Database) -> Response: ...  # type: ignore[empty-body]


def unknown_provider(app: App) -> None:
    @app.provide
    async def show(request: Request, database: Database) -> Session: ...  # type: ignore[empty-body]


@pytest.mark.parametrize("register", [unknown_handler, unknown_middleware, unknown_provider])
@pytest.mark.parametrize("is_mounted", [False, True])
async def test_an_unknown_type_is_refused_before_the_first_request(
    register: Callable[[App], None], is_mounted: bool
) -> None:
    app, inner = App(), App()
    app.mount("/inner", inner)
    register(inner if is_mounted else app)

    message = r"test_providing.py:\d+: \w+ .*show.* needs Database for its parameter 'database', which nothing provides"
    with pytest.raises(RouteError, match=message):
        async with Client(app):
            raise AssertionError


@pytest.mark.parametrize("register", [unknown_handler, unknown_provider])
async def test_after_the_start_it_is_refused_at_once(register: Callable[[App], None]) -> None:
    app = App()
    async with Client(app):
        with pytest.raises(RouteError, match=r"show.* needs Database for its parameter 'database'"):
            register(app)


async def test_a_server_that_runs_no_lifespan_answers_no_request_with_an_unknown_type() -> None:
    app = App()
    unknown_handler(app)

    with pytest.raises(RouteError, match="which nothing provides"):
        app(None)  # type: ignore[arg-type]


def test_a_resource_of_the_app_cannot_need_one_of_a_request_in_any_order() -> None:
    async def session(app: App, database: Database) -> Session:
        return Session(database)

    message = "session has the scope 'app', so it cannot need Database, which a_database makes for each request"
    first, second = App(), App()
    first.provide(scope="app")(session)
    with pytest.raises(RouteError, match=message):
        first.provide(a_database)
    second.provide(a_database)
    with pytest.raises(RouteError, match=message):
        second.provide(scope="app")(session)


async def test_a_resource_of_the_app_comes_too_late_after_the_start() -> None:
    async def database(app: App) -> Database:
        return Database()

    app = App()
    async with Client(app):
        with pytest.raises(RouteError, match="database makes a resource of the app: register it before the app starts"):
            app.provide(scope="app")(database)


def test_a_model_that_a_handler_reads_from_the_body_is_not_provided_later() -> None:
    app = App()

    @app.post("/users")
    async def create(request: Request, user: User) -> None: ...

    async def current(request: Request) -> User:
        return User("Ada")

    with pytest.raises(RouteError, match=r"create for '/users' reads User from the body: register provider .*current"):
        app.provide(current)
    with pytest.raises(
        RouteError, match="would take the body, but GET and HEAD have none; if a provider makes it, reg"
    ):
        app.get("/users")(create)


async def test_a_model_that_is_provided_is_not_the_body() -> None:
    app = App()

    @app.provide
    async def current(request: Request) -> User:
        return User("Ada")

    @app.post("/users")
    async def create(request: Request, user: User) -> User:
        return user

    assert (await ask(app, "POST", "/users", json={"name": "Eve"})).json() == {"name": "Ada"}


def test_a_middleware_with_a_parameter_of_another_kind_is_refused() -> None:
    async def odd(request: Request, next: Handler, page: int) -> Response: ...  # type: ignore[empty-body]

    with pytest.raises(
        RouteError, match=r"the parameter 'page' of middleware .*odd must be annotated with a type that"
    ):
        App().middleware(odd)


async def test_a_middleware_that_sees_exceptions_gets_resources_too() -> None:
    app = App()
    app.provide(a_database)

    @app.middleware
    @sees_exceptions
    async def early(request: Request, next: Handler, database: Database) -> Response:
        with pytest.raises(KeyError):
            await next(request)
        return Response(database.name)

    @app.get("/")
    async def handler(request: Request) -> None:
        raise KeyError

    assert (await ask(app, "GET", "/")).text == "real"


async def test_a_middleware_keeps_its_defaults() -> None:
    app = App()

    @app.middleware
    async def named(request: Request, next: Handler, *, name: str = "x-name") -> Response:
        response = await next(request)
        response.headers[name] = "value"
        return response

    assert (await ask(app, "GET", "/")).headers["x-name"] == "value"


# Tests put something in their place.


def overridden() -> App:
    app = App()
    app.provide(a_database)
    app.provide(a_session)

    @app.get("/")
    async def handler(request: Request, session: Session) -> str:
        return session.database.name

    return app


async def test_a_value_takes_the_place_of_what_another_provider_needs_until_the_client_is_closed() -> None:
    app = overridden()
    client = Client(app)
    client.override(Database, Database("fake"))
    async with client:
        assert (await client.get("/")).text == "fake"
    assert (await ask(app, "GET", "/")).text == "real"


async def test_a_function_takes_the_place_and_may_need_others_and_is_closed() -> None:
    log = Log()
    app = overridden()

    async def fake(request: Request, guard: Guard) -> AsyncIterator[Database]:
        yield Database("fake")
        log.append("closed")

    with pytest.raises(RouteError, match="fake needs Guard"), app.overriding(Database, fake):
        raise AssertionError

    async def guard(request: Request) -> Guard:
        return Guard()

    app.provide(guard)
    async with Client(app) as client:
        with app.overriding(Database, fake):
            assert (await client.get("/")).text == "fake"
        assert (await client.get("/")).text == "real"
    assert log == ["closed"]


async def test_an_override_within_another_gives_its_place_back() -> None:
    app = overridden()
    async with Client(app) as client:
        with app.overriding(Database, Database("one")):
            with app.overriding(Database, Database("two")):
                assert (await client.get("/")).text == "two"
            assert (await client.get("/")).text == "one"
        assert (await client.get("/")).text == "real"


async def test_a_resource_of_the_app_is_not_opened_if_there_is_a_value_in_its_place() -> None:
    app = App()

    @app.provide(scope="app")
    async def database(app: App) -> Database:
        raise AssertionError

    @app.get("/")
    async def handler(request: Request, database: Database) -> str:
        return database.name

    client = Client(app)
    client.override(Database, Database("fake"))
    async with client:
        assert (await client.get("/")).text == "fake"
        with pytest.raises(RouteError, match="Database is a resource of the app: put a value in its place"):
            client.override(Database, a_database)


async def test_an_override_reaches_mounted_apps_and_names_an_unknown_type() -> None:
    outer = App()
    outer.mount("/inner", overridden())
    async with Client(outer) as client:
        client.override(Database, Database("fake"))
        assert (await client.get("/inner/")).text == "fake"
        with pytest.raises(RouteError, match="nothing provides Guard"):
            client.override(Guard, Guard())


def test_an_override_may_not_need_itself() -> None:
    async def fake(request: Request, session: Session) -> Database: ...  # type: ignore[empty-body]

    with pytest.raises(RouteError, match="cannot need each other"), overridden().overriding(Database, fake):
        raise AssertionError


# The app of a request.


async def test_a_request_knows_its_app() -> None:
    outer, inner = App(), App()
    outer.mount("/inner", inner)
    inner.state.name = "inner"

    @inner.get("/{id:int}", name="it")
    async def handler(request: Request, id: int) -> str:
        assert request.app is inner
        return f"{request.app.state.name} {request.app.url_for('it', id=id)} {request.route}"

    assert (await ask(outer, "GET", "/inner/3")).text == "inner /3 /inner/{id:int}"


async def test_a_bare_handler_has_no_app() -> None:
    async def bare(request: Request) -> Response:
        with pytest.raises(RuntimeError, match="no App"):
            _ = request.app
        return Response("bare")

    client = Client(bare)
    async with client:
        assert (await client.get("/")).text == "bare"
        with pytest.raises(TypeError, match="only an App has providers"):
            client.override(Database, Database())


async def test_the_state_may_be_an_object_of_the_program() -> None:
    app = App(User("Ada"))

    assert app.state.name == "Ada"
    assert isinstance(Server(app).service.handler, App)
