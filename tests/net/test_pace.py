"""Tests of aiosock.net.pace: idle limit, minimum rate and grace."""

import pytest

from aiosock.net.pace import Pace


def test_a_silent_peer_has_the_idle_limit() -> None:
    assert Pace(20, 0, 5).deadline(100, 0) == 120


def test_without_waiting_the_grace_is_whole() -> None:
    pace = Pace(20, 240, 5)
    assert pace.begin(100, 0) == 105
    assert pace.begin(1000, 0) == 1005  # a slow handler between two waits costs the peer nothing


def test_waits_are_added_up_and_bytes_earn_time() -> None:
    pace = Pace(20, 100, 5)
    pace.begin(0, 0)
    pace.end(3)
    assert pace.begin(10, 0) == 12
    assert pace.deadline(10, 100) == 13
    assert pace.deadline(11, 100) == 13


def test_a_fast_peer_has_the_idle_limit_all_the_same() -> None:
    pace = Pace(20, 100, 5)
    pace.begin(0, 0)
    assert pace.deadline(0, 1_000_000) == 20


@pytest.mark.parametrize("moved", [0, 1000])
def test_a_new_start_forgets_waits_and_bytes(moved: int) -> None:
    pace = Pace(20, 100, 5)
    pace.begin(0, 0)
    pace.end(4)
    pace.restart(moved)
    assert pace.begin(10, moved) == 15
