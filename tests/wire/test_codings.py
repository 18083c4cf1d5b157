"""Tests of aiosock.wire.codings, in addition to those of the middleware that uses it."""

import gzip
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from aiosock.wire import codings
from aiosock.wire.codings import BLOCK, FRAME_BYTES, FREE_FRAMES, PREFERRED, Decoder, TooManyFrames

STREAMS = 64

TEXT = b"".join(b"%d bottles of beer on the wall\n" % number for number in range(10_000))

every_coding = pytest.mark.parametrize("coding", PREFERRED)


@pytest.fixture(autouse=True)
def libraries() -> None:
    codings.demand(PREFERRED)


def encoded(coding: str, *pieces: bytes) -> bytes:
    encoder = codings.encoder(coding)
    return b"".join([*map(encoder.encode, pieces), encoder.finish()])


def blocks(decoder: Decoder, data: bytes) -> Iterator[bytes]:
    """Yield the blocks that a decoder makes of some bytes."""
    block = decoder.decode(data)
    while block:
        yield block
        block = decoder.decode(b"")


def decoded(coding: str, *pieces: bytes) -> bytes:
    """Decode a body that arrives in pieces; raise ValueError unless it is complete."""
    decoder = codings.decoder(coding)
    body = b"".join(block for piece in pieces for block in blocks(decoder, piece))
    if not decoder.is_complete:
        raise ValueError("the body is not complete")
    return body


def bytewise(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


@every_coding
@pytest.mark.parametrize("body", [b"", b"x", TEXT, os.urandom(2 * BLOCK)], ids=["empty", "byte", "text", "random"])
def test_an_encoded_body_is_decoded_again(coding: str, body: bytes) -> None:
    assert decoded(coding, codings.encoder(coding).finish(body)) == body
    assert decoded(coding, encoded(coding, body[:100], body[100:])) == body


@every_coding
def test_a_body_may_arrive_in_any_pieces(coding: str) -> None:
    body = TEXT[:500]
    data = encoded(coding, body)

    assert decoded(coding, *bytewise(data)) == body
    for split in range(len(data)):
        assert decoded(coding, data[:split], data[split:]) == body


@every_coding
def test_the_client_can_decode_each_piece_before_the_next(coding: str) -> None:
    encoder, decoder = codings.encoder(coding), codings.decoder(coding)

    for event in (b"data: 1\n\n", b"data: 2\n\n"):
        assert b"".join(blocks(decoder, encoder.encode(event))) == event
        assert not decoder.is_complete
    assert b"".join(blocks(decoder, encoder.finish())) == b""
    assert decoder.is_complete


@every_coding
def test_a_decoder_returns_a_block_at_a_time(coding: str) -> None:
    sizes = [len(block) for block in blocks(codings.decoder(coding), encoded(coding, bytes(10 * BLOCK)))]

    assert max(sizes) <= (2 * BLOCK if coding == "br" else BLOCK)
    assert sum(sizes) == 10 * BLOCK


@every_coding
def test_a_body_that_ends_early_is_not_complete(coding: str) -> None:
    data = encoded(coding, TEXT)

    with pytest.raises(ValueError, match="the body is not complete"):
        decoded(coding, data[:-1])


@every_coding
@pytest.mark.parametrize("wrong", [b"plain text", bytes(50), b"\xff" * 50])
def test_a_malformed_body_is_refused(coding: str, wrong: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decoded(coding, wrong)


@every_coding
def test_bytes_after_the_end_are_refused(coding: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decoded(coding, encoded(coding, TEXT) + b"plain text")


@pytest.mark.parametrize("coding", ["zstd", "gzip"])
@pytest.mark.parametrize("between", [b"", b"more"])
def test_a_body_may_have_several_members(coding: str, between: bytes) -> None:
    data = encoded(coding, b"one") + encoded(coding, between) + encoded(coding, TEXT)

    assert decoded(coding, data) == b"one" + between + TEXT
    assert decoded(coding, *bytewise(data)) == b"one" + between + TEXT


@pytest.mark.parametrize("coding", ["zstd", "gzip"])
@pytest.mark.parametrize("content", [b"", b"x"], ids=["empty", "small"])
def test_small_members_have_a_limit(coding: str, content: bytes) -> None:
    frame = encoded(coding, content)
    most = FREE_FRAMES + FREE_FRAMES * len(frame) // FRAME_BYTES

    assert decoded(coding, frame * most) == content * most
    with pytest.raises(TooManyFrames):
        decoded(coding, frame * (most + 50))


@pytest.mark.parametrize("coding", ["zstd", "gzip"])
def test_members_of_a_usual_size_have_no_limit(coding: str) -> None:
    frame = encoded(coding, os.urandom(FRAME_BYTES))
    assert len(decoded(coding, *[frame * 16] * 100)) == 1600 * FRAME_BYTES


@every_coding
def test_a_decoder_without_bytes_returns_none(coding: str) -> None:
    decoder = codings.decoder(coding)

    assert (decoder.decode(b""), decoder.is_complete) == (b"", True)


def test_gzip_is_what_others_read_and_write() -> None:
    assert gzip.decompress(encoded("gzip", TEXT)) == TEXT
    assert decoded("gzip", gzip.compress(TEXT)) == TEXT


def test_a_window_of_zstd_above_8_mib_is_refused() -> None:
    zstd = codings._library("zstd")
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 24})
    frame = compressor.compress(b"a", zstd.ZstdCompressor.FLUSH_BLOCK)

    with pytest.raises(ValueError, match=r"\w"):
        decoded("zstd", frame)


# Libraries.


def test_the_installed_codings_are_listed_in_our_order() -> None:
    assert codings.installed() == PREFERRED
    assert codings.demand(["gzip", "br"]) == ("gzip", "br")


def test_a_library_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(codings._LIBRARIES, "zstd", "aiosock_no_such_library")

    assert codings.installed() == ("br", "gzip")
    with pytest.raises(ValueError, match=r"the content coding zstd needs .* extra 'compress'"):
        codings.demand(["gzip", "zstd"])


def test_a_library_that_python_lacks_is_not_something_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(codings._LIBRARIES, "zstd", "compression.zstd")
    monkeypatch.setitem(sys.modules, "compression.zstd", None)

    with pytest.raises(ValueError, match=r"needs compression.zstd, and this Python was built without it$"):
        codings.demand(["zstd"])


def test_brotli_that_cannot_limit_its_output_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "brotli", SimpleNamespace(Decompressor=object))

    assert codings.installed() == ("zstd", "gzip")


def test_an_unknown_coding_is_refused() -> None:
    with pytest.raises(ValueError, match="not a content coding: 'deflate'; there are zstd, br, gzip"):
        codings.demand(["deflate"])


# Memory.


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("coding", "most_kib"), [("gzip", 300), ("zstd", 400), ("br", 900)])
def test_a_stream_that_waits_holds_little_memory(coding: str, most_kib: int) -> None:
    codings.encoder(coding).encode(b"this loads the library")
    before = resident()

    encoders = [codings.encoder(coding) for _ in range(STREAMS)]
    for encoder in encoders:
        encoder.encode(b"data: an event\n\n")

    assert (resident() - before) / STREAMS / 1024 < most_kib
