"""Tests of aiosock.web.disk.file_body."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiosock.errors import HTTPError
from aiosock.web.disk.file_body import BLOCK, LAST_BLOCK, FileBody, split
from aiosock.wire.ranges import Span
from tests.web.static.serving import MOMENT, open_descriptors, write

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX files")

CONTENT = os.urandom(2 * BLOCK + 1000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path, {"data": CONTENT}) / "data"


@pytest.fixture(autouse=True)
def no_descriptor_left() -> Iterator[None]:
    before = open_descriptors()
    yield
    assert open_descriptors() == before


def body_of(path: Path, *parts: Span | bytes) -> FileBody:
    descriptor = os.open(path, os.O_RDONLY)
    return FileBody(descriptor, path.name, os.fstat(descriptor), parts)


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        (0, 0),
        (0, 1),
        (5, 5 + LAST_BLOCK),
        (5, 6 + LAST_BLOCK),
        (0, BLOCK),
        (1, BLOCK + LAST_BLOCK + 2),
        (0, len(CONTENT)),
    ],
)
async def test_a_span_is_read_whole_whatever_its_blocks(path: Path, start: int, stop: int) -> None:
    body = body_of(path, b"<", Span(start, stop), b">")
    pieces = [piece async for piece in body]
    await body.aclose()

    assert b"".join(pieces) == b"<" + CONTENT[start:stop] + b">"
    assert body.length == stop - start + 2
    assert max(map(len, pieces)) <= BLOCK


@pytest.mark.parametrize("length", [0, 1, LAST_BLOCK - 1, LAST_BLOCK, LAST_BLOCK + 1, 10 * LAST_BLOCK])
def test_the_last_block_is_what_is_sent_after_the_last_look(length: int) -> None:
    bulk, last = split(Span(7, 7 + length))

    assert (bulk.start, bulk.stop, last.stop) == (7, last.start, 7 + length)
    assert last.length == min(length, LAST_BLOCK)


def test_a_file_system_that_gives_less_than_it_is_asked_for_is_asked_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda descriptor, length, offset: pread(descriptor, min(length, 100), offset))

    assert body_of(path).read(Span(10, 1010)) == CONTENT[10:1010]


@pytest.mark.parametrize("size", [0, 10, 999])
def test_a_file_that_has_become_too_short_is_an_error(path: Path, size: int) -> None:
    body = body_of(path)
    os.truncate(path, size)

    with pytest.raises(HTTPError, match="503 'data' became shorter"):
        body.read(Span(5, 1000))


@pytest.mark.parametrize(("size", "is_changed"), [(500, True), (len(CONTENT), True), (len(CONTENT) + 1, False)])
def test_a_file_that_was_written_over_is_an_error_and_one_that_grew_is_not(
    path: Path, size: int, is_changed: bool
) -> None:
    body = body_of(path)
    os.truncate(path, size)
    os.utime(path, (MOMENT + 1, MOMENT + 1))

    if is_changed:
        with pytest.raises(HTTPError, match="503 'data' changed"):
            body.read_last(Span(0, 10))
    else:
        assert body.read_last(Span(0, 10)) == CONTENT[:10]


async def test_a_body_that_is_closed_twice_closes_nothing_of_others(path: Path) -> None:
    body = body_of(path)
    await body.aclose()
    other = os.open(path, os.O_RDONLY)  # gets the descriptor number that has become free
    await body.aclose()
    del body
    gc.collect()

    os.close(other)


def test_a_body_that_nobody_sends_is_closed_when_it_is_collected(path: Path) -> None:
    before = open_descriptors()
    body = body_of(path)
    assert open_descriptors() == before + 1
    del body
    gc.collect()

    assert open_descriptors() == before
