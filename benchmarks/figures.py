"""Medians, and ratios that are computed round by round, so that a slow phase of the machine cancels out."""

from statistics import median

from benchmarks.outcome import Cell


def values(cell: Cell | None, figure: str) -> list[float]:
    """Return a figure of every turn, in order; an empty list if the cell failed or has no such figure."""
    if cell is None or cell.failure is not None:
        return []
    found = [getattr(turn, figure) for turn in cell.turns]
    return [value for value in found if value is not None]


def middle(cell: Cell | None, figure: str) -> float | None:
    """Return the median of a figure over the rounds."""
    found = values(cell, figure)
    return median(found) if found else None


def ratio(cells: dict[str, Cell], figure: str, server: str, reference: str) -> float | None:
    """Return the median, over the rounds, of the ratio of one server's figure to another's."""
    pairs = list(zip(values(cells.get(server), figure), values(cells.get(reference), figure), strict=False))
    return median(a / b for a, b in pairs) if pairs else None
