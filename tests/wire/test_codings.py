"""Tests of aiosock.wire.codings, in addition to those of the middleware that uses it."""

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from aiosock.wire import codings

STREAMS = 64

EACH = pytest.mark.parametrize("coding", codings.PREFERRED)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("coding", "most_kib"), [("gzip", 300), ("zstd", 400), ("br", 900)])
def test_a_stream_that_waits_holds_little_memory(coding: str, most_kib: int) -> None:
    codings.demand([coding])
    codings.encoder(coding).encode(b"what is loaded once")
    before = resident()

    encoders = [codings.encoder(coding) for _ in range(STREAMS)]
    for encoder in encoders:
        encoder.encode(b"data: an event\n\n")

    assert (resident() - before) / STREAMS / 1024 < most_kib


def decoded(coding: str, pieces: Iterable[bytes]) -> bytes:
    """Return the body that these pieces decode to; ask for more of each until nothing comes."""
    decoder = codings.decoder(coding)
    body = b""
    for piece in pieces:
        while block := decoder.decode(piece):
            assert len(block) < 2 * codings.BLOCK  # brotli goes beyond the one that it was told
            body += block
            piece = b""
    assert decoder.is_complete
    return body


@EACH
def test_a_body_comes_back_whole_and_byte_by_byte(coding: str) -> None:
    encoder = codings.encoder(coding)
    encoded = encoder.encode(b"one ") + encoder.finish(b"two")

    assert decoded(coding, [encoded]) == b"one two"
    assert decoded(coding, [bytes([byte]) for byte in encoded]) == b"one two"


@EACH
def test_what_has_been_encoded_can_be_read_at_once(coding: str) -> None:
    decoder = codings.decoder(coding)
    assert decoder.decode(codings.encoder(coding).encode(b"an event")) == b"an event"
    assert not decoder.is_complete


@EACH
def test_a_large_body_comes_a_block_at_a_time(coding: str) -> None:
    body = bytes(10 * codings.BLOCK + 1)
    assert decoded(coding, [codings.encoder(coding).finish(body)]) == body


@EACH
def test_an_empty_body_is_complete(coding: str) -> None:
    assert decoded(coding, []) == decoded(coding, [b""]) == decoded(coding, [codings.encoder(coding).finish()]) == b""


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_frames_follow_each_other(coding: str) -> None:
    frames = [codings.encoder(coding).finish(data) for data in (b"one ", b"", b"two")]
    assert decoded(coding, [b"".join(frames)]) == b"one two"


@EACH
def test_malformed_bytes_are_a_value_error(coding: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        codings.decoder(coding).decode(b"\xff" * 100)


def test_the_codings_of_the_extra_are_installed_here() -> None:
    assert codings.installed() == codings.PREFERRED
    assert codings.demand(["br", "gzip"]) == ("br", "gzip")


def test_an_unknown_coding_is_refused() -> None:
    with pytest.raises(ValueError, match="not a content coding: 'deflate'; there are zstd, br, gzip"):
        codings.demand(["deflate"])


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(codings._LIBRARIES, "br", "aiosock_no_such_library")

    assert codings.installed() == ("zstd", "gzip")
    with pytest.raises(ValueError, match=r"coding br needs brotli.* extra 'compress'"):
        codings.demand(["br"])


def test_a_library_that_python_lacks_is_not_something_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(codings._LIBRARIES, "zstd", "compression.zstd")
    monkeypatch.setitem(sys.modules, "compression.zstd", None)

    with pytest.raises(ValueError, match=r"needs compression.zstd, and this Python was built without it$"):
        codings.demand(["zstd"])
