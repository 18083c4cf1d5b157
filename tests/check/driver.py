"""Sends a case through the real connection code in memory, whole or in pieces, and says what came of it.

As a program (`python -O -m tests.check.driver`) it sends every case whole, alone and with a request behind it,
and prints each that did not come out as the table says.
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
"""Up to this length a case is split at every point, in the default run."""

AT_ONCE: Final = 32
"""Connections that are cut at different points at the same time."""


class Seen(NamedTuple):
    """What a verdict is made of."""

    statuses: tuple[int, ...]
    closed: bool


async def send(client: Client, case: Case, pieces: Sequence[bytes], *, behind: bytes = b"") -> Outcome:
    """Send a case in pieces, each once the server has taken in the one before; `behind` comes with the last."""
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
    """Send a case and nothing behind it."""
    return await send(client, case, [case.data])


async def send_bytes(client: Client, case: Case) -> Outcome:
    """Send a case one byte at a time."""
    return await send(client, case, [case.data[at : at + 1] for at in range(len(case.data))] or [b""])


async def send_followed(client: Client, case: Case) -> Outcome:
    """Send a case with a valid request behind it, in one piece."""
    return await send(client, case, [case.data], behind=b"" if case.ends else FOLLOWING)


async def send_split(client: Client, case: Case, at: int) -> Outcome:
    """Send a case with a valid request behind it, in two pieces, cut within or just behind the case."""
    return await send(client, case, [case.data[:at], case.data[at:]], behind=b"" if case.ends else FOLLOWING)


def split_points(case: Case, *, every: bool = False) -> Iterator[int]:
    """Give where to cut: everywhere, but in the middle of long cases only now and then unless `every` says so."""
    size = len(case.data)
    for at in range(1, size + 1):
        if every or size <= SHORT_BYTES or at <= 64 or at > size - 64 or at % 97 == 0:
            yield at


def _batches(points: Iterator[int]) -> Iterator[list[int]]:
    """Give the points a few at a time: what costs most is a turn of the loop, and connections can share one."""
    while batch := list(islice(points, AT_ONCE)):
        yield batch


def seen(outcome: Outcome) -> Seen:
    """Give what must be the same however a case is sent."""
    return Seen(tuple(answer.status for answer in outcome.answers), outcome.ended)


def complaints(case: Case, outcome: Outcome, *, followed: bool) -> list[str]:
    """Say what is wrong with an outcome of our own server; `followed` is whether a request was sent behind the case."""
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
    """Send cases whole, alone and with a request behind; give what is not as the table says."""
    wrong: list[str] = []
    async with Client(handler) as client:
        for case in cases:
            wrong += complaints(case, await send_whole(client, case), followed=False)
            wrong += complaints(case, await send_followed(client, case), followed=True)
    return wrong


async def dripped_complaints(handler: Handler, cases: Sequence[Case]) -> list[str]:
    """Send cases byte by byte; give what is not as when sent whole."""
    wrong: list[str] = []
    async with Client(handler) as client:
        for case in cases:
            whole, dripped = seen(await send_whole(client, case)), seen(await send_bytes(client, case))
            if dripped != whole:
                wrong.append(f"{case.category}: {case.name}: {dripped} byte by byte, {whole} whole")
    return wrong


async def split_complaints(handler: Handler, cases: Sequence[Case], *, every: bool = False) -> list[str]:
    """Send cases with a request behind, cut at one point after the other; give what is not as when sent whole."""
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
    """Send every case; exit status 1 where something is wrong."""
    wrong = asyncio.run(whole_complaints(app, CASES))
    sys.stdout.write("".join(f"{line}\n" for line in wrong) + f"{len(CASES)} cases, {len(wrong)} complaints\n")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
