"""The results of a measurement: turns, or the reason why there are none."""

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
    p999_ms: float | None = None
    """Latencies that half, 99 % and 99.9 % of the requests do not exceed."""
    half_p50_ms: float | None = None
    half_p99_ms: float | None = None
    half_p999_ms: float | None = None
    """The same when the server has half as many requests as it could answer."""
    idle_kib: float | None = None
    """Resident memory for each idle connection, in KiB."""


@dataclass(slots=True)
class Cell:
    """The results of one server on one workload: a turn for each round, in order, unless it failed."""

    turns: list[Turn] = field(default_factory=list)
    failure: str | None = None


Results = dict[str, dict[str, Cell]]
"""Cells by workload and server."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start times in seconds, run by run."""

    imports: list[float]
    """Time of an interpreter that runs `import aiosock`, minus that of one that imports nothing."""
    first_answers: dict[str, list[float]]
    """Time from the start of a process to its first response, by server."""
