"""Check the response of each server to each workload before it is measured, with Python's own client."""

import http.client
import json

from benchmarks.content import EVENT
from benchmarks.outcome import Failure
from benchmarks.workloads import NUMBER, Answer, Workload
from benchmarks.wrk import FIRST_NUMBER

ANSWER_SECONDS = 20.0


def verify(workload: Workload, port: int) -> None:
    """Send two requests, on one connection unless the server closes it; raise Failure if a response is wrong."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        answers = [ask(connection, workload, FIRST_NUMBER + turn) for turn in range(2)]
    except (OSError, http.client.HTTPException) as error:
        raise Failure(f"no answer: {error!r}") from None
    finally:
        connection.close()
    for answer in answers:
        judge(workload, answer)
    if workload.changes and answers[0].body == answers[1].body:
        raise Failure("two answers are the same")


def ask(connection: http.client.HTTPConnection, workload: Workload, number: int) -> Answer:
    """Send one request and read the response, or the first events of a stream."""
    headers = {name: value.replace(NUMBER, str(number)) for name, value in workload.headers.items()}
    target = workload.path.replace(NUMBER, str(number))
    connection.request(workload.method, target, workload.body or None, headers)
    response = connection.getresponse()
    closes = response.will_close
    if workload.kind == "events":
        body = response.read(2 * len(EVENT.encode()))
        connection.close()
    else:
        body = response.read()
    return Answer(number, response.status, response.getheader("content-type", ""), body, closes)


def judge(workload: Workload, answer: Answer) -> None:
    """Raise Failure if a response is not the one that the workload expects."""
    if answer.status != 200:
        raise Failure(f"status {answer.status}: {answer.body[:80]!r}")
    if answer.closes != workload.closes:
        raise Failure("closes the connection" if answer.closes else "keeps the connection open")
    try:
        right = workload.check(answer)
    except (ValueError, KeyError, TypeError, json.JSONDecodeError):
        right = False
    if not right:
        raise Failure(f"a wrong answer, {answer.content_type}, {len(answer.body)} bytes: {answer.body[:80]!r}")
