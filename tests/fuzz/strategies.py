"""Near-valid request streams: assembled from valid parts, then damaged, then split into pieces.

They are written once, for a `Source` of choices: hypothesis, which shrinks them, or `random.Random`, which is faster.
An integer is drawn from its range and a choice from its list; the first value of both is the simplest.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random
from typing import Final, Protocol, TypeVar

from hypothesis import strategies as st

from tests.fuzz.seeds import seeds

_T = TypeVar("_T")

Pieces = tuple[bytes, ...]
"""A stream as it arrives: none of the pieces is empty."""

SEEDS: Final = seeds()


class Source(Protocol):
    """A source of choices."""

    def integer(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included."""

    def pick(self, options: Sequence[_T]) -> _T:
        """Return one of the options."""


class Drawn:
    """Choices of hypothesis."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))

    def pick(self, options: Sequence[_T]) -> _T:
        return options[self._draw(st.integers(0, len(options) - 1))]


class Rolled:
    """Choices of a random number generator: the same for the same seed."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def integer(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def pick(self, options: Sequence[_T]) -> _T:
        return self._random.choice(options)


# Valid requests

METHODS = [b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"DELETE", b"CONNECT", b"QUERY", b"get", b"X!"]
TARGETS = [b"/", b"/a/b", b"/a?b=c&d", b"/%41%2f", b"*", b"http://a/b", b"HTTPS://A", b"a:80", b"//b/", b"/?", b"/%"]
VERSIONS = [b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2"]
HOSTS = [b"Host: a", b"Host: a", b"host:a:80", b"HOST: [::1]", b"Host:\ta\t", b""]
FIELDS = [
    b"Accept: text/html",
    b"Connection: close",
    b"Connection: keep-alive",
    b"Connection: Upgrade, X",
    b"Proxy-Connection: close",
    b"Upgrade: websocket",
    b"Expect: 100-continue",
    b"Cookie: a=b; c",
    b"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
    b"Content-Type: application/json",
    b"X:",
    b"X: \xe9 \t,;:",
    b"TE: trailers",
]
FRAMING = [
    b"Content-Length: 5",
    b"Content-Length: 0",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: identity",
    b"Content-Length: 005",
    b"Content-Length: 00000000000000000005",
    b"Content-Length: 5,5",
    b"Content-Length: 5\t",
    b"Transfer-Encoding: Chunked ",
    b"Transfer-Encoding:\tchunked\t",
    b"Transfer-Encoding: gzip, chunked",
    b"transfer-encoding:chunked,",
    b"Content-Length:",
    b"Expect: x",
    b"Host: b",
]
DATA = [b"hello", b"", b"x", b"\r\n", b"0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"a" * 100, bytes(range(256))]
EXTENSIONS = [b"", b"", b";a", b";a=b", b';a="b\\"c;"', b";a;b=c"]
TRAILERS = [b"", b"", b"X: 1\r\n", b"X: 1\r\nY:\r\n", b"Content-Length: 5\r\n"]
NOTHING: Final = b""


def request(source: Source) -> bytes:
    """Return a request that is valid, or whose valid parts do not fit together."""
    line = b" ".join([source.pick(METHODS), source.pick(TARGETS), source.pick(VERSIONS)])
    fields = [source.pick(HOSTS), *(source.pick(FIELDS) for _ in range(source.integer(0, 3)))]
    framing, body = source.pick(_BODIES)(source)
    return b"".join(b"%b\r\n" % each for each in [line, *fields, framing] if each) + b"\r\n" + body


def _no_body(source: Source) -> tuple[bytes, bytes]:
    return NOTHING, NOTHING


def _counted_body(source: Source) -> tuple[bytes, bytes]:
    data = source.pick(DATA)
    return b"Content-Length: %d" % len(data), data


def _chunked_body(source: Source) -> tuple[bytes, bytes]:
    pieces = [data for data in (source.pick(DATA) for _ in range(source.integer(0, 3))) if data]
    chunks = [b"%x%b\r\n%b\r\n" % (len(data), source.pick(EXTENSIONS), data) for data in pieces]
    last = b"0%b\r\n%b\r\n" % (source.pick(EXTENSIONS), source.pick(TRAILERS))
    return b"Transfer-Encoding: chunked", b"".join(chunks) + last


_BODIES = [_no_body, _counted_body, _chunked_body]


# Damage

# fmt: off
SPECIAL = [
    b"\r\n", b"\r", b"\n", b" ", b"\t", b"\x00", b":", b";", b",", b"=", b'"', b"0", b"1", b"f", b"#", b"%", b"\xff",
]
# fmt: on
WORDS = [
    b"\r\n\r\n",
    b"chunked",
    b"0\r\n\r\n",
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\r\n ",
    b"\x0b",
    b"@",
    b"_",
    b"+",
    b"-",
    b"0x",
    b"\xc2\xb2",
    b"\x85",
    b"close",
    b"Connection",
]
_HEX = b"0123456789abcdefABCDEF"


def _flip(source: Source, data: bytes) -> bytes:
    at = source.integer(0, len(data) - 1)
    return data[:at] + bytes([data[at] ^ 1 << source.integer(0, 7)]) + data[at + 1 :]


def _replace(source: Source, data: bytes) -> bytes:
    at = source.integer(0, len(data) - 1)
    return data[:at] + source.pick(SPECIAL) + data[at + 1 :]


def _insert(source: Source, data: bytes) -> bytes:
    at = source.integer(0, len(data))
    return data[:at] + source.pick(SPECIAL) + data[at:]


def _insert_word(source: Source, data: bytes) -> bytes:
    at = source.integer(0, len(data))
    return data[:at] + source.pick(WORDS) + data[at:]


def _delete(source: Source, data: bytes) -> bytes:
    at = source.integer(0, len(data) - 1)
    return data[:at] + data[at + source.integer(1, 4) :]


def _truncate(source: Source, data: bytes) -> bytes:
    return data[: source.integer(0, len(data))]


def _double_line(source: Source, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    at = source.integer(0, len(lines) - 1)
    return b"\r\n".join([*lines[: at + 1], *lines[at:]])


def _swap_lines(source: Source, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    one, other = source.integer(0, len(lines) - 1), source.integer(0, len(lines) - 1)
    lines[one], lines[other] = lines[other], lines[one]
    return b"\r\n".join(lines)


def _add_framing(source: Source, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    lines.insert(source.integer(min(1, len(lines)), len(lines)), source.pick(FRAMING))
    return b"\r\n".join(lines)


def _end_line_otherwise(source: Source, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    at = source.integer(0, len(lines) - 1)
    ending = source.pick([b"\n", b"\r", b"\r\r\n", b" \r\n"])
    return b"\r\n".join(lines[: at + 1]) + ending + b"\r\n".join(lines[at + 1 :])


def _damage_size(source: Source, data: bytes) -> bytes:
    """Damage a line that starts like a chunk size, or the number at the end of a line, such as a Content-Length."""
    lines = data.split(b"\r\n")
    sizes = [at for at, line in enumerate(lines) if line and (line[0] in _HEX or line[-1] in b"0123456789")]
    if not sizes:
        return data
    at = source.pick(sizes)
    damage: Callable[[bytes], bytes] = source.pick(_SIZE_DAMAGE)
    lines[at] = damage(lines[at])
    return b"\r\n".join(lines)


_SIZE_DAMAGE: list[Callable[[bytes], bytes]] = [
    lambda line: line[:-1] + bytes([line[-1] ^ 1]),
    lambda line: bytes([line[0] ^ 1]) + line[1:],
    lambda line: line + b"0",
    lambda line: b"0" + line,
    lambda line: line + b" ",
    lambda line: b" " + line,
    lambda line: b"+" + line,
    lambda line: b"-" + line,
    lambda line: b"0x" + line,
    lambda line: line + b"_0",
    lambda line: line + b";",
    lambda line: line + b"; a=b",
    lambda line: line + b"\n",
    lambda line: b"0" * 16 + line,
    lambda line: line[:-1] + b"9" * 20,
]

_DAMAGE: list[Callable[[Source, bytes], bytes]] = [
    _insert,
    _flip,
    _replace,
    _delete,
    _insert_word,
    _add_framing,
    _damage_size,
    _end_line_otherwise,
    _double_line,
    _swap_lines,
    _truncate,
]


def damaged(source: Source, data: bytes, most: int = 3) -> bytes:
    """Damage a stream in up to `most` places."""
    for _ in range(source.integer(0, most)):
        if data:
            data = source.pick(_DAMAGE)(source, data)
    return data


def stream(source: Source) -> bytes:
    """Return some requests in one stream, damaged in some places."""
    parts = [source.pick(SEEDS) if source.integer(0, 1) else request(source) for _ in range(source.integer(1, 3))]
    return damaged(source, b"".join(parts))


# Pieces


def cut(source: Source, data: bytes) -> Pieces:
    """Split a stream into pieces: at a few places, or after every byte if it is short."""
    if len(data) < 200 and source.integer(0, 9) == 9:
        return tuple(data[at : at + 1] for at in range(len(data)))
    marks = sorted({0, len(data), *(source.integer(0, len(data)) for _ in range(source.integer(0, 4)))})
    return tuple(data[start:end] for start, end in pairwise(marks))


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Generate near-valid request streams."""
    return stream(Drawn(draw))


@st.composite
def pieces(draw: st.DrawFn) -> Pieces:
    """Generate near-valid request streams, in pieces."""
    source = Drawn(draw)
    return cut(source, stream(source))
