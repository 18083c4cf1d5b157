"""How the cost of some work grows with its input: for the tests that hostile input is read in linear time."""

import gc
from collections.abc import Callable
from time import thread_time

LINEAR = 20.0
"""Eight times the input may cost this many times the work: 8 is linear, 64 quadratic; the rest is the machine's noise."""

_FACTOR = 8
_ATTEMPTS = 8
_ROUNDS = 3


def growth(prepare: Callable[[int], Callable[[], object]], size: int) -> float:
    """Give how many times longer the work prepared for eight times `size` takes than that prepared for `size`.

    CPU time of this thread counts, so other programs do not; the best of several rounds is compared, and a bad result is
    tried again: caches can only make it worse.
    """
    small, large = prepare(size), prepare(_FACTOR * size)
    ratio = float("inf")
    for _ in range(_ATTEMPTS):
        ratio = min(ratio, _best(large) / _best(small))
        if ratio < LINEAR:
            break
    return ratio


def _best(work: Callable[[], object]) -> float:
    times = []
    # As `timeit` does: a collection walks through all that the test run holds, whoever sets it off.
    gc.disable()
    try:
        for _ in range(_ROUNDS):
            start = thread_time()
            work()
            times.append(thread_time() - start)
    finally:
        gc.enable()
    return max(min(times), 1e-7)  # a clock that stands still must not divide by zero
