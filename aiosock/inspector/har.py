"""HAR 1.2: the last requests in the format that browsers' tools read and write (http://www.softwareishard.com/blog/har-12-spec/)."""

import time
from base64 import b64encode
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from aiosock.errors import HTTPError, reason_phrase
from aiosock.inspector.flights import Flight
from aiosock.inspector.secret import shown
from aiosock.inspector.short_head import ShortHead
from aiosock.version import __version__
from aiosock.wire.cookies import parse_cookies
from aiosock.wire.message import RequestHead
from aiosock.wire.target import parse_query

Pairs = Sequence[tuple[str, str]]


def har(flights: Iterable[Flight], now: float, *, secrets: bool = False) -> dict[str, Any]:
    """Return the requests that have ended and were valid, the oldest first. Secrets are hidden unless `secrets`.

    `now` is the present time of the clock of their records.
    """
    offset = time.time() - now
    entries = [_entry(each, each.head, offset, secrets=secrets) for each in flights if each.head is not None]
    return {"log": {"version": "1.2", "creator": {"name": "aiosock", "version": __version__}, "entries": entries}}


def _entry(flight: Flight, head: RequestHead | ShortHead, offset: float, *, secrets: bool) -> dict[str, Any]:
    stages = flight.stages
    # The stages of HAR: sent is all that the client sends, and `wait` is our handler.
    timings = {
        "send": _milliseconds(stages["head"] + stages["wait"]),
        "wait": _milliseconds(stages["handler"]),
        "receive": _milliseconds(stages["write"]),
    }
    began = flight.record.began + offset - stages["head"]
    return {
        "startedDateTime": datetime.fromtimestamp(began, UTC).isoformat(timespec="milliseconds"),
        "time": sum(timings.values()),
        "request": _request(flight, head, secrets=secrets),
        "response": _response(flight, secrets=secrets),
        "cache": {},
        "timings": timings,
        "comment": flight.why,
    }


def _request(flight: Flight, head: RequestHead | ShortHead, *, secrets: bool) -> dict[str, Any]:
    pairs = () if isinstance(head, ShortHead) else head.headers().pairs()
    content = flight.record.body
    cookies = parse_cookies("; ".join(value for name, value in pairs if name == "cookie")) if secrets else {}
    query: list[tuple[str, str]] = []
    with suppress(HTTPError):  # too many pairs
        query = parse_query(head.target.partition("?")[2])
    request = {
        "method": head.method,
        "url": url_of(head),
        "httpVersion": head.version,
        "cookies": [{"name": name, "value": value} for name, value in cookies.items()],
        "headers": _fields(pairs, secrets=secrets),
        "queryString": [{"name": name, "value": value} for name, value in query],
        "headersSize": -1 if isinstance(head, ShortHead) else head.size,
        "bodySize": flight.record.received,
    }
    if content:
        request["postData"] = _post_data(content, head.field("content-type"))
    return request


def _post_data(content: bytes, media_type: str) -> dict[str, Any]:
    try:
        return {"mimeType": media_type, "params": [], "text": content.decode()}
    except UnicodeDecodeError:
        text = b64encode(content).decode()
        return {"mimeType": media_type, "params": [], "text": text, "comment": "the text is in base64"}


def _response(flight: Flight, *, secrets: bool) -> dict[str, Any]:
    fields = dict(flight.record.fields)
    return {
        "status": flight.record.status,
        "statusText": reason_phrase(flight.record.status),
        "httpVersion": flight.record.head.version if flight.record.head is not None else "HTTP/1.1",
        "cookies": [],
        "headers": _fields(flight.record.fields, secrets=secrets),
        "content": {"size": flight.record.sent, "mimeType": fields.get("content-type", "")},
        "redirectURL": fields.get("location", ""),
        "headersSize": -1,
        "bodySize": -1,
        "comment": "its size is that of head and body together; the body is not kept",
    }


def _fields(pairs: Pairs, *, secrets: bool) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in shown(pairs, secrets=secrets)]


def url_of(head: RequestHead | ShortHead) -> str:
    """Return the URL of a request. The client has chosen its host."""
    if head.target[:1] != "/":
        return head.target if "://" in head.target else f"http://{_host(head)}/"
    return f"http://{_host(head)}{head.target}"


def _host(head: RequestHead | ShortHead) -> str:
    host = None if isinstance(head, ShortHead) else head.host
    return host or "localhost"


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
