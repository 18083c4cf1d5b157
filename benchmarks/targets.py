"""The targets for aiosock, compared with the other servers, and whether they were met."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from benchmarks.figures import middle, ratio
from benchmarks.outcome import Results, Start
from benchmarks.servers import SERVERS

TITLES = {server.name: server.title for server in SERVERS}
PYTHON_PEERS = [server.name for server in SERVERS if server.kind == "python"]


@dataclass(frozen=True, slots=True)
class Measured:
    """All results."""

    results: Results
    start: Start | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """One target. `figure` returns the value to judge, or None if it was not measured, and a remark on it."""

    sentence: str
    figure: Callable[[Measured], tuple[float | None, str]]
    bound: float
    at_most: bool = False
    unit: str = "x"

    def judge(self, measured: Measured) -> "Verdict":
        """Compare the figure with the bound."""
        value, remark = self.figure(measured)
        if value is None:
            return Verdict(self.sentence, "", "not measured")
        met = value <= self.bound if self.at_most else value >= self.bound
        return Verdict(self.sentence, f"{value:.2f} {self.unit}{remark}", "met" if met else "NOT met")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judged target, as it is printed."""

    sentence: str
    figure: str
    verdict: str


def cpu_over(workload: str, reference: str, bound: float) -> Target:
    """Return the target: at most `bound` times the CPU time of the reference for a request."""

    def figure(measured: Measured) -> tuple[float | None, str]:
        return ratio(measured.results.get(workload, {}), "cpu_us", "aiosock", reference), ""

    return Target(f"{workload}: at most {bound} x the CPU per request of {TITLES[reference]}", figure, bound, True)


def cpu_under(workload: str, peer: str, bound: float) -> Target:
    """Return the target: a peer takes at least `bound` times the CPU time of aiosock for a request."""

    def figure(measured: Measured) -> tuple[float | None, str]:
        return ratio(measured.results.get(workload, {}), "cpu_us", peer, "aiosock"), ""

    return Target(f"{workload}: at least {bound} x {TITLES[peer]}, by CPU per request", figure, bound)


def rate_over(workload: str, peer: str, bound: float) -> Target:
    """Return the target: at least `bound` times the requests per second of a peer."""

    def figure(measured: Measured) -> tuple[float | None, str]:
        return ratio(measured.results.get(workload, {}), "rate", "aiosock", peer), ""

    return Target(f"{workload}: at least {bound} x {TITLES[peer]}, in requests/s", figure, bound)


def ahead_of(workload: str, peers: list[str], whom: str) -> Target:
    """Return the target: less CPU time for a request than each of the peers; the figure is that of the closest one."""

    def figure(measured: Measured) -> tuple[float | None, str]:
        cells = measured.results.get(workload, {})
        ratios = {peer: ratio(cells, "cpu_us", peer, "aiosock") for peer in peers}
        found = {peer: value for peer, value in ratios.items() if value is not None}
        if not found:
            return None, ""
        closest = min(found, key=found.__getitem__)
        return found[closest], f" {TITLES[closest]}"

    return Target(f"{workload}: ahead of {whom}, by CPU per request", figure, 1.0)


def idle_memory(measured: Measured) -> tuple[float | None, str]:
    return middle(measured.results.get("idle", {}).get("aiosock"), "idle_kib"), ""


def import_time(measured: Measured) -> tuple[float | None, str]:
    return (median(measured.start.imports) * 1000 if measured.start else None), ""


def first_answer(measured: Measured) -> tuple[float | None, str]:
    seconds = measured.start.first_answers.get("aiosock") if measured.start else None
    return (median(seconds) * 1000 if seconds else None), ""


def logging_rate(workload: str, log: str, bound: float) -> Target:
    """Return the target: with this access log, at least `bound` times the requests per second without."""

    def figure(measured: Measured) -> tuple[float | None, str]:
        return ratio(measured.results.get(workload, {}), "rate", log, "aiosock"), ""

    return Target(f"{workload}: {TITLES[log]}, at least {bound} x the requests/s without", figure, bound)


def own_figure(measured: Measured) -> tuple[float | None, str]:
    return ratio(measured.results.get("text", {}), "cpu_us", "aiosock", "aiosock-asyncio"), ""


def tail_over(figure_name: str, load: str, bound: float) -> Target:
    """Return the target: 99 % of the requests take at most `bound` times what they take on the floor."""

    def figure(measured: Measured) -> tuple[float | None, str]:
        return ratio(measured.results.get("text", {}), figure_name, "aiosock", "floor"), ""

    return Target(f"text: at {load} load, p99 at most {bound} x that of {TITLES['floor']}", figure, bound, True)


TARGETS = (
    cpu_over("text", "limit", 1.9),
    cpu_under("text", "uvicorn", 1.9),
    cpu_under("text", "granian-rsgi", 1.05),
    cpu_under("text", "socketify", 1.0),
    tail_over("p99_ms", "full", 1.3),
    tail_over("half_p99_ms", "half", 1.3),
    logging_rate("text", "aiosock-log", 0.97),
    logging_rate("text", "aiosock-log-json", 0.95),
    cpu_under("json", "uvicorn", 2.4),
    cpu_under("json", "granian-rsgi", 1.1),
    cpu_under("json", "socketify", 1.1),
    ahead_of("html", PYTHON_PEERS, "every Python peer"),
    cpu_under("browser", "uvicorn", 2.0),
    cpu_under("browser", "granian-rsgi", 0.9),
    logging_rate("browser", "aiosock-log", 0.9),
    ahead_of("echo", PYTHON_PEERS, "every Python peer"),
    cpu_under("api", "starlette", 2.0),
    cpu_under("api", "fastapi", 5.0),
    cpu_under("multipart", "starlette", 2.0),
    rate_over("static-1k", "nginx", 0.5),
    rate_over("static-1k", "starlette", 10.0),
    rate_over("static-1k", "aiohttp", 10.0),
    rate_over("static-50k", "nginx", 0.5),
    rate_over("static-50k", "starlette", 10.0),
    rate_over("static-50k", "aiohttp", 10.0),
    rate_over("static-100m", "nginx", 0.9),
    cpu_under("close", "uvicorn", 1.2),
    Target("idle: at most 6 KiB of memory for each idle connection", idle_memory, 6.0, True, "KiB"),
    Target("start: at most 80 ms for `import aiosock`", import_time, 80.0, True, "ms"),
    Target("start: at most 350 ms from the process's start to its first answer", first_answer, 350.0, True, "ms"),
    Target("text: at least 0.7 x its own figure under plain asyncio, by CPU per request", own_figure, 0.7),
)


def judge_all(measured: Measured) -> list[Verdict]:
    """Judge every target."""
    return [target.judge(measured) for target in TARGETS]
