"""Message bodies (RFC 9112 sections 6 and 7): decoders that are fed bytes, and encoders for chunks."""

from collections.abc import Callable, Iterable
from typing import Final, Protocol

from aiosock.config import Limits
from aiosock.errors import ProtocolError
from aiosock.headers import Headers
from aiosock.wire import grammar
from aiosock.wire.head import encode_fields
from aiosock.wire.message import FORBIDDEN_TRAILERS, REFUSED_TRAILERS

_TOO_LONG: Final = "The extensions and trailers of the chunked body are too long."


class BodyDecoder(Protocol):
    """Any decoder that finds a body in the bytes of a connection."""

    complete: bool
    """Whether the whole body has been decoded."""
    rest: bytes
    """The bytes after the body: the start of the next message."""

    def feed(self, data: bytes) -> bytes:
        """Take received bytes and return the body bytes in them."""


class LengthDecoder:
    """The decoder of a body with a known length (RFC 9112 section 6.2)."""

    __slots__ = ("_missing", "complete", "rest")

    def __init__(self, length: int) -> None:
        self._missing = length
        self.complete: bool = length == 0
        self.rest: bytes = b""

    def feed(self, data: bytes) -> bytes:
        """Take received bytes and return the body bytes in them."""
        if len(data) < self._missing:
            self._missing -= len(data)
            return data
        body, self.rest = data[: self._missing], data[self._missing :]
        self._missing = 0
        self.complete = True
        return body


class ChunkedDecoder:
    """The decoder of a body in chunks (RFC 9112 section 7.1), with its trailers.

    Chunk extensions are dropped, and trailers that only a head may have. `limits.head_bytes` limits the extensions and
    the trailer section together, so that only the data of a body can be longer than that.
    """

    __slots__ = ("_allowance", "_limits", "_missing", "_pending", "_scanned", "_step", "complete", "rest", "trailers")

    def __init__(self, limits: Limits) -> None:
        self.complete: bool = False
        self.rest: bytes = b""
        self.trailers: Headers = Headers()
        self._limits = limits
        self._allowance = limits.head_bytes
        self._pending = b""
        self._scanned = 0
        self._missing = 0
        self._step: _Step = ChunkedDecoder._read_chunk_line

    def feed(self, data: bytes) -> bytes:
        """Take received bytes and return the body bytes in them.

        Raises ProtocolError: 400 for a malformed chunk or trailer section, 431 for extensions or trailers over a limit.
        """
        # The pending bytes start with an unfinished line. Its first `_scanned` bytes are not searched again: if the
        # line arrives byte by byte, that would take quadratic time.
        self._scanned = len(self._pending)
        data, self._pending = self._pending + data, b""
        pieces: list[bytes] = []
        position = 0
        while position >= 0 and not self.complete:
            consumed = position
            position = self._step(self, data, position, pieces)
        remaining = data[consumed if position < 0 else position :]
        if self.complete:
            self.rest = remaining
        else:
            self._pending = remaining
        return b"".join(pieces)

    # `_step` is a plain function: a bound method would make a reference cycle for each body.
    # Each step reads from `data` at `position` and returns the position after it, or -1 if it needs more bytes.

    def _read_chunk_line(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        end = data.find(b"\n", max(position, self._scanned)) + 1
        line = grammar.CHUNK_LINE.match(data, position) if end else None
        if line is None:
            self._check_chunk_line(data, position, end)
            return -1
        self._allowance -= len(line[2])
        if self._allowance < 0:
            raise ProtocolError(431, _TOO_LONG)
        size = int(line[1], 16)
        # One by one, chunks of a byte would cost more than any other body: take all that have arrived together.
        if size < 16 and (run := grammar.SMALL_CHUNKS.match(data, position)):
            pieces.append(b"".join(grammar.SMALL_CHUNK_DATA.findall(data, position, run.end())))
            return run.end()
        self._missing = size
        self._step = ChunkedDecoder._read_data if size else ChunkedDecoder._read_trailers
        return line.end()

    def _read_data(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        piece = data[position : position + self._missing]
        if not piece:
            return -1
        pieces.append(piece)
        self._missing -= len(piece)
        if not self._missing:
            self._step = ChunkedDecoder._read_data_end
        return position + len(piece)

    def _read_data_end(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        ending = data[position : position + 2]
        if not b"\r\n".startswith(ending):
            raise ProtocolError(400, "A chunk is longer or shorter than its size says.")
        if len(ending) < 2:
            return -1
        self._step = ChunkedDecoder._read_chunk_line
        return position + 2

    def _read_trailers(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        if data.startswith(b"\r\n", position):
            self.complete = True
            return position + 2
        most = self._allowance + 2  # and the blank line
        end = data.find(b"\r\n\r\n", max(position, self._scanned - 3))
        if end < 0:
            self._check_bytes(data, position, len(data), most)
            return -1
        self._check_bytes(data, position, end + 4, most)
        self.trailers = self._checked_trailers(data[position : end + 2])
        self.complete = True
        return end + 4

    def _checked_trailers(self, block: bytes) -> Headers:
        if not grammar.FIELD_BLOCK.fullmatch(block):
            raise ProtocolError(400, "A trailer line is malformed.")
        if block.count(b"\n") > self._limits.fields:
            raise ProtocolError(431, f"The trailer section has more than {self._limits.fields} field lines.")
        trailers = Headers.from_block(block)
        if refused := REFUSED_TRAILERS.intersection(trailers):
            raise ProtocolError(400, f"A trailer section may not have {', '.join(sorted(refused))}.")
        for name in FORBIDDEN_TRAILERS.intersection(trailers):
            del trailers[name]
        return trailers

    def _check_chunk_line(self, data: bytes, position: int, end: int) -> None:
        """Raise ProtocolError unless this is the start of a chunk line that may still become valid."""
        wrong = ProtocolError(400, "A chunk does not start with its size in hexadecimal and CRLF.")
        if not grammar.CHUNK_LINE_START.match(data, position):
            raise wrong
        self._check_bytes(data, position, end or len(data), self._allowance + 18)  # 16 digits and CRLF
        if end:
            raise wrong

    def _check_bytes(self, data: bytes, start: int, end: int, most: int) -> None:
        """Raise ProtocolError if the bytes have a forbidden one, or are more than `most`.

        The fault that comes first on the wire decides, so that the status does not depend on the pieces that arrive.
        """
        wrong = grammar.FORBIDDEN_IN_HEAD.search(data, max(start, self._scanned - 1), end)
        if wrong and wrong.start() - start < most:
            raise ProtocolError(400, "The chunked body has a byte that is not allowed there.")
        if end - start > most:
            raise ProtocolError(431, _TOO_LONG)


_Step = Callable[[ChunkedDecoder, bytes, int, list[bytes]], int]


def encode_chunk(data: bytes) -> bytes:
    """Return one chunk. `data` must not be empty: an empty chunk is the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def encode_last_chunk(trailers: Iterable[tuple[str, str]] = ()) -> bytes:
    """Return the last chunk and the trailer section. The pairs must be valid, as those of `Headers` are."""
    return b"0\r\n" + encode_fields(trailers) + b"\r\n"
