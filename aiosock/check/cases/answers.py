"""Responses (RFC 9110 sections 6 and 15, RFC 9112 sections 4 and 6): what each of them must have."""

from typing import Final

from aiosock.check.answers import Outcome
from aiosock.check.case import (
    ACCEPTED,
    FINAL,
    PERSISTENCE,
    Case,
    Demand,
    Following,
    Level,
    Trait,
    bare,
    in_category,
    method_of,
    post,
    request,
)
from aiosock.wire.conditional import parse_date

_DATE: Final = "RFC 9110 section 6.6.1"


def _has_date(outcome: Outcome) -> bool:
    return all(
        parse_date(answer.headers.get("date", "")) is not None for answer in outcome.answers if answer.status < 500
    )


def _has_no_coding(outcome: Outcome) -> bool:
    return not any("transfer-encoding" in answer.headers for answer in outcome.answers[:1])


def _has_no_framing(outcome: Outcome) -> bool:
    return not any(
        name in answer.headers for answer in outcome.answers if answer.status == 204
        for name in ("content-length", "transfer-encoding")
    )  # fmt: skip


def _has_one_framing(outcome: Outcome) -> bool:
    return not any(
        "content-length" in answer.headers and "transfer-encoding" in answer.headers for answer in outcome.answers
    )


def _says_what_is_allowed(outcome: Outcome) -> bool:
    return all("allow" in answer.headers for answer in outcome.answers if answer.status == 405)


def _says_that_it_closes(outcome: Outcome) -> bool:
    """Return whether the last response before the end of the connection says `Connection: close`."""
    return not outcome.ended or "close" in outcome.answers[-1].headers.get("connection", "").lower()


def _says_that_it_persists(outcome: Outcome) -> bool:
    first = outcome.answers[0].headers.get("connection", "").lower()
    return len(outcome.answers) < 2 or "keep-alive" in first


_DATED: Final = Trait("a Date", _has_date)
_ALLOWING: Final = Trait("Allow with a 405", _says_what_is_allowed)
_UNCODED: Final = Trait("no Transfer-Encoding", _has_no_coding)
_ONE_FRAMING: Final = Trait("not both Content-Length and Transfer-Encoding", _has_one_framing)
_BARE_204: Final = Trait("no Content-Length with a 204", _has_no_framing)
_FAREWELL: Final = Trait("Connection: close in the last response", _says_that_it_closes)
_KEPT: Final = Trait("Connection: keep-alive in a response to HTTP/1.0 that persists", _says_that_it_persists)


def _with(name: str, data: bytes, trait: Trait, section: str, *, level: Level = Level.MUST, ours: int = 200) -> Case:
    return Case(name, data, (Demand(level, section, FINAL, trait=trait),), ours, (method_of(data),))


def _head(name: str, data: bytes, ours: int = 200) -> Case:
    """Return a HEAD request and the demand for a response after it: a body would be read as the start of that one."""
    demand = Demand(Level.MUST, "RFC 9110 section 9.3.2", FINAL)
    persistence = Demand(Level.SHOULD, PERSISTENCE, ACCEPTED, following=Following.ANSWERED)
    return Case(name, data, (demand, persistence), ours, ("HEAD",))


_HTTP_1_0: Final = "HTTP/1.0"

CASES = in_category(
    "answers",
    [
        _head("HEAD of a path that may not exist has no body", request(method="HEAD", target="/no/such/path")),
        _head("HEAD as the script of a page sends it", request("Accept: text/html", method="HEAD")),
        _with("Date on GET", request(), _DATED, _DATE),
        _with("Date on HEAD", request(method="HEAD"), _DATED, _DATE),
        _with("Date on POST", post(b"hello"), _DATED, _DATE),
        _with("Date on OPTIONS", request(method="OPTIONS", target="*"), _DATED, _DATE, ours=204),
        _with("Date for a path that may not exist", request(target="/no/such/path"), _DATED, _DATE),
        _with("Date on a refusal", bare("GET / HTTP/1.1", "Host: localhost", "X[]: 1"), _DATED, _DATE, ours=400),
        _with("Date on a response to HTTP/1.0", request(version=_HTTP_1_0), _DATED, _DATE),
        _with("HTTP/1.0 gets no chunks", request(version=_HTTP_1_0), _UNCODED, "RFC 9112 section 6.1"),
        _with(
            "HTTP/1.0 with keep-alive gets no chunks",
            request("Connection: keep-alive", version=_HTTP_1_0),
            _UNCODED,
            "RFC 9112 section 6.1",
        ),
        _with(
            "HTTP/1.0 that offers TE gets no chunks",
            request("TE: chunked, trailers", version=_HTTP_1_0),
            _UNCODED,
            "RFC 9112 section 6.1",
        ),
        _with(
            "HTTP/1.0 gets no chunks for a path that may not exist",
            request(target="/no/such/path", version=_HTTP_1_0),
            _UNCODED,
            "RFC 9112 section 6.1",
        ),
        _with("one framing on GET", request(), _ONE_FRAMING, "RFC 9112 section 6.2"),
        _with("one framing on HEAD", request(method="HEAD"), _ONE_FRAMING, "RFC 9112 section 6.2"),
        _with("204 has no length", request(method="OPTIONS"), _BARE_204, "RFC 9110 section 8.6", ours=204),
        _with("Allow with 405 for DELETE", request(method="DELETE"), _ALLOWING, "RFC 9110 section 15.5.6"),
        _with(
            "Allow with 405 for an unknown method", request(method="X"), _ALLOWING, "RFC 9110 section 15.5.6", ours=501
        ),
        Case(
            "HEAD that is refused has no body",
            bare("HEAD / HTTP/1.1"),
            (Demand(Level.MUST, "RFC 9110 section 9.3.2", frozenset({400})),),
            400,
            ("HEAD",),
        ),
        _with(
            "a refusal says that it closes",
            bare("GET / HTTP/1.1", "Host: localhost", "X[]: 1"),
            _FAREWELL,
            "RFC 9112 section 9.6",
            level=Level.SHOULD,
            ours=400,
        ),
        _with(
            "a response to close says that it closes",
            request("Connection: close"),
            _FAREWELL,
            "RFC 9112 section 9.6",
            level=Level.SHOULD,
        ),
        _with(
            "a response to HTTP/1.0 that persists says so",
            request("Connection: keep-alive", version=_HTTP_1_0),
            _KEPT,
            "RFC 9112 section 9.3",
            level=Level.SHOULD,
        ),
    ],
)
