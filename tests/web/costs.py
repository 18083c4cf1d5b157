"""Compares the cost of hostile input with that of ordinary input of the same size."""

from collections.abc import Callable

from tests.growth import _best

_ATTEMPTS = 5


def times_as_costly(hostile: Callable[[], object], ordinary: Callable[[], object], enough: float) -> float:
    """Return the ratio of two CPU times. It is measured again while it is above `enough`: noise can only be worse."""
    ratio = float("inf")
    for _ in range(_ATTEMPTS):
        ratio = min(ratio, _best(hostile) / _best(ordinary))
        if ratio < enough:
            break
    return ratio
