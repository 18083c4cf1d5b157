"""Content codings (RFC 9110 section 8.4.1): gzip always, br and zstd if their libraries are installed.

Each library is imported when it is first used. Its errors are raised as ValueError.
"""

import sys
import zlib
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final, Protocol

from aiosock.errors import not_installed

BLOCK: Final = 64 * 1024
"""Most bytes that a decoder returns at once, however few they were compressed to. br treats it as a hint: up to twice."""

PREFERRED: Final = ("zstd", "br", "gzip")
"""The known codings, best first. On JSON zstd is the fastest and br compresses most; gzip is worse at both."""

WINDOW_BITS: Final = 18
"""The window of br and zstd when we encode: 256 KiB, which a stream may hold for hours. More saves under 1 % of a page."""

ZSTD_TABLE_BITS: Final = 14
"""The size of zstd's two match tables: 64 KiB each. Its default size takes three times the memory to save 1 % more."""

ZSTD_WINDOW_BITS: Final = 23
"""The largest window of zstd that we decode: 8 MiB (RFC 9659 section 3)."""

FREE_FRAMES: Final = 1000
"""The frames of zstd or members of gzip that any body may have: each costs us about 10 us, even with nothing in it."""

FRAME_BYTES: Final = 1024
"""Beyond these, a body may have one frame for each KiB. Programs that compress in parallel put 64 KiB or more in each."""

_LIBRARIES: Final = {
    "zstd": "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd",
    "br": "brotli",
    "gzip": "zlib",
}
_REQUIREMENTS: Final = {"zstd": "backports.zstd>=1.0", "br": "brotli>=1.2"}


class TooManyFrames(ValueError):
    """A body of very many small frames, which takes long to decode."""


class Encoder(Protocol):
    """The compressor of one body."""

    def encode(self, data: bytes) -> bytes:
        """Compress `data` and flush: the client can decode all of it from the bytes returned so far."""

    def finish(self, data: bytes = b"") -> bytes:
        """Compress the last `data` and return it with the end of the body."""


class Decoder(Protocol):
    """The decompressor of one body. It works block by block: a small body cannot make us hold a huge one in memory."""

    @property
    def is_complete(self) -> bool:
        """Whether the body may end here."""

    def decode(self, data: bytes) -> bytes:
        """Take compressed bytes and return the next block of the body.

        Raises ValueError for malformed bytes, and TooManyFrames, which is one, for more than `FREE_FRAMES` and one for
        each `FRAME_BYTES`.

        Before new bytes are taken, call this with b"" until it returns b"": the bytes taken earlier may hold more.
        """


def installed() -> tuple[str, ...]:
    """Return the codings whose libraries are installed, in the order of `PREFERRED`."""
    return tuple(coding for coding in PREFERRED if _is_installed(coding))


def demand(codings: Sequence[str]) -> tuple[str, ...]:
    """Return the codings unchanged; raise ValueError if one is unknown, or if its library is not installed."""
    for coding in codings:
        if coding not in PREFERRED:
            raise ValueError(f"not a content coding: {coding!r}; there are {', '.join(PREFERRED)}")
        if not _is_installed(coding):
            raise ValueError(_remedy(coding))
    return tuple(codings)


def encoder(coding: str) -> Encoder:
    """Return an encoder for one body."""
    return _ENCODERS[coding]()


def decoder(coding: str) -> Decoder:
    """Return a decoder for one body."""
    return _DECODERS[coding]()


def _library(coding: str) -> Any:
    return import_module(_LIBRARIES[coding])


def _is_installed(coding: str) -> bool:
    try:
        library = _library(coding)
    except ImportError:
        return False
    # brotli before 1.2 has no limit on the size of the output.
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
        # From quality 5 on, br takes more time than gzip at level 6.
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
    """The decoder of gzip members (RFC 1952 section 2.2) or zstd frames (RFC 8878 section 3), one after the other."""

    def __init__(self, make: Callable[[], Any], error: type[Exception]) -> None:
        self._make = make
        self._error = error
        self._frame: Any = None
        self._pending = b""
        self._frames = 0
        self._taken = 0

    @property
    def is_complete(self) -> bool:
        return self._frame is None or self._frame.eof

    def decode(self, data: bytes) -> bytes:
        self._taken += len(data)
        data = self._pending + data
        piece = b""
        try:
            while data or not self.is_complete:
                if self.is_complete:
                    self._frame = self._next_frame()
                piece = self._frame.decompress(data, BLOCK)
                # zlib returns the input that it has not decoded yet; zstd keeps it.
                data = self._frame.unused_data or getattr(self._frame, "unconsumed_tail", b"")
                if piece or not self._frame.eof:
                    break
        except self._error as error:
            raise ValueError(str(error)) from None
        self._pending = data
        return piece

    def _next_frame(self) -> Any:
        self._frames += 1
        if self._frames > FREE_FRAMES + self._taken // FRAME_BYTES:
            raise TooManyFrames("too many frames")
        return self._make()


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
