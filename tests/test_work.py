"""The work for a request, measured as calls that aiosock makes and receives, not as seconds.

The figures are the same on every machine, and within 2 % the same for Python 3.11 to 3.13. A change that makes more
work fails here. A change that makes less work fails too, until the figure below is updated, so that nobody loses the
gain unnoticed later. `python -m benchmarks.instructions` counts instructions instead, with valgrind.
"""

import asyncio
from pathlib import Path

import pytest

import aiosock
from aiosock.wire.compiled import built, several
from aiosock.wire.scan import decline
from benchmarks.in_memory import COUNTED, by_name, serve
from tests.calls import counted

WARM_UP, REQUESTS = 100, 200
TOLERANCE = 0.05

CALLS = {"text": 52, "json": 54, "html": 54, "browser": 83, "api": 126, "echo": 70, "close": 125}
CALLS_WITH_C = {"text": 52, "json": 54, "html": 54, "browser": 56, "api": 111, "echo": 70, "close": 97}
"""The figures where plain heads are scanned in C."""

PACKAGE = str(Path(aiosock.__file__).parent)


def calls(workload: str) -> float:
    """Count the calls to and from the code of aiosock for a request, including resumed coroutines."""
    _, few = counted(lambda: asyncio.run(serve(by_name(workload), WARM_UP)), PACKAGE)
    _, many = counted(lambda: asyncio.run(serve(by_name(workload), WARM_UP + REQUESTS)), PACKAGE)
    return (many - few) / REQUESTS


@pytest.mark.parametrize("workload", COUNTED)
def test_a_request_makes_as_many_calls_as_it_did(workload: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiosock.wire.scan.scan", decline)
    monkeypatch.setattr("aiosock.wire.head.only_value", several)

    assert calls(workload) == pytest.approx(CALLS[workload], rel=TOLERANCE)


@pytest.mark.parametrize("workload", COUNTED)
def test_a_request_makes_fewer_calls_if_its_head_is_scanned_in_c(
    workload: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = built()
    if module is None:
        pytest.skip("the scan in C is not built")
    monkeypatch.setattr("aiosock.wire.scan.scan", module.scan)
    monkeypatch.setattr("aiosock.wire.head.only_value", module.only_value)

    assert calls(workload) == pytest.approx(CALLS_WITH_C[workload], rel=TOLERANCE)
