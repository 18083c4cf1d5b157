"""Tests of aiosock.web.static.answer: parts of files (RFC 9110 section 14), kept in memory or not."""

import http.client
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from aiosock import Disconnected, Request, Response
from aiosock.config import Limits
from aiosock.testing import Client
from aiosock.web.disk.file_body import BLOCK
from aiosock.web.handler import Next
from aiosock.web.static import answer as answering
from aiosock.wire.ranges import RANGES
from tests.patience import PATIENCE
from tests.web.static.serving import (
    MODIFIED,
    MOMENT,
    NEW,
    OLD,
    UNCACHED,
    fetch,
    open_descriptors,
    serving,
    write,
)

CONTENT = os.urandom(1000)
LARGE = os.urandom(3 * BLOCK + 17)
ZIPPED = os.urandom(500)
NOT_A_FILE_S = ("content-encoding", "last-modified", "accept-ranges")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write(
        tmp_path,
        {
            "data.bin": CONTENT,
            "large.bin": LARGE,
            "empty.bin": b"",
            "zipped.txt": CONTENT,
            "zipped.txt.gz": ZIPPED,
            "404.html": "<h1>not here</h1>",
        },
    )


def parts_of(content_type: str, body: bytes) -> list[tuple[str, str, bytes]]:
    """Split a multipart/byteranges body strictly; return (Content-Type, Content-Range, bytes) of each part."""
    match = re.fullmatch(r"multipart/byteranges; boundary=([0-9a-f]{32})", content_type)
    assert match is not None
    delimiter = b"--" + match[1].encode()
    first, *parts, last = (b"\r\n" + body).split(b"\r\n" + delimiter)
    assert (first, last) == (b"", b"--\r\n")
    found = []
    for part in parts:
        head = re.match(rb"\r\nContent-Type: ([^\r\n]+)\r\nContent-Range: ([^\r\n]+)\r\n\r\n", part)
        assert head is not None
        found.append((head[1].decode(), head[2].decode(), part[head.end() :]))
    return found


# One part.


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=500-", 500, 1000),
        ("bytes=0-", 0, 1000),
        ("bytes=-1", 999, 1000),
        ("bytes=-300", 700, 1000),
        ("bytes=-5000", 0, 1000),
        ("bytes=990-99999", 990, 1000),
        ("BYTES=1-2", 1, 3),
        ("bytes= 1-2 ,", 1, 3),
        ("bytes=1-2,5000-", 1, 3),
        ("bytes=0-9,5-19", 0, 20),
        ("bytes=10-19,0-9", 0, 20),
        ("bytes=0-,0-,0-,0-", 0, 1000),
    ],
)
async def test_a_part_is_sent(site: Path, limits: Limits, asked: str, start: int, stop: int) -> None:
    whole = await fetch(site, "/data.bin", limits=limits)
    answer = await fetch(site, "/data.bin", {"range": asked}, limits=limits)

    assert (answer.status, answer.body) == (206, CONTENT[start:stop])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/1000"
    assert answer.headers["content-length"] == str(stop - start)
    for name in ("content-type", "etag", "last-modified", "accept-ranges", "x-content-type-options"):
        assert answer.headers[name] == whole.headers[name]


@pytest.mark.parametrize("start", [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK, len(LARGE) - 1])
@pytest.mark.parametrize("length", [1, 16 * 1024, 16 * 1024 + 1, BLOCK, 2 * BLOCK + 3])
async def test_a_part_of_several_blocks_is_sent(site: Path, start: int, length: int) -> None:
    stop = min(start + length, len(LARGE))
    answer = await fetch(site, "/large.bin", {"range": f"bytes={start}-{stop - 1}"})

    assert (answer.status, answer.body == LARGE[start:stop]) == (206, True)


async def test_a_download_that_was_broken_off_goes_on(site: Path, limits: Limits) -> None:
    async with Client(serving(site), limits=limits) as client:
        first = await client.get("/large.bin", headers={"range": f"bytes=0-{BLOCK}"})
        rest = await client.get(
            "/large.bin", headers={"range": f"bytes={BLOCK + 1}-", "if-range": first.headers["etag"]}
        )

    assert (rest.status, first.body + rest.body == LARGE) == (206, True)


# No part, or all.


@pytest.mark.parametrize(
    "asked", ["bytes=1000-", "bytes=1000-1000", "bytes=-0", "bytes=5000-6000,2000-", "bytes=" + "9" * 99 + "-"]
)
async def test_parts_beyond_the_end_do_not_exist(site: Path, limits: Limits, asked: str) -> None:
    answer = await fetch(site, "/data.bin", {"range": asked}, limits=limits)

    assert (answer.status, answer.headers["content-range"]) == (416, "bytes */1000")
    assert not [name for name in NOT_A_FILE_S if name in answer.headers]
    assert CONTENT not in answer.body


@pytest.mark.parametrize(
    "asked",
    [
        *("bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=0-1,5-4", "bytes=0-1,x", "bytes=--1"),
        *("bytes=0x0-0x5", "bytes=+1-2", "bytes=1.5-2", "items=0-1", "0-1", "bytes 0-1", "bytes=0-1;2-3", "none", ""),
        "bytes=0-1, bytes=3-4",
        "bytes=" + ",".join(["0-0"] * (RANGES + 1)),
        "bytes=" + ",".join(f"{start}-" for start in range(1200)),
        "bytes=" + "0-," * 1200,
        "bytes=" + "-" * 5000,
    ],
)  # fmt: skip
async def test_what_is_no_range_is_ignored(site: Path, limits: Limits, asked: str) -> None:
    answer = await fetch(site, "/data.bin", {"range": asked}, limits=limits)

    assert (answer.status, answer.body, "content-range" in answer.headers) == (200, CONTENT, False)


async def test_ranges_on_two_lines_are_ignored(site: Path, limits: Limits) -> None:
    async with Client(serving(site), limits=limits) as client:
        answer = await client.get("/data.bin", headers=[("range", "bytes=0-1"), ("range", "bytes=3-4")])

    assert (answer.status, answer.body) == (200, CONTENT)


@pytest.mark.parametrize("asked", ["bytes=0-", "bytes=-5", "bytes=-0", "bytes=7-"])
async def test_an_empty_file_has_no_parts_and_is_sent_whole(site: Path, limits: Limits, asked: str) -> None:
    answer = await fetch(site, "/empty.bin", {"range": asked}, limits=limits)

    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")


@pytest.mark.parametrize("asked", ["bytes=0-0", "bytes=0-0,500-600", "bytes=1000-"])
async def test_head_knows_no_ranges(site: Path, limits: Limits, asked: str) -> None:
    answer = await fetch(site, "/data.bin", {"range": asked}, method="HEAD", limits=limits)

    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "1000", b"")
    assert "content-range" not in answer.headers


async def test_a_page_that_stands_for_another_has_no_parts(site: Path, limits: Limits) -> None:
    fields = {"range": "bytes=0-1", "accept": "text/html"}
    answer = await fetch(site, "/missing", fields, limits=limits, not_found="404.html")

    assert (answer.status, answer.text) == (404, "<h1>not here</h1>")
    assert not [name for name in ("accept-ranges", "etag", "last-modified") if name in answer.headers]


# Several parts.


@pytest.mark.parametrize(
    ("asked", "spans"),
    [
        ("bytes=0-0,-1", [(0, 1), (999, 1000)]),
        ("bytes=0-9,500-509", [(0, 10), (500, 510)]),
        ("bytes=500-509,0-9", [(500, 510), (0, 10)]),
        ("bytes=900-,0-9,5-20,2000-", [(900, 1000), (0, 21)]),
        ("bytes=0-99,200-299,400-499,600-699,800-899", [(start, start + 100) for start in range(0, 1000, 200)]),
    ],
)
async def test_several_parts_are_sent_as_multipart(
    site: Path, limits: Limits, asked: str, spans: list[tuple[int, int]]
) -> None:
    whole = await fetch(site, "/data.bin", limits=limits)
    answer = await fetch(site, "/data.bin", {"range": asked}, limits=limits)

    assert (answer.status, "content-range" in answer.headers) == (206, False)
    assert answer.headers["content-length"] == str(len(answer.body))
    assert parts_of(answer.headers["content-type"], answer.body) == [
        ("application/octet-stream", f"bytes {start}-{stop - 1}/1000", CONTENT[start:stop]) for start, stop in spans
    ]
    for name in ("etag", "last-modified"):
        assert answer.headers[name] == whole.headers[name]


async def test_as_many_parts_as_may_be_are_sent(site: Path) -> None:
    starts = range(0, len(LARGE), len(LARGE) // RANGES + 1)
    assert len(starts) == RANGES
    answer = await fetch(site, "/large.bin", {"range": "bytes=" + ",".join(f"{start}-{start}" for start in starts)})

    parts = parts_of(answer.headers["content-type"], answer.body)
    assert [body for _, _, body in parts] == [LARGE[start : start + 1] for start in starts]


async def test_overlapping_ranges_never_make_more_than_the_file(site: Path, limits: Limits) -> None:
    asked = "bytes=" + ",".join(f"{start}-" for start in range(RANGES))
    answer = await fetch(site, "/data.bin", {"range": asked}, limits=limits)

    assert (answer.status, answer.body) == (206, CONTENT)


async def test_no_two_answers_have_the_same_boundary(site: Path) -> None:
    answers = [await fetch(site, "/data.bin", {"range": "bytes=0-0,-1"}) for _ in range(2)]

    assert len({answer.headers["content-type"] for answer in answers}) == 2


# Conditions.


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("ETAG", 206),
        (MODIFIED, 206),
        ("Sunday, 09-Sep-01 01:46:40 GMT", 206),
        ('"other"', 200),
        ("W/ETAG", 200),
        ('ETAG, "other"', 200),
        ("*", 200),
        ("", 200),
        (OLD, 200),
        (NEW, 200),
        ("yesterday", 200),
    ],
)
@pytest.mark.parametrize("asked", ["bytes=1-2", "bytes=1-2,-1", "bytes=1000-"])
async def test_a_part_is_sent_only_of_the_version_that_the_client_has(
    site: Path, limits: Limits, condition: str, status: int, asked: str
) -> None:
    etag = (await fetch(site, "/data.bin")).headers["etag"]
    fields = {"range": asked, "if-range": condition.replace("ETAG", etag)}
    answer = await fetch(site, "/data.bin", fields, limits=limits)

    assert answer.status == (416 if status == 206 and asked == "bytes=1000-" else status)
    assert (answer.body == CONTENT) is (status == 200)


@pytest.mark.parametrize(("now", "status"), [(0.9, 200), (1.0, 206)])
async def test_a_part_of_a_file_that_changed_in_this_second_is_not_joined_by_its_date(
    site: Path, limits: Limits, now: float, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "time", SimpleNamespace(time=lambda: MOMENT + now))
    fields = {"range": "bytes=1-2", "if-range": MODIFIED}

    assert (await fetch(site, "/data.bin", fields, limits=limits)).status == status


async def test_if_range_without_range_is_ignored(site: Path, limits: Limits) -> None:
    assert (await fetch(site, "/data.bin", {"if-range": '"other"'}, limits=limits)).body == CONTENT


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"if-none-match": "*"}, 304),
        ({"if-modified-since": NEW}, 304),
        ({"if-match": '"other"'}, 412),
        ({"if-unmodified-since": OLD}, 412),
        ({"if-match": '"other"', "if-none-match": "*"}, 412),
        ({"if-match": "*", "if-none-match": '"other"'}, 206),
    ],
)
async def test_preconditions_come_before_ranges(
    site: Path, limits: Limits, fields: dict[str, str], status: int
) -> None:
    assert (await fetch(site, "/data.bin", {"range": "bytes=0-0", **fields}, limits=limits)).status == status
    answer = await fetch(site, "/data.bin", {"range": "bytes=1000-", **fields}, limits=limits)
    assert answer.status == (416 if status == 206 else status)


async def test_a_part_of_a_compressed_file_is_of_its_compressed_bytes(site: Path, limits: Limits) -> None:
    fields = {"range": "bytes=-10", "accept-encoding": "gzip"}
    whole = await fetch(site, "/zipped.txt", {"accept-encoding": "gzip"}, limits=limits)
    answer = await fetch(site, "/zipped.txt", {**fields, "if-range": whole.headers["etag"]}, limits=limits)

    assert (answer.status, answer.body) == (206, ZIPPED[-10:])
    assert answer.headers["content-range"] == "bytes 490-499/500"
    for name in ("content-encoding", "content-type", "vary", "etag"):
        assert answer.headers[name] == whole.headers[name]


async def test_a_part_of_one_coding_is_not_joined_with_another(site: Path, limits: Limits) -> None:
    plain = await fetch(site, "/zipped.txt", limits=limits)
    fields = {"range": "bytes=-10", "accept-encoding": "gzip", "if-range": plain.headers["etag"]}
    answer = await fetch(site, "/zipped.txt", fields, limits=limits)

    assert (answer.status, answer.body, answer.headers["content-encoding"]) == (200, ZIPPED, "gzip")


async def test_a_range_beyond_a_compressed_file_tells_its_compressed_size(site: Path, limits: Limits) -> None:
    fields = {"range": "bytes=600-", "accept-encoding": "gzip"}

    assert (await fetch(site, "/zipped.txt", fields, limits=limits)).headers["content-range"] == "bytes */500"


# Files that change.


def changing(root: Path, change: Callable[[], object], *, before: bool) -> Client:
    """Return a client of a server on which a file changes before its answer is made, or before the answer is sent."""
    app = serving(root)

    @app.middleware
    async def meddle(request: Request, next: Next) -> Response:
        if before and request.headers.get("x-change"):
            change()
        response = await next(request)
        if not before:
            change()
        return response

    return Client(app, limits=UNCACHED)


@pytest.mark.parametrize("asked", ["bytes=5-9", "bytes=5-9,500-509"])
async def test_a_part_of_a_file_that_is_replaced_before_it_is_opened_is_of_the_new_one(site: Path, asked: str) -> None:
    write(site, {"new.bin": CONTENT[::-1]}, 1_100_000_000)
    async with changing(site, lambda: (site / "new.bin").replace(site / "data.bin"), before=True) as client:
        etag = (await client.get("/data.bin")).headers["etag"]
        fields = {"x-change": "1", "range": asked, "if-range": etag}
        whole = await client.get("/data.bin", headers=fields)

        assert (whole.status, whole.body, whole.headers["etag"] != etag) == (200, CONTENT[::-1], True)


async def test_a_range_is_measured_by_the_file_that_is_opened(site: Path) -> None:
    write(site, {"new.bin": CONTENT[:50]})
    async with changing(site, lambda: (site / "new.bin").replace(site / "data.bin"), before=True) as client:
        await client.get("/data.bin")
        answer = await client.get("/data.bin", headers={"x-change": "1", "range": "bytes=100-"})

        assert (answer.status, answer.headers["content-range"]) == (416, "bytes */50")


@pytest.mark.parametrize("asked", ["bytes=0-9", "bytes=0-9,500-509"])
async def test_a_part_of_a_file_that_is_replaced_while_it_is_sent_is_of_the_old_one(site: Path, asked: str) -> None:
    write(site, {"new.bin": CONTENT[::-1]})
    async with changing(site, lambda: os.replace(site / "new.bin", site / "data.bin"), before=False) as client:
        answer = await client.get("/data.bin", headers={"range": asked})

        assert (answer.status, CONTENT[:10] in answer.body) == (206, True)


@pytest.mark.parametrize("asked", ["bytes=0-9", "bytes=0-9,500-509"])
@pytest.mark.parametrize("rest", [0, 5, 1000])
async def test_a_part_of_a_file_that_is_cut_or_written_over_breaks_the_connection(
    site: Path, asked: str, rest: int
) -> None:
    before = open_descriptors()
    async with changing(site, lambda: (site / "data.bin").write_bytes(b"x" * rest), before=False) as client:
        with pytest.raises(Disconnected, match="within the body"):
            await client.get("/data.bin", headers={"range": asked})
    assert open_descriptors() == before


# Descriptors.


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 200),
        ({"range": "bytes=0-9"}, 206),
        ({"range": "bytes=0-9,500-509"}, 206),
        ({"range": "bytes=1000-"}, 416),
        ({"range": "nonsense"}, 200),
        ({"if-match": '"other"'}, 412),
        ({"if-unmodified-since": OLD}, 412),
        ({"if-none-match": "*"}, 304),
        ({"if-modified-since": NEW}, 304),
        ({"accept-encoding": "*;q=0"}, 406),
        ({"range": "bytes=0-9", "if-range": '"other"'}, 200),
    ],
)
async def test_no_answer_about_an_open_file_leaves_it_open(
    site: Path, method: str, fields: dict[str, str], status: int
) -> None:
    async with Client(serving(site), limits=UNCACHED) as client:
        await client.get("/data.bin")
        before = open_descriptors()
        answer = await client.request(method, "/data.bin", headers=fields)

        assert answer.status == (200 if method == "HEAD" and "range" in fields else status)
        assert open_descriptors() == before


async def test_a_client_that_leaves_between_two_parts_leaves_no_file_open(site: Path) -> None:
    async with Client(serving(site), limits=UNCACHED) as client:
        await client.get("/data.bin")
        before = open_descriptors()
        asked = {"range": f"bytes=0-{BLOCK},{BLOCK + 500}-"}
        async with client.stream("GET", "/large.bin", headers=asked) as (answer, pieces):
            assert (answer.status, len(await anext(pieces)) > 0) == (206, True)
    assert open_descriptors() == before


# Over a socket, where the kernel copies.


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 1)],
        [(BLOCK - 1, 2 * BLOCK + 1)],
        [(0, len(LARGE))],
        [(0, BLOCK), (BLOCK + 500, len(LARGE))],
        [(2 * BLOCK, 2 * BLOCK + 5), (0, 3)],
        [(start, start + 1) for start in range(0, len(LARGE), len(LARGE) // RANGES + 1)],
    ],
)
def test_the_kernel_copies_the_same_parts(
    site: Path, aiosock_server: Callable[..., str], spans: list[tuple[int, int]]
) -> None:
    url = urlsplit(aiosock_server(serving(site), limits=UNCACHED))
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=PATIENCE)
    try:
        asked = ",".join(f"{start}-{stop - 1}" for start, stop in spans)
        for _ in range(2):  # the second request on the same connection shows that nothing of the first remains
            connection.request("GET", "/large.bin", headers={"range": f"bytes={asked}"})
            answer = connection.getresponse()
            body = answer.read()
            if len(spans) > 1:
                body = b"".join(part for _, _, part in parts_of(answer.headers["content-type"], body))

            assert (answer.status, body == b"".join(LARGE[start:stop] for start, stop in spans)) == (206, True)
    finally:
        connection.close()
