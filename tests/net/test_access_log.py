"""Tests of aiosock.net: one line in the access log for each answer."""

import json
import logging

import pytest

from aiosock.config import Config
from aiosock.errors import ConfigError
from aiosock.net.server import Server
from aiosock.web.request import Request
from aiosock.web.response import Response
from tests.net.helpers import GET, Endless, Gate, answers_to, chunks, connection, hello, post_bytes, request_bytes

TEMPLATE = "{client} {method} {target} {version} {status} {bytes} {seconds:.1f} {referer} {user_agent}"


@pytest.fixture
def access(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "aiosock.access")
    return caplog


def lines(access: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in access.records if record.name == "aiosock.access"]


async def test_every_answer_has_one_line(access: pytest.LogCaptureFixture) -> None:
    received = await answers_to(hello, GET * 3, access_log=True)
    assert len(lines(access)) == 3
    assert received.count(b"HTTP/1.1 200") == 3


async def test_a_line_has_what_the_template_asks_for(access: pytest.LogCaptureFixture) -> None:
    request = request_bytes("Referer: http://a/b", "User-Agent: curl/8", target="/x?y=1")
    received = await answers_to(hello, request, access_log=True, log_format=TEMPLATE)
    assert lines(access) == [f"127.0.0.1 GET /x?y=1 HTTP/1.1 200 {len(received)} 0.0 http://a/b curl/8"]


async def test_the_combined_format_is_the_default(access: pytest.LogCaptureFixture) -> None:
    received = await answers_to(hello, GET, access_log=True)
    start, _, rest = lines(access)[0].partition("[")
    assert start == "127.0.0.1 - - "
    assert rest.partition("] ")[2] == f'"GET / HTTP/1.1" 200 {len(received)} "-" "-"'


async def test_the_json_format_is_an_object_a_line(access: pytest.LogCaptureFixture) -> None:
    await answers_to(hello, request_bytes('User-Agent: "é'), access_log=True, log_format="json")
    line = json.loads(lines(access)[0])
    assert (line["method"], line["target"], line["status"], line["user_agent"]) == ("GET", "/", 200, '"é')


async def test_no_line_is_written_where_none_is_wanted(access: pytest.LogCaptureFixture) -> None:
    await answers_to(hello, GET + b"nonsense\r\n\r\n", access_log=False)
    assert lines(access) == []


async def test_requests_that_differ_have_lines_that_differ(access: pytest.LogCaptureFixture) -> None:
    async def handler(request: Request) -> Response:
        return Response(b"x" * int(request.query["n"]), int(request.query["status"]))

    asked = [(200, 1), (200, 1), (200, 2), (404, 2), (200, 1)]
    requests = b"".join(request_bytes(target=f"/?status={status}&n={n}") for status, n in asked)
    await answers_to(handler, requests, access_log=True, log_format="{target} {status}")
    assert lines(access) == [f"/?status={status}&n={n} {status}" for status, n in asked]


async def test_equal_requests_with_other_answers_have_other_lines(access: pytest.LogCaptureFixture) -> None:
    statuses = iter((200, 200, 404, 200))

    async def handler(request: Request) -> Response:
        request.id = f"id-{next(ids)}"
        return Response(b"", next(statuses))

    ids = iter("aaab")
    await answers_to(handler, GET * 4, access_log=True, log_format="{status} {request_id}")
    assert lines(access) == ["200 id-a", "200 id-a", "404 id-a", "200 id-b"]


async def test_lines_of_a_field_are_joined(access: pytest.LogCaptureFixture) -> None:
    request = request_bytes("user-agent:  a ", "X-Referer: no", "REFERER: r", "User-Agent: b", "Referer:")
    await answers_to(hello, request, access_log=True, log_format="{referer}|{user_agent}")
    assert lines(access) == ["r, |a, b"]


async def test_the_seconds_run_from_the_head_to_the_end_of_the_answer(access: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    async with connection(gate, access_log=True, log_format="{seconds}") as (client, peer, _):
        peer.send(GET)
        await gate.entered.wait()
        await client.advance(2.5)
        gate.open.set()
        await peer.response()
    assert lines(access) == ["2.5"]


async def test_the_bytes_are_those_of_this_answer(access: pytest.LogCaptureFixture) -> None:
    async with connection(hello, access_log=True, log_format="{bytes}") as (_, peer, _):
        sizes = []
        for target in ("/", "/" + "a" * 1000):
            before = len(peer.received)
            peer.send(request_bytes(target=target))
            await peer.response()
            sizes.append(str(len(peer.received) - before))
    assert lines(access) == sizes


async def test_a_refused_request_has_a_line(access: pytest.LogCaptureFixture) -> None:
    received = await answers_to(hello, GET + b"nonsense\r\n\r\n", access_log=True, log_format=TEMPLATE)
    refusal = received[received.rindex(b"HTTP/1.1 400") :]
    assert lines(access)[1:] == [f"127.0.0.1 - - - 400 {len(refusal)} 0.0 - -"]


async def test_a_request_with_a_refused_body_has_one_line(access: pytest.LogCaptureFixture) -> None:
    async def read(request: Request) -> Response:
        return Response(await request.read())

    bad = request_bytes("Transfer-Encoding: chunked", method="POST") + b"zz\r\n" + chunks()
    await answers_to(read, bad, access_log=True, log_format="{method} {status}")
    assert lines(access) == ["POST 400"]


async def test_a_failed_handler_has_a_line(access: pytest.LogCaptureFixture) -> None:
    async def broken(request: Request) -> Response:
        raise ZeroDivisionError

    await answers_to(broken, post_bytes(b"x"), access_log=True, log_format="{method} {status}")
    assert lines(access) == ["POST 500"]


async def test_an_answer_that_was_cut_has_a_line(access: pytest.LogCaptureFixture) -> None:
    async with connection(Endless(), access_log=True, log_format="{status}") as (client, peer, _):
        peer.send(GET)
        await peer.receive()
        peer.reset()
        await client.advance(1)
        await peer.done()
    assert lines(access) == ["200"]


async def test_a_peer_that_left_before_its_answer_has_a_line_without_a_status(access: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    async with connection(gate, access_log=True, log_format="{status} {bytes}") as (client, peer, _):
        peer.send(GET)
        await gate.entered.wait()
        peer.reset()
        await client.advance(1)
        await peer.done()
    assert lines(access) == ["0 0"]


async def test_an_idle_connection_that_ends_has_no_line(access: pytest.LogCaptureFixture) -> None:
    async with connection(hello, access_log=True) as (client, peer, _):
        await client.advance(10)
        await peer.done()
    assert lines(access) == []


@pytest.mark.parametrize("log_format", ["combined", "json", TEMPLATE])
async def test_what_a_client_sends_cannot_forge_a_line(log_format: str, access: pytest.LogCaptureFixture) -> None:
    request = request_bytes('User-Agent: x" 200 "\x9b31m\\', target='/"quoted"')
    await answers_to(hello, request, access_log=True, log_format=log_format)
    line = lines(access)[0]
    assert '"quoted"' not in line.replace('\\"', "")
    assert '" 200 "' not in line.replace('\\"', "")
    assert "\x9b" not in line
    assert "\n" not in line


def test_a_template_with_an_unknown_name_is_refused_when_the_server_is_made() -> None:
    with pytest.raises(ConfigError, match="password"):
        Server(hello, Config(log_format="{client} {password}"))
