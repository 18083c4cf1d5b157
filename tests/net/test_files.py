"""Tests of aiosock.net: files that the kernel copies to the peer, on real sockets and a clock that a test moves."""

import asyncio
import errno
import gc
import logging
import os
import re
import socket
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from aiosock import App, Config, HTTPError, Limits, Request, Response, StaticFiles, Timeouts
from aiosock.net.channel import Channel
from aiosock.net.kernel import is_in_memory
from aiosock.net.sendfile import COPY_BYTES
from aiosock.net.server import Server
from aiosock.testing import Client
from aiosock.web.disk.file_body import BLOCK, LAST_BLOCK, FileBody
from aiosock.web.handler import Handler
from aiosock.wire.ranges import Span
from tests.net.helpers import channels, collected_errors, connection, request_bytes, statuses, until
from tests.patience import PATIENCE

pytestmark = [
    pytest.mark.costly,
    pytest.mark.skipif(
        not (hasattr(os, "sendfile") and os.path.isdir("/proc/self/fd")),
        reason="counts descriptors as Linux shows them",
    ),
]

BIG = 2 * 1024 * 1024
RESET = struct.pack("ii", 1, 0)


# The server, its clock, and clients on sockets.


class Site:
    """A server of the files below `root`, and of /hello and /fill; time stands still until a test moves it."""

    def __init__(self, root: Path, **options: Any) -> None:
        self.root = root
        self.now = 0.0
        self.app = App()
        self.app.mount("/files", StaticFiles(root))
        self.app.get("/hello")(_hello)
        self.app.get("/fill")(self._fill)
        options = {"port": 0, "access_log": False, "limits": Limits(cached_file_bytes=0), **options}
        self.server = Server(self.app, Config(**options), clock=lambda: self.now)

    async def _fill(self, request: Request) -> Response:
        """Answer with so many bytes that some wait in the transport, because the client reads nothing."""
        channel = self.channel

        async def pieces() -> AsyncIterator[bytes]:
            while not channel.unsent():
                yield b"x" * 16384
                await asyncio.sleep(0)

        return Response(pieces())

    @property
    def channel(self) -> Channel:
        (channel,) = channels(self.server)
        return channel

    def put(self, size: int, name: str = "file") -> bytes:
        """Create a file; return its content."""
        content = _content(size)
        (self.root / name).write_bytes(content)
        return content

    def connect(self, receives: int = 0) -> "Visitor":
        """Connect a client; `receives` is the size of its receive buffer in the kernel."""
        return Visitor(self.server, receives)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.server.sweep()

    async def until_stuck(self) -> None:
        """Wait until every connection waits for its client to read."""
        await until(lambda: all(channel._drain and channel._drain.deadline < 1e9 for channel in channels(self.server)))


class Visitor:
    """A client on a real socket that reads only when a test asks for it."""

    def __init__(self, server: Server, receives: int) -> None:
        listener = server.listeners[0].sock
        self.sock = socket.socket(listener.family)
        if receives:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        self.sock.connect(listener.getsockname())
        self.sock.setblocking(False)
        self.received = bytearray()

    def get(self, target: str, *fields: str, method: str = "GET") -> None:
        self.sock.sendall(request_bytes(*fields, method=method, target=target))

    async def read(self, size: int) -> bytes:
        """Read exactly `size` bytes, or to the end."""
        while len(self.received) < size and await self._receive(min(1 << 20, size - len(self.received))):
            pass
        return self._take(size)

    async def head(self) -> bytes:
        while b"\r\n\r\n" not in self.received and await self._receive(4096):
            pass
        return self._take(self.received.index(b"\r\n\r\n") + 4)

    async def answer(self) -> bytes:
        """Read one answer; return its body."""
        head = await self.head()
        (length,) = [line[16:] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length: ")]
        return await self.read(int(length))

    async def rest(self) -> bytes:
        return await self.read(1 << 40)

    async def _receive(self, size: int) -> bool:
        data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.sock, size), PATIENCE)
        self.received += data
        return bool(data)

    def _take(self, size: int) -> bytes:
        taken = bytes(self.received[:size])
        del self.received[:size]
        return taken

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.sock.close()


async def _hello(request: Request) -> str:
    return "hello"


def _content(size: int) -> bytes:
    """Return bytes in which no two pieces are equal."""
    return b"".join(b"%07x\n" % number for number in range(size // 8 + 1))[:size]


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


Opening = Callable[..., Awaitable[Site]]


@pytest.fixture
async def open_site(tmp_path: Path) -> AsyncIterator[Opening]:
    sites: list[Site] = []

    async def open_(**options: Any) -> Site:
        site = Site(tmp_path, **options)
        await site.server.start()
        sites.append(site)
        return site

    yield open_
    for site in sites:
        await site.server.abort()


@pytest.fixture
async def site(open_site: Opening) -> Site:
    return await open_site()


@pytest.fixture
def in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every file in the page cache, also on a file system that does not tell."""
    monkeypatch.setattr("aiosock.net.sendfile.is_in_memory", lambda *_: True)


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch, in_memory: None) -> list[int]:
    """Count the bytes that the kernel copies."""
    sizes: list[int] = []
    sendfile = os.sendfile

    def counted(sock: int, descriptor: int, start: int, size: int) -> int:
        sizes.append(copied := sendfile(sock, descriptor, start, size))
        return copied

    monkeypatch.setattr(os, "sendfile", counted)
    return sizes


@pytest.fixture
def all_quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which something is logged as a warning or worse while it runs; its teardown does not count."""
    yield
    gc.collect()
    records = [record for record in caplog.get_records("call") if record.levelno >= logging.WARNING]
    assert records == []


# Content of the answers.

EDGES = (LAST_BLOCK, BLOCK, COPY_BYTES, BLOCK + LAST_BLOCK, COPY_BYTES + LAST_BLOCK)


@pytest.mark.parametrize("size", sorted({0, 1, 3 * BIG, *(edge + more for edge in EDGES for more in (-1, 0, 1))}))
async def test_a_file_arrives_as_it_is_and_the_next_answer_behind_it(site: Site, copies: list[int], size: int) -> None:
    content = site.put(size)
    visitor = site.connect()
    for _ in range(2):
        visitor.get("/files/file")
        assert await visitor.answer() == content
    visitor.get("/hello", "Connection: close")
    assert (await visitor.rest()).endswith(b"\r\n\r\nhello")
    assert bool(copies) is (size > LAST_BLOCK)
    assert max(copies, default=0) <= COPY_BYTES
    visitor.sock.close()


async def test_pipelined_answers_come_in_order_and_nothing_between_them(site: Site, copies: list[int]) -> None:
    large, small = site.put(BIG, "large"), site.put(LAST_BLOCK, "small")
    visitor = site.connect()
    for target in ("/files/large", "/hello", "/files/small", "/files/large", "/hello"):
        visitor.get(target)
    assert [await visitor.answer() for _ in range(5)] == [large, b"hello", small, large, b"hello"]
    assert copies
    visitor.sock.close()


async def test_head_sends_no_file(site: Site, copies: list[int]) -> None:
    site.put(BIG)
    visitor = site.connect()
    visitor.get("/files/file", method="HEAD")
    visitor.get("/hello", "Connection: close")
    received = await visitor.rest()
    assert statuses(received) == [200, 200]
    assert b"Content-Length: %d\r\n" % BIG in received
    assert copies == []
    visitor.sock.close()


async def test_a_part_of_a_file_arrives(site: Site, copies: list[int]) -> None:
    content = site.put(BIG)
    visitor = site.connect()
    visitor.get("/files/file", f"Range: bytes=12345-{BIG - 7}")
    assert await visitor.answer() == content[12345 : BIG - 6]
    assert copies
    visitor.sock.close()


SPANS: list[list[Span | bytes]] = [
    [b"before", Span(0, BIG), b"after"],
    [Span(5, 6), Span(0, LAST_BLOCK), b"x", Span(7, LAST_BLOCK + 8), Span(BIG - 1, BIG)],
    [Span(1000, 1_000_000), Span(0, 2_000_000), b"", Span(3, 3), b"end"],
    [b"only bytes"],
    [],
]


@pytest.mark.parametrize("parts", SPANS)
async def test_spans_and_the_bytes_between_them_are_one_body(open_site: Opening, parts: list[Span | bytes]) -> None:
    site = await open_site()
    content = site.put(BIG)

    @site.app.get("/parts")
    async def answer(request: Request) -> Response:
        body = _body(site.root / "file", parts)
        return Response(body, headers={"content-length": str(body.length)})

    visitor = site.connect()
    visitor.get("/parts")
    expected = [part if isinstance(part, bytes) else content[part.start : part.stop] for part in parts]
    assert await visitor.answer() == b"".join(expected)
    visitor.get("/hello", "Connection: close")
    assert (await visitor.rest()).endswith(b"\r\n\r\nhello")
    visitor.sock.close()


async def test_hundreds_of_parts_are_sent(site: Site) -> None:
    content = site.put(BIG)
    visitor = site.connect()
    starts = range(0, BIG, BIG // 90)
    visitor.get("/files/file", "Range: bytes=" + ",".join(f"{start}-{start + 20_000}" for start in starts))
    body = await visitor.answer()
    assert all(content[start : start + 20_001] in body for start in starts)
    visitor.sock.close()


async def test_a_file_goes_over_a_unix_socket(open_site: Opening, tmp_path: Path, copies: list[int]) -> None:
    site = await open_site(bind=(f"unix:{tmp_path / 'socket'}",))
    content = site.put(BIG)
    visitor = site.connect()
    visitor.get("/files/file", "Connection: close")
    assert (await visitor.rest()).endswith(b"\r\n\r\n" + content)
    assert copies
    visitor.sock.close()


async def test_to_http_1_0_the_file_is_all_that_follows(site: Site, copies: list[int]) -> None:
    content = site.put(BIG)
    visitor = site.connect()
    visitor.sock.sendall(request_bytes(target="/files/file", version="1.0"))
    assert (await visitor.rest()).endswith(b"\r\n\r\n" + content)
    assert copies
    visitor.sock.close()


async def test_a_client_that_has_ended_its_side_gets_the_file(site: Site) -> None:
    content = site.put(BIG)
    visitor = site.connect()
    visitor.get("/files/file")
    visitor.sock.shutdown(socket.SHUT_WR)
    assert await visitor.answer() == content
    assert await visitor.rest() == b""
    visitor.sock.close()


async def test_a_body_without_a_length_goes_in_chunks(site: Site, copies: list[int]) -> None:
    content = site.put(BIG)

    @site.app.get("/chunked")
    async def answer(request: Request) -> Response:
        return Response(_body(site.root / "file", [Span(0, BIG)]))

    visitor = site.connect()
    visitor.get("/chunked", "Connection: close")
    received = await visitor.rest()
    assert b"Transfer-Encoding: chunked" in received
    assert content[:BLOCK] in received
    assert received.endswith(b"\r\n0\r\n\r\n")
    assert copies == []
    visitor.sock.close()


@pytest.mark.parametrize("announced", [-BIG, -LAST_BLOCK - 1, -1, 1])
async def test_a_length_that_is_not_the_bodys_ends_the_connection(
    site: Site, copies: list[int], announced: int
) -> None:
    site.put(BIG)

    @site.app.get("/wrong")
    async def answer(request: Request) -> Response:
        body = _body(site.root / "file", [Span(0, BIG)])
        return Response(body, headers={"content-length": str(body.length + announced)})

    visitor = site.connect()
    visitor.get("/wrong")
    with pytest.raises(ConnectionResetError):
        await visitor.rest()
    assert sum(copies) <= BIG + announced  # more of it would be read as the next answer
    visitor.sock.close()


async def test_the_access_log_counts_what_the_kernel_copied(
    open_site: Opening, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "aiosock.access")
    site = await open_site(access_log=True, log_format="{status} {bytes}")
    site.put(BIG)
    visitor = site.connect()
    visitor.get("/files/file", "Connection: close")
    received = await visitor.rest()
    await until(lambda: not site.server.connections)
    lines = [record.getMessage() for record in caplog.records if record.name == "aiosock.access"]
    assert lines == [f"200 {len(received)}"]
    visitor.sock.close()


# When the kernel cannot copy the file.


async def test_in_memory_it_is_read_and_written(site: Site, copies: list[int]) -> None:
    content = site.put(BIG)
    async with Client(site.app) as client:
        assert (await client.get("/files/file")).body == content
    assert copies == []


async def test_nothing_goes_past_a_transport_that_encrypts(site: Site, copies: list[int]) -> None:
    content = site.put(BIG)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        async with connection(site.app) as (_, peer, transport):
            transport._extra.update(socket=ours, sslcontext=object())  # type: ignore[attr-defined]
            peer.send(request_bytes(target="/files/file"))
            assert (await peer.response()).body == content
    assert copies == []


async def test_where_the_system_has_no_sendfile_it_is_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    content = site.put(BIG)
    monkeypatch.delattr(os, "sendfile")
    visitor = site.connect()
    visitor.get("/files/file")
    assert await visitor.answer() == content
    visitor.sock.close()


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.EIO])
@pytest.mark.parametrize("pieces", [0, 2])
@pytest.mark.usefixtures("all_quiet", "in_memory")
async def test_where_the_kernel_refuses_the_rest_is_read(
    site: Site, monkeypatch: pytest.MonkeyPatch, number: int, pieces: int
) -> None:
    content = site.put(BIG)
    sendfile, calls = os.sendfile, 0

    def refusing(sock: int, descriptor: int, start: int, size: int) -> int:
        nonlocal calls
        calls += 1
        if calls > pieces:
            raise OSError(number, os.strerror(number))
        return sendfile(sock, descriptor, start, size)

    monkeypatch.setattr(os, "sendfile", refusing)
    visitor = site.connect()
    visitor.get("/files/file")
    assert await visitor.answer() == content
    assert calls > pieces
    visitor.get("/hello")
    assert await visitor.answer() == b"hello"
    visitor.sock.close()


async def test_a_disk_that_fails_breaks_the_answer_off(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site.put(BIG)
    before = descriptors()

    def failing(*_: Any) -> Any:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    visitor = site.connect()
    monkeypatch.setattr(os, "sendfile", failing)
    monkeypatch.setattr(os, "pread", failing)
    visitor.get("/files/file")
    with pytest.raises(ConnectionResetError):
        await visitor.rest()
    visitor.sock.close()
    await until(lambda: descriptors() == before)
    assert "GET /files/file failed" in caplog.text


@pytest.mark.usefixtures("in_memory")
async def test_a_network_that_fails_is_a_client_that_has_left(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site.put(BIG)
    before = descriptors()
    visitor = site.connect()

    def failing(sock: int, *_: Any) -> int:
        # The kernel reports this error once, and has then closed the socket.
        with socket.socket(fileno=os.dup(sock)) as own:
            own.shutdown(socket.SHUT_RDWR)
        raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))

    monkeypatch.setattr(os, "sendfile", failing)
    visitor.get("/files/file")
    assert len(await visitor.rest()) < BIG
    visitor.sock.close()
    await until(lambda: descriptors() == before)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


# The client that reads slowly.


@pytest.mark.usefixtures("all_quiet")
@pytest.mark.parametrize("target", ["/files/file", "/fill"])
async def test_a_client_that_reads_nothing_is_reset_and_holds_nothing(site: Site, target: str) -> None:
    site.put(2 * BIG)
    before = descriptors()
    visitor = site.connect(4096)
    visitor.get(target)
    visitor.get("/files/file")  # behind the rest of the first answer, if that was /fill
    await until(lambda: site.server.connections)
    await site.until_stuck()
    await asyncio.sleep(0)
    site.pass_time(29.9)
    assert site.server.connections == 1
    site.pass_time(0.2)
    await until(lambda: not site.server.connections)
    with pytest.raises(ConnectionResetError):
        await visitor.rest()
    visitor.sock.close()
    await until(lambda: descriptors() == before)


async def test_what_waits_in_the_transport_comes_before_the_file(site: Site, copies: list[int]) -> None:
    content = site.put(BIG)
    visitor = site.connect(4096)
    visitor.get("/fill")
    visitor.get("/files/file", "Connection: close")
    await until(lambda: site.server.connections)
    await site.until_stuck()
    assert copies == []
    received = await visitor.rest()
    assert statuses(received) == [200, 200]
    assert b"x\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n" in received
    assert received.endswith(b"\r\n\r\n" + content)
    visitor.sock.close()


RATE = Timeouts(write_min_bytes_per_second=100_000, rate_grace_seconds=5)


@pytest.mark.usefixtures("all_quiet")
async def test_a_client_above_the_minimum_rate_is_served(open_site: Opening) -> None:
    site = await open_site(timeouts=RATE)
    content = site.put(2 * BIG)
    visitor = site.connect(16384)
    visitor.get("/files/file")
    await visitor.head()
    received = b""
    while len(received) < 2 * BIG:
        received += await visitor.read(min(200_000, 2 * BIG - len(received)))
        site.pass_time(1)
    assert received == content
    visitor.sock.close()


async def test_one_below_it_is_not(open_site: Opening) -> None:
    site = await open_site(timeouts=RATE)
    site.put(2 * BIG)
    before = descriptors()
    visitor = site.connect(16384)
    visitor.get("/files/file")
    await visitor.head()

    async def read_slowly() -> None:
        for _ in range(100):
            await visitor.read(10_000)
            await site.until_stuck()
            site.pass_time(1)

    with pytest.raises(ConnectionResetError):
        await read_slowly()
    visitor.sock.close()
    await until(lambda: descriptors() == before)
    assert site.server.connections == 0


async def test_a_client_that_takes_a_little_now_and_then_is_not_idle(open_site: Opening) -> None:
    site = await open_site(timeouts=Timeouts(write_min_bytes_per_second=0))
    site.put(2 * BIG)
    visitor = site.connect(4096)
    visitor.get("/files/file")
    await visitor.head()
    for _ in range(20):
        await visitor.read(20_000)
        await site.until_stuck()
        site.pass_time(29)
    assert site.server.connections == 1
    visitor.sock.close()


async def test_a_download_holds_two_descriptors(site: Site) -> None:
    """Check this because the limit of connections relies on it."""
    site.put(2 * BIG)
    before = descriptors()
    visitors = [site.connect(4096) for _ in range(10)]
    for visitor in visitors:
        visitor.get("/files/file")
    await until(lambda: site.server.connections == 10)
    await site.until_stuck()
    assert descriptors() == before + 10 * (1 + 2)
    for visitor in visitors:
        visitor.sock.close()


# The client that leaves.


@pytest.mark.usefixtures("all_quiet")
@pytest.mark.parametrize("leave", [Visitor.reset, lambda visitor: visitor.sock.close()])
@pytest.mark.parametrize("read", [0, 1_000_000])
async def test_a_client_that_leaves_is_quiet_and_holds_nothing(
    site: Site, leave: Callable[[Visitor], None], read: int
) -> None:
    site.put(2 * BIG)
    before = descriptors()
    with collected_errors(asyncio.get_running_loop()) as errors:
        visitors = [site.connect(16384) for _ in range(5)]
        for visitor in visitors:
            visitor.get("/files/file")
        for visitor in visitors:
            await visitor.read(read)
        await until(lambda: site.server.connections == 5)
        await site.until_stuck()
        for visitor in visitors:
            leave(visitor)
        await until(lambda: not site.server.connections)
        await until(lambda: descriptors() == before)
        gc.collect()
        await asyncio.sleep(0)
    assert errors == []


@pytest.mark.usefixtures("all_quiet")
@pytest.mark.parametrize("turns", [0, 1, 2, 5])
async def test_leaving_is_quiet_at_any_moment(site: Site, copies: list[int], turns: int) -> None:
    site.put(2 * BIG)
    before = descriptors()
    with collected_errors(asyncio.get_running_loop()) as errors:
        visitor = site.connect()
        visitor.get("/files/file")
        await until(lambda: len(copies) >= turns // 4)
        for _ in range(turns % 4):
            await asyncio.sleep(0)
        visitor.reset()
        await until(lambda: not site.server.connections)
        await until(lambda: descriptors() == before)
        gc.collect()
        await asyncio.sleep(0)
    assert errors == []


async def test_others_get_nothing_of_a_connection_that_was_aborted(site: Site) -> None:
    """Check this because the next connection gets the same descriptor number."""
    content = site.put(2 * BIG)
    for _ in range(10):
        first = site.connect(4096)
        first.get("/files/file")
        await until(lambda: site.server.connections == 1)
        await site.until_stuck()
        channel = site.channel
        channel.abort()
        others = [site.connect() for _ in range(3)]
        for other in others:
            other.get("/hello", "Connection: close")
        for other in others:
            assert (await other.rest()).endswith(b"\r\n\r\nhello")
            other.sock.close()
        with pytest.raises(ConnectionResetError):
            await first.rest()
        first.sock.close()
        await until(lambda: not site.server.connections)
    last = site.connect()
    last.get("/files/file")
    assert await last.answer() == content
    last.sock.close()


async def test_an_aborted_download_sends_no_more(site: Site, copies: list[int]) -> None:
    site.put(16 * BIG)
    visitor = site.connect()
    visitor.get("/files/file")
    reading = asyncio.create_task(visitor.rest())
    await until(lambda: len(copies) >= 3)
    site.channel.abort()
    count = len(copies)
    with pytest.raises(ConnectionResetError):
        await reading
    await until(lambda: not site.server.connections)
    assert len(copies) == count
    visitor.sock.close()


async def test_a_cancelled_download_holds_nothing(site: Site) -> None:
    site.put(2 * BIG)
    before = descriptors()
    visitor = site.connect(4096)
    visitor.get("/files/file")
    await until(lambda: site.server.connections)
    await site.until_stuck()
    (task,) = site.server._tasks
    task.cancel()
    with pytest.raises(ConnectionResetError):
        await visitor.rest()
    visitor.sock.close()
    await until(lambda: descriptors() == before)


async def test_a_file_that_is_not_sent_after_all_is_closed(site: Site) -> None:
    site.put(BIG)
    before = descriptors()

    @site.app.middleware
    async def instead(request: Request, next: Handler) -> Response:
        await next(request)
        raise HTTPError(403)

    visitor = site.connect()
    visitor.get("/files/file", "Connection: close")
    assert statuses(await visitor.rest()) == [403]
    visitor.sock.close()
    await until(lambda: descriptors() == before)


async def test_closing_a_body_twice_closes_nothing_else(site: Site) -> None:
    site.put(100)
    body = _body(site.root / "file", [Span(0, 100)])
    await body.aclose()
    other = os.open(site.root / "file", os.O_RDONLY)
    await body.aclose()
    del body
    assert os.fstat(other).st_size == 100
    os.close(other)


# Drain.


async def test_a_drain_waits_for_a_file(site: Site) -> None:
    content = site.put(2 * BIG)
    visitor = site.connect(4096)
    visitor.get("/files/file")
    await until(lambda: site.server.connections)
    await site.until_stuck()
    draining = asyncio.create_task(site.server.drain())
    await until(site.server.service.shutdown.is_set)
    site.now += 20
    assert not draining.done()
    assert await visitor.answer() == content
    visitor.sock.close()
    assert await draining is True


async def test_but_not_beyond_its_hard_deadline(site: Site) -> None:
    site.put(2 * BIG)
    before = descriptors() - len(site.server.listeners) * 2
    visitor = site.connect(4096)
    visitor.get("/files/file")
    await until(lambda: site.server.connections)
    await site.until_stuck()
    draining = asyncio.create_task(site.server.drain())
    await until(site.server.service.shutdown.is_set)
    for _ in range(29):  # of 30 seconds; a client that goes on reading is not too slow
        await visitor.read(20_000)
        site.pass_time(1)
    assert not draining.done()
    site.now += 20
    assert await draining is True
    with pytest.raises(ConnectionResetError):
        await visitor.rest()
    visitor.sock.close()
    await until(lambda: descriptors() <= before)


# The file that changes.


async def _read_after(site: Site, change: Callable[[Path], None], size: int = 2 * BIG) -> bytes:
    """Return the body that a client gets of a file that changes after a part of it has been sent."""
    visitor = site.connect(4096)
    visitor.get("/files/file")
    try:
        await visitor.head()
        await site.until_stuck()
        change(site.root / "file")
        return await visitor.read(size)
    finally:
        visitor.sock.close()


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-100_000, os.SEEK_END)
        file.write(b"y" * 50_000)
    os.utime(path, ns=(1, 1))


CHANGES: dict[str, Callable[[Path], None]] = {
    "shorter": lambda path: os.truncate(path, BIG),
    "shorter by a byte": lambda path: os.truncate(path, 2 * BIG - 1),
    "empty": lambda path: os.truncate(path, 0),
    "overwritten": _overwrite,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_file_that_changes_breaks_the_answer_off(
    site: Site, change: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    site.put(2 * BIG)
    before = descriptors()
    with pytest.raises(ConnectionResetError):
        await _read_after(site, change)
    await until(lambda: descriptors() == before)
    [line] = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert re.fullmatch(
        r"GET /files/file failed after its head was sent: 503 'file' (became shorter|changed) while it was sent\.", line
    )


@pytest.mark.usefixtures("all_quiet")
async def test_a_file_that_is_replaced_or_grows_is_sent_as_it_was(site: Site) -> None:
    content = site.put(2 * BIG)

    def replace(path: Path) -> None:
        path.with_name("new").write_bytes(b"new" * BIG)
        path.with_name("new").rename(path)

    def grow(path: Path) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    assert await _read_after(site, grow) == content
    assert await _read_after(site, Path.unlink) == content
    site.put(2 * BIG)
    assert await _read_after(site, replace) == content


# The disk that is slow.


class SlowDisk:
    """Stands between the server and the files: a thread that reads from it waits until a test lets it go on.

    `held` lists the calls that would have stopped the loop. The kernel tells which pages are in memory, unless `mute`.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, mute: bool) -> None:
        self.held: list[str] = []
        self.is_reading = threading.Event()
        self.may_read = threading.Event()
        self._mute = mute
        self._loop_thread = threading.get_ident()
        self._warm = 0  # up to where the file has been read
        self._real = {name: getattr(os, name) for name in ("pread", "preadv", "sendfile")}
        for name in self._real:
            monkeypatch.setattr(os, name, getattr(self, name))

    def preadv(self, descriptor: int, buffers: list[bytearray], offset: int, flags: int) -> int:
        if self._mute:
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
        if offset + sum(map(len, buffers)) > self._warm:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        read: int = self._real["preadv"](descriptor, buffers, offset)
        return read

    def pread(self, descriptor: int, size: int, offset: int) -> bytes:
        if threading.get_ident() != self._loop_thread:
            self.is_reading.set()
            assert self.may_read.wait(PATIENCE)
            self._warm = max(self._warm, offset + size)
        elif self._mute or offset + size > self._warm:
            self.held.append("pread")
        data: bytes = self._real["pread"](descriptor, size, offset)
        return data

    def sendfile(self, sock: int, descriptor: int, start: int, size: int) -> int:
        if self._mute or start + size > self._warm:
            self.held.append("sendfile")
        copied: int = self._real["sendfile"](sock, descriptor, start, size)
        return copied


@pytest.mark.parametrize("mute", [False, True], ids=["the kernel tells", "the kernel does not tell"])
@pytest.mark.parametrize("size", [100, LAST_BLOCK, LAST_BLOCK + 1, BIG])
async def test_while_a_thread_reads_from_a_slow_disk_others_are_answered(
    site: Site, monkeypatch: pytest.MonkeyPatch, size: int, mute: bool
) -> None:
    content = site.put(size)
    disk = SlowDisk(monkeypatch, mute=mute)
    visitor, other = site.connect(), site.connect()
    visitor.get("/files/file")
    await until(lambda: disk.is_reading.is_set() or disk.held)
    assert disk.held == []
    other.get("/hello")
    assert await other.answer() == b"hello"
    disk.may_read.set()
    assert await visitor.answer() == content
    assert disk.held == []
    visitor.sock.close()
    other.sock.close()


@pytest.mark.usefixtures("all_quiet")
async def test_a_client_that_leaves_a_slow_disk_is_quiet_and_holds_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put(BIG)
    before = descriptors()
    disk = SlowDisk(monkeypatch, mute=False)
    visitor = site.connect()
    visitor.get("/files/file")
    await until(lambda: disk.is_reading.is_set() or disk.held)
    assert disk.held == []
    visitor.reset()
    disk.may_read.set()
    await until(lambda: not site.server.connections)
    await until(lambda: descriptors() == before)
    assert disk.held == []


async def test_what_has_left_the_page_cache_is_read_by_threads_and_then_copied_by_the_kernel(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = site.put(BIG)
    descriptor = os.open(site.root / "file", os.O_RDONLY)
    if not is_in_memory(descriptor, 0, BIG):
        os.close(descriptor)
        pytest.skip("this file system does not tell what is in memory")
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    assert not is_in_memory(descriptor, 0, BIG)
    os.close(descriptor)
    loop_thread = threading.get_ident()
    calls: list[str] = []

    def watched(name: str) -> None:
        real = getattr(os, name)

        def call(*arguments: Any) -> Any:
            calls.append(name if threading.get_ident() == loop_thread else f"{name} in a thread")
            return real(*arguments)

        monkeypatch.setattr(os, name, call)

    watched("sendfile")
    watched("pread")
    visitor = site.connect()
    visitor.get("/files/file")
    assert await visitor.answer() == content
    assert calls[0] == "pread in a thread"
    calls.clear()
    visitor.get("/files/file")
    assert await visitor.answer() == content
    assert "sendfile" in calls
    assert "pread in a thread" not in calls
    visitor.sock.close()


# Other tests.


@pytest.mark.usefixtures("in_memory")
async def test_however_fast_a_download_is_others_are_answered(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with (site.root / "large").open("wb") as file:
        file.truncate(1 << 40)
    copied = 0

    def at_once(sock: int, descriptor: int, start: int, size: int) -> int:
        nonlocal copied
        copied += size
        return size

    monkeypatch.setattr(os, "sendfile", at_once)
    fast, other = site.connect(), site.connect()
    fast.get("/files/large")
    await until(lambda: copied)
    other.get("/hello")
    assert await other.answer() == b"hello"
    assert copied < 1 << 30
    for visitor in (fast, other):
        visitor.reset()


async def test_many_downloads_go_on_side_by_side(site: Site, copies: list[int]) -> None:
    content = site.put(BIG)
    before = descriptors()
    visitors = [site.connect() for _ in range(20)]
    for visitor in visitors:
        visitor.get("/files/file")
    downloads = [asyncio.create_task(visitor.answer()) for visitor in visitors]
    await until(lambda: len(copies) > 20)
    other = site.connect()
    other.get("/hello")
    assert await other.answer() == b"hello"
    assert [body == content for body in await asyncio.gather(*downloads)] == [True] * 20
    for visitor in (other, *visitors):
        visitor.sock.close()
    await until(lambda: descriptors() == before)


def _body(path: Path, parts: Sequence[Span | bytes]) -> FileBody:
    descriptor = os.open(path, os.O_RDONLY)
    return FileBody(descriptor, path.name, os.fstat(descriptor), parts)
