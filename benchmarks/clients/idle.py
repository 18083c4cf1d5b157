"""Open connections, send one request on each, and hold them until standard input ends: `idle.py PORT CONNECTIONS`.

It prints `ready` when all requests are answered, and at the end the number of connections that are still open.
"""

import asyncio
import sys

from benchmarks.content import TEXT

AT_ONCE = 50
"""Connections to open at the same time."""

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def ask(port: int, turn: asyncio.Semaphore) -> Connection:
    async with turn:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(TEXT.encode())
        return reader, writer


async def main(port: int, count: int) -> None:
    turn = asyncio.Semaphore(AT_ONCE)
    connections = await asyncio.gather(*(ask(port, turn) for _ in range(count)))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(sum(not reader.at_eof() for reader, _ in connections), flush=True)
    for _, writer in connections:
        writer.transport.abort()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
