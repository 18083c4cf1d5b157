"""Tests of the computations in the benchmarks; none of them needs wrk, another server or the `bench` extra."""

import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.content import page, page_template, receipt, record
from benchmarks.estimate import estimate_seconds
from benchmarks.figures import middle, ratio
from benchmarks.install import distribution, requirements
from benchmarks.outcome import Cell, Failure, Start, Turn
from benchmarks.process import Running, end
from benchmarks.report import document, overview, table, workload_table
from benchmarks.rounds import Plan
from benchmarks.servers import SERVERS
from benchmarks.targets import TARGETS, Measured, Verdict, judge_all
from benchmarks.verify import judge
from benchmarks.workloads import NUMBER, ORDER, WORKLOADS, Answer
from benchmarks.wrk import Load, constant, differing, parse, quoted

BY_NAME = {workload.name: workload for workload in WORKLOADS}
BODY = Path("request.body")


def summary(requests: int = 30_000, status: int = 0) -> str:
    errors = f'{{"connect": 0, "read": 0, "write": 0, "timeout": 0, "status": {status}}}'
    numbers = f'"requests": {requests}, "microseconds": 3000000, "bytes": {requests * 90}, "p50": 1500, "p99": 4000, "p999": 9000'
    return f'Running 3s test @ http://127.0.0.1:1/\n  1 threads\n\n{{{numbers}, "errors": {errors}}}\n'


def cell(*costs: float, rate: float = 1000) -> Cell:
    return Cell([Turn(cost, rate) for cost in costs])


def verdicts(measured: Measured) -> dict[str, Verdict]:
    return {verdict.sentence: verdict for verdict in judge_all(measured)}


# The load


def test_the_summary_of_wrk_is_read() -> None:
    assert parse(summary()) == Load(30_000, 3.0, 2_700_000, 1.5, 4.0, 9.0)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (summary(status=7), "7 status errors beside 30000 answers"),
        (summary(requests=0), "nothing was answered"),
        ("unable to connect", "wrk gave no summary"),
    ],
)
def test_a_run_with_errors_is_no_measurement(output: str, reason: str) -> None:
    with pytest.raises(Failure, match=reason):
        parse(output)


def test_a_request_that_differs_has_its_number_wherever_the_workload_says() -> None:
    script = differing(BY_NAME["browser"], BODY)
    assert script.count(" .. n .. ") == 4
    assert r"HTTP/1.1\r\nHost: localhost\r\n" in script
    assert NUMBER not in script


def test_a_script_names_a_body_where_there_is_one() -> None:
    assert "wrk.body" not in constant(BY_NAME["text"], BODY)
    assert "wrk.body" in constant(BY_NAME["echo"], BODY)


def test_a_lua_string_is_quoted() -> None:
    assert quoted('a"\\\r\n') == r'"a\"\\\r\n"'


# The check of the answers

RIGHT = [
    ("text", "text/plain; charset=utf-8", b"Hello, world!"),
    ("json", "application/json", record(7)),
    ("html", "text/html", page(7).encode()),
    ("api", "application/json", receipt(7, 7, True, ORDER)),
    ("multipart", "application/json", {"title": "Notes", "bytes": 262144}),
    ("echo", "application/octet-stream", BY_NAME["echo"].body),
    ("static-1k", "text/css", bytes(range(256)) * 4),
]


def answer(kind: str, content: Any) -> Answer:
    return Answer(7, 200, kind, content if isinstance(content, bytes) else json.dumps(content).encode(), False)


@pytest.mark.parametrize(("name", "kind", "content"), RIGHT)
def test_the_right_answer_is_accepted(name: str, kind: str, content: Any) -> None:
    judge(BY_NAME[name], answer(kind, content))


@pytest.mark.parametrize(("name", "kind", "content"), RIGHT)
def test_another_body_or_status_is_refused_and_so_is_a_close(name: str, kind: str, content: Any) -> None:
    right = answer(kind, content)
    wrong = (replace(right, body=right.body[:-2]), replace(right, body=b""), replace(right, status=404))
    for changed in (*wrong, replace(right, closes=True)):
        with pytest.raises(Failure):
            judge(BY_NAME[name], changed)


def test_a_connection_for_each_request_must_close() -> None:
    with pytest.raises(Failure, match="keeps the connection open"):
        judge(BY_NAME["close"], answer("text/plain", b"Hello, world!"))


def test_the_page_is_ten_kibibytes_and_has_its_number() -> None:
    assert 10_000 < len(page_template()) <= 10 * 1024
    assert "visitor 12<" in page(12)


# Figures


def test_a_ratio_is_computed_round_by_round() -> None:
    # The machine was slow in the second round, for both servers. The ratio of the medians would be 4.
    cells = {"a": cell(20, 400, 80), "b": cell(10, 200, 20)}
    assert ratio(cells, "cpu_us", "a", "b") == 2
    assert middle(cells["a"], "cpu_us") == 80


def test_a_cell_that_failed_has_no_figures() -> None:
    failed = Cell([Turn(10, 1)], "it went away")
    assert middle(failed, "cpu_us") is None
    assert middle(None, "cpu_us") is None
    assert ratio({"a": failed, "b": cell(1)}, "cpu_us", "a", "b") is None


# Targets


def test_a_target_is_met_at_its_bound_and_not_beyond_it() -> None:
    sentence = "text: at most 1.9 x the CPU per request of the limit"
    for cost, verdict in ((19.0, "met"), (19.1, "NOT met")):
        found = verdicts(Measured({"text": {"aiosock": cell(cost), "limit": cell(10)}}))
        assert found[sentence].verdict == verdict
    assert found[sentence].figure == "1.91 x"


def test_requests_per_second_count_the_other_way_round() -> None:
    cells = {"aiosock": cell(1, rate=11_000), "aiohttp": cell(1, rate=1000)}
    found = verdicts(Measured({"static-1k": cells}))
    assert found["static-1k: at least 10.0 x aiohttp, in requests/s"].verdict == "met"


def test_the_tail_is_compared_with_that_of_the_floor() -> None:
    cells = {"aiosock": Cell([Turn(1, 1, p99_ms=2.8)]), "floor": Cell([Turn(1, 1, p99_ms=2.0)])}
    found = verdicts(Measured({"text": cells}))["text: at full load, p99 at most 1.3 x that of the floor"]
    assert (found.figure, found.verdict) == ("1.40 x", "NOT met")


def test_being_ahead_is_judged_by_the_closest_peer_and_by_python_peers_only() -> None:
    cells = {"aiosock": cell(10), "sanic": cell(40), "socketify": cell(9), "node": cell(1), "floor": cell(1)}
    found = verdicts(Measured({"html": cells}))["html: ahead of every Python peer, by CPU per request"]
    assert (found.figure, found.verdict) == ("0.90 x socketify", "NOT met")


def test_times_and_memory_are_judged_in_their_units() -> None:
    idle = Cell([Turn(1, 1, idle_kib=5.5)])
    found = verdicts(Measured({"idle": {"aiosock": idle}}, Start([0.07, 0.09, 0.1], {"aiosock": [0.2]})))
    figures = {verdict.figure: verdict.verdict for verdict in found.values() if verdict.figure}
    assert figures == {"5.50 KiB": "met", "90.00 ms": "NOT met", "200.00 ms": "met"}


def test_what_was_not_measured_is_neither_met_nor_not() -> None:
    found = verdicts(Measured({}))
    assert len(found) == len(TARGETS)
    assert {verdict.verdict for verdict in found.values()} == {"not measured"}


# The report


def test_a_table_is_aligned() -> None:
    assert (
        table(["a", "long"], [["b|c", "1"], ["d"]])
        == "| a    | long |\n|:-----|-----:|\n| b\\|c |    1 |\n| d    |      |\n"
    )


def test_the_overview_has_every_server_that_was_measured() -> None:
    results = {"text": {"limit": cell(7.25), "aiosock": cell(10, 20)}, "echo": {"aiosock": cell(1234)}}
    lines = [[part.strip() for part in line.split("|")[1:-1]] for line in overview(results).splitlines()]
    assert lines[0] == ["", "text", "echo"]
    assert lines[2:] == [["aiosock", "15.0", "1,234"], ["the limit", "7.2", ""]]


def test_the_cheapest_server_comes_first_and_a_failed_one_last_with_its_reason() -> None:
    cells = {"nginx": Cell(failure="it went away"), "aiosock": cell(20, 30), "limit": cell(10, 10)}
    lines = workload_table(cells).splitlines()[2:]
    assert [line.split("|")[1].strip() for line in lines] == ["the limit", "aiosock", "nginx"]
    assert "failed: it went away" in lines[2]
    assert "20.0 - 30.0" in lines[1]


def test_the_report_has_every_part() -> None:
    measured = Measured({"text": {"aiosock": cell(10)}}, Start([0.05], {"aiosock": [0.2]}))
    text = document(measured, {"CPU": "a fast one"}, "python -m benchmarks", {"nginx": "not installed: nginx"})
    for part in ("    python -m benchmarks\n", "## Targets", "## text", "## start", "## Left out", "a fast one"):
        assert part in text


# Tables and processes


def test_servers_offer_workloads_that_exist_and_need_packages_of_the_extra() -> None:
    known = requirements()
    for server in SERVERS:
        assert set(server.offers) <= set(BY_NAME)
        assert set(server.packages) <= set(known)


def test_a_requirement_begins_with_its_name() -> None:
    assert distribution("python-multipart>=0.0.20; sys_platform != 'win32'") == "python-multipart"
    assert distribution("aiosock[uvloop]") == "aiosock"


def test_a_longer_plan_is_estimated_to_take_longer() -> None:
    short, long = (estimate_seconds(list(BY_NAME), SERVERS, Plan(rounds, 3, 64)) for rounds in (1, 5))
    assert 0 < short < long


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_the_time_of_children_counts_and_a_paused_server_is_ended_with_them() -> None:
    spend = "import time\nwhile time.process_time() < 0.2: pass"  # /proc counts in ticks and rounds down
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-SIc', {spend!r}]); input()"
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([sys.executable, "-SIc", script], stdin=subprocess.PIPE, start_new_session=True)
        server = Running(process, 0, log)
        try:
            while server.cpu_seconds() < 0.1:
                assert process.poll() is None
            server.pause()
            assert server.resident_bytes() > 0
        finally:
            end(process)
            assert process.stdin
            process.stdin.close()
    assert process.returncode is not None
