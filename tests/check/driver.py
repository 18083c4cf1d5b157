"""Sends a case through the real connection code in memory, whole or in pieces, and returns the outcome.

As a program (`python -O -m tests.check.driver`) it sends every case whole, alone and with a request behind it,
and prints each case whose outcome differs from the table.
"""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from aiosock.check import CASES, Case, judge
from aiosock.check.answers import Outcome, read_answers
from aiosock.check.case import FOLLOWING, Following
from aiosock.check.verdict import follows, status_of
from aiosock.errors import Disconnected
from aiosock.testing import Client, Peer
from aiosock.web.handler import Handler
from tests.check.app import app

SHORT_BYTES: Final = 400
"""In the default run, a case up to this length is split at every point."""

AT_ONCE: Final = 32
"""The number of connections that run at the same time, each with another split point."""


class Seen(NamedTuple):
    """The parts of a verdict."""

    statuses: tuple[int, ...]
    closed: bool


async def send(client: Client, case: Case, pieces: Sequence[bytes], *, behind: bytes = b"") -> Outcome:
    """Send a case in pieces, each after the server has taken the one before; `behind` comes with the last piece."""
    peer = await client.connect()
    await _drip(peer, client, pieces, b"" if case.then else behind)
    prompted = False
    if case.then:
        await client.settle()
        prompted = bool(peer.received)
        await _drip(peer, client, [case.then], behind)
    if case.ends:
        peer.end()
    await client.settle()
    outcome = read_answers(peer.received, case.methods, ended=peer.is_closed)
    outcome.prompted = prompted
    if not case.ends:
        peer.end()
    await peer.done()
    return outcome


async def _drip(peer: Peer, client: Client, pieces: Sequence[bytes], behind: bytes) -> None:
    *first, last = pieces
    try:
        for piece in first:
            peer.send(piece)
            await asyncio.sleep(0)  # the reader wakes its task...
            await asyncio.sleep(0)  # ...which looks at the piece
        peer.send(last + behind)
    except Disconnected:
        return  # refused before it was complete


async def send_whole(client: Client, case: Case) -> Outcome:
    """Send a case with nothing behind it."""
    return await send(client, case, [case.data])


async def send_bytes(client: Client, case: Case) -> Outcome:
    """Send a case one byte at a time."""
    return await send(client, case, [case.data[at : at + 1] for at in range(len(case.data))] or [b""])


async def send_followed(client: Client, case: Case) -> Outcome:
    """Send a case with a valid request behind it, in one piece."""
    return await send(client, case, [case.data], behind=b"" if case.ends else FOLLOWING)


async def send_split(client: Client, case: Case, at: int) -> Outcome:
    """Send a case with a valid request behind it, in two pieces, split within the case or just behind it."""
    return await send(client, case, [case.data[:at], case.data[at:]], behind=b"" if case.ends else FOLLOWING)


def split_points(case: Case, *, every: bool = False) -> Iterator[int]:
    """Return the split points: all of them, but only some in the middle of a long case, unless `every` is true."""
    size = len(case.data)
    for at in range(1, size + 1):
        if every or size <= SHORT_BYTES or at <= 64 or at > size - 64 or at % 97 == 0:
            yield at


def _batches(points: Iterator[int]) -> Iterator[list[int]]:
    """Yield the points in groups: a turn of the event loop costs most, and connections can share one."""
    while batch := list(islice(points, AT_ONCE)):
        yield batch


def seen(outcome: Outcome) -> Seen:
    """Return the parts of an outcome that must be the same however a case is sent."""
    return Seen(tuple(answer.status for answer in outcome.answers), outcome.ended)


def complaints(case: Case, outcome: Outcome, *, followed: bool) -> list[str]:
    """Return a message if the outcome of our own server is wrong; `followed`: a request was sent behind the case."""
    wrong = []
    if status_of(case, outcome) != case.ours:
        wrong.append(f"expected {case.ours}")
    if outcome.fault:
        wrong.append(outcome.fault)
    if followed:
        failure = judge(case, outcome).failure
        wrong += [f"{failure.level.name}: expected {failure.expected}"] if failure else []
    elif follows(case, outcome):
        wrong.append("expected no further answer")
    elif outcome.ended and any(demand.following is Following.ANSWERED for demand in case.demands):
        wrong.append("expected the connection to persist")
    elif not outcome.ended and any(demand.closes for demand in case.demands):
        wrong.append("expected a close")
    return [f"{case.category}: {case.name}: {reason}; got {seen(outcome)}" for reason in wrong]


async def whole_complaints(handler: Handler, cases: Sequence[Case]) -> list[str]:
    """Send cases whole, alone and with a request behind; return those whose outcome differs from the table."""
    wrong: list[str] = []
    async with Client(handler) as client:
        for case in cases:
            wrong += complaints(case, await send_whole(client, case), followed=False)
            wrong += complaints(case, await send_followed(client, case), followed=True)
    return wrong


async def dripped_complaints(handler: Handler, cases: Sequence[Case]) -> list[str]:
    """Send cases byte by byte; return those whose outcome differs from that of the whole case."""
    wrong: list[str] = []
    async with Client(handler) as client:
        for case in cases:
            whole, dripped = seen(await send_whole(client, case)), seen(await send_bytes(client, case))
            if dripped != whole:
                wrong.append(f"{case.category}: {case.name}: {dripped} byte by byte, {whole} whole")
    return wrong


async def split_complaints(handler: Handler, cases: Sequence[Case], *, every: bool = False) -> list[str]:
    """Send cases with a request behind, once for each split point; return those that differ from the whole case."""
    wrong: list[str] = []
    async with Client(handler) as client:
        for case in cases:
            whole = seen(await send_followed(client, case))
            for points in _batches(split_points(case, every=every)):
                outcomes = await asyncio.gather(*[send_split(client, case, at) for at in points])
                wrong += [
                    f"{case.category}: {case.name}: {seen(cut)} when cut at {at}, {whole} whole"
                    for at, cut in zip(points, outcomes, strict=True)
                    if seen(cut) != whole
                ]
    return wrong


def main() -> None:
    """Send every case; exit with status 1 if an outcome is wrong."""
    wrong = asyncio.run(whole_complaints(app, CASES))
    sys.stdout.write("".join(f"{line}\n" for line in wrong) + f"{len(CASES)} cases, {len(wrong)} complaints\n")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
