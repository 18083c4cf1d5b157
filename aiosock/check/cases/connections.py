"""Connections (RFC 9112 section 9): they persist, they close when asked to, and responses come in order."""

from dataclasses import replace
from typing import Final

from aiosock.check.answers import Outcome
from aiosock.check.case import (
    ACCEPTED,
    DECISION,
    GRAMMAR,
    SILENCE,
    Case,
    Demand,
    Following,
    Level,
    Trait,
    bare,
    chunked,
    in_category,
    last,
    post,
    refused,
    request,
    valid,
)

_CLOSE: Final = "RFC 9112 section 9.6"
_PIPELINING: Final = "RFC 9112 section 9.3.2"
_GET: Final = request()
_CHUNKS: Final = b"5\r\nhello\r\n0\r\n\r\n"


def _says_close(outcome: Outcome) -> bool:
    return "close" in outcome.answers[-1].headers.get("connection", "").lower()


_CLOSE_SAID: Final = Trait("Connection: close in the response", _says_close)


def _closing(name: str, data: bytes) -> Case:
    """Return a request that asks for a close: the server must not process the next one, and its response says close."""
    demands = (
        Demand(Level.MUST, _CLOSE, ACCEPTED, closes=True, following=Following.REFUSED),
        Demand(Level.SHOULD, _CLOSE, ACCEPTED, trait=_CLOSE_SAID),
    )
    return Case(name, data, demands, 200)


def _old(name: str, *lines: str) -> Case:
    """Return an HTTP/1.0 request after which the connection may persist."""
    demand = Demand(Level.STRICT, "RFC 9112 section 9.3", ACCEPTED, following=Following.ANSWERED)
    return Case(
        name, request(*lines, version="HTTP/1.0"), (Demand(Level.MUST, "RFC 9112 section 9.3", ACCEPTED), demand), 200
    )


def _pipeline(name: str, *requests: bytes, methods: tuple[str, ...]) -> Case:
    return replace(valid(name, b"".join(requests), _PIPELINING), methods=methods)


def _then_refused(name: str, second: bytes) -> Case:
    """Return a valid request and an invalid one: the first is answered, the second refused, and the next not answered."""
    return replace(refused(name, _GET + second, GRAMMAR), methods=("GET", "GET"))


CASES = in_category(
    "connections",
    [
        valid("keep-alive", request("Connection: keep-alive"), "RFC 9112 section 9.3"),
        valid("an empty Connection", request("Connection:"), "RFC 9110 section 5.6.1"),
        valid("an unknown option", request("Connection: x-option"), "RFC 9110 section 7.6.1"),
        valid("an option that looks like close", request("Connection: closed, xclose, close-x"), _CLOSE),
        valid("close in another field", request("X-Connection: close", "Proxy-Connection: close"), _CLOSE),
        _closing("close", request("Connection: close")),
        _closing("close in capitals", request("Connection: CLOSE")),
        _closing("close without a space", request("Connection:close")),
        _closing("close with tabs", request("Connection:\tclose\t")),
        _closing("keep-alive and close", request("Connection: keep-alive, close")),
        _closing("close and keep-alive", request("Connection: close, keep-alive")),
        _closing("close among empty elements", request("Connection: , close ,,")),
        _closing("close after another option without a space", request("Connection: te,Close", "TE: trailers")),
        _closing("close on a second line", request("Connection: keep-alive", "Connection: close")),
        _closing("close in HTTP/1.0", request("Connection: close", version="HTTP/1.0")),
        _closing("close and keep-alive in HTTP/1.0", request("Connection: keep-alive, close", version="HTTP/1.0")),
        replace(_closing("close with a body", post(b"hello", "Connection: close")), methods=("POST",)),
        replace(_closing("close with chunks", chunked(_CHUNKS, "Connection: close")), methods=("POST",)),
        # HTTP/1.0.
        last(
            "HTTP/1.0 with an unknown option closes",
            request("Connection: x", version="HTTP/1.0"),
            "RFC 9112 section 9.3",
        ),
        last(
            "Keep-Alive alone keeps nothing alive", request("Keep-Alive: 5", version="HTTP/1.0"), "RFC 9112 section 9.3"
        ),
        _old("HTTP/1.0 with keep-alive persists", "Connection: keep-alive"),
        _old("HTTP/1.0 with keep-alive in capitals persists", "Connection: Keep-Alive"),
        _old("HTTP/1.0 with keep-alive in a list persists", "Connection: x, keep-alive"),
        # Pipelines.
        _pipeline("three requests at once", _GET, _GET, _GET, methods=("GET",) * 3),
        _pipeline("forty requests at once", *[_GET] * 40, methods=("GET",) * 40),
        _pipeline("HEAD between two GETs", _GET, request(method="HEAD"), _GET, methods=("GET", "HEAD", "GET")),
        _pipeline(
            "bodies of both framings at once", post(b"hello"), chunked(_CHUNKS), _GET, methods=("POST", "POST", "GET")
        ),
        _pipeline("different fields in each request", request("X: 1"), request("Y: 2"), _GET, methods=("GET",) * 3),
        _pipeline(
            "a body in the first of two alike",
            request("Content-Length: 2", method="POST", body=b"ab"),
            request("Content-Length: 2", method="POST", body=b"cd"),
            methods=("POST", "POST"),
        ),
        replace(_closing("close in the second of two", _GET + request("Connection: close")), methods=("GET", "GET")),
        _then_refused("a valid request, then nonsense", b"nonsense\r\n\r\n"),
        _then_refused("a valid request, then one without a version", b"GET /\r\n\r\n"),
        _then_refused("a valid request, then a bad field", bare("GET / HTTP/1.1", "Host: localhost", "X[]: 1")),
        Case(
            "a valid request, then one with the same fields but two lengths",
            post(b"") + request("Content-Length: 0", "Content-Length: 5", method="POST", body=b"hello"),
            (
                Demand(
                    Level.MUST,
                    "RFC 9112 section 6.3",
                    frozenset({400, SILENCE}),
                    closes=True,
                    following=Following.REFUSED,
                ),
                Demand(Level.SHOULD, "RFC 9112 section 6.3", frozenset({400})),
            ),
            400,
            ("POST", "POST"),
        ),
        Case(
            "a body longer than announced",
            post(b"hello") + b"!" + _GET,
            (Demand(Level.SHOULD, "RFC 9112 section 6.3", frozenset({400, 404, 405, 501})),),
            501,  # the rest is read as a request with the method !GET
            ("POST", "GET"),
        ),
        # A client that half-closes still waits for its response.
        Case(
            "the client ends its input after the request",
            _GET,
            (Demand(Level.STRICT, DECISION, ACCEPTED, closes=True, following=Following.REFUSED),),
            200,
            ends=True,
        ),
        Case(
            "the client ends its input after a body",
            post(b"hello"),
            (Demand(Level.STRICT, DECISION, ACCEPTED, closes=True, following=Following.REFUSED),),
            200,
            ("POST",),
            ends=True,
        ),
    ],
)
