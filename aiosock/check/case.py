"""Cases: bytes that a client may send, and what a server owes it in answer (RFC 9110, RFC 9112)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from aiosock.check.answers import Outcome

SILENCE: Final = 0
"""Stands among statuses for "no answer at all"."""

FINAL = frozenset(range(200, 500)) | {501, 505}
"""Any answer but a failure of the server itself."""

ACCEPTED = frozenset(range(200, 500)) - {400, 408, 411, 413, 414, 417, 421, 426, 431}
"""Any answer of a server that has understood the request: it may be 404 or 405, but not a refusal of the bytes."""

CLIENT_ERRORS = frozenset(range(400, 500))
"""Any answer that puts the blame on the client."""

NOT_SERVED = CLIENT_ERRORS | {501, 505}
"""Any refusal."""

ANY_OR_NONE = FINAL | {SILENCE}
"""A server may answer before it has read the body, or give up without a word."""

FOLLOWING: Final = b"GET /?following HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
"""What is sent behind a case: a valid request. It ends the connection, so an answer to it also says "still open"."""

GRAMMAR: Final = "RFC 9112 section 2.2"
"""Asks for 400 and a close where the bytes do not match the grammar."""

PERSISTENCE: Final = "RFC 9112 section 9.3"
"""Asks for connections that persist."""

DECISION: Final = "docs/explanation/supported-http.md"
"""Our own choice: strict by default."""


class Level(Enum):
    """How much a demand weighs."""

    MUST = "the RFC leaves no choice"
    SHOULD = "the RFC asks for it unless there is a good reason"
    STRICT = "the RFC leaves it open, and we choose the strict side"


class Following(Enum):
    """Whether the valid request behind a case is to be answered."""

    ANSWERED = "it must be"
    REFUSED = "it must not be: where the case ends is in doubt, or the connection is over"
    EITHER = "both are fine"


@dataclass(frozen=True, slots=True)
class Trait:
    """Something to be seen in the answers besides their statuses."""

    text: str
    holds: Callable[[Outcome], bool]


@dataclass(frozen=True, slots=True)
class Demand:
    """What one section asks of the server: the status of the last answer of the case, and what comes then."""

    level: Level
    section: str
    statuses: frozenset[int] = ANY_OR_NONE
    closes: bool = False
    following: Following = Following.EITHER
    trait: Trait | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A conversation with a server, and the demands on it, most important first.

    `data` is sent at once, `then` as soon as the server has said something. With `ends` the client half-closes after
    that; otherwise FOLLOWING is sent behind it. `methods` are those of the requests in `data`; what comes after the
    last of them is judged. `ours` is the status that aiosock gives where `/` takes a body with any method.
    """

    name: str
    data: bytes
    demands: tuple[Demand, ...]
    ours: int
    methods: tuple[str, ...] = ("GET",)
    then: bytes = b""
    ends: bool = False
    category: str = ""


def in_category(category: str, cases: Iterable[Case]) -> tuple[Case, ...]:
    """Give the cases with their category."""
    return tuple(replace(case, category=category) for case in cases)


# Kinds of cases.


def valid(name: str, data: bytes, section: str, *, level: Level = Level.MUST, ours: int = 200) -> Case:
    """Give a case that is to be understood, and after which the connection persists."""
    return Case(
        name,
        data,
        (
            Demand(level, section, ACCEPTED),
            Demand(Level.SHOULD, PERSISTENCE, ACCEPTED, following=Following.ANSWERED),
        ),
        ours,
        (method_of(data),),
    )


def last(name: str, data: bytes, section: str, *, level: Level = Level.MUST, ours: int = 200) -> Case:
    """Give a case that is to be understood, and after which the connection is over."""
    ending = Demand(level, section, ACCEPTED, closes=True, following=Following.REFUSED)
    return Case(name, data, (ending,), ours, (method_of(data),))


def refused(
    name: str,
    data: bytes,
    section: str = GRAMMAR,
    level: Level = Level.SHOULD,
    statuses: Iterable[int] = (400,),
    *,
    closing: Level | None = None,
    ours: int = 400,
) -> Case:
    """Give a case that is to be refused: with one of `statuses` at `level`, and with a close at `closing`."""
    codes = frozenset(statuses)
    demands = [Demand(level, section, codes)]
    if closing in (None, level):
        demands = [Demand(level, section, codes, closes=True, following=Following.REFUSED)]
    elif closing is not None:
        where = GRAMMAR if closing is Level.SHOULD else DECISION
        demands.append(Demand(closing, where, closes=True, following=Following.REFUSED))
    if ours in codes and len(codes) > 1:
        demands.append(Demand(Level.STRICT, DECISION, frozenset({ours})))
    return Case(name, data, tuple(demands), ours, (method_of(data),))


def unframed(
    name: str,
    data: bytes,
    section: str,
    level: Level = Level.SHOULD,
    *,
    ours: int = 400,
    ends: bool = False,
) -> Case:
    """Give a case whose body has a fault: whatever is answered, perhaps before the fault is read, nothing may follow.

    Nor is it a success: at STRICT level, for a handler may answer without having looked at the body.
    """
    demands = (
        Demand(level, section, ANY_OR_NONE, closes=True, following=Following.REFUSED),
        Demand(Level.STRICT, DECISION, NOT_SERVED | {SILENCE}),
    )
    return Case(name, data, demands, ours, (method_of(data),), ends=ends)


def method_of(data: bytes) -> str:
    """Give the method of a request, for the sake of the answer's framing; GET where there is none."""
    words = data.lstrip(b"\r\n").split(b" ", 1)[0]
    return words.decode("latin-1") if words.isalpha() else "GET"


# Requests as bytes.


def request(
    *fields: str, method: str = "GET", target: str = "/", version: str = "HTTP/1.1", body: bytes = b""
) -> bytes:
    """Give a request with a Host field and these; characters up to U+00FF stand for bytes."""
    return bare(f"{method} {target} {version}", "Host: localhost", *fields, body=body)


def bare(*lines: str, body: bytes = b"") -> bytes:
    """Give a request of these lines and nothing more."""
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n" + body


def post(body: bytes, *fields: str, method: str = "POST") -> bytes:
    """Give a request with a body and its length."""
    return request(f"Content-Length: {len(body)}", *fields, method=method, body=body)


def chunked(body: bytes, *fields: str, method: str = "POST") -> bytes:
    """Give a request whose body is said to be in chunks; `body` is sent as it is."""
    return request("Transfer-Encoding: chunked", *fields, method=method, body=body)


def spelled(byte: int) -> str:
    """Give a byte the name under which a person would look for it."""
    return _SPELLED.get(byte) or (chr(byte) if 0x21 <= byte <= 0x7E else f"byte 0x{byte:02x}")


_SPELLED = {0x00: "NUL", 0x09: "tab", 0x0A: "LF", 0x0B: "VT", 0x0C: "FF", 0x0D: "CR", 0x20: "space", 0x7F: "DEL"}
