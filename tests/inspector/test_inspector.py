"""Tests of aiosock.inspector with real sockets: in development, at an address of its own, and what it must not do."""

import asyncio
import contextlib
import json
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path
from typing import Any

import pytest

from aiosock import App, Config, ConfigError, Request, Server, run, serve
from aiosock.inspector.snapshot import MOST_CONNECTIONS, connections
from aiosock.net.protocol import ConnectionState
from aiosock.runner import inspector_of
from tests.net.helpers import Gate, hello
from tests.patience import PATIENCE

BELOW = "/_aiosock/inspector/"


def app() -> App:
    app = App()

    @app.get("/")
    async def home(request: Request) -> str:
        return "home"

    return app


async def opened(url: str, source: str = "") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if url.startswith("unix:"):
        return await asyncio.open_unix_connection(url.removeprefix("unix:"))
    host, _, port = url.removeprefix("http://").rpartition(":")
    local = (source, 0) if source else None
    return await asyncio.open_connection(host, int(port), local_addr=local)


async def ask(url: str, target: str = "/_aiosock/", *fields: str, host: str = "localhost", source: str = "") -> bytes:
    """Return the whole response to a GET."""
    reader, writer = await opened(url, source)
    with contextlib.closing(writer):
        lines = [f"GET {target} HTTP/1.1", f"Host: {host}", "Connection: close", *fields, "", ""]
        writer.write("\r\n".join(lines).encode())
        async with asyncio.timeout(PATIENCE):
            return await reader.read()


def status(response: bytes) -> int:
    return int(response[9:12])


@asynccontextmanager
async def events(url: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    reader, writer = await opened(url)

    async def told() -> AsyncIterator[dict[str, Any]]:
        while line := await reader.readline():
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))

    try:
        writer.write(f"GET {BELOW}events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        async with asyncio.timeout(PATIENCE):
            yield told()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


# Where it is.


async def test_without_being_asked_for_there_is_none() -> None:
    async with serve(app(), port=0, access_log=False) as server:
        assert status(await ask(server.urls[0])) == 404
        assert server.service.observers == []


async def test_in_development_it_is_beside_the_app() -> None:
    async with serve(app(), port=0, access_log=False, debug=True) as server:
        assert status(await ask(server.urls[0])) == 200
        assert b"home" in await ask(server.urls[0], "/")
        async with events(server.urls[0]) as told:
            event = await anext(told)
            assert [each["target"] for each in event["ended"]] == ["/"]
            assert event["urls"] == server.urls


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


async def test_it_can_have_an_address_of_its_own(free_port: int) -> None:
    async with serve(app(), port=0, access_log=False, debug=True, inspect=f"127.0.0.1:{free_port}") as server:
        own = f"http://127.0.0.1:{free_port}"
        assert status(await ask(server.urls[0])) == 404  # and only there
        assert status(await ask(own)) == 200
        assert b"Location: /_aiosock/\r\n" in await ask(own, "/")
        assert status(await ask(own, host="example.org")) == 404
        assert status(await ask(own, BELOW + "events", "Origin: https://example.org")) == 404
        await ask(server.urls[0], "/?x")
        async with events(own) as told:
            event = await anext(told)
            assert [each["target"] for each in event["ended"]] == ["/_aiosock/", "/?x"]  # the first is of the app there
            assert not any(each["own"] for each in event["connections"]["shown"])
    with pytest.raises(ConnectionRefusedError):
        await ask(own)


async def test_a_unix_socket_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "inspector.sock"
    async with serve(app(), port=0, access_log=False, inspect=f"unix:{path}"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert status(await ask(f"unix:{path}")) == 200
        assert status(await ask(f"unix:{path}", host="example.org")) == 404
    assert not path.exists()


async def test_the_unix_socket_of_the_app_may_be_that_of_a_proxy(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    async with serve(app(), bind=(f"unix:{path}",), access_log=False, debug=True):
        assert status(await ask(f"unix:{path}")) == 404


@pytest.mark.parametrize("address", ["0.0.0.0:9000", "example.org:80", "9000"])
async def test_an_address_that_others_can_reach_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match=r"^cannot inspect at"):
        async with serve(app(), port=0, inspect=address):
            pass


async def test_an_address_in_use_is_refused_and_the_app_is_not_served() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        taken = f"127.0.0.1:{sock.getsockname()[1]}"
        with pytest.raises(ConfigError, match=r"^cannot listen on .*in use"):
            async with serve(app(), port=0, access_log=False, inspect=taken):
                pass


# Who may look.


def another_address() -> str:
    """Return an address of this machine that is not a loopback one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no other address")
        address: str = sock.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("this machine has no other address")
    return address


async def test_a_client_with_another_address_cannot_look() -> None:
    address = another_address()
    async with serve(app(), host="0.0.0.0", port=0, access_log=False, debug=True) as server:
        port = server.urls[0].rpartition(":")[2]
        url = f"http://{address}:{port}"
        for host in ("localhost", "127.0.0.1", f"127.0.0.1:{port}"):
            assert status(await ask(url, host=host)) == 404
            assert status(await ask(url, BELOW + "requests.har", host=host)) == 404
        assert status(await ask(f"http://127.0.0.1:{port}", source="127.0.0.1")) == 200


# The end.


@pytest.mark.parametrize("has_own_address", [False, True])
async def test_its_stream_ends_at_once_when_the_server_stops(has_own_address: bool, free_port: int) -> None:
    gate = Gate()
    options = {"inspect": f"127.0.0.1:{free_port}"} if has_own_address else {"debug": True}
    config = Config(port=0, access_log=False, **options)
    inspector = inspector_of(config)
    server = Server(inspector.around(gate), config, observers=inspector.observers)
    await server.start()
    async with inspector.watching(server):
        url = f"http://127.0.0.1:{free_port}" if has_own_address else server.urls[0]
        request = asyncio.create_task(ask(server.urls[0], "/slow"))
        await gate.entered.wait()
        async with events(url) as told:
            await anext(told)
            if not has_own_address:
                server.service.shutdown.set()
                assert [event async for event in told] == []
    if has_own_address:  # leaving the block has ended it, while the request goes on
        assert server.connections == 1
    gate.open.set()
    await server.drain()
    assert status(await request) == 200


# Attacks.


class Many:
    """A connection of very many, which counts how often it is asked."""

    under_way = ()
    asked = 0

    def __init__(self, number: int) -> None:
        self.idle_since = None if number % 100 == 0 else 1.0

    def state(self) -> ConnectionState:
        Many.asked += 1
        return ConnectionState(None, "HTTP/1.1", "idle", "", inf, 0, None, 0)


def test_of_ten_thousand_connections_a_few_are_asked() -> None:
    served: Any = [Many(number) for number in range(10_000)]
    found = connections(served, 0.0, ())
    assert (found["count"], found["idle"], len(found["shown"])) == (10_000, 9_900, MOST_CONNECTIONS)
    assert Many.asked == MOST_CONNECTIONS


async def test_the_observers_of_the_program_are_told_as_well() -> None:
    told = []

    class Mine:
        def began(self, record: object) -> None: ...

        def finished(self, record: object) -> None:
            told.append(record)

    async with serve(hello, port=0, access_log=False, debug=True, observers=[Mine()]) as server:
        await ask(server.urls[0], "/x")
    assert len(told) == 1


def test_an_address_that_others_can_reach_ends_the_program_with_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(hello, port=0, inspect="0.0.0.0:9000")
    assert ended.value.code == 2
    expected = "aiosock: error: cannot inspect at '0.0.0.0:9000': not a loopback address such as 127.0.0.1:9000, nor unix:PATH\n"
    assert capsys.readouterr().err == expected
