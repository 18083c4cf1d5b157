"""The work for a request, measured as calls that aiosock makes and receives, not as seconds.

The figures are the same on every machine, and within 2 % the same for Python 3.11 to 3.13. A change that makes more
work fails here. A change that makes less work fails too, until the figure below is updated, so that nobody loses the
gain unnoticed later. `python -m benchmarks.instructions` counts instructions instead, with valgrind.
"""

import asyncio
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import aiosock
from aiosock.wire.scan import compiled_scan, decline
from benchmarks.in_memory import COUNTED, by_name, serve

WARM_UP, REQUESTS = 100, 200
TOLERANCE = 0.05

CALLS = {"text": 52, "json": 54, "html": 54, "browser": 83, "api": 126, "echo": 70, "close": 125}
CALLS_WITH_C = {"text": 52, "json": 54, "html": 54, "browser": 56, "api": 111, "echo": 70, "close": 97}
"""The figures where plain heads are scanned in C."""

PACKAGE = str(Path(aiosock.__file__).parent)


def calls(workload: str) -> float:
    """Count the calls to and from the code of aiosock for a request, including resumed coroutines."""
    counted = 0

    def count(frame: FrameType, event: str, _: Any) -> None:
        nonlocal counted
        if event in ("call", "c_call") and frame.f_code.co_filename.startswith(PACKAGE):
            counted += 1

    def counted_for(requests: int) -> int:
        nonlocal counted
        counted = 0
        sys.setprofile(count)
        try:
            asyncio.run(serve(by_name(workload), requests))
        finally:
            sys.setprofile(None)
        return counted

    few = counted_for(WARM_UP)
    return (counted_for(WARM_UP + REQUESTS) - few) / REQUESTS


@pytest.mark.parametrize("workload", COUNTED)
def test_a_request_makes_as_many_calls_as_it_did(workload: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiosock.wire.scan.scan", decline)

    assert calls(workload) == pytest.approx(CALLS[workload], rel=TOLERANCE)


@pytest.mark.parametrize("workload", COUNTED)
def test_a_request_makes_fewer_calls_if_its_head_is_scanned_in_c(
    workload: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = compiled_scan()
    if scan is None:
        pytest.skip("the scan in C is not built")
    monkeypatch.setattr("aiosock.wire.scan.scan", scan)

    assert calls(workload) == pytest.approx(CALLS_WITH_C[workload], rel=TOLERANCE)
