"""Tests of aiosock.web.middleware.compression."""

import asyncio
import sys
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aiosock import App, Request, Response, StaticFiles
from aiosock.testing import Client
from aiosock.testing.client import ClientResponse
from aiosock.web.middleware import compression, etag
from aiosock.web.middleware.compression import MINIMUM_BYTES, THREAD_BYTES
from aiosock.wire import codings
from tests.web.ask import app_of, ask

TEXT = "What a wonderful world. " * 100
CODINGS = ["zstd", "br", "gzip"]
GZIP = {"accept-encoding": "gzip"}


def decoded(coding: str, body: bytes) -> bytes:
    """Decode with the library itself; fail if the data is not complete."""
    codings.demand([coding])
    if coding == "gzip":
        return zlib.decompress(body, wbits=31)
    if coding == "br":
        import brotli

        return bytes(brotli.decompress(body))
    return bytes(codings._library("zstd").decompress(body))


def compressed(answer: Callable[[], Response], **options: Any) -> App:
    async def handler(request: Request) -> Response:
        return answer()

    app = app_of(handler)
    app.middleware(compression(**options))
    return app


async def answer_to(answer: Callable[[], Response], method: str = "GET", **headers: str) -> ClientResponse:
    fields = {"accept-encoding": "gzip", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await ask(compressed(answer), method, "/", headers=fields)


async def pieces(*texts: str) -> AsyncIterator[str]:
    for text in texts:
        yield text


def page(**fields: str) -> Response:
    return Response.text(TEXT, headers={name.replace("_", "-"): value for name, value in fields.items()})


# What the client gets.


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("length", [MINIMUM_BYTES, THREAD_BYTES, 1_000_000])
async def test_a_body_is_compressed_as_the_client_wishes(coding: str, length: int) -> None:
    text = "x1" * (length // 2)
    answer = await ask(compressed(lambda: Response.text(text)), "GET", "/", headers={"accept-encoding": coding})
    assert answer.headers["content-encoding"] == coding
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["vary"] == "Accept-Encoding"
    assert len(answer.body) < length
    assert decoded(coding, answer.body) == text.encode()


@pytest.mark.parametrize(
    ("wish", "coding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, br;q=0.9", "gzip"),
        ("gzip;q=0", None),
        ("identity", None),
        ("deflate", None),
        ("", None),
    ],
)
async def test_weights_decide(wish: str, coding: str | None) -> None:
    answer = await answer_to(page, accept_encoding=wish)
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert coding or answer.text == TEXT


async def test_a_client_that_wishes_nothing_gets_it_plain() -> None:
    answer = await ask(compressed(page), "GET", "/")
    assert answer.text == TEXT
    assert answer.headers["vary"] == "Accept-Encoding"


async def test_the_server_may_prefer_otherwise() -> None:
    app = compressed(page, codings=["gzip", "br"])
    answer = await ask(app, "GET", "/", headers={"accept-encoding": "br, gzip, zstd"})
    assert answer.headers["content-encoding"] == "gzip"


async def test_what_it_varies_by_already_stays() -> None:
    answer = await answer_to(lambda: page(vary="Cookie"))
    assert answer.headers["vary"] == "Cookie, Accept-Encoding"


# What is left as it is.


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Response.text("x" * (MINIMUM_BYTES - 1)),
        lambda: page(content_encoding="identity"),
        lambda: page(cache_control="private, No-Transform"),
        lambda: page(repr_digest="sha-256=:AAA=:"),
        lambda: page(accept_ranges="bytes"),
        lambda: page(content_type="image/png"),
        lambda: page(content_type="application/zip"),
        lambda: page(content_type="font/woff2"),
        lambda: Response(TEXT.encode()),
        lambda: Response.text(TEXT, 206, {"content-range": f"bytes 0-{len(TEXT) - 1}/9999"}),
        lambda: Response(pieces("ab"), headers={"content-type": "text/plain", "content-length": "2"}),
        lambda: Response(status=204),
        lambda: Response(),
    ],
)
async def test_what_is_not_worth_it_or_may_not_is_left_as_it_is(answer: Callable[[], Response]) -> None:
    plain, given = await ask(compressed(answer), "GET", "/"), await answer_to(answer)
    assert given.body == plain.body
    assert given.headers.get("content-encoding") == plain.headers.get("content-encoding")
    assert "vary" not in given.headers


@pytest.mark.parametrize(
    "media_type",
    ["text/html; charset=utf-8", "TEXT/CSV", "application/json", "application/problem+json", "image/svg+xml"],
)
async def test_text_in_all_its_forms_is_compressed(media_type: str) -> None:
    assert "content-encoding" in (await answer_to(lambda: page(content_type=media_type))).headers


@pytest.mark.parametrize("size", [10_000, 1_000_000])  # sent from memory, and by the kernel
async def test_files_have_siblings_and_ranges_instead(tmp_path: Path, size: int) -> None:
    (tmp_path / "a.txt").write_bytes(b"x" * size)
    app = App()
    app.middleware(compression())
    app.mount("/", StaticFiles(tmp_path))
    whole = await ask(app, "GET", "/a.txt", headers=GZIP)
    assert (whole.body, whole.headers["etag"][:1]) == (b"x" * size, '"')
    assert (await ask(app, "GET", "/a.txt", headers={**GZIP, "range": "bytes=0-9"})).body == b"x" * 10


# Streams.


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_piece_can_be_read_when_it_has_arrived(coding: str) -> None:
    gate = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes | str]:
        yield "first "
        await gate.wait()
        yield b""
        yield b"second"

    app = compressed(lambda: Response(slowly(), headers={"content-type": "text/event-stream"}))
    async with Client(app) as client, client.stream("GET", "/", headers={"accept-encoding": coding}) as (head, body):
        assert head.headers["content-encoding"] == coding
        assert head.headers["transfer-encoding"] == "chunked"
        decoder = codings.decoder(coding)
        assert decoder.decode(await anext(body)) == b"first "
        gate.set()
        rest = b"".join([decoder.decode(piece) async for piece in body])
        assert rest == b"second"
        assert decoder.is_complete


async def test_a_large_piece_is_compressed_too() -> None:
    answer = await answer_to(lambda: Response(pieces("x" * THREAD_BYTES), headers={"content-type": "text/plain"}))
    assert decoded("gzip", answer.body) == b"x" * THREAD_BYTES


async def test_the_length_that_a_stream_announced_is_no_longer_true() -> None:
    fields = {"content-type": "text/plain", "content-length": str(len(TEXT))}
    answer = await answer_to(lambda: Response(pieces(TEXT), headers=fields))
    assert "content-length" not in answer.headers
    assert decoded("gzip", answer.body).decode() == TEXT


async def test_a_stream_is_closed_when_the_client_leaves() -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[str]:
        try:
            while True:
                yield "again and again"
                await asyncio.sleep(0)
        finally:
            closed.set()

    app = compressed(lambda: Response(endless(), headers={"content-type": "text/plain"}))
    async with Client(app) as client:
        async with client.stream("GET", "/", headers=GZIP) as (_, body):
            await anext(body)
        await asyncio.wait_for(closed.wait(), client.patience)


# HEAD.


@pytest.mark.parametrize(
    "answer",
    [
        page,
        lambda: Response(pieces(TEXT), headers={"content-type": "text/plain"}),
        lambda: Response(b"", headers={"content-type": "text/plain", "content-length": "5000"}),
    ],
)
async def test_head_says_what_get_would_but_for_the_length(answer: Callable[[], Response]) -> None:
    given = await answer_to(answer, "HEAD")
    assert (given.status, given.body) == (200, b"")
    assert given.headers["content-encoding"] == "gzip"
    assert given.headers["vary"] == "Accept-Encoding"
    assert "content-length" not in given.headers


async def test_head_of_something_small_is_left_as_it_is() -> None:
    assert (await answer_to(lambda: Response.text("small"), "HEAD")).headers["content-length"] == "5"


# Validators.


async def test_a_strong_tag_becomes_weak_and_a_weak_one_stays() -> None:
    assert (await answer_to(lambda: page(etag='"v1"'))).headers["etag"] == 'W/"v1"'
    assert (await answer_to(lambda: page(etag='W/"v1"'))).headers["etag"] == 'W/"v1"'
    assert (await answer_to(lambda: page(etag='"v1"'), accept_encoding="")).headers["etag"] == '"v1"'


@pytest.mark.parametrize("order", [(etag, compression), (compression, etag)])
async def test_a_client_asks_with_the_tag_it_got(order: tuple[Callable[[], Any], ...]) -> None:
    async def handler(request: Request) -> Response:
        return page()

    app = app_of(handler)
    for middleware in order:
        app.middleware(middleware())
    first = await ask(app, "GET", "/", headers=GZIP)
    assert first.headers["content-encoding"] == "gzip"
    again = await ask(app, "GET", "/", headers={**GZIP, "if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["vary"] == "Accept-Encoding"


async def test_one_answer_for_all_is_compressed_for_who_wishes_it() -> None:
    shared = page(etag='"1"')
    app = compressed(lambda: shared)

    assert (await ask(app, "GET", "/", headers=GZIP)).headers["content-encoding"] == "gzip"
    plain = await ask(app, "GET", "/")
    assert (plain.text, plain.headers["etag"], plain.headers.get("content-encoding")) == (TEXT, '"1"', None)


# Set up wrong.


def test_a_coding_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="deflate"):
        compression(codings=["deflate"])


def test_a_missing_library_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(codings._LIBRARIES, "br", "aiosock_no_such_library")
    assert "br" not in codings.installed()
    with pytest.raises(ValueError, match=r"content coding br needs brotli>=1.2: .* extra 'compress'"):
        compression(codings=["br"])


def test_a_library_that_cannot_bound_what_it_inflates_is_as_good_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "brotli", SimpleNamespace(Decompressor=object))  # brotli before 1.2
    assert "br" not in codings.installed()
