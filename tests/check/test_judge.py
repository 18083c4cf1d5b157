"""Tests of aiosock.check: how answers are read, and how they are judged."""

import pytest

from aiosock.check import CASES, judge
from aiosock.check.answers import Outcome, read_answers
from aiosock.check.case import (
    ACCEPTED,
    CLIENT_ERRORS,
    DECISION,
    FINAL,
    NOT_SERVED,
    Case,
    Demand,
    Following,
    Level,
    Trait,
    last,
    refused,
    request,
    spelled,
    valid,
)
from aiosock.check.report import Report
from aiosock.check.verdict import Failure, describe

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BAD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
VALID = valid("a valid one", request(), "RFC 9112 section 3")
LAST = last("a last one", request(), "RFC 9112 section 9.6")
REFUSED = refused("a bad one", b"nonsense\r\n\r\n", "RFC 9112 section 2.2", Level.MUST)


def failure(case: Case, data: bytes, *, ended: bool) -> Failure | None:
    return judge(case, read_answers(data, case.methods, ended=ended)).failure


@pytest.mark.parametrize(
    ("data", "methods", "ended", "statuses"),
    [
        (OK + BAD, ["GET"], False, [200, 400]),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, ["POST"], False, [200]),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + BAD,
            ["GET"],
            False,
            [200, 400],
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + OK, ["HEAD", "GET"], False, [200, 200]),
        (b"HTTP/1.1 204 No Content\r\n\r\n" + OK, ["GET"], False, [204, 200]),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", ["GET"], True, [200]),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", ["GET"], False, []),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", ["GET"], False, []),
        (b"HTTP/1.1 200 OK\r\nContent-Le", ["GET"], False, []),
        (b"HT", ["GET"], False, []),
        (b"", ["GET"], True, []),
    ],
)
def test_answers_are_taken_out_of_what_was_received(
    data: bytes, methods: list[str], ended: bool, statuses: list[int]
) -> None:
    outcome = read_answers(data, methods, ended=ended)

    assert [answer.status for answer in outcome.answers] == statuses
    assert outcome.fault == ""


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"<h",
        b"HTTP/1.1 200 OK\r\nX[]: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no",
        b"HTTP/1.1 200",
    ],
)
def test_what_is_no_answer_is_a_fault(data: bytes) -> None:
    assert read_answers(data, ["GET"], ended=True).fault


def test_a_body_where_head_has_none_is_a_fault() -> None:
    case = valid("HEAD", request(method="HEAD"), "RFC 9110 section 9.3.2")

    assert failure(case, OK, ended=False) == Failure(
        Level.MUST,
        "RFC 9112 section 4",
        "a well-formed response to each request",
        "200, bytes that are not a response: they do not start with HTTP/., still open",
    )


@pytest.mark.parametrize(
    ("case", "data", "ended"),
    [(VALID, OK + OK, True), (VALID, OK + OK, False), (LAST, OK, True), (REFUSED, BAD, True)],
)
def test_what_is_owed_passes(case: Case, data: bytes, ended: bool) -> None:
    assert failure(case, data, ended=ended) is None


@pytest.mark.parametrize(
    ("case", "data", "ended", "level", "got"),
    [
        pytest.param(VALID, b"", False, Level.MUST, "no answer, still open", id="silence"),
        pytest.param(VALID, BAD, True, Level.MUST, "400, closed", id="a valid request refused"),
        pytest.param(VALID, OK, True, Level.SHOULD, "200, closed", id="no persistence"),
        pytest.param(
            VALID, OK + BAD, True, Level.MUST, "200 400, an answer to the next request, closed", id="its end misjudged"
        ),
        pytest.param(
            VALID,
            OK * 3,
            True,
            Level.MUST,
            "200 200 200, an answer to the next request, closed",
            id="more answers than requests",
        ),
        pytest.param(LAST, OK, False, Level.MUST, "200, still open", id="no close"),
        pytest.param(
            LAST, OK + OK, True, Level.MUST, "200 200, an answer to the next request, closed", id="close ignored"
        ),
        pytest.param(REFUSED, OK, True, Level.MUST, "200, closed", id="nonsense accepted"),
        pytest.param(REFUSED, BAD, False, Level.MUST, "400, still open", id="refused but open"),
        pytest.param(
            REFUSED,
            BAD + OK,
            True,
            Level.MUST,
            "400 200, an answer to the next request, closed",
            id="refused but went on",
        ),
        pytest.param(REFUSED, b"", True, Level.MUST, "no answer, closed", id="closed without a word"),
    ],
)
def test_what_is_owed_and_missing_fails(case: Case, data: bytes, ended: bool, level: Level, got: str) -> None:
    found = failure(case, data, ended=ended)

    assert found is not None
    assert (found.level, found.got) == (level, got)


def test_the_most_important_failure_is_told() -> None:
    strict = Demand(Level.STRICT, DECISION, frozenset({400}))
    must = Demand(Level.MUST, "RFC 9112 section 6.1", ACCEPTED | {400}, closes=True, following=Following.REFUSED)

    found = failure(Case("both", request(), (strict, must), 400), OK, ended=False)

    assert found is not None
    assert found.expected == "200" if found.level is Level.STRICT else "a close" in found.expected
    assert found.level is Level.MUST


def test_an_answer_that_comes_only_after_the_body_fails_a_client_that_waits() -> None:
    case = next(case for case in CASES if case.name == "a client that waits for 100")
    outcome = read_answers(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + OK, case.methods, ended=True)

    assert judge(case, outcome).failure is not None
    outcome.prompted = True
    assert judge(case, outcome).failure is None


def test_a_demand_can_be_that_the_answer_has_a_trait() -> None:
    trait = Trait("a field X", lambda outcome: "x" in outcome.answers[0].headers)
    case = Case("X", request(), (Demand(Level.SHOULD, "RFC 9110 section 5", trait=trait),), 200)

    found = failure(case, OK, ended=False)

    assert found is not None
    assert found.expected == "a field X"
    assert failure(case, OK.replace(b"\r\n\r\n", b"\r\nX: 1\r\n\r\n", 1), ended=False) is None


def test_a_refusal_before_the_last_request_of_a_case_fails() -> None:
    case = Case("two", request() * 2, (Demand(Level.MUST, "RFC 9112 section 9.3.2", ACCEPTED),), 200, ("GET", "GET"))

    assert failure(case, BAD + OK, ended=False) is not None
    assert failure(case, OK + OK, ended=False) is None


def test_what_is_not_http_need_not_be_answered_in_http() -> None:
    found = failure(REFUSED, b"<html>", ended=True)

    assert found is not None
    assert found.expected == "400, a close, and no answer to the next request"


def test_a_refusal_with_something_behind_it_fails() -> None:
    found = failure(REFUSED, BAD + b"<html>", ended=True)

    assert found is not None
    assert found.expected == "a well-formed response to each request"


@pytest.mark.parametrize(
    ("statuses", "text"),
    [
        ({400}, "400"),
        ({400, 501}, "400 or 501"),
        ({0, 400}, "no answer or 400"),
        (ACCEPTED, "an accepted request"),
        (ACCEPTED | {414}, "an accepted request or 414"),
        (CLIENT_ERRORS, "4xx"),
        (NOT_SERVED | {0}, "a refusal or no answer"),
        (FINAL, "an answer"),
        (
            CLIENT_ERRORS | ACCEPTED,
            "an accepted request or 400 or 408 or 411 or 413 or 414 or 417 or 421 or 426 or 431",
        ),
    ],
)
def test_statuses_are_described(statuses: set[int], text: str) -> None:
    assert describe(Demand(Level.MUST, "RFC 9110 section 15", frozenset(statuses))) == text


def test_bytes_have_names() -> None:
    assert [spelled(byte) for byte in (0x00, 0x20, 0x41, 0x80)] == ["NUL", "space", "A", "byte 0x80"]


def test_a_report_counts_by_category_and_level() -> None:
    verdicts = [judge(VALID, read_answers(OK + OK, ["GET"], ended=True)), judge(VALID, Outcome())]

    report = Report("http://localhost", verdicts)

    assert (report.failed(Level.MUST), report.failed(Level.SHOULD)) == (1, 0)
    assert report.as_text().splitlines()[-1] == (
        "MUST   : a valid one (RFC 9112 section 3): expected an accepted request; got no answer, still open"
    )
