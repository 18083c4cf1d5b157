"""Measures how the cost of some work grows with its input, to prove that hostile input is read in linear time."""

import gc
from collections.abc import Callable
from time import thread_time

LINEAR = 20.0
"""The largest accepted ratio of costs for eight times the input: 8 is linear, 64 quadratic; the rest is noise."""

_FACTOR = 8
_ATTEMPTS = 8
_ROUNDS = 3


def growth(prepare: Callable[[int], Callable[[], object]], size: int) -> float:
    """Return the ratio of two times: of the work prepared for eight times `size`, and of that prepared for `size`.

    Only the CPU time of this thread counts, so other programs do not matter. The best of several rounds is compared. A
    bad result is measured again, because caches can only make it worse.
    """
    small, large = prepare(size), prepare(_FACTOR * size)
    return lowest_ratio(large, small, LINEAR, _ATTEMPTS)


def lowest_ratio(one: Callable[[], object], other: Callable[[], object], enough: float, attempts: int) -> float:
    """Return the ratio of two CPU times, the lowest of several attempts; no further one is made below `enough`."""
    ratio = float("inf")
    for _ in range(attempts):
        ratio = min(ratio, _best(one) / _best(other))
        if ratio < enough:
            break
    return ratio


def _best(work: Callable[[], object]) -> float:
    times = []
    # `timeit` does this too. A collection walks through all objects of the test run, whichever code triggers it.
    gc.disable()
    try:
        for _ in range(_ROUNDS):
            start = thread_time()
            work()
            times.append(thread_time() - start)
    finally:
        gc.enable()
    return max(min(times), 1e-7)  # a clock with coarse steps must not cause a division by zero
