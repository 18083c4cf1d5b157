"""What a measurement gives: turns, or the reason why there are none."""

from dataclasses import dataclass, field


class Failure(Exception):
    """A server cannot be measured on a workload; the message says why."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One server's turn in one round."""

    cpu_us: float
    """CPU time of the server, all its processes and threads, for each request."""
    rate: float
    """Requests per second."""
    p50_ms: float | None = None
    p99_ms: float | None = None
    idle_kib: float | None = None
    """Resident memory for each idle connection."""


@dataclass(slots=True)
class Cell:
    """One server on one workload: a turn for each round, in order, unless it failed."""

    turns: list[Turn] = field(default_factory=list)
    failure: str | None = None


Results = dict[str, dict[str, Cell]]
"""Cells by workload and server."""


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds that starting takes, run by run."""

    imports: list[float]
    """`import aiosock` in a fresh interpreter, less an interpreter that imports nothing."""
    first_answers: dict[str, list[float]]
    """From the start of a process to its first answer, by server."""
