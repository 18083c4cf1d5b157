"""Tests of aiosock.wire.codings, in addition to those of the middleware that uses it."""

import sys
from pathlib import Path

import pytest

from aiosock.wire import codings

STREAMS = 64


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
