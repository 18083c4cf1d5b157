"""Compares the cost of hostile input with that of ordinary input of the same size."""

from collections.abc import Callable

from tests.growth import lowest_ratio

_ATTEMPTS = 5


def times_as_costly(hostile: Callable[[], object], ordinary: Callable[[], object], enough: float) -> float:
    """Return the ratio of two CPU times. It is measured again while it is above `enough`: noise can only be worse."""
    return lowest_ratio(hostile, ordinary, enough, _ATTEMPTS)
