"""Send requests through a server without a socket. The work is always the same, so it can be counted instead of timed.

`python -m benchmarks.in_memory WORKLOAD COUNT` serves COUNT requests; tests/test_work.py counts the calls they make.
WORKLOAD may be `text+combined`: it then writes the access log in that format.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import closing
from typing import cast

from aiosock import Config
from aiosock.access_log import WrittenAccess
from aiosock.net.reader import Reader
from aiosock.net.server import Server
from benchmarks.programs.aiosock_app import app
from benchmarks.workloads import NUMBER, WORKLOADS, Workload
from benchmarks.wrk import FIRST_NUMBER

COUNTED = ("text", "json", "html", "browser", "api", "echo", "close")


class Feed(asyncio.Transport):
    """A client that sends the next request as soon as the last one is answered."""

    def __init__(self, protocol: asyncio.Protocol, request: Callable[[], bytes | None]) -> None:
        address = ("127.0.0.1", 50000)
        super().__init__({"peername": address, "sockname": address})
        self._protocol = protocol
        self._request = request
        self._closing = False
        protocol.connection_made(self)
        self._send_next()

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast(asyncio.Protocol, protocol)

    def _send_next(self) -> None:
        asyncio.get_running_loop().call_soon(self._send, self._request())

    def _send(self, request: bytes | None) -> None:
        if request is None:
            self._protocol.eof_received()
        else:
            self._protocol.data_received(request)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not bytes(data[:12]) == b"HTTP/1.1 200":
            raise RuntimeError(f"unexpected response: {bytes(data[:100])!r}")
        if b"\r\nConnection: close\r\n" not in data:
            self._send_next()

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        raise RuntimeError("the server aborted the connection")

    def is_closing(self) -> bool:
        return self._closing

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


async def serve(workload: Workload, requests: int, log_format: str = "") -> None:
    """Serve requests, on one connection unless the workload closes it after each; with a format, log to /dev/null."""
    config = Config(access_log=bool(log_format), log_format=log_format or "combined")
    numbers = iter(range(FIRST_NUMBER, FIRST_NUMBER + requests))

    def next_request() -> bytes | None:
        number = next(numbers, None)
        return None if number is None else request_bytes(workload, number)

    with closing(WrittenAccess(os.devnull)) as access_log:
        server = Server(app, config, access_log=access_log)
        for _ in range(requests if workload.closes else 1):
            reader = asyncio.StreamReader(config.limits.read_buffer_bytes)
            protocol = asyncio.StreamReaderProtocol(reader)
            transport = Feed(protocol, next_request)
            writer = asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())
            await server.connected(Reader(reader, writer), writer)


def request_bytes(workload: Workload, number: int) -> bytes:
    """Return a request of a workload, with its number filled in."""
    fields = {"Host": "localhost", **workload.headers}
    if workload.body:
        fields["Content-Length"] = str(len(workload.body))
    lines = [f"{workload.method} {workload.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).replace(NUMBER, str(number)).encode() + workload.body


def by_name(name: str) -> Workload:
    return next(workload for workload in WORKLOADS if workload.name == name)


def main() -> None:
    name, _, log_format = sys.argv[1].partition("+")
    asyncio.run(serve(by_name(name), int(sys.argv[2]), log_format))


if __name__ == "__main__":
    main()
