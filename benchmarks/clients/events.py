"""Read event streams and count events: `events.py PORT SUBSCRIBERS`.

It prints `ready` when every subscriber has received an event. Each line on standard input is a number of seconds. For
each it prints the events that arrived in that time, the seconds that it took, and the subscribers that are still
connected.
"""

import asyncio
import sys
import time
from typing import cast

try:
    import uvloop
except ImportError:
    new_event_loop = asyncio.new_event_loop
else:
    new_event_loop = uvloop.new_event_loop

AT_ONCE = 50
END = b"\n\n"


class Subscriber(asyncio.Protocol):
    """One stream. Events are counted by their empty line, which does not occur in a chunk header or field section."""

    events = 0
    lost = 0

    def __init__(self) -> None:
        self.first = asyncio.get_running_loop().create_future()
        self.tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        count = (self.tail + data).count(END)
        self.tail = b"\n" if data.endswith(b"\n") and not data.endswith(END) else b""
        if count:
            Subscriber.events += count
            if not self.first.done():
                self.first.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        Subscriber.lost += 1
        if not self.first.done():
            self.first.set_exception(error or EOFError("closed before an event"))


async def subscribe(port: int, turn: asyncio.Semaphore) -> None:
    async with turn:
        loop = asyncio.get_running_loop()
        _, subscriber = await loop.create_connection(Subscriber, "127.0.0.1", port)
        await subscriber.first


async def main(port: int, count: int) -> None:
    turn = asyncio.Semaphore(AT_ONCE)
    await asyncio.gather(*(subscribe(port, turn) for _ in range(count)))
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        before, began = Subscriber.events, time.perf_counter()
        await asyncio.sleep(float(line))
        print(Subscriber.events - before, time.perf_counter() - began, count - Subscriber.lost, flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), int(sys.argv[2])))
