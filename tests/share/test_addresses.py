"""Tests of aiosock.share.addresses that do not use the network of this machine."""

import socket
from pathlib import Path
from typing import Any

import pytest

from aiosock import Config
from aiosock.net.binding import local_url
from aiosock.share.addresses import lan_urls, local_names

OWN = {socket.AF_INET: "192.168.1.5", socket.AF_INET6: "2001:db8::5"}


class Datagram:
    """A socket on a machine with one address of each family."""

    def __init__(self, family: socket.AddressFamily, kind: int) -> None:
        self.family = family

    def __enter__(self) -> "Datagram":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def connect(self, address: tuple[str, int]) -> None:
        pass

    def getsockname(self) -> tuple[str, int]:
        return OWN[self.family], 1


class Unconnected(Datagram):
    """A socket on a machine without a network."""

    def connect(self, address: tuple[str, int]) -> None:
        raise OSError(101, "Network is unreachable")


class Impossible(Datagram):
    """A socket on a machine whose kernel does not know the family."""

    def __init__(self, family: socket.AddressFamily, kind: int) -> None:
        raise OSError(97, "Address family not supported by protocol")


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        (["http://127.0.0.1:8080"], []),
        (["http://127.9.9.9:8080", "http://[::1]:8080"], []),
        (["unix:/run/a:1", "unix:0.0.0.0:1"], []),
        (["http://0.0.0.0:8080"], ["http://192.168.1.5:8080"]),
        (["http://[::]:8080"], ["http://[2001:db8::5]:8080"]),
        (["http://0.0.0.0:1", "http://[::]:2"], ["http://192.168.1.5:1", "http://[2001:db8::5]:2"]),
        (
            ["http://10.0.0.1:1", "http://127.0.0.1:1", "http://[fd00::1]:1"],
            ["http://10.0.0.1:1", "http://[fd00::1]:1"],
        ),
    ],
)
def test_others_type_these(monkeypatch: pytest.MonkeyPatch, urls: list[str], expected: list[str]) -> None:
    monkeypatch.setattr(socket, "socket", Datagram)

    assert lan_urls(urls) == expected


@pytest.mark.parametrize("kind", [Unconnected, Impossible])
def test_without_a_network_there_are_none(monkeypatch: pytest.MonkeyPatch, kind: Any) -> None:
    monkeypatch.setattr(socket, "socket", kind)

    assert lan_urls(["http://0.0.0.0:8080", "http://[::]:8080"]) == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("http://[::]:8080", "http://[::1]:8080"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://10.0.0.0:8080", "http://10.0.0.0:8080"),
        ("http://[fd00::]:80", "http://[fd00::]:80"),
    ],
)
def test_a_browser_here_opens_these(url: str, expected: str) -> None:
    assert local_url(url) == expected


@pytest.mark.parametrize(
    ("config", "names"),
    [
        (Config(), []),
        (Config(host="localhost"), []),
        (Config(host="::1"), []),
        (Config(host="0:0::1"), ["[0:0::1]"]),
        (Config(host="127.0.0.2"), ["127.0.0.2"]),
        (Config(host="127.1"), ["127.1"]),
        (Config(host="2130706433"), ["2130706433"]),
        (Config(bind=("127.0.0.3:1", "[::1]:2", "localhost:3")), ["127.0.0.3"]),
        (Config(bind=("127.1:1", "0x7f.0.0.2:2")), ["127.1", "127.0.0.2", "0x7f.0.0.2"]),
    ],
)
def test_on_this_machine_alone_the_names_are_known(config: Config, names: list[str]) -> None:
    assert local_names(config) == ["localhost", "127.0.0.1", "[::1]", *names]


@pytest.mark.parametrize(("host", "is_local"), [("127.0.0.1", True), ("127.0.0.2", True), ("0.0.0.0", False)])
def test_an_inherited_socket_is_asked_for_its_address(host: str, is_local: bool) -> None:
    with socket.socket() as sock:
        sock.bind((host, 0))
        names = local_names(Config(bind=(f"fd:{sock.fileno()}",)))
        assert sock.fileno() >= 0  # it is still open

    assert names == (list(dict.fromkeys(["localhost", "127.0.0.1", "[::1]", host])) if is_local else [])


def test_an_inherited_unix_socket_is_not_checked(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "socket"))
        assert local_names(Config(bind=(f"fd:{sock.fileno()}",))) == []


@pytest.mark.parametrize(
    "config",
    [
        Config(host="0.0.0.0"),
        Config(host="::"),
        Config(host=""),
        Config(host="192.168.1.5"),
        Config(bind=("127.0.0.1:1", "0.0.0.0:2")),
        Config(bind=("unix:/run/app.sock",)),
        Config(bind=("127.0.0.1:1", "unix:/run/127.0.0.1:1")),
        Config(bind=("fd:987654",)),
        Config(bind=("fd:nonsense",)),
        Config(bind=("fd:99999999999999999999",)),
        Config(host="x" * 300),
    ],
)
def test_where_others_may_reach_it_they_are_not(config: Config) -> None:
    assert local_names(config) == []


@pytest.mark.parametrize(
    ("resolved", "names"),
    [("127.0.1.1", ["localhost", "127.0.0.1", "[::1]", "127.0.1.1", "mine"]), ("192.168.1.5", [])],
)
def test_a_name_is_resolved(monkeypatch: pytest.MonkeyPatch, resolved: str, names: list[str]) -> None:
    place = (socket.AF_INET, socket.SOCK_STREAM, 6, "", (resolved, 0))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [place])

    assert local_names(Config(host="mine")) == names


def test_a_name_that_cannot_be_resolved_is_left_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    assert local_names(Config(host="name.example")) == []
