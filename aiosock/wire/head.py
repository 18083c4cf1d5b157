"""HTTP/1 heads (RFC 9112 sections 2 to 6): request heads from bytes to records, response heads from records to bytes."""

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from itertools import takewhile
from typing import Final

from aiosock.config import Limits
from aiosock.errors import ProtocolError, reason_phrase
from aiosock.headers import Headers
from aiosock.wire import grammar
from aiosock.wire.compiled import only_value
from aiosock.wire.target import parse_host, parse_target

CHUNKED: Final = -1
"""The framing of a body that ends with its last chunk. A framing of 0 or more is a length in bytes."""


class FieldSection:
    """The fields of one head that the server itself acts on, in lower case.

    `host` and `expect` are None where absent. `connection` and `upgrade` are sets of tokens. `transfer_encoding` joins
    its lines with a comma. `framing` is the length of the body in bytes, or CHUNKED (RFC 9112 section 6.3). `closes` is
    True if `connection` has the option close.
    """

    __slots__ = (
        "closes",
        "connection",
        "content_length",
        "expect",
        "framing",
        "host",
        "transfer_encoding",
        "upgrade",
    )

    def __init__(self) -> None:
        self.host: str | None = None
        self.content_length: int | None = None
        self.transfer_encoding: str | None = None
        self.connection: frozenset[str] = frozenset()
        self.upgrade: frozenset[str] = frozenset()
        self.expect: str | None = None
        self.framing: int = 0
        self.closes: bool = False

    def copy(self) -> "FieldSection":
        """Return an equal section that further lines may change."""
        section = FieldSection()
        section.host = self.host
        section.content_length = self.content_length
        section.transfer_encoding = self.transfer_encoding
        section.connection = self.connection
        section.upgrade = self.upgrade
        section.expect = self.expect
        section.framing = self.framing
        section.closes = self.closes
        return section


_VERSIONS: Final = ("HTTP/1.0", "HTTP/1.1")

SharedPrefix = tuple[bytes, FieldSection | None]
"""The field lines with which all heads of a connection have started so far, and what these lines say."""

NOTHING_SHARED: Final[SharedPrefix] = (b"", None)

Target = tuple[str, str, str, str, str | None]
"""A request-target as sent, and its parts: raw path, decoded path, raw query, and authority or None."""


class Http1Head:
    """A request line and its fields; `message.RequestHead` says what all protocols have in common.

    `minor_version` is 0 or 1. `keeps_alive` says whether the client wants the connection to persist. `octets` holds the
    head as it arrived, up to and with its blank line. Not to be changed: the requests of a connection that have equal
    heads share one.
    """

    __slots__ = (
        "_block_start",
        "fields",
        "host",
        "keeps_alive",
        "method",
        "minor_version",
        "octets",
        "path",
        "query",
        "raw_path",
        "shared_prefix",
        "target",
    )

    target: str
    raw_path: str
    path: str
    query: str

    def __init__(
        self,
        octets: bytes,
        block_start: int,
        method: str,
        target: Target,
        minor_version: int,
        fields: FieldSection,
        shared_prefix: SharedPrefix,
    ) -> None:
        self.octets: bytes = octets
        self.shared_prefix: SharedPrefix = shared_prefix
        self._block_start = block_start
        self.method: str = method
        self.minor_version: int = minor_version
        self.fields: FieldSection = fields
        # RFC 9112 section 9.3
        self.keeps_alive: bool = not fields.closes and (minor_version == 1 or "keep-alive" in fields.connection)
        self.target, self.raw_path, self.path, self.query, authority = target
        # RFC 9112 section 3.2.2: the absolute-form replaces the Host field, which must be valid all the same.
        self.host: str | None = fields.host if authority is None else authority

    @property
    def version(self) -> str:
        """HTTP/1.0 or HTTP/1.1."""
        return _VERSIONS[self.minor_version]

    @property
    def size(self) -> int:
        """The length in bytes, with the blank line at its end."""
        return len(self.octets)

    @property
    def block(self) -> bytes:
        """The field lines as they arrived."""
        return self.octets[self._block_start : -2]

    def headers(self) -> Headers:
        """Return all fields, decoded anew at each call; Host is that of the target if the target names one."""
        headers = Headers.from_block(self.block)
        if self.host is not None and self.host != self.fields.host:
            headers["host"] = self.host
        return headers

    def field(self, name: str, default: str = "") -> str:
        """Return what `headers().get` would for a name in lower case, without decoding the other fields."""
        if name == "host" and self.host != self.fields.host:
            return self.host or default
        if (value := only_value(self.octets, name, default)) is not None:
            return value
        found: list[bytes] = _values_of(name).findall(self.octets)
        return ", ".join([value.decode("latin-1").strip(" \t") for value in found]) if found else default

    def has_any(self, prefixes: tuple[str, ...]) -> bool:
        """Return whether there is a field whose name, in lower case, starts with one of `prefixes`."""
        lowered = self.octets.lower()
        return any(line_start in lowered for line_start in _line_starts(prefixes))


@lru_cache(maxsize=64)  # programs ask for few
def _values_of(name: str) -> re.Pattern[bytes]:
    return re.compile(rb"\n(?i:%b):[ \t]*+([^\r]*+)" % re.escape(name.encode("latin-1")))


@lru_cache(maxsize=64)
def _line_starts(prefixes: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(b"\n" + prefix.encode("latin-1") for prefix in prefixes)


def find_head(buffer: bytes, scanned: int, limits: Limits) -> int:
    """Return the index behind a request head at the start of `buffer`, or 0 while its end has not arrived.

    `scanned` is the number of bytes that an earlier call has seen. They are not read again, so a head that arrives byte
    by byte takes linear time.

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


def parse_head(head: bytes, limits: Limits, previous: Http1Head | None = None) -> Http1Head:
    """Parse a request head, given up to and with its blank line.

    `previous` is the connection's last request. An equal field block is not read again, nor are the lines with which
    all heads of the connection have started: a browser repeats most of its fields (docs/decisions/0008).

    Raises ProtocolError: 400 malformed, 414 and 431 beyond the limits, 501 a foreign transfer coding, 505 not HTTP/1.
    """
    line = grammar.REQUEST_LINE.match(head)
    if line is None or line[3] != b"1" or line.end() > limits.request_line_bytes or len(head) > limits.head_bytes:
        raise invalid_head(head, limits)
    block = head[line.end() : -2]
    if previous is not None and previous.block == block:
        fields, shared = previous.fields, previous.shared_prefix
    else:
        prefix, said = previous.shared_prefix if previous is not None else NOTHING_SHARED
        if not block.startswith(prefix):
            prefix, said = _shorten_prefix(prefix, block)
        rest = block[len(prefix) :]
        if block.count(b"\n") > limits.fields or not grammar.FIELD_BLOCK.fullmatch(rest):
            raise invalid_head(head, limits)
        fields = read_fields(rest, said)
        shared = (block, fields) if previous is None else (prefix, said)
    # RFC 9110 section 2.5: a higher minor version is served as the highest we know.
    minor_version = 0 if line[4] == b"0" else 1
    if fields.host is None and minor_version == 1:
        raise ProtocolError(400, "An HTTP/1.1 request needs a Host field.")  # RFC 9112 section 3.2
    if fields.transfer_encoding is not None and minor_version == 0:
        raise ProtocolError(400, "HTTP/1.0 has no Transfer-Encoding.")  # RFC 9112 section 6.1
    method, target = line[1].decode("ascii"), line[2].decode("ascii")
    raw_path, path, query, authority = parse_target(target, method)
    parts = (target, raw_path, path, query, authority)
    return Http1Head(head, line.end(), method, parts, minor_version, fields, shared)


def read_fields(block: bytes, earlier: FieldSection | None = None) -> FieldSection:
    """Read the fields that the server acts on from a block of valid field lines, and add them to those of `earlier` lines.

    Raises ProtocolError: 400 for fields that leave framing or host in doubt, 501 for a foreign transfer coding.
    """
    lines = grammar.FRAMING_FIELDS.findall(b"\n" + block.lower())
    if earlier is not None and not lines:
        return earlier
    section = earlier.copy() if earlier is not None else FieldSection()
    for name, octets in lines:
        value = octets.decode("latin-1").strip(" \t")
        if name == b"host":
            _refuse_second(section.host, "Host")
            section.host = parse_host(value)
        elif name == b"connection":
            section.connection |= _tokens(value)
            section.closes = "close" in section.connection
        elif name == b"content-length":
            _refuse_second(section.content_length, "Content-Length")
            section.framing = section.content_length = _parse_content_length(value)
        elif name == b"transfer-encoding":
            section.transfer_encoding = _joined(section.transfer_encoding, value)
        elif name == b"upgrade":
            section.upgrade |= _tokens(value)
        else:
            section.expect = _joined(section.expect, value)
    if section.transfer_encoding is not None:
        _refuse_doubtful_coding(section)
        section.framing = CHUNKED
    return section


def invalid_head(head: bytes, limits: Limits) -> ProtocolError:
    """Return the error for a request head that is not valid."""
    try:
        refuse_invalid(head, limits)
    except ProtocolError as error:
        return error
    return ProtocolError(400, "The request head is malformed.")


def refuse_invalid(head: bytes, limits: Limits) -> None:
    """Raise ProtocolError for the first fault of a request head, whole or not yet.

    Faults are looked for in the order of the wire, so a head gets the same verdict in whatever pieces it arrives.
    """
    start = _skip_empty_lines(head)
    request_line, *field_lines = grammar.LINE.findall(head, start) or [b""]
    # Empty lines count: a client could otherwise send them for ever.
    beginning = head[: start + len(request_line)]
    _refuse_bytes(beginning, min(limits.request_line_bytes, limits.head_bytes), 414, "The request line is too long.")
    if request_line.endswith(b"\n"):
        _refuse_request_line(request_line)
    left = limits.head_bytes - len(beginning)
    for number, line in enumerate(field_lines, 1):
        _refuse_bytes(line, left, 431, f"The request head has more than {limits.head_bytes} bytes.")
        left -= len(line)
        if line.endswith(b"\n") and line != b"\r\n":
            _refuse_field_line(line)
            if number > limits.fields:
                raise ProtocolError(431, f"The request head has more than {limits.fields} field lines.")


def is_head_request(buffer: bytes, limits: Limits) -> bool:
    """Return whether a request that was refused has the method HEAD: its response has no body (RFC 9110 section 9.3.2).

    The verdict is the same in whatever pieces the request arrived: later bytes than those that got it refused do not
    count.
    """
    # The first byte beyond the limit arrived before the refusal, those behind it perhaps not.
    judged = min(limits.request_line_bytes, limits.head_bytes) + 1
    return buffer.startswith(b"HEAD ", _skip_empty_lines(buffer), judged)


def encode_head(status: int, fields: Iterable[tuple[str, str]], framing: bytes = b"") -> bytes:
    r"""Encode a response head with its blank line: status line, `framing` (whole lines), then `fields`.

    The pairs must be valid, as those of `Headers` are.
    """
    return status_line(status) + framing + encode_fields(fields) + b"\r\n"


def encode_fields(fields: Iterable[tuple[str, str]]) -> bytes:
    """Encode field lines; the pairs must be valid. Names are capitalised: `Content-Type`."""
    return "".join([f"{wire_name(name)}: {value}\r\n" for name, value in fields]).encode("latin-1")


@cache  # bounded: a status has three digits
def status_line(status: int) -> bytes:
    """Encode the status line, with our own version whatever the client's is (RFC 9110 section 2.5)."""
    return f"HTTP/1.1 {status} {reason_phrase(status)}\r\n".encode("ascii")


_SPELLED = {"etag": "ETag", "te": "TE", "www-authenticate": "WWW-Authenticate"}


@lru_cache(maxsize=1024)
def wire_name(name: str) -> str:
    """Return a lower-case field name in the spelling of RFC 9110: some old programs compare it letter by letter."""
    return _SPELLED.get(name) or "-".join(part.capitalize() for part in name.split("-"))


def _shorten_prefix(prefix: bytes, block: bytes) -> SharedPrefix:
    """Return the lines with which both blocks start, and what they say."""
    # A prefix only gets shorter, so this happens a few times for a connection, never for each request.
    pairs = zip(prefix.splitlines(keepends=True), block.splitlines(keepends=True), strict=False)
    shared = b"".join([line for line, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)])
    return shared, read_fields(shared)


def _skip_empty_lines(buffer: bytes) -> int:
    match = grammar.EMPTY_LINES.match(buffer)
    return match.end() if match else 0


def _refuse_second(first: object, name: str) -> None:
    # Two equal lines are refused like two that differ: the sender cannot be trusted with the rest.
    if first is not None:
        raise ProtocolError(400, f"The {name} field is repeated.")


def _joined(first: str | None, value: str) -> str:
    return value if first is None else f"{first},{value}"


def _tokens(value: str) -> frozenset[str]:
    # Nearly always one: cheaper than splitting a list.
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
