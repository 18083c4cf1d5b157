"""Write the results as Markdown: the targets, a table for each workload, and the facts about the machine."""

from statistics import median

from benchmarks.figures import middle, ratio, values
from benchmarks.outcome import Cell, Results, Start
from benchmarks.targets import TITLES, Measured, judge_all
from benchmarks.workloads import WORKLOADS

SENTENCES = {workload.name: workload.sentence for workload in WORKLOADS}

LATENCIES = {
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "p999_ms": "p99.9 ms",
    "half_p50_ms": "half load: p50 ms",
    "half_p99_ms": "p99 ms",
    "half_p999_ms": "p99.9 ms",
}
"""The columns of latencies, by the figure of a turn."""

INTRODUCTION = """\
# Benchmarks

The main figure is the CPU time of the server for a request: that of all its processes and threads, as the operating
system counts it. The tables have the median of the rounds, and the lowest and highest round. "x aiosock" is that time
divided by the time of aiosock in the same round, again as the median of the rounds. Lower is better in both.
"""


def document(measured: Measured, facts: dict[str, str], command: str, left_out: dict[str, str]) -> str:
    """Return the whole report."""
    parts = [INTRODUCTION, f"    {command}\n", "## Targets\n", targets_table(measured)]
    parts += ["## Overview: us of CPU for a request\n", overview(measured.results)]
    for name, cells in measured.results.items():
        parts += [f"## {name}\n", f"{SENTENCES[name]}\n", workload_table(cells)]
    if measured.start:
        parts += ["## start\n", "From the start of the process to its first answer.\n", start_table(measured.start)]
    if left_out:
        parts += ["## Left out\n", table(["server", "reason"], [[TITLES[name], why] for name, why in left_out.items()])]
    parts += ["## Machine\n", *(f"- {name}: {fact}" for name, fact in facts.items()), ""]
    return "\n".join(parts)


def targets_table(measured: Measured) -> str:
    """Return the targets with their figures and verdicts."""
    rows = [[verdict.sentence, verdict.figure, verdict.verdict] for verdict in judge_all(measured)]
    return table(["target", "figure", ""], rows)


def overview(results: Results) -> str:
    """Return the main figure of every server on every workload, with the servers in the order of their table."""
    names = [name for name in TITLES if any(name in cells for cells in results.values())]
    rows = [[TITLES[name], *(brief(middle(cells.get(name), "cpu_us")) for cells in results.values())] for name in names]
    return table(["", *results], rows)


def workload_table(cells: dict[str, Cell]) -> str:
    """Return the table of a workload, with the cheapest server first and failed servers last."""
    with_memory = any(values(cell, "idle_kib") for cell in cells.values())
    latencies = [name for name in LATENCIES if any(values(cell, name) for cell in cells.values())]
    heads = ["server", "us CPU/request", "rounds", "x aiosock", "requests/s", *map(LATENCIES.__getitem__, latencies)]
    rows = []
    for name in ranking(cells):
        cell = cells[name]
        found = values(cell, "cpu_us")
        if not found:
            rows.append([TITLES[name], "", f"failed: {cell.failure or 'it had no turn'}"])
            continue
        row = [
            TITLES[name],
            number(median(found)),
            f"{number(min(found))} - {number(max(found))}",
            number(ratio(cells, "cpu_us", name, "aiosock"), 2),
            number(middle(cell, "rate"), 1 if median(values(cell, "rate")) < 100 else 0),
            *(number(middle(cell, name), 2) for name in latencies),
        ]
        rows.append([*row, number(middle(cell, "idle_kib"))] if with_memory else row)
    return table([*heads, "KiB/idle connection"] if with_memory else heads, rows)


def ranking(cells: dict[str, Cell]) -> list[str]:
    """Return the servers of a workload, with the cheapest first and failed ones last."""
    return sorted(cells, key=lambda name: middle(cells[name], "cpu_us") or float("inf"))


def start_table(start: Start) -> str:
    """Return the table of the times to the first response, and of `import aiosock` alone."""
    answers = sorted((median(seconds), name) for name, seconds in start.first_answers.items())
    rows = [["`import aiosock`", number(median(start.imports) * 1000)]]
    return table(["server", "ms"], rows + [[TITLES[name], number(seconds * 1000)] for seconds, name in answers])


def number(value: float | None, digits: int = 1) -> str:
    """Return a number as text; an empty one if it was not measured."""
    return "" if value is None else f"{value:,.{digits}f}"


def brief(value: float | None) -> str:
    """Return a number with about three significant digits."""
    return number(value, 1 if value is not None and value < 100 else 0)


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table that is also readable as text; all columns but the first are aligned to the right."""
    rows = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [heads, *rows] if column < len(row)) for column in range(len(heads))]
    rule = [":".ljust(widths[0] + 2, "-"), *("-" * (width + 1) + ":" for width in widths[1:])]
    lines = [line(heads, widths), f"|{'|'.join(rule)}|", *(line(row, widths) for row in rows)]
    return "\n".join(lines) + "\n"


def line(cells: list[str], widths: list[int]) -> str:
    """Return one line of a table; missing cells at its end are empty."""
    padded = [*cells, *[""] * (len(widths) - len(cells))]
    first, *others = zip(padded, widths, strict=True)
    return "| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]) + " |"
