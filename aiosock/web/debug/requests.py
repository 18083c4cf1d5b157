"""Requests as records: fields, body and route without their secrets, and the command that sends them again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from aiosock.web.debug.curl import curl
from aiosock.web.debug.functions import FunctionRecord, function_record
from aiosock.web.debug.secrets import HIDDEN, is_secret, masked, masked_target
from aiosock.web.request import Request
from aiosock.web.routing.outline import Outlined

MAX_BODY: Final = 2_000
"""Bytes of the body that are shown."""

MAX_VALUE: Final = 500
"""Characters of a value."""

MAX_CHARACTERS: Final = 8_000
"""Characters of all values of a list."""

MAX_COOKIES: Final = 50
"""Cookies whose names are shown."""

Pairs = list[tuple[str, str]]

_NOT_SENT_AGAIN: Final = frozenset({"accept-encoding", "…"})
"""What would make the output of curl unreadable, and what stands for the fields that are left out."""


@dataclass(slots=True)
class RequestRecord:
    """A request as it arrived. `note` says what is to be known of the body besides the part that is shown."""

    method: str
    target: str
    line: str
    client: str
    route: str
    handler: FunctionRecord | None
    params: Pairs
    query: Pairs
    fields: Pairs
    cookies: Pairs
    curl: str
    body: str = ""
    note: str = ""
    form: Pairs = field(default_factory=list)
    middleware: list[FunctionRecord] = field(default_factory=list)


def request_record(request: Request, apps: Sequence[Outlined] = ()) -> RequestRecord:
    """Return the record of a request; `apps` are those that it has passed, the outermost first."""
    fields = _without_secrets(request.headers.items())
    body, note = _body(request)
    target = masked_target(request.target[: 2 * MAX_VALUE], request.params)
    return RequestRecord(
        method=request.method,
        target=target,
        line=f"{request.method} {target} {request.version}",
        client=f"{request.client.host}:{request.client.port}" if request.client else "",
        route=request.route,
        handler=_handler(request, apps),
        params=_without_secrets((name, str(value)) for name, value in request.params.items()),
        query=_query(request),
        fields=fields,
        cookies=[(name[:MAX_VALUE], HIDDEN) for name in islice(request.cookies, MAX_COOKIES)],
        curl=_curl(request, fields, body, note),
        body=body,
        note=note,
        form=_form(request),
        middleware=[function_record(each) for app in apps for each in app.outline().middleware],
    )


def _without_secrets(pairs: Iterable[tuple[str, object]]) -> Pairs:
    shown: Pairs = []
    left = MAX_CHARACTERS
    for name, value in pairs:
        if left <= 0:
            shown.append(("…", "and more"))
            break
        text = str(value)
        shown.append((name[:MAX_VALUE], HIDDEN if is_secret(name, text) else masked(_cut(text))))
        left -= len(name) + min(len(text), MAX_VALUE)
    return shown


def _cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"


def _query(request: Request) -> Pairs:
    try:
        return _without_secrets(request.query.items())
    except Exception:  # too many pairs
        return []


def _form(request: Request) -> Pairs:
    return _without_secrets((name, value) for name, value in request._form.items()) if request._form else []


def _handler(request: Request, apps: Sequence[Outlined]) -> FunctionRecord | None:
    for app in reversed(apps):
        for route in app.outline().table.routes:
            fits = request.method in route.methods or "*" in route.methods or request.method == "HEAD"
            if fits and request.mount + route.pattern == request.route:
                return function_record(route.handler or route.endpoint)
    return None


def _body(request: Request) -> tuple[str, str]:
    """Return the start of the body as text, as far as the program has read it, and a note."""
    content = request._content
    if content is None:
        length = request.incoming.length
        if length == 0:
            return "", ""
        announced = "of unknown length" if length is None else f"of {length:,} bytes"
        return "", f"A body {announced}, {_how_it_was_read(request)}."
    if not content:
        return "", ""
    start = content[:MAX_BODY]
    text = start.decode(errors="replace" if len(content) > MAX_BODY else "backslashreplace")
    if "\0" in text or (b"\\x" not in start and text.count("\\x") > len(text) / 20):
        return "", f"{len(content):,} bytes that are not text."
    more = len(content) - MAX_BODY
    return masked(text), f"The first {MAX_BODY:,} of {len(content):,} bytes." if more > 0 else ""


def _how_it_was_read(request: Request) -> str:
    if request._form is not None:
        return "read as a form"
    return "read piece by piece, so nothing of it is kept" if request._is_being_read else "which was not read"


def _curl(request: Request, fields: Pairs, body: str, note: str) -> str:
    """Return the command that sends the request again; the user puts in what is hidden, and a body that is not shown."""
    target = masked_target(request.with_query(request.raw_path)[: 2 * MAX_VALUE], request.params)
    sent = [(name, value) for name, value in fields if name not in _NOT_SENT_AGAIN]
    url = f"{request.scheme}://{request.host}{target}"
    command = curl(request.method, url, sent, b"" if note else body.encode())
    return f"{command} \\\n  --data-binary @body" if note else command
