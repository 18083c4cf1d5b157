"""Request and response heads (RFC 9112 sections 2 to 6): bytes in, records out, and the way back."""

from collections.abc import Iterable
from functools import cache, lru_cache
from itertools import takewhile
from typing import Final

from aiosock.config import Limits
from aiosock.errors import ProtocolError, reason_phrase
from aiosock.headers import Headers
from aiosock.wire import grammar
from aiosock.wire.target import parse_host, parse_target

CHUNKED: Final = -1
"""The framing of a body that ends with its last chunk; a framing of 0 or more is a length in bytes."""

UNTIL_CLOSE: Final = -2
"""The framing of a response body that ends with the connection (RFC 9112 section 6.3, rule 8)."""

BODILESS = frozenset({*range(100, 200), 204, 304})
"""Statuses whose answers have no body, whatever their fields say (RFC 9112 section 6.3, rule 1)."""


class FieldSection:
    """The fields of one head that the server itself acts on, in lower case.

    `host` and `expect` are None where absent, `connection` and `upgrade` are sets of tokens, `transfer_encoding` joins its
    lines with a comma.
    """

    __slots__ = ("connection", "content_length", "expect", "host", "transfer_encoding", "upgrade")

    def __init__(self) -> None:
        self.host: str | None = None
        self.content_length: int | None = None
        self.transfer_encoding: str | None = None
        self.connection: frozenset[str] = frozenset()
        self.upgrade: frozenset[str] = frozenset()
        self.expect: str | None = None

    def copy(self) -> "FieldSection":
        """Give another that says the same, to be changed by further lines."""
        section = FieldSection()
        section.host = self.host
        section.content_length = self.content_length
        section.transfer_encoding = self.transfer_encoding
        section.connection = self.connection
        section.upgrade = self.upgrade
        section.expect = self.expect
        return section


class RequestHead:
    """A request line and its fields. `version` is (1, 0) or (1, 1); `path` is decoded, `raw_path` and `query` are not.

    `octets` holds the head as it arrived, up to and with its blank line. `opening` is the field lines with which all
    heads of the connection have begun so far, and what they say. Not to be changed: the requests of a connection that
    have equal heads share one.
    """

    __slots__ = (
        "_block_start",
        "fields",
        "host",
        "method",
        "octets",
        "opening",
        "path",
        "query",
        "raw_path",
        "target",
        "version",
    )

    raw_path: str
    path: str
    query: str

    def __init__(
        self,
        octets: bytes,
        block_start: int,
        method: str,
        target: str,
        version: tuple[int, int],
        fields: FieldSection,
        opening: tuple[bytes, FieldSection | None],
    ) -> None:
        """Raise ProtocolError (400) where target and Host do not agree with each other or with the RFC."""
        self.octets: bytes = octets
        self.opening: tuple[bytes, FieldSection | None] = opening
        self._block_start = block_start
        self.method: str = method
        self.target: str = target
        self.version: tuple[int, int] = version
        self.fields: FieldSection = fields
        self.raw_path, self.path, self.query, authority = parse_target(target, method)
        self.host = fields.host
        if authority is not None:
            # RFC 9112 section 3.2 makes a client send an identical Host; two that differ are two servers' disagreement.
            if fields.host is not None and fields.host != authority and method != "CONNECT":
                raise ProtocolError(400, "The request-target and the Host field name different hosts.")
            self.host = authority

    @property
    def block(self) -> bytes:
        """The field lines as they arrived."""
        return self.octets[self._block_start : -2]


class ResponseHead:
    """A status line and its fields, as a client reads them."""

    __slots__ = ("headers", "reason", "status", "version")

    def __init__(self, status: int, reason: str, version: tuple[int, int], headers: Headers) -> None:
        self.status: int = status
        self.reason: str = reason
        self.version: tuple[int, int] = version
        self.headers: Headers = headers


_VERSIONS = {b"0": (1, 0), b"1": (1, 1)}


def find_head(buffer: bytes, scanned: int, limits: Limits) -> int:
    """Give the index behind a request head at the start of `buffer`, or 0 while its end has not arrived.

    `scanned` says how many bytes of it an earlier call has seen, so that a head that drips in is not read again and again.

    Raises ProtocolError as soon as a byte, a whole line or the length shows that no continuation can make it valid.
    """
    start = max(scanned - 3, _skip_empty_lines(buffer)) if scanned or buffer.startswith(b"\r") else 0
    end = buffer.find(b"\r\n\r\n", start)
    if end >= 0:
        return end + 4
    if (
        buffer.find(b"\n", scanned) >= 0
        or grammar.FORBIDDEN_IN_HEAD.search(buffer, max(scanned - 1, 0))
        or scanned <= limits.request_line_bytes < len(buffer)
        or len(buffer) > limits.head_bytes
    ):
        refuse_invalid(buffer, limits)
    return 0


def parse_head(head: bytes, limits: Limits, previous: RequestHead | None = None) -> RequestHead:
    """Parse a request head, given up to and with its blank line.

    `previous` is the connection's last request: an equal field block need not be read again, nor the lines with which
    all heads of the connection have begun (20 % of the work for a browser, whose Referer and Cookie differ each time).

    Raises ProtocolError: 400 malformed, 414 and 431 beyond the limits, 501 a foreign transfer coding, 505 not HTTP/1.
    """
    line = grammar.REQUEST_LINE.match(head)
    if line is None or line[3] != b"1" or line.end() > limits.request_line_bytes or len(head) > limits.head_bytes:
        raise invalid_head(head, limits)
    block = head[line.end() : -2]
    if previous is not None and previous.block == block:
        fields, opening = previous.fields, previous.opening
    else:
        known, said = previous.opening if previous is not None else (b"", None)
        if not block.startswith(known):
            known, said = _shorter_opening(known, block)
        rest = block[len(known) :]
        if block.count(b"\n") > limits.fields or not grammar.FIELD_BLOCK.fullmatch(rest):
            raise invalid_head(head, limits)
        fields = read_fields(rest, said)
        opening = (block, fields) if previous is None else (known, said)
    # RFC 9110 section 2.5: a higher minor version is served as the highest we know.
    version = _VERSIONS.get(line[4], (1, 1))
    if fields.host is None and version == (1, 1):
        raise ProtocolError(400, "An HTTP/1.1 request needs a Host field.")  # RFC 9112 section 3.2
    if fields.transfer_encoding is not None and version == (1, 0):
        raise ProtocolError(400, "HTTP/1.0 has no Transfer-Encoding.")  # RFC 9112 section 6.1
    return RequestHead(head, line.end(), line[1].decode("ascii"), line[2].decode("ascii"), version, fields, opening)


def read_fields(block: bytes, known: FieldSection | None = None) -> FieldSection:
    """Pick the fields the server acts on out of a block of valid field lines; `known` is what the lines before it say.

    Raises ProtocolError: 400 for fields that leave framing or host in doubt, 501 for a foreign transfer coding.
    """
    lines = grammar.FRAMING_FIELDS.findall(b"\n" + block.lower())
    if known is not None and not lines:
        return known
    section = known.copy() if known is not None else FieldSection()
    for name, octets in lines:
        value = octets.decode("latin-1").strip(" \t")
        if name == b"host":
            _refuse_second(section.host, "Host")
            section.host = parse_host(value)
        elif name == b"connection":
            section.connection |= _tokens(value)
        elif name == b"content-length":
            _refuse_second(section.content_length, "Content-Length")
            section.content_length = _parse_content_length(value)
        elif name == b"transfer-encoding":
            section.transfer_encoding = _joined(section.transfer_encoding, value)
        elif name == b"upgrade":
            section.upgrade |= _tokens(value)
        else:
            section.expect = _joined(section.expect, value)
    if section.transfer_encoding is not None:
        _refuse_doubtful_coding(section)
    return section


def find_field(head: RequestHead, name: bytes, default: str) -> str:
    """Give what `Headers.get` would, for a name in lower case, without splitting all other fields for it."""
    octets, sought = head.octets, b"\n%b:" % name
    lowered = octets.lower()
    values: list[str] = []
    start = lowered.find(sought)
    while start >= 0:
        start += len(sought)
        end = octets.index(b"\r", start)
        values.append(octets[start:end].decode("latin-1").strip(" \t"))
        start = lowered.find(sought, end)
    return ", ".join(values) if values else default


def body_framing(head: RequestHead) -> int:
    """Give the length of the request's body in bytes, or CHUNKED (RFC 9112 section 6.3)."""
    if head.fields.transfer_encoding is not None:
        return CHUNKED
    return head.fields.content_length or 0


def keeps_alive(head: RequestHead) -> bool:
    """Say whether the client wants the connection to persist (RFC 9112 section 9.3)."""
    options = head.fields.connection
    if not options:
        return head.version == (1, 1)
    return "close" not in options and (head.version == (1, 1) or "keep-alive" in options)


def invalid_head(head: bytes, limits: Limits) -> ProtocolError:
    """Give the error for a request head that is not valid."""
    try:
        refuse_invalid(head, limits)
    except ProtocolError as error:
        return error
    return ProtocolError(400, "The request head is malformed.")


def refuse_invalid(head: bytes, limits: Limits) -> None:
    """Raise ProtocolError for the first fault of a request head, whole or not yet.

    The order is that of the wire, so a head gets the same verdict in whatever pieces it arrives.
    """
    start = _skip_empty_lines(head)
    request_line, *field_lines = grammar.LINE.findall(head, start) or [b""]
    # The empty lines count, or a client that sends nothing else could go on for ever.
    opening = head[: start + len(request_line)]
    _refuse_bytes(opening, min(limits.request_line_bytes, limits.head_bytes), 414, "The request line is too long.")
    if request_line.endswith(b"\n"):
        _refuse_request_line(request_line)
    room = limits.head_bytes - len(opening)
    for number, line in enumerate(field_lines, 1):
        _refuse_bytes(line, room, 431, f"The request head has more than {limits.head_bytes} bytes.")
        room -= len(line)
        if line.endswith(b"\n") and line != b"\r\n":
            _refuse_field_line(line)
            if number > limits.fields:
                raise ProtocolError(431, f"The request head has more than {limits.fields} field lines.")


def encode_head(status: int, fields: Iterable[tuple[str, str]], framing: bytes = b"") -> bytes:
    r"""Give a response head, blank line included: status line, `framing` (whole lines), then `fields`.

    The pairs must be valid, as those of `Headers` are.
    """
    return status_line(status) + framing + encode_fields(fields) + b"\r\n"


def encode_fields(fields: Iterable[tuple[str, str]]) -> bytes:
    """Give field lines; the pairs must be valid. Names are written as people expect them: `Content-Type`."""
    return "".join([f"{wire_name(name)}: {value}\r\n" for name, value in fields]).encode("latin-1")


def encode_request_head(method: str, target: str, fields: Iterable[tuple[str, str]]) -> bytes:
    """Give a request head, blank line included: what our own client sends. All parts must be valid."""
    return f"{method} {target} HTTP/1.1\r\n".encode("ascii") + encode_fields(fields) + b"\r\n"


@cache  # bounded: a status has three digits
def status_line(status: int) -> bytes:
    """Give the status line, with our own version whatever the client's is (RFC 9110 section 2.5)."""
    return f"HTTP/1.1 {status} {reason_phrase(status)}\r\n".encode("ascii")


_SPELLED = {"etag": "ETag", "te": "TE", "www-authenticate": "WWW-Authenticate"}


@lru_cache(maxsize=1024)
def wire_name(name: str) -> str:
    """Give a lower-case field name in the spelling of RFC 9110: old programs compare it letter by letter."""
    return _SPELLED.get(name) or "-".join(part.capitalize() for part in name.split("-"))


def parse_response_head(head: bytes) -> ResponseHead:
    """Parse a response head, given up to and with its blank line: what our own client reads.

    Raises ProtocolError (502) where it is malformed.
    """
    line = grammar.STATUS_LINE.match(head)
    if line is None or not grammar.FIELD_BLOCK.fullmatch(head, line.end(), len(head) - 2):
        raise ProtocolError(502, "The response head is malformed.")
    headers = Headers.from_block(head[line.end() : -2])
    return ResponseHead(int(line[2]), line[3].decode("latin-1"), _VERSIONS[line[1]], headers)


def response_framing(head: ResponseHead, method: str) -> int:
    """Give the length of a response's body in bytes, CHUNKED or UNTIL_CLOSE (RFC 9112 section 6.3).

    Raises ProtocolError (502) for a Content-Length that is none.
    """
    if method == "HEAD" or head.status in BODILESS or (method == "CONNECT" and head.status < 300):
        return 0
    coding = head.headers.get("transfer-encoding")
    if coding is not None:  # rule 4: the final coding decides
        return CHUNKED if coding.lower().rpartition(",")[2].strip(" \t") == "chunked" else UNTIL_CLOSE
    length = head.headers.get("content-length")
    if length is None:
        return UNTIL_CLOSE
    if not grammar.CONTENT_LENGTH.fullmatch(length.encode("latin-1")):
        raise ProtocolError(502, "The response's Content-Length is malformed.")
    return int(length)


def _shorter_opening(known: bytes, block: bytes) -> tuple[bytes, FieldSection]:
    """Give the lines with which both blocks begin, and what they say."""
    # An opening only ever gets shorter, so this is done a few times for a connection, never for each request.
    pairs = zip(known.splitlines(keepends=True), block.splitlines(keepends=True), strict=False)
    shared = b"".join([line for line, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)])
    return shared, read_fields(shared)


def _skip_empty_lines(buffer: bytes) -> int:
    match = grammar.EMPTY_LINES.match(buffer)
    return match.end() if match else 0


def _refuse_second(first: object, name: str) -> None:
    # Two equal lines are refused like two that differ: whoever sends them cannot be trusted with the rest.
    if first is not None:
        raise ProtocolError(400, f"The {name} field is repeated.")


def _joined(first: str | None, value: str) -> str:
    return value if first is None else f"{first},{value}"


def _tokens(value: str) -> frozenset[str]:
    # Nearly always one: 0.8 us less for a browser's head than taking a list apart.
    return frozenset((value,)) if "," not in value else frozenset([token.strip(" \t") for token in value.split(",")])


def _parse_content_length(value: str) -> int:
    # int() alone would take "+5", "5_0" and the digits of every script.
    if not grammar.CONTENT_LENGTH.fullmatch(value.encode("latin-1")):
        raise ProtocolError(400, "The Content-Length is not a number of at most 19 digits.")
    return int(value)


def _refuse_doubtful_coding(section: FieldSection) -> None:
    if section.content_length is not None:  # RFC 9112 section 6.1: an attempt at request smuggling
        raise ProtocolError(400, "The request has both a Content-Length and a Transfer-Encoding.")
    *others, last = [coding.strip(" \t") for coding in (section.transfer_encoding or "").split(",")]
    if last != "chunked" or "chunked" in others:  # RFC 9112 section 6.3, rule 4
        raise ProtocolError(400, "The Transfer-Encoding does not say where the body ends.")
    if others:  # RFC 9112 section 6.1
        raise ProtocolError(501, "The only transfer coding served is chunked.")


def _refuse_bytes(line: bytes, limit: int, status: int, detail: str) -> None:
    wrong = grammar.FORBIDDEN_IN_HEAD.search(line)
    if wrong and wrong.start() < limit:
        raise ProtocolError(400, f"The request head has a byte that may not be there: {wrong[0]!r}.")
    if len(line) > limit:
        raise ProtocolError(status, detail)


def _refuse_request_line(line: bytes) -> None:
    match = grammar.REQUEST_LINE.fullmatch(line)
    if match is None:
        raise ProtocolError(400, "The request line is not METHOD SP TARGET SP HTTP/1.1.")
    if match[3] != b"1":
        raise ProtocolError(505, "This server speaks HTTP/1.0 and HTTP/1.1.")


def _refuse_field_line(line: bytes) -> None:
    if grammar.FIELD_LINE.fullmatch(line):
        return
    if line[:1] in b" \t":
        raise ProtocolError(400, "A field line is folded.")  # RFC 9112 section 5.2
    if line.partition(b":")[0].rstrip(b" \t") != line.partition(b":")[0]:
        raise ProtocolError(400, "A field name is followed by space.")  # RFC 9112 section 5.1
    raise ProtocolError(400, "A field line is not NAME: VALUE.")
