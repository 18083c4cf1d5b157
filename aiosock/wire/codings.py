"""Content codings (RFC 9110 section 8.4.1): gzip always, br and zstd where their libraries are installed.

Each library is imported where it is first used, and its errors become ours here.
"""

import sys
import zlib
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final, Protocol

from aiosock.errors import not_installed

BLOCK: Final = 64 * 1024
"""Bytes that a decoder gives at once, at the most, however little they came from."""

PREFERRED: Final = ("zstd", "br", "gzip")
"""The codings we know. 64 KiB of JSON become 19.5 KB in 0.3 ms, 18.9 in 0.9 and 20.6 in 1.7."""

WINDOW_BITS: Final = 18
"""How far br and zstd look back: 256 KiB, for a stream may stay open for hours. More saves less than 1 % of a page."""

ZSTD_TABLE_BITS: Final = 14
"""What zstd remembers by: 64 KiB in each of two tables. With its own, a stream holds 850 KiB, not 250, for 1 % less to send."""

ZSTD_WINDOW_BITS: Final = 23
"""How far zstd may look back in what we decode: 8 MiB (RFC 9659 section 3)."""

_LIBRARIES: Final = {
    "zstd": "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd",
    "br": "brotli",
    "gzip": "zlib",
}
_REQUIREMENTS: Final = {"zstd": "backports.zstd>=1.0", "br": "brotli>=1.2"}


class Encoder(Protocol):
    """What makes one body smaller."""

    def encode(self, data: bytes) -> bytes:
        """Give all that the client needs to see `data` now; later data costs less for what is like it."""

    def finish(self, data: bytes = b"") -> bytes:
        """Give the last `data` and the end."""


class Decoder(Protocol):
    """What makes one body whole again, a block at a time, so that nobody can have us inflate what we do not want."""

    @property
    def is_complete(self) -> bool:
        """Say whether the body may end here."""

    def decode(self, data: bytes) -> bytes:
        """Take bytes, and give the next `BLOCK` of them or less; raise ValueError for what is malformed.

        b"" asks for more of what has been taken, and must do so until nothing comes.
        """


def installed() -> tuple[str, ...]:
    """Give the codings whose libraries are there, the one we prefer first."""
    return tuple(coding for coding in PREFERRED if _is_installed(coding))


def demand(codings: Sequence[str]) -> tuple[str, ...]:
    """Give codings as they are; raise ValueError for one we do not know, or whose library is missing."""
    for coding in codings:
        if coding not in PREFERRED:
            raise ValueError(f"not a content coding: {coding!r}; there are {', '.join(PREFERRED)}")
        if not _is_installed(coding):
            raise ValueError(_remedy(coding))
    return tuple(codings)


def encoder(coding: str) -> Encoder:
    """Give an encoder for one body."""
    return _ENCODERS[coding]()


def decoder(coding: str) -> Decoder:
    """Give a decoder for one body."""
    return _DECODERS[coding]()


def _library(coding: str) -> Any:
    return import_module(_LIBRARIES[coding])


def _is_installed(coding: str) -> bool:
    try:
        library = _library(coding)
    except ImportError:
        return False
    # brotli before 1.2 cannot be told how much to inflate.
    return coding != "br" or hasattr(library.Decompressor, "can_accept_more_data")


def _remedy(coding: str) -> str:
    """Return the message for a coding whose library is missing."""
    what = f"the content coding {coding}"
    if _LIBRARIES[coding] == "compression.zstd":
        return f"{what} needs compression.zstd, and this Python was built without it"
    return not_installed(what, _REQUIREMENTS[coding], "compress")


class _GzipEncoder:
    def __init__(self) -> None:
        self._compressor = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)

    def encode(self, data: bytes) -> bytes:
        return self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)

    def finish(self, data: bytes = b"") -> bytes:
        return self._compressor.compress(data) + self._compressor.flush()


class _BrotliEncoder:
    def __init__(self) -> None:
        # From 5 on it takes more time than gzip at 6.
        self._compressor = _library("br").Compressor(quality=4, lgwin=WINDOW_BITS)

    def encode(self, data: bytes) -> bytes:
        return bytes(self._compressor.process(data) + self._compressor.flush())

    def finish(self, data: bytes = b"") -> bytes:
        return bytes(self._compressor.process(data) + self._compressor.finish())


class _ZstdEncoder:
    def __init__(self) -> None:
        zstd = _library("zstd")
        parameter = zstd.CompressionParameter
        options = {
            parameter.window_log: WINDOW_BITS,
            parameter.hash_log: ZSTD_TABLE_BITS,
            parameter.chain_log: ZSTD_TABLE_BITS,
        }
        self._compressor = zstd.ZstdCompressor(options=options)

    def encode(self, data: bytes) -> bytes:
        return bytes(self._compressor.compress(data, self._compressor.FLUSH_BLOCK))

    def finish(self, data: bytes = b"") -> bytes:
        return bytes(self._compressor.compress(data, self._compressor.FLUSH_FRAME))


class _FramesDecoder:
    """Members of gzip (RFC 1952 section 2.2) or frames of zstd (RFC 8878 section 3), one after the other."""

    def __init__(self, make: Callable[[], Any], error: type[Exception]) -> None:
        self._make = make
        self._error = error
        self._frame: Any = None
        self._pending = b""

    @property
    def is_complete(self) -> bool:
        return self._frame is None or self._frame.eof

    def decode(self, data: bytes) -> bytes:
        data = self._pending + data
        piece = b""
        try:
            while data or not self.is_complete:
                if self.is_complete:
                    self._frame = self._make()
                piece = self._frame.decompress(data, BLOCK)
                # zlib hands back what it had no room for; zstd keeps it.
                data = self._frame.unused_data or getattr(self._frame, "unconsumed_tail", b"")
                if piece or not self._frame.eof:
                    break
        except self._error as error:
            raise ValueError(str(error)) from None
        self._pending = data
        return piece


def _gzip_decoder() -> Decoder:
    return _FramesDecoder(lambda: zlib.decompressobj(16 + zlib.MAX_WBITS), zlib.error)


def _zstd_decoder() -> Decoder:
    zstd = _library("zstd")
    options = {zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_BITS}
    return _FramesDecoder(lambda: zstd.ZstdDecompressor(options=options), zstd.ZstdError)


class _BrotliDecoder:
    def __init__(self) -> None:
        brotli = _library("br")
        self._error: type[Exception] = brotli.error
        self._decompressor = brotli.Decompressor()
        self.is_complete = True

    def decode(self, data: bytes) -> bytes:
        if self.is_complete and not data:
            return b""
        try:
            piece: bytes = self._decompressor.process(data, output_buffer_limit=BLOCK)
        except self._error as error:
            raise ValueError(str(error)) from None
        self.is_complete = self._decompressor.is_finished()
        return piece


_ENCODERS: Final[dict[str, Callable[[], Encoder]]] = {
    "zstd": _ZstdEncoder,
    "br": _BrotliEncoder,
    "gzip": _GzipEncoder,
}

_DECODERS: Final[dict[str, Callable[[], Decoder]]] = {
    "zstd": _zstd_decoder,
    "br": _BrotliDecoder,
    "gzip": _gzip_decoder,
}
