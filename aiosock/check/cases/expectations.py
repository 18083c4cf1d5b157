"""Expect (RFC 9110 section 10.1.1): 100 before the body is read, or a final status at once; 417 for anything else."""

from typing import Final

from aiosock.check.answers import Outcome
from aiosock.check.case import (
    ACCEPTED,
    DECISION,
    Case,
    Demand,
    Following,
    Level,
    Trait,
    chunked,
    in_category,
    request,
    valid,
)

_RULE: Final = "RFC 9110 section 10.1.1"
_CHUNKS: Final = b"5\r\nhello\r\n0\r\n\r\n"


def _no_interim(outcome: Outcome) -> bool:
    return not outcome.interim


def _answers_before_the_body(outcome: Outcome) -> bool:
    return outcome.prompted and [head.status for head in outcome.interim] in ([], [100])


_AT_ONCE: Final = Trait("one 100 or the final response before the body is sent", _answers_before_the_body)
_NONE: Final = Trait("no informational response", _no_interim)


def _waiting(name: str, *lines: str, then: bytes = b"hello") -> Case:
    """Return a request whose client waits for a response, 100 or final, before it sends the body."""
    demands = (
        Demand(Level.MUST, _RULE, ACCEPTED, trait=_AT_ONCE),
        # After a final response in place of the 100 the connection may end; after a 100 it should persist.
        Demand(Level.SHOULD, _RULE, ACCEPTED, trait=Trait("the next request answered after a 100", _goes_on)),
    )
    return Case(name, request(*lines, method="POST"), demands, 200, ("POST",), then)


def _goes_on(outcome: Outcome) -> bool:
    return not outcome.interim or len(outcome.answers) == 2


def _eager(name: str, data: bytes) -> Case:
    """Return a request whose client does not wait before it sends the body; the server may close after its response."""
    return Case(name, data, (Demand(Level.MUST, _RULE, ACCEPTED),), 200, ("POST",))


def _silent(name: str, data: bytes, method: str = "POST") -> Case:
    """Return a request that must not get a 100."""
    demand = Demand(Level.MUST, _RULE, ACCEPTED, trait=_NONE)
    return Case(name, data, (demand,), 200, (method,))


def _unknown(name: str, *lines: str) -> Case:
    demands = (
        Demand(Level.MUST, _RULE, ACCEPTED | {417}),
        Demand(Level.STRICT, DECISION, frozenset({417}), closes=True, following=Following.REFUSED),
    )
    return Case(name, request(*lines, method="POST", body=b"hello"), demands, 417, ("POST",))


_FIVE: Final = "Content-Length: 5"

CASES = in_category(
    "expectations",
    [
        _waiting("a client that waits for 100", "Expect: 100-continue", _FIVE),
        _waiting("a client that waits, in capitals", "Expect: 100-CONTINUE", _FIVE),
        _waiting("a client that waits, with tabs", "EXPECT:\t100-continue\t", _FIVE),
        _waiting("a client that waits with chunks", "Expect: 100-continue", "Transfer-Encoding: chunked", then=_CHUNKS),
        _eager("a client that does not wait", request("Expect: 100-continue", _FIVE, method="POST", body=b"hello")),
        _eager("a client that does not wait with chunks", chunked(_CHUNKS, "Expect: 100-continue")),
        valid("an expectation without a body", request("Expect: 100-continue"), _RULE),
        valid("an expectation with a body of zero", request("Expect: 100-continue", "Content-Length: 0"), _RULE),
        _silent(
            "HTTP/1.0 gets no 100",
            request("Expect: 100-continue", _FIVE, method="POST", version="HTTP/1.0", body=b"hello"),
        ),
        Case(
            "HTTP/1.0 gets no 417",
            request("Expect: x-magic", _FIVE, method="POST", version="HTTP/1.0", body=b"hello"),
            (Demand(Level.STRICT, _RULE, ACCEPTED, trait=_NONE),),
            200,
            ("POST",),
        ),
        _silent("no expectation gets no 100", request(_FIVE, method="POST", body=b"hello")),
        _unknown("an unknown expectation", "Expect: x-magic", _FIVE),
        _unknown("an unknown expectation with a value", "Expect: x-magic=1;a=b", _FIVE),
        _unknown("a known expectation and an unknown one", "Expect: 100-continue, x-magic", _FIVE),
        _unknown("a known expectation and an unknown one on two lines", "Expect: 100-continue", "Expect: x", _FIVE),
        _unknown("an expectation that looks like the known one", "Expect: 100-continued", _FIVE),
        _unknown("an expectation with an underscore", "Expect: 100_continue", _FIVE),
        _unknown("an expectation of 200-ok", "Expect: 200-ok", _FIVE),
        _unknown("an unknown expectation that looks like JSON", 'Expect: {"a": 1}', _FIVE),
    ],
)
