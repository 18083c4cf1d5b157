"""Snapshot: what the page shows, as one record of plain values. It is made only while somebody looks."""

import asyncio
import time
from collections.abc import Collection, Iterable
from itertools import islice
from math import inf
from typing import Any, Final

from aiosock.inspector.flights import Flight, Flights, oldest, under_way
from aiosock.inspector.routes import Routes
from aiosock.inspector.short_head import ShortHead
from aiosock.inspector.standing import Place, Standing, is_user_code, place, shown, standing
from aiosock.inspector.tasks import Group
from aiosock.net.protocol import ConnectionState, ServedConnection
from aiosock.net.watchdog import Blocker
from aiosock.web.exchange import Address
from aiosock.web.request import Request

MOST_CONNECTIONS: Final = 200
"""The connections that are shown, those with a request under way first. The others are counted."""

MOST_IN_FLIGHT: Final = 200
"""The requests under way that are shown, the oldest ones."""

TARGET_CHARACTERS: Final = 512
"""What is shown of a target."""


def connections(served: Collection[ServedConnection], now: float, own: Collection[asyncio.Task[Any]]) -> dict[str, Any]:
    """Return the open connections; `own` are the tasks of those that show the page."""
    busy = [each for each in served if each.idle_since is None]
    idle = (each for each in served if each.idle_since is not None)
    chosen = [*busy[:MOST_CONNECTIONS], *islice(idle, max(0, MOST_CONNECTIONS - len(busy)))]
    return {
        "count": len(served),
        "idle": len(served) - len(busy),
        "shown": [_connection(each.state(), now, own) for each in chosen],
    }


def _connection(state: ConnectionState, now: float, own: Collection[asyncio.Task[Any]]) -> dict[str, Any]:
    return {
        "peer": _address(state.client),
        "protocol": state.protocol,
        "doing": state.doing,
        "waits_for": state.waits_for,
        "left": max(0.0, state.deadline - now) if state.deadline < inf else None,
        "requests": state.requests,
        "received": state.received,
        "sent": state.sent,
        "own": state.task in own,
    }


def _address(client: Address | None) -> str:
    if client is None:
        return "UNIX socket"
    return f"[{client.host}]:{client.port}" if ":" in client.host else f"{client.host}:{client.port}"


def in_flight(flights: Flights, served: Collection[ServedConnection]) -> dict[str, Any]:
    """Return the requests under way, the oldest first."""
    now, found = flights.clock(), under_way(served)
    shown = [
        _under_way(flights.flight(each.record), each.request, standing(each.task), now)
        for each in oldest(found, MOST_IN_FLIGHT)
        if each.request is not None
    ]
    return {"count": len(found), "shown": shown}


def _under_way(flight: Flight, request: Request, stands: Standing, now: float) -> dict[str, Any]:
    return {
        "number": flight.number,
        "method": request.method,
        "target": request.target[:TARGET_CHARACTERS],
        "route": request.route,
        "client": _address(request.client),
        "age": now - flight.record.began,
        "place": _place(stands.place),
        "inner": [_place(each) for each in stands.inner],
    }


def _place(found: Place | None) -> dict[str, Any] | None:
    return None if found is None else found._asdict()


def brief(flight: Flight, offset: float) -> dict[str, Any]:
    """Return what the list of the last requests shows of one; `offset` leads from the time of its clock to that of the epoch."""
    record, head = flight.record, flight.record.head
    return {
        "number": flight.number,
        "method": head.method if head is not None else "",
        "target": head.target[:TARGET_CHARACTERS] if head is not None else "",
        "version": head.version if head is not None else "",
        "route": record.route,
        "client": record.client,
        "status": record.status,
        "ending": flight.ending,
        "why": flight.why,
        "seconds": record.head_seconds + record.seconds,
        "stages": flight.stages,
        "received": record.received,
        "sent": record.sent,
        "ended_at": record.began + record.seconds + offset,
    }


def why_not_replayed(flight: Flight) -> str:
    """Return why a request cannot be sent again, "" if it can."""
    if flight.head is None or isinstance(flight.head, ShortHead):
        return "Its head is not kept: it was too long, or no valid one."
    if flight.head.method == "CONNECT" or flight.head.field("upgrade"):
        return "It left HTTP."
    has_body = flight.head.field("content-length", "0") != "0" or flight.head.field("transfer-encoding") != ""
    if has_body and flight.record.body is None:
        return "Its body is not kept: it was too long, or was not read to its end."
    return ""


def routes(counted: Routes) -> list[dict[str, Any]]:
    """Return the figures of each route, the one with the most requests first."""
    found = sorted(counted.figures.items(), key=lambda item: -item[1].count)
    return [
        {
            "method": method,
            "route": route,
            "count": round(figures.count),
            "failed": round(figures.failed),
            "p50": figures.percentile(0.5),
            "p90": figures.percentile(0.9),
            "p99": figures.percentile(0.99),
            "longest": figures.percentile(1.0),
        }
        for (method, route), figures in found
    ]


def tasks(groups: Iterable[Group]) -> list[dict[str, Any]]:
    """Return the tasks by the line that made them."""
    return [
        {
            "made": _place(group.made),
            "coroutine": group.coroutine,
            "tasks": group.tasks,
            "stand": [_place(each) for each in group.stand],
        }
        for group in groups
    ]


def blockers(found: Iterable[Blocker]) -> list[dict[str, Any]]:
    """Return what blocked the loop, the longest first, each with its line of user code and its whole stack."""
    offset = time.time() - time.monotonic()
    return [
        {"at": each.at + offset, "seconds": each.seconds, "place": _place(_culprit(each)), "stack": _stack(each)}
        for each in sorted(found, key=lambda each: -each.seconds)
    ]


def _culprit(blocker: Blocker) -> Place | None:
    frames = [frame for frame in blocker.stack if is_user_code(frame.filename)] or list(blocker.stack)
    return place(frames[-1].filename, frames[-1].lineno or 0, frames[-1].name) if frames else None


def _stack(blocker: Blocker) -> str:
    return "\n".join(f"{shown(each.filename)}:{each.lineno} in {each.name}\n    {each.line}" for each in blocker.stack)
