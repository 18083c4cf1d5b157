"""Tests of aiosock.web.middleware.request_id."""

import logging
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from aiosock import App, Request, Response
from aiosock.log import RequestIdFilter, request_ids
from aiosock.testing import Client
from aiosock.web.middleware import request_id
from tests.web.ask import ask

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"

logger = logging.getLogger("program")


@pytest.fixture
def lines() -> Iterator[list[logging.LogRecord]]:
    """Records of all loggers that reach a handler with the filter."""
    records: list[logging.LogRecord] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    handler = Handler()
    handler.addFilter(RequestIdFilter())
    logging.getLogger().addHandler(handler)
    yield records
    logging.getLogger().removeHandler(handler)


def identified(**options: Any) -> App:
    app = App()
    app.middleware(request_id(**options))

    @app.get("/")
    async def home(request: Request) -> dict[str, Any]:
        logger.warning("in the program")
        return {"id": request.id, "trace": request.state.trace}

    @app.get("/broken")
    async def broken(request: Request) -> None:
        raise KeyError("broken")

    @app.get("/streamed")
    async def streamed(request: Request) -> AsyncIterator[str]:
        for number in range(3):
            logger.warning("piece %d", number)
            yield str(number)

    return app


async def trace_of(*fields: tuple[str, str]) -> tuple[str, str, str]:
    id_, traceparent, tracestate = (await ask(identified(), "GET", "/", headers=fields)).json()["trace"]
    assert traceparent[3:35] == id_
    return id_, traceparent, tracestate


# The id.


async def test_every_answer_has_an_id_of_its_own() -> None:
    app = identified()
    ids = {(await ask(app, "GET", target)).headers["x-request-id"] for target in ("/", "/", "/broken", "/nothing")}

    assert len(ids) == 4
    assert all(re.fullmatch("[0-9a-f]{32}", id_) for id_ in ids)


async def test_the_handler_knows_it() -> None:
    answer = await ask(identified(), "GET", "/", headers={"x-request-id": "theirs"})

    assert answer.json()["id"] == answer.headers["x-request-id"] != "theirs"


@pytest.mark.parametrize("given", ["theirs", "7b1c2f3e-0000-4000-8000-000000000000", "a.b_c-d", "a" * 128])
async def test_one_that_comes_is_kept_where_it_is_said(given: str) -> None:
    answer = await ask(identified(incoming=True), "GET", "/", headers={"x-request-id": given})

    assert answer.headers["x-request-id"] == answer.json()["id"] == given


@pytest.mark.parametrize("given", ["", "a b", "a\tb", "é", "a" * 129, "a" * 8000, "[31m", '"', "a,b", "${jndi:x}"])
async def test_what_could_break_a_line_is_not(given: str) -> None:
    answer = await ask(identified(incoming=True), "GET", "/", headers={"x-request-id": given})

    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


async def test_two_ids_are_none() -> None:
    answer = await ask(identified(incoming=True), "GET", "/", headers=[("x-request-id", "a"), ("x-request-id", "b")])

    assert answer.headers.get_all("x-request-id") == [answer.json()["id"]]
    assert len(answer.json()["id"]) == 32


# The log.


async def test_every_line_of_a_request_has_its_ids(lines: list[logging.LogRecord]) -> None:
    app = identified()
    first, second = (await ask(app, "GET", "/")), (await ask(app, "GET", "/broken"))
    logger.warning("outside")

    ids = [(record.name, record.__dict__["request_id"]) for record in lines]
    assert ids == [
        ("program", first.headers["x-request-id"]),
        ("aiosock.app", second.headers["x-request-id"]),
        ("program", "-"),
    ]
    assert lines[0].__dict__["trace_id"] == first.json()["trace"][0]


async def test_the_lines_of_a_streamed_body_have_them_too(lines: list[logging.LogRecord]) -> None:
    answer = await ask(identified(), "GET", "/streamed")

    assert answer.text == "012"
    assert {record.__dict__["request_id"] for record in lines} == {answer.headers["x-request-id"]}


async def test_the_lines_of_a_body_that_is_given_up_have_them_too(lines: list[logging.LogRecord]) -> None:
    app = identified()

    @app.get("/endless")
    async def endless(request: Request) -> AsyncIterator[str]:
        try:
            while True:
                yield "more"
        finally:
            logger.warning("given up")

    answer = await ask(app, "HEAD", "/endless")

    assert [record.__dict__["request_id"] for record in lines] == [answer.headers["x-request-id"]]


async def test_requests_at_once_do_not_mix(lines: list[logging.LogRecord]) -> None:
    app = identified()
    async with (
        Client(app) as client,
        client.stream("GET", "/streamed") as (first, one),
        client.stream("GET", "/streamed") as (second, other),
    ):
        async for _ in one:
            pass
        async for _ in other:
            pass

    counted = [record.__dict__["request_id"] for record in lines]
    assert {counted.count(answer.headers["x-request-id"]) for answer in (first, second)} == {3}


async def test_nothing_is_left_for_the_next_request(lines: list[logging.LogRecord]) -> None:
    app = App()
    app.mount("/with", identified())

    @app.get("/without")
    async def without(request: Request) -> str:
        logger.warning("without")
        return "without"

    async with Client(app) as client:
        peer = await client.connect()
        for target in (b"/with/streamed", b"/with/broken", b"/without"):
            peer.send(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)
            await peer.response()

    assert lines[-1].__dict__["request_id"] == "-"
    assert request_ids.get() == ("-", "-")


async def test_a_body_that_is_not_sent_is_closed() -> None:
    closed: list[str] = []

    class Body:
        def __aiter__(self) -> AsyncIterator[bytes]:
            raise AssertionError

        async def aclose(self) -> None:
            closed.append("closed")

    app = App()
    app.middleware(request_id())

    @app.get("/")
    async def home(request: Request) -> Response:
        return Response(Body())

    assert (await ask(app, "HEAD", "/")).status == 200
    assert closed == ["closed"]


async def test_a_client_that_leaves_a_body_raises_nothing() -> None:
    async with Client(identified()) as client, client.stream("GET", "/streamed"):
        pass

    assert request_ids.get() == ("-", "-")


@pytest.mark.parametrize(("log_format", "form"), [("{request_id}", "{}"), ("json", '"request_id": "{}"}}')])
async def test_the_access_log_has_the_id(caplog: pytest.LogCaptureFixture, log_format: str, form: str) -> None:
    caplog.set_level(logging.INFO, "aiosock.access")
    async with Client(identified(), access_log=True, log_format=log_format) as client:
        peer = await client.connect()
        for _ in range(2):  # equal heads, each with an id of its own
            peer.send(b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n")
            wanted = form.format((await peer.response()).headers["x-request-id"])
            await client.settle()
            assert caplog.records[-1].getMessage().endswith(wanted)
        peer.send(b"nonsense\r\n\r\n")
        await peer.closed()
        await client.settle()
        assert caplog.records[-1].getMessage().endswith(form.format("-"))


def test_the_lines_of_run_have_the_id_in_brackets() -> None:
    record = logging.makeLogRecord({"msg": "line"})
    token = request_ids.set(("abc", "def"))
    try:
        assert RequestIdFilter().filter(record)
    finally:
        request_ids.reset(token)

    assert logging.Formatter("%(in_request)s%(message)s %(trace_id)s").format(record) == "[abc] line def"


# The trace.


async def test_a_trace_goes_on_with_a_span_of_our_own() -> None:
    id_, traceparent, tracestate = await trace_of(
        ("traceparent", TRACEPARENT), ("tracestate", "a=b"), ("tracestate", "c=d")
    )

    assert id_ == TRACE
    assert re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-01", traceparent)
    assert PARENT not in traceparent
    assert tracestate == "a=b, c=d"


@pytest.mark.parametrize(("sent", "flags"), [("00", "00"), ("ff", "01"), ("02", "00"), ("03", "01")])
async def test_only_the_flag_that_we_know_is_passed_on(sent: str, flags: str) -> None:
    assert (await trace_of(("traceparent", f"00-{TRACE}-{PARENT}-{sent}")))[1].endswith(f"-{flags}")


@pytest.mark.parametrize("more", ["", "-", "-what-is-to-come"])
async def test_versions_to_come_are_read_as_far_as_we_know_them(more: str) -> None:
    assert (await trace_of(("traceparent", f"01-{TRACE}-{PARENT}-01{more}")))[0] == TRACE


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        TRACE,
        TRACEPARENT.upper(),
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE}-{PARENT}-1",
        f"01-{TRACE}-{PARENT}-01more",
        f"{TRACEPARENT}, {TRACEPARENT}",
        "0" * 8000,
    ],
)
async def test_a_malformed_one_begins_a_new_trace(traceparent: str) -> None:
    id_, ours, tracestate = await trace_of(("traceparent", traceparent), ("tracestate", "a=b"))

    assert id_ not in (TRACE, TRACE.upper())
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", ours)
    assert tracestate == ""
