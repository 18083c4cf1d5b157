"""Cases: the bytes that a client sends, and what a server must then do (RFC 9110, RFC 9112)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from aiosock.check.answers import Outcome

SILENCE: Final = 0
"""The value among statuses that means "no response at all"."""

FINAL = frozenset(range(200, 500)) | {501, 505}
"""Any status except a failure of the server itself."""

ACCEPTED = frozenset(range(200, 500)) - {400, 408, 411, 413, 414, 417, 421, 426, 431}
"""Any status of a server that has understood the request: it may be 404 or 405, but no status that rejects the bytes."""

CLIENT_ERRORS = frozenset(range(400, 500))
"""Any status that says that the client made the error."""

NOT_SERVED = CLIENT_ERRORS | {501, 505}
"""Any refusal."""

ANY_OR_NONE = FINAL | {SILENCE}
"""Any status, or none: a server may answer before it has read the body, or close without an answer."""

FOLLOWING: Final = b"GET /?following HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
"""The valid request that is sent after a case. It asks for a close, so a response to it shows that the server had kept
the connection open."""

GRAMMAR: Final = "RFC 9112 section 2.2"
"""The section that asks for 400 and a close if the bytes do not match the grammar."""

PERSISTENCE: Final = "RFC 9112 section 9.3"
"""The section that asks for persistent connections."""

DECISION: Final = "docs/explanation/supported-http.md"
"""The page with our own choices: strict by default."""


class Level(Enum):
    """How much a demand weighs."""

    MUST = "the RFC leaves no choice"
    SHOULD = "the RFC asks for it unless there is a good reason"
    STRICT = "the RFC leaves it open, and we choose the strict side"


class Following(Enum):
    """Whether the server should answer the valid request that is sent after a case."""

    ANSWERED = "it must answer"
    REFUSED = "it must not answer: the end of the case is in doubt, or the connection has ended"
    EITHER = "both are allowed"


@dataclass(frozen=True, slots=True)
class Trait:
    """Something that the responses must show besides their statuses."""

    text: str
    holds: Callable[[Outcome], bool]


@dataclass(frozen=True, slots=True)
class Demand:
    """What one section asks of the server: the status of the last response of the case, and what happens after it."""

    level: Level
    section: str
    statuses: frozenset[int] = ANY_OR_NONE
    closes: bool = False
    following: Following = Following.EITHER
    trait: Trait | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """The bytes that a client sends, and the demands on the server, the most important first.

    `data` is sent at once. `then` is sent as soon as the server has sent something. After that the client half-closes
    if `ends` is true; otherwise it sends FOLLOWING. `methods` are the methods of the requests in `data`. The demands
    are about the response to the last of these. `ours` is the status of aiosock's response, from an app that takes a
    body with any method at `/`.
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
    """Return the cases with their category set."""
    return tuple(replace(case, category=category) for case in cases)


# Kinds of cases.


def valid(name: str, data: bytes, section: str, *, level: Level = Level.MUST, ours: int = 200) -> Case:
    """Return a case that the server must accept, and after which the connection persists."""
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
    """Return a case that the server must accept, and after which the connection ends."""
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
    """Return a case that the server must refuse.

    `level` is the weight of the demand for one of `statuses`, `closing` that of the demand for a close; None is the
    same level.
    """
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
    """Return a case whose body is malformed: the server must close and must not read a next request.

    Any status is allowed, for a server may answer before it reads the malformed part. A status of success fails at
    STRICT level only, for a handler may answer without reading the body.
    """
    demands = (
        Demand(level, section, ANY_OR_NONE, closes=True, following=Following.REFUSED),
        Demand(Level.STRICT, DECISION, NOT_SERVED | {SILENCE}),
    )
    return Case(name, data, demands, ours, (method_of(data),), ends=ends)


def method_of(data: bytes) -> str:
    """Return the method of a request, which the framing of the response depends on; GET if there is none."""
    words = data.lstrip(b"\r\n").split(b" ", 1)[0]
    return words.decode("latin-1") if words.isalpha() else "GET"


# Requests as bytes.


def request(
    *fields: str, method: str = "GET", target: str = "/", version: str = "HTTP/1.1", body: bytes = b""
) -> bytes:
    """Return a request with a Host field and these fields; each character up to U+00FF is one byte."""
    return bare(f"{method} {target} {version}", "Host: localhost", *fields, body=body)


def bare(*lines: str, body: bytes = b"") -> bytes:
    """Return a request of these lines and no others."""
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n" + body


def post(body: bytes, *fields: str, method: str = "POST") -> bytes:
    """Return a request with a body and its Content-Length."""
    return request(f"Content-Length: {len(body)}", *fields, method=method, body=body)


def chunked(body: bytes, *fields: str, method: str = "POST") -> bytes:
    """Return a request with `Transfer-Encoding: chunked`; `body` is sent as it is."""
    return request("Transfer-Encoding: chunked", *fields, method=method, body=body)


def spelled(byte: int) -> str:
    """Return a name of a byte for people, such as NUL or space."""
    return _SPELLED.get(byte) or (chr(byte) if 0x21 <= byte <= 0x7E else f"byte 0x{byte:02x}")


_SPELLED = {0x00: "NUL", 0x09: "tab", 0x0A: "LF", 0x0B: "VT", 0x0C: "FF", 0x0D: "CR", 0x20: "space", 0x7F: "DEL"}
