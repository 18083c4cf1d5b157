"""A client that sends requests over a socket, each when the one before is answered, and checks every response."""

import http.client
import socket
from typing import Final

from benchmarks.in_memory import request_bytes
from benchmarks.outcome import Failure
from benchmarks.verify import judge
from benchmarks.workloads import Answer, Workload
from benchmarks.wrk import FIRST_NUMBER

PATIENCE_SECONDS: Final = 120.0
"""Time for a response of a server under valgrind, on a machine that is busy."""


def send(workload: Workload, port: int, requests: int) -> None:
    """Send requests, on one connection unless the workload closes it after each; raise Failure if a response is wrong."""
    sock: socket.socket | None = None
    try:
        for number in range(FIRST_NUMBER, FIRST_NUMBER + requests):
            if sock is None:
                sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
            sock.sendall(request_bytes(workload, number))
            judge(workload, read_answer(sock, workload, number))
            if workload.closes:
                sock.close()
                sock = None
    except (OSError, http.client.HTTPException) as error:
        raise Failure(f"no answer: {error!r}") from None
    finally:
        if sock is not None:
            sock.close()


def read_answer(sock: socket.socket, workload: Workload, number: int) -> Answer:
    """Read one response. Nothing may follow it."""
    with http.client.HTTPResponse(sock, method=workload.method) as response:
        response.begin()
        body = response.read()
        content_type = response.getheader("content-type", "")
        return Answer(number, response.status, content_type, body, response.will_close)
