"""Tests of aiosock.net.kernel, on real sockets."""

import asyncio
import errno
import os
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from aiosock.net import kernel
from aiosock.net.binding import Bound
from aiosock.net.kernel import (
    NOT_SENT_BYTES,
    backlog_of,
    free_descriptors,
    has_hung_up,
    is_in_memory,
    is_readable,
    limit_unsent,
    raise_descriptor_limit,
    reset_when_closed,
    thread_times,
    unacknowledged,
)
from aiosock.net.listener import SETTLING_TURNS, Listener
from tests.patience import PATIENCE

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part is Linux's own")

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(77)
        yield sock


@pytest.fixture
def pair(listening: socket.socket) -> Iterator[Pair]:
    """Two ends of a TCP connection."""
    with socket.create_connection(listening.getsockname()) as client:
        server, _ = listening.accept()
        with server:
            yield client, server


def test_a_connection_in_memory_has_nothing_in_the_kernel() -> None:
    assert unacknowledged(None) == 0
    assert not has_hung_up(None)
    reset_when_closed(None)


@LINUX
def test_what_the_peer_has_not_acknowledged_is_counted(pair: Pair) -> None:
    client, server = pair
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    server.setblocking(False)
    assert unacknowledged(server) == 0
    with suppress(BlockingIOError):
        while True:
            server.send(b"x" * 65536)
    assert unacknowledged(server) > 0


@LINUX
def test_a_closed_socket_has_nothing_in_the_kernel(pair: Pair) -> None:
    pair[0].close()
    assert unacknowledged(pair[0]) == 0


@LINUX
def test_a_reset_is_a_hang_up_and_an_end_of_input_is_not(pair: Pair) -> None:
    client, server = pair
    assert not has_hung_up(server)
    client.shutdown(socket.SHUT_WR)
    assert server.recv(1) == b""
    assert not has_hung_up(server)
    reset_when_closed(client)
    client.close()
    assert has_hung_up(server)


def test_a_listening_socket_is_readable_when_a_client_waits(listening: socket.socket) -> None:
    assert not is_readable(listening)
    with socket.create_connection(listening.getsockname()):
        assert is_readable(listening)
    listening.close()
    assert not is_readable(listening)


@pytest.fixture
def few_descriptors(listening: socket.socket) -> Iterator[int]:
    """Lower the limit of this process so that few numbers are free, with taken ones between them; return how many."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.dup(listening.fileno()) for _ in range(200)]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken[-1] + 1, hard))
        for number in (taken[100], taken[150], taken[199]):
            os.close(number)
            taken.remove(number)
        yield 3
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for number in taken:
            os.close(number)


def test_free_descriptors_are_counted_wherever_they_are(listening: socket.socket, few_descriptors: int) -> None:
    for _ in range(2):  # none is kept
        assert [free_descriptors(listening, most) for most in (0, 2, 3, 200)] == [0, 2, 3, few_descriptors]
    with ExitStack() as stack:
        for _ in range(few_descriptors):
            stack.enter_context(listening.dup())
        assert free_descriptors(listening, 10) == 0


def test_a_closed_socket_cannot_tell_what_is_free(listening: socket.socket) -> None:
    listening.close()
    assert free_descriptors(listening, 10) == 10


@LINUX
def test_accepted_sockets_inherit_the_bound_of_what_is_unsent(listening: socket.socket) -> None:
    limit_unsent(listening)
    with socket.create_connection(listening.getsockname()):
        server, _ = listening.accept()
        with server:
            assert server.getsockopt(socket.IPPROTO_TCP, 25) == NOT_SENT_BYTES


@LINUX
def test_the_kernel_tells_the_backlog(listening: socket.socket) -> None:
    assert backlog_of(listening) == 77


def test_a_unix_socket_does_not_tell_its_backlog() -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        assert backlog_of(sock) is None


@LINUX
@pytest.mark.parametrize(("is_shared", "backlog"), [(True, 77), (False, 500)])
async def test_a_listener_leaves_a_shared_socket_its_backlog(
    listening: socket.socket, is_shared: bool, backlog: int
) -> None:
    async def connected(*_: object) -> None: ...

    listening.setblocking(False)
    listener = Listener(Bound(listening.dup(), is_shared=is_shared), 500)
    await listener.resume(connected, listener.pause, at_once=16, read_buffer_bytes=1024)
    assert backlog_of(listening) == backlog
    listener.close()
    for _ in range(SETTLING_TURNS + 1):  # then asyncio closes its dup
        await asyncio.sleep(0)


@LINUX
def test_lingering_for_no_time_is_what_resets(pair: Pair) -> None:
    reset_when_closed(pair[0])
    assert struct.unpack("ii", pair[0].getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)) == (1, 0)


@pytest.mark.parametrize(
    ("soft", "hard", "raised"),
    [
        (1024, 4096, (4096, 4096)),
        (4096, 4096, None),
        (-1, -1, None),
        (1024, -1, (1_048_576, -1)),
        (2_000_000, -1, None),
    ],
)
def test_the_soft_limit_of_descriptors_is_raised_to_the_hard_one(
    soft: int, hard: int, raised: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    assert resource.RLIM_INFINITY == -1
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: given.append(limits))
    raise_descriptor_limit()
    assert given == ([] if raised is None else [raised])


@LINUX
def test_a_thread_that_computes_has_run_and_is_runnable() -> None:
    before = thread_times(threading.get_native_id())
    assert before is not None
    while (now := thread_times(threading.get_native_id())) is None or now.running <= before.running:
        pass  # to compute takes time
    assert now.is_runnable


@LINUX
def test_a_thread_that_waits_is_not_runnable() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait, args=(PATIENCE,))
    thread.start()
    try:
        assert thread.native_id is not None
        while (times := thread_times(thread.native_id)) is None or times.is_runnable:
            pass  # it is on its way into the wait
    finally:
        over.set()
        thread.join()


def test_a_thread_that_is_not_there_has_no_times() -> None:
    assert thread_times(0) is None


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_the_kernel_refuses_to_tell_nothing_is_in_memory(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refusing(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "preadv", refusing, raising=False)
    assert not is_in_memory(0, 0, 1)


def test_where_the_system_cannot_be_asked_nothing_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_NOWAIT", 0)
    monkeypatch.delattr(os, "preadv", raising=False)
    assert not is_in_memory(0, 0, 1)
