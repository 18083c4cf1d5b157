"""Tests of aiosock.net.listener, on real sockets."""

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from aiosock.config import Config
from aiosock.errors import ConfigError
from aiosock.net import binding
from aiosock.net.binding import bind
from aiosock.net.listener import Listener
from aiosock.net.reader import Reader
from tests.patience import PATIENCE

has_ipv6 = pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
has_unix = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this machine has no UNIX sockets")

Open = Callable[..., list[Listener]]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Return a function that listens on addresses; its listeners are closed at the end."""
    listeners: list[Listener] = []

    def open_(*addresses: str, **options: Any) -> list[Listener]:
        config = Config(bind=addresses, **options)
        new = [Listener(bound, config.backlog) for bound in bind(config)]
        listeners.extend(new)
        return new

    yield open_
    for listener in listeners:
        listener.close()


def reaches(listener: Listener) -> bool:
    """Return whether the backlog accepts a client."""
    with socket.socket(listener.sock.family, socket.SOCK_STREAM) as client:
        try:
            client.connect(listener.sock.getsockname())
        except OSError:
            return False
        return True


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    assert isinstance(port, int)
    return port


# TCP.


def test_an_ipv4_address_is_bound(opened: Open) -> None:
    (listener,) = opened("127.0.0.1:0")
    port = listener.sock.getsockname()[1]
    assert port != 0
    assert listener.url == f"http://127.0.0.1:{port}"
    assert reaches(listener)


@has_ipv6
def test_an_ipv6_address_is_bound(opened: Open) -> None:
    (listener,) = opened("[::1]:0")
    assert listener.sock.family == socket.AF_INET6
    assert listener.url == f"http://[::1]:{listener.sock.getsockname()[1]}"
    assert reaches(listener)


@has_ipv6
def test_an_ipv6_socket_leaves_the_port_to_ipv4(opened: Open) -> None:
    (six,) = opened("[::]:0")
    (four,) = opened(f"0.0.0.0:{six.sock.getsockname()[1]}")
    assert reaches(four)


def test_the_host_and_port_of_the_configuration_are_bound(opened: Open) -> None:
    port = free_port()
    (listener,) = opened(host="127.0.0.1", port=port)
    assert listener.url == f"http://127.0.0.1:{port}"


@has_ipv6
def test_an_ipv6_host_of_the_configuration_needs_no_brackets(opened: Open) -> None:
    (listener,) = opened(host="::1", port=0)
    assert listener.url.startswith("http://[::1]:")


def families_of_every_address() -> set[socket.AddressFamily]:
    found = socket.getaddrinfo(None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return {family for family, *_ in found}


@has_ipv6
@pytest.mark.parametrize("host", ["::", "0:0::0"])
def test_the_host_of_every_address_is_that_of_ipv4_too(opened: Open, host: str) -> None:
    listeners = opened(host=host, port=0)
    assert {listener.sock.family for listener in listeners} == families_of_every_address()
    assert len({listener.sock.getsockname()[1] for listener in listeners}) == 1
    assert all(reaches(listener) for listener in listeners)


@has_ipv6
def test_a_free_port_is_free_on_every_address(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    made = binding._tcp_socket
    refused: list[int] = []

    def tcp_socket(family: int, place: tuple[Any, ...]) -> socket.socket:
        if place[1] and not refused:  # the second address of the first attempt
            refused.append(place[1])
            raise OSError(errno.EADDRINUSE, "in use")
        return made(family, place)

    monkeypatch.setattr(binding, "_tcp_socket", tcp_socket)
    listeners = opened(host="::", port=0)
    assert len(listeners) == len(families_of_every_address())
    assert refused


def test_localhost_is_bound(opened: Open) -> None:
    listeners = opened("localhost:0")
    assert {listener.sock.getsockname()[0] for listener in listeners} <= {"127.0.0.1", "::1"}
    assert all(reaches(listener) for listener in listeners)


FOREIGN = "192.0.2.1"
"""An address of RFC 5737, which no machine has."""


def localhost_with(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    """Let every name stand for these addresses, and let FOREIGN be foreign even where anything may be bound."""
    bound = binding._tcp_socket

    def found(host: str, port: int, **_: object) -> list[tuple[int, int, int, str, tuple[Any, ...]]]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (each, port, 0, 0))
            if ":" in each
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in hosts
        ]

    def bound_unless_foreign(family: int, place: tuple[Any, ...]) -> socket.socket:
        if place[0] == FOREIGN:
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        return bound(family, place)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    monkeypatch.setattr(binding, "_tcp_socket", bound_unless_foreign)


@has_ipv6
def test_a_name_with_several_addresses_has_one_port(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    localhost_with(monkeypatch, "::1", "127.0.0.1", "127.0.0.1")
    listeners = opened("localhost:0")
    assert [listener.sock.getsockname()[0] for listener in listeners] == ["::1", "127.0.0.1"]
    assert len({listener.sock.getsockname()[1] for listener in listeners}) == 1


def test_an_address_that_the_machine_does_not_have_is_left_out_of_a_name(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    localhost_with(monkeypatch, FOREIGN, "127.0.0.1")
    (listener,) = opened("localhost:0")
    assert reaches(listener)


def test_a_name_without_any_address_of_this_machine_is_refused(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    localhost_with(monkeypatch, FOREIGN, FOREIGN)
    with pytest.raises(ConfigError, match="localhost:0: the address is not available"):
        opened("localhost:0")


def test_a_name_of_which_one_address_is_taken_is_refused(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.2", 0)) as other:
        port = other.getsockname()[1]
        localhost_with(monkeypatch, "127.0.0.1", "127.0.0.2")
        with pytest.raises(ConfigError, match="in use"):
            opened(f"localhost:{port}")
    monkeypatch.undo()
    assert opened(f"127.0.0.1:{port}")


def test_an_address_that_the_machine_does_not_have_is_refused(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    localhost_with(monkeypatch, FOREIGN)
    with pytest.raises(ConfigError, match=r"cannot listen on foreign:0: .*assign"):
        opened("foreign:0")


def test_a_port_in_use_is_refused(opened: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"cannot listen on {address}: .*in use"):
            opened(address)


def test_a_port_whose_last_connections_linger_can_be_bound_again(opened: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as old:
        port = old.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            served, _ = old.accept()
            served.close()  # the side that closes first stays in TIME_WAIT
            client.recv(1)
    assert opened(f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "8080",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:http",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:٨٠",
        "::1:8080",
        "[::1]8080",
        "[::1",
        "http://127.0.0.1:80",
        "unix:",
        "fd:",
        "fd:x",
        "fd:-1",
        "fd:²",
        "fd:9999",
        "fd:99999999999999999999",
        "fd:" + "9" * 5000,
        "no.such.host.invalid:80",
        "a" * 64 + ":80",
        "unix:/no/such/directory/socket",
        "unix:" + "a" * 1000,
        "unix:a\0b",
    ],
)
def test_an_address_that_cannot_be_had_is_named(address: str, opened: Open) -> None:
    with pytest.raises(ConfigError, match="cannot listen on") as raised:
        opened(address)
    assert address in str(raised.value) or repr(address) in str(raised.value) or address == "unix:"


@pytest.mark.parametrize("bad", ["nonsense", "127.0.0.1:99999"])
def test_all_addresses_are_bound_or_none(bad: str, opened: Open, tmp_path: Path) -> None:
    port, path = free_port(), tmp_path / "socket"
    with pytest.raises(ConfigError):
        opened(f"127.0.0.1:{port}", f"unix:{path}", bad)
    assert not path.exists()
    assert opened(f"127.0.0.1:{port}")


# UNIX.


@has_unix
def test_a_path_is_bound_and_removed_at_the_end(opened: Open, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    (listener,) = opened(f"unix:{path}")
    assert listener.url == f"unix:{path}"
    assert path.is_socket()
    assert reaches(listener)
    listener.close()
    assert not path.exists()


@has_unix
def test_a_stale_socket_is_replaced(opened: Open, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    (listener,) = opened(f"unix:{path}")
    assert reaches(listener)


@has_unix
def test_a_living_socket_is_left_alone(opened: Open, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    (living,) = opened(f"unix:{path}")
    with pytest.raises(ConfigError, match="in use"):
        opened(f"unix:{path}")
    assert reaches(living)


@has_unix
def test_a_living_socket_whose_backlog_is_full_is_left_alone(opened: Open, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as living, socket.socket(socket.AF_UNIX) as waiting:
        living.bind(str(path))
        living.listen(0)
        waiting.connect(str(path))
        with pytest.raises(ConfigError, match="cannot listen on unix:"):
            opened(f"unix:{path}")
    assert path.is_socket()


@has_unix
@pytest.mark.parametrize("kind", ["file", "directory"])
def test_what_is_no_socket_is_left_alone(kind: str, opened: Open, tmp_path: Path) -> None:
    path = tmp_path / "precious"
    if kind == "file":
        path.write_text("data")
    else:
        path.mkdir()
    with pytest.raises(ConfigError, match="not a socket"):
        opened(f"unix:{path}")
    assert path.exists()


@has_unix
def test_a_path_that_another_server_has_taken_over_is_left_to_it(opened: Open, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    (first,) = opened(f"unix:{path}")
    path.unlink()
    (second,) = opened(f"unix:{path}")
    first.close()
    assert reaches(second)


@has_unix
def test_a_path_is_removed_once(opened: Open, tmp_path: Path) -> None:
    path, kept = tmp_path / "socket", tmp_path / "kept"
    (listener,) = opened(f"unix:{path}")
    os.link(path, kept)
    listener.close()
    kept.rename(path)  # a later socket may get the same inode
    listener.close()
    assert path.exists()


@has_unix
def test_a_path_that_somebody_has_removed_is_no_error(opened: Open, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    (listener,) = opened(f"unix:{path}")
    path.unlink()
    listener.close()
    assert not path.exists()


# Inherited.


def test_an_inherited_socket_is_taken(opened: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as inherited:
        (listener,) = opened(f"fd:{inherited.fileno()}")
        assert listener.sock.getsockname() == inherited.getsockname()
        assert listener.sock.fileno() != inherited.fileno()
        assert reaches(listener)


@has_unix
def test_the_path_of_an_inherited_socket_is_not_ours_to_remove(opened: Open, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as inherited:
        inherited.bind(str(path))
        inherited.listen()
        (listener,) = opened(f"fd:{inherited.fileno()}")
        listener.close()
        assert path.is_socket()


def test_a_socket_that_does_not_listen_is_refused(opened: Open) -> None:
    with socket.socket() as sock, pytest.raises(ConfigError, match="not a listening stream socket"):
        opened(f"fd:{sock.fileno()}")


def test_a_descriptor_that_is_no_socket_is_refused_and_not_kept(opened: Open, tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        with pytest.raises(ConfigError, match=f"cannot listen on fd:{file.fileno()}: "):
            opened(f"fd:{file.fileno()}")
        lowest = os.dup(file.fileno())
        os.close(lowest)
        with pytest.raises(ConfigError):
            opened(f"fd:{file.fileno()}")
        again = os.dup(file.fileno())
        os.close(again)
    assert again == lowest


# Pause and resume.


class Doorkeeper:
    """Counts the accepted connections."""

    def __init__(self) -> None:
        self.came = asyncio.Event()
        self.count = 0

    async def __call__(self, reader: Reader, writer: asyncio.StreamWriter) -> None:
        self.count += 1
        self.came.set()
        writer.close()


@asynccontextmanager
async def doorkeeper(listener: Listener) -> AsyncIterator[Doorkeeper]:
    """Connect clients that are to be counted."""
    door = Doorkeeper()
    await let_in(listener, door)
    try:
        yield door
    finally:
        listener.close()
        await turns()


async def let_in(listener: Listener, door: Doorkeeper) -> None:
    await listener.resume(door, listener.pause, at_once=16, read_buffer_bytes=1024)


async def turns() -> None:
    """Run more turns of the loop than accepting takes."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_who_comes_during_a_pause_is_let_in_after_it(opened: Open) -> None:
    (listener,) = opened("127.0.0.1:0")
    async with doorkeeper(listener) as door:
        listener.pause()
        with socket.create_connection(listener.sock.getsockname()):
            await turns()
            assert door.count == 0
            await let_in(listener, door)
            await asyncio.wait_for(door.came.wait(), PATIENCE)


async def test_who_was_accepted_before_a_pause_is_let_in(opened: Open) -> None:
    (listener,) = opened("127.0.0.1:0")
    async with doorkeeper(listener) as door:
        with socket.create_connection(listener.sock.getsockname()):
            await asyncio.sleep(0)
            listener.pause()
            await turns()
            let_in_at_once = door.count
            await let_in(listener, door)
            await asyncio.wait_for(door.came.wait(), PATIENCE)
            assert let_in_at_once in (0, 1)
            assert door.count == 1


async def test_to_resume_twice_is_to_resume_once(opened: Open) -> None:
    (listener,) = opened("127.0.0.1:0")
    async with doorkeeper(listener) as door:
        await let_in(listener, door)
        listener.pause()
        listener.pause()
        with socket.create_connection(listener.sock.getsockname()):
            await turns()
            assert door.count == 0


@has_unix
async def test_a_pause_does_not_remove_the_path(opened: Open, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    (listener,) = opened(f"unix:{path}")
    async with doorkeeper(listener) as door:
        listener.pause()
        await turns()
        assert path.is_socket()
        await let_in(listener, door)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            await asyncio.wait_for(door.came.wait(), PATIENCE)


@has_unix  # there a connected client is in the backlog at once, not on its way
def test_accepting_what_waits_does_not_wait_for_more(opened: Open, tmp_path: Path) -> None:
    (listener,) = opened(f"unix:{tmp_path / 'socket'}")
    clients = [socket.socket(socket.AF_UNIX) for _ in range(3)]
    for client in clients:
        client.connect(listener.sock.getsockname())
    accepted = listener.accept_rest()
    assert len(accepted) == 3
    assert not any(sock.getblocking() for sock in accepted)
    for sock in [*clients, *accepted]:
        sock.close()


def test_nothing_waits_at_a_closed_listener(opened: Open) -> None:
    (listener,) = opened("127.0.0.1:0")
    listener.close()
    assert listener.accept_rest() == []
