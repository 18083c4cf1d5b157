"""Draw the results: one small bar chart for each workload, with aiosock in blue."""

from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.figures import middle
from benchmarks.outcome import Cell, Results
from benchmarks.report import ranking
from benchmarks.servers import SERVERS

# The palette of Okabe and Ito, for colour-blind readers.
COLOURS = {"aiosock": "#0072B2", "bound": "#E69F00", "python": "#9A9A9A", "other": "#56B4E9"}
LABELS = {"aiosock": "aiosock", "bound": "bounds", "python": "other Python servers", "other": "not Python"}
COLUMNS = 3
BY_NAME = {server.name: server for server in SERVERS}


def draw(results: Results, path: Path) -> None:
    """Write the picture as SVG, with its own background so that it can be read on any page."""
    charts = {name: cells for name, cells in results.items() if any(cell.turns for cell in cells.values())}
    if not charts:
        return
    rows = -(-len(charts) // COLUMNS)
    with matplotlib.rc_context({"svg.hashsalt": "benchmarks", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(5 * COLUMNS, 3.6 * rows + 0.6), layout="constrained", facecolor="white")
        grid = figure.subplots(rows, COLUMNS, squeeze=False)
        for axes in grid.flat[len(charts) :]:
            axes.set_visible(False)
        for axes, (name, cells) in zip(grid.flat, charts.items(), strict=False):
            draw_chart(axes, name, cells)
        handles = [matplotlib.patches.Patch(color=COLOURS[kind], label=LABELS[kind]) for kind in COLOURS]
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False)
        figure.savefig(path, format="svg", bbox_inches="tight", pad_inches=0.15, metadata={"Date": None})


def draw_chart(axes: Axes, name: str, cells: dict[str, Cell]) -> None:
    """Draw a workload: a bar for each measured server, the cheapest at the top."""
    costs = {server: middle(cells[server], "cpu_us") for server in ranking(cells)}
    found = {server: cost for server, cost in costs.items() if cost is not None}
    titles = [BY_NAME[server].title for server in found]
    bars = axes.barh(titles, list(found.values()), color=[COLOURS[BY_NAME[server].kind] for server in found])
    axes.bar_label(bars, [f"{cost:,.1f}" if cost < 1000 else f"{cost:,.0f}" for cost in found.values()], padding=3)
    axes.set_title(f"{name}: us of CPU per request", loc="left", fontweight="bold")
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_visible(False)
    for label, server in zip(axes.get_yticklabels(), found, strict=True):
        label.set_fontweight("bold" if BY_NAME[server].kind == "aiosock" else "normal")
