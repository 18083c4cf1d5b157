"""Send one case over one real socket and read the responses. Every wait has a time limit."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aiosock.check.answers import Outcome, read_answers
from aiosock.check.case import FOLLOWING, Case

READ_SIZE: Final = 64 * 1024

MAX_BYTES: Final = 8 * 1024 * 1024
"""Most bytes that are read of the responses to one case: a server may send without end."""

GRACE_SECONDS: Final = 0.1
"""Time to wait for one more response, or for the end, after all expected responses have come."""


async def reach(host: str, port: int, patience: float) -> None:
    """Open a connection and close it. Raises OSError, or its subclass TimeoutError, if the server cannot be reached."""
    async with asyncio.timeout(patience):
        _, writer = await asyncio.open_connection(host, port)
    writer.transport.abort()


async def converse(host: str, port: int, case: Case, patience: float) -> Outcome:
    """Send a case to a server and return what came back. The server has `patience` seconds after each time we send.

    Raises OSError, or its subclass TimeoutError, if the server cannot be reached.
    """
    async with asyncio.timeout(patience):
        reader, writer = await asyncio.open_connection(host, port)
    try:
        return await _Talk(case, reader, writer, patience).run()
    finally:
        writer.transport.abort()


class _Talk:
    """The sending and receiving of one case."""

    def __init__(self, case: Case, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: float) -> None:
        self._case = case
        self._reader = reader
        self._writer = writer
        self._patience = patience
        self._received = b""
        self._outcome = Outcome()

    async def run(self) -> Outcome:
        case = self._case
        if case.then:
            self._send(case.data)
            await self._receive_until(lambda outcome: bool(outcome.interim or outcome.answers))
        prompted = bool(self._received)
        following = b"" if case.ends else FOLLOWING
        self._send((case.then or case.data) + following, ends=case.ends)
        await self._receive_until(self._is_all)
        if not self._outcome.ended and self._is_all(self._outcome):
            self._patience = min(self._patience, GRACE_SECONDS)
            await self._receive_until(lambda outcome: False)
        self._outcome.prompted = prompted
        return self._outcome

    def _is_all(self, outcome: Outcome) -> bool:
        return not self._case.ends and len(outcome.answers) > len(self._case.methods)

    def _send(self, data: bytes, *, ends: bool = False) -> None:
        # The server may have reset the connection already; uvloop raises RuntimeError for that.
        with suppress(OSError, RuntimeError):
            self._writer.write(data)
            if ends:
                self._writer.write_eof()

    async def _receive_until(self, is_enough: Callable[[Outcome], bool]) -> None:
        """Read until the outcome is enough, the connection has ended, or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                while not (self._outcome.ended or is_enough(self._outcome)) and len(self._received) < MAX_BYTES:
                    self._take(await self._read())

    async def _read(self) -> bytes:
        """Return the next bytes, or b"" at the end. A reset counts as an end."""
        try:
            return await self._reader.read(READ_SIZE)
        except ConnectionError:
            return b""

    def _take(self, data: bytes) -> None:
        self._received += data
        self._outcome = read_answers(self._received, self._case.methods, ended=not data)
