"""The workloads: the requests, and checks that each response is right and not an error page or a shortcut."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.content import EVENT, MARK, STATIC_FILES, TEXT, page_template, receipt, record

NUMBER = "{n}"
"""The mark in a path or a header for a number that differs in every request."""

IDLE_CONNECTIONS = 1000
SUBSCRIBERS = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """A response for the check; `number` is the number in its request."""

    number: int
    status: int
    content_type: str
    body: bytes
    closes: bool


Check = Callable[[Answer], bool]
"""A function that returns whether a response with status 200 is the expected one."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One load. `kind` is the client that makes it: see turns.py."""

    name: str
    sentence: str
    check: Check
    kind: Literal["wrk", "idle", "events"] = "wrk"
    method: str = "GET"
    path: str = "/"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    connections: int | None = None
    """The number of connections, if that of the command line would be too high."""
    answer_bytes: int = 0
    """If set, responses are counted by bytes, because too few of them are complete when a turn ends."""
    tail: bool = False
    """Whether latencies are measured at half load, too."""
    changes: bool = False
    """Whether two responses must differ, so that a server cannot send a prepared one."""

    @property
    def closes(self) -> bool:
        """Whether every request has its own connection."""
        return self.headers.get("Connection") == "close"

    @property
    def differs(self) -> bool:
        """Whether every request is different."""
        return NUMBER in self.path or any(NUMBER in value for value in self.headers.values())


def is_text(answer: Answer) -> bool:
    return answer.body == TEXT.encode() and answer.content_type.startswith("text/plain")


def is_record(answer: Answer) -> bool:
    content = json.loads(answer.body)
    return "json" in answer.content_type and content == record(content["id"])


def is_page(answer: Answer) -> bool:
    start, end = page_template().split(MARK)
    body = answer.body.decode()
    visitor = body.removeprefix(start).removesuffix(end)
    return answer.content_type.startswith("text/html") and body == f"{start}{int(visitor)}{end}"


def is_receipt(answer: Answer) -> bool:
    content: object = json.loads(answer.body)
    return content == receipt(answer.number, answer.number, True, ORDER)


def is_echo(answer: Answer) -> bool:
    return answer.body == ECHOED


def is_upload(answer: Answer) -> bool:
    content: object = json.loads(answer.body)
    return content == {"title": "Notes", "bytes": FILE_BYTES}


def is_file(size: int) -> Check:
    def check(answer: Answer) -> bool:
        return answer.body == bytes(range(256)) * (size // 256)

    return check


def is_event_stream(answer: Answer) -> bool:
    return answer.content_type.startswith("text/event-stream") and answer.body == EVENT.encode() * 2


BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.7,de;q=0.3",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": f"http://localhost/articles/{NUMBER}?from=search",
    "Connection": "keep-alive",
    "Cookie": f"session=7f3a9c{NUMBER}e15b; theme=dark; _ga=GA1.1.{NUMBER}.1700000000",
    "Upgrade-Insecure-Requests": "1",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
}
"""Together with Host, the 12 fields that a browser sends when a link is clicked."""

ORDER = {
    "items": [
        {"sku": "A-100", "quantity": 2, "price": 1250},
        {"sku": "B-205", "quantity": 1, "price": 399},
        {"sku": "C-318", "quantity": 12, "price": 75},
    ],
    "note": "Leave it with the neighbours.",
}

ECHOED = bytes(range(256)) * 40

FILE_BYTES = 256 * 1024
BOUNDARY = "----form-boundary-7MA4YWxkTrZu0gW"
FORM = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="title"\r\n\r\nNotes\r\n'
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="notes.txt"\r\n'
    "Content-Type: text/plain\r\n\r\n"
    f"{'All work and no play makes Jack.' * (FILE_BYTES // 32)}\r\n--{BOUNDARY}--\r\n"
).encode()

JSON_BODY = {"Content-Type": "application/json"}

WORKLOADS = (
    Workload("text", "13 bytes of text.", is_text, tail=True),
    Workload("json", "A small object with a changing field, as JSON.", is_record, path="/json", changes=True),
    Workload("html", "10 KiB of HTML with a changing field.", is_page, path="/page", changes=True),
    Workload(
        "browser",
        "13 bytes of text for a browser's 12 headers; cookie, referer and query differ in every request.",
        is_text,
        path=f"/?q=engines&page={NUMBER}",
        headers=BROWSER,
    ),
    Workload(
        "api",
        "An API call: 2 typed path parameters, a query, JSON in and out.",
        is_receipt,
        method="POST",
        path=f"/users/{NUMBER}/orders/{NUMBER}?dry=true",
        headers=JSON_BODY,
        body=json.dumps(ORDER).encode(),
    ),
    Workload(
        "echo",
        "A body of 10 KiB comes back.",
        is_echo,
        method="POST",
        path="/echo",
        headers={"Content-Type": "application/octet-stream"},
        body=ECHOED,
    ),
    Workload(
        "multipart",
        "A form with a field and a file of 256 KiB.",
        is_upload,
        method="POST",
        path="/upload",
        headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
        body=FORM,
    ),
    Workload("close", "13 bytes of text, each over a connection of its own.", is_text, headers={"Connection": "close"}),
    Workload("static-1k", "A file of 1 KiB.", is_file(1024), path="/static/1k.css"),
    Workload("static-50k", "A file of 50 KiB.", is_file(50 * 1024), path="/static/50k.js"),
    Workload(
        "static-100m",
        "A file of 100 MiB, over 8 connections; requests are counted by bytes.",
        is_file(STATIC_FILES["100m.bin"]),
        path="/static/100m.bin",
        connections=8,
        answer_bytes=STATIC_FILES["100m.bin"],
    ),
    Workload(
        "idle",
        f"13 bytes of text while {IDLE_CONNECTIONS:,} more connections are idle after one request each.",
        is_text,
        kind="idle",
    ),
    Workload(
        "events",
        f"An event of {len(EVENT)} bytes every 50 ms to each of {SUBSCRIBERS:,} subscribers; "
        "a request is a delivered event.",
        is_event_stream,
        kind="events",
        path="/events",
    ),
)
