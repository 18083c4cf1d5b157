"""Connections, byte by byte: keep-alive, pipelines, 100-continue, bad input, and peers that leave or stall."""

import pytest

from tests.e2e.process import LOOPS, Served, serve_site
from tests.e2e.raw import Raw

pytestmark = pytest.mark.costly

GET = b"GET /hello/%b HTTP/1.1\r\nHost: a\r\n\r\n"

MALFORMED = {
    "a bare LF": b"GET / HTTP/1.1\nHost: a\n\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "a folded line": b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",
    "a NUL": b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
    "two lengths": b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length and chunks": b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a malformed chunk": b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nabcde\r\n0\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "nothing like HTTP": b"hello\r\n\r\n",
}


def test_a_connection_is_kept_for_many_requests(site: Served) -> None:
    with Raw(site.address) as client:
        bodies = [client.get(f"/hello/{number}").body for number in range(100)]

    assert bodies == [b"Hello, %d!\n" % number for number in range(100)]


def test_a_request_may_come_byte_by_byte(site: Served) -> None:
    with Raw(site.address) as client:
        for number in GET % b"slow":
            client.send(bytes([number]))

        assert client.answer().body == b"Hello, slow!\n"


def test_pipelined_requests_are_answered_in_order(site: Served) -> None:
    with Raw(site.address) as client:
        client.send(b"".join(GET % b"%d" % number for number in range(200)))

        assert [client.answer().body for _ in range(200)] == [b"Hello, %d!\n" % number for number in range(200)]


def test_a_pipeline_may_carry_bodies_of_each_kind(site: Served) -> None:
    with Raw(site.address) as client:
        client.send(
            b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfirst"
            b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nsec\r\n3\r\nond\r\n0\r\n\r\n"
            + GET
            % b"third"
        )

        assert b'"body":"first"' in client.answer().body
        assert b'"body":"second"' in client.answer().body
        assert client.answer().body == b"Hello, third!\n"


def test_a_body_nobody_reads_is_not_the_next_request(site: Served) -> None:
    inner = GET % b"smuggled"
    with Raw(site.address) as client:
        client.send(b"POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(inner), inner))
        client.send(GET % b"next")

        assert client.answer().status == 404
        assert client.answer().body == b"Hello, next!\n"


def test_the_answer_to_head_ends_with_its_head(site: Served) -> None:
    with Raw(site.address) as client:
        client.send(b"HEAD /hello/world HTTP/1.1\r\nHost: a\r\n\r\n" + GET % b"next")
        answer = client.answer(bodiless=True)

        assert answer.fields["content-length"] == "14"
        assert client.answer().body == b"Hello, next!\n"


def test_connection_close_is_honoured(site: Served) -> None:
    with Raw(site.address) as client:
        assert client.get("/", "Connection: close").closes
        assert client.rest() == b""


def test_a_half_closed_client_gets_its_answer(site: Served) -> None:
    with Raw(site.address) as client:
        client.send(GET % b"half")
        client.end_input()

        assert client.answer().body == b"Hello, half!\n"
        assert client.rest() == b""


def test_every_answer_has_a_date(site: Served) -> None:
    with Raw(site.address) as client:
        assert client.get("/").fields["date"].endswith(" GMT")
        assert client.get("/nothing").fields["date"].endswith(" GMT")


# HTTP/1.0.


def test_http_1_0_closes_by_default(site: Served) -> None:
    with Raw(site.address) as client:
        client.send(b"GET /hello/old HTTP/1.0\r\n\r\n")
        answer = client.answer()

        assert answer.body == b"Hello, old!\n"
        assert client.rest() == b""


def test_http_1_0_keeps_the_connection_on_request(site: Served) -> None:
    with Raw(site.address) as client:
        for _ in range(2):
            client.send(b"GET /hello/old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")

            assert client.answer().fields["connection"] == "keep-alive"


def test_http_1_0_gets_no_chunks(site: Served) -> None:
    with Raw(site.address) as client:
        client.send(b"GET /time HTTP/1.0\r\n\r\n")
        head = client.answer(bodiless=True)

    assert head.status == 200
    assert "transfer-encoding" not in head.fields
    assert "content-length" not in head.fields


# Expect: 100-continue.


def test_100_continue_arrives_before_the_body_is_sent(site: Served) -> None:
    with Raw(site.address) as client:
        client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        interim = client.answer()
        client.send(b"body" + GET % b"next")

        assert interim.status == 100
        assert b'"body":"body"' in client.answer().body
        assert client.answer().body == b"Hello, next!\n"


def test_nobody_is_asked_for_a_body_that_nobody_reads(site: Served) -> None:
    with Raw(site.address) as client:
        client.send(b"POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        answer = client.answer()

        assert answer.status == 404
        assert answer.closes
        assert client.rest() == b""


def test_another_expectation_fails(site: Served) -> None:
    with Raw(site.address) as client:
        client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: miracles\r\n\r\n")

        assert client.answer().status == 417


# Bad input.


@pytest.mark.parametrize("request_", MALFORMED.values(), ids=MALFORMED)
def test_what_is_valid_before_a_malformed_request_is_answered_and_nothing_after_it(
    site: Served, request_: bytes
) -> None:
    with Raw(site.address) as client:
        client.send(GET % b"one" + GET % b"two" + request_ + GET % b"never")

        assert client.answer().body == b"Hello, one!\n"
        assert client.answer().body == b"Hello, two!\n"
        refusal = client.answer()
        assert refusal.status == 400
        assert refusal.closes
        assert client.rest() == b""


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 9000), 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: %b\r\n\r\n" % (b"a" * 40000), 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n%b\r\n" % (b"X: 1\r\n" * 100), 431),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 16777217\r\n\r\n", 413),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ],
    ids=["target", "head", "fields", "version", "body", "coding"],
)
def test_what_is_too_much_gets_its_own_status(site: Served, request_: bytes, status: int) -> None:
    with Raw(site.address) as client:
        client.send(request_)
        answer = client.answer()

        assert answer.status == status
        assert answer.closes


def test_a_refused_client_that_goes_on_sending_sees_the_answer(site: Served) -> None:
    with Raw(site.address) as client:
        client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n")
        for _ in range(20):
            client.send(bytes(50_000))

        assert client.answer().status == 413


# Peers that leave or stall.


@pytest.mark.parametrize("loop", LOOPS)
def test_a_reset_amid_an_upload_is_no_event(loop: str) -> None:
    with serve_site(loop, "--log-format", "{method} {target}") as server:
        for _ in range(5):
            client = Raw(server.address)
            client.send(b"PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + bytes(100_000))
            client.reset()
        server.await_output(lambda text: text.count("PUT /upload\n") == 5)
        with Raw(server.address) as client:
            assert client.get("/hello/other").body == b"Hello, other!\n"
        assert server.stop() == 0

    assert server.errors == "aiosock: draining; a second signal ends it at once\n"


@pytest.mark.parametrize("loop", LOOPS)
def test_a_reset_amid_a_stream_ends_its_handler(loop: str) -> None:
    with serve_site(loop, "--log-format", "{method} {target}") as server:
        client = Raw(server.address)
        client.send(b"GET /time HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.answer(bodiless=True).status == 200
        client.reset()

        server.await_output("GET /time\n")
        assert server.stop() == 0

    assert server.errors == "aiosock: draining; a second signal ends it at once\n"


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("option", "seconds", "before"),
    [
        ("head", "1", b"GET / HTTP/1.1\r\nHo"),  # it runs from the connection on, and these bytes must be in time
        ("body-idle", "0.3", b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo"),
    ],
)
def test_a_peer_that_stalls_gets_408(loop: str, option: str, seconds: str, before: bytes) -> None:
    with serve_site(loop, f"--timeouts.{option}-seconds", seconds) as server, Raw(server.address) as client:
        client.send(before)
        answer = client.answer()

        assert answer.status == 408
        assert answer.closes
        assert client.rest() == b""


@pytest.mark.parametrize("loop", LOOPS)
def test_an_idle_connection_is_closed_without_a_word(loop: str) -> None:
    with serve_site(loop, "--timeouts.keep-alive-seconds", "0.3") as server, Raw(server.address) as client:
        client.get()

        assert client.rest() == b""
