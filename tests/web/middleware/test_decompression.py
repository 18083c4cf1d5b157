"""Tests of aiosock.web.middleware.decompression."""

import asyncio
import gzip
import os
import tracemalloc
from typing import Any

import pytest

from aiosock import App, HTTPError, Request
from aiosock.testing.client import ClientResponse
from aiosock.web.exchange import Received
from aiosock.web.middleware import decompression
from aiosock.web.middleware.decompression import _Decoded
from aiosock.wire import codings
from aiosock.wire.codings import BLOCK, FREE_FRAMES
from tests.net.helpers import chunks, connection, request_bytes
from tests.web.ask import ask

CODINGS = ["zstd", "br", "gzip"]
TEXT = b"".join(b"%d bottles of beer on the wall\n" % number for number in range(10_000))


def encoded(coding: str, data: bytes) -> bytes:
    codings.demand([coding])
    return codings.encoder(coding).finish(data)


def app_with(**options: Any) -> App:
    app = App()
    app.middleware(decompression(**options))

    @app.post("/", body_limit=2**30)
    async def echo(request: Request) -> bytes:
        assert "content-encoding" not in request.headers
        return await request.read()

    @app.post("/small", body_limit=1000)
    async def small(request: Request) -> bytes:
        return await request.read()

    @app.post("/json")
    async def json(request: Request) -> Any:
        return await request.json()

    @app.post("/sizes", on_disconnect="finish")
    async def sizes(request: Request) -> list[int]:
        return [len(piece) async for piece in request.body]

    @app.post("/unread")
    async def unread(request: Request) -> str:
        return "unread"

    return app


async def post(app: App, body: bytes, coding: str, target: str = "/", **fields: str) -> ClientResponse:
    return await ask(app, "POST", target, body=body, headers={"content-encoding": coding, **fields})


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("body", [b"", b"x", TEXT])
async def test_handlers_see_the_decoded_body(coding: str, body: bytes) -> None:
    answer = await post(app_with(), encoded(coding, body), coding)
    assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_body_may_come_byte_by_byte(coding: str) -> None:
    async with connection(app_with()) as (_, peer, _):
        peer.send(request_bytes("Transfer-Encoding: chunked", f"Content-Encoding: {coding}", method="POST"))
        await peer.drip(chunks(*(bytes([byte]) for byte in encoded(coding, b"drop by drop"))), 16)
        assert (await peer.response()).body == b"drop by drop"


@pytest.mark.parametrize("coding", ["identity", "GZip", "x-gzip"])
async def test_the_name_of_a_coding_has_several_spellings(coding: str) -> None:
    body = b"{}" if coding == "identity" else gzip.compress(b"{}")
    answer = await post(app_with(), body, coding, "/json", **{"content-type": "application/json"})
    assert answer.json() == {}


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
async def test_members_and_frames_follow_each_other(coding: str) -> None:
    body = encoded(coding, b"one ") + encoded(coding, b"") + encoded(coding, b"two")
    assert (await post(app_with(), body, coding)).body == b"one two"


async def test_an_empty_body_in_a_coding_is_empty() -> None:
    assert (await post(app_with(), b"", "gzip")).body == b""


async def test_a_body_that_nobody_reads_is_not_decoded() -> None:
    assert (await post(app_with(), b"not gzip", "gzip", "/unread")).text == "unread"


@pytest.mark.parametrize("coding", ["deflate", "compress", "gzip, gzip", "", "nonsense"])
async def test_another_coding_is_415_with_those_there_are(coding: str) -> None:
    answer = await post(app_with(), b"x", coding)
    assert answer.status == 415
    assert answer.headers["accept-encoding"] == "zstd, br, gzip"


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("what", ["garbage", "cut short", "followed by garbage"])
async def test_what_is_malformed_is_400(coding: str, what: str) -> None:
    whole = encoded(coding, TEXT)
    body = {"garbage": b"nonsense" * 100, "cut short": whole[:-1], "followed by garbage": whole + b"nonsense"}[what]
    assert (await post(app_with(), body, coding)).status == 400


# Bombs.


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_bomb_is_413_before_it_has_gone_off(coding: str) -> None:
    bomb = encoded(coding, bytes(100_000_000))
    assert len(bomb) < 110_000
    app = app_with(max_bytes=2**30)
    tracemalloc.start()
    try:
        answer = await post(app, bomb, coding)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status == 413
    assert "100 times" in answer.text
    # What was let through, held as pieces and read as one.
    assert peak < 100 * len(bomb) + 2_000_000


@pytest.mark.parametrize("coding", CODINGS)
async def test_what_is_small_may_be_compressed_well(coding: str) -> None:
    assert (await post(app_with(), encoded(coding, bytes(BLOCK)), coding)).status == 200


@pytest.mark.parametrize("coding", CODINGS)
async def test_the_decoded_body_has_a_bound(coding: str) -> None:
    body = encoded(coding, TEXT)
    assert (await post(app_with(max_bytes=len(TEXT)), body, coding)).body == TEXT
    assert (await post(app_with(max_bytes=len(TEXT) - 1), body, coding)).status == 413


@pytest.mark.parametrize("coding", ["zstd", "gzip"])
async def test_members_with_nothing_in_them_have_a_bound(coding: str) -> None:
    empty = encoded(coding, b"")

    assert (await post(app_with(), empty * FREE_FRAMES, coding)).body == b""
    refused = await post(app_with(), empty * 2 * FREE_FRAMES, coding)
    assert (refused.status, "too many frames" in refused.text) == (413, True)


async def test_blocks_with_nothing_in_them_have_a_bound() -> None:
    start = gzip.compress(b"")[:10]
    stored = b"\x00\x00\x00\xff\xff"  # RFC 1951 section 3.2.4
    assert (await post(app_with(max_bytes=BLOCK), start + stored * BLOCK, "gzip")).status == 413


async def test_what_decodes_to_nothing_lets_others_go_on() -> None:
    pieces, turns = [b"\x00\x00\x00\xff\xff"] * 20, 0

    class Pieces(Received):
        async def receive(self) -> bytes:
            return pieces.pop() if pieces else b""

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    body = _Decoded(Pieces(b""), codings.decoder("gzip"), BLOCK, 100)
    pieces.append(gzip.compress(b"")[:10])
    counting = asyncio.create_task(count())
    with pytest.raises(HTTPError):
        await body.receive()
    counting.cancel()
    assert turns >= 20


async def test_the_bound_of_a_route_is_of_the_decoded_body() -> None:
    assert (await post(app_with(), gzip.compress(bytes(1000)), "gzip", "/small")).status == 200
    assert (await post(app_with(), gzip.compress(bytes(1001)), "gzip", "/small")).status == 413

    longer = gzip.compress(os.urandom(1000))
    assert len(longer) > 1000
    assert (await post(app_with(), longer, "gzip", "/small")).status == 200


@pytest.mark.parametrize("coding", CODINGS)
async def test_it_is_decoded_a_block_at_a_time(coding: str) -> None:
    sizes = (await post(app_with(max_ratio=10_000_000), encoded(coding, bytes(1_000_000)), coding, "/sizes")).json()
    assert sum(sizes) == 1_000_000
    assert max(sizes) <= 2 * BLOCK
